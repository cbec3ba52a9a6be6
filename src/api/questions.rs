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
    /// ```
    /// use rollproof::scenario::Scenario;
    ///
    /// let plan = Scenario::builder("run").version("1.14.10", "1.15.7").strategy("kops-1.15").build()?;
    /// let (one, other) = (plan.run(7)?, plan.run(7)?);
    /// assert_eq!(one.digest, other.digest, "the same seed is the same run");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the cluster was never healthy, or by a bug of the simulator.
    pub fn run(&self, seed: u64) -> Result<Outcome, InternalError> {
        sim::run(self, seed, Watch::default()).map(|finished| finished.outcome)
    }

    /// Many runs for one answer, on all processors.
    ///
    /// ```
    /// use rollproof::prove::{Ask, ask};
    /// use rollproof::scenario::Scenario;
    /// use rollproof::sim::outcome::Verdict;
    ///
    /// let plan = Scenario::builder("prove").version("1.14.10", "1.15.7").strategy("kops-1.15").build()?;
    /// let proof = plan.prove(&Ask {
    ///     faults: 1,
    ///     kinds: ask::kinds(&["etcd-member-stop".to_owned()])?,
    ///     laws: Some(vec!["etcd-quorum"]),
    ///     seeds: 10,
    ///     bound: 0.5,
    ///     confidence: 0.9,
    ///     statics: true,
    ///     faults_per_hour: None,
    /// })?;
    /// assert_eq!(proof.verdict, Verdict::Refuted, "a second member stops while one of three is being replaced");
    /// let found = proof.counterexample.ok_or("a refuted plan has one")?;
    /// assert_eq!((found.law.as_str(), found.faults), ("etcd-quorum", 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// ```
    /// use rollproof::api::Pool;
    /// use rollproof::prove::compare::Variant;
    /// use rollproof::scenario::Scenario;
    ///
    /// let under = |name: &str| {
    ///     let plan = Scenario::builder("compare").version("1.14.10", "1.15.7").pool(Pool::new("workers", 3));
    ///     let plan = plan.strategy(name).build()?;
    ///     Ok::<_, rollproof::api::Problems>(Variant { name: name.to_owned(), plan })
    /// };
    /// let variants = [under("kops-1.15")?, under("masters-parallel")?];
    /// let compared = variants[0].plan.compare(&variants, 5, 0.95)?;
    /// assert_eq!(compared.rows[0].name, "kops-1.15", "the best first");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
