//! Records of `[app.NAME]` and the tables within, its traffic excepted.

use super::record::{count, dist, estimate, flag, period, setting, span, table};
use super::section::{Optional, Presets, Section};
use crate::base::Span;
use crate::config::quantity::LONGEST;
use crate::config::{Kind, Setting};

const APPS: &str = "kubernetes pkg/apis/apps/v1/defaults.go";
const CORE: &str = "kubernetes pkg/apis/core/v1/defaults.go";

/// `[app.NAME]`.
pub(super) static APP: Section = Section {
    entry: &table("app", "A Deployment, StatefulSet or DaemonSet, and its Service.", &APP_SETTINGS, &[APPS, CORE]),
    optionals: &[&POOL, &CONCURRENCY, &LATENCY_BUSY, &RESTART_AT],
};
static APP_SETTINGS: [Setting; 23] = [
    setting(
        "kind",
        Kind::Choice(&["Deployment", "StatefulSet", "DaemonSet"]),
        "\"Deployment\"",
        "Which controller runs its pods: any pods, as many as asked for; identities (`web-0` and on), each at most once; \
         or one pod on each node that it suits, cordoned ones too.",
        "kubernetes apps/v1: the plainest",
    ),
    count(
        ("replicas", "pods"),
        (0, u32::MAX as u64),
        "1",
        "Pods; all apps together at most 3,000,000. A DaemonSet has as many as nodes.",
        APPS,
    ),
    setting(
        "pod_management",
        Kind::Choice(&["OrderedReady", "Parallel"]),
        "\"OrderedReady\"",
        "podManagementPolicy of a StatefulSet: pods are made in order, each once the one before is Ready; or all at once.",
        APPS,
    ),
    flag(
        "tolerate_all",
        "false",
        "Whether a DaemonSet tolerates every taint, so that it runs on masters and in other pools, too.",
        "kubernetes: a DaemonSet tolerates no taint but those of nodes that are not ready or cordoned",
    ),
    flag(
        "critical",
        "false",
        "Whether its priority class is system-cluster-critical, which validations look at.",
        "kubernetes: a pod has no priority class unless it asks for one",
    ),
    count(
        ("priority", ""),
        (0, 2_000_001_000),
        "0",
        "Value of its priority class: the scheduler takes its pods first and preempts pods of less. 2000000000 is \
         system-cluster-critical, which `critical` sets, and 2000001000 system-node-critical.",
        "kubernetes pkg/apis/scheduling/types.go: DefaultPriorityWhenNoDefaultClassExists",
    ),
    count(
        ("cpu", "millicores"),
        (0, 1_000_000),
        "100",
        "Requested CPU.",
        "kubernetes pkg/scheduler/util/non_zero.go: what scores take for a pod that asks for none",
    ),
    count(
        ("memory", "MiB"),
        (0, 100_000_000),
        "200",
        "Requested memory.",
        "kubernetes pkg/scheduler/util/non_zero.go: what scores take for a pod that asks for none",
    ),
    setting(
        "spread",
        Kind::Choice(&["default", "none", "together", "hosts", "zones", "one-per-host"]),
        "\"default\"",
        "How its pods keep apart: the scheduler's soft wish; none; all on one node; topologySpreadConstraints with \
         DoNotSchedule over hosts or zones; required anti-affinity on hosts.",
        "kubernetes pkg/scheduler: SelectorSpread, from 1.20 default PodTopologySpread constraints",
    ),
    count(
        ("max_skew", "pods"),
        (1, 1_000_000),
        "1",
        "maxSkew of `spread = \"hosts\"` and `\"zones\"`.",
        "rollproof: the strictest, as the field itself has no default",
    ),
    span("pre_stop", "\"0s\"", "How long the preStop hook waits; 0s for no hook.", "kubernetes: no hook by default"),
    setting(
        "pre_stop_kind",
        Kind::Choice(&["exec", "sleep"]),
        "\"exec\"",
        "Whether the hook starts a process that sleeps, or is the kubelet's own sleep (from 1.30).",
        "kubernetes: exec is in all versions; sleep is KEP-3960",
    ),
    span("grace", "\"30s\"", "terminationGracePeriodSeconds.", CORE),
    setting(
        "on_sigterm",
        Kind::Choice(&["exit", "close-idle", "drain", "ignore"]),
        "\"exit\"",
        "At SIGTERM: exits at once; stops accepting, closes idle connections and finishes the rest; announces the \
         close on each connection first; or goes on until SIGKILL.",
        "POSIX signal(7): the default action of SIGTERM ends the process",
    ),
    dist(
        "reaction",
        "{ uniform = [\"1ms\", \"10ms\"] }",
        "From SIGTERM until the process has acted on it.",
        estimate!("the wake-up of a thread"),
    ),
    dist(
        "start_up",
        "{ uniform = [\"500ms\", \"2s\"] }",
        "From process start until it listens.",
        estimate!("a small web server"),
    ),
    dist(
        "image_pull",
        "{ uniform = [\"2s\", \"6s\"] }",
        "Image pull on a node that has it not yet.",
        estimate!("200 MB at 50 to 100 MB/s and 1 to 2 s beside"),
    ),
    setting(
        "service",
        Kind::Choice(&["ClusterIP", "LoadBalancer"]),
        "\"ClusterIP\"",
        "Its Service: reached on its cluster address only, or through an external load balancer, too.",
        CORE,
    ),
    setting(
        "addon",
        Kind::Choice(&["none", "kube-proxy", "cni"]),
        "\"none\"",
        "kube-proxy: the pod on a node is the node's kube-proxy; while it is away the kernel's rules stay as they are. cni: \
         it is the node's network plugin: a new node is Ready once it has run there (with `join` for the runtime alone), \
         and while it is away running pods keep their network and no sandbox is made.",
        "kubeadm, EKS and GKE run kube-proxy as a DaemonSet; kops as a static pod, which is the model's default; kubernetes \
         pkg/kubelet/nodestatus (ReadyCondition) for cni",
    ),
    flag(
        "host_port",
        "false",
        "Whether its containers have a port of their host, so that no node takes two of its pods.",
        "kubernetes: no hostPort by default",
    ),
    flag(
        "host_network",
        "false",
        "Whether its pods are in their host's network (and so have host ports): on a new node they start before its own \
         network is there.",
        CORE,
    ),
    dist(
        "latency",
        "{ lognormal = { median = \"5ms\", p99 = \"20ms\" } }",
        "Service time of a request.",
        estimate!("a small web server; 5 ms were set in our measurements"),
    ),
    span(
        "warm_up",
        "\"0s\"",
        "From listening until full speed; in this time requests take twice as long.",
        "rollproof: no warm-up unless asked for",
    ),
];
static POOL: Optional = Optional {
    entry: table("pool", "See its setting.", &POOL_SETTING, &["kubernetes: nodeSelector"]),
    word: "any",
    absent: true,
};
static POOL_SETTING: [Setting; 1] = [setting(
    "pool",
    Kind::Text,
    "\"workers\"",
    "The pool its pods run in; any: all pools that run apps.",
    "kubernetes: a pod without a node selector runs anywhere",
)];
static CONCURRENCY: Optional = Optional {
    entry: table("concurrency", "See its setting.", &CONCURRENCY_SETTING, &["rollproof"]),
    word: "none",
    absent: true,
};
static CONCURRENCY_SETTING: [Setting; 1] = [count(
    ("concurrency", "requests"),
    (1, 1_000_000),
    "100",
    "Requests that one pod works on at a time; further ones queue.",
    "Go net/http: a goroutine for each connection, without limit",
)];
static LATENCY_BUSY: Optional = Optional {
    entry: table("latency-busy", "See its setting.", &LATENCY_BUSY_SETTING, &["Linux sched(7)"]),
    word: "none",
    absent: true,
};
static LATENCY_BUSY_SETTING: [Setting; 1] = [dist(
    "latency_busy",
    "{ uniform = [\"10ms\", \"50ms\"] }",
    "Service time of a request that is sent while a container runtime makes, starts, stops, removes or reclaims on any \
     node: for hosts that share processors.",
    "Linux sched(7): a thread that is ready waits behind those of its processor. Hosts have processors of their own \
     unless it is set",
)];
static RESTART_AT: Optional = Optional {
    entry: table("restart-at", "See its setting.", &RESTART_AT_SETTING, &["kubectl rollout restart"]),
    word: "never",
    absent: true,
};
static RESTART_AT_SETTING: [Setting; 1] = [span(
    "restart_at",
    "\"1m\"",
    "A new template (kubectl rollout restart) at this moment of the run.",
    "rollproof: none unless asked for",
)];

/// `readiness`, `liveness`, `startup`.
pub(super) static PROBE: Section =
    Section { entry: &table("probe", "A probe of the kubelet.", &PROBE_SETTINGS, &[CORE]), optionals: &[] };
const SECOND: Kind = Kind::Duration { min: Span::secs(1), max: LONGEST };
static PROBE_SETTINGS: [Setting; 5] = [
    span("initial_delay", "\"0s\"", "initialDelaySeconds.", CORE),
    setting("period", SECOND, "\"10s\"", "periodSeconds.", CORE),
    setting("timeout", SECOND, "\"1s\"", "timeoutSeconds.", CORE),
    count(("success_threshold", "successes"), (1, 1000), "1", "successThreshold.", CORE),
    count(("failure_threshold", "failures"), (1, 1000), "3", "failureThreshold.", CORE),
];
/// Where it comes from that an app has no probe and no budget.
pub(super) const NONE_SOURCE: &str = "kubernetes: none unless the manifest has one";

/// `volume`.
pub(super) static VOLUME: Section = Section {
    entry: &table(
        "volume",
        "A ReadWriteOnce volume of a zone: each identity's of a StatefulSet, or one for all pods of a Deployment.",
        &VOLUME_SETTINGS,
        &["kubernetes pkg/controller/volume/attachdetach"],
    ),
    optionals: &[],
};
static VOLUME_SETTINGS: [Setting; 2] = [
    dist(
        "attach",
        "{ lognormal = { median = \"8s\", p99 = \"40s\" } }",
        "From the controller's call until the node has it, mount included.",
        estimate!("cloud block volumes: some seconds, now and then half a minute"),
    ),
    dist(
        "detach",
        "{ lognormal = { median = \"5s\", p99 = \"30s\" } }",
        "From the controller's call until it can be attached elsewhere.",
        estimate!("cloud block volumes: some seconds, now and then half a minute"),
    ),
];
/// `hpa`, its metrics' app aside.
pub(super) static HPA: Section = Section {
    entry: &table("hpa", "A HorizontalPodAutoscaler.", &HPA_SETTINGS, &[AUTOSCALING, "metrics-server README.md"]),
    optionals: &[&HPA_TARGET, &HPA_METRICS],
};
const AUTOSCALING: &str = "kubernetes pkg/apis/autoscaling/v2/defaults.go";
static HPA_SETTINGS: [Setting; 4] = [
    count(("min", "pods"), (1, 1_000_000), "1", "minReplicas.", AUTOSCALING),
    count(("max", "pods"), (1, 1_000_000), "10", "maxReplicas.", "rollproof: the field itself has no default"),
    setting(
        "target_cpu",
        Kind::Ratio,
        "0.8",
        "averageUtilization: the share of its requested CPU that a pod is to use.",
        AUTOSCALING,
    ),
    period(
        "cpu_time",
        "\"5ms\"",
        "CPU that one request takes of a pod; with target_cpu it gives the requests a second that a pod is to have.",
        estimate!("the latency of a small web server, all of it spent on the CPU"),
    ),
];
static HPA_TARGET: Optional = Optional {
    entry: table("target", "See its setting.", &HPA_TARGET_SETTING, &[AUTOSCALING]),
    word: "cpu",
    absent: true,
};
static HPA_TARGET_SETTING: [Setting; 1] = [setting(
    "target",
    Kind::Rate,
    "100",
    "averageValue of requests a second and pod, instead of target_cpu.",
    "kubernetes: a metric of pods, from an adapter",
)];
static HPA_METRICS: Optional = Optional {
    entry: table("metrics", "See its setting.", &HPA_METRICS_SETTING, &["metrics-server README.md"]),
    word: "always",
    absent: true,
};
static HPA_METRICS_SETTING: [Setting; 1] = [setting(
    "metrics",
    Kind::Text,
    "\"metrics-server\"",
    "The app that serves the metrics: while none of its pods is Ready nothing is scaled; always: they are always there.",
    "metrics-server README.md: a Deployment of one replica unless made highly available",
)];

/// `router`: the presets of an ingress controller.
pub(super) static ROUTERS: Presets = Presets {
    about: "An ingress controller in the app's pods: it follows the EndpointSlices by a watch of its own.",
    all: &[&NGINX, &ENVOY],
    source: "rollproof: the commonest ingress controller",
};
static NGINX: Section = Section {
    entry: &table("nginx", "ingress-nginx.", &NGINX_SETTINGS, &[NGINX_MAIN, NGINX_CONFIG, NGINX_LUA]),
    optionals: &[],
};
static ENVOY: Section = Section {
    entry: &table("envoy", "Envoy with endpoints pushed by its control plane.", &ENVOY_SETTINGS, &[ENVOY_DOCS]),
    optionals: &[],
};
const NGINX_MAIN: &str = "ingress-nginx pkg/flags/flags.go: --sync-rate-limit 0.3";
const NGINX_LUA: &str = "ingress-nginx rootfs/etc/nginx/lua/balancer.lua: BACKENDS_SYNC_INTERVAL 1";
const NGINX_CONFIG: &str = "ingress-nginx docs/user-guide/nginx-configuration/configmap.md";
const ENVOY_DOCS: &str = "Envoy docs: EDS updates are taken over as they come; no retries unless a route asks for them";
const SYNC_GAP: &str = "Least time between two syncs of endpoints; 0s for none.";
const APPLY: &str = "From the begin of a sync until requests follow it.";
const NEXT_TRIES: &str = "Further pods tried where one cannot be reached, and, for idempotent requests, where one dies \
                          under them (proxy_next_upstream error timeout).";
const CONNECT_TIMEOUT: &str = "A connection attempt to a pod is given up after this long.";
const KEEPS: &str = "Whether connections to pods are kept.";
static NGINX_SETTINGS: [Setting; 5] = [
    span("sync_gap", "\"3333ms\"", SYNC_GAP, NGINX_MAIN),
    dist("apply", "{ uniform = [\"0s\", \"1s\"] }", APPLY, NGINX_LUA),
    count(("next_tries", "tries"), (0, 100), "2", NEXT_TRIES, NGINX_CONFIG),
    period("connect_timeout", "\"5s\"", CONNECT_TIMEOUT, NGINX_CONFIG),
    flag("keeps", "true", KEEPS, NGINX_CONFIG),
];
static ENVOY_SETTINGS: [Setting; 5] = [
    span("sync_gap", "\"0s\"", SYNC_GAP, ENVOY_DOCS),
    dist("apply", "\"100ms\"", APPLY, "Istio: PILOT_DEBOUNCE_AFTER 100ms"),
    count(("next_tries", "tries"), (0, 100), "0", NEXT_TRIES, ENVOY_DOCS),
    period("connect_timeout", "\"5s\"", CONNECT_TIMEOUT, "Envoy cluster.connect_timeout: 5s"),
    flag("keeps", "true", KEEPS, ENVOY_DOCS),
];

/// `flaw`.
pub(super) static FLAW: Section = Section {
    entry: &table("flaw", "What is wrong with its new templates, those after the first.", &FLAW_SETTINGS, &[SOUND]),
    optionals: &[],
};
const SOUND: &str = "rollproof: a new version is sound unless said otherwise";
static FLAW_SETTINGS: [Setting; 3] = [
    flag("never_ready", "false", "Its process never listens: with a readiness probe its pods are never Ready.", SOUND),
    setting("errors", Kind::Ratio, "0", "The share of requests that its pods answer with an error (5xx).", SOUND),
    count(("slower", "times"), (1, 1000), "1", "How many times as long its pods take for a request.", SOUND),
];

/// `pdb` and `[[budget]]`, their rule aside.
pub(super) static BUDGET: Section = Section {
    entry: &table("pdb", "A PodDisruptionBudget.", &BUDGET_SETTINGS, &["kubernetes KEP-3017"]),
    optionals: &[],
};
static BUDGET_SETTINGS: [Setting; 1] = [setting(
    "unhealthy_pod_eviction",
    Kind::Choice(&["IfHealthyBudget", "AlwaysAllow"]),
    "\"IfHealthyBudget\"",
    "unhealthyPodEvictionPolicy, honoured from 1.27: whether a pod that is not Ready may always be evicted.",
    "kubernetes KEP-3017",
)];

/// `[app.NAME.traffic.NAME]`, its place, steps and wave aside.
pub(super) static GROUP: Section = Section {
    entry: &table("traffic", "A group of equal clients of the app.", &GROUP_SETTINGS, &[OURS]),
    optionals: &[&RETRY_BUDGET],
};
const OURS: &str = "rollproof: the plainest client";
static GROUP_SETTINGS: [Setting; 11] = [
    setting(
        "connections",
        Kind::Choice(&["new", "kept-alive", "stream"]),
        "\"new\"",
        "A new connection for each request, a pool of kept-alive ones, or long streams.",
        OURS,
    ),
    setting(
        "pool",
        Kind::Choice(&["fixed", "last-used"]),
        "\"fixed\"",
        "For `kept-alive`: always `pool_size` connections, each request on any of them; or as many as it takes, each \
         request on the idle one used last (Go net/http, Apache HttpAsyncClient).",
        OURS,
    ),
    count(
        ("pool_size", "connections"),
        (1, 100_000),
        "2",
        "Connections that a client keeps, for `kept-alive` with a `fixed` pool.",
        "Go net/http: DefaultMaxIdleConnsPerHost",
    ),
    count(("streams", "streams"), (1, 1_000_000), "10", "Streams of the whole group, for `stream`.", OURS),
    setting("rps", Kind::Rate, "10", "Requests a second of the whole group, at the start.", OURS),
    setting(
        "arrivals",
        Kind::Choice(&["constant", "poisson"]),
        "\"poisson\"",
        "Requests at equal gaps, or independent of each other.",
        "rollproof: many independent users",
    ),
    period(
        "timeout",
        "\"5s\"",
        "A request or connection attempt without an answer fails after this long.",
        "rollproof: Go's client has none; callers set a few seconds",
    ),
    count(("retries", "tries"), (0, 100), "0", "Tries after the first that a failed request gets.", OURS),
    span("retry_backoff", "\"100ms\"", "Wait before a retry.", "gRPC retry design: initialBackoff 0.1s in its example"),
    flag(
        "idempotent",
        "true",
        "Whether the client library may repeat a request whose reused connection turns out closed.",
        "Go net/http Transport: GET and HEAD are",
    ),
    setting(
        "mode",
        Kind::Choice(&["interval", "per-request"]),
        "\"interval\"",
        "How requests are settled: in counts between two changes of the model, or one by one.",
        "rollproof: the same distribution at less cost",
    ),
];
static RETRY_BUDGET: Optional = Optional {
    entry: table("retry-budget", "See its setting.", &RETRY_BUDGET_SETTING, &[OURS]),
    word: "none",
    absent: true,
};
static RETRY_BUDGET_SETTING: [Setting; 1] = [setting(
    "retry_budget",
    Kind::Ratio,
    "0.2",
    "Retries allowed as a share of requests.",
    "Envoy: budget_percent 20",
)];

/// `wave` of a group.
pub(super) static WAVE: Section =
    Section { entry: &table("wave", "A daily wave over the rate.", &WAVE_SETTINGS, &[OURS]), optionals: &[] };
static WAVE_SETTINGS: [Setting; 2] = [
    period("period", "\"24h\"", "Length of one wave.", "a day"),
    setting("amplitude", Kind::Ratio, "0.5", "Height over and depth under the base rate, as a share of it.", OURS),
];
