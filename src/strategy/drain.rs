//! Draining a node from outside, as kubectl's library does it for every tool that uses it.
//!
//! Source: kubernetes/kubectl `pkg/drain/drain.go` (`RunNodeDrain`, `evictPods`, `waitForDelete`). One task a pod, all
//! at once: evict; when a budget refuses (429) sleep and try again; a pod that is not found is done; any other error
//! ends that task while the others go on. After an accepted eviction the pod is polled until its object is gone. One
//! deadline covers it all; a task notices it when its sleep ends. A node whose drain fails stays cordoned.
//!
//! Of the library's filters one has something to hold back here: pods of DaemonSets, which would come back at once, so
//! that `--ignore-daemonsets` leaves them alone and without it the drain ends before anything is evicted. Tools set it,
//! and `force` and `delete-emptydir-data` too.

use super::actor::{NotYet, Poll, Wait};
use super::turn::Turn;
use crate::base::{Span, Time};
use crate::engine::Dist;
use crate::world::command::Command;
use crate::world::ids::{NodeId, PodId};
use crate::world::reported::{Reported, Sight};
use crate::world::store::{ApiError, NodeReady, Revision};

/// Sleep after a refused eviction. Source: kubectl `pkg/drain/drain.go`, `EvictErrorRetryDelay`' default.
pub const EVICT_RETRY: Span = Span::secs(5);
/// Time between two looks at a pod that is to go. Source: kubectl `pkg/drain/drain.go`, `waitForDelete`.
pub const GONE_POLL: Span = Span::secs(1);

/// How a tool drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainSettings {
    /// Sleep after a refused eviction; above zero.
    pub retry: Span,
    /// Deadline of the whole drain, waits for termination included; `None`: without limit.
    pub timeout: Option<Span>,
    /// Grace period instead of the pods' own.
    pub grace: Option<Span>,
    /// What each request after the cordon takes until it is sent, where each is a command of its own and one pod comes
    /// after another; zero for the library, which asks for all at once.
    pub command_time: Dist,
    /// What a retry takes beyond that.
    pub retry_time: Dist,
    /// Leaves DaemonSets' pods alone; else a node that has any is not drained at all (`--ignore-daemonsets`).
    pub ignore_daemonsets: bool,
    /// Deletes instead of evicting, past all budgets (`--disable-eviction`).
    pub past_budgets: bool,
    /// Time between two looks at a pod that is to go; above zero.
    pub look: Span,
    /// It drains in attempts with pauses between; `None`: without a pause.
    pub attempts: Option<Attempts>,
    /// When a pod that a budget keeps is deleted past it; `None`: never.
    pub bypass: Option<Bypass>,
    /// Pods of a critical priority class are asked to go once all others are gone.
    pub critical_last: bool,
    /// Pods that are no longer waited for; `None`: each is waited for until its object is gone.
    pub skip_wait: Option<SkipWait>,
    /// After so long the tool raises an alert, and goes on.
    pub alert: Option<Span>,
}

/// When a pod that a budget keeps is deleted past it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bypass {
    /// So long after its first eviction was refused.
    After(Span),
    /// Its own grace period before the drain's deadline, so that it is gone by then.
    GraceBeforeDeadline,
}

/// Which pods on their way out a drain does not wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SkipWait {
    /// Those whose deletion was asked for so long ago.
    pub after: Span,
    /// Only on a node of whose kubelet nothing is heard.
    pub unreachable: bool,
}

/// Attempts to drain with pauses between, for ever. While nothing changes they find what they found before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// How long one lasts.
    pub length: Span,
    /// Pause after one, at first.
    pub pause: Span,
    /// From the first attempt's start until pauses are longer.
    pub slow_after: Span,
    /// Pause from then on.
    pub slow_pause: Span,
}

impl Attempts {
    /// The first moment not before `at` that falls into an attempt; the first one began at `first`.
    pub fn open_from(self, first: Time, at: Time) -> Time {
        let (quick, slow) = (self.length + self.pause, self.length + self.slow_pause);
        // The first attempt that begins at or after `slow_after` is the first of the slow ones.
        let slow_from = (first + self.slow_after).next_tick(first, quick);
        let (phase, period) = if at < slow_from { (first, quick) } else { (slow_from, slow) };
        match at.last_tick(phase, period) {
            Some(began) if at > began + self.length => began + period,
            Some(_) => at,
            None => first,
        }
    }
}

impl DrainSettings {
    /// The library's defaults: evictions, the pods' own grace, no deadline.
    pub const fn new() -> DrainSettings {
        DrainSettings {
            retry: EVICT_RETRY,
            timeout: None,
            grace: None,
            command_time: Dist::Fixed(Span::ZERO),
            retry_time: Dist::Fixed(Span::ZERO),
            ignore_daemonsets: true,
            past_budgets: false,
            look: GONE_POLL,
            attempts: None,
            bypass: None,
            critical_last: false,
            skip_wait: None,
            alert: None,
        }
    }
}

impl Default for DrainSettings {
    fn default() -> Self {
        DrainSettings::new()
    }
}

/// Why a drain failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainError {
    /// The node could not be cordoned.
    Cordon(ApiError),
    /// The node has a DaemonSet's pod, and the tool was not told to leave it alone.
    DaemonSet(PodId),
    /// The node's pods could not be listed.
    List(ApiError),
    /// The API refused a pod's eviction for good.
    Evict(PodId, ApiError),
    /// The API did not answer while a pod was going.
    Poll(PodId, ApiError),
    /// The deadline passed while a budget refused this pod.
    Refused(PodId),
    /// The deadline passed while this pod was going.
    Terminating(PodId),
}

impl DrainError {
    /// In the tool's words.
    pub fn described(&self, seen: &Reported<'_>) -> String {
        let name = |pod: &PodId| seen.store().pod_label(*pod, seen.spec);
        match self {
            DrainError::Cordon(error) => format!("error cordoning node: {error:?}"),
            DrainError::DaemonSet(pod) => {
                format!("cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): {}", name(pod))
            }
            DrainError::List(error) => format!("error listing pods: {error:?}"),
            DrainError::Evict(pod, error) => format!("error when evicting pod {}: {error:?}", name(pod)),
            DrainError::Poll(pod, error) => format!("error when waiting for pod {} to terminate: {error:?}", name(pod)),
            DrainError::Refused(pod) => format!("error when evicting pod {}: global timeout reached", name(pod)),
            DrainError::Terminating(pod) => {
                format!("error when waiting for pod {} to terminate: global timeout reached", name(pod))
            }
        }
    }
}

/// A drain that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drained {
    /// How many pods the node had.
    pub pods: usize,
    /// How many evictions the real tool would have tried again.
    pub retries429: u64,
    /// What failed, by pod; empty when the node is empty.
    pub errors: Vec<DrainError>,
}

impl Drained {
    /// How it went, for the timeline; `label` is the node's.
    pub fn told(&self, label: &str) -> String {
        let (pods, retries) = (self.pods, self.retries429);
        format!("drain of {label}: {pods} pods, {retries} refused evictions tried again")
    }

    /// What to say of it, if it failed.
    pub fn failure(&self, label: &str, seen: &Reported<'_>) -> Option<String> {
        let errors: Vec<String> = self.errors.iter().map(|error| error.described(seen)).collect();
        (!errors.is_empty()).then(|| format!("failed to drain node {label}: {}", errors.join(", ")))
    }
}

/// A drain under way.
#[derive(Clone, Debug)]
pub struct Drain {
    node: NodeId,
    settings: Box<DrainSettings>,
    stage: Stage,
    /// What it waits for since it last looked at its pods.
    rest: Option<Box<Rest>>,
}

/// What a drain waits for, and by what it knows that nothing of it has come: a tool that drains fifty nodes at once
/// looks at the pods of those that something has happened to.
#[derive(Clone, Debug)]
struct Rest {
    wait: Wait,
    blocked: Vec<NotYet>,
    /// Orders that were not answered yet, from and up to.
    asked: Option<(u32, u32)>,
    /// Ticks at which refused evictions are tried again, if anything has changed since this revision.
    retries: Vec<Poll>,
    known: Revision,
    /// Pods of its node, and the last that was bound there: others come after it, so that both tell any change.
    bound: (usize, Option<PodId>),
}

#[derive(Clone, Debug)]
enum Stage {
    Cordon(Option<u32>),
    List,
    Pods {
        deadline: Time,
        /// When the alert is raised; never once it was.
        alert: Time,
        tasks: Vec<Task>,
    },
    Failed(DrainError),
}

#[derive(Clone, Debug)]
struct Task {
    pod: PodId,
    /// When its eviction was first tried; the retries' phase. A retry that is a command of its own falls that much after
    /// its tick.
    first: Time,
    /// Retries, the ones left out included, that were refused.
    retries: u64,
    /// When it is deleted past the budget that keeps it.
    bypass: Time,
    state: TaskState,
}

#[derive(Clone, Copy, Debug)]
enum TaskState {
    /// It waits for pods that go first.
    Held,
    /// The command that asks for the eviction sends it at this moment.
    Launching { at: Time },
    /// An eviction is under way. `known`: the store's revision when it was tried.
    Asking { order: u32, asked: Time, known: Revision },
    /// A budget refused it.
    Refused { asked: Time, known: Revision },
    /// Accepted; the pod is polled from here on.
    Leaving { since: Time },
    /// Returned.
    Over(Option<DrainError>),
}

impl Drain {
    /// Cordons the node, then empties it.
    pub fn cordon_first(node: NodeId, settings: DrainSettings) -> Drain {
        Drain { node, settings: Box::new(settings), stage: Stage::Cordon(None), rest: None }
    }

    /// Empties a node that is cordoned already.
    pub fn of_cordoned(node: NodeId, settings: DrainSettings) -> Drain {
        Drain { node, settings: Box::new(settings), stage: Stage::List, rest: None }
    }

    /// Whether a budget still refuses one of its evictions.
    pub fn is_refused(&self) -> bool {
        let refused = |task: &Task| matches!(task.state, TaskState::Refused { .. });
        if let Stage::Pods { tasks, .. } = &self.stage { tasks.iter().any(refused) } else { false }
    }

    /// Goes as far as it can now; the result once all tasks have returned.
    pub fn step(&mut self, turn: &mut Turn<'_, '_>) -> Option<Drained> {
        if self.rests(turn) {
            return None;
        }
        self.cordon(turn);
        self.list(turn);
        let drained = match &mut self.stage {
            Stage::Cordon(_) | Stage::List => None,
            Stage::Failed(error) => Some(Drained { pods: 0, retries429: 0, errors: vec![*error] }),
            Stage::Pods { deadline, alert, tasks } => {
                if turn.now() >= *alert {
                    *alert = Time::NEVER;
                    turn.remark(format!("alert: drain of {} goes on", turn.seen.instance(self.node).label));
                }
                for task in tasks.iter_mut() {
                    task.step(self.node, &self.settings, *deadline, turn);
                }
                release(tasks, &self.settings, turn);
                ended(tasks)
            }
        };
        self.rest = self.rest_from_now(turn);
        drained
    }

    /// Says what it waits for, and why.
    pub fn arm(&self, turn: &mut Turn<'_, '_>) {
        if let Some(rest) = &self.rest {
            turn.until(rest.wait.alarm.unwrap_or(Time::NEVER));
            turn.wait.polls.extend_from_slice(&rest.wait.polls);
            turn.orders.blocked.extend_from_slice(&rest.blocked);
            if turn.seen.store().revision() != rest.known {
                rest.retries.iter().for_each(|poll| turn.until(poll.after(turn.now())));
            }
        }
    }

    /// Whether nothing has come of what it waits for: then its pods are as it left them.
    fn rests(&self, turn: &Turn<'_, '_>) -> bool {
        let Some(rest) = &self.rest else { return false };
        let now = turn.now();
        let by_time_too = self.settings.skip_wait.is_some() || self.settings.attempts.is_some();
        let answered = rest.asked.is_some_and(|(from, to)| turn.answers_any(from, to));
        !by_time_too
            && turn.seen.api.is_ok()
            && rest.wait.alarm.is_none_or(|alarm| now < alarm)
            && !answered
            && rest.bound == self.bound(turn.seen)
            && !rest.retries.iter().any(|poll| poll.ticks_at(now))
    }

    fn rest_from_now(&self, turn: &mut Turn<'_, '_>) -> Option<Box<Rest>> {
        let Stage::Pods { deadline, alert, tasks } = &self.stage else { return None };
        let (wait, blocked) = turn.apart(|turn| {
            turn.until(*alert);
            for task in tasks {
                task.arm(self.node, &self.settings, *deadline, turn);
            }
        });
        let (known, bound) = (turn.seen.store().revision(), self.bound(turn.seen));
        let mut rest = Rest { wait, blocked, asked: None, retries: Vec::new(), known, bound };
        for task in tasks {
            match task.state {
                TaskState::Asking { order, .. } => {
                    let (from, to) = rest.asked.unwrap_or((order, order));
                    rest.asked = Some((from.min(order), to.max(order)));
                }
                TaskState::Refused { .. } => {
                    let poll = task.retries(&self.settings);
                    if !rest.retries.contains(&poll) {
                        rest.retries.push(poll);
                    }
                }
                TaskState::Held | TaskState::Launching { .. } | TaskState::Leaving { .. } | TaskState::Over(_) => {}
            }
        }
        Some(Box::new(rest))
    }

    fn bound(&self, seen: &Reported<'_>) -> (usize, Option<PodId>) {
        let pods = seen.pods_on(self.node);
        (pods.len(), pods.last().copied())
    }

    fn cordon(&mut self, turn: &mut Turn<'_, '_>) {
        let Stage::Cordon(order) = &mut self.stage else { return };
        let Some(given) = *order else {
            *order = Some(turn.give(Command::Cordon(self.node)));
            return;
        };
        match turn.answer(given) {
            None => {}
            Some(Ok(())) => self.stage = Stage::List,
            Some(Err(error)) => self.stage = Stage::Failed(DrainError::Cordon(error)),
        }
    }

    fn list(&mut self, turn: &mut Turn<'_, '_>) {
        let Stage::List = self.stage else { return };
        if let Err(error) = turn.seen.api {
            self.stage = Stage::Failed(DrainError::List(error));
            return;
        }
        let now = turn.now();
        let of_daemon_set = |pod: &PodId| turn.seen.is_of_daemon_set(*pod);
        let on_node = turn.seen.pods_on(self.node);
        if let Some(pod) = on_node.iter().copied().find(of_daemon_set).filter(|_| !self.settings.ignore_daemonsets) {
            self.stage = Stage::Failed(DrainError::DaemonSet(pod));
            return;
        }
        let pods: Vec<PodId> = on_node.iter().copied().filter(|pod| !of_daemon_set(pod)).collect();
        let mut first = now;
        let deadline = self.settings.timeout.map_or(Time::NEVER, |timeout| now + timeout);
        let mut task = |pod: &PodId| {
            first += turn.command_time(self.settings.command_time);
            let app = &turn.seen.spec.apps[turn.seen.store().pods().now(*pod).app];
            let bypass = match self.settings.bypass {
                Some(Bypass::After(span)) => first + span,
                Some(Bypass::GraceBeforeDeadline) if deadline < Time::NEVER => {
                    deadline - self.settings.grace.unwrap_or(app.grace)
                }
                Some(Bypass::GraceBeforeDeadline) | None => Time::NEVER,
            };
            let held = self.settings.critical_last && app.critical;
            let state = if held { TaskState::Held } else { TaskState::Launching { at: first } };
            Task { pod: *pod, first, retries: 0, bypass, state }
        };
        let tasks = pods.iter().map(&mut task).collect();
        let alert = self.settings.alert.map_or(Time::NEVER, |alert| now + alert);
        self.stage = Stage::Pods { deadline, alert, tasks };
    }
}

/// Asks the pods that waited for others, once those are gone; where one of those failed, nothing more is asked.
fn release(tasks: &mut [Task], settings: &DrainSettings, turn: &mut Turn<'_, '_>) {
    let held = |task: &Task| matches!(task.state, TaskState::Held);
    let others = tasks.iter().filter(|task| !held(task));
    if !tasks.iter().any(held) || others.clone().any(|task| !matches!(task.state, TaskState::Over(_))) {
        return;
    }
    let failed = others.clone().any(|task| matches!(task.state, TaskState::Over(Some(_))));
    for task in tasks.iter_mut().filter(|task| held(task)) {
        task.first = turn.now();
        task.state = if failed { TaskState::Over(None) } else { ask(task.pod, settings.past_budgets, settings, turn) };
    }
}

fn ended(tasks: &[Task]) -> Option<Drained> {
    let mut errors = Vec::new();
    for task in tasks {
        let TaskState::Over(error) = task.state else { return None };
        errors.extend(error);
    }
    let retries429 = tasks.iter().map(|task| task.retries).sum();
    Some(Drained { pods: tasks.len(), retries429, errors })
}

impl Task {
    fn retries(&self, settings: &DrainSettings) -> Poll {
        Poll { phase: self.first, period: settings.retry }
    }

    /// Whether an attempt is under way.
    fn is_open(&self, settings: &DrainSettings, now: Time) -> bool {
        settings.attempts.is_none_or(|attempts| attempts.open_from(self.first, now) == now)
    }

    /// The first of the ticks that begin at `tick` that falls into an attempt; attempts begin on ticks.
    fn next_open(&self, settings: &DrainSettings, tick: Time) -> Time {
        settings.attempts.map_or(tick, |attempts| attempts.open_from(self.first, tick))
    }

    fn step(&mut self, node: NodeId, settings: &DrainSettings, deadline: Time, turn: &mut Turn<'_, '_>) {
        let now = turn.now();
        if let TaskState::Asking { order, asked, known } = self.state
            && let Some(result) = turn.answer(order)
        {
            self.state = self.answered(result, asked, known, now);
        }
        match self.state {
            TaskState::Launching { at } if now >= at => {
                self.state = ask(self.pod, settings.past_budgets, settings, turn);
            }
            TaskState::Held | TaskState::Launching { .. } | TaskState::Asking { .. } | TaskState::Over(_) => {}
            TaskState::Refused { .. } if now >= self.bypass => self.state = ask(self.pod, true, settings, turn),
            TaskState::Refused { asked, known } => {
                let poll = self.retries(settings);
                if now > asked && poll.ticks_at(now) && self.is_open(settings, now) {
                    self.retries = poll.passed(now);
                    if now >= deadline {
                        self.retries = self.retries.saturating_sub(1);
                        self.state = TaskState::Over(Some(DrainError::Refused(self.pod)));
                    } else if may_differ(turn.seen, known) {
                        let script = turn.command_time(settings.retry_time);
                        self.state = match turn.command_time(settings.command_time) + script {
                            Span::ZERO => ask(self.pod, settings.past_budgets, settings, turn),
                            time => TaskState::Launching { at: now + time },
                        };
                    }
                }
            }
            TaskState::Leaving { since } if gone_poll(since, settings).ticks_at(now) && self.is_open(settings, now) => {
                let skipped = self.skipped_from(node, settings, turn.seen) <= now;
                self.state = match left(self.pod, turn.seen) {
                    Some(state) => state,
                    None if skipped => TaskState::Over(None),
                    None if now >= deadline => TaskState::Over(Some(DrainError::Terminating(self.pod))),
                    None => self.state,
                };
            }
            TaskState::Leaving { .. } => {}
        }
    }

    fn answered(&self, result: Result<(), ApiError>, asked: Time, known: Revision, now: Time) -> TaskState {
        match result {
            Ok(()) => TaskState::Leaving { since: now },
            Err(ApiError::NotFound) => TaskState::Over(None),
            Err(ApiError::TooManyRequests) => TaskState::Refused { asked, known },
            Err(
                error @ (ApiError::Refused
                | ApiError::Reset
                | ApiError::Timeout
                | ApiError::Unavailable
                | ApiError::Conflict
                | ApiError::SeveralBudgets
                | ApiError::Forbidden
                | ApiError::Members
                | ApiError::Webhook),
            ) => TaskState::Over(Some(DrainError::Evict(self.pod, error))),
        }
    }

    /// From when on nobody waits for it any more, though its object may be there.
    fn skipped_from(&self, node: NodeId, settings: &DrainSettings, seen: &Reported<'_>) -> Time {
        let Some(skip) = settings.skip_wait else { return Time::NEVER };
        let silent = seen.node(node).is_some_and(|object| object.ready == NodeReady::Unknown);
        let deleting = seen.pod(self.pod).and_then(|object| object.deleting);
        match (deleting, silent || !skip.unreachable) {
            (Some(since), true) => since + skip.after,
            (Some(_) | None, _) => Time::NEVER,
        }
    }

    fn arm(&self, node: NodeId, settings: &DrainSettings, deadline: Time, turn: &mut Turn<'_, '_>) {
        let now = turn.now();
        match self.state {
            TaskState::Held => {}
            TaskState::Launching { at } => turn.until(at),
            TaskState::Asking { .. } => {}
            TaskState::Over(Some(DrainError::Evict(pod, ApiError::SeveralBudgets))) => {
                turn.blocked(NotYet::SeveralBudgets { pod });
            }
            TaskState::Over(_) => {}
            TaskState::Refused { known, .. } => {
                let poll = self.retries(settings);
                turn.blocked(NotYet::BudgetSpent { pod: self.pod });
                turn.until(self.bypass);
                let next = self.next_open(settings, poll.after(now));
                wait_by((poll, Sight::Anything), (deadline, next), may_differ(turn.seen, known), turn);
            }
            TaskState::Leaving { since } => {
                turn.blocked(NotYet::Terminating { pod: self.pod });
                let poll = gone_poll(since, settings);
                let next = self.next_open(settings, poll.after(now));
                wait_by((poll, Sight::End(self.pod)), (deadline, next), left(self.pod, turn.seen).is_some(), turn);
                if let Some(skip) = settings.skip_wait {
                    turn.until(poll.from(self.skipped_from(node, settings, turn.seen)).max(poll.after(now)));
                    if skip.unreachable {
                        turn.poll(poll, Sight::Machines);
                    }
                }
            }
        }
    }
}

/// Waits for a poll's next tick after a change. A change that this call, between two ticks, has already seen is not
/// told again: then the `next` tick itself is awaited. So is the tick that finds the deadline passed.
fn wait_by((poll, sight): (Poll, Sight), (deadline, next): (Time, Time), changed: bool, turn: &mut Turn<'_, '_>) {
    turn.poll(poll, sight);
    turn.until(poll.from(deadline).max(poll.after(turn.now())));
    if changed {
        turn.until(next);
    }
}

fn ask(pod: PodId, past_budgets: bool, settings: &DrainSettings, turn: &mut Turn<'_, '_>) -> TaskState {
    let grace = settings.grace;
    let order = turn.give(if past_budgets { Command::Delete { pod, grace } } else { Command::Evict { pod, grace } });
    TaskState::Asking { order, asked: turn.now(), known: turn.seen.store().revision() }
}

fn gone_poll(since: Time, settings: &DrainSettings) -> Poll {
    Poll { phase: since, period: settings.look }
}

/// Whether an eviction that was refused at revision `known` may be answered otherwise now.
fn may_differ(seen: &Reported<'_>, known: Revision) -> bool {
    seen.api.is_err() || seen.store().revision() != known
}

/// How a task ends that looks at its leaving pod now, if it does.
fn left(pod: PodId, seen: &Reported<'_>) -> Option<TaskState> {
    match (seen.api, seen.pod(pod)) {
        (Err(error), _) => Some(TaskState::Over(Some(DrainError::Poll(pod, error)))),
        (Ok(()), None) => Some(TaskState::Over(None)),
        (Ok(()), Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::actor::{Actor, Orders, Wait};
    use crate::strategy::stage::{Stage, secs, spec};
    use crate::strategy::turn::OrderNumbers;
    use crate::world::command::Answer;

    /// An operator who does nothing but drain one node.
    #[derive(Clone, Debug)]
    struct Drainer {
        drain: Drain,
        numbers: OrderNumbers,
    }

    impl Actor for Drainer {
        fn act(&mut self, seen: &Reported<'_>, answers: &[Answer], orders: &mut Orders) -> Wait {
            let mut turn = Turn::new(seen, answers, orders, &mut self.numbers);
            if let Some(drained) = self.drain.step(&mut turn) {
                turn.remark(format!("{} pods, {} retries", drained.pods, drained.retries429));
                let errors: Vec<String> = drained.errors.iter().map(|error| error.described(seen)).collect();
                turn.orders.ended = Some(if errors.is_empty() { Ok(()) } else { Err(errors.join(", ")) });
            }
            self.drain.arm(&mut turn);
            turn.wait
        }
        fn boxed_clone(&self) -> Box<dyn Actor> {
            Box::new(self.clone())
        }
    }

    fn stage_of(spec: crate::world::spec::Spec, timeout: Option<Span>) -> Stage {
        let settings = DrainSettings { timeout, ..DrainSettings::new() };
        let drain = Drain::cordon_first(NodeId(1), settings);
        Stage::new(spec, Box::new(Drainer { drain, numbers: OrderNumbers::default() }))
    }

    /// One master, and `workers-1` with this many pods.
    fn stage(pods: usize, timeout: Option<Span>) -> Stage {
        let mut stage = stage_of(spec(1, 1), timeout);
        for _ in 0..pods {
            stage.pod_on("workers-1");
        }
        stage
    }

    fn ended_at(stage: &Stage) -> Time {
        stage.ended.as_ref().expect("the drain has ended").0
    }

    #[test]
    fn attempts_are_open_for_their_length_and_pause_longer_after_a_while() {
        let attempts = Attempts {
            length: Span::secs(90),
            pause: Span::secs(60),
            slow_after: Span::secs(600),
            slow_pause: Span::secs(300),
        };
        let from = |at| attempts.open_from(secs(100), secs(at));
        assert_eq!((from(100), from(190), from(191), from(250)), (secs(100), secs(190), secs(250), secs(250)));
        // The attempt at 700 s, ten minutes after the first, is the first with a long pause behind it.
        assert_eq!((from(641), from(700), from(791), from(1090)), (secs(700), secs(700), secs(1090), secs(1090)));
        assert_eq!((from(1181), from(1480)), (secs(1480), secs(1480)));
    }

    #[test]
    fn pods_go_all_at_once_and_are_found_gone_on_a_whole_second() {
        let mut stage = stage(3, None);
        stage.allow(3);
        stage.leave = Span::millis(12_300);
        stage.run_until(secs(100));
        // Cordon and eviction take 10 ms each; the poll ticks each second from there on.
        assert_eq!(ended_at(&stage), Time::ZERO + Span::millis(13_020), "{}", stage.transcript());
        assert_eq!(stage.times("remark: 3 pods, 0 retries"), 1);
    }

    #[test]
    fn a_refused_eviction_is_tried_again_on_a_tick_of_five_seconds_after_something_changed() {
        let mut stage = stage(1, None);
        stage.at(secs(62), |stage| stage.allow(1));
        stage.run_until(secs(200));
        let tries: Vec<Time> =
            stage.log.iter().filter(|(_, line)| line == "order evict web-0").map(|(at, _)| *at).collect();
        let first = Time::ZERO + Span::millis(10);
        assert_eq!(tries, [first, first + Span::secs(65)], "{}", stage.transcript());
        assert_eq!(stage.times("remark: 1 pods, 13 retries"), 1, "{}", stage.transcript());
    }

    #[test]
    fn a_blocked_drain_is_not_called_while_nothing_changes() {
        let mut stage = stage(1, None);
        stage.run_until(secs(10));
        let before = stage.calls;
        stage.run_until(secs(100_000));
        assert_eq!(stage.calls, before);
        assert_eq!(stage.orders.blocked, [NotYet::BudgetSpent { pod: PodId(0) }]);
    }

    #[test]
    fn a_change_seen_between_two_ticks_is_not_forgotten_at_the_tick() {
        let mut stage = stage(2, None);
        stage.allow(1);
        // web-0 goes at 12 s; its poll calls the actor, off the retry ticks of web-1, right after the budget is back.
        stage.at(Time::ZERO + Span::millis(11_900), |stage| stage.allow(1));
        stage.run_until(secs(100));
        let retried = stage.log.iter().filter(|(_, line)| line == "order evict web-1").map(|(at, _)| *at).next_back();
        assert_eq!(retried, Some(Time::ZERO + Span::millis(15_010)), "{}", stage.transcript());
    }

    #[test]
    fn two_budgets_on_a_pod_fail_its_task_while_the_others_go_on() {
        let mut stage = stage_of(Stage::with_two_budgets(spec(1, 1)), None);
        stage.pod_on("workers-1");
        let pending = stage.pod_on("workers-1");
        let phase = crate::world::store::Phase::Pending;
        let change = crate::world::store::Change::PodStatus { pod: pending, phase, ready: false };
        stage.apply(&change).expect("the pod exists");
        stage.run_until(secs(5));
        let expected = [NotYet::SeveralBudgets { pod: PodId(0) }, NotYet::Terminating { pod: pending }];
        assert_eq!(stage.orders.blocked, expected);
        stage.run_until(secs(100));
        let (at, result) = stage.ended.clone().expect("it has ended");
        assert_eq!(at, Time::ZERO + Span::millis(12_020) + Span::ZERO, "{}", stage.transcript());
        assert!(result.expect_err("one task failed").contains("SeveralBudgets"));
    }

    #[test]
    fn a_pod_that_is_gone_before_its_eviction_counts_as_done() {
        let mut stage = stage(1, None);
        stage.at(Time::ZERO + Span::millis(15), |stage| {
            let change = crate::world::store::Change::RemovePod { pod: PodId(0) };
            stage.apply(&change).expect("it exists");
        });
        stage.run_until(secs(10));
        assert_eq!(stage.ended, Some((Time::ZERO + Span::millis(20), Ok(()))));
    }

    #[test]
    fn a_deadline_strikes_a_pod_that_is_still_terminating_at_the_next_second() {
        let mut stage = stage(1, Some(Span::millis(5_500)));
        stage.allow(1);
        stage.leave = Span::secs(60);
        stage.run_until(secs(100));
        assert_eq!(ended_at(&stage), Time::ZERO + Span::millis(6_020), "{}", stage.transcript());
        let (_, result) = stage.ended.clone().expect("it has ended");
        assert!(result.expect_err("too late").contains("to terminate: global timeout reached"));
    }

    #[test]
    fn a_deadline_strikes_a_refused_eviction_when_its_sleep_ends() {
        let mut stage = stage(1, Some(Span::secs(12)));
        stage.run_until(secs(100));
        assert_eq!(ended_at(&stage), Time::ZERO + Span::millis(15_010), "{}", stage.transcript());
        assert_eq!(stage.times("remark: 1 pods, 2 retries"), 1);
        assert_eq!(stage.times("order evict web-0"), 1);
    }

    #[test]
    fn an_api_that_falls_silent_fails_a_task_that_polls() {
        let mut stage = stage(1, None);
        stage.allow(1);
        stage.at(Time::ZERO + Span::millis(3_500), |stage| stage.set_api(Err(ApiError::Timeout)));
        stage.run_until(secs(100));
        assert_eq!(ended_at(&stage), Time::ZERO + Span::millis(4_020), "{}", stage.transcript());
    }

    #[test]
    fn a_silence_between_two_polls_is_not_noticed() {
        let mut stage = stage(1, None);
        stage.allow(1);
        stage.at(Time::ZERO + Span::millis(3_200), |stage| stage.set_api(Err(ApiError::Timeout)));
        stage.at(Time::ZERO + Span::millis(3_800), |stage| stage.set_api(Ok(())));
        stage.run_until(secs(100));
        assert_eq!(stage.ended.clone().map(|(_, result)| result), Some(Ok(())));
    }
}
