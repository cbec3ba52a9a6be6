//! What nature does to a cluster, and how it is mended.

use crate::world::ids::{MasterId, NodeId, PodId};

/// A signal to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: it may take leave.
    Term,
    /// SIGKILL: it is gone at once; its sockets close.
    Kill,
}

/// A process of a master, in the order in which kubeadm upgrades them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MasterProcess {
    /// The etcd member.
    Etcd,
    /// The API server.
    ApiServer,
    /// The controller manager.
    ControllerManager,
    /// The scheduler.
    Scheduler,
}

impl MasterProcess {
    /// All of them, in order.
    pub const ALL: [MasterProcess; 4] =
        [MasterProcess::Etcd, MasterProcess::ApiServer, MasterProcess::ControllerManager, MasterProcess::Scheduler];

    /// The name in reports: that of its static pod.
    pub const fn name(self) -> &'static str {
        match self {
            MasterProcess::Etcd => "etcd",
            MasterProcess::ApiServer => "kube-apiserver",
            MasterProcess::ControllerManager => "kube-controller-manager",
            MasterProcess::Scheduler => "kube-scheduler",
        }
    }
}

/// Something that happens to the cluster from outside any plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// A process of a master gets a signal and stays down until `StartProcess`.
    StopProcess {
        /// Which master.
        master: MasterId,
        /// Which of its processes.
        process: MasterProcess,
        /// How.
        signal: Signal,
    },
    /// The process is started again.
    StartProcess {
        /// Which master.
        master: MasterId,
        /// Which of its processes.
        process: MasterProcess,
    },
    /// A machine loses power: everything on it falls silent, no socket closes.
    PowerOff(NodeId),
    /// A machine comes back and boots.
    PowerOn(NodeId),
    /// The machine's network link goes down; what runs on it runs on.
    CutLink(NodeId),
    /// The link comes back.
    MendLink(NodeId),
    /// The API path is cut in two for everybody.
    CutApi {
        /// Whether the servers lose etcd (true), or the clients behind the load balancer lose the servers (false).
        from_etcd: bool,
    },
    /// The path is whole again.
    MendApi {
        /// As in `CutApi`.
        from_etcd: bool,
    },
    /// The kubelet's process restarts; containers run on.
    RestartKubelet(NodeId),
    /// kube-proxy's process restarts; kernel rules stay.
    RestartProxy(NodeId),
    /// A pod's container dies.
    CrashPod(PodId),
    /// Somebody deletes a pod.
    DeletePod(PodId),
    /// A pod's sandbox process dies; its container runs on.
    CrashSandbox(PodId),
    /// The tool that runs the plan dies.
    StopPlan,
    /// It is started again.
    StartPlan,
}
