//! One call of an actor, as its parts pass it around: what is seen, what was answered, what is ordered and awaited.

use super::actor::{NotYet, Orders, Part, Poll, Wait};
use crate::base::{Name, Span, Time};
use crate::engine::Dist;
use crate::world::command::{Answer, Command};
use crate::world::fact::{StepPhase, Unit};
use crate::world::purpose::Purpose;
use crate::world::reported::{Reported, Sight};
use crate::world::store::ApiError;

/// The numbers of an actor's orders, counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderNumbers {
    next: u32,
    /// Commands of its shell, which are counted apart: they draw.
    commands: u64,
}

/// One call of an actor.
pub struct Turn<'a, 'r> {
    /// What the API and the cloud report.
    pub seen: &'a Reported<'r>,
    /// What it put out so far in this call.
    pub orders: &'a mut Orders,
    /// What it will wait for.
    pub wait: Wait,
    answers: &'a [Answer],
    numbers: &'a mut OrderNumbers,
}

impl<'a, 'r> Turn<'a, 'r> {
    /// The start of a call.
    pub fn new(
        seen: &'a Reported<'r>,
        answers: &'a [Answer],
        orders: &'a mut Orders,
        numbers: &'a mut OrderNumbers,
    ) -> Turn<'a, 'r> {
        Turn { seen, orders, wait: Wait::default(), answers, numbers }
    }
    /// The moment.
    pub fn now(&self) -> Time {
        self.seen.now
    }
    /// Gives an order and returns its number.
    pub fn give(&mut self, command: Command) -> u32 {
        let number = self.numbers.next;
        self.numbers.next += 1;
        self.orders.give(number, command);
        number
    }
    /// What the next command of the operator's shell takes until its first request.
    pub fn command_time(&mut self, time: Dist) -> Span {
        let ordinal = self.numbers.commands;
        self.numbers.commands += 1;
        time.sample(&mut self.seen.draw(Purpose::CommandTime, Name::new("shell"), ordinal))
    }
    /// The answer to an order, if this call brings it.
    pub fn answer(&self, order: u32) -> Option<Result<(), ApiError>> {
        self.answers.iter().find(|answer| answer.order == order).map(|answer| answer.result)
    }
    /// Whether this call brings the answer to one of the orders numbered from `from` to `to`.
    pub fn answers_any(&self, from: u32, to: u32) -> bool {
        self.answers.iter().any(|answer| (from..=to).contains(&answer.order))
    }
    /// What somebody says that it waits for, and why, kept apart from what this call has gathered so far.
    pub fn apart(&mut self, says: impl FnOnce(&mut Self)) -> Part {
        let (wait, blocked) = (std::mem::take(&mut self.wait), std::mem::take(&mut self.orders.blocked));
        says(self);
        let wait = std::mem::replace(&mut self.wait, wait);
        Part::new(wait, std::mem::replace(&mut self.orders.blocked, blocked))
    }
    /// Waits for what a part waits for of which nothing has come.
    pub fn part(&mut self, part: &Part) {
        self.until(part.alarm().unwrap_or(Time::NEVER));
        self.wait.parts.push(part.clone());
        if !part.blocked().is_empty() {
            self.blocked(NotYet::Several(part.clone()));
        }
    }
    /// A remark for the timeline.
    pub fn remark(&mut self, text: String) {
        self.orders.remarks.push(text);
    }
    /// A unit enters a phase.
    pub fn begin(&mut self, unit: Unit, phase: StepPhase) {
        self.orders.begin(unit, phase);
    }
    /// A unit leaves a phase.
    pub fn end(&mut self, unit: Unit, phase: StepPhase) {
        self.orders.end(unit, phase);
    }
    /// Waits at most until `at`. [`Time::NEVER`] adds nothing.
    pub fn until(&mut self, at: Time) {
        if at < Time::NEVER {
            self.wait.alarm = Some(self.wait.alarm.map_or(at, |alarm| alarm.min(at)));
        }
    }
    /// Waits for a change of what this poll looks at, and then for its next tick.
    pub fn poll(&mut self, poll: Poll, sight: Sight) {
        self.wait.polls.push((poll, sight));
    }
    /// Why it waits; the same reason may be given more than once.
    pub fn blocked(&mut self, reason: NotYet) {
        self.orders.blocked.push(reason);
    }
}
