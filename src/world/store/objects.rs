//! The API objects that matter to an upgrade, reduced to the fields that somebody acts on.

use crate::base::{Span, Time, Version};
use crate::world::ids::{AppId, MasterId, NodeId, PodId, SetId, ZoneId};

/// `status.phase` of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Accepted, not yet running.
    Pending,
    /// Bound, containers created.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly, or evicted by its node.
    Failed,
}

/// A Pod object, as [`Pods`](super::Pods) hand it out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PodObject {
    /// Its app.
    pub app: AppId,
    /// Its ReplicaSet, or its template's ControllerRevision.
    pub set: SetId,
    /// How many pods its app had created before it.
    pub ordinal: u32,
    /// `spec.nodeName`.
    pub node: Option<NodeId>,
    /// `status.phase`.
    pub phase: Phase,
    /// The Ready condition.
    pub ready: bool,
    /// When it became what `ready` says.
    pub ready_since: Time,
    /// When it was created.
    pub created: Time,
    /// When its deletion was asked for; the kubelet stops it from then on.
    pub deleting: Option<Time>,
    /// Grace period of the deletion.
    pub grace: Span,
    /// Whether the object is gone.
    pub gone: bool,
}

impl PodObject {
    /// Exists and no deletion is asked for.
    pub fn is_live(self) -> bool {
        !self.gone && self.deleting.is_none()
    }
    /// Serves, as budgets and endpoints count: Ready and not terminating.
    pub fn is_healthy(self) -> bool {
        self.ready && self.is_live()
    }
}

/// What an EndpointSlice says of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Endpoint {
    /// Not listed, or listed as neither ready nor serving.
    #[default]
    Absent,
    /// Listed as ready.
    Ready,
    /// Listed as serving and terminating (proxies that know of it fall back to it when no ready one is left).
    Terminating,
}

/// The Ready condition of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeReady {
    /// The kubelet says it is ready.
    True,
    /// The kubelet says it is not.
    False,
    /// Nothing was heard of the kubelet for the grace period.
    Unknown,
}

/// A Node object; keyed by its machine.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeObject {
    /// Whether the object exists.
    pub exists: bool,
    /// The Ready condition.
    pub ready: NodeReady,
    /// When `ready` last changed.
    pub ready_since: Time,
    /// `spec.unschedulable`.
    pub unschedulable: bool,
    /// Taint `not-ready`/`unreachable`:NoSchedule.
    pub no_schedule: bool,
    /// Taint `not-ready`/`unreachable`:NoExecute, since when.
    pub no_execute: Option<Time>,
    /// Taint PreferNoSchedule (kops' scheduled-for-update).
    pub prefer_no_schedule: bool,
    /// Label `node.kubernetes.io/exclude-from-external-load-balancers`.
    pub excluded_from_balancers: bool,
    /// `status.nodeInfo.kubeletVersion`.
    pub version: Version,
    /// When its kubelet last registered it, as a kubelet does after each boot; stands for `status.nodeInfo.bootID`.
    pub registered: Time,
}

/// A pod whose eviction was granted and whose deletion the budget's controller has not yet seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disrupted {
    /// The pod.
    pub pod: PodId,
    /// When it was granted.
    pub at: Time,
}

/// A PodDisruptionBudget's status.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BudgetObject {
    /// `disruptionsAllowed`.
    pub allowed: u32,
    /// `currentHealthy`.
    pub healthy: u32,
    /// `desiredHealthy`.
    pub desired: u32,
    /// `expectedPods`.
    pub expected: u32,
    /// `disruptedPods`.
    pub disrupted: Vec<Disrupted>,
}

/// A PersistentVolume, its claim and its VolumeAttachment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VolumeObject {
    /// Its zone; `None` until its first pod is bound.
    pub zone: Option<ZoneId>,
    /// Where it is attached.
    pub attached: Option<NodeId>,
    /// Whether that node says that it is mounted (`status.volumesInUse`). A node that is gone says so for ever.
    pub mounted: bool,
}

/// A ReplicaSet of a Deployment; of the other kinds a ControllerRevision, whose `replicas` say nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct SetObject {
    /// Its app.
    pub app: AppId,
    /// Which template of the app, counted from 0.
    pub template: u32,
    /// `spec.replicas`.
    pub replicas: u32,
}

/// A workload: a Deployment, a StatefulSet or a DaemonSet.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentObject {
    /// `spec.replicas`.
    pub replicas: u32,
    /// The template wanted, counted from 0.
    pub template: u32,
    /// The ReplicaSets, oldest first.
    pub sets: Vec<SetId>,
    /// Condition Progressing is False: no progress for `progressDeadlineSeconds`.
    pub stalls: bool,
}

/// What selects and weighs the pods of an app's Service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteObject {
    /// The Service selects the pods of this ReplicaSet only.
    pub selected: Option<SetId>,
    /// A traffic router sends this percentage of requests to the pods of this ReplicaSet.
    pub weight: Option<(SetId, u32)>,
}

/// Which process a leader-election lease is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// kube-controller-manager.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
}

/// A leader-election lease. Renewals are not written one by one; see the lease state machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaseObject {
    /// The master whose process holds it, and that process's incarnation; `None` once released.
    pub holder: Option<(MasterId, u32)>,
}
