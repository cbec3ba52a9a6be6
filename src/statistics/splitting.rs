//! Importance splitting: the probability of something so rare that plain runs never show it.
//!
//! Between the start and the rare end lie levels that are passed one after another. Of so many runs at each level, those
//! that reach the next are where the runs of the next begin, each from one of them, chosen by lot, and with luck of its
//! own. The product of the shares that reached their level has the probability of the rare end as its mean, whatever
//! the levels are (fixed effort; Garvels, "The splitting method in rare event simulation", 2000, 2.4). Shares of one
//! replicate depend on each other, so that the error is taken from independent replicates, by Student's distribution:
//! good for a mean of many, not exact.

use super::Interval;
use super::student::two_sided;
use crate::base::Name;
use crate::engine::Draws;

/// A course that may come to something rare.
pub trait Rare {
    /// Where a run stands. What follows depends on it and on new luck alone.
    type State: Clone;
    /// Why a run came to no end.
    type Error;
    /// How many levels there are; the last is the rare end.
    fn levels(&self) -> usize;
    /// A run at its start.
    ///
    /// # Errors
    /// When there is none.
    fn begin(&self, luck: u64) -> Result<Self::State, Self::Error>;
    /// Goes on, by this luck, until a level is reached, counted from 1: `true`; or to the end: `false`.
    ///
    /// # Errors
    /// When the run came to no end.
    fn reach(&self, state: &mut Self::State, level: usize, luck: u64) -> Result<bool, Self::Error>;
}

/// How many runs reached a level of those that went for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Runs.
    pub runs: u64,
    /// Of which so many reached it.
    pub reached: u64,
}

/// One replicate: its levels. Fewer than there are where nobody reached one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replicate {
    /// Levels, the first first.
    pub levels: Vec<Passed>,
}

impl Replicate {
    /// The product of the shares.
    pub fn estimate(&self) -> f64 {
        self.levels.iter().map(|level| level.reached as f64 / level.runs.max(1) as f64).product()
    }
}

/// One replicate, with so many runs at each level.
///
/// # Errors
/// With the first error of a run.
pub fn replicate<R: Rare>(course: &R, effort: u64, seed: u64) -> Result<Replicate, R::Error> {
    let draws = Draws::new(seed, 2);
    let mut found = Replicate::default();
    let mut standing: Vec<R::State> = Vec::new();
    for level in 1..=course.levels() {
        let mut next = Vec::new();
        for run in 0..effort {
            let mut luck = draws.at(0, Name(level as u64), run);
            let mut state = match level {
                1 => course.begin(luck.bits())?,
                _ => standing[luck.below(standing.len() as u64) as usize].clone(),
            };
            if course.reach(&mut state, level, draws.at(1, Name(level as u64), run).bits())? {
                next.push(state);
            }
        }
        found.levels.push(Passed { runs: effort, reached: next.len() as u64 });
        if next.is_empty() {
            break;
        }
        standing = next;
    }
    Ok(found)
}

/// A probability, estimated.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// The mean of the replicates.
    pub mean: f64,
    /// Its interval at the confidence that was asked for; approximate.
    pub interval: Interval,
    /// Levels, added up over the replicates.
    pub levels: Vec<Passed>,
}

/// The estimate that replicates make together; at least two.
pub fn estimate(replicates: &[Replicate], levels: usize, confidence: f64) -> Estimate {
    let count = replicates.len().max(1) as f64;
    let mean = replicates.iter().map(Replicate::estimate).sum::<f64>() / count;
    let squares: f64 = replicates.iter().map(|one| (one.estimate() - mean) * (one.estimate() - mean)).sum();
    let error = libm::sqrt(squares / (count - 1.0).max(1.0) / count);
    let reach = error * two_sided(1.0 - confidence, (count - 1.0).max(1.0));
    let mut sums = vec![Passed::default(); levels];
    for (place, level) in replicates.iter().flat_map(|one| one.levels.iter().enumerate()) {
        if let Some(sum) = sums.get_mut(place) {
            (sum.runs, sum.reached) = (sum.runs + level.runs, sum.reached + level.reached);
        }
    }
    let interval = Interval { low: mean - reach, high: mean + reach }.in_unit();
    Estimate { mean, interval, levels: sums }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A walk that goes up with probability `up`, from 1 until it is at `top` or at 0; a level every `step`.
    struct Walk {
        up: f64,
        top: u64,
        step: u64,
    }

    impl Walk {
        /// The gambler's ruin: ((q/p) - 1) / ((q/p)^top - 1).
        fn probability(&self) -> f64 {
            let odds = (1.0 - self.up) / self.up;
            (odds - 1.0) / (libm::pow(odds, self.top as f64) - 1.0)
        }
    }

    impl Rare for Walk {
        type State = u64;
        type Error = std::convert::Infallible;
        fn levels(&self) -> usize {
            ((self.top - 1) / self.step) as usize
        }
        fn begin(&self, _: u64) -> Result<u64, Self::Error> {
            Ok(1)
        }
        fn reach(&self, state: &mut u64, level: usize, luck: u64) -> Result<bool, Self::Error> {
            let goal = 1 + level as u64 * self.step;
            let mut draw = Draws::new(luck, 1).at(0, Name(0), 0);
            while *state > 0 && *state < goal {
                *state = if draw.unit() < self.up { *state + 1 } else { *state - 1 };
            }
            Ok(*state >= goal)
        }
    }

    fn replicates(walk: &Walk, effort: u64, count: u64) -> Vec<Replicate> {
        (1..=count).map(|seed| replicate(walk, effort, seed).expect("a walk ends")).collect()
    }

    #[test]
    fn a_ruin_of_one_in_ten_million_is_found_with_a_few_thousand_runs() {
        let walk = Walk { up: 0.3, top: 21, step: 2 };
        let found = estimate(&replicates(&walk, 500, 40), walk.levels(), 0.9999);
        let known = walk.probability();
        assert!(known < 3e-8 && found.interval.contains(known), "{known} {found:?}");
        assert!(found.interval.width() < known, "{known} {found:?}");
    }

    #[test]
    fn the_mean_is_right_even_where_most_replicates_find_nothing() {
        let walk = Walk { up: 0.35, top: 7, step: 3 };
        let found = estimate(&replicates(&walk, 4, 40_000), walk.levels(), 0.9999);
        assert!(found.interval.contains(walk.probability()), "{} {found:?}", walk.probability());
    }

    #[test]
    fn intervals_contain_the_truth_about_as_often_as_they_say() {
        let walk = Walk { up: 0.35, top: 9, step: 2 };
        let covers = |seed: u64| {
            let all: Vec<Replicate> =
                (0..20).map(|one| replicate(&walk, 100, seed * 1_000 + one).expect("a walk ends")).collect();
            estimate(&all, walk.levels(), 0.95).interval.contains(walk.probability())
        };
        let covered = (1..=300).filter(|seed| covers(*seed)).count();
        // 285 expected; fewer than 271 with probability 1e-4 at 95 %.
        assert!(covered >= 271, "{covered} of 300");
    }
}
