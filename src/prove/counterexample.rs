//! A run that refutes a plan, made as small as it goes, and written as a scenario of its own.

use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::batch::{Failed, caught};
use super::edit;
use super::explain;
use super::shrink::Shrink;
use super::tally::{FaultKeys, Witness};
use crate::base::Span;
use crate::config::printed::document;
use crate::config::{Table, Value};
use crate::observe::laws::{Completion, Objective};
use crate::observe::tell;
use crate::observe::trace::Trace;
use crate::scenario::Scenario;
use crate::sim::{self, Finished, Watch};

/// The shortest run found that refutes a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Counterexample {
    /// The scenario, a TOML file that replays it.
    pub scenario: String,
    /// Its seed.
    pub seed: u64,
    /// How many faults of the search it needs.
    pub faults: usize,
    /// The law that it breaks.
    pub law: String,
    /// When, seconds.
    pub at_s: f64,
    /// In a sentence.
    pub message: String,
    /// The causal chain, root first, indented.
    pub chain: Vec<String>,
    /// What happened shortly before and after.
    pub transcript: Vec<String>,
    /// What was made smaller, one line each.
    pub shrunk: Vec<String>,
    /// Runs that shrinking took.
    pub tries: u64,
    /// The run's digest.
    pub digest: String,
}

/// Lines of the transcript before and after the breach.
const TRANSCRIPT: (usize, usize) = (12, 3);

/// The witness of a plan that is held to its objective, made small.
pub(super) fn shrunk(plan: &Scenario, witness: &Witness, stop: &AtomicBool) -> Result<Counterexample, Failed> {
    let table = with_faults(plan, &witness.faults);
    let own = plan.table.get("fault").map_or(0, |faults| match &faults.kind {
        crate::config::ValueKind::Array(items) => items.len(),
        _ => 0,
    });
    let mut shrink = Shrink::new((&plan.name, &plan.own), table, (witness.seed, &witness.law), own, stop);
    if !shrink.holds_still()? {
        // It does not replay as a file, which no search should find: show it as it is.
        return shown(plan, &shrink, witness);
    }
    shrink.all()?;
    shown(plan, &shrink, witness)
}

/// The plan's table with faults of a search, and the objective that it is held to, in so many words.
pub fn with_faults(plan: &Scenario, faults: &[FaultKeys]) -> Table {
    let mut table = plan.table.clone();
    edit::set(&mut table, "name", edit::text(&plan.name));
    edit::set(&mut table, "objective", objective(&plan.objective));
    let mut all: Vec<Value> = match table.get("fault").map(|value| &value.kind) {
        Some(crate::config::ValueKind::Array(items)) => items.clone(),
        Some(_) | None => Vec::new(),
    };
    all.extend(faults.iter().map(|keys| edit::written_as(keys)));
    if !all.is_empty() {
        edit::set(&mut table, "fault", edit::array(all));
    }
    table
}

/// An objective as a table.
fn objective(objective: &Objective) -> Value {
    let any = || edit::text("any");
    let count = |most: Option<u64>| most.map_or_else(any, |most| edit::number(most as i64));
    let span = |most: Option<Span>| most.map_or_else(any, |most| edit::text(&most.to_string()));
    let laws = objective.laws.iter().map(|law| edit::text(law)).collect();
    let completion = match objective.completion {
        Completion::MustComplete => "must-complete",
        Completion::MayStopSafely => "may-stop-safely",
    };
    edit::table(vec![
        ("max_lost", count(objective.max_lost)),
        ("max_exposed", span(objective.max_exposed)),
        ("quorum_breaks", count(objective.quorum_breaks)),
        ("max_api_gap", span(objective.max_api_gap)),
        ("max_api_degraded", span(objective.max_api_degraded)),
        ("completion", edit::text(completion)),
        ("laws", edit::array(laws)),
    ])
}

fn shown(plan: &Scenario, shrink: &Shrink<'_>, witness: &Witness) -> Result<Counterexample, Failed> {
    let broken =
        |why: String| Failed::Broken { why, seed: witness.seed, faults: witness.faults.clone(), never_healthy: false };
    let small = shrink.plan(shrink.table()).map_err(|refused| broken(refused.to_string()))?;
    let watch = Watch { trace: true, ..Watch::default() };
    let finished = caught(shrink.seed(), || witness.faults.clone(), || sim::run(&small, shrink.seed(), watch))?;
    let reason = finished.outcome.reasons.iter().find(|reason| reason.law == witness.law);
    let Some(reason) = reason else {
        let what = "a run that branched off differs from the run that had its fault from the start";
        return Err(broken(format!("{what} ({}, {})", witness.digest, finished.outcome.digest)));
    };
    let chain = explain::reason(&finished, reason);
    let about = format!("{} in {}", reason.message, plan.name);
    Ok(Counterexample {
        scenario: file(&about, shrink),
        seed: shrink.seed(),
        faults: shrink.faults(),
        law: reason.law.clone(),
        at_s: reason.at_s,
        message: reason.message.clone(),
        chain,
        transcript: transcript(&finished, reason.at_s),
        shrunk: shrink.done().to_vec(),
        tries: shrink.tries(),
        digest: finished.outcome.digest.clone(),
    })
}

/// The file, which begins with what it is.
fn file(about: &str, shrink: &Shrink<'_>) -> String {
    let mut text = String::from("# A counterexample that `rollproof prove` found and made small.\n#\n");
    for line in crate::config::escaped(about).split('\n') {
        text.push_str(&format!("# {line}\n"));
    }
    text.push_str(&format!("# It replays with `rollproof run` and --seed {}.\n\n", shrink.seed()));
    text.push_str(&document(shrink.table()));
    text
}

/// What happened around a moment, without users' single losses and the rules of every node.
fn transcript(finished: &Finished, at_s: f64) -> Vec<String> {
    let Some(trace) = &finished.trace else { return Vec::new() };
    let line = |place: usize| {
        let record = &trace.records[place];
        format!("{} {}", record.at, tell::fact(&record.fact, &trace.names))
    };
    let (before, after): (Vec<usize>, Vec<usize>) =
        telling(trace).into_iter().partition(|place| trace.records[*place].at.secs_f64() <= at_s);
    let from = before.len().saturating_sub(TRANSCRIPT.0);
    before[from..].iter().chain(after.iter().take(TRANSCRIPT.1)).map(|place| line(*place)).collect()
}

fn telling(trace: &Trace) -> Vec<usize> {
    use crate::world::fact::Fact;
    let tells = |place: &usize| {
        let fact = &trace.records[*place].fact;
        !matches!(
            fact,
            Fact::RulesProgrammed { .. } | Fact::Probed { .. } | Fact::Exposed { .. } | Fact::ApiFailed { .. }
        )
    };
    (0..trace.records.len()).filter(tells).collect()
}
