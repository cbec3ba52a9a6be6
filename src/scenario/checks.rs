//! What can only be said of the whole: caps, and values that do not go together.

use super::apis;
use super::app::ReadApp;
use super::cluster::Places;
use super::pool::ReadPool;
use super::strategy::Chosen;
use crate::base::IntOrPercent;
use crate::config::{Diagnostics, Place, Problem, code};
use crate::strategy::{Target, cluster_api_refuses};
use crate::world::spec::{BudgetRule, Spec, Spread, WorkloadKind};

/// Most machines of a scenario, masters included: twenty times what Kubernetes supports.
pub const MAX_NODES: u64 = 100_000;
/// Most pods: twenty times what Kubernetes supports.
pub const MAX_PODS: u64 = 3_000_000;
/// Most apps.
pub const MAX_APPS: u64 = 10_000;

/// A scenario and where its values stand.
pub(super) struct Given<'g, 'a> {
    pub(super) spec: &'g Spec,
    pub(super) cluster: &'g Places,
    pub(super) pools: &'g [ReadPool],
    pub(super) apps: &'g [ReadApp<'a>],
    pub(super) strategy: &'g Chosen,
}

/// Reports everything that does not go together.
pub(super) fn report(given: &Given<'_, '_>, problems: &Diagnostics) {
    caps(given, problems);
    masters(given, problems);
    target(given, problems);
    surge_of_masters(given, problems);
    for app in given.apps {
        apis::warn(app, (given.spec.control_plane.from, given.spec.control_plane.to), problems);
        manners(app, problems);
        fits(given, app, problems);
        reached(given, app, problems);
    }
    if given.pools.is_empty() && !given.spec.control_plane.schedulable && !given.apps.is_empty() {
        let message = "no `[[node_pool]]` is there for the apps to run in";
        let help = "add a pool, or set `cluster.control_plane.schedulable = true`";
        let place = given.apps.first().map_or(Place::Nowhere, |app| app.place);
        problems.report(Problem::error(code::MISSING, message, place).help(help));
    }
}

fn caps(given: &Given<'_, '_>, problems: &Diagnostics) {
    let cap = |what: &str, name: &str, count: u64, most: u64, place: Place| {
        if count > most {
            let message = format!("{count} {what} exceed the cap `{name}` of {most}");
            problems.report(Problem::error(code::TOO_MUCH, message, place));
        }
    };
    let nodes = given.pools.iter().map(|pool| u64::from(pool.spec.count)).sum::<u64>();
    let largest_pool = given.pools.iter().max_by_key(|pool| pool.spec.count);
    let masters = u64::from(given.spec.control_plane.replicas);
    cap("machines", "MAX_NODES", nodes + masters, MAX_NODES, largest_pool.map_or(Place::Nowhere, |pool| pool.count));
    let pods = given.apps.iter().map(|app| u64::from(app.spec.replicas)).sum();
    let largest_app = given.apps.iter().max_by_key(|app| app.spec.replicas);
    cap("pods", "MAX_PODS", pods, MAX_PODS, largest_app.map_or(Place::Nowhere, |app| app.place_of("replicas")));
    let last = given.apps.last().map_or(Place::Nowhere, |app| app.place);
    cap("apps", "MAX_APPS", given.apps.len() as u64, MAX_APPS, last);
}

/// An even number of voters tolerates no more failures than one fewer. Source: etcd FAQ.
fn masters(given: &Given<'_, '_>, problems: &Diagnostics) {
    let replicas = given.spec.control_plane.replicas;
    if replicas.is_multiple_of(2) {
        let message = format!(
            "{replicas} masters tolerate the loss of {}, as {} would; one more voter only adds one that can fail",
            (replicas - 1) / 2,
            replicas - 1
        );
        let help = "choose an odd number of masters";
        problems.report(Problem::warning(code::VALUE, message, given.cluster.replicas).help(help));
    }
}

/// A version to go to, and a strategy that has nothing to do without one, or nothing with one.
fn target(given: &Given<'_, '_>, problems: &Diagnostics) {
    let (from, to) = (given.spec.control_plane.from, given.spec.control_plane.to);
    let message = match (given.strategy.entry.target, from == to) {
        (Target::Needed, true) => format!("the cluster is at {to} already, so nothing needs an upgrade"),
        (Target::Ignored, false) => {
            format!("`{}` upgrades nothing: the cluster stays at {from}", given.strategy.name())
        }
        (Target::Needed, false) | (Target::Ignored, true) | (Target::Welcome, _) => return,
    };
    problems.report(Problem::warning(code::VALUE, message, given.cluster.target));
}

fn surge_of_masters(given: &Given<'_, '_>, problems: &Diagnostics) {
    if given.strategy.name() != "cluster-api" {
        return;
    }
    if let Some(message) = cluster_api_refuses(&given.strategy.values, given.spec.control_plane.replicas) {
        let help = "set `strategy.control_plane_max_surge = 1`";
        problems.report(Problem::error(code::VALUE, message, given.cluster.replicas).help(help));
    }
}

fn manners(app: &ReadApp<'_>, problems: &Diagnostics) {
    let spec = &app.spec;
    if !spec.pre_stop.is_zero() && spec.pre_stop >= spec.grace {
        let message = format!(
            "the preStop hook of `{}` waits {}, the grace period is {}: the process gets 2 s after SIGTERM, or none",
            spec.name, spec.pre_stop, spec.grace
        );
        let help = "the hook's time counts within `grace`; give it more";
        problems.report(Problem::warning(code::VALUE, message, app.place_of("pre_stop")).help(help));
    }
    let skewed = matches!(spec.spread, Spread::Hosts(_) | Spread::Zones(_));
    // The least skew is the default: `check --resolved` writes it down, and nobody misses anything.
    if let (Some(place), false, 2..) = (app.fields.given("max_skew"), skewed, app.fields.values.count("max_skew")) {
        let message = "`max_skew` has no effect unless `spread` is \"hosts\" or \"zones\"";
        problems.report(Problem::warning(code::VALUE, message, place));
    }
    // Source: kubernetes pkg/apis/apps/validation, ValidateRollingUpdateDeployment.
    let zero = |bound| matches!(bound, IntOrPercent::Int(0) | IntOrPercent::Percent(0));
    let (surge, unavailable) = (zero(spec.rollout.max_surge), zero(spec.rollout.max_unavailable));
    if surge && unavailable && !spec.is_stateful() {
        let message = format!("`{}.rollout`: max_surge and max_unavailable cannot both be 0", app.header);
        problems.report(Problem::error(code::VALUE, message, app.place));
    }
    // Source: the same file, ValidateRollingUpdateDaemonSet.
    if spec.is_daemon() && !surge && !unavailable {
        let message = format!("`{}.rollout`: a DaemonSet has a surge only where max_unavailable is 0", app.header);
        problems.report(Problem::error(code::VALUE, message, app.place));
    }
    kind(app, problems);
}

/// What only some kinds of workload have.
fn kind(app: &ReadApp<'_>, problems: &Diagnostics) {
    let spec = &app.spec;
    let idle = |key: &str, of: &str| {
        if let Some(place) = app.fields.given(key) {
            let message = format!("`{}.{key}` has no effect: only a {of} has it", app.header);
            problems.report(Problem::warning(code::VALUE, message, place));
        }
    };
    if !spec.is_stateful() {
        idle("pod_management", "StatefulSet");
    }
    if spec.is_kube_proxy && !(spec.is_daemon() && spec.host_network) {
        let message = format!("`{}`: kube-proxy is a DaemonSet with `host_network = true`", app.header);
        problems.report(Problem::error(code::VALUE, message, app.place_of("addon")));
    }
    if spec.is_cni && !(spec.host_network && spec.kind == WorkloadKind::DaemonSet { everywhere: true }) {
        let message = format!(
            "`{}`: a network plugin is a DaemonSet with `host_network = true` and `tolerate_all = true`: a node without it \
             would never be Ready",
            app.header
        );
        problems.report(Problem::error(code::VALUE, message, app.place_of("addon")));
    }
    if !spec.is_daemon() {
        idle("tolerate_all", "DaemonSet");
        return;
    }
    if let Some(place) = app.fields.given("replicas") {
        let message = format!("`{}.replicas` has no effect: a DaemonSet has a pod on each node it suits", app.header);
        problems.report(Problem::warning(code::VALUE, message, place));
    }
    if spec.host_port && !matches!(spec.rollout.max_surge, IntOrPercent::Int(0) | IntOrPercent::Percent(0)) {
        let message = format!(
            "`{}` rolls out with a surge, and a new pod finds its host's port taken by the old one: it never starts",
            spec.name
        );
        problems.report(Problem::warning(code::VALUE, message, app.place_of("host_port")));
    }
    // Source: kubernetes pkg/controller/disruption/disruption.go, getExpectedScale: DaemonSets have no scale.
    if app.pdb.as_ref().is_some_and(|demand| !matches!(demand.rule, BudgetRule::MinAvailable(IntOrPercent::Int(_)))) {
        let message = format!(
            "the budget of DaemonSet `{}` is not by a number in min_available, so the real controller finds no scale and \
             allows nothing; drains do not evict DaemonSets' pods anyway",
            spec.name
        );
        problems.report(Problem::warning(code::VALUE, message, app.place));
    }
}

/// Users who reach nothing from the start say nothing about the upgrade. Masters are in no load balancer of an app:
/// kops and kubeadm label them `node.kubernetes.io/exclude-from-external-load-balancers`.
fn reached(given: &Given<'_, '_>, app: &ReadApp<'_>, problems: &Diagnostics) {
    let spec = &app.spec;
    if spec.replicas == 0 && app.traffic.is_given() {
        let message = format!("`{}` has no replicas: every request to it is lost, upgrade or not", spec.name);
        problems.report(Problem::warning(code::VALUE, message, app.place_of("replicas")));
    }
    let to_nodes = spec.balancer.as_ref().is_some_and(|balancer| !balancer.to_pods);
    if to_nodes && !given.pools.iter().any(|pool| pool.spec.in_load_balancer) {
        let message = format!("the load balancer of `{}` has no machine to send to", spec.name);
        let help = "add a `[[node_pool]]` with `in_load_balancer = true`, or a load balancer that sends to pods";
        problems.report(Problem::error(code::VALUE, message, app.place_of("service")).help(help));
    }
}

/// A pod that asks for more than any machine has runs nowhere.
fn fits(given: &Given<'_, '_>, app: &ReadApp<'_>, problems: &Diagnostics) {
    let plane = &given.spec.control_plane;
    let own = app.spec.pool.map(|id| &given.spec.pools[id]);
    let pools = given.spec.pools.entries().map(|(_, pool)| pool);
    let mut machines: Vec<(u32, u32)> = match own {
        Some(pool) => vec![(pool.cpu, pool.memory)],
        None => pools.filter(|pool| pool.runs_apps).map(|pool| (pool.cpu, pool.memory)).collect(),
    };
    if own.is_none() && plane.schedulable {
        machines.push((plane.cpu, plane.memory));
    }
    if machines.is_empty() || machines.iter().any(|&(cpu, memory)| app.spec.cpu <= cpu && app.spec.memory <= memory) {
        return;
    }
    let key = if machines.iter().all(|&(cpu, _)| app.spec.cpu > cpu) { "cpu" } else { "memory" };
    let largest = machines.iter().map(|&(cpu, memory)| if key == "cpu" { cpu } else { memory }).max().unwrap_or(0);
    let (asked, unit) = if key == "cpu" { (app.spec.cpu, "millicores") } else { (app.spec.memory, "MiB") };
    let message = format!(
        "a pod of `{}` asks for {asked} {unit}, and no machine it may run on has more than {largest}",
        app.spec.name
    );
    problems.report(Problem::error(code::VALUE, message, app.place_of(key)));
}
