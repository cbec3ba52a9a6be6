//! Records of `[[node_pool]]` and of machines.

use super::record::{count, dist, estimate, flag, table};
use super::section::{Presets, Section};
use crate::config::Setting;

const NODE_TYPE: &str = "kops upup/pkg/fi/cloudup/populateinstancegroup_spec.go: t2.medium, two cores and 4 GiB";

/// `[[node_pool]]`, its name and machine aside.
pub(super) static POOL: Section = Section {
    entry: &table("node-pool", "A group of equal worker machines.", &POOL_SETTINGS, &[NODE_TYPE]),
    optionals: &[],
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
