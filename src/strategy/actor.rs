//! How an actor is driven: it sees what is reported, answers with orders, and says what it waits for.

use std::fmt::Debug;

use crate::base::{Span, Time};
use crate::world::command::{Answer, Command};
use crate::world::fact::{RolloutStage, StepPhase, Unit};
use crate::world::ids::{AppId, PodId};
use crate::world::reported::{Reported, Sight};

/// A planner outside the cluster, with plain cloneable state of its own.
pub trait Actor: Debug + Send + Sync {
    /// Looks and acts. Called at the start, whenever a wait of the last call ends, and with each batch of answers.
    fn act(&mut self, seen: &Reported<'_>, answers: &[Answer], orders: &mut Orders) -> Wait;

    /// Requests a second and burst of its API client: client-go's default (`rest/config.go`) unless the tool sets its own.
    fn api_rate(&self) -> (u32, u32) {
        (5, 10)
    }

    /// A copy with the same state.
    fn boxed_clone(&self) -> Box<dyn Actor>;
}

impl Clone for Box<dyn Actor> {
    fn clone(&self) -> Self {
        self.boxed_clone()
    }
}

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
}

impl Wait {
    /// Nothing but answers.
    pub fn for_answers() -> Wait {
        Wait::default()
    }
    /// This moment.
    pub fn until(alarm: Time) -> Wait {
        Wait { alarm: Some(alarm), polls: Vec::new() }
    }
}

/// Why a plan cannot go on yet: a value that a report can print.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

/// What an actor puts out in one call.
#[derive(Clone, Debug, Default)]
pub struct Orders {
    /// Orders with the numbers their answers will bear, in order.
    pub commands: Vec<(u32, Command)>,
    /// Phases entered (`true`) and left (`false`), in order.
    pub phases: Vec<(Unit, StepPhase, bool)>,
    /// Stages that an app's rollout has come to, with the percentage of requests that the new version gets.
    pub rollouts: Vec<(AppId, RolloutStage, u32)>,
    /// Why it waits, for reports; the last call's reasons stand.
    pub blocked: Vec<NotYet>,
    /// Remarks for the timeline, such as an error the tool would print.
    pub remarks: Vec<String>,
    /// The plan has ended: completed (`Ok`), or failed with this message.
    pub ended: Option<Result<(), String>>,
}

impl Orders {
    /// Gives an order; its answer will bear `number`.
    pub fn give(&mut self, number: u32, command: Command) {
        self.commands.push((number, command));
    }
    /// A unit enters a phase.
    pub fn begin(&mut self, unit: Unit, phase: StepPhase) {
        self.phases.push((unit, phase, true));
    }
    /// A unit leaves a phase.
    pub fn end(&mut self, unit: Unit, phase: StepPhase) {
        self.phases.push((unit, phase, false));
    }
}
