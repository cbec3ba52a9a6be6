//! From what a run lost or broke back to its root: an indented chain, with times and the reference behind each rule.

use std::collections::BTreeMap;

use super::reference::reference;
use crate::observe::tell;
use crate::observe::trace::{Record, Trace};
use crate::sim::Finished;
use crate::sim::outcome::{LIMIT, Reason};
use crate::world::fact::{Fact, Loss};

/// Facts of one chain shown: its first, and so many before its end.
const STEPS: usize = 10;
/// Deepest indentation.
const DEPTH: usize = 6;

/// One step of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How deep it stands: effects below their causes.
    pub depth: usize,
    /// When and what.
    pub text: String,
    /// Where the rule behind it can be read.
    pub reference: Option<&'static str>,
}

/// The chain of a reason of a finished run, one line a step.
pub fn reason(finished: &Finished, reason: &Reason) -> Vec<String> {
    steps(finished, reason).iter().map(|step| format!("{}{}", "  ".repeat(step.depth), step.text)).collect()
}

/// The chains of a reason of a finished run; empty where it has no history.
pub fn steps(finished: &Finished, reason: &Reason) -> Vec<Step> {
    let Some(trace) = &finished.trace else { return Vec::new() };
    let after = |record: &&Record| record.at.secs_f64() + 1e-9 >= reason.at_s;
    let found = trace.records.iter().position(|record| after(&record) && shows(reason, &record.fact));
    match (reason.law.as_str(), found) {
        ("etcd-quorum", Some(last)) => quorum(trace, last),
        (_, Some(last)) => chain(trace, last),
        ("completion", None) => blocked(finished),
        (_, None) => Vec::new(),
    }
}

/// Whether a fact is what a reason is about.
fn shows(reason: &Reason, fact: &Fact) -> bool {
    match reason.law.as_str() {
        "no-exposure" => matches!(fact, Fact::ExposureBegan { .. } | Fact::Exposed { .. }),
        "no-loss" => {
            let named = |loss: &Loss| reason.message.ends_with(loss.name());
            matches!(fact, Fact::RequestsLost { loss, .. } if named(loss))
        }
        "etcd-quorum" => matches!(fact, Fact::QuorumIs { up, voters } if *up < voters / 2 + 1),
        "api-path" => matches!(fact, Fact::ApiServes { answering, in_rotation } if answering < in_rotation),
        "version-skew" => matches!(fact, Fact::SkewBroken { .. }),
        "identity" => matches!(fact, Fact::PodStarted { .. } | Fact::PodRestarted { .. }),
        "rollout-progress" => matches!(fact, Fact::RolloutStalled { .. }),
        "budget" => matches!(fact, Fact::PodDeleting { .. }),
        "completion" | LIMIT => false,
        // A law of one's own: what happened at that moment.
        _ => true,
    }
}

/// The chain that ends with the fact at `last`: its root, and its last steps.
fn chain(trace: &Trace, last: usize) -> Vec<Step> {
    let places = tell::leading_to(trace, last);
    let cut = places.len().saturating_sub(STEPS);
    let mut steps = Vec::new();
    for (index, place) in places.iter().enumerate() {
        if (1..=cut).contains(&index) {
            if index == 1 {
                steps.push(Step { depth: 1, text: format!("... {cut} steps between"), reference: None });
            }
            continue;
        }
        let depth = steps.len().min(DEPTH);
        steps.push(step(trace, *place, depth));
    }
    steps
}

fn step(trace: &Trace, place: usize, depth: usize) -> Step {
    let record = &trace.records[place];
    let text = format!("{} {}", record.at, tell::fact(&record.fact, &trace.names));
    Step { depth, text, reference: reference(&record.fact) }
}

/// Why each voter that is down is down, and then that there is no quorum.
fn quorum(trace: &Trace, last: usize) -> Vec<Step> {
    let mut down = BTreeMap::new();
    for (place, record) in trace.records[..=last].iter().enumerate() {
        match record.fact {
            Fact::MemberStopped { member } => {
                down.insert(member, place);
            }
            Fact::MemberStarted { member } => {
                down.remove(&member);
            }
            _ => {}
        }
    }
    let mut stops: Vec<usize> = down.into_values().collect();
    stops.sort_unstable();
    let mut steps = Vec::new();
    for stop in stops {
        let places = tell::leading_to(trace, stop);
        let telling = |place: &&usize| {
            let fact = trace.records[**place].fact;
            matches!(
                fact,
                Fact::StepBegan { .. }
                    | Fact::FaultStruck { .. }
                    | Fact::MachineStopping { .. }
                    | Fact::MachineOff { .. }
                    | Fact::MemberStopped { .. }
            )
        };
        let places = places.iter().filter(telling);
        steps.extend(places.enumerate().map(|(depth, place)| step(trace, *place, depth.min(DEPTH))));
    }
    let depth = steps.last().map_or(0, |step: &Step| (step.depth + 1).min(DEPTH));
    steps.push(step(trace, last, depth));
    steps
}

/// What an upgrade that did not complete waited for.
fn blocked(finished: &Finished) -> Vec<Step> {
    let Some(trace) = &finished.trace else { return Vec::new() };
    let began = trace.records.iter().rposition(|record| matches!(record.fact, Fact::StepBegan { .. }));
    let refused = trace.records.iter().position(|record| matches!(record.fact, Fact::EvictionRefused { .. }));
    let mut steps: Vec<Step> = began.into_iter().map(|place| step(trace, place, 0)).collect();
    steps.extend(refused.filter(|place| Some(*place) > began).map(|place| step(trace, place, 1)));
    if let Some(blocker) = &finished.outcome.upgrade.blocker {
        steps.push(Step { depth: steps.len().min(DEPTH), text: format!("it waits for: {blocker}"), reference: None });
    }
    steps
}
