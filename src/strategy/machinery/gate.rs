//! A gate under way: looks on ticks, counts successes in a row, gives up at the first look after its deadline.

use super::condition::{Subject, unmet};
use super::plan::Gate;
use crate::base::Time;
use crate::strategy::actor::{NotYet, Poll};
use crate::strategy::turn::Turn;

/// A gate under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct GateRun {
    passed: u32,
    deadline: Time,
    next: Next,
}

#[derive(Clone, Copy, Debug)]
enum Next {
    /// A look at this moment.
    At(Time),
    /// The look at this moment failed; the next falls on a tick from there.
    Retry(Time),
}

impl GateRun {
    /// From now on; the first look is at once.
    pub(super) fn begin(gate: &Gate, now: Time) -> GateRun {
        let deadline = gate.deadline.map_or(Time::NEVER, |deadline| now + deadline);
        GateRun { passed: 0, deadline, next: Next::At(now) }
    }

    /// Looks where a look is due; the result once there is one.
    pub(super) fn step(
        &mut self,
        gate: &Gate,
        subject: Subject<'_>,
        turn: &mut Turn<'_, '_>,
    ) -> Option<Result<(), String>> {
        let now = turn.now();
        let due = match self.next {
            Next::At(at) => now >= at,
            Next::Retry(since) => now > since && ticks(gate, since).ticks_at(now),
        };
        if !due {
            return None;
        }
        let Some(why) = failing(gate, subject, turn) else {
            self.passed += 1;
            self.next = Next::At(now + gate.again);
            return (self.passed >= gate.times).then_some(Ok(()));
        };
        self.passed = 0;
        self.next = match self.next {
            // One grid of ticks from the first failure on.
            Next::Retry(since) => Next::Retry(since),
            Next::At(_) => Next::Retry(now),
        };
        (now >= self.deadline).then_some(Err(why))
    }

    /// Says what it waits for, and why.
    pub(super) fn arm(&self, gate: &Gate, subject: Subject<'_>, turn: &mut Turn<'_, '_>) {
        let now = turn.now();
        match self.next {
            Next::At(at) => {
                turn.until(at);
                turn.blocked(NotYet::Pause);
            }
            Next::Retry(since) => {
                let tick = ticks(gate, since);
                for condition in &gate.conditions {
                    turn.poll(tick, condition.sight());
                }
                turn.until(tick.from(self.deadline).max(tick.after(now)));
                match failing(gate, subject, turn) {
                    Some(why) => turn.blocked(NotYet::Gate(why)),
                    // It became so between two ticks: the next one finds it so, or finds it changed again.
                    None => turn.until(tick.after(now)),
                }
            }
        }
    }
}

fn ticks(gate: &Gate, since: Time) -> Poll {
    Poll { phase: since, period: gate.every }
}

fn failing(gate: &Gate, subject: Subject<'_>, turn: &Turn<'_, '_>) -> Option<String> {
    gate.conditions.iter().find_map(|condition| unmet(*condition, subject, turn.seen))
}
