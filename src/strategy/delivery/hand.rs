//! A controller's writes: one after the other, each until the API has taken it.

use std::collections::VecDeque;

use crate::base::{Span, Time};
use crate::strategy::actor::Poll;
use crate::strategy::turn::Turn;
use crate::world::command::Command;
use crate::world::reported::Sight;
use crate::world::store::ApiError;

/// Wait before a failed write is made again. Estimate: a reconcile that failed is queued again with a back-off of
/// milliseconds to minutes (client-go workqueue); an API that is away stays away for seconds.
const AGAIN: Span = Span::secs(1);
/// From a change until the controller has looked. Estimate: its informer and its queue.
const LOOKS_AFTER: Span = Span::millis(100);

/// The writes that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hand {
    waiting: VecDeque<Command>,
    asked: Option<u32>,
    again: Time,
    /// How the rollout ends once nothing waits: an actor that has ended is not called again.
    ends: Option<Result<(), String>>,
}

impl Hand {
    /// One more write, after those that wait.
    pub fn write(&mut self, command: Command) {
        self.waiting.push_back(command);
    }

    /// The rollout ends so after the writes that wait.
    pub fn end(&mut self, how: Result<(), String>) {
        self.ends = Some(how);
    }

    /// Takes in answers and sends the next write; whether nothing waits any more.
    pub fn is_free(&mut self, turn: &mut Turn<'_, '_>) -> bool {
        if let Some(order) = self.asked {
            let Some(answer) = turn.answer(order) else { return false };
            self.asked = None;
            match answer {
                Ok(()) | Err(ApiError::NotFound | ApiError::Conflict) => {
                    self.waiting.pop_front();
                }
                Err(_) => self.again = turn.now() + AGAIN,
            }
        }
        let Some(next) = self.waiting.front().copied() else {
            if let Some(how) = self.ends.take() {
                turn.orders.ended = Some(how);
            }
            return true;
        };
        if turn.now() < self.again {
            turn.until(self.again);
        } else {
            self.asked = Some(turn.give(next));
        }
        false
    }

    /// Looks again once something has changed.
    pub fn watch(turn: &mut Turn<'_, '_>) {
        turn.wait.polls.push((Poll { phase: turn.now(), period: LOOKS_AFTER }, Sight::Anything));
    }
}
