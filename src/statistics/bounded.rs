//! Intervals for the mean of independent values in [0, 1], such as probabilities of loss averaged over seeds.
//!
//! Both hold for every law on [0, 1] and every number of values that was set beforehand; none is a normal
//! approximation. Values outside of [0, 1] count as the nearer end.

use super::Interval;

/// The mean of some values with what its intervals need.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mean {
    count: u64,
    sum: f64,
    squares: f64,
}

impl Mean {
    /// One more value. Sums depend on the order in their last bits: push in seed order.
    pub fn push(&mut self, value: f64) {
        let value = value.clamp(0.0, 1.0);
        self.count += 1;
        self.sum += value;
        self.squares += value * value;
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; 0 for none.
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }

    /// Their sample variance, with n - 1; 0 for fewer than two.
    pub fn variance(&self) -> f64 {
        match self.count {
            0 | 1 => 0.0,
            n => ((self.squares - self.sum * self.mean()) / (n - 1) as f64).max(0.0),
        }
    }

    /// Where the true mean lies, at this confidence, from the number of values alone.
    ///
    /// Half the width is sqrt(ln(2 / risk) / 2n). W. Hoeffding, Journal of the American Statistical Association 58,
    /// 1963. All of [0, 1] for no values.
    pub fn hoeffding(&self, confidence: f64) -> Interval {
        let half = libm::sqrt(libm::log(2.0 / (1.0 - confidence)) / (2.0 * self.count as f64));
        self.around(half)
    }

    /// Where the true mean lies, at this confidence, from the sample variance: far narrower where values hardly vary.
    ///
    /// Half the width is sqrt(2 V ln(4 / risk) / n) + 7 ln(4 / risk) / 3(n - 1). A. Maurer and M. Pontil, "Empirical
    /// Bernstein bounds and sample variance penalization", COLT 2009, theorem 4 on either side. All of [0, 1] for
    /// fewer than two values.
    pub fn empirical_bernstein(&self, confidence: f64) -> Interval {
        if self.count < 2 {
            return Interval { low: 0.0, high: 1.0 };
        }
        let (n, risk) = (self.count as f64, libm::log(4.0 / (1.0 - confidence)));
        self.around(libm::sqrt(2.0 * self.variance() * risk / n) + 7.0 * risk / (3.0 * (n - 1.0)))
    }

    fn around(&self, half: f64) -> Interval {
        Interval { low: self.mean() - half, high: self.mean() + half }.in_unit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Name;
    use crate::engine::Draws;

    fn of(values: impl IntoIterator<Item = f64>) -> Mean {
        let mut mean = Mean::default();
        values.into_iter().for_each(|value| mean.push(value));
        mean
    }

    #[test]
    fn hoeffding_needs_738_values_for_five_percent_at_95() {
        // Half the width is at most 0.05 from n = ln(40) / (2 x 0.0025) = 737.8 on, as UPPAAL's manual has it.
        let half = |n: usize| of(vec![0.5; n]).hoeffding(0.95).width() / 2.0;
        assert!(half(738) <= 0.05 && half(737) > 0.05);
    }

    #[test]
    fn the_variance_is_the_one_worked_by_hand() {
        let mean = of([0.0, 0.5, 1.0]);
        assert_eq!((mean.mean(), mean.variance(), mean.count()), (0.5, 0.25, 3));
        let bound = mean.empirical_bernstein(0.95);
        assert_eq!((bound.low, bound.high), (0.0, 1.0), "three values tell nothing");
    }

    #[test]
    fn values_that_hardly_vary_are_bounded_far_closer_by_their_variance() {
        let rare = of((0..10_000).map(|i| if i % 1_000 == 0 { 0.1 } else { 0.0 }));
        assert!(rare.empirical_bernstein(0.99).high < 0.0019, "{:?}", rare.empirical_bernstein(0.99));
        assert!(rare.hoeffding(0.99).high > 0.016);
    }

    #[test]
    fn intervals_hold_the_true_mean_as_often_as_they_promise() {
        // Uniform squared: mean 1/3. 500 samples of 200 values at 90 %; both are known to be cautious.
        let draws = Draws::new(3, 1);
        let misses = (0..500).filter(|sample| {
            let values = (0..200).map(|i| draws.at(0, Name(*sample), i).unit()).map(|unit| unit * unit);
            let mean = of(values);
            !mean.hoeffding(0.9).contains(1.0 / 3.0) || !mean.empirical_bernstein(0.9).contains(1.0 / 3.0)
        });
        assert!(misses.count() <= 50);
    }

    #[test]
    fn without_values_nothing_is_known() {
        assert_eq!(Mean::default().hoeffding(0.9), Interval { low: 0.0, high: 1.0 });
        assert_eq!(of([0.4]).empirical_bernstein(0.9), Interval { low: 0.0, high: 1.0 });
    }
}
