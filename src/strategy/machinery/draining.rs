//! A unit's drain, and what it becomes when its deadline has passed.

use super::plan::{Drain, OnDeadline};
use crate::base::Span;
use crate::strategy::drain::{self, DrainError, DrainSettings, Drained};
use crate::strategy::turn::Turn;
use crate::world::command::Command;
use crate::world::ids::NodeId;
use crate::world::store::ApiError;

/// A drain under way.
#[derive(Clone, Debug)]
pub(super) struct DrainRun {
    drain: drain::Drain,
    /// The deadline has passed: what is left is deleted past all budgets.
    forced: bool,
    /// It has failed, and the node is being uncordoned.
    gives_up: Option<(u32, DrainFailure)>,
}

/// Why a drain failed.
#[derive(Clone, Debug)]
pub(super) struct DrainFailure {
    /// In the tool's words.
    pub(super) text: String,
    /// Whether trying again can help only once something has changed.
    pub(super) settled: bool,
}

impl DrainRun {
    /// Of a node, cordoned or not.
    pub(super) fn begin(node: NodeId, plan: Drain) -> DrainRun {
        DrainRun { drain: drain::Drain::of_cordoned(node, plan.how), forced: false, gives_up: None }
    }

    /// Goes as far as it can now; the result once there is one.
    pub(super) fn step(
        &mut self,
        node: NodeId,
        plan: Drain,
        turn: &mut Turn<'_, '_>,
    ) -> Option<Result<(), DrainFailure>> {
        if let Some((order, failure)) = &self.gives_up {
            let _ = turn.answer(*order)?;
            return Some(Err(failure.clone()));
        }
        let drained = self.drain.step(turn)?;
        let label = &turn.seen.instance(node).label;
        if drained.retries429 > 0 {
            let text = drained.told(label);
            turn.remark(text);
        }
        let Some(text) = drained.failure(label, turn.seen) else { return Some(Ok(())) };
        if self.forced || (is_late(&drained) && plan.on_deadline == OnDeadline::GoOn) {
            turn.remark(format!("going on: {text}"));
            return Some(Ok(()));
        }
        match plan.on_deadline {
            OnDeadline::Force(wait) if is_late(&drained) => {
                turn.remark(format!("past the budgets: {text}"));
                self.force(node, plan.how, wait);
                // What is left is deleted in this call.
                self.drain.step(turn).map(|_| Ok(()))
            }
            OnDeadline::Uncordon => {
                self.gives_up = Some((turn.give(Command::Uncordon(node)), failure(text, &drained)));
                None
            }
            OnDeadline::Fail | OnDeadline::Force(_) | OnDeadline::GoOn => Some(Err(failure(text, &drained))),
        }
    }

    fn force(&mut self, node: NodeId, how: DrainSettings, wait: Span) {
        self.forced = true;
        let how = DrainSettings { past_budgets: true, timeout: Some(wait), attempts: None, ..how };
        self.drain = drain::Drain::of_cordoned(node, how);
    }

    /// Says what it waits for, and why.
    pub(super) fn arm(&self, turn: &mut Turn<'_, '_>) {
        if self.gives_up.is_none() {
            self.drain.arm(turn);
        }
    }
}

fn failure(text: String, drained: &Drained) -> DrainFailure {
    let several = |error: &DrainError| matches!(error, DrainError::Evict(_, ApiError::SeveralBudgets));
    DrainFailure { text, settled: drained.errors.iter().all(several) }
}

/// Whether nothing but the deadline was wrong.
fn is_late(drained: &Drained) -> bool {
    let late = |error: &DrainError| matches!(error, DrainError::Refused(_) | DrainError::Terminating(_));
    !drained.errors.is_empty() && drained.errors.iter().all(late)
}
