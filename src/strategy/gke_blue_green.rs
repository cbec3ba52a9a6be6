//! Google Kubernetes Engine: blue-green upgrades of node pools.

use super::catalog::{StrategyEntry, Target};
use super::gke_surge::{DRAIN_LIMIT, on_error};
use super::machinery::parts::{WATCHES, blue_green, drain_then_force, managed_control_plane};
use super::machinery::*;
use super::start::START;
use crate::base::IntOrPercent;
use crate::config::{Entry, Kind, Setting, Values};

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
              `rollback_after` is an operator who cancels and rolls back that long into the pool's soak: blue is \
              uncordoned, green drained and deleted. Green nodes are the same pool's second generation here.",
    settings: &SETTINGS,
    sources: &[
        "GKE documentation, \"Node upgrade strategies\", blue-green upgrades",
        "GKE REST reference, BlueGreenSettings",
    ],
};

const REST: &str = "GKE REST reference, BlueGreenSettings";

static SETTINGS: [Setting; 7] = [
    START,
    setting(
        "batch",
        Kind::IntOrPercent,
        "1",
        "Blue nodes drained together: batchNodeCount, or batchPercentage where it is a percentage.",
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
];

fn plan(values: &Values) -> Plan {
    let ready = Gate::of(vec![Condition::ExtrasReady], WATCHES).within(values.span("node_timeout")).provisions();
    let soak = values.span("node_pool_soak_duration");
    let finish = Finish::Soak { span: soak, rollback_after: unless_zero(values, "rollback_after") };
    let pools = Stage {
        pace: Pace::Batches {
            size: Amount::up(values.int_or_percent("batch")),
            soak: values.span("batch_soak_duration"),
        },
        order: Order::Random,
        finish: vec![finish, Finish::RetireOld],
        on_error: on_error(),
        ..blue_green(
            "node pools",
            IntOrPercent::Percent(100),
            ready,
            vec![drain_then_force(values.span("drain_limit"))],
        )
    };
    Plan::of(values.span("start"), vec![managed_control_plane(), pools])
}
