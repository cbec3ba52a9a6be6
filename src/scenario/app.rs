//! `[app.NAME]`: Deployments, StatefulSets and DaemonSets, and their Services.

use super::apis;
use super::app_records::{APP, FLAW, HPA, NONE_SOURCE, PROBE, ROUTERS, VOLUME};
use super::balancer_records::SERVICE_BALANCERS;
use super::budget::{self, Demand};
use super::lower::Lower;
use super::pool::ReadPool;
use super::rollout_records::{DAEMON_ROLLOUT, ROLLOUT, STATEFUL_ROLLOUT};
use super::section::{Fields, reference};
use crate::base::{Id, Rate};
use crate::config::printed::printed_key;
use crate::config::quantity::is_label;
use crate::config::{Item, Key, Place, Problem, Reader, code};
use crate::world::ids::{AppId, PoolId};
use crate::world::spec::{
    AppSpec, ControlPlaneSpec, ExternalPolicy, FlawSpec, HpaSpec, NewImage, OnSigterm, PreStopKind, ProbeSpec,
    RolloutKind, RolloutSpec, RouterSpec, ServiceBalancerSpec, ServiceKind, Spread, VolumeSpec, WorkloadKind,
};

/// The word that says that an app has no probe, or no budget.
const NONE: &str = "none";

/// Value of the class system-cluster-critical. Source: kubernetes `pkg/apis/scheduling/types.go`.
const CLUSTER_CRITICAL: u32 = 2_000_000_000;

/// An app, read; its traffic is read when all apps are known.
pub(super) struct ReadApp<'a> {
    pub(super) spec: AppSpec,
    /// Its table's header, without brackets.
    pub(super) header: String,
    pub(super) traffic: Item<'a>,
    pub(super) pdb: Option<Demand>,
    pub(super) fields: Fields,
    /// Where the app stands.
    pub(super) place: Place,
    /// The app that serves the metrics of its autoscaler, and where it is named.
    metrics: Option<(String, Place)>,
}

impl ReadApp<'_> {
    /// Where this key stands, or else the app.
    pub(super) fn place_of(&self, key: &str) -> Place {
        self.fields.given(key).unwrap_or(self.place)
    }
}

/// Reads all apps.
pub(super) fn read<'a>(
    lower: &mut Lower<'_>,
    item: &Item<'a>,
    pools: &[ReadPool],
    plane: &ControlPlaneSpec,
) -> Vec<ReadApp<'a>> {
    let masters = (plane.replicas, plane.schedulable);
    let mut apps = Vec::new();
    for (key, value) in item.entries() {
        if !is_label(&key.name) {
            let help =
                "a name has at most 63 lower-case letters, digits and `-`, and begins and ends with a letter or digit";
            let message = format!("an app cannot be called \"{}\"", key.name);
            lower.problems.report(Problem::error(code::VALUE, message, key.place).help(help));
        }
        if let Some(reader) = value.table() {
            apps.push(one(lower, key, reader, (pools, masters)));
        }
    }
    metrics(lower, &mut apps);
    apps
}

/// Autoscalers name the app that serves their metrics.
fn metrics(lower: &Lower<'_>, apps: &mut [ReadApp<'_>]) {
    let names: Vec<String> = apps.iter().map(|app| app.spec.name.clone()).collect();
    for app in apps {
        let Some((name, place)) = &app.metrics else { continue };
        let found = names.iter().position(|known| known == name).map(AppId::from_index);
        if found.is_none() {
            let message = format!("`{}.hpa.metrics`: there is no app `{name}`", app.header);
            lower.problems.report(Problem::error(code::UNKNOWN_CHOICE, message, *place));
        }
        app.spec.hpa = app.spec.hpa.map(|hpa| HpaSpec { metrics: found, ..hpa });
    }
}

/// `hpa`, and the name of the app that serves its metrics.
fn hpa_of(
    lower: &mut Lower<'_>,
    header: &str,
    item: &Item<'_>,
    cpu: u64,
) -> (Option<HpaSpec>, Option<(String, Place)>) {
    if !item.is_given() || is_none(item) {
        let comment = if item.is_given() { String::new() } else { format!("  # default: {NONE_SOURCE}") };
        lower.page.line(&format!("hpa = \"{NONE}\"{comment}"));
        return (None, None);
    }
    let Some(reader) = item.table_or(NONE) else { return (None, None) };
    let fields = Fields::whole(&HPA, reader);
    let values = &fields.values;
    lower.page.line(&format!("# {header}.hpa: {NONE_SOURCE}; kubernetes pkg/apis/autoscaling/v2 where not given"));
    let texts: Vec<String> = fields.lines().iter().map(|line| without_comment(line).trim_end().to_owned()).collect();
    lower.page.line(&format!("hpa = {{ {} }}", texts.join(", ")));
    let (min, max) = (values.count("min") as u32, values.count("max") as u32);
    if min > max {
        let message = format!("`{header}.hpa`: min of {min} is above max of {max}");
        lower.problems.report(Problem::error(code::VALUE, message, item.place()));
    }
    // Requests a second that use the wanted share of the pod's CPU.
    let by_cpu = u128::from(cpu) * u128::from(values.ratio("target_cpu").ppm()) * 1_000_000
        / u128::from(values.span("cpu_time").as_nanos().max(1));
    let by_cpu = Rate::from_micros(u64::try_from(by_cpu).unwrap_or(u64::MAX));
    let target = fields.optional("target").map_or(by_cpu, |values| values.rate("target"));
    if target == Rate::ZERO {
        let message = format!("`{header}.hpa` aims at no request a second: every load is too much");
        lower.problems.report(Problem::error(code::VALUE, message, item.place()));
    }
    let metrics = fields.optional("metrics").map(|values| values.text("metrics").to_owned());
    let metrics = metrics.map(|name| (name, fields.given("metrics").unwrap_or(item.place())));
    (Some(HpaSpec { min, max: max.max(min), target, metrics: None }), metrics)
}

fn one<'a>(
    lower: &mut Lower<'_>,
    key: &Key,
    mut reader: Reader<'a>,
    (pools, masters): (&[ReadPool], (u32, bool)),
) -> ReadApp<'a> {
    let header = format!("app.{}", printed_key(&key.name));
    let fields = Fields::read(&APP, &mut reader);
    lower.page.table(&format!("[{header}]"), &fields.lines());
    let probes =
        ["readiness", "liveness", "startup"].map(|probe| probe_of(lower, &header, probe, &reader.optional(probe)));
    let uses_apis = apis::read(lower, &reader.optional("uses_apis"));
    let pool = fields.optional("pool").map(|values| values.text("pool").to_owned());
    let pool = pool.and_then(|name| {
        let known = pools.iter().map(|pool| pool.spec.name.as_str());
        reference(lower.problems, &reader.optional("pool"), &name, "node pool", known).map(PoolId::from_index)
    });
    let (hpa, metrics) = hpa_of(lower, &header, &reader.optional("hpa"), fields.values.count("cpu"));
    let kind = kind_of(&fields);
    let rollout = match kind {
        WorkloadKind::Deployment => &ROLLOUT,
        WorkloadKind::StatefulSet { .. } => &STATEFUL_ROLLOUT,
        WorkloadKind::DaemonSet { .. } => &DAEMON_ROLLOUT,
    };
    let rollout = Fields::within(rollout, &reader.optional("rollout"));
    let volume = volume_of(lower, &header, kind, &reader.optional("volume"));
    let pdb = pdb_of(lower, &header, &reader.optional("pdb"));
    lower.page.table(&format!("[{header}.rollout]"), &rollout.lines());
    let router = router_of(lower, &header, &reader.optional("router"));
    let flaw = Fields::within(&FLAW, &reader.optional("flaw"));
    lower.page.table(&format!("[{header}.flaw]"), &flaw.lines());
    let balancer = balancer_of(lower, &header, &fields, &reader.optional("load_balancer"));
    let traffic = reader.optional("traffic");
    reader.finish();
    let mut spec = spec_of(key.name.clone(), &fields);
    (spec.pool, spec.balancer, spec.rollout) = (pool, balancer, rollout_of(kind, &rollout));
    (spec.flaw, spec.router) = (flaw_of(&flaw), router);
    spec.volume = volume;
    if spec.is_daemon() {
        spec.replicas = nodes_of(&spec, pools, masters);
    }
    spec.hpa = hpa;
    [spec.readiness, spec.liveness, spec.startup] = probes;
    spec.uses_apis = uses_apis;
    ReadApp { spec, header, traffic, pdb, fields, place: key.place, metrics }
}

fn probe_of(lower: &mut Lower<'_>, header: &str, name: &str, item: &Item<'_>) -> Option<ProbeSpec> {
    if !item.is_given() || is_none(item) {
        let comment = if item.is_given() { String::new() } else { format!("  # default: {NONE_SOURCE}") };
        lower.page.line(&format!("{name} = \"{NONE}\"{comment}"));
        return None;
    }
    let fields = item.table_or(NONE).map_or_else(|| Fields::defaults(&PROBE), |reader| Fields::whole(&PROBE, reader));
    let values = &fields.values;
    lower.page.line(&format!("# {header}.{name}: kubernetes pkg/apis/core/v1/defaults.go where not given"));
    let texts: Vec<String> = fields.lines().iter().map(|line| without_comment(line)).collect();
    lower.page.line(&format!("{name} = {{ {} }}", texts.join(", ")));
    Some(ProbeSpec {
        initial_delay: values.span("initial_delay"),
        period: values.span("period"),
        timeout: values.span("timeout"),
        successes: values.count("success_threshold") as u32,
        failures: values.count("failure_threshold") as u32,
    })
}

/// The line without the comment of a default.
fn without_comment(line: &str) -> String {
    line.split("  # default: ").next().unwrap_or(line).to_owned()
}

fn is_none(item: &Item<'_>) -> bool {
    item.is_string() && item.string() == Some(NONE)
}

fn pdb_of(lower: &mut Lower<'_>, header: &str, item: &Item<'_>) -> Option<Demand> {
    if !item.is_given() || is_none(item) {
        let comment = if item.is_given() { String::new() } else { format!("  # default: {NONE_SOURCE}") };
        lower.page.line(&format!("pdb = \"{NONE}\"{comment}"));
        return None;
    }
    let mut reader = item.table_or(NONE)?;
    let demand = budget::demand(&mut reader);
    reader.finish();
    let demand = demand?;
    lower.page.table(&format!("[{header}.pdb]"), &demand.lines);
    Some(demand)
}

fn volume_of(lower: &mut Lower<'_>, header: &str, kind: WorkloadKind, item: &Item<'_>) -> Option<VolumeSpec> {
    if !item.is_given() || is_none(item) {
        let comment = if item.is_given() { String::new() } else { format!("  # default: {NONE_SOURCE}") };
        lower.page.line(&format!("volume = \"{NONE}\"{comment}"));
        return None;
    }
    let fields = Fields::whole(&VOLUME, item.table_or(NONE)?);
    let texts: Vec<String> = fields.lines().iter().map(|line| without_comment(line)).collect();
    lower.page.line(&format!("volume = {{ {} }}", texts.join(", ")));
    if matches!(kind, WorkloadKind::DaemonSet { .. }) {
        let message = format!("`{header}.volume`: a DaemonSet has no claims of its own, and one volume is on one node");
        lower.problems.report(Problem::error(code::VALUE, message, item.place()));
    }
    Some(VolumeSpec { attach: fields.values.dist("attach"), detach: fields.values.dist("detach") })
}

fn balancer_of(lower: &mut Lower<'_>, header: &str, fields: &Fields, item: &Item<'_>) -> Option<ServiceBalancerSpec> {
    if fields.values.choice("service") != "LoadBalancer" {
        if item.is_given() {
            let message = format!("`{header}.load_balancer` has no effect: the service is of type ClusterIP");
            let help = "set `service = \"LoadBalancer\"`, or leave it out";
            lower.problems.report(Problem::error(code::VALUE, message, item.place()).help(help));
        }
        return None;
    }
    let chosen = SERVICE_BALANCERS.read(item);
    lower.page.table(&format!("[{header}.load_balancer]"), &chosen.lines());
    let values = &chosen.fields.values;
    Some(ServiceBalancerSpec {
        policy: match values.choice("external_traffic_policy") {
            "Local" => ExternalPolicy::Local,
            _ => ExternalPolicy::Cluster,
        },
        interval: values.span("interval"),
        timeout: values.span("timeout"),
        unhealthy: values.count("unhealthy_threshold") as u32,
        healthy: values.count("healthy_threshold") as u32,
        propagation: values.dist("propagation"),
        deregistration: values.dist("deregistration"),
        registration: values.dist("registration"),
        to_pods: values.flag("to_pods"),
    })
}

fn kind_of(fields: &Fields) -> WorkloadKind {
    match fields.values.choice("kind") {
        "StatefulSet" => WorkloadKind::StatefulSet { parallel: fields.values.choice("pod_management") == "Parallel" },
        "DaemonSet" => WorkloadKind::DaemonSet { everywhere: fields.values.flag("tolerate_all") },
        _ => WorkloadKind::Deployment,
    }
}

/// On how many machines a DaemonSet runs at the start.
fn nodes_of(spec: &AppSpec, pools: &[ReadPool], (masters, schedulable): (u32, bool)) -> u32 {
    let everywhere = spec.kind == WorkloadKind::DaemonSet { everywhere: true };
    let suited = pools.iter().enumerate().filter(|(index, pool)| match spec.pool {
        Some(own) => own.index() == *index,
        None => everywhere || pool.spec.runs_apps,
    });
    let workers: u32 = suited.map(|(_, pool)| pool.spec.count).fold(0, u32::saturating_add);
    let masters = if spec.pool.is_none() && (everywhere || schedulable) { masters } else { 0 };
    workers.saturating_add(masters)
}

fn rollout_of(kind: WorkloadKind, fields: &Fields) -> RolloutSpec {
    let values = &fields.values;
    let common = RolloutSpec {
        kind: match values.choice("type") {
            "Recreate" => RolloutKind::Recreate,
            "OnDelete" => RolloutKind::OnDelete,
            _ => RolloutKind::RollingUpdate,
        },
        min_ready: values.span("min_ready"),
        image: match values.choice("image") {
            "never-ready" => NewImage::NeverReady,
            _ => NewImage::Good,
        },
        ..RolloutSpec::DEFAULT
    };
    match kind {
        WorkloadKind::Deployment => RolloutSpec {
            max_surge: values.int_or_percent("max_surge"),
            max_unavailable: values.int_or_percent("max_unavailable"),
            progress_deadline: values.span("progress_deadline"),
            ..common
        },
        WorkloadKind::DaemonSet { .. } => RolloutSpec {
            max_surge: values.int_or_percent("max_surge"),
            max_unavailable: values.int_or_percent("max_unavailable"),
            ..common
        },
        WorkloadKind::StatefulSet { .. } => RolloutSpec { partition: values.count("partition") as u32, ..common },
    }
}

fn router_of(lower: &mut Lower<'_>, header: &str, item: &Item<'_>) -> Option<RouterSpec> {
    if !item.is_given() || is_none(item) {
        return None;
    }
    let chosen = ROUTERS.read(item);
    lower.page.table(&format!("[{header}.router]"), &chosen.lines());
    let values = &chosen.fields.values;
    Some(RouterSpec {
        sync_gap: values.span("sync_gap"),
        apply: values.dist("apply"),
        next_tries: values.count("next_tries") as u32,
        connect_timeout: values.span("connect_timeout"),
        keeps: values.flag("keeps"),
    })
}

fn flaw_of(fields: &Fields) -> FlawSpec {
    FlawSpec {
        never_ready: fields.values.flag("never_ready"),
        errors: fields.values.ratio("errors"),
        slower: fields.values.count("slower") as u32,
    }
}

fn spread_of(fields: &Fields) -> Spread {
    let skew = fields.values.count("max_skew") as u32;
    match fields.values.choice("spread") {
        "none" => Spread::None,
        "together" => Spread::Together,
        "hosts" => Spread::Hosts(skew),
        "zones" => Spread::Zones(skew),
        "one-per-host" => Spread::OnePerHost,
        _ => Spread::Default,
    }
}

fn on_sigterm_of(fields: &Fields) -> OnSigterm {
    match fields.values.choice("on_sigterm") {
        "close-idle" => OnSigterm::CloseIdle,
        "drain" => OnSigterm::Drain,
        "ignore" => OnSigterm::Ignore,
        _ => OnSigterm::Exit,
    }
}

/// What the app's own settings say; references, probes and tables within are filled in by the caller.
fn spec_of(name: String, fields: &Fields) -> AppSpec {
    let values = &fields.values;
    AppSpec {
        name,
        kind: kind_of(fields),
        replicas: values.count("replicas") as u32,
        critical: values.flag("critical"),
        priority: match values.flag("critical") {
            true => (values.count("priority") as u32).max(CLUSTER_CRITICAL),
            false => values.count("priority") as u32,
        },
        pool: None,
        cpu: values.count("cpu") as u32,
        memory: values.count("memory") as u32,
        spread: spread_of(fields),
        pre_stop: values.span("pre_stop"),
        pre_stop_kind: match values.choice("pre_stop_kind") {
            "sleep" => PreStopKind::Sleep,
            _ => PreStopKind::Exec,
        },
        grace: values.span("grace"),
        on_sigterm: on_sigterm_of(fields),
        reaction: values.dist("reaction"),
        start_up: values.dist("start_up"),
        readiness: None,
        liveness: None,
        startup: None,
        image_pull: values.dist("image_pull"),
        host_port: values.flag("host_port") || values.flag("host_network"),
        host_network: values.flag("host_network"),
        is_kube_proxy: values.choice("addon") == "kube-proxy",
        is_cni: values.choice("addon") == "cni",
        volume: None,
        rollout: RolloutSpec::DEFAULT,
        service: match values.choice("service") {
            "LoadBalancer" => ServiceKind::LoadBalancer,
            _ => ServiceKind::ClusterIp,
        },
        balancer: None,
        latency: values.dist("latency"),
        concurrency: fields.optional("concurrency").map(|values| values.count("concurrency") as u32),
        latency_busy: fields.optional("latency_busy").map(|values| values.dist("latency_busy")),
        warm_up: values.span("warm_up"),
        router: None,
        delivered: false,
        flaw: FlawSpec::NONE,
        hpa: None,
        uses_apis: Vec::new(),
        restart_at: fields.optional("restart_at").map(|values| values.span("restart_at")),
    }
}
