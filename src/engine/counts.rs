//! Random counts: Poisson, binomial, hypergeometric, multinomial.
//!
//! Small expectations are inverted term by term. Large ones go by rejection against the true probabilities, so the
//! laws are exact up to the rounding of floats. A count above 2^53 is rounded like a float.

use super::{Draw, mass};

/// Below this expectation, inversion is used; the rejection methods are valid from 10.
const INVERT_BELOW: f64 = 10.0;
/// A Poisson mean above this counts as this, so that every count fits 64 bits.
const HIGHEST_MEAN: f64 = 1e18;
/// Urns are emptied ball by ball up to this many.
const URN_AT_MOST: u64 = 16;

impl Draw {
    /// The number of events of a Poisson process with this mean; 0 for a mean of 0, less, or NaN. Sound up to a mean
    /// of 1e12; one above 1e18 counts as that.
    ///
    /// From a mean of 10 by PTRS: W. Hoermann, "The transformed rejection method for generating Poisson random
    /// variables", Insurance: Mathematics and Economics 12, 1993.
    pub fn poisson(&mut self, mean: f64) -> u64 {
        if mean.is_nan() || mean <= 0.0 {
            return 0;
        }
        let mean = mean.min(HIGHEST_MEAN);
        if mean < INVERT_BELOW {
            return self.poisson_by_inversion(mean);
        }
        let b = 0.931 + 2.53 * libm::sqrt(mean);
        let a = -0.059 + 0.02483 * b;
        let scale = 1.1239 + 1.1328 / (b - 3.4);
        let surely = 0.9277 - 3.6224 / (b - 2.0);
        loop {
            let u = self.open_unit() - 0.5;
            let v = self.open_unit();
            let edge = 0.5 - u.abs();
            let k = libm::floor((2.0 * a / edge + b) * u + mean + 0.43);
            if edge >= 0.07 && v <= surely {
                return k as u64;
            }
            if k < 0.0 || (edge < 0.013 && v > edge) {
                continue;
            }
            if libm::log(v * scale / (a / (edge * edge) + b)) <= mass::ln_poisson(k, mean) {
                return k as u64;
            }
        }
    }

    fn poisson_by_inversion(&mut self, mean: f64) -> u64 {
        let mut rest = self.unit();
        let mut term = libm::exp(-mean);
        let mut k = 0;
        // The terms sum to 1 only up to rounding; where they vanish, nothing more can come.
        while rest >= term && term > 0.0 {
            rest -= term;
            k += 1;
            term *= mean / k as f64;
        }
        k
    }

    /// How many of `n` independent trials succeed, each with probability `p`; outside of [0, 1] the nearer end
    /// counts, and NaN as 0.
    ///
    /// From an expectation of 10 by BTRS: W. Hoermann, "The generation of binomial random variates", Journal of
    /// Statistical Computation and Simulation 46, 1993.
    pub fn binomial(&mut self, n: u64, p: f64) -> u64 {
        if p.is_nan() || p <= 0.0 || n == 0 {
            0
        } else if p >= 1.0 {
            n
        } else if p > 0.5 {
            n - self.binomial_at_most_half(n, 1.0 - p)
        } else {
            self.binomial_at_most_half(n, p)
        }
    }

    fn binomial_at_most_half(&mut self, n: u64, p: f64) -> u64 {
        let trials = n as f64;
        if trials * p < INVERT_BELOW {
            return self.binomial_by_inversion(n, p);
        }
        let deviation = libm::sqrt(trials * p * (1.0 - p));
        let b = 1.15 + 2.53 * deviation;
        let a = -0.0873 + 0.0248 * b + 0.01 * p;
        let centre = trials * p + 0.5;
        let scale = (2.83 + 5.1 / b) * deviation;
        let surely = 0.92 - 4.2 / b;
        let mode = libm::floor((trials + 1.0) * p);
        let at_mode = mass::ln_binomial(mode, trials, p);
        loop {
            let u = self.open_unit() - 0.5;
            let v = self.open_unit();
            let edge = 0.5 - u.abs();
            let k = libm::floor((2.0 * a / edge + b) * u + centre);
            if edge >= 0.07 && v <= surely {
                return (k as u64).min(n);
            }
            if k < 0.0 || k > trials {
                continue;
            }
            let height = v * scale / (a / (edge * edge) + b);
            if libm::log(height) <= mass::ln_binomial(k, trials, p) - at_mode {
                return (k as u64).min(n);
            }
        }
    }

    fn binomial_by_inversion(&mut self, n: u64, p: f64) -> u64 {
        let trials = n as f64;
        let odds = p / (1.0 - p);
        let mut rest = self.unit();
        let mut term = libm::exp(trials * libm::log1p(-p));
        let mut k = 0;
        while rest >= term && k < n && term > 0.0 {
            rest -= term;
            k += 1;
            term *= (trials - k as f64 + 1.0) / k as f64 * odds;
        }
        k
    }

    /// How many marked ones are among `taken`, drawn without replacement from `total` of which `marked` are marked.
    /// More marked or taken than there are count as all.
    pub fn hypergeometric(&mut self, total: u64, marked: u64, taken: u64) -> u64 {
        let (marked, taken) = (marked.min(total), taken.min(total));
        // Marked and plain, taken and left, marked and taken can each be exchanged: reduce to the smallest case.
        if taken > total - taken {
            return marked - self.hypergeometric(total, marked, total - taken);
        }
        if marked > total - marked {
            return taken - self.hypergeometric(total, total - marked, taken);
        }
        let (marked, taken) = (marked.max(taken), marked.min(taken));
        if taken <= URN_AT_MOST { self.urn(total, marked, taken) } else { self.ratio_of_uniforms(total, marked, taken) }
    }

    fn urn(&mut self, total: u64, marked: u64, taken: u64) -> u64 {
        let mut left = marked;
        for already in 0..taken {
            if self.below(total - already) < left {
                left -= 1;
            }
        }
        marked - left
    }

    /// HRUA*, for taken <= marked <= total / 2. E. Stadlober, "The ratio of uniforms approach for generating discrete
    /// random variates", Journal of Computational and Applied Mathematics 31, 1990.
    fn ratio_of_uniforms(&mut self, total: u64, marked: u64, taken: u64) -> u64 {
        /// 2 sqrt(2 / e)
        const WIDTH: f64 = 1.715_527_769_921_413_5;
        /// 3 - 2 sqrt(3 / e)
        const SHIFT: f64 = 0.898_916_162_058_898_8;
        let (all, good, sample) = (total as f64, marked as f64, taken as f64);
        let share = good / all;
        let variance = (all - sample) * sample * share * (1.0 - share) / (all - 1.0);
        let centre = sample * share + 0.5;
        let deviation = libm::sqrt(variance + 0.5);
        let width = WIDTH * deviation + SHIFT;
        let mode = libm::floor((sample + 1.0) * ((good + 1.0) / (all + 2.0)));
        let at_mode = mass::ln_hypergeometric(mode, all, good, sample);
        // Beyond 16 deviations lies less than floats can tell.
        let end = (sample + 1.0).min(libm::floor(centre + 16.0 * deviation));
        loop {
            let u = self.open_unit();
            let x = centre + width * (self.open_unit() - 0.5) / u;
            if x < 0.0 || x >= end {
                continue;
            }
            let k = libm::floor(x);
            if 2.0 * libm::log(u) <= mass::ln_hypergeometric(k, all, good, sample) - at_mode {
                return k as u64;
            }
        }
    }

    /// Splits `n` at random among `parts`: each one goes to a part with probability in proportion to its weight.
    ///
    /// Fills `parts` by conditional binomials, in order. The slices go together index by index; a longer one's rest
    /// is ignored. If every weight is 0, nobody gets anything.
    pub fn split(&mut self, n: u64, weights: &[u64], parts: &mut [u64]) {
        let length = weights.len().min(parts.len());
        let mut weight_left: u128 = weights[..length].iter().map(|&weight| u128::from(weight)).sum();
        let mut left = n;
        parts.fill(0);
        for (part, &weight) in parts.iter_mut().zip(weights).filter(|(_, weight)| **weight > 0) {
            let weight = u128::from(weight);
            *part = if weight == weight_left { left } else { self.binomial(left, weight as f64 / weight_left as f64) };
            weight_left -= weight;
            left -= *part;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;
    use rand_distr::Distribution;

    use super::*;
    use crate::base::Name;
    use crate::engine::{Draws, normal};

    const COUNT: u64 = 40_000;

    fn tally(sample: impl Fn(&mut Draw) -> u64) -> BTreeMap<u64, f64> {
        let draws = Draws::new(11, 1);
        let mut seen = BTreeMap::new();
        for i in 0..COUNT {
            *seen.entry(sample(&mut draws.at(0, Name(1), i))).or_insert(0.0) += 1.0;
        }
        seen
    }

    /// Fails unless `(seen, expected)` agree by chi-square, neighbours pooled until 20 are expected.
    fn compare(what: &str, cells: impl Iterator<Item = (f64, f64)>, variance_of_cell: f64) {
        let (mut sum, mut freedom, mut pool) = (0.0, -1.0, (0.0, 0.0));
        for (seen, expected) in cells {
            pool = (pool.0 + seen, pool.1 + expected);
            if pool.1 >= 20.0 {
                sum += (pool.0 - pool.1) * (pool.0 - pool.1) / (variance_of_cell * pool.1);
                freedom += 1.0;
                pool = (0.0, 0.0);
            }
        }
        let deviations = (sum - freedom) / libm::sqrt(f64::max(2.0 * freedom, 2.0));
        assert!(deviations < 5.0, "{what}: chi-square {sum} at {freedom} degrees of freedom");
        assert!(freedom < 10.0 || deviations > -4.5, "{what}: too good, chi-square {sum} at {freedom}");
    }

    /// Fails unless the samples follow the probabilities `ln_mass` on `range`.
    fn fit(
        what: &str,
        range: std::ops::RangeInclusive<u64>,
        sample: impl Fn(&mut Draw) -> u64,
        ln: impl Fn(f64) -> f64,
    ) {
        let seen = tally(sample);
        assert!(seen.keys().all(|k| range.contains(k)), "{what}: outside of {range:?}");
        let mass = |k: u64| COUNT as f64 * libm::exp(ln(k as f64));
        compare(what, range.map(|k| (seen.get(&k).copied().unwrap_or(0.0), mass(k))), 1.0);
    }

    #[test]
    fn poisson_counts_follow_their_law() {
        for mean in [0.05, 1.0, 4.0, 9.999, 10.0, 10.5, 13.0, 40.0, 700.0] {
            let highest = (mean + 12.0 * libm::sqrt(mean) + 12.0) as u64;
            fit(&format!("poisson {mean}"), 0..=highest, |d| d.poisson(mean), |k| mass::ln_poisson(k, mean));
        }
    }

    #[test]
    fn binomial_counts_follow_their_law() {
        let cases =
            [(1, 0.3), (9, 0.5), (50, 0.199), (20, 0.5), (21, 0.5), (33, 0.31), (1000, 0.02), (700, 0.93), (90, 0.87)];
        for (n, p) in cases {
            let law = |k| mass::ln_binomial(k, n as f64, p);
            fit(&format!("binomial {n}, {p}"), 0..=n, |d| d.binomial(n, p), law);
        }
    }

    #[test]
    fn hypergeometric_counts_follow_their_law() {
        let cases: [(u64, u64, u64); 8] = [
            (40, 10, 8),
            (40, 30, 33),
            (100, 40, 40),
            (100, 60, 40),
            (100, 40, 60),
            (100, 60, 60),
            (5_000, 2_500, 2_500),
            (2_000, 30, 900),
        ];
        for (total, marked, taken) in cases {
            let law = |k| mass::ln_hypergeometric(k, total as f64, marked as f64, taken as f64);
            let range = (marked + taken).saturating_sub(total)..=marked.min(taken);
            fit(
                &format!("{taken} of {total}, {marked} marked"),
                range,
                |d| d.hypergeometric(total, marked, taken),
                law,
            );
        }
    }

    #[test]
    fn huge_counts_follow_the_normal_law_that_they_approach() {
        // The skewness of the largest cases is 1e-6, far below what 40,000 samples show.
        type Deviations = fn(&mut Draw) -> f64;
        let poisson = |d: &mut Draw| (d.poisson(1e12) as f64 - 1e12) / 1e6;
        let binomial = |d: &mut Draw| (d.binomial(4_000_000_000_000, 0.5) as f64 - 2e12) / 1e6;
        let few = |d: &mut Draw| (d.binomial(1 << 53, 1e-4) as f64 - (1_u64 << 53) as f64 * 1e-4) / 949_062.265_624_5;
        let urn =
            |d: &mut Draw| (d.hypergeometric(1 << 42, 1 << 41, 1 << 41) as f64 - (1_u64 << 40) as f64) / 524_288.0;
        let cases: [(&str, Deviations); 4] =
            [("poisson", poisson), ("binomial", binomial), ("rare", few), ("urn", urn)];
        for (what, deviations) in cases {
            let bounds: Vec<f64> = (1..100).map(|i| normal::quantile(f64::from(i) / 100.0)).collect();
            let seen = tally(|d| {
                let at = deviations(d);
                bounds.partition_point(|bound| *bound < at) as u64
            });
            compare(what, (0..100).map(|cell| (seen.get(&cell).copied().unwrap_or(0.0), COUNT as f64 / 100.0)), 1.0);
        }
    }

    #[test]
    fn another_implementation_gives_the_same_laws() {
        let mut generator = ChaCha8Rng::seed_from_u64(4);
        let mut against = |what: &str, ours: BTreeMap<u64, f64>, theirs: &mut dyn FnMut(&mut ChaCha8Rng) -> u64| {
            let mut seen: BTreeMap<u64, (f64, f64)> = ours.into_iter().map(|(k, n)| (k, (n, 0.0))).collect();
            (0..COUNT).for_each(|_| seen.entry(theirs(&mut generator)).or_default().1 += 1.0);
            // Against the mean of both, so that a cell of each has half the variance of its count.
            compare(what, seen.values().map(|(one, other)| (*one, (one + other) / 2.0)), 0.5);
        };
        for mean in [2.5, 15.0, 1_000.0] {
            let law = rand_distr::Poisson::new(mean).expect("a mean above 0");
            against(&format!("poisson {mean}"), tally(|d| d.poisson(mean)), &mut |rng| {
                let count: f64 = law.sample(rng);
                count as u64
            });
        }
        for (n, p) in [(30, 0.1), (60, 0.4), (10_000, 0.75)] {
            let law = rand_distr::Binomial::new(n, p).expect("a probability");
            against(&format!("binomial {n}, {p}"), tally(|d| d.binomial(n, p)), &mut |rng| law.sample(rng));
        }
    }

    #[test]
    fn a_split_loses_nobody_and_follows_the_weights() {
        let weights = [5, 0, 3, 2];
        for n in [0, 1, 7, 1_000, 1_000_000_000] {
            let mut parts = [9; 4];
            Draws::new(1, 1).at(0, Name(0), n).split(n, &weights, &mut parts);
            assert_eq!(parts.iter().sum::<u64>(), n);
            assert_eq!(parts[1], 0);
        }
        for (index, share) in [(0, 0.5), (2, 0.3), (3, 0.2)] {
            let part = |d: &mut Draw| {
                let mut parts = [0; 4];
                d.split(80, &weights, &mut parts);
                parts[index]
            };
            fit(&format!("part {index}"), 0..=80, part, |k| mass::ln_binomial(k, 80.0, share));
        }
    }

    #[test]
    fn a_split_without_weights_gives_nothing_and_huge_weights_do_not_overflow() {
        let mut draw = Draws::new(1, 1).at(0, Name(0), 0);
        let mut parts = [1; 3];
        draw.split(10, &[0, 0, 0], &mut parts);
        assert_eq!(parts, [0; 3]);
        draw.split(10, &[u64::MAX; 3], &mut parts);
        assert_eq!(parts.iter().sum::<u64>(), 10);
        draw.split(10, &[], &mut parts);
        assert_eq!(parts, [0; 3]);
    }

    #[test]
    fn edges_are_exact() {
        let mut d = Draws::new(1, 1).at(0, Name(0), 0);
        assert_eq!([0.0, -1.0, f64::NAN, f64::NEG_INFINITY].map(|mean| d.poisson(mean)), [0; 4]);
        assert!(d.poisson(f64::INFINITY).abs_diff(1_000_000_000_000_000_000) < 10_000_000_000);
        assert_eq!([-0.5, 0.0, f64::NAN, 1.0, 7.0].map(|p| d.binomial(9, p)), [0, 0, 0, 9, 9]);
        assert_eq!(d.binomial(0, 0.5), 0);
        assert!((u64::MAX - d.binomial(u64::MAX, 0.999_999_999)).abs_diff(18_446_744_073) < 1_000_000);
        assert_eq!(d.binomial(u64::MAX, 1e-300), 0);
        assert_eq!([(0, 0, 0), (9, 0, 4), (9, 4, 0)].map(|(t, m, k)| d.hypergeometric(t, m, k)), [0; 3]);
        assert_eq!([(9, 9, 4), (9, 4, 9), (9, 50, 4)].map(|(t, m, k)| d.hypergeometric(t, m, k)), [4; 3]);
        assert!(d.hypergeometric(u64::MAX, u64::MAX / 2, u64::MAX / 3) < u64::MAX / 3);
    }

    #[test]
    fn counts_are_the_same_for_ever() {
        let draws = Draws::new(2026, 4);
        let at = |i| draws.at(2, Name::new("counts"), i);
        assert_eq!([0, 1, 2].map(|i| at(i).poisson(3.0)), [4, 2, 1]);
        assert_eq!([0, 1, 2].map(|i| at(i).poisson(1e9)), [999_990_924, 999_990_830, 999_964_163]);
        assert_eq!([0, 1, 2].map(|i| at(i).binomial(100, 0.05)), [7, 4, 3]);
        assert_eq!([0, 1, 2].map(|i| at(i).binomial(1_000_000, 0.3)), [299_868, 299_867, 299_481]);
        assert_eq!([0, 1, 2].map(|i| at(i).hypergeometric(1_000, 300, 200)), [67, 69, 73]);
    }
}
