//! Workloads: a Deployment, StatefulSet or DaemonSet, its pods' manners, its budget and its Service.

use crate::base::{IntOrPercent, Rate, Ratio, Span};
use crate::engine::Dist;
use crate::world::ids::{AppId, PoolId};
use crate::world::removed_apis::RemovedApi;

/// What the app's process does at SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSigterm {
    /// Exits at once; requests under way and open connections are cut.
    Exit,
    /// Stops accepting, closes idle kept-alive connections, finishes the rest (Go's `Server.Shutdown`).
    CloseIdle,
    /// Announces the close on each connection first (`Connection: close`, GOAWAY), then as `CloseIdle`.
    Drain,
    /// Goes on as before until SIGKILL (a shell as process 1).
    Ignore,
}

/// How a preStop hook waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreStopKind {
    /// `exec` of `sleep`: costs the start of a process, too.
    Exec,
    /// The kubelet's own `sleep` action (from 1.30).
    Sleep,
}

/// A probe of the kubelet. Source of the defaults: core/v1 `SetDefaults_Probe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeSpec {
    /// `initialDelaySeconds`.
    pub initial_delay: Span,
    /// `periodSeconds`; above zero.
    pub period: Span,
    /// `timeoutSeconds`.
    pub timeout: Span,
    /// `successThreshold`.
    pub successes: u32,
    /// `failureThreshold`.
    pub failures: u32,
}

/// How strictly an app's pods keep apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// As the scheduler's soft default has it.
    Default,
    /// No wish: the scheduler may stack them.
    None,
    /// All on the node that takes the first (pod affinity to itself).
    Together,
    /// `topologySpreadConstraints` over hosts, DoNotSchedule, with this `maxSkew`.
    Hosts(u32),
    /// The same over zones.
    Zones(u32),
    /// Required anti-affinity on hosts.
    OnePerHost,
}

/// `unhealthyPodEvictionPolicy` of a budget (beta-on from 1.27).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnhealthyEviction {
    /// A pod that is not Ready may go only while the budget's app is healthy enough.
    IfHealthyBudget,
    /// A pod that is not Ready may always go.
    AlwaysAllow,
}

/// What a budget demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetRule {
    /// `minAvailable`.
    MinAvailable(IntOrPercent),
    /// `maxUnavailable`.
    MaxUnavailable(IntOrPercent),
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetSpec {
    /// Name, unique.
    pub name: String,
    /// Apps whose pods it selects.
    pub apps: Vec<AppId>,
    /// What it demands.
    pub rule: BudgetRule,
    /// How it treats pods that are not Ready.
    pub unhealthy: UnhealthyEviction,
}

/// What a Service of an app is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceKind {
    /// Reached on its cluster address, through the client's node.
    ClusterIp,
    /// Reached through an external load balancer whose targets are nodes, too.
    LoadBalancer,
}

/// `externalTrafficPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExternalPolicy {
    /// Any node forwards to any endpoint.
    Cluster,
    /// A node forwards to its own endpoints only.
    Local,
}

/// The load balancer of a Service of type LoadBalancer.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceBalancerSpec {
    /// `externalTrafficPolicy`.
    pub policy: ExternalPolicy,
    /// Time between two checks of one target.
    pub interval: Span,
    /// A check without an answer fails after this long.
    pub timeout: Span,
    /// Failures in a row that mark a target down.
    pub unhealthy: u32,
    /// Successes in a row that mark it up.
    pub healthy: u32,
    /// From a mark until new connections follow it.
    pub propagation: Dist,
    /// From the service controller's call until new connections avoid the target.
    pub deregistration: Dist,
    /// From the service controller's call until a new target takes connections, checks included.
    pub registration: Dist,
    /// Whether targets are pods (true) or nodes.
    pub to_pods: bool,
}

/// Which controller runs an app's pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadKind {
    /// Any pods, as many as asked for.
    Deployment,
    /// Pods with identities, `web-0` and on: a name, and with it a volume, that no two pods have at a time.
    StatefulSet {
        /// `podManagementPolicy` Parallel; else OrderedReady.
        parallel: bool,
    },
    /// One pod on each node that it suits, cordoned or lost ones too.
    DaemonSet {
        /// Whether it tolerates every taint, so that it runs on masters and in pools of others, too.
        everywhere: bool,
    },
}

/// `strategy.type` of a Deployment, `updateStrategy.type` of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutKind {
    /// Some at a time.
    RollingUpdate,
    /// Deployments: all old ones go first.
    Recreate,
    /// StatefulSets and DaemonSets: a pod is of the new template once somebody has deleted the old one.
    OnDelete,
}

/// What a new template's pods are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewImage {
    /// As the old ones.
    Good,
    /// Their process starts and never listens.
    NeverReady,
}

/// How an app's pods are replaced by those of a new template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolloutSpec {
    /// Its type.
    pub kind: RolloutKind,
    /// `maxSurge`, rounded up; of no StatefulSet.
    pub max_surge: IntOrPercent,
    /// `maxUnavailable`: rounded down for a Deployment, up for a DaemonSet; always 1 for a StatefulSet.
    pub max_unavailable: IntOrPercent,
    /// `minReadySeconds`.
    pub min_ready: Span,
    /// `progressDeadlineSeconds` of a Deployment: without progress for this long, its condition says so.
    pub progress_deadline: Span,
    /// `partition` of a StatefulSet: identities below it keep the old template.
    pub partition: u32,
    /// What the first new template is like.
    pub image: NewImage,
}

/// How an ingress controller follows the EndpointSlices, and what it does when a pod does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterSpec {
    /// Least time between two syncs; zero for none.
    pub sync_gap: Span,
    /// From the begin of a sync until requests follow it.
    pub apply: Dist,
    /// Further pods tried where one cannot be reached, and, for idempotent requests, where one dies under them.
    pub next_tries: u32,
    /// A connection attempt without an answer is given up after this long.
    pub connect_timeout: Span,
    /// Whether connections to pods are kept.
    pub keeps: bool,
}

/// What is wrong with an app's new templates: those after the one that a run begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlawSpec {
    /// Its process never listens: with a readiness probe its pods are never Ready.
    pub never_ready: bool,
    /// The share of requests that its pods answer with an error (5xx).
    pub errors: Ratio,
    /// How many times as long its pods take for a request.
    pub slower: u32,
}

impl FlawSpec {
    /// A sound template.
    pub const NONE: FlawSpec = FlawSpec { never_ready: false, errors: Ratio::ZERO, slower: 1 };
}

/// A HorizontalPodAutoscaler of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HpaSpec {
    /// `minReplicas`.
    pub min: u32,
    /// `maxReplicas`.
    pub max: u32,
    /// Requests a second of one pod at which its metric is on target; above zero.
    pub target: Rate,
    /// The app whose Ready pods serve the metrics; `None`: they are always there.
    pub metrics: Option<AppId>,
}

impl RolloutSpec {
    /// A Deployment's by default. Source: kubernetes `pkg/apis/apps/v1/defaults.go`.
    pub const DEFAULT: RolloutSpec = RolloutSpec {
        kind: RolloutKind::RollingUpdate,
        max_surge: IntOrPercent::Percent(25),
        max_unavailable: IntOrPercent::Percent(25),
        min_ready: Span::ZERO,
        progress_deadline: Span::secs(600),
        partition: 0,
        image: NewImage::Good,
    };

    /// Whether pods of this template, counted from 0, never listen.
    pub fn never_listens(&self, template: u32) -> bool {
        self.image == NewImage::NeverReady && template == 1
    }
}

/// A block volume of a cloud's zone, ReadWriteOnce: one for each identity of a StatefulSet, one for all pods of a
/// Deployment. It is made in the zone of the first node that takes its pod (WaitForFirstConsumer) and stays there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VolumeSpec {
    /// From the attach-detach controller's call until the node has it, mount included.
    pub attach: Dist,
    /// From its call until the volume can be attached elsewhere.
    pub detach: Dist,
}

/// A workload and its Service.
#[derive(Clone, Debug, PartialEq)]
pub struct AppSpec {
    /// Name, unique.
    pub name: String,
    /// Which controller runs its pods.
    pub kind: WorkloadKind,
    /// `spec.replicas`; of a DaemonSet, on how many nodes it runs at the start.
    pub replicas: u32,
    /// Whether its priority class is system-cluster-critical: kops' validation looks at it.
    pub critical: bool,
    /// `spec.priority`: its pods come first in the scheduler's queue, and push out pods of less.
    pub priority: u32,
    /// Where its pods may run; `None`: every pool that runs apps.
    pub pool: Option<PoolId>,
    /// Requested CPU, millicores.
    pub cpu: u32,
    /// Requested memory, MiB.
    pub memory: u32,
    /// How strictly its pods keep apart.
    pub spread: Spread,
    /// preStop hook; zero for none.
    pub pre_stop: Span,
    /// How the hook waits.
    pub pre_stop_kind: PreStopKind,
    /// `terminationGracePeriodSeconds`.
    pub grace: Span,
    /// At SIGTERM.
    pub on_sigterm: OnSigterm,
    /// From SIGTERM until the process has acted on it.
    pub reaction: Dist,
    /// From process start until it listens.
    pub start_up: Dist,
    /// Readiness probe; without one a running container is Ready.
    pub readiness: Option<ProbeSpec>,
    /// Liveness probe.
    pub liveness: Option<ProbeSpec>,
    /// Startup probe.
    pub startup: Option<ProbeSpec>,
    /// Image pull on a node that has it not yet; zero where images are present everywhere.
    pub image_pull: Dist,
    /// Whether its containers have a port of their host: no node takes two of its pods.
    pub host_port: bool,
    /// Whether its pods are in their host's network: they need none of their own, and start before the node has it.
    pub host_network: bool,
    /// Whether its pod on a node is that node's kube-proxy, whose kernel rules outlive it.
    pub is_kube_proxy: bool,
    /// Whether its pod on a node is that node's network plugin: a new node is Ready once that has run, and no sandbox is
    /// made while it is away.
    pub is_cni: bool,
    /// Its volume, or its identities'.
    pub volume: Option<VolumeSpec>,
    /// How a new template rolls out.
    pub rollout: RolloutSpec,
    /// Its Service.
    pub service: ServiceKind,
    /// The Service's load balancer, for `ServiceKind::LoadBalancer`.
    pub balancer: Option<ServiceBalancerSpec>,
    /// Service time of a request.
    pub latency: Dist,
    /// Requests that one pod works on at a time; beyond them requests queue. `None`: no limit.
    pub concurrency: Option<u32>,
    /// Service time of a request that is sent while container runtimes are at work, where all hosts share processors: a
    /// thread that is ready waits for its turn behind theirs (Linux, sched(7)). `None`: hosts have processors of
    /// their own.
    pub latency_busy: Option<Dist>,
    /// From listening until full speed: requests in this time take `latency` twice over.
    pub warm_up: Span,
    /// Its pods are ingress controllers that send requests to other apps' pods by a watch of their own.
    pub router: Option<RouterSpec>,
    /// A delivery controller owns its ReplicaSets, and no Deployment does.
    pub delivered: bool,
    /// What is wrong with its new templates.
    pub flaw: FlawSpec,
    /// What scales it, if anything.
    pub hpa: Option<HpaSpec>,
    /// API versions that its processes read when they start, and that are gone at some version of Kubernetes.
    pub uses_apis: Vec<&'static RemovedApi>,
    /// A new template at this moment of the run, if asked for.
    pub restart_at: Option<Span>,
}

impl AppSpec {
    /// Whether its pods have identities.
    pub const fn is_stateful(&self) -> bool {
        matches!(self.kind, WorkloadKind::StatefulSet { .. })
    }
    /// Whether it is a DaemonSet.
    pub const fn is_daemon(&self) -> bool {
        matches!(self.kind, WorkloadKind::DaemonSet { .. })
    }
}
