//! The same order for many nodes, all at once, and their answers.

use crate::base::Span;
use crate::strategy::actor::{NotYet, Poll};
use crate::strategy::turn::Turn;
use crate::world::command::Command;
use crate::world::ids::NodeId;
use crate::world::reported::Sight;
use crate::world::store::ApiError;

/// Time until an order that failed is given again, by a tool that does so.
const AGAIN: Span = Span::secs(1);

/// Orders under way.
#[derive(Clone, Debug)]
pub(super) struct Sweep {
    ahead: Vec<Command>,
    asked: Vec<(u32, Command)>,
    failed: Option<ApiError>,
    /// Ticks on which what failed is given again.
    since: crate::base::Time,
    started: bool,
}

impl Sweep {
    /// Of these orders.
    pub(super) fn of(commands: Vec<Command>, turn: &Turn<'_, '_>) -> Sweep {
        Sweep { ahead: commands, asked: Vec::new(), failed: None, since: turn.now(), started: false }
    }
    /// Of one order for each node.
    pub(super) fn each(nodes: &[NodeId], order: impl Fn(NodeId) -> Command, turn: &Turn<'_, '_>) -> Sweep {
        Sweep::of(nodes.iter().map(|node| order(*node)).collect(), turn)
    }

    /// Goes as far as it can now; `retries`: whether what fails is given again until it is done. A node that is gone
    /// needs nothing.
    pub(super) fn step(&mut self, retries: bool, turn: &mut Turn<'_, '_>) -> Option<Result<(), ApiError>> {
        for (order, command) in std::mem::take(&mut self.asked) {
            match turn.answer(order) {
                None => self.asked.push((order, command)),
                Some(Ok(()) | Err(ApiError::NotFound)) => {}
                Some(Err(error)) => {
                    self.failed = Some(error);
                    self.ahead.push(command);
                }
            }
        }
        if let (Some(error), false) = (self.failed, retries) {
            return Some(Err(error));
        }
        // While the API is silent nothing is given again.
        let again = turn.now() > self.since && self.ticks().ticks_at(turn.now()) && turn.seen.api.is_ok();
        let due = !self.started || again;
        if due && !self.ahead.is_empty() {
            (self.started, self.since, self.failed) = (true, turn.now(), None);
            for command in std::mem::take(&mut self.ahead) {
                self.asked.push((turn.give(command), command));
            }
        }
        (self.ahead.is_empty() && self.asked.is_empty()).then_some(Ok(()))
    }

    fn ticks(&self) -> Poll {
        Poll { phase: self.since, period: AGAIN }
    }

    /// Says what it waits for, and why.
    pub(super) fn arm(&self, turn: &mut Turn<'_, '_>) {
        if !self.ahead.is_empty() {
            turn.blocked(NotYet::ApiSilent);
            turn.poll(self.ticks(), Sight::Anything);
            if turn.seen.api.is_ok() {
                turn.until(self.ticks().after(turn.now()));
            }
        }
    }
}
