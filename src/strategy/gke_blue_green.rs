//! Google Kubernetes Engine: blue-green upgrades of node pools.

use super::catalog::{StrategyEntry, Target};
use super::gke_surge::{DRAIN_LIMIT, WINDOW, on_error};
use super::machinery::parts::{WATCHES, blue_green, drain_then_force, managed_control_plane};
use super::machinery::*;
use super::start::START;
use crate::base::IntOrPercent;
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::drain::DrainSettings;

/// Blue-green upgrades.
pub static GKE_BLUE_GREEN: StrategyEntry = StrategyEntry {
    entry: &ENTRY,
    build: |values| Box::new(Run::new(plan(values))),
    target: Target::Needed,
    hides_etcd: true,
};

static ENTRY: Entry = Entry {
    name: "gke-blue-green",
    about: "GKE blue-green: a whole second set of nodes, batches with soaks, an hour to change one's mind.",
    details: "The hidden control plane first. Then pool by pool: as many green nodes as there are blue ones are created \
              and must be Ready, all blue nodes are cordoned, blue nodes are drained in batches with a soak after \
              each, budgets respected for an hour at most; the pool soaks, and the blue nodes are deleted. \
              `rollback_after` is an operator who cancels and rolls back that long into the pool's soak, `cancel_after` \
              one who does so in mid-drain: blue is uncordoned, green cordoned, drained past its budgets unless \
              `respect_pdb` says otherwise, and deleted. It goes on when a maintenance window closes. Green nodes are the same pool's second generation here.",
    settings: &SETTINGS,
    sources: &[
        "GKE documentation, \"Node upgrade strategies\", blue-green upgrades",
        "GKE REST reference, BlueGreenSettings",
    ],
};

const REST: &str = "GKE REST reference, BlueGreenSettings";

static SETTINGS: [Setting; 11] = [
    START,
    setting(
        "batch",
        Kind::IntOrPercent,
        "1",
        "Blue nodes drained together: batchNodeCount, or batchPercentage where it is a percentage; 0: none is drained.",
        REST,
    ),
    setting("batch_soak_duration", SPAN, "\"0s\"", "Wait after each batch.", REST),
    setting("node_pool_soak_duration", SPAN, "\"1h\"", "Wait after the last batch; up to 7 days.", REST),
    DRAIN_LIMIT,
    setting(
        "node_timeout",
        SPAN,
        "\"0s\"",
        "The green nodes must be Ready by then, or the operation fails; 0s: it waits.",
        "rollproof: not documented",
    ),
    setting(
        "rollback_after",
        SPAN,
        "\"0s\"",
        "The operator rolls back so long into the pool's soak; 0s: never.",
        "rollproof: an operator's decision, made beforehand",
    ),
    setting(
        "cancel_after",
        SPAN,
        "\"0s\"",
        "The operator cancels and rolls back so long after the first drain began; 0s: never.",
        "rollproof: an operator's decision, made beforehand",
    ),
    setting(
        "respect_pdb",
        Kind::Bool,
        "false",
        "Whether a rollback respects budgets while it drains the green nodes (--respect-pdb).",
        "gcloud container node-pools rollback",
    ),
    window_opens("maintenance_window_start", WINDOW),
    window_lasts("maintenance_window_duration", WINDOW),
];

fn plan(values: &Values) -> Plan {
    let ready = Gate::of(vec![Condition::ExtrasReady], WATCHES).within(values.span("node_timeout")).provisions();
    let soak = values.span("node_pool_soak_duration");
    let finish = Finish::Soak { span: soak, rollback_after: unless_zero(values, "rollback_after") };
    let batch = values.int_or_percent("batch");
    let drain = drain_then_force(values.span("drain_limit"));
    // Without batches blue nodes soak with their pods on them, and are deleted with them.
    let (size, steps) =
        if is_zero(batch) { (Amount::count(u32::MAX), Vec::new()) } else { (Amount::up(batch), vec![drain.clone()]) };
    let back = match drain {
        Step::Drain(drain) if values.flag("respect_pdb") => drain,
        _ => Drain { how: DrainSettings { past_budgets: true, ..DrainSettings::new() }, ..parts::evicts() },
    };
    let pools = Stage {
        pace: Pace::Batches { size, soak: values.span("batch_soak_duration") },
        rollback: Rollback { after: unless_zero(values, "cancel_after"), drain: back },
        order: Order::Random,
        finish: vec![finish, Finish::RetireOld],
        on_error: on_error(),
        ..blue_green("node pools", IntOrPercent::Percent(100), ready, steps)
    };
    let window = daily_window(values, "maintenance_window_start", "maintenance_window_duration", true);
    Plan { window, ..Plan::of(values.span("start"), vec![managed_control_plane(), pools]) }
}
