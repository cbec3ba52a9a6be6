//! What a proof found. The JSON of `rollproof prove` is this, field by field; names are stable, more may be added.

use serde::Serialize;

use super::checks::Finding;
use super::counterexample::Counterexample;
use super::outage::Term;
use super::pairs::Pairs;
use super::sampled::Sampled;
use super::singles::Singles;
use super::tally::Tally;
use super::weighing::Weighed;
use crate::sim::outcome::{ScenarioId, Verdict};
use crate::statistics::sequential::{Decision, confidence_sequence};
use crate::statistics::{Interval, sequential::Count};

/// What a proof found.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Proof {
    /// Version of this format.
    pub schema: u32,
    /// Which scenario.
    pub scenario: ScenarioId,
    /// Version of the model.
    pub model_version: String,
    /// Fingerprint of the samplers, 32 hexadecimal digits.
    pub samplers: String,
    /// The strategy's name.
    pub strategy: String,
    /// The answer.
    pub verdict: Verdict,
    /// The answer in a sentence.
    pub finding: String,
    /// Why it is undecided, one line each; empty otherwise.
    pub undecided: Vec<String>,
    /// What the answer is about.
    pub scope: Scope,
    /// What the plan is held to, by number of faults.
    pub objectives: Vec<HeldTo>,
    /// How long users can be exposed after one machine's death, term by term.
    pub outage: Vec<Term>,
    /// What the terms come to, seconds.
    pub outage_s: f64,
    /// What the scenario itself shows, before any run.
    pub checks: Vec<Finding>,
    /// What was run, in order.
    pub stages: Vec<Stage>,
    /// The shortest run found that refutes the plan.
    pub counterexample: Option<Counterexample>,
    /// How likely a run of the plan is to fail, where faults an hour were given.
    pub weighed: Option<Weighed>,
    /// Hash of all runs' digests, 32 hexadecimal digits.
    pub digest: String,
    /// After how many looks at the clock the time that was given was over, if it was, for a certificate.
    #[serde(skip)]
    pub over_after: Option<u64>,
    /// What each batch found, in order, for a certificate.
    #[serde(skip)]
    pub batches: Vec<(String, Tally)>,
}

/// What an answer is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Scope {
    /// Up to so many faults at once.
    pub faults: u32,
    /// Kinds of faults.
    pub kinds: Vec<&'static str>,
    /// Those of them that find no target in this cluster, and so took no part.
    pub without_target: Vec<&'static str>,
    /// Laws; `None`: those of each objective.
    pub laws: Option<Vec<&'static str>>,
    /// Most seeds for each number of faults.
    pub seeds: u64,
    /// The rate of failure that seeds are to exclude.
    pub bound: f64,
    /// With which confidence.
    pub confidence: f64,
    /// The seed whose draws the enumeration has.
    pub enumerated_seed: u64,
    /// Whether static checks took part.
    pub static_checks: bool,
}

/// What a plan is held to with a number of faults.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeldTo {
    /// The number.
    pub faults: u32,
    /// Whether the scenario says so itself.
    pub own: bool,
    /// In words.
    pub says: Vec<String>,
}

/// How runs were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// All of a stated set.
    Enumerated,
    /// At random, until a sequential test decides.
    Sampled,
}

impl Method {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Method::Enumerated => "enumerated",
            Method::Sampled => "sampled",
        }
    }
}

/// One part of the search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stage {
    /// Faults at once.
    pub faults: u32,
    /// How runs were chosen.
    pub method: Method,
    /// Moments, where they were enumerated.
    pub moments: Option<u64>,
    /// Pairs of kind and target.
    pub aimed: u64,
    /// Each n-th moment was taken; 1: all.
    pub every: u64,
    /// Placements before any reduction.
    pub placements_before: Option<u64>,
    /// Placements of the first of two faults that were tried.
    pub firsts: Option<u64>,
    /// Whether it came to its end.
    pub complete: bool,
    /// What the sequential test came to: `below`, `above`, or nothing.
    pub decision: Option<&'static str>,
    /// Where the rate of failure lies, at any moment of looking, with the confidence that was asked for.
    pub rate: Option<[f64; 2]>,
    /// What was found.
    #[serde(flatten)]
    pub tally: Tally,
}

impl Stage {
    /// Of one fault, enumerated.
    pub fn singles(found: Singles) -> Stage {
        let before = found.instants * found.aimed;
        Stage {
            faults: 1,
            method: Method::Enumerated,
            moments: Some(found.instants),
            aimed: found.aimed,
            every: found.every,
            placements_before: Some(before),
            firsts: None,
            complete: found.complete,
            decision: None,
            rate: None,
            tally: found.tally,
        }
    }

    /// Of pairs.
    pub fn pairs(found: Pairs) -> Stage {
        Stage {
            faults: 2,
            method: Method::Enumerated,
            moments: Some(found.instants),
            aimed: found.aimed,
            every: 1,
            placements_before: Some(found.before()),
            firsts: Some(found.firsts),
            complete: found.complete || found.tally.refuted > 0,
            decision: None,
            rate: None,
            tally: found.tally,
        }
    }

    /// Of seeds.
    pub fn sampled(found: Sampled, aimed: u64, confidence: f64) -> Stage {
        let count = Count { failed: found.tally.refuted, runs: found.tally.runs };
        let Interval { low, high } = confidence_sequence(count, confidence);
        Stage {
            faults: found.faults,
            method: Method::Sampled,
            moments: None,
            aimed,
            every: 1,
            placements_before: None,
            firsts: None,
            complete: found.decision.is_some(),
            decision: found.decision.map(|decision| match decision {
                Decision::Below => "below",
                Decision::Above => "above",
            }),
            rate: Some([low, high]),
            tally: found.tally,
        }
    }
}
