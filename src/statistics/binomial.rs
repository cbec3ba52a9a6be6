//! Binomial probabilities, and exact limits for a rate that was counted.

use super::{Interval, beta};

/// Halvings of [0, 1] until a float tells no more apart, also near 0.
const HALVINGS: u32 = 200;

/// P(X <= k) for `n` trials that each succeed with probability `p`.
pub fn at_most(k: u64, n: u64, p: f64) -> f64 {
    if k >= n { 1.0 } else { beta::regularised(1.0 - p, (n - k) as f64, k as f64 + 1.0) }
}

/// P(X >= k) for `n` trials that each succeed with probability `p`.
pub fn at_least(k: u64, n: u64, p: f64) -> f64 {
    match k {
        0 => 1.0,
        _ if k > n => 0.0,
        _ => beta::regularised(p, k as f64, (n - k) as f64 + 1.0),
    }
}

/// The largest rate that `k` successes in `n` trials do not refute: one-sided, at this confidence (0 to 1).
///
/// The true rate is at most this, except with probability `1 - confidence`. With none in n it is 1 - a^(1/n), about
/// 3 / n at 95 %. C. J. Clopper and E. S. Pearson, Biometrika 26, 1934. Only for an `n` set beforehand; whoever
/// looks on while counting needs [`sequential`](super::sequential).
pub fn upper_limit(k: u64, n: u64, confidence: f64) -> f64 {
    let risk = 1.0 - confidence;
    match k {
        _ if k >= n => 1.0,
        0 => -libm::expm1(libm::log(risk) / n as f64),
        _ => first(|rate| at_most(k, n, rate) <= risk),
    }
}

/// The smallest rate that `k` successes in `n` trials do not refute: one-sided, at this confidence (0 to 1).
pub fn lower_limit(k: u64, n: u64, confidence: f64) -> f64 {
    let risk = 1.0 - confidence;
    match k {
        0 => 0.0,
        _ if k >= n => libm::exp(libm::log(risk) / n as f64),
        _ => first(|rate| at_least(k, n, rate) > risk),
    }
}

/// The two-sided Clopper-Pearson interval of a rate: half the risk on either side.
pub fn clopper_pearson(k: u64, n: u64, confidence: f64) -> Interval {
    let one_sided = 1.0 - (1.0 - confidence) / 2.0;
    Interval { low: lower_limit(k, n, one_sided), high: upper_limit(k, n, one_sided) }
}

/// The fewest successes in `n` trials that a rate of `p` explains: fewer come with probability at most `risk`.
pub fn fewest(n: u64, p: f64, risk: f64) -> u64 {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low) / 2;
        if at_most(middle, n, p) > risk { high = middle } else { low = middle + 1 }
    }
    low
}

/// The first value of [0, 1] from which on `holds`, by halving.
pub(super) fn first(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if holds(middle) { high = middle } else { low = middle }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(ours: f64, expected: f64, relative: f64) {
        assert!((ours / expected - 1.0).abs() < relative, "{ours} instead of {expected}");
    }

    #[test]
    fn probabilities_are_the_sums_of_their_terms() {
        let choose = |n: u64, k: u64| (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (i + 1) as f64);
        for (n, p) in [(1, 0.2), (7, 0.5), (30, 0.03), (60, 0.9)] {
            let term = |k: u64| choose(n, k) * libm::pow(p, k as f64) * libm::pow(1.0 - p, (n - k) as f64);
            for k in 0..=n {
                close(at_most(k, n, p), (0..=k).map(term).sum(), 1e-11);
                close(at_least(k, n, p), (k..=n).map(term).sum(), 1e-11);
            }
        }
        assert_eq!(at_least(9, 8, 0.5), 0.0);
    }

    #[test]
    fn limits_are_those_of_published_tables() {
        // 10 of 100 at 95 %: 4.90 to 17.62 % (Clopper and Pearson's tables; R's binom.test).
        let interval = clopper_pearson(10, 100, 0.95);
        close(interval.low, 0.049_004_689, 1e-6);
        close(interval.high, 0.176_222_598, 1e-6);
        // 5 of 10: 18.7086 to 81.2914 %.
        let interval = clopper_pearson(5, 10, 0.95);
        close(interval.low, 0.187_086_03, 1e-6);
        close(interval.high, 0.812_913_97, 1e-6);
        // None failed in 10,000: below 3 in 10,000.
        close(upper_limit(0, 10_000, 0.95), 2.995_283_6e-4, 1e-6);
        close(upper_limit(0, 2_995, 0.95), 0.001, 1e-3);
        close(lower_limit(20, 20, 0.95), libm::pow(0.05, 0.05), 1e-12);
    }

    #[test]
    fn a_95_percent_interval_covers_926_of_1000_times_or_fewer_less_than_once_in_a_thousand() {
        // 926 or fewer: 0.000648; 927 or fewer: 0.001006 (summed term by term elsewhere).
        assert_eq!(fewest(1_000, 0.95, 0.001), 927);
        close(at_most(926, 1_000, 0.95), 6.476_167_4e-4, 1e-7);
        close(at_most(927, 1_000, 0.95), 1.005_977_3e-3, 1e-7);
    }

    #[test]
    fn limits_hold_what_they_promise_for_every_rate() {
        for n in [1, 5, 23] {
            let limits: Vec<Interval> = (0..=n).map(|k| clopper_pearson(k, n, 0.9)).collect();
            for rate in (1..100).map(|percent| f64::from(percent) / 100.0) {
                let mass = |k: u64| at_most(k, n, rate) - if k == 0 { 0.0 } else { at_most(k - 1, n, rate) };
                let covered: f64 = (0..=n).filter(|k| limits[*k as usize].contains(rate)).map(mass).sum();
                assert!(covered >= 0.9 - 1e-9, "{covered} at {rate} of {n}");
            }
        }
    }

    #[test]
    fn a_million_trials_are_no_trouble() {
        let interval = clopper_pearson(20_000, 1_000_000, 0.9999);
        // The normal approximation: 3.8906 deviations of 1.4e-4.
        close(interval.width(), 2.0 * 3.890_6 * 1.4e-4, 1e-3);
        assert!(interval.contains(0.02));
    }
}
