//! Azure Kubernetes Service: rolling upgrades with buffer nodes, and blue-green upgrades, of node pools.

use super::catalog::{StrategyEntry, Target};
use super::machinery::parts::{WATCHES, blue_green, drain_within, managed_control_plane, node_ready};
use super::machinery::*;
use super::start::START;
use crate::base::{IntOrPercent, Span};
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::drain::DrainSettings;
use crate::world::fact::StepPhase;

/// Rolling, the default.
pub static AKS_ROLLING: StrategyEntry = StrategyEntry {
    entry: &ROLLING,
    build: |values| Box::new(Run::new(rolling(values))),
    target: Target::Needed,
    hides_etcd: true,
};

/// Blue-green, a preview.
pub static AKS_BLUE_GREEN: StrategyEntry = StrategyEntry {
    entry: &BLUE_GREEN,
    build: |values| Box::new(Run::new(second_pool(values))),
    target: Target::Needed,
    hides_etcd: true,
};

static ROLLING: Entry = Entry {
    name: "aks-rolling",
    about: "AKS: buffer nodes first; each old node is drained and reimaged in place, and is the next one's buffer.",
    details: "The hidden control plane first. Then pool by pool: max_surge buffer nodes are added at the new version. As \
              many old nodes at a time are cordoned and drained, soak, are reimaged under their names and uncordoned; \
              so each becomes room for the next, and a pod may move twice. In the end the buffer nodes are cordoned, \
              drained and deleted. A drain that passes its time-out stops the upgrade where it is (Schedule), or \
              leaves the node cordoned and one buffer node in its place while the others go on (Cordon).",
    settings: &ROLLING_SETTINGS,
    sources: ROLLING_SOURCES,
};

static BLUE_GREEN: Entry = Entry {
    name: "aks-blue-green",
    about: "AKS blue-green: a whole second set of nodes, batches with soaks, rollback by hand until the last soak ends.",
    details: "The hidden control plane first. Then pool by pool: the blue nodes are cordoned once as many green ones are \
              Ready, drained in batches with a soak after each, and deleted after the final soak. A drain that passes \
              its time-out fails the upgrade. `rollback_after` is an operator who aborts and rolls back that long into \
              the final soak, `cancel_after` one who does so in mid-drain: blue is uncordoned, green cordoned, drained \
              and deleted. Green nodes are the same pool's second generation here.",
    settings: &BLUE_GREEN_SETTINGS,
    sources: &["AKS documentation, blue-green-node-pool-upgrade"],
};

const ROLLING_SOURCES: &[&str] =
    &["AKS documentation, upgrade-aks-node-pools-rolling", "AKS documentation, upgrade-conceptual, upgrade-options"];
const DOC: &str = "AKS documentation, upgrade-aks-node-pools-rolling";
const PREVIEW: &str = "AKS documentation, blue-green-node-pool-upgrade";

static ROLLING_SETTINGS: [Setting; 9] = [
    START,
    setting(
        "max_surge",
        Kind::IntOrPercent,
        "1",
        "Buffer nodes, and nodes drained at a time; 0 only with max_unavailable. Newer APIs show \"10%\".",
        DOC,
    ),
    setting(
        "max_unavailable",
        Kind::IntOrPercent,
        "0",
        "Without buffer nodes: so many nodes are drained and reimaged at a time.",
        DOC,
    ),
    setting(
        "drain_timeout",
        Kind::Duration { min: Span::mins(5), max: Span::mins(24 * 60) },
        "\"30m\"",
        "A node's pods must be gone by then.",
        DOC,
    ),
    setting(
        "node_soak_duration",
        Kind::Duration { min: Span::ZERO, max: Span::mins(30) },
        "\"0s\"",
        "Wait between a node's drain and its reimage.",
        DOC,
    ),
    setting(
        "undrainable_node_behavior",
        Kind::Choice(&["Schedule", "Cordon"]),
        "\"Schedule\"",
        "What becomes of a node that cannot be drained: the upgrade stops, or goes on without it.",
        "AKS documentation, upgrade-options",
    ),
    setting(
        "max_blocked_nodes",
        Kind::IntOrPercent,
        "0",
        "With Cordon: nodes that may be left behind; 0: as many as max_surge.",
        "AKS documentation, upgrade-options",
    ),
    setting(
        "force_upgrade",
        Kind::Bool,
        "false",
        "Whether an operator has opened the window of forced upgrades, in which drains go past budgets.",
        "AKS documentation, upgrade-options",
    ),
    setting(
        "node_timeout",
        SPAN,
        "\"0s\"",
        "A buffer node must be Ready by then, or the upgrade fails; 0s: it waits.",
        "rollproof: not documented",
    ),
];

static BLUE_GREEN_SETTINGS: [Setting; 7] = [
    START,
    setting(
        "drain_batch_size",
        Kind::IntOrPercent,
        "\"10%\"",
        "Blue nodes drained together; shares round up.",
        PREVIEW,
    ),
    setting(
        "drain_timeout",
        Kind::Duration { min: Span::mins(1), max: Span::mins(1440) },
        "\"30m\"",
        "A node's pods must be gone by then, or the upgrade fails.",
        PREVIEW,
    ),
    setting(
        "batch_soak_duration",
        Kind::Duration { min: Span::ZERO, max: Span::mins(1440) },
        "\"15m\"",
        "Wait after each batch.",
        PREVIEW,
    ),
    setting(
        "final_soak_duration",
        Kind::Duration { min: Span::ZERO, max: Span::mins(10_080) },
        "\"1h\"",
        "Wait before the blue nodes are deleted.",
        PREVIEW,
    ),
    setting(
        "rollback_after",
        SPAN,
        "\"0s\"",
        "The operator rolls back so long into the final soak; 0s: never.",
        "rollproof: an operator's decision, made beforehand",
    ),
    setting(
        "cancel_after",
        SPAN,
        "\"0s\"",
        "The operator aborts and rolls back so long after the first drain began; 0s: never.",
        "rollproof: an operator's decision, made beforehand",
    ),
];

fn rolling(values: &Values) -> Plan {
    let (surge, unavailable) = (values.int_or_percent("max_surge"), values.int_or_percent("max_unavailable"));
    let buffers = !is_zero(surge);
    let most = if buffers { Amount::up(surge) } else { Amount::down(unavailable) };
    let ready = node_ready(WATCHES);
    let timeout = Some(values.span("drain_timeout"));
    let how = DrainSettings { timeout, past_budgets: values.flag("force_upgrade"), ..DrainSettings::new() };
    let drain = Step::Drain(Drain { how, on_deadline: OnDeadline::Fail });
    let steps = vec![
        Step::Cordon,
        drain.clone(),
        Step::Wait(StepPhase::Soak, values.span("node_soak_duration")),
        Step::Transition(Transition::Reimage),
        Step::Gate(ready),
        Step::Uncordon,
    ];
    let until = Gate::of(vec![Condition::ExtrasReady], WATCHES).within(values.span("node_timeout")).provisions();
    let blocked = values.int_or_percent("max_blocked_nodes");
    let blocked = match values.choice("undrainable_node_behavior") {
        "Cordon" if is_zero(blocked) => Action::Quarantine(most),
        "Cordon" => Action::Quarantine(Amount::up(blocked)),
        _ => Action::StopRun,
    };
    let leaves = vec![Step::Cordon, drain, Step::Transition(Transition::Retire)];
    let pools = Stage {
        surge: buffers.then_some(Surge { by: SurgeBy::Amount(most), until }),
        finish: if buffers { vec![Finish::RemoveExtras(leaves)] } else { Vec::new() },
        on_error: OnError { drain: blocked, api: Action::Retry(Span::secs(10)), ..OnError::all(Action::StopRun) },
        ..Stage::of("node pools", Groups::Workers, steps)
    };
    Plan::of(values.span("start"), vec![managed_control_plane(), pools.at_once(most)])
}

fn second_pool(values: &Values) -> Plan {
    let soak = Finish::Soak {
        span: values.span("final_soak_duration"),
        rollback_after: unless_zero(values, "rollback_after"),
    };
    let ready = Gate::of(vec![Condition::ExtrasReady], WATCHES).provisions();
    let drain = vec![drain_within(values.span("drain_timeout"))];
    let pools = Stage {
        pace: Pace::Batches {
            size: Amount::up(values.int_or_percent("drain_batch_size")),
            soak: values.span("batch_soak_duration"),
        },
        finish: vec![soak, Finish::RetireOld],
        rollback: Rollback { after: unless_zero(values, "cancel_after"), drain: parts::evicts() },
        on_error: OnError { api: Action::Retry(Span::secs(10)), ..OnError::all(Action::StopRun) },
        ..blue_green("node pools", IntOrPercent::Percent(100), ready, drain)
    };
    Plan::of(values.span("start"), vec![managed_control_plane(), pools])
}
