//! Google Kubernetes Engine: surge upgrades of node pools.

use super::catalog::{StrategyEntry, Target};
use super::machinery::parts::{WATCHES, drain_then_force, managed_control_plane, node_ready, surge_and, surge_first};
use super::machinery::*;
use super::start::START;
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};

/// Surge upgrades.
pub static GKE_SURGE: StrategyEntry = StrategyEntry {
    entry: &ENTRY,
    build: |values| Box::new(Run::new(plan(values))),
    target: Target::Needed,
    hides_etcd: true,
};

static ENTRY: Entry = Entry {
    name: "gke-surge",
    about: "GKE's default: new nodes first, drains that respect budgets for an hour at most.",
    details: "The hidden control plane first, one replica at a time in no defined order; a single replica (a zonal \
              cluster) leaves the API unavailable meanwhile. Then pool by pool: as many new nodes as max_surge are \
              created, in the zone of the node they replace, and must be Ready; as many old nodes as max_surge and \
              max_unavailable together are cordoned and drained, in no defined order; after the limit what is left is \
              deleted past all budgets and the node goes. When a maintenance window closes, nodes under way are \
              finished and the rest waits for the next. Nothing is rolled back.",
    settings: &SETTINGS,
    sources: &[
        "GKE documentation, \"Node upgrade strategies\"",
        "GKE documentation, \"Standard cluster upgrades\"",
        "GKE REST reference, UpgradeSettings",
    ],
};

const DOC: &str = "GKE REST reference, UpgradeSettings";

/// Where maintenance windows are documented.
pub(super) const WINDOW: &str = "GKE documentation, \"Maintenance windows and exclusions\"";

/// From a failure until the next try. Estimate: GKE documents none.
const RETRY: Span = Span::secs(10);

/// `drain_limit` of all of GKE's upgrades.
pub(super) const DRAIN_LIMIT: Setting = setting(
    "drain_limit",
    SPAN,
    "\"1h\"",
    "How long budgets and grace periods are respected on a node; fixed in GKE.",
    "GKE documentation, \"Node upgrade strategies\"",
);

static SETTINGS: [Setting; 7] = [
    START,
    setting("max_surge", Kind::IntOrPercent, "1", "New nodes of a pool that may run ahead of those they replace.", DOC),
    setting("max_unavailable", Kind::IntOrPercent, "0", "Nodes of a pool that go before their replacement comes.", DOC),
    DRAIN_LIMIT,
    window_opens("maintenance_window_start", WINDOW),
    window_lasts("maintenance_window_duration", WINDOW),
    setting(
        "node_timeout",
        SPAN,
        "\"0s\"",
        "A new node must be Ready by then, or the operation fails; 0s: it waits, as the documentation says nothing.",
        "rollproof: not documented",
    ),
];

/// GKE tries a drain and the API again until its limit, and stops at anything else.
pub(super) fn on_error() -> OnError {
    let again = Action::Retry(RETRY);
    OnError { api: again, drain: again, ..OnError::all(Action::StopRun) }
}

fn plan(values: &Values) -> Plan {
    let (surge, unavailable) = (values.int_or_percent("max_surge"), values.int_or_percent("max_unavailable"));
    let ready = node_ready(WATCHES).within(values.span("node_timeout")).provisions();
    let steps = vec![
        surge_first(surge, ready.clone()),
        Step::Cordon,
        drain_then_force(values.span("drain_limit")),
        Step::Transition(Transition::Replace),
        Step::Gate(ready),
    ];
    let workers = Stage {
        order: Order::Random,
        pace: surge_and(surge, unavailable),
        on_error: on_error(),
        ..Stage::of("node pools", Groups::Workers, steps)
    };
    let window = daily_window(values, "maintenance_window_start", "maintenance_window_duration", false);
    Plan { window, ..Plan::of(values.span("start"), vec![managed_control_plane(), workers]) }
}
