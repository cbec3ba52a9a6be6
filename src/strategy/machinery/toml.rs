//! A user's own plan, read from TOML: the same primitives by their names. What cannot be expressed is an error at its
//! place.

use super::condition::Condition;
use super::parts::{CLIENT_GO_RATE, FORCED, SCRIPT_LOOKS, WATCHES};
use super::plan::*;
use crate::base::{IntOrPercent, Span};
use crate::config::{Item, Reader, code};
use crate::strategy::drain::DrainSettings;
use crate::world::disturbance::MasterProcess;
use crate::world::fact::StepPhase;

/// Most units, batches or successes that a plan may ask for.
const MANY: u32 = 1_000_000;
/// Between two tries of what failed, where `on_error` says "retry".
const RETRY: Span = Span::secs(10);

/// The plan of `[[strategy.stage]]`.
pub fn plan(start: Span, stages: &Item<'_>) -> Plan {
    if stages.is_given() && stages.items().is_empty() {
        stages.error(code::VALUE, "a plan needs at least one stage");
    }
    let stages = stages.tables().into_iter().enumerate().map(|(index, reader)| stage(index, reader)).collect();
    Plan { start, api_rate: CLIENT_GO_RATE, stages, window: None }
}

fn stage(index: usize, mut reader: Reader<'_>) -> Stage {
    let name = reader.optional("name").string().map_or_else(|| format!("stage {}", index + 1), str::to_owned);
    let rollout = reader.optional("rollout");
    if rollout.is_given() {
        let app = rollout.string().unwrap_or_default().to_owned();
        let deadline = reader.optional("deadline").span().filter(|deadline| !deadline.is_zero());
        reader.finish();
        return Stage::rollout(&name, &app, deadline);
    }
    let groups = groups(&reader.required("groups"));
    let steps = list(&reader.required("steps"), step);
    let mut stage = Stage { template: replaces(&steps), ..Stage::of(&name, groups, steps) };
    let orders = [
        ("list", Order::List),
        ("reverse", Order::Reverse),
        ("random", Order::Random),
        ("hash", Order::Hash),
        ("zones", Order::Zones),
        ("empty-first", Order::EmptyFirst),
    ];
    let premarks = [
        ("none", Premark::None),
        ("soft-taint", Premark::SoftTaint),
        ("cordon", Premark::Cordon),
        ("cordon-and-exclude", Premark::CordonAndExclude),
    ];
    stage.order = reader.optional("order").choice(&orders).unwrap_or(Order::List);
    stage.premark = reader.optional("premark").choice(&premarks).unwrap_or(Premark::None);
    stage.together = reader.optional("together").bool().unwrap_or(false);
    stage.delay = reader.optional("delay").span().unwrap_or(Span::ZERO);
    stage.select = select(&mut reader);
    stage.pace = pace(&mut reader);
    let before = reader.optional("before");
    stage.before = before.table().map(|reader| gate(reader, &before));
    let surge = reader.optional("surge");
    if surge.is_given() && !matches!(stage.groups, Groups::Workers | Groups::Named(_)) {
        surge.error(code::VALUE, "only groups of workers can grow: a master's place in etcd is its volume");
    }
    stage.surge = surge.int_or_percent().map(|by| Surge {
        by: SurgeBy::Amount(Amount::up(by)),
        until: Gate::of(vec![Condition::ExtrasReady], WATCHES).provisions(),
    });
    stage.finish = list(&reader.optional("finish"), finish);
    let errors = reader.optional("on_error");
    if let Some(reader) = errors.table() {
        stage.on_error = on_error(reader);
    }
    reader.finish();
    stage
}

/// Whether machines come at their group's template, so that it must be set first.
fn replaces(steps: &[Step]) -> bool {
    let new_machine =
        |how: &Transition| matches!(how, Transition::Terminate | Transition::Replace | Transition::Reimage);
    steps
        .iter()
        .any(|step| matches!(step, Step::Surge { .. }) || matches!(step, Step::Transition(how) if new_machine(how)))
        || !steps.iter().any(|step| matches!(step, Step::Transition(_) | Step::Swap(_)))
}

fn list<T>(item: &Item<'_>, read: impl Fn(&Item<'_>) -> Option<T>) -> Vec<T> {
    item.items().iter().filter_map(read).collect()
}

fn groups(item: &Item<'_>) -> Groups {
    if item.is_given() && !item.is_string() {
        return Groups::Named(list(item, |name| name.string().map(str::to_owned)));
    }
    let known = [
        ("masters", Groups::Masters),
        ("workers", Groups::Workers),
        ("all", Groups::All),
        ("everything", Groups::Everything),
    ];
    item.choice(&known).unwrap_or(Groups::Workers)
}

fn select(reader: &mut Reader<'_>) -> Select {
    let first = reader.optional("first").int_or_percent().map(|first| Select::First(Amount::up(first)));
    let all = reader.optional("select").choice(&[("outdated", Select::Outdated), ("all", Select::All)]);
    first.or(all).unwrap_or(Select::Outdated)
}

fn pace(reader: &mut Reader<'_>) -> Pace {
    let brake = reader.optional("brake").bool().unwrap_or(false);
    let window = reader.optional("at_once").int_or_percent();
    let batch = reader.optional("batch").int_or_percent();
    let soak = reader.optional("batch_soak").span().unwrap_or(Span::ZERO);
    let lock = reader.optional("lock_period").span_within(Span::millis(100)..=Span::mins(60 * 24 * 7));
    let most = Amount::up(window.unwrap_or(IntOrPercent::Int(1)));
    match (batch, lock) {
        (Some(size), _) => Pace::Batches { size: Amount::up(size), soak },
        (None, Some(period)) => {
            let capacity = if let IntOrPercent::Int(count) = most.of { count } else { 1 };
            Pace::Lock { capacity, period }
        }
        (None, None) => Pace::Window { most, brake },
    }
}

/// A step: a name, or a table of one whose first key names it.
fn step(item: &Item<'_>) -> Option<Step> {
    if item.is_string() {
        let transition = |how| Step::Transition(how);
        let named = [
            ("taint", Step::Taint),
            ("untaint", Step::Untaint),
            ("cordon", Step::Cordon),
            ("uncordon", Step::Uncordon),
            ("exclude", Step::Exclude),
            ("include", Step::Include),
            ("deregister", Step::Deregister),
            ("move-leader", Step::MoveLeader),
            ("remove-member", Step::RemoveMember),
            ("etcd-snapshot", Step::Snapshot),
            ("etcd-restore", Step::Restore),
            ("drain", Step::Drain(Drain { how: DrainSettings::new(), on_deadline: OnDeadline::Fail })),
            ("terminate", transition(Transition::Terminate)),
            ("replace", transition(Transition::Replace)),
            ("retire", transition(Transition::Retire)),
            ("reimage", transition(Transition::Reimage)),
            ("upgrade", transition(Transition::Upgrade)),
            ("reboot", transition(Transition::Reboot)),
            ("kubelet", transition(Transition::Kubelet)),
        ];
        return item.choice(&named);
    }
    let mut reader = item.table()?;
    let read = match reader.one_of(&["drain", "wait", "swap", "surge", "gate"]) {
        Some(("drain", how)) => drain(&how).map(Step::Drain),
        Some(("wait", span)) => span.span().map(|span| Step::Wait(StepPhase::Soak, span)),
        Some(("swap", processes)) => Some(Step::Swap(swap(&processes, &mut reader))),
        Some(("surge", most)) => most.int_or_percent().map(|most| {
            let until = Gate::of(vec![Condition::NodeReady], WATCHES).provisions();
            let deadline = reader.optional("deadline").span().unwrap_or(Span::ZERO);
            Step::Surge { most: Amount::up(most), until: until.within(deadline) }
        }),
        Some((_, _)) => return Some(Step::Gate(gate(reader, item))),
        None => None,
    };
    reader.finish();
    read
}

fn drain(item: &Item<'_>) -> Option<Drain> {
    let mut reader = item.table()?;
    let mut how = DrainSettings::new();
    how.timeout = reader.optional("timeout").span().filter(|timeout| !timeout.is_zero());
    how.grace = reader.optional("grace").span();
    how.past_budgets = reader.optional("delete").bool().unwrap_or(false);
    let period = Span::millis(100)..=Span::mins(60);
    how.retry = reader.optional("retry").span_within(period.clone()).unwrap_or(how.retry);
    how.look = reader.optional("look").span_within(period).unwrap_or(how.look);
    let force = OnDeadline::Force(FORCED);
    let deadlines = [("fail", OnDeadline::Fail), ("force", force), ("go-on", OnDeadline::GoOn)];
    let on_deadline = reader.optional("on_deadline").choice(&deadlines).unwrap_or(OnDeadline::Fail);
    reader.finish();
    Some(Drain { how, on_deadline })
}

fn swap(processes: &Item<'_>, reader: &mut Reader<'_>) -> Swap {
    let known = MasterProcess::ALL.map(|process| (process.name(), process));
    Swap {
        processes: list(processes, |name| name.choice(&known)),
        together: reader.optional("together").bool().unwrap_or(false),
        every: WATCHES,
        deadline: reader.optional("deadline").span().filter(|deadline| !deadline.is_zero()),
        rollback: reader.optional("rollback").bool().unwrap_or(false),
    }
}

/// A gate's table: `gate = ["node-ready"]` and how it looks.
fn gate(mut reader: Reader<'_>, item: &Item<'_>) -> Gate {
    let known = Condition::ALL.map(|condition| (condition.name(), condition));
    let conditions = list(&reader.required("gate"), |name| name.choice(&known));
    if conditions.is_empty() {
        item.error(code::VALUE, "a gate needs at least one condition");
    }
    let period = Span::millis(100)..=Span::mins(24 * 60);
    let gate = Gate {
        conditions,
        every: reader.optional("every").span_within(period).unwrap_or(SCRIPT_LOOKS),
        times: reader.optional("times").u32(1..=MANY).unwrap_or(1),
        again: reader.optional("again").span().unwrap_or(SCRIPT_LOOKS),
        deadline: reader.optional("deadline").span().filter(|deadline| !deadline.is_zero()),
        class: Class::Gate,
    };
    reader.finish();
    gate
}

fn finish(item: &Item<'_>) -> Option<Finish> {
    if item.is_string() {
        let leaves = vec![
            Step::Cordon,
            Step::Drain(Drain { how: DrainSettings::new(), on_deadline: OnDeadline::Fail }),
            Step::Transition(Transition::Retire),
        ];
        return item.choice(&[("remove-extras", Finish::RemoveExtras(leaves)), ("retire-old", Finish::RetireOld)]);
    }
    let mut reader = item.table()?;
    match reader.one_of(&["soak", "gate"]) {
        Some(("soak", span)) => {
            let span = span.span();
            let rollback_after = reader.optional("rollback_after").span();
            reader.finish();
            span.map(|span| Finish::Soak { span, rollback_after })
        }
        Some((_, _)) => Some(Finish::Gate(gate(reader, item))),
        None => {
            reader.finish();
            None
        }
    }
}

fn on_error(mut reader: Reader<'_>) -> OnError {
    let actions = [
        ("stop-run", Action::StopRun),
        ("stop-group", Action::StopGroup),
        ("quarantine", Action::Quarantine(Amount::count(u32::MAX))),
        ("retry", Action::Retry(RETRY)),
        ("put-back", Action::PutBack),
        ("hold", Action::Hold),
        ("ignore", Action::Ignore),
        ("roll-back", Action::RollBack),
    ];
    let mut read = |class| reader.optional(class).choice(&actions).unwrap_or(Action::StopRun);
    let on_error = OnError {
        drain: read("drain"),
        provision: read("provision"),
        gate: read("gate"),
        swap: read("swap"),
        api: read("api"),
        quorum: read("quorum"),
    };
    reader.finish();
    on_error
}
