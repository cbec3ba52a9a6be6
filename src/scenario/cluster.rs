//! `[cluster]`: versions, masters, etcd, timings.

use super::balancer_records::API_BALANCERS;
use super::lower::Lower;
use super::plane_records::{
    API_SERVER, CONTROL_PLANE, CONTROLLERS, ETCD_BY_MINOR, ETCD_SECTION, ETCD_VERSION_SOURCE, TIMINGS,
};
use super::pool::{group, machine};
use super::pool_records::{CLOUD, MACHINES, NODE_GROUPS};
use super::section::{Chosen, Fields};
use crate::base::Version;
use crate::config::{Item, Place, Problem, Reader, Table, code};
use crate::world::spec::{
    ApiBalancerSpec, ApiServerSpec, Balance, ControlPlaneSpec, ControllersSpec, EtcdSpec, Eviction, HealthCheck,
    NodeGroupSpec, OnDown, Timings,
};

/// `[cluster]`, read.
pub(super) struct Cluster {
    pub(super) control_plane: ControlPlaneSpec,
    pub(super) timings: Timings,
    /// Machines that the account may run.
    pub(super) quota: Option<u32>,
    pub(super) given: Places,
}

/// Where the values stand that later checks speak of.
pub(super) struct Places {
    pub(super) replicas: Place,
    /// `version.to`.
    pub(super) target: Place,
    /// Both versions are there.
    pub(super) versions: bool,
}

/// Stands in for a version that is missing or wrong, which has been reported.
const NO_VERSION: Version = Version::new(1, 14, 0);

/// Reads the table; an absent one has been reported as missing.
pub(super) fn read(lower: &mut Lower<'_>, item: &Item<'_>) -> Cluster {
    let empty = Table::empty(item.place());
    let mut cluster = item.table().unwrap_or_else(|| Reader::new(&empty, lower.problems));
    let version = if item.is_table() { cluster.required("version") } else { cluster.optional("version") };
    let (from, to, target, versions) = versions(lower, &version);
    let etcd = etcd(lower, &cluster.optional("etcd"), (from, to));
    let plane = plane(lower, &cluster.optional("control_plane"), (from, to), etcd);
    let (control_plane, replicas) = plane;
    let timings = Fields::within(&TIMINGS, &cluster.optional("timings"));
    lower.page.table("[cluster.timings]", &timings.lines());
    let cloud = Fields::within(&CLOUD, &cluster.optional("cloud"));
    lower.page.table("[cluster.cloud]", &cloud.lines());
    let quota = cloud.optional("quota").map(|values| values.count("quota") as u32);
    cluster.finish();
    Cluster { control_plane, quota, timings: timings_of(&timings), given: Places { replicas, target, versions } }
}

/// The versions before and after, where the latter stands, and whether both were given.
fn versions(lower: &mut Lower<'_>, item: &Item<'_>) -> (Version, Version, Place, bool) {
    let Some(mut version) = item.table() else { return (NO_VERSION, NO_VERSION, item.place(), false) };
    let from = version.required("from").version();
    let target = version.required("to");
    let (to, place) = (target.version(), target.place());
    version.finish();
    let given = from.is_some() && to.is_some();
    let (from, to) = (from.unwrap_or(NO_VERSION), to.or(from).unwrap_or(NO_VERSION));
    lower.page.table("[cluster.version]", &[format!("from = \"{from}\""), format!("to = \"{to}\"")]);
    (from, to, place, given)
}

/// The etcd that goes with this version of Kubernetes.
pub(super) fn etcd_of(version: Version) -> Version {
    let known = ETCD_BY_MINOR.iter().rev().find(|(minor, _)| version.at_least(1, *minor));
    let (major, minor, patch) = known.map_or(ETCD_BY_MINOR[0].1, |(_, etcd)| *etcd);
    Version::new(major, minor, patch)
}

fn etcd(lower: &mut Lower<'_>, item: &Item<'_>, (from, to): (Version, Version)) -> EtcdSpec {
    let (mut etcd_from, mut etcd_to) = (etcd_of(from), etcd_of(to));
    let mut lines = [("from", etcd_from), ("to", etcd_to)]
        .map(|(key, version)| format!("version.{key} = \"{version}\"  # default: {ETCD_VERSION_SOURCE}"));
    let fields = match item.table() {
        None => Fields::defaults(&ETCD_SECTION),
        Some(mut reader) => {
            let fields = Fields::read(&ETCD_SECTION, &mut reader);
            if let Some(mut version) = reader.optional("version").table() {
                for (index, (key, slot)) in [("from", &mut etcd_from), ("to", &mut etcd_to)].into_iter().enumerate() {
                    if let Some(given) = version.optional(key).version() {
                        *slot = given;
                        lines[index] = format!("version.{key} = \"{given}\"");
                    }
                }
                version.finish();
            }
            reader.finish();
            fields
        }
    };
    lower.page.table("[cluster.etcd]", &[lines.to_vec(), fields.lines()].concat());
    let spec = EtcdSpec {
        from: etcd_from,
        to: etcd_to,
        heartbeat: fields.values.span("heartbeat"),
        election: fields.values.span("election"),
        pre_vote: fields.optional("pre_vote").map(|values| values.flag("pre_vote")),
        fsync: fields.values.dist("fsync"),
        fsync_busy: fields.optional("fsync_busy").map(|values| values.dist("fsync_busy")),
    };
    if spec.election < spec.heartbeat * MIN_ELECTION_HEARTBEATS {
        let place = fields.given("election").or(fields.given("heartbeat")).unwrap_or(item.place());
        let message = format!(
            "etcd's election time-out of {} is below {MIN_ELECTION_HEARTBEATS} heartbeats of {}; etcd refuses to start",
            spec.election, spec.heartbeat
        );
        let help = "set `cluster.etcd.election` to ten heartbeats, as etcd's defaults are";
        lower.problems.report(Problem::error(code::VALUE, message, place).help(help));
    }
    spec
}

/// Heartbeats that an election time-out must last. Source: etcd embed/config.go, Validate.
const MIN_ELECTION_HEARTBEATS: u64 = 5;

fn plane(
    lower: &mut Lower<'_>,
    item: &Item<'_>,
    (from, to): (Version, Version),
    etcd: EtcdSpec,
) -> (ControlPlaneSpec, Place) {
    let empty = Table::empty(item.place());
    let mut reader = item.table().unwrap_or_else(|| Reader::new(&empty, lower.problems));
    let own = Fields::read(&CONTROL_PLANE, &mut reader);
    let balancer = API_BALANCERS.read(&reader.optional("load_balancer"));
    let server = Fields::within(&API_SERVER, &reader.optional("api_server"));
    let controllers = Fields::within(&CONTROLLERS, &reader.optional("controllers"));
    let machines = MACHINES.read(&reader.optional("machine"));
    let groups = NODE_GROUPS.read(&reader.optional("group"));
    reader.finish();
    let page = &mut lower.page;
    page.table("[cluster.control_plane]", &own.lines());
    page.table("[cluster.control_plane.load_balancer]", &balancer.lines());
    page.table("[cluster.control_plane.api_server]", &server.lines());
    page.table("[cluster.control_plane.controllers]", &controllers.lines());
    page.table("[cluster.control_plane.machine]", &machines.lines());
    page.table("[cluster.control_plane.group]", &groups.lines());
    election_check(lower, &controllers, item);
    let spec = ControlPlaneSpec {
        from,
        to,
        hops: Vec::new(),
        replicas: own.values.count("replicas") as u32,
        zones: own.values.count("zones") as u32,
        schedulable: own.values.flag("schedulable"),
        cpu: own.values.count("cpu") as u32,
        memory: own.values.count("memory") as u32,
        etcd,
        api_server: server_of(&server),
        load_balancer: balancer_of(&balancer),
        controllers: controllers_of(&controllers),
        machine: machine(&machines),
        // The volume of a member of etcd is in one zone.
        group: NodeGroupSpec { zone_fallback: false, ..group(&groups) },
    };
    (spec, own.given("replicas").unwrap_or(item.place()))
}

/// Leader election's own rule. Source: client-go tools/leaderelection/leaderelection.go, NewLeaderElector.
fn election_check(lower: &mut Lower<'_>, fields: &Fields, item: &Item<'_>) {
    let (lease, renew) = (fields.values.span("lease_duration"), fields.values.span("renew_deadline"));
    let retry = fields.values.span("retry_period");
    let place = |key: &str| fields.given(key).unwrap_or(item.place());
    if lease <= renew {
        let message = format!("a lease of {lease} must outlast the renew deadline of {renew}");
        lower.problems.report(Problem::error(code::VALUE, message, place("lease_duration")));
    }
    // Tries are apart by up to 1.2 retry periods.
    if renew <= retry + retry / 5 {
        let message = format!("the renew deadline of {renew} must outlast 1.2 retry periods of {retry}");
        lower.problems.report(Problem::error(code::VALUE, message, place("renew_deadline")));
    }
}

fn server_of(fields: &Fields) -> ApiServerSpec {
    let values = &fields.values;
    ApiServerSpec {
        shutdown_delay: values.span("shutdown_delay"),
        listen: values.dist("listen"),
        ready: values.dist("ready"),
        grace: values.span("grace"),
        liveness: values.flag("liveness"),
    }
}

fn balancer_of(chosen: &Chosen) -> ApiBalancerSpec {
    let values = &chosen.fields.values;
    ApiBalancerSpec {
        balance: if values.choice("balance") == "round-robin" { Balance::RoundRobin } else { Balance::Random },
        check: match values.choice("check") {
            "healthz" => HealthCheck::Healthz,
            "readyz" => HealthCheck::Readyz,
            _ => HealthCheck::Tcp,
        },
        interval: values.span("interval"),
        timeout: values.span("timeout"),
        unhealthy: values.count("unhealthy_threshold") as u32,
        healthy: values.count("healthy_threshold") as u32,
        connect_retry: values.span("connect_retry"),
        propagation: values.dist("propagation"),
        deregistration: values.dist("deregistration"),
        on_down: if values.choice("on_down") == "cut" { OnDown::Cut } else { OnDown::Keep },
        fail_open: values.flag("fail_open"),
    }
}

fn controllers_of(fields: &Fields) -> ControllersSpec {
    let values = &fields.values;
    ControllersSpec {
        node_monitor_grace: fields.optional("node_monitor_grace").map(|values| values.span("node_monitor_grace")),
        node_monitor_period: values.span("node_monitor_period"),
        lease_duration: values.span("lease_duration"),
        renew_deadline: values.span("renew_deadline"),
        retry_period: values.span("retry_period"),
        toleration: values.span("toleration"),
        eviction: fields.optional("eviction").map(|values| match values.choice("eviction") {
            "timeout" => Eviction::Timeout,
            _ => Eviction::Taints,
        }),
        pod_eviction_timeout: values.span("pod_eviction_timeout"),
        cache_sync: values.dist("cache_sync"),
        restart: fields.optional("restart").map(|values| values.dist("restart")),
    }
}

fn timings_of(fields: &Fields) -> Timings {
    let dist = |key: &str| fields.values.dist(key);
    Timings {
        network: dist("network"),
        watch: dist("watch"),
        reconcile: dist("reconcile"),
        scheduling: dist("scheduling"),
        pod_worker: dist("pod_worker"),
        sandbox: dist("sandbox"),
        container_start: dist("container_start"),
        sandbox_removal: dist("sandbox_removal"),
        kubelets_together: fields.values.choice("kubelets_started") == "together",
        reclaim: dist("reclaim"),
        proxy_sync: dist("proxy_sync"),
        proxy_start: dist("proxy_start"),
        kubelet_start: dist("kubelet_start"),
        proxy_min_sync: fields.optional("proxy_min_sync").map(|values| values.span("proxy_min_sync")),
    }
}
