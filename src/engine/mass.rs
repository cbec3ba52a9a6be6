//! Logarithms of the probabilities of counts, accurate also where the counts are huge.
//!
//! The textbook form subtracts log factorials and at a count of 1e12 has lost all but two digits. The saddle-point
//! form has not: C. Loader, "Fast and accurate computation of binomial probabilities", 2000, as in R's `dbinom`.

/// Half the logarithm of 2 pi.
const HALF_LN_TAU: f64 = 0.918_938_533_204_672_8;
/// From here on five terms of Stirling's series are exact to 1e-15.
const STIRLING_FROM: f64 = 16.0;
/// Closer to each other than this share, the deviance comes from its series.
const NEAR: f64 = 0.1;

/// ln P(X = k) for a Poisson count of this mean; `k` whole, `mean` above 0.
pub(super) fn ln_poisson(k: f64, mean: f64) -> f64 {
    if k <= 0.0 {
        return -mean;
    }
    -stirling_error(k) - deviance(k, mean) - HALF_LN_TAU - 0.5 * libm::log(k)
}

/// ln P(X = k) for a binomial count of `n` trials with probability `p`; 0 <= k <= n, 0 < p < 1.
///
/// Also where `k` or `n` is not whole, with gamma functions in the place of factorials, as in the beta distribution.
/// Relative error of the probability about 1e-13, however large the counts.
pub fn ln_binomial(k: f64, n: f64, p: f64) -> f64 {
    let (rest, q) = (n - k, 1.0 - p);
    if k <= 0.0 {
        return n * libm::log1p(-p);
    }
    if rest <= 0.0 {
        return n * libm::log(p);
    }
    let bulk = stirling_error(n) - stirling_error(k) - stirling_error(rest);
    bulk - deviance(k, n * p) - deviance(rest, n * q) - HALF_LN_TAU - 0.5 * (libm::log(k) + libm::log(rest / n))
}

/// ln P(X = k) for the marked among `taken` out of `total` of which `marked` are; all whole, 0 < taken < total.
pub(super) fn ln_hypergeometric(k: f64, total: f64, marked: f64, taken: f64) -> f64 {
    let p = taken / total;
    ln_binomial(k, marked, p) + ln_binomial(taken - k, total - marked, p) - ln_binomial(taken, total, p)
}

/// What Stirling's formula lacks: ln k! - ln(sqrt(2 pi k) (k/e)^k), for k >= 0; 0 for 0.
fn stirling_error(k: f64) -> f64 {
    if k <= 0.0 {
        return 0.0;
    }
    if k < STIRLING_FROM {
        return libm::lgamma(k + 1.0) - (k + 0.5) * libm::log(k) + k - HALF_LN_TAU;
    }
    let square = k * k;
    let series = 1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / 1188.0 / square) / square;
    (1.0 / 12.0 - (1.0 / 360.0 - series / square) / square) / k
}

/// k ln(k / mean) + mean - k, without cancellation where the two are close; both above 0.
fn deviance(k: f64, mean: f64) -> f64 {
    let (difference, sum) = (k - mean, k + mean);
    if difference.abs() >= NEAR * sum {
        return k * libm::log(k / mean) - difference;
    }
    let v = difference / sum;
    let mut total = difference * v;
    let mut power = 2.0 * k * v;
    for half in 1..100_u32 {
        power *= v * v;
        let next = total + power / f64::from(2 * half + 1);
        if next == total {
            break;
        }
        total = next;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ln_factorial(k: u64) -> f64 {
        (2..=k).map(|i| libm::log(i as f64)).sum()
    }

    #[test]
    fn probabilities_agree_with_the_textbook_forms() {
        for mean in [0.3, 4.0, 17.5, 90.0] {
            for k in 0..200_u64 {
                let textbook = k as f64 * libm::log(mean) - mean - ln_factorial(k);
                assert!((ln_poisson(k as f64, mean) - textbook).abs() < 1e-11, "{k} at {mean}");
            }
        }
        for (n, p) in [(1_u64, 0.3), (7, 0.5), (40, 0.02), (150, 0.45)] {
            for k in 0..=n {
                let choose = ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k);
                let textbook = choose + k as f64 * libm::log(p) + (n - k) as f64 * libm::log1p(-p);
                assert!((ln_binomial(k as f64, n as f64, p) - textbook).abs() < 1e-11, "{k} of {n} at {p}");
            }
        }
    }

    #[test]
    fn hypergeometric_probabilities_sum_to_one() {
        for (total, marked, taken) in [(20.0, 7.0, 5.0), (1000.0, 300.0, 250.0), (60.0, 40.0, 45.0)] {
            let lowest = f64::max(0.0, marked + taken - total) as u32;
            let highest = f64::min(marked, taken) as u32;
            let sum: f64 =
                (lowest..=highest).map(|k| libm::exp(ln_hypergeometric(f64::from(k), total, marked, taken))).sum();
            assert!((sum - 1.0).abs() < 1e-11, "{sum}");
        }
    }

    #[test]
    fn ratios_of_neighbours_stay_accurate_at_a_mean_of_a_trillion() {
        let mean = 1e12;
        for offset in [-3e6, -1.0, 0.0, 5e5, 4e6] {
            let k = mean + offset;
            // P(k) / P(k - 1) = mean / k.
            let step = ln_poisson(k, mean) - ln_poisson(k - 1.0, mean);
            assert!((step - libm::log1p((mean - k) / k)).abs() < 1e-12, "{offset}: {step:e}");
        }
    }
}
