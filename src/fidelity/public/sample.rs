//! The figures of many runs of one variant.

/// The figures of many runs of one variant, in the order of their seeds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Which variant.
    pub variant: &'static str,
    /// For each seed its figures. Not a number where something that a figure is about never happened.
    pub runs: Vec<Vec<f64>>,
}

impl Sample {
    /// One figure of all runs, in ascending order, without those that never happened.
    pub(super) fn sorted(&self, figure: usize) -> Vec<f64> {
        let mut values: Vec<f64> = self.runs.iter().filter_map(|run| run.get(figure).copied()).collect();
        values.retain(|value| value.is_finite());
        values.sort_by(f64::total_cmp);
        values
    }

    /// The middle value; the lower of two. Not a number where there is none.
    pub(super) fn median(&self, figure: usize) -> f64 {
        let values = self.sorted(figure);
        let middle = values.len().saturating_sub(1) / 2;
        values.get(middle).copied().unwrap_or(f64::NAN)
    }

    /// Smallest and largest value. Not numbers where there is none.
    pub(super) fn range(&self, figure: usize) -> (f64, f64) {
        let values = self.sorted(figure);
        let end = |value: Option<&f64>| value.copied().unwrap_or(f64::NAN);
        (end(values.first()), end(values.last()))
    }

    /// The sum over all runs.
    pub(super) fn total(&self, figure: usize) -> f64 {
        self.sorted(figure).iter().sum()
    }

    /// Whether the figure of every run is there and within these bounds, both included.
    pub(super) fn all_within(&self, figure: usize, low: f64, high: f64) -> bool {
        let values = self.sorted(figure);
        values.len() == self.runs.len() && !values.is_empty() && values.iter().all(|v| (low..=high).contains(v))
    }

    /// How many runs have a figure above this.
    pub(super) fn above(&self, figure: usize, bound: f64) -> usize {
        self.sorted(figure).iter().filter(|value| **value > bound).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_happened_is_no_value_and_never_within_bounds() {
        let runs = vec![vec![3.0], vec![f64::NAN], vec![1.0], vec![2.0]];
        let sample = Sample { variant: "a", runs };
        assert_eq!((sample.median(0), sample.range(0), sample.total(0)), (2.0, (1.0, 3.0), 6.0));
        assert!(!sample.all_within(0, 0.0, 9.0));
        assert_eq!(sample.above(0, 1.5), 2);
        assert!(Sample::default().median(0).is_nan() && !Sample::default().all_within(0, 0.0, 1.0));
    }
}
