//! kured: every node reboots itself, when its turn of a cluster-wide lock comes.

use super::catalog::{StrategyEntry, Target};
use super::machinery::parts::{WATCHES, node_ready};
use super::machinery::*;
use super::start::START;
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::drain::{DrainSettings, SkipWait};
use crate::world::fact::StepPhase;

/// kured.
pub static KURED: StrategyEntry = StrategyEntry {
    entry: &ENTRY,
    build: |values| Box::new(Run::new(plan(values))),
    target: Target::Ignored,
    hides_etcd: false,
};

/// The library's retry without a delay: bounded by its client's 5 requests a second.
const NO_DELAY: Span = Span::millis(200);

static ENTRY: Entry = Entry {
    name: "kured",
    about: "kured: nodes reboot one after another, as a lock lets their own agents; no version changes.",
    details: "Every node, masters too, has an agent that looks each period from a random moment on whether the node \
              needs a reboot; here all do. With the lock it cordons, drains (refused evictions are tried again without \
              a delay, without a deadline), reboots, and once the node is back uncordons and lets the lock go; nobody \
              looks at workloads. Reboots begin within a window of the day. A drain that fails for another reason is undone: the node is uncordoned, the lock is \
              free, and the agent tries at a later look, unless force_reboot reboots all the same. A node that does \
              not come back keeps the lock, and the plan waits for ever; with `lock_ttl` the next node goes on all the \
              same. Days of the week, alerts and pods that block reboots are left out.",
    settings: &SETTINGS,
    sources: &["kured cmd/kured/main.go", "kured pkg/daemonsetlock"],
};

/// A time of day.
const DAY: Kind = Kind::Duration { min: Span::ZERO, max: Span::mins(24 * 60) };
const FLAGS: &str = "kured cmd/kured/main.go";

static SETTINGS: [Setting; 13] = [
    START,
    setting("period", PERIOD, "\"1h\"", "Between two looks of one agent.", FLAGS),
    count("concurrency", (1, 5000), "1", "nodes", "Nodes that may hold the lock.", FLAGS),
    setting("drain_timeout", SPAN, "\"0s\"", "Deadline of a drain; 0s for none.", FLAGS),
    setting("drain_delay", SPAN, "\"0s\"", "Wait before a drain.", FLAGS),
    setting("reboot_delay", SPAN, "\"0s\"", "Wait between a drain and the reboot.", FLAGS),
    setting("lock_release_delay", SPAN, "\"0s\"", "Wait before the lock goes.", FLAGS),
    setting(
        "lock_ttl",
        SPAN,
        "\"0s\"",
        "After so long a lock counts as free, though its node has not come back; 0s: never.",
        FLAGS,
    ),
    setting("start_time", DAY, "\"0s\"", "Reboots begin from this time of day on; the run starts at midnight.", FLAGS),
    setting("end_time", DAY, "\"24h\"", "And up to this one; before start_time: of the next day.", FLAGS),
    setting(
        "skip_wait_for_delete_timeout",
        SPAN,
        "\"0s\"",
        "Pods whose deletion is older than this are not waited for; 0s: all are.",
        FLAGS,
    ),
    setting(
        "prefer_no_schedule_taint",
        Kind::Bool,
        "false",
        "Whether nodes that wait for the lock get a soft taint until they have rebooted.",
        FLAGS,
    ),
    setting("force_reboot", Kind::Bool, "false", "Whether a failed drain is ignored.", FLAGS),
];

fn plan(values: &Values) -> Plan {
    let timeout = unless_zero(values, "drain_timeout");
    let skip_wait = unless_zero(values, "skip_wait_for_delete_timeout");
    let skip_wait = skip_wait.map(|after| SkipWait { after, unreachable: false });
    let how = DrainSettings { retry: NO_DELAY, timeout, skip_wait, ..DrainSettings::new() };
    let mut steps = vec![
        Step::Wait(StepPhase::Premarked, values.span("drain_delay")),
        Step::Cordon,
        Step::Drain(Drain { how, on_deadline: OnDeadline::Fail }),
        Step::Wait(StepPhase::Detaching, values.span("reboot_delay")),
        Step::Transition(Transition::Reboot),
        // Its own agent runs again, and finds that it holds the lock.
        Step::Gate(node_ready(WATCHES)),
        Step::Uncordon,
        Step::Wait(StepPhase::Soak, values.span("lock_release_delay")),
    ];
    let taints = values.flag("prefer_no_schedule_taint");
    if taints {
        steps.push(Step::Untaint);
    }
    let drain = if values.flag("force_reboot") { Action::Ignore } else { Action::PutBack };
    let capacity = u32::try_from(values.count("concurrency")).unwrap_or(u32::MAX);
    let nodes = Stage {
        together: true,
        select: Select::All,
        template: false,
        premark: if taints { Premark::SoftTaint } else { Premark::None },
        pace: Pace::Lock { capacity, period: values.span("period"), ttl: unless_zero(values, "lock_ttl") },
        on_error: OnError { drain, api: Action::Retry(Span::secs(5)), ..OnError::all(Action::StopRun) },
        ..Stage::of("nodes", Groups::Everything, steps)
    };
    Plan { window: Some(window(values)), ..Plan::of(values.span("start"), vec![nodes]) }
}

fn window(values: &Values) -> Window {
    let (day, opens, closes) = (Span::mins(24 * 60), values.span("start_time"), values.span("end_time"));
    let lasts = if closes > opens { closes - opens } else { day - opens + closes };
    Window { opens, lasts, every: day, finishes: false }
}
