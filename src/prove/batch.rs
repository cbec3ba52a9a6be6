//! Work in batches of fixed sizes, whose results can be kept and found again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::tally::{FaultKeys, Seen, Sum, Tally};
use crate::sim::InternalError;

/// Why there is no proof, neither of this nor of that.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failed {
    /// The cluster was never healthy, or the simulator broke an invariant, or panicked.
    #[error("{why}")]
    Broken {
        /// What it says.
        why: String,
        /// The seed that shows it.
        seed: u64,
        /// The faults that show it.
        faults: Vec<FaultKeys>,
        /// The scenario's cluster was never healthy: its mistake, not ours.
        never_healthy: bool,
    },
    /// A run would need more events than it may have.
    #[error("a run needs more than the {events} events of `limits.events` (seed {seed})")]
    Limit {
        /// As many.
        events: u64,
        /// The seed that shows it.
        seed: u64,
    },
    /// It was stopped; what was finished is in the journal.
    #[error("stopped")]
    Stopped,
    /// The operating system gave no threads.
    #[error("no threads: {0}")]
    Threads(String),
    /// The journal could not be written.
    #[error("{0}")]
    Journal(String),
}

/// Finished batches, by name. What is known need not be done again.
pub trait Journal {
    /// What this batch found, if it was finished before.
    fn known(&self, batch: &str) -> Option<Tally>;
    /// Keeps what this batch has found.
    ///
    /// # Errors
    /// When it cannot be written, with the reason.
    fn keep(&mut self, batch: &str, tally: &Tally) -> Result<(), String>;
}

/// A journal that keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoJournal;

impl Journal for NoJournal {
    fn known(&self, _: &str) -> Option<Tally> {
        None
    }
    fn keep(&mut self, _: &str, _: &Tally) -> Result<(), String> {
        Ok(())
    }
}

/// How the work is done. None of it changes what is found.
pub struct Work<'a> {
    /// Threads; 0 means one for each processor.
    pub jobs: usize,
    /// Told what is being done, how much is done, of how much (0: not known).
    pub progress: &'a (dyn Fn(&str, u64, u64) + Sync),
    /// Once it is true, the work stops.
    pub stop: &'a AtomicBool,
    /// Whether the time that was given is over. Asked between batches.
    pub over: &'a (dyn Fn() -> bool + Sync),
    /// Finished batches.
    pub journal: &'a mut dyn Journal,
}

/// Threads and the work that they do.
pub(super) struct Crew<'a, 'w> {
    work: &'a mut Work<'w>,
    pool: rayon::ThreadPool,
    /// What each batch found, in order.
    pub(super) batches: Vec<(String, Tally)>,
    /// How often it was asked whether the time is over, and after how many of these looks it was.
    looks: u64,
    over_after: Option<u64>,
}

/// One run that ended, or why it did not.
pub(super) type Ran = Result<Seen, Failed>;

impl<'a, 'w> Crew<'a, 'w> {
    pub(super) fn new(work: &'a mut Work<'w>) -> Result<Crew<'a, 'w>, Failed> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(work.jobs).build();
        let pool = pool.map_err(|error| Failed::Threads(error.to_string()))?;
        Ok(Crew { work, pool, batches: Vec::new(), looks: 0, over_after: None })
    }

    /// Whether the time that was given is over. Once it is, it stays over.
    pub(super) fn is_over(&mut self) -> bool {
        if self.over_after.is_none() && (self.work.over)() {
            self.over_after = Some(self.looks);
        }
        self.looks += 1;
        self.over_after.is_some()
    }

    /// After how many looks at the clock the time was over. What is looked at in between depends on what was found
    /// alone, so whoever ends the time at the same look finds the same.
    pub(super) const fn over_after(&self) -> Option<u64> {
        self.over_after
    }

    /// How many work side by side.
    pub(super) fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Once it is true, runs stop.
    pub(super) fn stop(&self) -> &'w AtomicBool {
        self.work.stop
    }

    pub(super) fn tell(&self, what: &str, done: u64, of: u64) {
        (self.work.progress)(what, done, of);
    }

    /// The pieces side by side, their results in order.
    pub(super) fn side_by_side<P: Sync, R: Send>(&self, pieces: &[P], one: impl Fn(&P) -> R + Sync) -> Vec<R> {
        self.pool.install(|| pieces.par_iter().map(&one).collect())
    }

    /// A batch's tally: the journal's, or that of `run`, which is then kept.
    pub(super) fn batch(
        &mut self,
        name: &str,
        run: impl FnOnce(&Crew<'_, '_>) -> Result<Tally, Failed>,
    ) -> Result<Tally, Failed> {
        if self.work.stop.load(Ordering::Relaxed) {
            return Err(Failed::Stopped);
        }
        if let Some(known) = self.work.journal.known(name) {
            self.batches.push((name.to_owned(), known.clone()));
            return Ok(known);
        }
        let tally = run(self)?;
        if self.work.stop.load(Ordering::Relaxed) {
            return Err(Failed::Stopped);
        }
        self.work.journal.keep(name, &tally).map_err(Failed::Journal)?;
        self.batches.push((name.to_owned(), tally.clone()));
        Ok(tally)
    }
}

/// Adds up runs in their order; the first that did not end is the batch's failure.
pub(super) fn added(runs: impl IntoIterator<Item = Ran>) -> Result<Tally, Failed> {
    let mut sum = Sum::default();
    for run in runs {
        sum.add(run?);
    }
    Ok(sum.finish())
}

/// Runs something that may panic or break an invariant; the seed and the faults say how to see it again.
pub(super) fn caught<R>(
    seed: u64,
    faults: impl Fn() -> Vec<FaultKeys>,
    run: impl FnOnce() -> Result<R, InternalError>,
) -> Result<R, Failed> {
    let broken = |why: String, never_healthy| Failed::Broken { why, seed, faults: faults(), never_healthy };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(InternalError::Stopped { .. })) => Err(Failed::Stopped),
        Ok(Err(error)) => {
            let never_healthy = matches!(error, InternalError::NeverHealthy(_));
            Err(broken(error.to_string(), never_healthy))
        }
        Err(panic) => Err(broken(said(&*panic), false)),
    }
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}
