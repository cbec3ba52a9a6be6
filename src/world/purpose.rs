//! What a random draw decides. Draws are keyed by (seed, purpose, name, ordinal).

macro_rules! purposes {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// The decision that a draw is for. Numbered by place: append, never reorder.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum Purpose { $($(#[$doc])* $name),+ }

        impl Purpose {
            /// How many purposes there are.
            pub const COUNT: usize = [$(Purpose::$name),+].len();
        }
    };
}

purposes! {
    /// Phase of a periodic process at the start of a run or of its process.
    Phase,
    /// One-way delay between two hosts.
    Network,
    /// fsync of an etcd member.
    Fsync,
    /// Randomised election time-out of an etcd member.
    ElectionTimeout,
    /// Which API server the load balancer picks for a new connection.
    ServerPick,
    /// Client back-off and jitter.
    Backoff,
    /// Delay from commit until a watcher hears.
    WatchDelay,
    /// Processing time of a controller's reconcile.
    Reconcile,
    /// Poll jitter of a leader-election candidate.
    LeasePoll,
    /// Time a new leader needs to fill its caches.
    CacheSync,
    /// Start-up time of a control plane process.
    ProcessStart,
    /// Processing time of one scheduling cycle.
    SchedulingCycle,
    /// Tie among nodes of equal score.
    SchedulerTie,
    /// Time until a kubelet's worker acts on what it heard.
    PodWorker,
    /// Sandbox creation and network set-up.
    Sandbox,
    /// Image pull.
    ImagePull,
    /// Creation and start of a container.
    ContainerStart,
    /// From process start until it listens.
    AppStart,
    /// Reaction of a process to SIGTERM.
    AppExit,
    /// Removal of a sandbox.
    SandboxRemoval,
    /// Reclaiming a pod's resources before its object may go.
    Reclaim,
    /// Phase of a probe.
    ProbePhase,
    /// Duration of kube-proxy's sync.
    ProxySync,
    /// Boot of a machine.
    Boot,
    /// Shutdown of a machine.
    Shutdown,
    /// Launch of a replacement by its group.
    Launch,
    /// Re-attachment of a volume.
    VolumeAttach,
    /// From kubelet start to a registered, Ready node.
    NodeJoin,
    /// Arrivals of user requests.
    Arrivals,
    /// Which outcome requests have.
    Outcomes,
    /// Requests in flight at a cut.
    InFlight,
    /// Service time of a request.
    ServiceTime,
    /// Placement of connections.
    Connections,
    /// Load balancer in front of an app: pick, lag.
    Balancer,
    /// Initial placement of clients and pods.
    Placement,
    /// Duration of an exec hook beyond its sleep.
    PreStop,
    /// From a process's exit until its runtime reports it.
    ExitReport,
    /// What starting a request, and noting its end, takes a measuring client.
    ProbeOverhead,
    /// An operator's own choice: when somebody looks first, which machine comes next.
    Operator,
    /// From the start of an operator's command until its first request.
    CommandTime,
    /// What the metrics of a progressive delivery measure, and when its controller looks.
    Analysis,
    /// Which pod answers for an admission webhook, and how quickly.
    Webhook,
    /// Duration of an ingress controller's sync.
    RouterSync,
    /// From which node on the scheduler looks for pods to preempt.
    Preemption,
    /// When a fault that comes by a rate strikes next.
    FaultArrival,
}
