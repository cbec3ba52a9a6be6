//! What nature does to a cluster, and how it is mended.

use crate::base::Span;
use crate::world::ids::{MasterId, NodeId, PodId};
use crate::world::store::Component;

/// A signal to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: it may take leave.
    Term,
    /// SIGKILL: it is gone at once; its sockets close.
    Kill,
}

/// A process of a master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MasterProcess {
    /// The etcd member.
    Etcd,
    /// The API server.
    ApiServer,
    /// Controller manager or scheduler.
    Elected(Component),
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
    /// Nothing can reach the API servers for a while, nor they each other's clients (their etcd included or not).
    CutApi {
        /// Whether the servers lose etcd (true) or the clients lose the servers (false).
        from_etcd: bool,
        /// For how long.
        lasting: Span,
    },
    /// The API comes back after `CutApi`.
    MendApi,
    /// The kubelet's process restarts; containers run on.
    RestartKubelet(NodeId),
    /// kube-proxy's process restarts; kernel rules stay.
    RestartProxy(NodeId),
    /// A pod's container dies.
    CrashPod(PodId),
}
