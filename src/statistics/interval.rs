//! Intervals of estimates.

/// A closed interval in which a figure lies, at a confidence that its maker states.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// Whether `value` lies inside, ends included.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// How wide it is.
    pub fn width(&self) -> f64 {
        self.high - self.low
    }

    /// The part of it that lies in [0, 1].
    pub(super) fn in_unit(self) -> Interval {
        Interval { low: self.low.clamp(0.0, 1.0), high: self.high.clamp(0.0, 1.0) }
    }
}
