//! Worker pools moved by hand: a whole second pool, or a canary of one, beside masters replaced one by one.

use super::catalog::{StrategyEntry, Target};
use super::machinery::parts::{SCRIPT_LOOKS, blue_green, drain_within, node_ready, replaced_masters, surge_first};
use super::machinery::*;
use super::start::START;
use crate::base::IntOrPercent;
use crate::config::{Entry, Kind, Setting, Values};

/// A whole second pool.
pub static BLUE_GREEN_MANUAL: StrategyEntry = StrategyEntry {
    entry: &MANUAL,
    build: |values| Box::new(Run::new(manual(values))),
    target: Target::Needed,
    hides_etcd: false,
};

/// A few nodes first.
pub static CANARY_POOL: StrategyEntry = StrategyEntry {
    entry: &CANARY,
    build: |values| Box::new(Run::new(canary(values))),
    target: Target::Needed,
    hides_etcd: false,
};

static MANUAL: Entry = Entry {
    name: "blue-green-manual",
    about: "A second pool of the same size, all old nodes cordoned first, drained one by one, a soak, then deleted.",
    details: "Masters are replaced one after another. Then a green pool is created; once all its nodes are Ready every \
              blue node is cordoned, so that no pod moves twice, and drained one by one as kubectl does, without a \
              deadline unless one is set. Every app must be Ready; after a soak the blue nodes are deleted. A drain or \
              check that fails, or an operator (`rollback_after` into the soak, `cancel_after` into the drains), goes \
              back: blue uncordoned, green cordoned, drained and deleted. The green pool is the same group's second generation here.",
    settings: &MANUAL_SETTINGS,
    sources: &["Kubernetes documentation, \"Safely Drain a Node\""],
};

static CANARY: Entry = Entry {
    name: "canary-pool",
    about: "A few new nodes take their share first and soak; then the rest rolls, each node replaced before it goes.",
    details: "Masters are replaced one after another. Then, pool by pool, canary nodes are created, as many old ones are \
              cordoned and drained, every app must be Ready before and after a soak, or the pool goes back to its old \
              nodes and the upgrade fails. The other nodes follow one by one, each with its replacement Ready first.",
    settings: &CANARY_SETTINGS,
    sources: &["rollproof: a canary of nodes from the primitives of a surge roll"],
};

const OURS: &str = "rollproof: an operator's choice";
const KUBECTL: &str = "kubectl pkg/cmd/drain/drain.go";

static MANUAL_SETTINGS: [Setting; 6] = [
    START,
    setting("drain_timeout", SPAN, "\"0s\"", "kubectl drain --timeout; 0s for none.", KUBECTL),
    setting("soak", SPAN, "\"1h\"", "How long blue stays cordoned once it is empty.", OURS),
    setting("apps_timeout", SPAN, "\"10m\"", "Every app must be Ready so long after the last drain.", OURS),
    setting("rollback_after", SPAN, "\"0s\"", "The operator rolls back so long into the soak; 0s: never.", OURS),
    setting(
        "cancel_after",
        SPAN,
        "\"0s\"",
        "The operator rolls back so long after the first drain began; 0s: never.",
        OURS,
    ),
];

static CANARY_SETTINGS: [Setting; 6] = [
    START,
    setting("canary", Kind::IntOrPercent, "1", "Nodes of a pool that go first; shares round up.", OURS),
    setting("soak", SPAN, "\"30m\"", "How long the canary soaks.", OURS),
    setting("apps_timeout", SPAN, "\"10m\"", "Every app must be Ready by then, before and after the soak.", OURS),
    setting("max_surge", Kind::IntOrPercent, "1", "Nodes that may run ahead while the rest rolls.", OURS),
    setting("drain_timeout", SPAN, "\"15m\"", "A drain that takes longer fails; 0s for none.", OURS),
];

fn apps_ready(values: &Values) -> Finish {
    Finish::Gate(Gate::of(vec![Condition::Apps], SCRIPT_LOOKS).within(values.span("apps_timeout")))
}

fn manual(values: &Values) -> Plan {
    let ready = Gate::of(vec![Condition::ExtrasReady], SCRIPT_LOOKS).provisions();
    let drain = drain_within(values.span("drain_timeout"));
    let soak = Finish::Soak { span: values.span("soak"), rollback_after: unless_zero(values, "rollback_after") };
    let pools = Stage {
        finish: vec![apps_ready(values), soak, Finish::RetireOld],
        rollback: Rollback { after: unless_zero(values, "cancel_after"), drain: parts::evicts() },
        on_error: OnError { gate: Action::RollBack, drain: Action::RollBack, ..OnError::all(Action::StopRun) },
        ..blue_green("pools", IntOrPercent::Percent(100), ready, vec![drain])
    };
    Plan::of(values.span("start"), vec![replaced_masters(Amount::count(1)), pools])
}

fn canary(values: &Values) -> Plan {
    let first = values.int_or_percent("canary");
    let ready = Gate::of(vec![Condition::ExtrasReady], SCRIPT_LOOKS).provisions();
    let drain = drain_within(values.span("drain_timeout"));
    let soak = Finish::Soak { span: values.span("soak"), rollback_after: None };
    let canary = Stage {
        select: Select::First(Amount::up(first)),
        finish: vec![apps_ready(values), soak, apps_ready(values), Finish::RetireOld],
        on_error: OnError { gate: Action::RollBack, drain: Action::RollBack, ..OnError::all(Action::StopRun) },
        ..blue_green("canary", first, ready, vec![drain.clone()])
    };
    let surge = values.int_or_percent("max_surge");
    let steps = vec![
        surge_first(surge, node_ready(SCRIPT_LOOKS).provisions()),
        Step::Cordon,
        drain,
        Step::Transition(Transition::Replace),
        Step::Gate(node_ready(SCRIPT_LOOKS)),
    ];
    let rest = Stage::of("rest", Groups::Workers, steps).at_once(Amount::up(surge));
    Plan::of(values.span("start"), vec![replaced_masters(Amount::count(1)), canary, rest])
}
