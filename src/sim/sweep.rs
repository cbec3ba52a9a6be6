//! Many seeds of one scenario, side by side, as if one after another.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rayon::prelude::*;

use super::outcome::{Outcome, Verdict};
use super::simulation::{Watch, run};
use crate::scenario::Scenario;

/// Seeds for each thread in one round. A round is added up before the next begins, so that memory does not grow with
/// the number of seeds; it is long enough that threads hardly wait for each other at its end.
const ROUND: u64 = 256;

/// What many seeds found together: integers, added up in the order of the seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Runs in which the plan holds.
    pub holds: u64,
    /// Runs that refute the plan.
    pub refuted: u64,
    /// Runs that a limit ended before an answer.
    pub undecided: u64,
    /// Events of all runs.
    pub events: u64,
    /// Requests sent in all runs.
    pub sent: u64,
    /// Requests lost in all runs.
    pub lost: u64,
    /// Hash of the runs' digests in the order of their seeds, 32 hexadecimal digits.
    pub digest: String,
    /// Seeds that are no part of the figures above: they ended in an error of the simulator's own.
    pub failed: Vec<Failed>,
}

/// A seed without an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Which.
    pub seed: u64,
    /// The broken invariant, or what the code panicked with.
    pub why: String,
}

/// Runs these seeds on `jobs` threads; 0 means one for each processor. Their number changes nothing in what is found.
///
/// # Errors
/// When the operating system does not give the threads.
pub fn sweep(scenario: &Scenario, seeds: Range<u64>, jobs: usize) -> Result<Sweep, rayon::ThreadPoolBuildError> {
    let one = |seed| match run(scenario, seed, Watch::default()) {
        Ok(finished) => Ok(Kept::of(&finished.outcome)),
        Err(error) => Err(error.to_string()),
    };
    sweep_by(one, seeds, jobs)
}

/// The part of an outcome that a sweep adds up.
struct Kept {
    verdict: Verdict,
    events: u64,
    sent: u64,
    lost: u64,
    digest: String,
}

impl Kept {
    fn of(outcome: &Outcome) -> Kept {
        Kept {
            verdict: outcome.verdict,
            events: outcome.events,
            sent: outcome.requests.sent,
            lost: outcome.requests.lost,
            digest: outcome.digest.clone(),
        }
    }
}

fn sweep_by(
    one: impl Fn(u64) -> Result<Kept, String> + Sync,
    seeds: Range<u64>,
    jobs: usize,
) -> Result<Sweep, rayon::ThreadPoolBuildError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs).build()?;
    let round = ROUND * pool.current_num_threads() as u64;
    let caught = |seed| catch_unwind(AssertUnwindSafe(|| one(seed))).unwrap_or_else(|panic| Err(said(&*panic)));
    let (mut all, mut digest) = (Sweep::default(), blake3::Hasher::new());
    let mut from = seeds.start;
    while from < seeds.end {
        let to = from.saturating_add(round).min(seeds.end);
        let found: Vec<(u64, Result<Kept, String>)> =
            pool.install(|| (from..to).into_par_iter().map(|seed| (seed, caught(seed))).collect());
        for (seed, result) in found {
            all.add(seed, result, &mut digest);
        }
        from = to;
    }
    all.digest = digest.finalize().to_hex()[..32].to_owned();
    Ok(all)
}

impl Sweep {
    fn add(&mut self, seed: u64, result: Result<Kept, String>, digest: &mut blake3::Hasher) {
        match result {
            Ok(kept) => {
                match kept.verdict {
                    Verdict::Holds => self.holds += 1,
                    Verdict::Refuted => self.refuted += 1,
                    Verdict::Undecided => self.undecided += 1,
                }
                self.events += kept.events;
                self.sent += kept.sent;
                self.lost += kept.lost;
                digest.update(&seed.to_le_bytes()).update(kept.digest.as_bytes());
            }
            Err(why) => self.failed.push(Failed { seed, why }),
        }
    }
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made_up(seed: u64) -> Result<Kept, String> {
        let verdict = [Verdict::Holds, Verdict::Refuted, Verdict::Undecided][(seed % 3) as usize];
        Ok(Kept { verdict, events: seed, sent: 2 * seed, lost: 1, digest: format!("{:032x}", seed * seed) })
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let alone = sweep_by(made_up, 0..2_000, 1).expect("a thread");
        assert_eq!((alone.holds, alone.refuted, alone.undecided), (667, 667, 666));
        assert_eq!((alone.events, alone.sent, alone.lost), (1_999_000, 3_998_000, 2_000));
        for jobs in [2, 3, 7] {
            assert_eq!(alone, sweep_by(made_up, 0..2_000, jobs).expect("threads"), "{jobs} threads");
        }
    }

    #[test]
    fn the_digest_tells_which_seed_found_what() {
        let swapped = |seed: u64| made_up(if seed < 2 { 1 - seed } else { seed });
        let (first, second) = (sweep_by(made_up, 0..3, 2).expect("threads"), sweep_by(swapped, 0..3, 2));
        assert_ne!(first.digest, second.expect("threads").digest);
    }

    #[test]
    fn an_error_or_a_panic_loses_its_own_seed_and_names_it() {
        let one = |seed| match seed {
            3 => Err("a law was broken".to_owned()),
            5 => panic!("out of place"),
            seed => made_up(seed),
        };
        let found = sweep_by(one, 0..9, 2).expect("threads");
        let failed = |seed, why: &str| Failed { seed, why: why.to_owned() };
        assert_eq!(found.failed, [failed(3, "a law was broken"), failed(5, "out of place")]);
        assert_eq!(found.holds + found.refuted + found.undecided, 7);
    }

    #[test]
    fn no_seeds_find_nothing() {
        let found = sweep_by(made_up, 4..4, 1).expect("a thread");
        assert_eq!((found.holds + found.refuted + found.undecided, found.failed.len()), (0, 0));
    }
}
