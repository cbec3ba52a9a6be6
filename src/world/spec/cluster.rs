//! Machines, control plane and their timings.

use crate::base::{Span, Version};
use crate::engine::Dist;

/// Most pods that a master's node takes: kubelet `--max-pods`.
pub const MASTER_MAX_PODS: u32 = 110;

/// The masters: each runs an etcd member, an API server, a controller manager and a scheduler.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlPlaneSpec {
    /// Version before the upgrade.
    pub from: Version,
    /// Version after the upgrade.
    pub to: Version,
    /// Versions on the way, each with its etcd; the version after is not among them.
    pub hops: Vec<(Version, Version)>,
    /// Masters, each with an etcd voter. 1 to 9.
    pub replicas: u32,
    /// Failure domains that the masters are spread over, in turn. At least 1.
    pub zones: u32,
    /// Whether the masters' machines run the apps' pods too (no NoSchedule taint).
    pub schedulable: bool,
    /// CPU that pods may request on a master, in millicores; matters when `schedulable`.
    pub cpu: u32,
    /// Memory that pods may request on a master, in MiB.
    pub memory: u32,
    /// etcd.
    pub etcd: EtcdSpec,
    /// API servers.
    pub api_server: ApiServerSpec,
    /// The load balancer that all clients but the masters' own processes go through.
    pub load_balancer: ApiBalancerSpec,
    /// Settings of the controller manager.
    pub controllers: ControllersSpec,
    /// How the masters' machines start and stop.
    pub machine: MachineSpec,
    /// How their group launches and keeps them.
    pub group: NodeGroupSpec,
}

impl ControlPlaneSpec {
    /// The etcd that comes with a master of this Kubernetes version.
    pub fn etcd_of(&self, version: Version) -> Version {
        let hop = self.hops.iter().find(|(hop, _)| *hop == version).map(|(_, etcd)| *etcd);
        hop.unwrap_or(if version == self.to { self.etcd.to } else { self.etcd.from })
    }
}

/// etcd, one member on each master.
#[derive(Clone, Debug, PartialEq)]
pub struct EtcdSpec {
    /// Version before the upgrade.
    pub from: Version,
    /// Version after the upgrade.
    pub to: Version,
    /// `--heartbeat-interval`: one tick.
    pub heartbeat: Span,
    /// `--election-timeout`; at least five heartbeats.
    pub election: Span,
    /// `--pre-vote`; by default as the version has it (off up to 3.4, on from 3.5). `None` = by version.
    pub pre_vote: Option<bool>,
    /// Time to make an entry durable.
    pub fsync: Dist,
    /// The same while a container runtime on any node is at work, where the members' disk is the runtimes' too: an
    /// fsync waits for the file system's running transaction, and so for what the runtimes write (ext4 with
    /// `data=ordered`; etcd op-guide/hardware and tuning). Each member draws on its own. `None`: disks of their own.
    pub fsync_busy: Option<Dist>,
}

/// `kube-apiserver` flags and start-up.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiServerSpec {
    /// `--shutdown-delay-duration`.
    pub shutdown_delay: Span,
    /// Process start to open listener.
    pub listen: Dist,
    /// Open listener to `/readyz` 200, with etcd at hand.
    pub ready: Dist,
    /// Longest time from SIGTERM to SIGKILL (the static pod's grace period).
    pub grace: Span,
    /// The kubelet's liveness probe (period, failures): restarts a server whose etcd is unreachable too long.
    pub liveness: bool,
}

/// What a load balancer asks a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthCheck {
    /// A TCP connection is accepted.
    Tcp,
    /// `/healthz`: also its etcd answers; green while shutting down.
    Healthz,
    /// `/readyz`: also started, and not shutting down.
    Readyz,
}

/// What happens to the connections of a target that a load balancer marks down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDown {
    /// They live on until a peer closes them.
    Keep,
    /// They are closed.
    Cut,
}

/// Which target a load balancer gives a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// Any of those in use, by a hash of the connection or by several balancers side by side.
    Random,
    /// Those in use, in turn.
    RoundRobin,
}

/// The load balancer in front of the API servers.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiBalancerSpec {
    /// Which target a new connection gets.
    pub balance: Balance,
    /// What a check asks.
    pub check: HealthCheck,
    /// Time between two checks of one target.
    pub interval: Span,
    /// A check without an answer fails after this long.
    pub timeout: Span,
    /// Failures in a row that mark a target down.
    pub unhealthy: u32,
    /// Successes in a row that mark it up.
    pub healthy: u32,
    /// How long it tries a target that refuses a new connection before the client hears of it (HAProxy: three retries a
    /// second apart); zero for balancers that pass packets.
    pub connect_retry: Span,
    /// From the mark until new connections follow it.
    pub propagation: Dist,
    /// From the wish to deregister a target until new connections avoid it.
    pub deregistration: Dist,
    /// Connections of a target marked down.
    pub on_down: OnDown,
    /// With every target down: whether new connections go to any of them (true) or are refused.
    pub fail_open: bool,
}

/// What takes the pods off a lost node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// The node lifecycle controller itself, `pod_eviction_timeout` after it last heard of the node.
    Timeout,
    /// A NoExecute taint, and the end of the pods' toleration for it.
    Taints,
}

/// `kube-controller-manager` flags. `None` = the version's default.
#[derive(Clone, Debug, PartialEq)]
pub struct ControllersSpec {
    /// `--node-monitor-grace-period`.
    pub node_monitor_grace: Option<Span>,
    /// `--node-monitor-period`.
    pub node_monitor_period: Span,
    /// `--leader-elect-lease-duration`, also of the scheduler.
    pub lease_duration: Span,
    /// `--leader-elect-renew-deadline`.
    pub renew_deadline: Span,
    /// `--leader-elect-retry-period`.
    pub retry_period: Span,
    /// Toleration that pods have for a lost node.
    pub toleration: Span,
    /// What takes pods off a lost node. `None`: as the version has it.
    pub eviction: Option<Eviction>,
    /// `--pod-eviction-timeout`, for `Eviction::Timeout`.
    pub pod_eviction_timeout: Span,
    /// Time for a new leader to fill its caches before controllers act.
    pub cache_sync: Dist,
    /// A process that exits comes back after this long; `None`: it stays down.
    pub restart: Option<Dist>,
}

/// How a machine starts and stops.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineSpec {
    /// From the request to terminate until the machine is off (its processes get SIGTERM at the start).
    pub shutdown: Dist,
    /// From the end of the old machine until its group has launched the next.
    pub launch: Dist,
    /// From launch until the kubelet runs (boot, downloads).
    pub boot: Dist,
    /// From kubelet start until the node is Ready once registered (CNI, runtime).
    pub join: Dist,
    /// Masters: from launch until the etcd volume is attached.
    pub volume_attach: Dist,
    /// Whether a machine that stops closes its sockets (true), or just falls silent.
    pub closes_sockets: bool,
}

/// A group of equal worker machines.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolSpec {
    /// Name, unique.
    pub name: String,
    /// Machines.
    pub count: u32,
    /// Failure domains they are spread over, in turn.
    pub zones: u32,
    /// CPU that pods may request, in millicores.
    pub cpu: u32,
    /// Memory that pods may request, in MiB.
    pub memory: u32,
    /// Most pods a node takes.
    pub max_pods: u32,
    /// Whether the plan upgrades it; a pool of clients is left alone.
    pub upgrade: bool,
    /// Whether apps without a pool of their own run here.
    pub runs_apps: bool,
    /// Whether its nodes belong to external load balancers' targets.
    pub in_load_balancer: bool,
    /// How its machines start and stop.
    pub machine: MachineSpec,
    /// How the group launches and keeps them.
    pub group: NodeGroupSpec,
    /// Fewest and most machines that an autoscaler may give it; `None`: none minds it.
    pub size: Option<(u32, u32)>,
}

/// What a group asks about the health of its machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthCheckKind {
    /// Nothing.
    None,
    /// Whether a machine that was launched, restarted or lost its power is up after the grace period; one that is not
    /// is terminated and replaced. Whether its kubelet runs the group does not know.
    Boot,
}

/// Whom a group terminates when it shrinks. All of them look first for the zone with most machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleIn {
    /// The oldest template, then the oldest machine.
    OldestTemplate,
    /// The oldest machine.
    Oldest,
    /// The newest machine.
    Newest,
}

/// How a group of machines launches and keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeGroupSpec {
    /// Whether a launch that finds no room in its zone goes to another.
    pub zone_fallback: bool,
    /// Machines of the group that each zone has room for; `None`: as many as are asked for.
    pub zone_capacity: Option<u32>,
    /// First and longest wait before a launch that was refused is asked for again; it doubles.
    pub retry: (Span, Span),
    /// What it asks about its machines' health.
    pub health_check: HealthCheckKind,
    /// From a launch, a restart or a loss of power until it asks.
    pub health_grace: Span,
    /// Whom it terminates when it shrinks.
    pub scale_in: ScaleIn,
}

/// Timings of networks, disks and processes that no version fixes.
#[derive(Clone, Debug, PartialEq)]
pub struct Timings {
    /// One-way delay between two hosts.
    pub network: Dist,
    /// From commit until a watcher has heard, network excluded.
    pub watch: Dist,
    /// A controller's time for one reconcile.
    pub reconcile: Dist,
    /// One scheduling cycle.
    pub scheduling: Dist,
    /// From what a kubelet hears until its pod worker acts.
    pub pod_worker: Dist,
    /// Sandbox and network set-up.
    pub sandbox: Dist,
    /// Creation and start of a container, image present.
    pub container_start: Dist,
    /// From the last container's exit until its sandbox's network is gone.
    pub sandbox_removal: Dist,
    /// From sandbox removal until the pod's resources are reclaimed.
    pub reclaim: Dist,
    /// Whether the kubelets that run at the start were started together: then the periods of their status batches and of
    /// their collections of garbage have one phase.
    pub kubelets_together: bool,
    /// One sync of kube-proxy.
    pub proxy_sync: Dist,
    /// kube-proxy's start until its first sync is done.
    pub proxy_start: Dist,
    /// A restarted kubelet's start until it runs its pod workers.
    pub kubelet_start: Dist,
    /// kube-proxy's `--iptables-min-sync-period`. `None`: as the version has it.
    pub proxy_min_sync: Option<Span>,
}
