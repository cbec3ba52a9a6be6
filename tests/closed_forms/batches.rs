//! Intervals from batch means.

use rollproof::statistics::Interval;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// What every closed form is held to.
pub const CONFIDENCE: f64 = 0.9999;

/// Sums of a share's numerator and denominator over batches of equal length.
#[derive(Clone, Debug)]
pub struct Batches {
    sums: Vec<(f64, f64)>,
}

impl Batches {
    pub fn new(count: usize) -> Batches {
        Batches { sums: vec![(0.0, 0.0); count] }
    }

    /// Adds to batch `index`; what lies beyond the last is not counted.
    pub fn add(&mut self, index: usize, of: f64, among: f64) {
        if let Some(sums) = self.sums.get_mut(index) {
            sums.0 += of;
            sums.1 += among;
        }
    }

    /// Where the true share lies. The error of a ratio of sums is that of its residuals, batch by batch.
    pub fn interval(&self) -> Interval {
        let batches = &self.sums[1..];
        let count = batches.len() as f64;
        let of: f64 = batches.iter().map(|sums| sums.0).sum();
        let among: f64 = batches.iter().map(|sums| sums.1).sum();
        let share = of / among;
        let squares: f64 = batches.iter().map(|(of, among)| of - share * among).map(|rest| rest * rest).sum();
        let deviation = (squares / (count - 1.0) / count).sqrt() / (among / count);
        let student = StudentsT::new(0.0, 1.0, count - 1.0).expect("there are two batches or more");
        let half = student.inverse_cdf(1.0 - (1.0 - CONFIDENCE) / 2.0) * deviation;
        Interval { low: share - half, high: share + half }
    }

    /// Checks that `known` lies inside and that the interval is no wider than `width` times it.
    pub fn assert_holds(&self, what: &str, known: f64, width: f64) {
        let interval = self.interval();
        println!("{what}: {known:.6}, simulated {:.6} to {:.6}", interval.low, interval.high);
        assert!(interval.contains(known), "{what}: {known} lies outside of {interval:?}");
        assert!(interval.width() <= width * known, "{what}: {interval:?} is too wide to tell {known} from others");
    }
}

#[test]
fn the_interval_of_a_share_holds_it_as_often_as_it_says() {
    use rollproof::base::Name;
    use rollproof::engine::Draws;
    // At 99.99 % none of 300 may miss, one would in 3 % of all cases; a tenth of the width misses most.
    let draws = Draws::new(5, 1);
    let (mut missed, mut missed_by_a_tenth) = (0, 0);
    for sample in 0..300 {
        let mut batches = Batches::new(101);
        for trial in 0..5_050_u64 {
            let hit = draws.at(0, Name(sample), trial).unit() < 0.3;
            batches.add(trial as usize / 50, f64::from(u8::from(hit)), 1.0);
        }
        let interval = batches.interval();
        let middle = f64::midpoint(interval.low, interval.high);
        missed += u32::from(!interval.contains(0.3));
        missed_by_a_tenth += u32::from((middle - 0.3).abs() > interval.width() / 20.0);
    }
    assert!(missed <= 1 && missed_by_a_tenth > 150, "{missed} and {missed_by_a_tenth}");
}
