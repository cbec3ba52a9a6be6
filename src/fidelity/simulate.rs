//! Many seeds of each case, side by side, as if one after another.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rayon::prelude::*;

use super::experiments::Plan;
use super::judge::Sample;
use super::public::{self, PUBLIC, PublicCase, Unrunnable};
use super::report::PublicCase as Told;
use super::row::Rows;
use super::{Case, samples_of};
use crate::scenario::{self, Scenario};
use crate::sim::{self, Watch};

/// Called with how many runs are done, of how many.
pub type Progress<'p> = &'p (dyn Fn(u64, u64) + Sync);

/// How much is simulated, and who watches.
#[derive(Clone, Copy)]
pub struct Work<'w> {
    /// Runs of each case, with seeds from 1.
    pub seeds: u64,
    /// Threads; one for each processor where it is 0. They change nothing in what is found.
    pub jobs: usize,
    /// Hears of each run that is done.
    pub progress: Progress<'w>,
    /// Looked at now and then: once it is true, the work ends without a result.
    pub stop: Option<&'w AtomicBool>,
}

/// Why nothing can be said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// A case's parameters make no scenario.
    #[error("{place}: these parameters make no scenario:\n{why}")]
    NoScenario {
        /// File and line of the first repetition.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// The simulator broke an invariant of its own.
    #[error("{place}: {why}")]
    Broken {
        /// File and line of the first repetition.
        place: String,
        /// What broke.
        why: String,
        /// The seed that shows it.
        seed: u64,
    },
    /// The operating system gives no threads.
    #[error("no threads: {0}")]
    Threads(String),
    /// [`Work::stop`] was set.
    #[error("stopped before all runs were done")]
    Stopped,
}

/// `jobs` threads; one for each processor where it is 0.
pub(super) fn pool(jobs: usize) -> Result<rayon::ThreadPool, Failed> {
    rayon::ThreadPoolBuilder::new().num_threads(jobs).build().map_err(|error| Failed::Threads(error.to_string()))
}

/// The rows of each case with their measured and simulated values. Cases with one plan share its runs.
pub(super) fn samples(cases: &[Case], work: Work<'_>) -> Result<Vec<Vec<Sample>>, Failed> {
    let Work { seeds, progress, .. } = work;
    let pool = pool(work.jobs)?;
    let plans: BTreeSet<(&str, &Plan)> = cases.iter().map(|case| (case.experiment.name, &case.plan)).collect();
    let (total, done) = (plans.len() as u64 * seeds, AtomicU64::new(0));
    let mut simulated: BTreeMap<(&str, &Plan), Vec<Rows>> = BTreeMap::new();
    let (mut samples, mut repetitions) = (Vec::new(), 0);
    for case in cases {
        if let Entry::Vacant(place) = simulated.entry((case.experiment.name, &case.plan)) {
            let scenario = scenario(case)?;
            let one = |seed| {
                let rows = run(case, &scenario, seed, work.stop);
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
                rows
            };
            let found: Result<Vec<Rows>, Failed> =
                pool.install(|| (1..=seeds).into_par_iter().map(one).collect::<Vec<_>>()).into_iter().collect();
            place.insert(found?);
        }
        samples.push(samples_of(case, &simulated[&(case.experiment.name, &case.plan)], repetitions));
        repetitions += case.lines.len();
    }
    Ok(samples)
}

fn place(case: &Case) -> String {
    case.lines.first().map(|line| line.place.clone()).unwrap_or_default()
}

fn scenario(case: &Case) -> Result<Scenario, Failed> {
    let Plan { name, text, overrides, .. } = &case.plan;
    scenario::parse(name, text, overrides, None)
        .map_err(|refused| Failed::NoScenario { place: place(case), why: refused.to_string() })
}

fn run(case: &Case, scenario: &Scenario, seed: u64, stop: Option<&AtomicBool>) -> Result<Rows, Failed> {
    match sim::run(scenario, seed, Watch { trace: true, stop, ..Watch::default() }) {
        Ok(finished) => Ok((case.experiment.simulated)(&finished, &case.plan)),
        Err(error @ sim::InternalError::NeverHealthy(_)) => {
            Err(Failed::NoScenario { place: place(case), why: error.to_string() })
        }
        Err(error @ sim::InternalError::Broken { .. }) => {
            Err(Failed::Broken { place: place(case), why: error.to_string(), seed })
        }
        Err(sim::InternalError::Stopped { .. }) => Err(Failed::Stopped),
    }
}

/// Every public case with its own number of seeds, judged.
pub(super) fn public(work: Work<'_>) -> Result<Vec<Told>, Failed> {
    let pool = pool(work.jobs)?;
    let runs = |case: &PublicCase| case.seeds * case.variants.len() as u64;
    let (total, done) = (PUBLIC.iter().map(|case| runs(case)).sum(), AtomicU64::new(0));
    PUBLIC
        .iter()
        .map(|case| public_case(case, &pool, work, &|| done.fetch_add(1, Ordering::Relaxed) + 1, total))
        .collect()
}

fn public_case(
    case: &PublicCase,
    pool: &rayon::ThreadPool,
    work: Work<'_>,
    done: &(dyn Fn() -> u64 + Sync),
    total: u64,
) -> Result<Told, Failed> {
    let broken = |seed| {
        move |error: Unrunnable| match error {
            Unrunnable::Refused(why) => Failed::NoScenario { place: case.name.to_owned(), why: why.to_string() },
            Unrunnable::Internal(sim::InternalError::Stopped { .. }) => Failed::Stopped,
            Unrunnable::Internal(error) => Failed::Broken { place: case.name.to_owned(), why: error.to_string(), seed },
        }
    };
    let mut samples = Vec::new();
    for variant in case.variants {
        let scenario = case.load(variant).map_err(broken(0))?;
        let one = |seed| {
            let figures = case.simulate(&scenario, seed, work.stop).map_err(broken(seed));
            (work.progress)(done(), total);
            figures
        };
        let runs: Vec<_> = pool.install(|| (1..=case.seeds).into_par_iter().map(one).collect());
        samples.push(public::Sample { variant: variant.name, runs: runs.into_iter().collect::<Result<_, _>>()? });
    }
    let judged = (case.judge)(&samples);
    let (name, expected, source) = (case.name.to_owned(), case.expected.to_owned(), case.source.to_owned());
    Ok(Told { name, expected, source, simulated: judged.simulated, asked: judged.why, fits: judged.fits })
}
