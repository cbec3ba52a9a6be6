//! Public measurements and documented behaviours of other people's clusters, each as a case with its source.
//!
//! A case names a shipped scenario, the overrides of its variants, the figures that are read out of each run, and a
//! judge that says from these figures whether the simulator does what was seen. Where the source leaves a parameter
//! open, `assumed` says which value was taken; a case whose assumption carries the result says that, too.

mod api_cut;
mod cordon_ingress;
mod drain_deadlock;
mod drain_table;
mod endpoint_lag;
mod history;
mod keep_alive_exit;
mod node_loss;
mod pinned_master;
mod prestop_grace;
mod sample;
mod sandbox_crash;

use std::sync::atomic::AtomicBool;

use crate::scenario::{self, Refused, Scenario};
use crate::sim::{self, Finished, InternalError, Watch};

pub use sample::Sample;

/// All cases, in the order of the report.
pub static PUBLIC: &[&PublicCase] = &[
    &node_loss::BY_TIMEOUT,
    &node_loss::BY_TAINT,
    &node_loss::BY_TAINT_1_32,
    &sandbox_crash::CASE,
    &keep_alive_exit::CASE,
    &endpoint_lag::CASE,
    &prestop_grace::CASE,
    &pinned_master::CASE,
    &cordon_ingress::CASE,
    &drain_deadlock::CASE,
    &drain_table::ONE_REPLICA,
    &drain_table::NO_PRESTOP,
    &drain_table::PRESTOP,
    &api_cut::LONG_LEASE,
    &api_cut::DEFAULT_LEASE,
    &api_cut::CLIENTS_ONLY,
];

/// A public measurement, and how it is simulated.
#[derive(Debug)]
pub struct PublicCase {
    /// Its name, unique.
    pub name: &'static str,
    /// What is simulated, in a sentence.
    pub about: &'static str,
    /// What was measured or documented, in words.
    pub expected: &'static str,
    /// Where: an issue, a paper, a page.
    pub source: &'static str,
    /// What the source leaves open, and the value taken; empty where nothing is.
    pub assumed: &'static str,
    /// The scenario's file name and text.
    pub scenario: (&'static str, &'static str),
    /// Runs differ in these overrides.
    pub variants: &'static [Variant],
    /// Seeds for each variant, from 1.
    pub seeds: u64,
    /// The figures of one run, in the order that `judge` expects.
    pub figures: fn(&Finished) -> Vec<f64>,
    /// Whether the runs of each variant (in their order) fit what was seen.
    pub judge: fn(&[Sample]) -> Judged,
}

/// One way in which a case is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its name, unique in its case.
    pub name: &'static str,
    /// As `--set` takes them.
    pub overrides: &'static [&'static str],
}

/// What a judge says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The simulated figures, in words.
    pub simulated: String,
    /// Whether they fit.
    pub fits: bool,
    /// What was asked of them.
    pub why: String,
}

/// A case that could not be run.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unrunnable {
    /// Its scenario does not load.
    #[error("{0}")]
    Refused(Box<Refused>),
    /// The simulator broke an invariant of its own.
    #[error("{0}")]
    Internal(#[from] InternalError),
}

impl PublicCase {
    /// The scenario of a variant.
    ///
    /// # Errors
    /// When it does not load.
    pub fn load(&self, variant: &Variant) -> Result<Scenario, Unrunnable> {
        let overrides: Vec<String> = variant.overrides.iter().map(|&text| text.to_owned()).collect();
        let (name, text) = self.scenario;
        scenario::parse(name, text, &overrides, None).map_err(|refused| Unrunnable::Refused(Box::new(refused)))
    }

    /// The figures of one run.
    ///
    /// # Errors
    /// When the run has no outcome.
    pub fn simulate(&self, scenario: &Scenario, seed: u64, stop: Option<&AtomicBool>) -> Result<Vec<f64>, Unrunnable> {
        let finished = sim::run(scenario, seed, Watch { trace: true, stop, ..Watch::default() })?;
        Ok((self.figures)(&finished))
    }

    /// Runs all variants with seeds 1 to `seeds`, one after another, and judges them. Who wants to use more threads
    /// calls [`PublicCase::simulate`] for each seed and [`PublicCase::judge`] with the figures in seed order.
    ///
    /// # Errors
    /// When a run has no outcome.
    pub fn run(&self, seeds: u64) -> Result<Judged, Unrunnable> {
        let mut samples = Vec::new();
        for variant in self.variants {
            let scenario = self.load(variant)?;
            let runs: Result<Vec<_>, _> = (1..=seeds).map(|seed| self.simulate(&scenario, seed, None)).collect();
            samples.push(Sample { variant: variant.name, runs: runs? });
        }
        Ok((self.judge)(&samples))
    }
}

/// The only variant of a case that has one.
const PLAIN: &[Variant] = &[Variant { name: "plain", overrides: &[] }];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_nothing_is_left_unsaid() {
        for (index, case) in PUBLIC.iter().enumerate() {
            assert!(PUBLIC[..index].iter().all(|other| other.name != case.name), "{}", case.name);
            for text in [case.about, case.expected, case.source] {
                assert!(!text.is_empty(), "{}", case.name);
            }
            assert!(case.seeds > 0 && !case.variants.is_empty(), "{}", case.name);
        }
    }

    #[test]
    fn every_variant_loads() {
        for case in PUBLIC {
            for variant in case.variants {
                let loaded = case.load(variant);
                assert!(
                    loaded.is_ok(),
                    "{} {}: {}",
                    case.name,
                    variant.name,
                    loaded.err().map_or_else(String::new, |e| e.to_string())
                );
            }
        }
    }

    #[test]
    fn no_judge_accepts_runs_in_which_nothing_happened() {
        for case in PUBLIC {
            let idle = |variant: &Variant| Sample { variant: variant.name, runs: vec![vec![0.0; 8]; 4] };
            let samples: Vec<Sample> = case.variants.iter().map(idle).collect();
            assert!(!(case.judge)(&samples).fits, "{}", case.name);
        }
    }
}
