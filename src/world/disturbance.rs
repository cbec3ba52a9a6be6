//! What nature does to a cluster, and how it is mended.

use crate::base::Span;
use crate::world::ids::{AppId, MasterId, NodeId, PodId, PoolId, ZoneId};

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

/// Something that keeps groups from launching machines for a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trouble {
    /// The account may run no machine more.
    Quota,
    /// A zone has no machine to give to anybody.
    Zone(ZoneId),
    /// What this group launches comes to nothing.
    Group(Option<PoolId>),
}

/// What a machine's image or start-up script lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flaw {
    /// It does not boot.
    NeverBoots,
    /// Its kubelet runs, and the API refuses it: a wrong bootstrap token, CA or endpoint.
    NeverRegisters,
    /// Its node registers and stays NotReady: no container network.
    NeverReady,
}

/// Whose containers do not live long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doomed {
    /// Those of all pods of an app.
    App(AppId),
    /// That of one pod.
    Pod(PodId),
}

/// How the registry of images answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registry {
    /// Each pull fails.
    Down,
    /// A pull takes so many times as long; 1 for one that is well.
    Slower(u32),
}

/// Something that happens to the cluster from outside any plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
    /// Every machine of a failure domain loses power.
    ZoneOff(ZoneId),
    /// The machines of a failure domain that are without power boot.
    ZoneOn(ZoneId),
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
    /// The data of all etcd members is gone.
    LoseEtcd,
    /// etcd is put back to its newest snapshot; without one, nothing happens.
    RestoreEtcd,
    /// Tools that validate the cluster find nothing wrong with it, or see it as it is again.
    Flatter {
        /// Whether they are deceived.
        false_health: bool,
    },
    /// The kubelet's process restarts; containers run on.
    RestartKubelet(NodeId),
    /// kube-proxy's process restarts; kernel rules stay.
    RestartProxy(NodeId),
    /// A pod's container dies.
    CrashPod(PodId),
    /// Somebody deletes a pod.
    DeletePod(PodId),
    /// Each write to the disk of a master's etcd member takes at least so long; zero mends it.
    SlowDisk {
        /// Which master.
        master: MasterId,
        /// How long.
        fsync: Span,
    },
    /// etcd has reached its quota of space (the alarm NOSPACE), or the alarm is disarmed.
    EtcdFull {
        /// Whether it is full.
        full: bool,
    },
    /// A master's etcd member and the others do not reach each other, or do again; all else of the machine is reached.
    EtcdPeers {
        /// Which master.
        master: MasterId,
        /// Whether they do.
        linked: bool,
    },
    /// The links of all machines of a failure domain go down, or come back.
    ZoneLinked {
        /// Which.
        zone: ZoneId,
        /// Whether they are up.
        linked: bool,
    },
    /// A master's etcd member and the leader do not reach each other, while both reach the others.
    CutFromLeader(MasterId),
    /// All paths of a master's member that were cut so are whole again.
    MendPaths(MasterId),
    /// The data of a master's etcd member are corrupt, which it finds when it starts next, or are brought back.
    CorruptMember {
        /// Which master.
        master: MasterId,
        /// Whether they are.
        corrupt: bool,
    },
    /// The API's load balancer acts so much later than usual on what it finds or is told; zero mends it.
    BalancerLags(Span),
    /// The cloud's detaching of a machine's volumes hangs, or no longer.
    VolumesHang {
        /// Which machine.
        node: NodeId,
        /// Whether it does.
        hang: bool,
    },
    /// The clock of a master's machine runs at this pace, in percent of time; 100 mends it.
    ClockPace {
        /// Which master.
        master: MasterId,
        /// The pace.
        pace: u32,
    },
    /// Processes of an app that start meanwhile do not listen, or begin to.
    Deaf {
        /// Whose.
        app: AppId,
        /// Whether they do not.
        is: bool,
    },
    /// Cluster DNS answers nobody, or all again.
    Dns {
        /// Whether it answers.
        answers: bool,
    },
    /// A write waits so long at a master's API server before that takes it up; zero for one that is not overloaded.
    Overload {
        /// Which master.
        master: MasterId,
        /// How long.
        wait: Span,
    },
    /// The checks that the API's load balancer makes of a master's server fail and pass in turn.
    BalancerFlaps {
        /// Which master.
        master: MasterId,
        /// For how long they fail, and for how long they pass; `None` mends it.
        turns: Option<(Span, Span)>,
    },
    /// Containers end by themselves for a time.
    ContainersEnd {
        /// Whose.
        whom: Doomed,
        /// So long after their start.
        after: Span,
        /// Whether those that run now end now; otherwise only what starts meanwhile does.
        at_once: bool,
    },
    /// Containers that start from now on live.
    ContainersLive(Doomed),
    /// The registry of images answers so from now on.
    RegistryIs(Registry),
    /// A pod's sandbox process dies; its container runs on.
    CrashSandbox(PodId),
    /// The tool that runs the plan dies.
    StopPlan,
    /// It is started again.
    StartPlan,
    /// Something keeps groups from launching machines.
    CloudTrouble(Trouble),
    /// It is over.
    CloudMends(Trouble),
    /// What a group launches has a flaw, or no longer.
    FlawedImage {
        /// Which group; `None` for the masters.
        pool: Option<PoolId>,
        /// What it lacks.
        flaw: Flaw,
        /// Whether it does.
        is: bool,
    },
    /// A machine's boot hangs: the one under way, or its next.
    HangBoot(NodeId),
    /// It is powered off and on.
    MendBoot(NodeId),
    /// A kubelet's process ends, and each start of it fails.
    FailKubelet(NodeId),
    /// It starts again.
    MendKubelet(NodeId),
    /// A machine's link goes down and comes back, again and again.
    Flap {
        /// Which.
        node: NodeId,
        /// How long it is down.
        down: Span,
        /// How long it is up between.
        up: Span,
    },
    /// The link stays.
    MendFlap(NodeId),
    /// A machine is short of processor and disk: its kubelet and runtime take so many times as long, its pods twice as
    /// long for a request. A factor of 1 mends it.
    SlowNode {
        /// Which.
        node: NodeId,
        /// How many times as long.
        factor: u32,
    },
}
