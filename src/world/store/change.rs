//! Writes to the API: what they ask, how they are refused.

use super::Revision;
use super::objects::{Component, Endpoint, NodeReady, Phase};
use crate::base::{Span, Version};
use crate::world::ids::{AppId, BudgetId, MasterId, NodeId, PodId, SetId, VolumeId};

/// A write to the API.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// ReplicaSet controller: one more pod.
    CreatePod {
        /// For this set.
        set: SetId,
    },
    /// StatefulSet or DaemonSet controller: the pod of this identity, or for this node.
    CreatePodAt {
        /// Of this template.
        set: SetId,
        /// Its identity's ordinal, or its node's id.
        index: u32,
    },
    /// Scheduler: deletes a pod gracefully so that another finds room.
    Preempt {
        /// The victim.
        pod: PodId,
        /// For this one.
        by: PodId,
    },
    /// Attach-detach controller: the volume is on this node.
    AttachVolume {
        /// The volume.
        volume: VolumeId,
        /// The node.
        node: NodeId,
    },
    /// Attach-detach controller: the volume is on no node.
    DetachVolume {
        /// The volume.
        volume: VolumeId,
    },
    /// Deployment controller: the condition Progressing, False with reason ProgressDeadlineExceeded or no longer.
    RolloutStalls {
        /// The app.
        app: AppId,
        /// Whether the deadline has passed.
        stalls: bool,
    },
    /// Scheduler: binds a pod to a node.
    Bind {
        /// The pod.
        pod: PodId,
        /// Where to.
        node: NodeId,
    },
    /// Kubelet, or the node lifecycle controller: a pod's phase and readiness.
    PodStatus {
        /// The pod.
        pod: PodId,
        /// Its phase.
        phase: Phase,
        /// Its Ready condition.
        ready: bool,
    },
    /// Anyone: deletes a pod gracefully. `grace` of `None` is the pod's own.
    DeletePod {
        /// The pod.
        pod: PodId,
        /// Grace period to set instead of the pod's.
        grace: Option<Span>,
    },
    /// Kubelet, or pod garbage collection: the object goes (delete with grace 0).
    RemovePod {
        /// The pod.
        pod: PodId,
    },
    /// Drain tools: the eviction subresource.
    Evict {
        /// The pod.
        pod: PodId,
        /// Grace period to set instead of the pod's.
        grace: Option<Span>,
    },
    /// Endpoint controller: what the slices of an app's Service say of these pods.
    Endpoints {
        /// The app.
        app: AppId,
        /// The pods that change.
        pods: Vec<(PodId, Endpoint)>,
    },
    /// Disruption controller: a budget's status, computed from what it knew at `known`.
    BudgetStatus {
        /// The budget.
        budget: BudgetId,
        /// `disruptionsAllowed`.
        allowed: u32,
        /// `currentHealthy`.
        healthy: u32,
        /// `desiredHealthy`.
        desired: u32,
        /// `expectedPods`.
        expected: u32,
        /// Pods that stay in `disruptedPods`.
        disrupted: Vec<super::Disrupted>,
        /// The revision of the budget that it read; another one is a conflict.
        known: Revision,
    },
    /// Deployment controller: makes the ReplicaSet of the wanted template, with no pods yet.
    CreateSet {
        /// The app.
        app: AppId,
        /// The template.
        template: u32,
    },
    /// Deployment controller: scales a ReplicaSet.
    ScaleSet {
        /// The set.
        set: SetId,
        /// `spec.replicas`.
        replicas: u32,
    },
    /// Autoscaler: `spec.replicas` of a Deployment.
    Scale {
        /// The app.
        app: AppId,
        /// `spec.replicas`.
        replicas: u32,
    },
    /// `kubectl rollout restart`: a new template.
    NewTemplate {
        /// The app.
        app: AppId,
    },
    /// Delivery controllers.
    Deliver {
        /// The app.
        app: AppId,
        /// What is asked for.
        delivery: Delivery,
    },
    /// Kubelet: creates (or takes over) its Node object.
    RegisterNode {
        /// The node.
        node: NodeId,
        /// The kubelet's version.
        version: Version,
    },
    /// Kubelet: renews its node's lease, where a webhook is asked about that; elsewhere renewals are no writes here.
    Renew {
        /// The node.
        node: NodeId,
    },
    /// Kubelet or node lifecycle controller: the Ready condition.
    NodeStatus {
        /// The node.
        node: NodeId,
        /// The condition.
        ready: NodeReady,
    },
    /// Node lifecycle controller: its taints.
    NodeTaints {
        /// The node.
        node: NodeId,
        /// NoSchedule.
        no_schedule: bool,
        /// NoExecute.
        no_execute: bool,
    },
    /// Operator: `spec.unschedulable`.
    Cordon {
        /// The node.
        node: NodeId,
        /// The value.
        unschedulable: bool,
    },
    /// Operator: the soft taint kops puts on nodes it will replace.
    PreferNoSchedule {
        /// The node.
        node: NodeId,
        /// Whether the taint is there.
        tainted: bool,
    },
    /// Operator: the label that takes a node out of external load balancers.
    ExcludeFromBalancers {
        /// The node.
        node: NodeId,
        /// Whether the label is there.
        excluded: bool,
    },
    /// Operator, cloud controller: deletes the Node object.
    DeleteNode {
        /// The node.
        node: NodeId,
    },
    /// Leader election: takes or releases a lease that was in the state `known`.
    Lease {
        /// Of which component.
        component: Component,
        /// The new holder and its incarnation; `None` releases it.
        holder: Option<(MasterId, u32)>,
        /// The revision of the lease that it read.
        known: Revision,
    },
}

/// What a delivery controller (Argo Rollouts, Flagger, a script) does to an app's ReplicaSets, Service and routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A ReplicaSet of this template beside the Deployment's own, with no pods yet.
    Create {
        /// The template.
        template: u32,
    },
    /// Scales a ReplicaSet.
    Scale {
        /// The set.
        set: SetId,
        /// `spec.replicas`.
        replicas: u32,
    },
    /// The Service's selector: the pods of this set only, or all of the app's.
    Select(Option<SetId>),
    /// A traffic router's rule: this percentage of requests goes to the set's pods, the rest to the others'.
    Weigh {
        /// The set.
        set: SetId,
        /// Percent.
        percent: u32,
    },
}

/// Why the API did not do what a request asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ApiError {
    /// The connection was refused: nothing listens there.
    Refused,
    /// The connection broke under the request; its outcome is unknown.
    Reset,
    /// No answer within the client's time-out; its outcome is unknown.
    Timeout,
    /// The server answered 500: etcd timed out, had no leader, or had no space.
    Unavailable,
    /// 429: too many requests at the server, or an eviction over budget.
    TooManyRequests,
    /// 409: the object has changed since it was read.
    Conflict,
    /// 404: no such object.
    NotFound,
    /// 500 of the eviction subresource: more than one budget selects the pod.
    SeveralBudgets,
    /// 403: too many disrupted pods unconfirmed.
    Forbidden,
    /// 500: an admission webhook that must be asked did not answer.
    Webhook,
    /// etcd has something against a change of its members.
    Members,
}

impl ApiError {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            ApiError::Refused => "connection refused",
            ApiError::Reset => "connection reset",
            ApiError::Timeout => "timed out",
            ApiError::Unavailable => "500, etcd unavailable",
            ApiError::TooManyRequests => "429, too many requests",
            ApiError::Conflict => "409, conflict",
            ApiError::NotFound => "404, not found",
            ApiError::SeveralBudgets => "500, more than one budget",
            ApiError::Forbidden => "403, forbidden",
            ApiError::Webhook => "500, failed calling webhook",
            ApiError::Members => "etcd refuses the change of its members",
        }
    }
}
