//! What runs found together: integers, added up in the order of the runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sweep::{Point, Sweep};
use crate::fault::FaultSpec;
use crate::sim::Outcome;
use crate::sim::outcome::Verdict;
use crate::world::spec::Spec;

/// The keys of a `[[fault]]`, each with its value as TOML.
pub type FaultKeys = Vec<(String, String)>;

/// What runs found together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Runs.
    pub runs: u64,
    /// Runs that refute the plan.
    pub refuted: u64,
    /// Runs that a limit ended before an answer.
    pub undecided: u64,
    /// Events of all runs.
    pub events: u64,
    /// Runs and refuting runs, by kinds of their faults.
    pub by_kind: BTreeMap<String, Counts>,
    /// Refuting runs, by the first law that they broke.
    pub by_law: BTreeMap<String, u64>,
    /// Longest exposure of a run, nanoseconds.
    pub exposed_max: u64,
    /// Most requests lost in a run.
    pub lost_max: u64,
    /// Smallest margin of etcd's quorum; `None` where it cannot be observed.
    pub margin_min: Option<i64>,
    /// The first run that refutes the plan.
    pub first: Option<Witness>,
    /// What each run came to.
    #[serde(default)]
    pub sweep: Sweep,
    /// Hash of the runs' digests in their order, 32 hexadecimal digits.
    pub digest: String,
}

/// Runs, and those among them that refute the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All.
    pub runs: u64,
    /// Refuting.
    pub refuted: u64,
}

/// A run that refutes the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Witness {
    /// Its seed.
    pub seed: u64,
    /// Its faults, as `[[fault]]` has them.
    pub faults: Vec<FaultKeys>,
    /// The first law that it broke.
    pub law: String,
    /// When, nanoseconds: a whole number, so that it comes back from a file as it was.
    pub at_ns: u64,
    /// In a sentence.
    pub message: String,
    /// The run's digest.
    pub digest: String,
}

/// What is kept of one run until it is added.
#[derive(Clone, Debug)]
pub struct Seen {
    verdict: Verdict,
    events: u64,
    exposed: u64,
    lost: u64,
    margin: Option<i64>,
    digest: String,
    /// Kinds, joined by a plus sign; empty without a fault.
    kinds: String,
    witness: Option<Witness>,
    point: Point,
}

impl Seen {
    /// Of an outcome with these faults.
    pub fn of(outcome: &Outcome, faults: &[&FaultSpec], spec: &Spec) -> Seen {
        let reason = outcome.reasons.first().filter(|_| outcome.verdict == Verdict::Refuted);
        let witness = reason.map(|reason| Witness {
            seed: outcome.seed,
            faults: faults.iter().map(|fault| fault.keys(spec)).collect(),
            law: reason.law.clone(),
            at_ns: (reason.at_s * 1e9).round() as u64,
            message: reason.message.clone(),
            digest: outcome.digest.clone(),
        });
        Seen {
            verdict: outcome.verdict,
            events: outcome.events,
            exposed: (outcome.requests.exposed_s * 1e9).round() as u64,
            lost: outcome.requests.lost,
            margin: outcome.etcd.as_ref().map(|etcd| etcd.min_margin),
            digest: outcome.digest.clone(),
            kinds: faults.iter().map(|fault| fault.kind.entry.name).collect::<Vec<_>>().join(" + "),
            witness,
            point: Point::of(outcome),
        }
    }

    /// Whether it refutes the plan.
    pub fn refutes(&self) -> bool {
        self.verdict == Verdict::Refuted
    }
}

/// Tallies of runs, added one after another.
#[derive(Debug, Default)]
pub struct Sum {
    tally: Tally,
    digest: blake3::Hasher,
}

impl Sum {
    /// One run more.
    pub fn add(&mut self, seen: Seen) {
        let tally = &mut self.tally;
        tally.runs += 1;
        tally.events += seen.events;
        tally.refuted += u64::from(seen.verdict == Verdict::Refuted);
        tally.undecided += u64::from(seen.verdict == Verdict::Undecided);
        tally.exposed_max = tally.exposed_max.max(seen.exposed);
        tally.lost_max = tally.lost_max.max(seen.lost);
        tally.margin_min = least(tally.margin_min, seen.margin);
        tally.sweep.add(seen.point);
        if !seen.kinds.is_empty() {
            let counts = tally.by_kind.entry(seen.kinds).or_default();
            counts.runs += 1;
            counts.refuted += u64::from(seen.verdict == Verdict::Refuted);
        }
        if let Some(witness) = seen.witness {
            *tally.by_law.entry(witness.law.clone()).or_default() += 1;
            tally.first.get_or_insert(witness);
        }
        self.digest.update(seen.digest.as_bytes());
    }

    /// Runs that were added up elsewhere.
    pub fn add_tally(&mut self, other: &Tally) {
        let tally = &mut self.tally;
        // They may come from a file that somebody has changed.
        tally.runs = tally.runs.saturating_add(other.runs);
        tally.events = tally.events.saturating_add(other.events);
        tally.refuted = tally.refuted.saturating_add(other.refuted);
        tally.undecided = tally.undecided.saturating_add(other.undecided);
        tally.exposed_max = tally.exposed_max.max(other.exposed_max);
        tally.lost_max = tally.lost_max.max(other.lost_max);
        tally.margin_min = least(tally.margin_min, other.margin_min);
        tally.sweep.add_sweep(&other.sweep);
        for (kinds, counts) in &other.by_kind {
            let sum = tally.by_kind.entry(kinds.clone()).or_default();
            sum.runs = sum.runs.saturating_add(counts.runs);
            sum.refuted = sum.refuted.saturating_add(counts.refuted);
        }
        for (law, count) in &other.by_law {
            let sum = tally.by_law.entry(law.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
        if tally.first.is_none() {
            tally.first.clone_from(&other.first);
        }
        self.digest.update(other.digest.as_bytes());
    }

    /// So far.
    pub const fn so_far(&self) -> &Tally {
        &self.tally
    }

    /// All together.
    pub fn finish(mut self) -> Tally {
        self.tally.digest = self.digest.finalize().to_hex()[..32].to_owned();
        self.tally
    }
}

fn least(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
