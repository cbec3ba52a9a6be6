//! What a scenario can be asked, one call each.

use std::sync::atomic::AtomicBool;

use crate::observe::own::Law;
use crate::prove::compare::{Comparison, Variant, compare};
use crate::prove::{self, Ask, Failed, NoJournal, Proof, Work};
use crate::scenario::Scenario;
use crate::sim::{self, InternalError, Outcome, Watch};

/// Why a question about many runs has no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unanswered {
    /// It asks for what nobody can answer: too many faults, no seed, a confidence of 1.
    #[error("{0}")]
    Mistaken(String),
    /// A run could not come to its end.
    #[error(transparent)]
    Failed(#[from] Failed),
}

impl Scenario {
    /// This plan, held to a law of one's own as well, whatever its objective says. [`Law`] has an example.
    ///
    /// A file of the plan, a counterexample's or a certificate's, does not say the law: only the program knows it.
    pub fn with_law(mut self, law: Law) -> Scenario {
        self.own = self.own.law(law);
        self
    }

    /// One run with this seed.
    ///
    /// # Errors
    /// When the cluster was never healthy, or by a bug of the simulator.
    pub fn run(&self, seed: u64) -> Result<Outcome, InternalError> {
        sim::run(self, seed, Watch::default()).map(|finished| finished.outcome)
    }

    /// Many runs for one answer, on all processors.
    ///
    /// # Errors
    /// When the question is mistaken, or a run could not come to its end.
    pub fn prove(&self, ask: &Ask) -> Result<Proof, Unanswered> {
        match ask.mistake() {
            Some(mistake) => Err(Unanswered::Mistaken(mistake)),
            None => Ok(with_work(|work| prove::prove(self, ask, work))?),
        }
    }

    /// This plan's variants on the same seeds, from 1; `confidence` is that of the intervals, above 0 and below 1.
    ///
    /// # Errors
    /// When there is no variant, no seed or no such confidence, or a run could not come to its end.
    pub fn compare(&self, variants: &[Variant], seeds: u64, confidence: f64) -> Result<Comparison, Unanswered> {
        if variants.is_empty() || seeds == 0 || !(confidence > 0.0 && confidence < 1.0) {
            let said = "a comparison needs variants, seeds, and a confidence above 0 and below 1";
            return Err(Unanswered::Mistaken(said.to_owned()));
        }
        Ok(with_work(|work| compare(self, variants, (seeds, confidence), work))?)
    }
}

/// Work on all processors that nobody watches or stops.
fn with_work<T>(ask: impl FnOnce(&mut Work<'_>) -> T) -> T {
    let stop = AtomicBool::new(false);
    ask(&mut Work { jobs: 0, progress: &|_, _, _| {}, stop: &stop, over: &|| false, journal: &mut NoJournal })
}
