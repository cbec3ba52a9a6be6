//! Deciding while counting: is the rate of failure below a bound? Valid although one stops when it suits.
//!
//! Count runs in the order of their seeds, never in the order they finish: otherwise quick runs bias the end, and the
//! verdict depends on how many ran side by side. All figures come from the two counts, not from running sums, so they
//! are the same however the runs were batched.

use super::{Interval, beta, binomial};

/// Weight of either outcome in the prior of the mixtures: Jeffreys' for a rate.
const PRIOR: f64 = 0.5;

/// The share of the stake that is on a rate of zero, where a rate below the bound is bet on. Ours: any share keeps the
/// promise; this one costs ln(10 / 9), 0.11 / bound runs, where nothing fails.
const ON_ZERO: f64 = 0.9;

/// Runs that were counted, in seed order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many failed.
    pub failed: u64,
    /// How many there were.
    pub runs: u64,
}

/// What a sequential test has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The rate of failure is acceptable.
    Below,
    /// The rate of failure is not.
    Above,
}

impl Count {
    /// One more run.
    pub fn push(&mut self, failed: bool) {
        self.runs += 1;
        self.failed += u64::from(failed);
    }

    fn passed(&self) -> u64 {
        self.runs - self.failed.min(self.runs)
    }
}

/// Wald's sequential probability ratio test of a rate of failure. A. Wald, Annals of Mathematical Statistics 16, 1945.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sprt {
    /// The rate that is acceptable, above 0.
    pub acceptable: f64,
    /// The rate that is not, above `acceptable` and below 1. Between the two, either decision may come.
    pub unacceptable: f64,
    /// The risk of each wrong decision, such as 0.05. With Wald's limits, both together are at most twice that.
    pub risk: f64,
}

impl Sprt {
    /// The decision that these runs allow; `None`: go on. Ask after every run, in seed order, and stop at the first.
    pub fn decide(&self, count: Count) -> Option<Decision> {
        let limit = libm::log((1.0 - self.risk) / self.risk);
        let so_far = self.log_ratio(count);
        if so_far >= limit {
            Some(Decision::Above)
        } else if so_far <= -limit {
            Some(Decision::Below)
        } else {
            None
        }
    }

    /// The logarithm of how much likelier the runs are at the unacceptable rate than at the acceptable one.
    pub fn log_ratio(&self, count: Count) -> f64 {
        let failing = libm::log(self.unacceptable / self.acceptable);
        let passing = libm::log1p(-self.unacceptable) - libm::log1p(-self.acceptable);
        count.failed as f64 * failing + count.passed() as f64 * passing
    }
}

/// A test by betting of whether a rate of failure lies below a bound, valid at every moment of looking.
///
/// A gambler bets against "the rate is at least the bound": nine tenths of the stake on a rate of zero, what is hoped
/// for; the rest on all smaller rates at once, weighted by Jeffreys' prior. Another bets against "at most" with all
/// larger ones. Their wealth exceeds 1 / risk with probability at most `risk` if what they bet against is true
/// (J. Ville, 1939; H. Robbins, Annals of Mathematical Statistics 41, 1970). When all runs pass, it takes some
/// 3.1 / bound runs at 95 %, hardly more than when the number is set beforehand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateTest {
    /// The rate that is asked about, between 0 and 1.
    pub bound: f64,
    /// The risk of each wrong decision, such as 0.05.
    pub risk: f64,
}

impl RateTest {
    /// The decision that these runs allow; `None`: go on, as long as one likes.
    pub fn decide(&self, count: Count) -> Option<Decision> {
        let enough = -libm::log(self.risk);
        if self.log_wealth(count, Decision::Below) >= enough {
            Some(Decision::Below)
        } else if self.log_wealth(count, Decision::Above) >= enough {
            Some(Decision::Above)
        } else {
            None
        }
    }

    /// The logarithm of the wealth of who bets on this decision, having begun with 1.
    pub fn log_wealth(&self, count: Count, on: Decision) -> f64 {
        let (a, b) = (count.failed as f64 + PRIOR, count.passed() as f64 + PRIOR);
        let part = |a, b| match on {
            Decision::Below => beta::regularised(self.bound, a, b),
            Decision::Above => beta::regularised(1.0 - self.bound, b, a),
        };
        let spread = log_mixture(count, self.bound) + libm::log(part(a, b)) - libm::log(part(PRIOR, PRIOR));
        match on {
            Decision::Above => spread,
            // A rate of zero has lost its stake with the first failure.
            Decision::Below if count.failed > 0 => spread + libm::log(1.0 - ON_ZERO),
            Decision::Below => {
                let zero = libm::log(ON_ZERO) - count.runs as f64 * libm::log1p(-self.bound);
                log_sum(zero, spread + libm::log(1.0 - ON_ZERO))
            }
        }
    }
}

/// Where the rate lies, at every moment of looking at once: with this confidence, no interval ever misses it.
///
/// The rates that the mixture over all rates does not refute; wider than the Clopper-Pearson interval by what looking
/// at any time costs.
pub fn confidence_sequence(count: Count, confidence: f64) -> Interval {
    let enough = -libm::log(1.0 - confidence);
    // The wealth is convex in the rate and least at the observed one.
    let observed = if count.runs == 0 { 0.5 } else { count.failed as f64 / count.runs as f64 };
    let refuted = |rate: f64| log_mixture(count, rate) >= enough;
    let low = binomial::first(|rate| rate >= observed || !refuted(rate));
    let high = binomial::first(|rate| rate > observed && refuted(rate));
    Interval { low: if count.failed == 0 { 0.0 } else { low }, high: if count.passed() == 0 { 1.0 } else { high } }
}

/// The logarithm of a sum, of the logarithms of its parts.
fn log_sum(one: f64, other: f64) -> f64 {
    let (most, least) = (one.max(other), one.min(other));
    most + libm::log1p(libm::exp(least - most))
}

/// The logarithm of how much likelier the runs are under the prior than at this rate.
fn log_mixture(count: Count, rate: f64) -> f64 {
    let (failed, passed) = (count.failed as f64, count.passed() as f64);
    let log_beta = |a: f64, b: f64| libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let times = |n: f64, log: f64| if n == 0.0 { 0.0 } else { n * log };
    let at_rate = times(failed, libm::log(rate)) + times(passed, libm::log1p(-rate));
    log_beta(failed + PRIOR, passed + PRIOR) - log_beta(PRIOR, PRIOR) - at_rate
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Name;
    use crate::engine::Draws;

    /// After how many runs a test decides, and what; every `period`-th run fails, none for 0.
    fn decided(decide: impl Fn(Count) -> Option<Decision>, period: u64) -> (u64, Decision) {
        let mut count = Count::default();
        loop {
            count.push(period > 0 && (count.runs + 1).is_multiple_of(period));
            if let Some(decision) = decide(count) {
                return (count.runs, decision);
            }
        }
    }

    #[test]
    fn the_probability_ratio_stops_where_walds_formulas_say() {
        // ln(19) / ln(0.9999 / 0.999) and ln(99) / ...: green runs until "acceptable".
        for (acceptable, unacceptable, risk, green) in
            [(1e-4, 1e-3, 0.05, 3_270), (1e-4, 1e-3, 0.01, 5_103), (1e-3, 1e-2, 0.01, 508), (1e-4, 3e-4, 0.05, 14_719)]
        {
            let test = Sprt { acceptable, unacceptable, risk };
            let (runs, decision) = decided(|count| test.decide(count), 0);
            assert!(runs.abs_diff(green) <= 1, "{runs} instead of {green}");
            assert_eq!(decision, Decision::Below);
        }
        let test = Sprt { acceptable: 1e-4, unacceptable: 1e-3, risk: 0.05 };
        assert_eq!(decided(|count| test.decide(count), 10), (20, Decision::Above));
    }

    #[test]
    fn betting_decides_a_green_run_after_hardly_more_than_a_fixed_number() {
        let test = RateTest { bound: 1e-3, risk: 0.05 };
        let (runs, decision) = decided(|count| test.decide(count), 0);
        assert_eq!(decision, Decision::Below);
        // ln(20) / -ln(0.999) = 2,994.2 where the number is set beforehand.
        assert!((2_995..3_150).contains(&runs), "{runs}");
        assert_eq!(decided(|count| test.decide(count), 50).1, Decision::Above);
    }

    /// The mean wealth after 12 runs at this rate.
    fn mean_wealth(test: RateTest, rate: f64, on: Decision) -> f64 {
        let runs = 12;
        let weighed = |failed: u64| {
            let chance = crate::engine::ln_binomial_mass(failed as f64, runs as f64, rate);
            libm::exp(chance + test.log_wealth(Count { failed, runs }, on))
        };
        (0..=runs).map(weighed).sum()
    }

    #[test]
    fn wealth_is_a_fair_game_at_the_bound() {
        let test = RateTest { bound: 0.2, risk: 0.05 };
        for on in [Decision::Below, Decision::Above] {
            let mean = mean_wealth(test, 0.2, on);
            assert!((mean - 1.0).abs() < 1e-12, "{on:?}: {mean}");
        }
    }

    #[test]
    fn wealth_never_grows_in_the_mean_where_the_bet_is_wrong() {
        let test = RateTest { bound: 0.2, risk: 0.05 };
        for (on, rate) in [(Decision::Below, 0.3), (Decision::Above, 0.1)] {
            let mean = mean_wealth(test, rate, on);
            assert!(mean < 1.0, "{on:?}: {mean}");
        }
    }

    #[test]
    fn wrong_decisions_are_as_rare_as_promised_although_one_looks_after_every_run() {
        // At the bound itself either decision is wrong: 2 x 5 % of 1,000 sequences of 1,000 runs, 99.9 % limit 130.
        let test = RateTest { bound: 0.05, risk: 0.05 };
        let draws = Draws::new(8, 1);
        let wrong = (0..1_000_u64).filter(|sequence| {
            let mut count = Count::default();
            (0..1_000).any(|run| {
                count.push(draws.at(0, Name(*sequence), run).unit() < 0.05);
                run % 10 == 9 && test.decide(count).is_some()
            })
        });
        let wrong = wrong.count();
        assert!((1..=130).contains(&wrong), "{wrong}");
    }

    #[test]
    fn no_interval_of_a_sequence_misses_more_often_than_promised() {
        let draws = Draws::new(9, 1);
        let missed = (0..300_u64).filter(|sequence| {
            let mut count = Count::default();
            (0..400).any(|run| {
                count.push(draws.at(0, Name(*sequence), run).unit() < 0.3);
                run % 20 == 19 && !confidence_sequence(count, 0.9).contains(0.3)
            })
        });
        assert!(missed.count() <= 30);
    }

    #[test]
    fn a_sequence_is_wider_than_the_interval_for_a_fixed_number() {
        for (failed, runs) in [(0, 100), (3, 50), (500, 10_000), (100, 100)] {
            let any_time = confidence_sequence(Count { failed, runs }, 0.95);
            let fixed = binomial::clopper_pearson(failed, runs, 0.95);
            assert!(any_time.low <= fixed.low && any_time.high >= fixed.high, "{any_time:?} and {fixed:?}");
            assert!(any_time.width() < 2.5 * fixed.width(), "{any_time:?} and {fixed:?}");
        }
        assert_eq!(confidence_sequence(Count::default(), 0.95), Interval { low: 0.0, high: 1.0 });
    }
}
