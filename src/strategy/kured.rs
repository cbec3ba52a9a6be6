//! kured: every node reboots itself, when its turn of a cluster-wide lock comes.

use super::catalog::{StrategyEntry, Target};
use super::machinery::parts::{WATCHES, node_ready};
use super::machinery::*;
use super::start::START;
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::drain::DrainSettings;
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
              looks at workloads. A drain that fails for another reason is undone: the node is uncordoned, the lock is \
              free, and the agent tries at a later look, unless force_reboot reboots all the same. A node that does \
              not come back keeps the lock, and the plan waits for ever.",
    settings: &SETTINGS,
    sources: &["kured cmd/kured/main.go", "kured pkg/daemonsetlock"],
};

const FLAGS: &str = "kured cmd/kured/main.go";

static SETTINGS: [Setting; 8] = [
    START,
    setting("period", PERIOD, "\"1h\"", "Between two looks of one agent.", FLAGS),
    count("concurrency", (1, 5000), "1", "nodes", "Nodes that may hold the lock.", FLAGS),
    setting("drain_timeout", SPAN, "\"0s\"", "Deadline of a drain; 0s for none.", FLAGS),
    setting("drain_delay", SPAN, "\"0s\"", "Wait before a drain.", FLAGS),
    setting("reboot_delay", SPAN, "\"0s\"", "Wait between a drain and the reboot.", FLAGS),
    setting("lock_release_delay", SPAN, "\"0s\"", "Wait before the lock goes.", FLAGS),
    setting("force_reboot", Kind::Bool, "false", "Whether a failed drain is ignored.", FLAGS),
];

fn plan(values: &Values) -> Plan {
    let timeout = unless_zero(values, "drain_timeout");
    let how = DrainSettings { retry: NO_DELAY, timeout, ..DrainSettings::new() };
    let steps = vec![
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
    let drain = if values.flag("force_reboot") { Action::Ignore } else { Action::PutBack };
    let capacity = u32::try_from(values.count("concurrency")).unwrap_or(u32::MAX);
    let nodes = Stage {
        together: true,
        select: Select::All,
        template: false,
        pace: Pace::Lock { capacity, period: values.span("period") },
        on_error: OnError { drain, api: Action::Retry(Span::secs(5)), ..OnError::all(Action::StopRun) },
        ..Stage::of("nodes", Groups::Everything, steps)
    };
    Plan::of(values.span("start"), vec![nodes])
}
