//! The validation gate: validate, again after 10 s for the next success, or after 30 s upon failure, until a time-out.
//!
//! Source: kops `pkg/instancegroups/instancegroups.go`, `validateClusterWithTimeout`; its predecessors of 2018 and 2019,
//! `ValidateClusterWithDuration`, tick by a ticker from the first try on and give up exactly at the time-out.

use super::settings::{Settings, VALIDATE_AGAIN, VALIDATE_TICK};
use crate::base::Time;
use crate::strategy::actor::{NotYet, Poll};
use crate::strategy::turn::Turn;
use crate::strategy::validation::{GroupKey, Looked, Relevant};
use crate::world::fact::{StepPhase, Unit};
use crate::world::reported::Sight;

/// A gate under way.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    unit: Unit,
    relevant: Relevant,
    /// Successes in a row that it takes.
    count: u64,
    deadline: Time,
    exact: bool,
    /// One failure ends it.
    single: bool,
    passed: u64,
    next: Next,
    looked: Looked,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    /// A validation at this moment.
    At(Time),
    /// The validation at this moment failed; the next falls on a tick from there.
    Retry { since: Time },
}

impl Gate {
    /// The validation before a group's first step: one success.
    pub(super) fn before_group(settings: &Settings, group: GroupKey, unit: Unit, turn: &mut Turn<'_, '_>) -> Gate {
        let single = !settings.era.retries_first_validation;
        Gate { single, count: 1, ..Gate::between(settings, group, unit, turn) }
    }

    /// The validation after a step.
    pub(super) fn between(settings: &Settings, group: GroupKey, unit: Unit, turn: &mut Turn<'_, '_>) -> Gate {
        turn.begin(unit, StepPhase::Gate);
        Gate {
            unit,
            relevant: if settings.era.ignores_other_groups { Relevant::To(group) } else { Relevant::All },
            count: settings.validate_count,
            deadline: turn.now() + settings.validation_timeout,
            exact: settings.era.exact_timeout,
            single: false,
            passed: 0,
            next: Next::At(turn.now()),
            looked: Looked::default(),
        }
    }

    /// Validates where a validation is due; the result once there is one.
    pub(super) fn step(&mut self, turn: &mut Turn<'_, '_>) -> Option<Result<(), String>> {
        let now = turn.now();
        let due = match self.next {
            Next::At(at) => now >= at,
            Next::Retry { since } => now > since && tick(since).ticks_at(now),
        };
        let result = if self.count == 0 {
            Some(Ok(()))
        } else if due {
            self.validate(turn)
        } else {
            None
        };
        let result = result.or_else(|| self.timed_out(turn));
        if result.is_some() {
            turn.end(self.unit, StepPhase::Gate);
        }
        result
    }

    fn validate(&mut self, turn: &mut Turn<'_, '_>) -> Option<Result<(), String>> {
        let now = turn.now();
        let Some(failure) = self.looked.invalid(turn.seen, self.relevant) else {
            self.passed += 1;
            self.next = Next::At(now + VALIDATE_AGAIN);
            return (self.passed >= self.count).then_some(Ok(()));
        };
        self.passed = 0;
        self.next = Next::Retry { since: now };
        let late = !self.exact && now >= self.deadline;
        (self.single || late).then(|| Err(format!("cluster did not validate: {}", failure.described(turn.seen))))
    }

    /// The exact time-out of the older releases, which strikes between two ticks, too.
    fn timed_out(&mut self, turn: &Turn<'_, '_>) -> Option<Result<(), String>> {
        let Next::Retry { .. } = self.next else { return None };
        let over = self.exact && turn.now() >= self.deadline;
        over.then(|| {
            let why = self.looked.invalid(turn.seen, self.relevant).map(|failure| failure.described(turn.seen));
            Err(format!("cluster did not validate in time: {}", why.unwrap_or_else(|| "it was valid too late".into())))
        })
    }

    /// Says what it waits for, and why.
    pub(super) fn arm(&mut self, turn: &mut Turn<'_, '_>) {
        let now = turn.now();
        match self.next {
            Next::At(at) => {
                turn.until(at);
                turn.blocked(NotYet::Pause);
            }
            Next::Retry { since } => {
                let tick = tick(since);
                turn.poll(tick, Sight::Anything);
                turn.until(if self.exact { self.deadline } else { tick.from(self.deadline).max(tick.after(now)) });
                match self.looked.still_invalid(turn.seen, self.relevant) {
                    Some(failure) => turn.blocked(NotYet::Gate(failure.described(turn.seen))),
                    // It became valid between two ticks: the next one finds it so, or finds it changed again.
                    None => turn.until(tick.after(now)),
                }
            }
        }
    }
}

fn tick(since: Time) -> Poll {
    Poll { phase: since, period: VALIDATE_TICK }
}
