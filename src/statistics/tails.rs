//! What a test answers with.

/// How likely a result at least this extreme is when there is nothing to find, on either side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tails {
    /// Probability of the observed statistic or a lower one, 0 to 1.
    pub low: f64,
    /// Probability of the observed statistic or a higher one, 0 to 1.
    pub high: f64,
}

impl Tails {
    /// The two-sided p-value: twice the smaller tail, at most 1.
    ///
    /// Under the null hypothesis it is at most `a` with probability at most `a`, whatever the ties.
    pub fn two_sided(&self) -> f64 {
        (2.0 * self.low.min(self.high)).min(1.0)
    }

    /// The tails of a test that could not tell anything.
    pub const CERTAIN: Tails = Tails { low: 1.0, high: 1.0 };

    /// The tails at `observed` of a distribution whose weights are `weights`; they need not sum to 1.
    pub(super) fn at(observed: usize, weights: &[f64]) -> Tails {
        let sum = |weights: &[f64]| weights.iter().sum::<f64>();
        let total = sum(weights);
        let observed = observed.min(weights.len().saturating_sub(1));
        let share = |part: f64| (part / total).clamp(0.0, 1.0);
        Tails { low: share(sum(&weights[..=observed])), high: share(sum(&weights[observed..])) }
    }
}
