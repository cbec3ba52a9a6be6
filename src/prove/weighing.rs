//! How likely a run of the plan is to fail where faults come at random: the numbers of faults, each weighed by its
//! probability.
//!
//! Faults come independently, so many an hour of the upgrade: how many is a Poisson count. A run with `k` of them fails
//! as often as the seeds with `k` faults did, at most; more faults than were looked at are taken to fail always.

use serde::Serialize;

use super::report::Stage;
use crate::base::Span;
use crate::statistics::sequential::{Count, confidence_sequence};

/// Fewest seeds for each number of faults, where they are weighed: a test against a bound stops after a handful where
/// many runs fail, and says little of how many do.
pub const SEEDS_LEAST: u64 = 1_000;

/// One number of faults.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Part {
    /// The number.
    pub faults: u32,
    /// The probability that a run of the plan meets so many.
    pub chance: f64,
    /// The probability that a run with so many fails: at least, at most.
    pub fails: [f64; 2],
}

/// How likely a run of the plan is to fail.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weighed {
    /// Faults an hour of the upgrade.
    pub faults_per_hour: f64,
    /// How long the upgrade takes without a fault, hours.
    pub hours: f64,
    /// By number of faults.
    pub parts: Vec<Part>,
    /// The probability of more faults than that.
    pub more: f64,
    /// The probability that a run fails, at least and at most, with the confidence that was asked for.
    pub fails: [f64; 2],
}

/// Weighs the numbers of faults up to `faults` by what the stages found. Each statement has its part of the risk, so that
/// all of them hold together.
pub(super) fn weighed(
    stages: &[Stage],
    faults: u32,
    (faults_per_hour, confidence): (f64, f64),
    length: Span,
) -> Weighed {
    let hours = length.as_secs_f64() / 3600.0;
    let mean = faults_per_hour * hours;
    let each = 1.0 - (1.0 - confidence) / f64::from(faults + 1);
    let fails = |number: u32| {
        let sampled = stages.iter().find(|stage| stage.faults == number && stage.rate.is_some());
        sampled.map_or([0.0, 1.0], |stage| {
            let count = Count { failed: stage.tally.refuted, runs: stage.tally.runs };
            let interval = confidence_sequence(count, each);
            [interval.low, interval.high]
        })
    };
    let part = |faults| Part { faults, chance: poisson(mean, faults), fails: fails(faults) };
    let parts: Vec<Part> = (0..=faults).map(part).collect();
    let more = (1.0 - parts.iter().map(|part| part.chance).sum::<f64>()).max(0.0);
    let sum = |end: usize| parts.iter().map(|part| part.chance * part.fails[end]).sum::<f64>();
    let fails = [sum(0), (sum(1) + more).min(1.0)];
    Weighed { faults_per_hour, hours, parts, more, fails }
}

/// The probability of a Poisson count.
fn poisson(mean: f64, count: u32) -> f64 {
    (1..=count).fold(libm::exp(-mean), |chance, k| chance * mean / f64::from(k))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_are_those_of_a_poisson_count() {
        let chances: Vec<f64> = (0..40).map(|count| poisson(2.5, count)).collect();
        assert!((chances.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!((chances[3] - 0.213_763).abs() < 1e-6, "{}", chances[3]);
    }

    #[test]
    fn numbers_of_faults_that_nobody_looked_at_are_taken_to_fail() {
        let found = weighed(&[], 1, (1.0, 0.95), Span::mins(60));
        assert_eq!((found.fails, found.hours), ([0.0, 1.0], 1.0));
        assert!((found.more - (1.0 - 2.0 * libm::exp(-1.0))).abs() < 1e-12);
    }
}
