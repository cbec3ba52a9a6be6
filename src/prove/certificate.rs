//! A proof that others can check: what was asked, of which scenario, and what each batch of runs found.
//!
//! Whoever has the program runs a sample of the batches again, or all of them. A batch that finds something else, or a
//! verdict that does not follow from the batches, means that the certificate does not hold.

use serde::{Deserialize, Serialize};

use super::ask::{self, Ask};
use super::batch::Journal;
use super::report::Proof;
use super::tally::Tally;
use crate::scenario::{self, Own, Scenario};
use crate::sim::outcome::Verdict;

/// Version of the format.
pub const SCHEMA: u32 = 1;

/// A proof that others can check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// Version of this format.
    pub schema: u32,
    /// The scenario, as a file.
    pub scenario: String,
    /// Its hash.
    pub hash: String,
    /// Version of the model.
    pub model_version: String,
    /// Fingerprint of the samplers.
    pub samplers: String,
    /// What was asked.
    pub asked: Asked,
    /// The answer: `holds`, `refuted`, `undecided`.
    pub verdict: String,
    /// Hash of all runs' digests.
    pub digest: String,
    /// After how many looks at the clock the time that was given was over, if it was.
    pub over_after: Option<u64>,
    /// What each batch found, in order.
    pub batches: Vec<(String, Tally)>,
}

/// What was asked, by names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// Up to so many faults at once.
    pub faults: u32,
    /// Kinds of faults.
    pub kinds: Vec<String>,
    /// Laws, if not those of the scenario.
    pub laws: Option<Vec<String>>,
    /// Most seeds.
    pub seeds: u64,
    /// The rate to exclude.
    pub bound: f64,
    /// With which confidence.
    pub confidence: f64,
    /// Whether static checks took part.
    pub statics: bool,
    /// Faults an hour, where numbers of faults were weighed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faults_per_hour: Option<f64>,
    /// Laws, strategies and kinds of faults that only the program knows that made it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<String>,
}

/// Why a certificate cannot be checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(pub String);

/// The verdict's name in JSON.
const fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::Refuted => "refuted",
        Verdict::Undecided => "undecided",
    }
}

/// Everything that a program adds to the catalogues, by name.
fn names_of(own: &Own) -> Vec<String> {
    own.laws().iter().map(|law| law.name().to_owned()).chain(own.names().map(str::to_owned)).collect()
}

/// The certificate of a proof.
pub fn certificate(plan: &Scenario, ask: &Ask, proof: &Proof) -> Certificate {
    let owned = |names: &[&'static str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    Certificate {
        schema: SCHEMA,
        scenario: scenario::document(plan),
        hash: plan.hash.clone(),
        model_version: proof.model_version.clone(),
        samplers: proof.samplers.clone(),
        asked: Asked {
            faults: ask.faults,
            kinds: ask.kinds.iter().map(|kind| kind.entry.name.to_owned()).collect(),
            laws: ask.laws.as_deref().map(owned),
            seeds: ask.seeds,
            bound: ask.bound,
            confidence: ask.confidence,
            statics: ask.statics,
            faults_per_hour: ask.faults_per_hour,
            own: names_of(&plan.own),
        },
        verdict: name(proof.verdict).to_owned(),
        digest: proof.digest.clone(),
        over_after: proof.over_after,
        batches: proof.batches.clone(),
    }
}

impl Certificate {
    /// The scenario and what was asked of it, where nothing of it is some program's own.
    ///
    /// # Errors
    /// When this program cannot check it, with the reason.
    pub fn question(&self) -> Result<(Scenario, Ask), Unusable> {
        self.question_with(&Own::default())
    }

    /// The scenario and what was asked of it, where the program adds this to the catalogues.
    ///
    /// # Errors
    /// When this program cannot check it, with the reason.
    pub fn question_with(&self, own: &Own) -> Result<(Scenario, Ask), Unusable> {
        let other = |what: &str, own: &str, theirs: &str| {
            Unusable(format!("it was made with {what} {theirs}, and this program has {own}"))
        };
        let samplers: String = crate::engine::fingerprint().iter().map(|byte| format!("{byte:02x}")).collect();
        if self.schema != SCHEMA {
            return Err(other("schema", &SCHEMA.to_string(), &self.schema.to_string()));
        }
        if self.model_version != crate::sim::MODEL_VERSION {
            return Err(other("model version", crate::sim::MODEL_VERSION, &self.model_version));
        }
        if self.samplers != samplers {
            return Err(other("samplers", &samplers, &self.samplers));
        }
        let known = names_of(own);
        if let Some(unknown) = self.asked.own.iter().find(|name| !known.contains(name)) {
            return Err(Unusable(format!("`{unknown}` is known only to the program that made it")));
        }
        let plan = scenario::parse_with("certificate.toml", &self.scenario, (&[], None), own);
        let plan = plan.map_err(|refused| Unusable(refused.to_string()))?;
        let asked = &self.asked;
        let kinds = ask::kinds_with(&asked.kinds, own).map_err(|unknown| Unusable(unknown.to_string()))?;
        let laws = asked.laws.as_deref().map(ask::laws).transpose().map_err(|unknown| Unusable(unknown.to_string()))?;
        let ask = Ask {
            faults: asked.faults,
            kinds,
            laws,
            seeds: asked.seeds,
            bound: asked.bound,
            confidence: asked.confidence,
            statics: asked.statics,
            faults_per_hour: asked.faults_per_hour,
        };
        match ask.mistake().or_else(|| self.batches.iter().find_map(|(name, tally)| unsound(name, tally))) {
            Some(mistake) => Err(Unusable(mistake)),
            None => Ok((plan, ask)),
        }
    }

    /// Whether the time was over at this look at the clock; the first is 0.
    pub fn was_over(&self, look: u64) -> bool {
        self.over_after.is_some_and(|after| look >= after)
    }

    /// What does not agree between this and its scenario, before anything is run again.
    pub fn forged(&self, plan: &Scenario) -> Option<String> {
        let differs = plan.hash != self.hash;
        differs.then(|| format!("it is about a scenario of hash {}, and the one it holds has {}", self.hash, plan.hash))
    }

    /// What does not agree between this and a proof made again.
    pub fn disagreement(&self, again: &Proof) -> Option<String> {
        if self.verdict != name(again.verdict) {
            return Some(format!("it says {}, and its batches say {}", self.verdict, name(again.verdict)));
        }
        if self.digest != again.digest {
            return Some(format!("its digest is {}, and that of its runs {}", self.digest, again.digest));
        }
        let (mut own, mut made) = (self.batches.iter(), again.batches.iter());
        loop {
            match (own.next(), made.next()) {
                (None, None) => return None,
                (Some(own), Some(made)) if own == made => {}
                (Some((own, _)), _) => return Some(format!("the search makes no batch {own} in this place")),
                (None, Some((made, _))) => return Some(format!("it lacks the batch {made}")),
            }
        }
    }
}

/// What no batch of any search can say.
fn unsound(name: &str, tally: &Tally) -> Option<String> {
    let most = tally.refuted.saturating_add(tally.undecided);
    (most > tally.runs).then(|| format!("batch {name} has {} runs and more answers", tally.runs))
}

/// Batches of a certificate, of which each n-th is run again and compared.
#[derive(Debug)]
pub struct Verifier<'c> {
    certificate: &'c Certificate,
    every: usize,
    /// Batches that were run again.
    pub again: u64,
    /// Their runs.
    pub runs: u64,
    /// Batches that found something else.
    pub differing: Vec<String>,
}

impl<'c> Verifier<'c> {
    /// Runs each n-th batch again; 1: all.
    pub fn new(certificate: &'c Certificate, every: usize) -> Verifier<'c> {
        Verifier { certificate, every: every.max(1), again: 0, runs: 0, differing: Vec::new() }
    }

    fn place(&self, batch: &str) -> Option<usize> {
        self.certificate.batches.iter().position(|(name, _)| name == batch)
    }
}

impl Journal for Verifier<'_> {
    fn known(&self, batch: &str) -> Option<Tally> {
        let place = self.place(batch)?;
        (!place.is_multiple_of(self.every)).then(|| self.certificate.batches[place].1.clone())
    }

    fn keep(&mut self, batch: &str, tally: &Tally) -> Result<(), String> {
        self.again += 1;
        self.runs += tally.runs;
        let same = self.place(batch).is_some_and(|place| self.certificate.batches[place].1 == *tally);
        if !same {
            self.differing.push(batch.to_owned());
        }
        Ok(())
    }
}
