//! Karpenter: nodes that have drifted from their NodePool are replaced within its disruption budget.

use super::catalog::{StrategyEntry, Target};
use super::machinery::parts::{WATCHES, managed_control_plane, node_ready};
use super::machinery::*;
use super::start::START;
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::drain::{Bypass, DrainSettings};
use crate::world::fact::StepPhase;

/// Karpenter's drift.
pub static KARPENTER_DRIFT: StrategyEntry = StrategyEntry {
    entry: &ENTRY,
    build: |values| Box::new(Run::new(plan(values))),
    target: Target::Needed,
    hides_etcd: true,
};

/// Longest wait between two evictions of one pod; shorter ones come first in the tool. Source: karpenter
/// pkg/controllers/node/termination/terminator/eviction.go, evictionQueueMaxDelay.
const EVICTION_RETRY: Span = Span::secs(10);
/// A drain lasts at least so long. Source: karpenter pkg/controllers/node/termination.
const LEAST_DRAIN: Span = Span::secs(5);
/// Time between two looks for drifted nodes. Source: karpenter pkg/controllers/disruption/controller.go, pollingPeriod.
const POLLING: Span = Span::secs(10);

static ENTRY: Entry = Entry {
    name: "karpenter-drift",
    about: "Karpenter: drifted nodes one by one within a budget, each replaced before it goes; it never gives up.",
    details: "The hidden control plane first. Then each NodePool: nodes without pods first, then as listed; as many at a \
              time as the budget allows, nodes that are not Ready taking a place. A node is tainted, its replacement \
              is launched and must be initialized within the command's time-out, or the command is rolled back: the \
              taint goes, the node is tried again, the replacement stays. Then the node leaves load balancers and is \
              drained, critical pods last, without a limit, unless terminationGracePeriod sets one: then a pod goes past \
              its budget its own grace period before the end. One replacement for one node here; the tool computes what pods need.",
    settings: &SETTINGS,
    sources: &[
        "karpenter pkg/controllers/disruption/{controller,drift,queue}.go",
        "karpenter pkg/controllers/node/termination",
        "karpenter pkg/apis/v1/nodepool.go",
    ],
};

const BUDGETS: &str = "karpenter pkg/apis/v1/nodepool.go, Budget";

static SETTINGS: [Setting; 7] = [
    START,
    setting(
        "budget",
        Kind::IntOrPercent,
        "\"10%\"",
        "Nodes of a pool under disruption at a time; shares round up; 0: none, ever.",
        BUDGETS,
    ),
    setting("scheduled_budget", Kind::IntOrPercent, "0", "The budget while its schedule is active.", BUDGETS),
    setting(
        "schedule",
        Kind::Duration { min: Span::ZERO, max: Span::mins(24 * 60) },
        "\"0s\"",
        "When the scheduled budget becomes active on each day; the run starts at midnight, UTC as in the tool.",
        BUDGETS,
    ),
    setting(
        "duration",
        Kind::Duration { min: Span::ZERO, max: Span::mins(24 * 60) },
        "\"0s\"",
        "How long it stays active; the least of all active budgets counts. 0s: there is none.",
        BUDGETS,
    ),
    setting(
        "termination_grace_period",
        SPAN,
        "\"0s\"",
        "From a node's deletion until its pods go past their budgets; 0s: unset, it waits for ever.",
        "karpenter pkg/apis/v1/nodepool.go, TerminationGracePeriod",
    ),
    setting(
        "command_timeout",
        SPAN,
        "\"10m\"",
        "Replacements must be initialized by then; at least 10 min, more with thousands of candidates.",
        "karpenter pkg/controllers/disruption/queue.go",
    ),
];

fn plan(values: &Values) -> Plan {
    let limit = unless_zero(values, "termination_grace_period");
    let how = DrainSettings {
        retry: EVICTION_RETRY,
        timeout: limit,
        look: WATCHES,
        bypass: limit.map(|_| Bypass::GraceBeforeDeadline),
        critical_last: true,
        ..DrainSettings::new()
    };
    let on_deadline = OnDeadline::Force(parts::FORCED);
    let ready = node_ready(WATCHES).within(values.span("command_timeout")).provisions();
    let steps = vec![
        Step::Cordon,
        Step::Surge { most: Amount::count(u32::MAX), until: ready },
        Step::Exclude,
        Step::Deregister,
        Step::Wait(StepPhase::Detaching, LEAST_DRAIN),
        Step::Drain(Drain { how, on_deadline }),
        Step::Transition(Transition::Replace),
        Step::Gate(node_ready(WATCHES)),
    ];
    let scheduled = Amount::up(values.int_or_percent("scheduled_budget"));
    let during = daily_window(values, "schedule", "duration", false).map(|window| (window, scheduled));
    let pools = Stage {
        order: Order::EmptyFirst,
        pace: Pace::Budget { most: Amount::up(values.int_or_percent("budget")), during },
        on_error: OnError { provision: Action::PutBack, ..OnError::retries(POLLING) },
        ..Stage::of("node pools", Groups::Workers, steps)
    };
    Plan::of(values.span("start"), vec![managed_control_plane(), pools])
}
