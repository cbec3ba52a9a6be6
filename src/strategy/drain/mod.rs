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

mod settings;
mod task;
#[cfg(test)]
mod tests;

pub use settings::{Attempts, Bypass, DrainSettings, EVICT_RETRY, GONE_POLL, SkipWait};

use super::actor::{Part, Poll};
use super::turn::Turn;
use crate::base::Time;
use crate::world::command::Command;
use crate::world::ids::{NodeId, PodId};
use crate::world::reported::Reported;
use crate::world::store::{ApiError, Revision};
use task::{Task, TaskState, ask};

/// Why a drain failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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
    part: Part,
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
            turn.part(&rest.part);
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
            && rest.part.alarm().is_none_or(|alarm| now < alarm)
            && !answered
            && rest.bound == self.bound(turn.seen)
            && !rest.retries.iter().any(|poll| poll.ticks_at(now))
    }

    fn rest_from_now(&self, turn: &mut Turn<'_, '_>) -> Option<Box<Rest>> {
        let Stage::Pods { deadline, alert, tasks } = &self.stage else { return None };
        let part = turn.apart(|turn| {
            turn.until(*alert);
            for task in tasks {
                task.arm(self.node, &self.settings, *deadline, turn);
            }
        });
        let (known, bound) = (turn.seen.store().revision(), self.bound(turn.seen));
        let mut rest = Rest { part, asked: None, retries: Vec::new(), known, bound };
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
            let app = &turn.seen.spec.apps[turn.seen.store().pods().app(*pod)];
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
