//! What an operator or a controller outside the cluster can do to it.

use crate::base::{Span, Version};
use crate::world::ids::{AppId, MasterId, NodeId, PodId};
use crate::world::store::ApiError;

/// An order of an actor. API orders travel the API path and can fail; cloud orders always arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// API: `spec.unschedulable = true`.
    Cordon(NodeId),
    /// API: `spec.unschedulable = false`.
    Uncordon(NodeId),
    /// API: the soft taint for nodes that will be replaced.
    TaintForUpdate(NodeId),
    /// API: the label that takes a node out of external load balancers.
    ExcludeFromBalancers(NodeId),
    /// API: evict a pod. `grace` of `None` is the pod's own.
    Evict {
        /// The pod.
        pod: PodId,
        /// Grace period instead of the pod's.
        grace: Option<Span>,
    },
    /// API: delete a pod, past all budgets.
    Delete {
        /// The pod.
        pod: PodId,
        /// Grace period instead of the pod's.
        grace: Option<Span>,
    },
    /// API: delete a Node object.
    DeleteNode(NodeId),
    /// API: `kubectl rollout restart`.
    RestartRollout(AppId),
    /// Cloud: take a master out of the API load balancer.
    DeregisterServer(MasterId),
    /// Cloud: take a node out of its apps' external load balancers.
    DeregisterNode(NodeId),
    /// Cloud: terminate a machine; its group launches the next at the group's current template, unless detached.
    Terminate(NodeId),
    /// Cloud: take a machine out of its group, which then launches another; the detached one serves on.
    Detach(NodeId),
    /// Cloud: the group's template from now on.
    SetTemplate {
        /// A worker group, or `None` for the masters.
        pool: Option<crate::world::ids::PoolId>,
        /// Version of machines launched from now on.
        version: Version,
    },
}

/// How an order went, told to the actor that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The order's number, as the actor counted them.
    pub order: u32,
    /// Done, or why not.
    pub result: Result<(), ApiError>,
}
