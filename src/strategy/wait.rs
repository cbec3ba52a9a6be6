//! What an actor waits for until it is called again, and why.

use std::sync::Arc;

use crate::base::{Span, Time};
use crate::world::ids::PodId;
use crate::world::reported::{Changes, Sight};

/// The shortest step of the clock: the tick after `now` is the first one not before `now` plus this.
const INSTANT: Span = Span::nanos(1);

/// A polling loop that waits for something to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// Polls fall on `phase + k * period`.
    pub phase: Time,
    /// Time between two polls.
    pub period: Span,
}

/// What an actor waits for until it is called again. Answers to its orders always wake it at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wait {
    /// It is called at this moment in any case.
    pub alarm: Option<Time>,
    /// Once what a poll looks at has changed, it is called at that poll's next tick. While nothing changes, the polls
    /// of the real tool would find what they found before, and cost nothing here.
    pub polls: Vec<(Poll, Sight)>,
    /// What parts of the plan wait for of which nothing has come since the last call.
    pub parts: Vec<Part>,
}

impl Wait {
    /// Nothing but answers.
    pub fn for_answers() -> Wait {
        Wait::default()
    }
    /// This moment.
    pub fn until(alarm: Time) -> Wait {
        Wait { alarm: Some(alarm), ..Wait::default() }
    }
    /// All polls, those of its parts among them.
    pub fn looks(&self) -> impl Iterator<Item = (Poll, Sight)> {
        self.polls.iter().copied().chain(self.parts.iter().flat_map(Part::looks))
    }
    /// Whether anything but an answer or an alarm ends it.
    pub fn polls_anything(&self) -> bool {
        !self.polls.is_empty() || !self.parts.is_empty()
    }
    /// Whether one of its polls finds any change at all.
    pub fn looks_at_anything(&self) -> bool {
        self.polls.iter().any(|(_, sight)| *sight == Sight::Anything) || self.parts.iter().any(Part::looks_at_anything)
    }
    /// The earliest tick, from `from` on, of a poll that finds something new in these changes.
    pub fn tick(&self, changes: &Changes, from: Time) -> Option<Time> {
        let own = self.polls.iter().filter(|(_, sight)| changes.concern(*sight)).map(|(poll, _)| poll.from(from));
        let parts = self.parts.iter().filter_map(|part| part.tick(changes, from));
        own.chain(parts).min()
    }
}

/// Why a plan cannot go on yet: a value that a report can print.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotYet {
    /// A budget allows no eviction of this pod now.
    BudgetSpent {
        /// The pod.
        pod: PodId,
    },
    /// More than one budget selects this pod; the API refuses its eviction for ever.
    SeveralBudgets {
        /// The pod.
        pod: PodId,
    },
    /// A pod is on its way out.
    Terminating {
        /// The pod.
        pod: PodId,
    },
    /// A check of the cluster fails; the text says on what.
    Gate(String),
    /// The API does not answer.
    ApiSilent,
    /// A fixed wait.
    Pause,
    /// All that a part of the plan waits for.
    Several(Part),
}

impl NotYet {
    /// Each single reason.
    pub fn each(&self) -> impl Iterator<Item = &NotYet> {
        match self {
            NotYet::Several(part) => part.blocked().iter(),
            one => std::slice::from_ref(one).iter(),
        }
    }
}

impl Poll {
    /// Whether a tick falls on `now`.
    pub fn ticks_at(self, now: Time) -> bool {
        now.last_tick(self.phase, self.period) == Some(now)
    }
    /// The first tick after `now`.
    pub fn after(self, now: Time) -> Time {
        (now + INSTANT).next_tick(self.phase, self.period)
    }
    /// The first tick at or after `at`; never, if `at` is never.
    pub fn from(self, at: Time) -> Time {
        if at == Time::NEVER { Time::NEVER } else { at.next_tick(self.phase, self.period) }
    }
    /// How many ticks lie after the first one, up to and including `now`.
    pub fn passed(self, now: Time) -> u64 {
        now.since(self.phase).as_nanos() / self.period.as_nanos().max(1)
    }
}

/// The wait of a part of a plan, as one of fifty nodes that are drained at once. Cloning shares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part(Arc<Held>);

/// What a part waits for, and why; its polls by what they look at, so that one look tells whether a change concerns
/// them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Held {
    alarm: Option<Time>,
    /// Polls for the end of a pod, by pod.
    ends: Vec<(PodId, Poll)>,
    /// The others, each once.
    others: Vec<(Poll, Sight)>,
    blocked: Vec<NotYet>,
}

impl Part {
    /// A part that waits for this, for these reasons.
    pub fn new(wait: Wait, blocked: Vec<NotYet>) -> Part {
        let mut held = Held { alarm: wait.alarm, blocked, ..Held::default() };
        for (poll, sight) in wait.looks() {
            match sight {
                Sight::End(pod) => held.ends.push((pod, poll)),
                Sight::Machines | Sight::Anything | Sight::ControlPlane => {
                    if !held.others.contains(&(poll, sight)) {
                        held.others.push((poll, sight));
                    }
                }
            }
        }
        held.ends.sort_unstable_by_key(|(pod, poll)| (*pod, poll.phase, poll.period));
        Part(Arc::new(held))
    }

    /// It looks again at this moment in any case.
    pub fn alarm(&self) -> Option<Time> {
        self.0.alarm
    }

    /// Why it waits.
    pub fn blocked(&self) -> &[NotYet] {
        &self.0.blocked
    }

    /// What it looks at.
    pub fn looks(&self) -> impl Iterator<Item = (Poll, Sight)> {
        let ends = self.0.ends.iter().map(|(pod, poll)| (*poll, Sight::End(*pod)));
        ends.chain(self.0.others.iter().copied())
    }

    /// Whether one of its polls finds any change at all.
    pub fn looks_at_anything(&self) -> bool {
        self.0.others.iter().any(|(_, sight)| *sight == Sight::Anything)
    }

    /// The earliest tick, from `from` on, of a poll that finds something new in these changes.
    pub fn tick(&self, changes: &Changes, from: Time) -> Option<Time> {
        if changes.api {
            return self.looks().map(|(poll, _)| poll.from(from)).min();
        }
        let others = self.0.others.iter().filter(|(_, sight)| changes.concern(*sight)).map(|(poll, _)| *poll);
        let ends = changes.ended.iter().flat_map(|pod| self.polls_for(*pod)).map(|(_, poll)| *poll);
        others.chain(ends).map(|poll| poll.from(from)).min()
    }

    fn polls_for(&self, pod: PodId) -> &[(PodId, Poll)] {
        let ends = &self.0.ends;
        let first = ends.partition_point(|(other, _)| *other < pod);
        let many = ends[first..].iter().take_while(|(other, _)| *other == pod).count();
        &ends[first..first + many]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::ZERO + Span::secs(seconds)
    }

    #[test]
    fn a_part_is_woken_by_what_its_polls_look_at_and_by_nothing_else() {
        let poll = |phase| Poll { phase: at(phase), period: Span::secs(10) };
        let polls = vec![
            (poll(3), Sight::End(PodId(7))),
            (poll(1), Sight::End(PodId(4))),
            (poll(5), Sight::Machines),
            (poll(5), Sight::Machines),
        ];
        let part = Part::new(Wait { alarm: None, polls, parts: Vec::new() }, Vec::new());
        let ended = |pods: &[u32]| Changes {
            any: true,
            ended: pods.iter().map(|pod| PodId(*pod)).collect(),
            ..Changes::default()
        };
        assert_eq!(part.looks().count(), 3);
        assert!(!part.looks_at_anything());
        assert_eq!(part.tick(&ended(&[5]), at(20)), None);
        assert_eq!(part.tick(&ended(&[7]), at(20)), Some(at(23)));
        assert_eq!(part.tick(&ended(&[7, 4]), at(20)), Some(at(21)));
        assert_eq!(part.tick(&Changes { machines: true, ..Changes::default() }, at(20)), Some(at(25)));
        assert_eq!(part.tick(&Changes { api: true, ..Changes::default() }, at(22)), Some(at(23)));
    }

    #[test]
    fn a_poll_ticks_at_its_phase_and_every_period_from_there() {
        let at = |seconds| Time::ZERO + Span::secs(seconds);
        let poll = Poll { phase: at(3), period: Span::secs(5) };
        assert!(poll.ticks_at(at(3)) && poll.ticks_at(at(13)) && !poll.ticks_at(at(12)) && !poll.ticks_at(at(2)));
        assert_eq!(poll.after(at(13)), at(18));
        assert_eq!(poll.from(at(13)), at(13));
        assert_eq!(poll.from(Time::NEVER), Time::NEVER);
        assert_eq!((poll.passed(at(3)), poll.passed(at(12)), poll.passed(at(13))), (0, 1, 2));
    }
}
