//! A user's own plan, read from TOML: the same primitives by their names. What cannot be expressed is an error at its
//! place.

use super::condition::Condition;
use super::parts::{CLIENT_GO_RATE, FORCED, SCRIPT_LOOKS, WATCHES, evicts};
use super::plan::*;
use super::settings::unless_zero;
use crate::base::{IntOrPercent, Span};
use crate::config::{Item, Reader, Values, code};
use crate::strategy::drain::{Attempts, Bypass, DrainSettings, SkipWait};
use crate::world::disturbance::MasterProcess;
use crate::world::fact::StepPhase;

/// Most units, batches or successes that a plan may ask for.
const MANY: u32 = 1_000_000;
/// Between two tries of what failed, where `on_error` says "retry".
const RETRY: Span = Span::secs(10);

/// The plan of `[[strategy.stage]]`, with these settings of the strategy; `pools` are the groups of workers there are.
pub fn plan(values: &Values, stages: &Item<'_>, pools: &[&str]) -> Plan {
    if stages.is_given() && stages.items().is_empty() {
        stages.error(code::VALUE, "a plan needs at least one stage");
    }
    let stages = stages.tables().into_iter().enumerate().map(|(index, reader)| stage(index, reader, pools)).collect();
    let window = unless_zero(values, "window_duration").map(|lasts| Window {
        opens: values.span("window_start"),
        lasts,
        every: values.span("window_every"),
        finishes: values.flag("window_finishes"),
    });
    Plan { start: values.span("start"), api_rate: CLIENT_GO_RATE, stages, window }
}

fn stage(index: usize, mut reader: Reader<'_>, pools: &[&str]) -> Stage {
    let name = reader.optional("name").string().map_or_else(|| format!("stage {}", index + 1), str::to_owned);
    let rollout = reader.optional("rollout");
    if rollout.is_given() {
        let app = rollout.string().unwrap_or_default().to_owned();
        let deadline = reader.optional("deadline").span().filter(|deadline| !deadline.is_zero());
        reader.finish();
        return Stage::rollout(&name, &app, deadline);
    }
    let groups = groups(&reader.required("groups"), pools);
    let steps_item = reader.required("steps");
    let steps = list(&steps_item, |item| step_of(item, &groups));
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
    if surge.is_given() && !stage.groups.are_workers() {
        surge.error(code::VALUE, PLACE_IN_ETCD);
    }
    stage.surge = surge_ahead(&surge);
    let finish_item = reader.optional("finish");
    stage.finish = list(&finish_item, finish);
    let errors = reader.optional("on_error");
    if let Some(reader) = errors.table() {
        stage.on_error = on_error(reader);
    }
    let cancel = reader.optional("cancel_after");
    stage.rollback.after = cancel.span().filter(|after| !after.is_zero());
    if let Some(how) = drain(&reader.optional("rollback_drain")) {
        stage.rollback.drain = how;
    }
    for (item, needs) in [
        (&finish_item, stage.finish.iter().any(needs_extras)),
        (&errors, stage.groups.are_workers() && stage.on_error.rolls_back()),
        (&cancel, stage.rollback.after.is_some()),
    ] {
        if needs && stage.surge.is_none() && item.is_given() {
            item.error(code::VALUE, "there is nothing to go back to or to take away: the stage has no `surge`");
        }
    }
    reader.finish();
    stage
}

/// Why masters cannot have extra machines, and cannot go for good.
const PLACE_IN_ETCD: &str = "only groups of workers can grow, shrink or be reimaged: a new master takes the place of the \
                             one it replaces (`terminate`, after `remove-member` where its etcd member is to go too)";

/// Whether a last step is about machines launched ahead.
fn needs_extras(finish: &Finish) -> bool {
    match finish {
        Finish::RemoveExtras(_) | Finish::ShrinkGroup(_) | Finish::RetireOld => true,
        Finish::Soak { rollback_after, .. } => rollback_after.is_some(),
        Finish::Gate(_) => false,
    }
}

/// Machines ahead: an amount, or `{ per_zone = 2, least = 1 }`.
fn surge_ahead(item: &Item<'_>) -> Option<Surge> {
    if !item.is_table() {
        let until = Gate::of(vec![Condition::ExtrasReady], WATCHES).provisions();
        return item.int_or_percent().map(|by| Surge { by: SurgeBy::Amount(Amount::up(by)), until });
    }
    let mut reader = item.table()?;
    let each = reader.required("per_zone").u32(0..=MANY);
    let least = reader.optional("least").int_or_percent().unwrap_or(IntOrPercent::Int(0));
    reader.finish();
    let until = Gate::of(vec![Condition::ExtrasInEachZone], WATCHES).provisions();
    each.map(|each| Surge { by: SurgeBy::PerZone { each, least: Amount::up(least) }, until })
}

/// A step that machines of these groups can take.
fn step_of(item: &Item<'_>, groups: &Groups) -> Option<Step> {
    let step = step(item)?;
    let wrong = match &step {
        Step::Surge { .. } | Step::Transition(Transition::Replace | Transition::Retire | Transition::Reimage) => {
            (!groups.are_workers()).then_some(PLACE_IN_ETCD)
        }
        Step::Swap(_) | Step::MoveLeader | Step::QuorumGuard | Step::RemoveMember => {
            groups.are_workers().then_some("workers have no static pods and no etcd")
        }
        _ => None,
    };
    wrong.into_iter().for_each(|why| item.error(code::VALUE, why));
    Some(step)
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

fn groups(item: &Item<'_>, pools: &[&str]) -> Groups {
    if item.is_given() && !item.is_string() {
        let known: Vec<(&str, String)> = pools.iter().map(|name| (*name, (*name).to_owned())).collect();
        return Groups::Named(list(item, |name| name.choice(&known)));
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
    let lock_item = reader.optional("lock_period");
    let lock = lock_item.span_within(Span::millis(100)..=Span::mins(60 * 24 * 7));
    let ttl = reader.optional("lock_ttl").span().filter(|ttl| !ttl.is_zero());
    let budget = reader.optional("budget");
    let paces = [batch.is_some(), lock.is_some(), budget.is_given()];
    if paces.into_iter().filter(|given| *given).count() > 1 {
        let place = if budget.is_given() { &budget } else { &lock_item };
        place.error(code::VALUE, "a stage has one pace: `batch`, `lock_period` or `budget`");
    }
    if let Some(most) = budget.int_or_percent() {
        return Pace::Budget { most: Amount::up(most), during: None };
    }
    let most = Amount::up(window.unwrap_or(IntOrPercent::Int(1)));
    match (batch, lock) {
        (Some(size), _) => Pace::Batches { size: Amount::up(size), soak },
        (None, Some(period)) => {
            let capacity = if let IntOrPercent::Int(count) = most.of { count } else { 1 };
            Pace::Lock { capacity, period, ttl }
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
            ("quorum-guard", Step::QuorumGuard),
            ("drain", Step::Drain(evicts())),
            ("remove-member", Step::RemoveMember),
            ("etcd-snapshot", Step::Snapshot),
            ("etcd-restore", Step::Restore),
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
    how.look = reader.optional("look").span_within(period.clone()).unwrap_or(how.look);
    how.bypass = reader.optional("delete_after").span().map(Bypass::After);
    how.critical_last = reader.optional("critical_last").bool().unwrap_or(false);
    let skip = reader.optional("skip_wait").span().filter(|after| !after.is_zero());
    how.skip_wait = skip.map(|after| SkipWait { after, unreachable: false });
    how.alert = reader.optional("alert").span().filter(|alert| !alert.is_zero());
    if let Some(mut reader) = reader.optional("attempts").table() {
        let mut span = |key, default| reader.optional(key).span_within(period.clone()).unwrap_or(default);
        let (length, pause) = (span("length", Span::secs(90)), span("pause", Span::mins(1)));
        let (slow_after, slow_pause) = (span("slow_after", Span::mins(10)), span("slow_pause", Span::mins(5)));
        how.attempts = Some(Attempts { length, pause, slow_after, slow_pause });
        reader.finish();
    }
    let force = OnDeadline::Force(FORCED);
    let deadlines =
        [("fail", OnDeadline::Fail), ("force", force), ("go-on", OnDeadline::GoOn), ("uncordon", OnDeadline::Uncordon)];
    let on_deadline = reader.optional("on_deadline").choice(&deadlines).unwrap_or(OnDeadline::Fail);
    reader.finish();
    Some(Drain { how, on_deadline })
}

fn swap(processes: &Item<'_>, reader: &mut Reader<'_>) -> Swap {
    let known = MasterProcess::ALL.map(|process| (process.name(), process));
    Swap {
        processes: list(processes, |name| name.choice(&known)),
        together: reader.optional("together").bool().unwrap_or(false),
        one_process: false,
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
        let leaves = vec![Step::Cordon, Step::Drain(evicts()), Step::Transition(Transition::Retire)];
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
    let mut read = |class| {
        let item = reader.optional(class);
        let action = if item.is_table() { amount(&item) } else { item.choice(&actions) };
        action.unwrap_or(Action::StopRun)
    };
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

/// An action with an amount: `{ quarantine = 2 }`, `{ retry = "30s" }`.
fn amount(item: &Item<'_>) -> Option<Action> {
    let mut reader = item.table()?;
    let action = match reader.one_of(&["quarantine", "retry"]) {
        Some(("quarantine", most)) => most.int_or_percent().map(|most| Action::Quarantine(Amount::up(most))),
        Some((_, every)) => every.span_within(Span::millis(100)..=Span::mins(24 * 60)).map(Action::Retry),
        None => None,
    };
    reader.finish();
    action
}
