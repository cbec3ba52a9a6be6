//! What an operator or a controller outside the cluster can do to it.

use crate::base::{Span, Version};
use crate::world::disturbance::{MasterProcess, Signal};
use crate::world::ids::{AppId, MasterId, NodeId, PodId, PoolId};
use crate::world::store::{ApiError, Delivery};

/// A process of a node that can be stopped and started where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeProcess {
    /// The kubelet, and with it the container runtime: the containers' shims outlive both, and nobody but the kubelet
    /// asks the runtime for anything.
    Kubelet,
    /// kube-proxy; the kernel's rules outlive it.
    Proxy,
}

/// An order of an actor. API orders travel the API path and can fail; orders to the cloud or to a machine's own shell
/// always arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
    /// API: what a delivery controller does to an app.
    Deliver(AppId, Delivery),
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
        pool: Option<PoolId>,
        /// Version of machines launched from now on.
        version: Version,
    },
    /// Shell: a signal to a process of a master, which then stays down.
    StopMasterProcess {
        /// Which master.
        master: MasterId,
        /// Which of its processes.
        process: MasterProcess,
        /// How it is asked to go.
        signal: Signal,
    },
    /// Shell: the process is started, at the version that is installed.
    StartMasterProcess {
        /// Which master.
        master: MasterId,
        /// Which of its processes.
        process: MasterProcess,
    },
    /// Shell: a process of a node is stopped; containers run on.
    StopNodeProcess {
        /// Which node.
        node: NodeId,
        /// Which of its processes.
        process: NodeProcess,
    },
    /// Shell: the process is started, at the version that is installed.
    StartNodeProcess {
        /// Which node.
        node: NodeId,
        /// Which of its processes.
        process: NodeProcess,
    },
    /// Shell: the machine's packages are of this version from now on; what runs keeps its version until it is started
    /// anew.
    Install {
        /// Which machine.
        node: NodeId,
        /// Version of what is started from now on.
        version: Version,
    },
    /// Shell: the machine reboots; what runs on it gets SIGTERM, its disk stays.
    Reboot(NodeId),
    /// Shell: put another manifest in place of a static pod's; the kubelet stops the old pod and starts the new one.
    SwapStaticPod {
        /// Which master.
        master: MasterId,
        /// Which of its processes.
        process: MasterProcess,
        /// The manifest's version: Kubernetes' also for etcd, which comes in the version that belongs to it.
        version: Version,
    },
    /// Cloud: launch one machine more for a worker group, at its current template.
    Grow {
        /// The group.
        pool: PoolId,
        /// Its place: one that no running machine of the group has.
        slot: u32,
    },
    /// Cloud: take an order to grow back that was not carried out yet; the group is as large as before.
    Forgo {
        /// The group.
        pool: PoolId,
        /// The place that was asked for.
        slot: u32,
    },
    /// Cloud: terminate a machine; its group shrinks by one, and nothing replaces it.
    Retire(NodeId),
    /// Cloud: wipe a worker and boot it at its group's current template, under the same name.
    Reimage(NodeId),
    /// etcd: hand leadership over; without effect on a member that does not lead.
    MoveLeader {
        /// From this master's member.
        from: MasterId,
        /// To this one's; `None`: to the follower that the leader has been connected to for longest.
        to: Option<MasterId>,
    },
    /// Cloud: launch one master more at the masters' template; it joins by itself, as `kubeadm join` does it.
    GrowMasters {
        /// Its place: one that no running master has.
        slot: u32,
    },
    /// etcd: remove a master's member from the group. Answered when etcd has.
    RemoveMember(MasterId),
    /// etcd: take a snapshot, which takes the place of the one before.
    Snapshot,
    /// Shell of all masters: put etcd back to its newest snapshot. Answered when its members start.
    Restore,
    /// API: take the soft taint for nodes that will be replaced away again.
    UntaintForUpdate(NodeId),
    /// API: take the label away that takes a node out of external load balancers.
    IncludeInBalancers(NodeId),
}

/// How an order went, told to the actor that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The order's number, as the actor counted them.
    pub order: u32,
    /// Done, or why not.
    pub result: Result<(), ApiError>,
}
