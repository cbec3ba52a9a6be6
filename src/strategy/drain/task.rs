//! One pod's task in a drain: evict it, try again while a budget refuses, wait until it is gone.

use super::DrainError;
use super::settings::DrainSettings;
use crate::base::{Span, Time};
use crate::strategy::actor::{NotYet, Poll};
use crate::strategy::turn::Turn;
use crate::world::command::Command;
use crate::world::ids::{NodeId, PodId};
use crate::world::reported::{Reported, Sight};
use crate::world::store::{ApiError, NodeReady, Revision};

#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) pod: PodId,
    /// When its eviction was first tried; the retries' phase. A retry that is a command of its own falls that much after
    /// its tick.
    pub(super) first: Time,
    /// Retries, the ones left out included, that were refused.
    pub(super) retries: u64,
    /// When it is deleted past the budget that keeps it.
    pub(super) bypass: Time,
    pub(super) state: TaskState,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum TaskState {
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

impl Task {
    pub(super) fn retries(&self, settings: &DrainSettings) -> Poll {
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

    pub(super) fn step(&mut self, node: NodeId, settings: &DrainSettings, deadline: Time, turn: &mut Turn<'_, '_>) {
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

    pub(super) fn arm(&self, node: NodeId, settings: &DrainSettings, deadline: Time, turn: &mut Turn<'_, '_>) {
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

pub(super) fn ask(pod: PodId, past_budgets: bool, settings: &DrainSettings, turn: &mut Turn<'_, '_>) -> TaskState {
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
