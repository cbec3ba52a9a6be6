//! What a plan is held to with a number of faults.

use super::ask::Ask;
use super::outage::{Term, sum};
use crate::observe::laws::{Completion, Objective};
use crate::scenario::Scenario;

/// The objective for so many faults: the scenario's own for that number, or for the next smaller one it has; else
/// what can be asked of any plan.
///
/// Without one of its own, a plan with faults may lose requests, but is exposed no longer than one machine's loss
/// takes to be noticed and acted on, for each of them; and it may stop, as long as it stops safely.
pub fn with_faults(scenario: &Scenario, ask: &Ask, faults: u32, terms: &[Term]) -> Objective {
    let own = scenario.objective_with_faults.iter().rev().find(|(number, _)| *number <= faults);
    let mut objective = match own {
        _ if faults == 0 => scenario.objective.clone(),
        Some((_, own)) => own.clone(),
        None => Objective {
            max_lost: None,
            max_exposed: scenario.objective.max_exposed.map(|most| most + sum(terms) * u64::from(faults)),
            completion: Completion::MayStopSafely,
            ..scenario.objective.clone()
        },
    };
    if let Some(laws) = &ask.laws {
        objective.laws = laws.clone();
    }
    objective
}

/// The scenario held to the objective for so many faults.
pub fn held_to(scenario: &Scenario, ask: &Ask, faults: u32, terms: &[Term]) -> Scenario {
    let mut held = scenario.clone();
    held.objective = with_faults(scenario, ask, faults, terms);
    held
}
