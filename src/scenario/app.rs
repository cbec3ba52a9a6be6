//! `[app.NAME]`: Deployments and their Services.

use super::app_records::{APP, FLAW, NONE_SOURCE, PROBE, ROLLOUT, ROUTERS};
use super::balancer_records::SERVICE_BALANCERS;
use super::budget::{self, Demand};
use super::lower::Lower;
use super::pool::ReadPool;
use super::section::{Fields, reference};
use crate::base::{Id, Span};
use crate::config::printed::printed_key;
use crate::config::quantity::is_label;
use crate::config::{Item, Key, Place, Problem, Reader, code};
use crate::world::ids::PoolId;
use crate::world::spec::{
    AppSpec, ExternalPolicy, FlawSpec, OnSigterm, PreStopKind, ProbeSpec, RolloutSpec, RouterSpec, ServiceBalancerSpec,
    ServiceKind, Spread,
};

/// The word that says that an app has no probe, or no budget.
const NONE: &str = "none";

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
}

impl ReadApp<'_> {
    /// Where this key stands, or else the app.
    pub(super) fn place_of(&self, key: &str) -> Place {
        self.fields.given(key).unwrap_or(self.place)
    }
}

/// Reads all apps.
pub(super) fn read<'a>(lower: &mut Lower<'_>, item: &Item<'a>, pools: &[ReadPool]) -> Vec<ReadApp<'a>> {
    let mut apps = Vec::new();
    for (key, value) in item.entries() {
        if !is_label(&key.name) {
            let help =
                "a name has at most 63 lower-case letters, digits and `-`, and begins and ends with a letter or digit";
            let message = format!("an app cannot be called \"{}\"", key.name);
            lower.problems.report(Problem::error(code::VALUE, message, key.place).help(help));
        }
        if let Some(reader) = value.table() {
            apps.push(one(lower, key, reader, pools));
        }
    }
    apps
}

fn one<'a>(lower: &mut Lower<'_>, key: &Key, mut reader: Reader<'a>, pools: &[ReadPool]) -> ReadApp<'a> {
    let header = format!("app.{}", printed_key(&key.name));
    let fields = Fields::read(&APP, &mut reader);
    lower.page.table(&format!("[{header}]"), &fields.lines());
    let probes =
        ["readiness", "liveness", "startup"].map(|probe| probe_of(lower, &header, probe, &reader.optional(probe)));
    let pool = fields.optional("pool").map(|values| values.text("pool").to_owned());
    let pool = pool.and_then(|name| {
        let known = pools.iter().map(|pool| pool.spec.name.as_str());
        reference(lower.problems, &reader.optional("pool"), &name, "node pool", known).map(PoolId::from_index)
    });
    let rollout = Fields::within(&ROLLOUT, &reader.optional("rollout"));
    let pdb = pdb_of(lower, &header, &reader.optional("pdb"));
    lower.page.table(&format!("[{header}.rollout]"), &rollout.lines());
    let router = router_of(lower, &header, &reader.optional("router"));
    let flaw = Fields::within(&FLAW, &reader.optional("flaw"));
    lower.page.table(&format!("[{header}.flaw]"), &flaw.lines());
    let balancer = balancer_of(lower, &header, &fields, &reader.optional("load_balancer"));
    let traffic = reader.optional("traffic");
    reader.finish();
    let mut spec = spec_of(key.name.clone(), &fields);
    (spec.pool, spec.balancer, spec.rollout, spec.flaw) = (pool, balancer, rollout_of(&rollout), flaw_of(&flaw));
    spec.router = router;
    [spec.readiness, spec.liveness, spec.startup] = probes;
    ReadApp { spec, header, traffic, pdb, fields, place: key.place }
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

fn rollout_of(fields: &Fields) -> RolloutSpec {
    RolloutSpec {
        max_surge: fields.values.int_or_percent("max_surge"),
        max_unavailable: fields.values.int_or_percent("max_unavailable"),
        min_ready: fields.values.span("min_ready"),
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
        replicas: values.count("replicas") as u32,
        critical: values.flag("critical"),
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
        rollout: RolloutSpec {
            max_surge: crate::base::IntOrPercent::Int(0),
            max_unavailable: crate::base::IntOrPercent::Int(0),
            min_ready: Span::ZERO,
        },
        service: match values.choice("service") {
            "LoadBalancer" => ServiceKind::LoadBalancer,
            _ => ServiceKind::ClusterIp,
        },
        balancer: None,
        latency: values.dist("latency"),
        concurrency: fields.optional("concurrency").map(|values| values.count("concurrency") as u32),
        warm_up: values.span("warm_up"),
        router: None,
        delivered: false,
        flaw: FlawSpec::NONE,
        restart_at: fields.optional("restart_at").map(|values| values.span("restart_at")),
    }
}
