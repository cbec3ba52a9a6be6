//! Records of `[cluster.control_plane]`, `[cluster.etcd]` and `[cluster.timings]`.

use super::record::{count, dist, estimate, flag, period, setting, span, table};
use super::section::{Optional, Section};
use crate::base::Span;
use crate::config::{Entry, Kind, Setting};

const ELECTION: &str = "kubernetes component-base/config/v1alpha1/defaults.go";
const NODES: &str = "kubernetes pkg/controller/nodelifecycle/config/v1alpha1/defaults.go";
const ETCD: &str = "etcd embed/config.go";

pub(super) static CONTROL_PLANE: Section = Section {
    entry: &table(
        "control-plane",
        "The masters.",
        &CONTROL_PLANE_SETTINGS,
        &["kops docs/operations/high_availability.md"],
    ),
    optionals: &[],
};
static CONTROL_PLANE_SETTINGS: [Setting; 5] = [
    count(
        ("replicas", "masters"),
        (1, 9),
        "3",
        "Masters, each with an etcd voter.",
        "kops docs/operations/high_availability.md: three masters",
    ),
    count(
        ("zones", "zones"),
        (1, 9),
        "3",
        "Failure domains that the masters are spread over, in turn.",
        "kops docs/operations/high_availability.md: each in a zone of its own",
    ),
    flag(
        "schedulable",
        "false",
        "Whether the masters' machines run the apps' pods, too.",
        "kops: masters have the taint node-role.kubernetes.io/master:NoSchedule",
    ),
    count(
        ("cpu", "millicores"),
        (1, 1_000_000),
        "1000",
        "CPU that pods may request on a master.",
        "kops upup/pkg/fi/cloudup/populateinstancegroup_spec.go: m3.medium, one core",
    ),
    count(
        ("memory", "MiB"),
        (1, 100_000_000),
        "3700",
        "Memory that pods may request on a master.",
        "AWS: an m3.medium has 3.75 GiB; kubelet's eviction threshold is 100 MiB",
    ),
];

pub(super) static API_SERVER: Section = Section {
    entry: &table(
        "api-server",
        "The API servers.",
        &API_SERVER_SETTINGS,
        &["kubernetes apiserver pkg/server/config.go"],
    ),
    optionals: &[],
};
static API_SERVER_SETTINGS: [Setting; 5] = [
    span(
        "shutdown_delay",
        "\"0s\"",
        "Serves on for this long after SIGTERM (--shutdown-delay-duration).",
        "kubernetes apiserver pkg/server/config.go",
    ),
    dist(
        "listen",
        "{ uniform = [\"1s\", \"3s\"] }",
        "Process start to open listener.",
        estimate!("restarts of 1.20 on a 2-core machine took about 2 s"),
    ),
    dist(
        "ready",
        "{ uniform = [\"5s\", \"15s\"] }",
        "Open listener to a green /readyz, with etcd at hand.",
        estimate!("post-start hooks and informers of a small cluster, 5 to 20 s"),
    ),
    span(
        "grace",
        "\"30s\"",
        "Longest time from SIGTERM to SIGKILL.",
        "kubernetes pkg/apis/core/v1/defaults.go, the grace period of a static pod",
    ),
    flag(
        "liveness",
        "true",
        "Whether the kubelet restarts a server whose etcd is out of reach for 80 s and more.",
        "kops upup/models/nodeup, kube-apiserver manifest: liveness, 8 failures 10 s apart",
    ),
];

pub(super) static CONTROLLERS: Section = Section {
    entry: &table(
        "controllers",
        "The controller manager, and leader election of the scheduler.",
        &CONTROLLERS_SETTINGS,
        &[ELECTION, NODES],
    ),
    optionals: &[&NODE_MONITOR_GRACE, &EVICTION, &RESTART],
};
static CONTROLLERS_SETTINGS: [Setting; 7] = [
    period("node_monitor_period", "\"5s\"", "How often nodes' health is looked at.", NODES),
    period("lease_duration", "\"15s\"", "A lease that was not renewed for this long may be taken.", ELECTION),
    period("renew_deadline", "\"10s\"", "A leader that cannot renew for this long exits.", ELECTION),
    period("retry_period", "\"2s\"", "Wait between two tries to take or renew the lease.", ELECTION),
    span(
        "toleration",
        "\"5m\"",
        "How long pods stay bound to a node that is lost.",
        "kubernetes plugin/pkg/admission/defaulttolerationseconds/admission.go",
    ),
    span(
        "pod_eviction_timeout",
        "\"5m\"",
        "How long after a node was last heard of its pods are deleted, for `eviction = \"timeout\"`.",
        NODES,
    ),
    dist(
        "cache_sync",
        "{ uniform = [\"1s\", \"3s\"] }",
        "A new leader fills its caches for this long before its controllers act.",
        estimate!("1 to 3 s in a small cluster, 10 to 30 s at 5,000 nodes"),
    ),
];
static NODE_MONITOR_GRACE: Optional = Optional {
    entry: table("node-monitor-grace", "See its setting.", &NODE_MONITOR_GRACE_SETTING, &[NODES]),
    word: "by-version",
    absent: true,
};
static NODE_MONITOR_GRACE_SETTING: [Setting; 1] = [period(
    "node_monitor_grace",
    "\"40s\"",
    "A node that did not report for this long is Unknown.",
    "kubernetes PR 126287: 40 s, from 1.32 50 s",
)];
static EVICTION: Optional = Optional {
    entry: table("eviction", "See its setting.", &EVICTION_SETTING, &[NODES]),
    word: "by-version",
    absent: true,
};
static EVICTION_SETTING: [Setting; 1] = [setting(
    "eviction",
    Kind::Choice(&["taints", "timeout"]),
    "\"taints\"",
    "What takes pods off a lost node: a NoExecute taint and their toleration, or --pod-eviction-timeout.",
    "kubernetes pkg/features/kube_features.go: TaintBasedEvictions is on from 1.13",
)];
static RESTART: Optional = Optional {
    entry: table("restart", "See its setting.", &RESTART_SETTING, &["kubernetes pkg/kubelet/kuberuntime"]),
    word: "never",
    absent: false,
};
static RESTART_SETTING: [Setting; 1] = [dist(
    "restart",
    "{ uniform = [\"1s\", \"3s\"] }",
    "A controller manager or scheduler that exits is back after this long.",
    "kubernetes pkg/kubelet/kuberuntime: the first exit is restarted when the kubelet next looks",
)];

pub(super) static ETCD_SECTION: Section = Section {
    entry: &table("etcd", "etcd, one member on each master.", &ETCD_SETTINGS, &[ETCD]),
    optionals: &[&PRE_VOTE, &FSYNC_BUSY],
};
/// Longest election time-out that etcd accepts. Source: etcd embed/config.go, maxElectionMs.
const MAX_ELECTION: Span = Span::secs(50);
static ETCD_SETTINGS: [Setting; 3] = [
    setting(
        "heartbeat",
        Kind::Duration { min: Span::millis(1), max: Span::secs(10) },
        "\"100ms\"",
        "--heartbeat-interval: one tick.",
        ETCD,
    ),
    setting(
        "election",
        Kind::Duration { min: Span::millis(5), max: MAX_ELECTION },
        "\"1s\"",
        "--election-timeout; at least five heartbeats.",
        ETCD,
    ),
    dist(
        "fsync",
        "{ lognormal = { median = \"1500us\", p99 = \"10ms\" } }",
        "Time to make an entry durable.",
        "etcd op-guide/performance and hardware pages: under 10 ms at the 99th percentile on SSDs",
    ),
];
static PRE_VOTE: Optional = Optional {
    entry: table("pre-vote", "See its setting.", &PRE_VOTE_SETTING, &[ETCD]),
    word: "by-version",
    absent: true,
};
static PRE_VOTE_SETTING: [Setting; 1] =
    [flag("pre_vote", "true", "--pre-vote.", "etcd embed/config.go: off up to 3.4, on from 3.5")];

static FSYNC_BUSY: Optional = Optional {
    entry: table("fsync-busy", "See its setting.", &FSYNC_BUSY_SETTING, &["etcd op-guide/hardware"]),
    word: "none",
    absent: true,
};
static FSYNC_BUSY_SETTING: [Setting; 1] = [dist(
    "fsync_busy",
    "{ uniform = [\"10ms\", \"100ms\"] }",
    "Time to make an entry durable while a container runtime makes, starts, removes or reclaims on any node: for \
     members on the runtimes' own disk.",
    "etcd op-guide/hardware and tuning: other processes' disk writes delay etcd's; ext4 data=ordered: an fsync waits \
     for the running transaction. Members have disks of their own unless it is set",
)];

pub(super) static TIMINGS: Section = Section { entry: &TIMINGS_ENTRY, optionals: &[&PROXY_MIN_SYNC] };
static PROXY_MIN_SYNC: Optional = Optional {
    entry: table("proxy-min-sync", "See its setting.", &PROXY_MIN_SYNC_SETTING, &["kubernetes PR 92836"]),
    word: "by-version",
    absent: true,
};
static PROXY_MIN_SYNC_SETTING: [Setting; 1] = [span(
    "proxy_min_sync",
    "\"1s\"",
    "kube-proxy's --iptables-min-sync-period.",
    "kubernetes PR 92836: 0 s, from 1.20 1 s; kube-up and GKE set 10 s (cluster/gce/gci/configure-helper.sh)",
)];
static TIMINGS_ENTRY: Entry = table(
    "timings",
    "Networks, disks and processes that no version fixes.",
    &TIMINGS_SETTINGS,
    &["kubernetes issue 124272", "kubernetes community sig-scalability/slos/pod_startup_latency.md"],
);
static TIMINGS_SETTINGS: [Setting; 13] = [
    dist(
        "network",
        "{ uniform = [\"100us\", \"900us\"] }",
        "One-way delay between two hosts.",
        estimate!("half a millisecond between zones of one region"),
    ),
    dist(
        "watch",
        "{ uniform = [\"2ms\", \"20ms\"] }",
        "From a commit until a watcher has heard, network excluded.",
        estimate!("5 to 50 ms from the write to the watcher's reaction"),
    ),
    dist(
        "reconcile",
        "{ uniform = [\"5ms\", \"50ms\"] }",
        "A controller's time for one reconcile.",
        estimate!("10 to 100 ms from a change to the endpoint slice"),
    ),
    dist(
        "scheduling",
        "{ uniform = [\"1ms\", \"5ms\"] }",
        "One scheduling cycle.",
        "kubernetes PR 115422: some 300 to 1,000 pods a second",
    ),
    dist(
        "pod_worker",
        "{ uniform = [\"2ms\", \"50ms\"] }",
        "From what a kubelet hears until its pod worker acts.",
        estimate!("10 to 100 ms from deletion to SIGTERM"),
    ),
    dist(
        "sandbox",
        "{ uniform = [\"300ms\", \"1s\"] }",
        "Sandbox and network set-up.",
        "kubernetes issue 42000: 200 to 731 ms from scheduling to run, kubemark",
    ),
    dist(
        "container_start",
        "{ uniform = [\"100ms\", \"500ms\"] }",
        "Creation and start of a container whose image is present.",
        "kubernetes community sig-scalability/slos/pod_startup_latency.md",
    ),
    dist(
        "sandbox_removal",
        "{ uniform = [\"50ms\", \"500ms\"] }",
        "From the last container's exit until its network is gone.",
        "kubernetes pkg/kubelet/kuberuntime: the sandbox is stopped right after its containers",
    ),
    dist(
        "reclaim",
        "{ uniform = [\"500ms\", \"3s\"] }",
        "From the sandbox's removal until the pod's resources are reclaimed.",
        "kubernetes pkg/kubelet: housekeeping every 2 s, volumes and cgroups first",
    ),
    dist(
        "proxy_sync",
        "{ uniform = [\"30ms\", \"150ms\"] }",
        "One sync of kube-proxy.",
        estimate!("iptables mode with few services; issue 138073 shows 2.8 s at 139,000 endpoints"),
    ),
    dist(
        "proxy_start",
        "{ uniform = [\"2s\", \"5s\"] }",
        "kube-proxy's start until its first sync is done.",
        "kubernetes issues 75360 and 76376: some 3 s",
    ),
    dist(
        "kubelet_start",
        "{ uniform = [\"1s\", \"4s\"] }",
        "A restarted kubelet's start until it runs its pod workers.",
        estimate!("1 to 5 s until the node is registered"),
    ),
    setting(
        "kubelets_started",
        Kind::Choice(&["apart", "together"]),
        "\"apart\"",
        "Whether the kubelets that run at the start were started at one moment: then their status batches (10 s) and \
         collections of garbage (1 min) come at the same time.",
        "kubernetes pkg/kubelet: both periods count from the process's start",
    ),
];

/// etcd that goes with a minor of Kubernetes. Sources: kubernetes cmd/kubeadm/app/constants/constants.go; for 1.14 and
/// 1.15 kops gives the same.
pub(super) const ETCD_BY_MINOR: [(u16, (u16, u16, u16)); 18] = [
    (13, (3, 2, 24)),
    (14, (3, 3, 10)),
    (16, (3, 3, 17)),
    (17, (3, 4, 3)),
    (19, (3, 4, 13)),
    (22, (3, 5, 0)),
    (24, (3, 5, 3)),
    (25, (3, 5, 4)),
    (26, (3, 5, 6)),
    (27, (3, 5, 7)),
    (28, (3, 5, 9)),
    (29, (3, 5, 10)),
    (30, (3, 5, 12)),
    (31, (3, 5, 15)),
    (32, (3, 5, 16)),
    (33, (3, 5, 21)),
    (34, (3, 6, 4)),
    (35, (3, 6, 5)),
];
/// What the default of etcd's version rests on.
pub(super) const ETCD_VERSION_SOURCE: &str = "kubernetes cmd/kubeadm/app/constants/constants.go, by Kubernetes version";
