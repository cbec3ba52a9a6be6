//! Records of `[[node_pool]]` and of machines.

use super::record::{count, dist, estimate, flag, period, setting, table};
use super::section::{Optional, Presets, Section};
use crate::config::{Kind, Setting};

const NODE_TYPE: &str = "kops upup/pkg/fi/cloudup/populateinstancegroup_spec.go: t2.medium, two cores and 4 GiB";

/// `[[node_pool]]`, its name and machine aside.
pub(super) static POOL: Section = Section {
    entry: &table("node-pool", "A group of equal worker machines.", &POOL_SETTINGS, &[NODE_TYPE]),
    optionals: &[&MIN_SIZE, &MAX_SIZE],
};
static POOL_SETTINGS: [Setting; 8] = [
    count(
        ("count", "machines"),
        (1, u32::MAX as u64),
        "2",
        "Machines; all pools and masters together at most 100,000.",
        "kops create cluster: two nodes",
    ),
    count(
        ("zones", "zones"),
        (1, 100),
        "3",
        "Failure domains they are spread over, in turn.",
        "kops docs/operations/high_availability.md",
    ),
    count(("cpu", "millicores"), (1, 1_000_000), "2000", "CPU that pods may request on a machine.", NODE_TYPE),
    count(
        ("memory", "MiB"),
        (1, 100_000_000),
        "3800",
        "Memory that pods may request on a machine.",
        "a t2.medium's 4 GiB less what Linux keeps and the kubelet's eviction threshold of 100 MiB",
    ),
    count(
        ("max_pods", "pods"),
        (1, 10_000),
        "110",
        "Most pods a machine takes.",
        "kubernetes pkg/kubelet/apis/config/v1beta1/defaults.go",
    ),
    flag(
        "upgrade",
        "true",
        "Whether the plan upgrades it; a pool of clients is left alone.",
        "rollproof: a plan is about the whole cluster unless it says otherwise",
    ),
    flag(
        "runs_apps",
        "true",
        "Whether apps without a pool of their own run here.",
        "kubernetes: a pod without a node selector runs anywhere",
    ),
    flag(
        "in_load_balancer",
        "true",
        "Whether its nodes are targets of external load balancers.",
        "kubernetes cloud-provider controllers/service: all workers",
    ),
];

/// `machine` of masters and pools.
pub(super) static MACHINES: Presets = Presets {
    about: "How a group's machines start and stop.",
    all: &[&EC2, &IMAGE, &IN_PLACE],
    source: "rollproof: kops on AWS, binaries downloaded at boot",
};

struct Machine {
    source: &'static str,
    shutdown: &'static str,
    launch: &'static str,
    boot: &'static str,
    join: &'static str,
    volume_attach: &'static str,
}

const fn machine(own: &Machine) -> [Setting; 6] {
    let source = own.source;
    [
        dist("shutdown", own.shutdown, "From the request to terminate until the machine is off.", source),
        dist("launch", own.launch, "From its end until its group has launched the next.", source),
        dist("boot", own.boot, "From launch until the kubelet runs.", source),
        dist("join", own.join, "From the kubelet's start until the node, once registered, is Ready.", source),
        dist("volume_attach", own.volume_attach, "Masters: from launch until etcd's volume is attached.", source),
        flag(
            "closes_sockets",
            "true",
            "Whether a machine that stops closes its sockets, or just falls silent.",
            "systemd stops services, which closes their sockets, before it stops the network",
        ),
    ]
}

static EC2: Section = Section {
    entry: &table(
        "ec2",
        "An EC2 machine of kops in an auto-scaling group that downloads its binaries at boot.",
        &EC2_SETTINGS,
        &["kubernetes/kops issue 6349: masters back after 2 to 3 minutes", "kops nodeup"],
    ),
    optionals: &[],
};
static EC2_SETTINGS: [Setting; 6] = machine(&Machine {
    source: estimate!("EC2 boots in 20 to 60 s, nodeup takes 60 to 150 s; kops issue 6349 saw 2 to 3 minutes in all"),
    shutdown: "{ uniform = [\"5s\", \"30s\"] }",
    launch: "{ uniform = [\"10s\", \"40s\"] }",
    boot: "{ lognormal = { median = \"110s\", p99 = \"3m20s\" } }",
    join: "{ uniform = [\"5s\", \"40s\"] }",
    volume_attach: "{ uniform = [\"15s\", \"60s\"] }",
});

static IMAGE: Section = Section {
    entry: &table(
        "ec2-image",
        "An EC2 machine that boots from an image with everything on it.",
        &IMAGE_SETTINGS,
        &["kubernetes/autoscaler cluster-autoscaler/FAQ.md"],
    ),
    optionals: &[],
};
static IMAGE_SETTINGS: [Setting; 6] = machine(&Machine {
    source: estimate!("EC2 boots in 20 to 60 s, cloud-init and the kubelet take 10 to 30 s"),
    shutdown: "{ uniform = [\"5s\", \"30s\"] }",
    launch: "{ uniform = [\"10s\", \"40s\"] }",
    boot: "{ lognormal = { median = \"50s\", p99 = \"1m40s\" } }",
    join: "{ uniform = [\"5s\", \"20s\"] }",
    volume_attach: "{ uniform = [\"15s\", \"60s\"] }",
});

static IN_PLACE: Section = Section {
    entry: &table(
        "in-place",
        "A machine whose processes are stopped and started where they are.",
        &IN_PLACE_SETTINGS,
        &["rollproof: processes of Kubernetes 1.20.2 on a 2-core Linux machine"],
    ),
    optionals: &[],
};
static IN_PLACE_SETTINGS: [Setting; 6] = machine(&Machine {
    source: "rollproof: processes of Kubernetes 1.20.2 stopped for 5 s on a 2-core Linux machine",
    shutdown: "{ uniform = [\"200ms\", \"2s\"] }",
    launch: "\"5s\"",
    boot: "{ uniform = [\"1s\", \"3s\"] }",
    join: "{ uniform = [\"10ms\", \"2s\"] }",
    volume_attach: "\"0s\"",
});

static MIN_SIZE: Optional = Optional {
    entry: table("min-size", "See its setting.", &MIN_SIZE_SETTING, &[AUTOSCALER]),
    word: "none",
    absent: true,
};
static MIN_SIZE_SETTING: [Setting; 1] = [count(
    ("min_size", "machines"),
    (0, 100_000),
    "1",
    "Fewest machines that a cluster-autoscaler leaves; with `max_size` it minds the group at all.",
    AUTOSCALER,
)];
static MAX_SIZE: Optional = Optional {
    entry: table("max-size", "See its setting.", &MAX_SIZE_SETTING, &[AUTOSCALER]),
    word: "none",
    absent: true,
};
static MAX_SIZE_SETTING: [Setting; 1] = [count(
    ("max_size", "machines"),
    (1, 100_000),
    "10",
    "Most machines that a cluster-autoscaler gives the group; without it the group has none.",
    AUTOSCALER,
)];
const AUTOSCALER: &str = "kubernetes/autoscaler cluster-autoscaler/FAQ.md: --nodes=min:max:group";

/// `group` of masters and pools.
pub(super) static NODE_GROUPS: Presets = Presets {
    about: "How a group launches its machines, looks after them and shrinks.",
    all: &[&AUTO_SCALING_GROUP, &INSTANCE_GROUP, &SCALE_SET],
    source: "rollproof: kops on AWS",
};

struct NodeGroup {
    fallback: (&'static str, &'static str),
    retry: &'static str,
    retry_source: &'static str,
    scale_in: (&'static str, &'static str),
    health_source: &'static str,
}

const fn node_group(own: &NodeGroup) -> [Setting; 6] {
    [
        flag(
            "zone_fallback",
            own.fallback.0,
            "Whether a launch that finds no capacity in its zone goes to another. Masters never do: the volume of etcd \
             is in one zone.",
            own.fallback.1,
        ),
        period(
            "retry",
            own.retry,
            "Wait before a launch that was refused is asked for again; it doubles each time.",
            own.retry_source,
        ),
        period("retry_longest", "\"5m\"", "Longest such wait.", estimate!("groups try every few minutes for ever")),
        setting(
            "health_check",
            Kind::Choice(&["none", "boot"]),
            "\"none\"",
            "What the group asks about its machines: nothing; or whether one that was launched, restarted or lost its \
             power is up after `health_grace`. One that is not is terminated and replaced. A group knows nothing of \
             kubelets.",
            own.health_source,
        ),
        period(
            "health_grace",
            "\"5m\"",
            "Time that a machine has until it is looked at.",
            "Amazon EC2 Auto Scaling, health check grace period: 300 s in the console",
        ),
        setting(
            "scale_in",
            Kind::Choice(&["oldest-template", "oldest", "newest"]),
            own.scale_in.0,
            "Whom it terminates when it shrinks by itself: in the zone with most machines the one with the oldest \
             template, the oldest, or the newest.",
            own.scale_in.1,
        ),
    ]
}

const OFF: &str = "rollproof: off, so that what a fault lets last is not cut short; Auto Scaling groups have it on";

static AUTO_SCALING_GROUP: Section = Section {
    entry: &table(
        "auto-scaling-group",
        "An Auto Scaling group of AWS: other zones when one has no capacity, the oldest template goes first.",
        &AUTO_SCALING_GROUP_SETTINGS,
        &[
            "Amazon EC2 Auto Scaling, Availability Zone distribution",
            "Amazon EC2 Auto Scaling, Control which instances terminate during scale in",
        ],
    ),
    optionals: &[&ZONE_CAPACITY],
};
static AUTO_SCALING_GROUP_SETTINGS: [Setting; 6] = node_group(&NodeGroup {
    fallback: ("true", "Amazon EC2 Auto Scaling, Availability Zone distribution: it launches in another zone"),
    retry: "\"30s\"",
    retry_source: estimate!("activities that fail follow each other at some 30 s to minutes in its history"),
    scale_in: ("\"oldest-template\"", "Amazon EC2 Auto Scaling, default termination policy"),
    health_source: OFF,
});

static INSTANCE_GROUP: Section = Section {
    entry: &table(
        "instance-group",
        "A managed instance group of Compute Engine, one for each zone as GKE makes them.",
        &INSTANCE_GROUP_SETTINGS,
        &["Compute Engine, Working with managed instances", "GKE, Regional clusters: a group in each zone"],
    ),
    optionals: &[&ZONE_CAPACITY],
};
static INSTANCE_GROUP_SETTINGS: [Setting; 6] = node_group(&NodeGroup {
    fallback: ("false", "GKE: the group of a zone launches in its zone"),
    retry: "\"15s\"",
    retry_source: estimate!("a group tries again with exponential back-off; its first pauses are short"),
    scale_in: ("\"newest\"", estimate!("the choice is the group's own and not documented; GKE names the machine")),
    health_source: "Compute Engine, autohealing: off unless a health check is configured; GKE repairs nodes itself",
});

static SCALE_SET: Section = Section {
    entry: &table(
        "scale-set",
        "A virtual machine scale set of Azure over fixed zones.",
        &SCALE_SET_SETTINGS,
        &["Azure, Custom scale-in policies of scale sets", "AKS troubleshooting, ZonalAllocationFailed"],
    ),
    optionals: &[&ZONE_CAPACITY],
};
static SCALE_SET_SETTINGS: [Setting; 6] = node_group(&NodeGroup {
    fallback: ("false", "AKS troubleshooting, ZonalAllocationFailed and AllocationFailed: the request fails"),
    retry: "\"60s\"",
    retry_source: estimate!("a scale set fails the request, and AKS tries it again"),
    scale_in: ("\"newest\"", "Azure, scale-in policy Default: balance the zones, then the highest instance id"),
    health_source: "Azure, automatic instance repairs: off by default",
});

static ZONE_CAPACITY: Optional = Optional {
    entry: table("zone-capacity", "See its setting.", &ZONE_CAPACITY_SETTING, &["rollproof"]),
    word: "unlimited",
    absent: true,
};
static ZONE_CAPACITY_SETTING: [Setting; 1] = [count(
    ("zone_capacity", "machines"),
    (1, 100_000),
    "10",
    "Machines of the group that each zone has room for.",
    "rollproof: nobody promises capacity; without a number there is always some",
)];

/// `[cluster.cloud]`.
pub(super) static CLOUD: Section = Section {
    entry: &table(
        "cloud",
        "The account that the machines belong to.",
        &[],
        &["AWS Service Quotas; Compute Engine quotas"],
    ),
    optionals: &[&QUOTA],
};
static QUOTA: Optional = Optional {
    entry: table("quota", "See its setting.", &QUOTA_SETTING, &["AWS Service Quotas; Compute Engine quotas"]),
    word: "unlimited",
    absent: true,
};
static QUOTA_SETTING: [Setting; 1] = [count(
    ("quota", "machines"),
    (1, 200_000),
    "10",
    "Machines that the account may run at a time, masters among them, those that shut down counted until they are off.",
    "rollproof: quotas differ by account; without a number none is in the way",
)];
