//! Distributions of durations, sampled straight to whole nanoseconds.

use super::Draw;
use crate::base::Span;

/// A distribution of durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dist {
    /// Always this.
    Fixed(Span),
    /// Any value from `low` up to but not including `high`, equally likely.
    Uniform {
        /// Lower end.
        low: Span,
        /// Upper end, excluded unless equal to `low`.
        high: Span,
    },
    /// `base` plus an exponential tail of this mean.
    Exponential {
        /// Smallest value.
        base: Span,
        /// Mean of the tail.
        mean: Span,
    },
    /// Log-normal by two quantiles.
    LogNormal {
        /// Half the values lie below.
        median: Span,
        /// Ninety-nine in a hundred lie below; at least the median.
        p99: Span,
    },
}

impl Dist {
    /// A value of this distribution.
    pub fn sample(&self, draw: &mut Draw) -> Span {
        match *self {
            Dist::Fixed(span) => span,
            Dist::Uniform { low, high } => low + draw.span_below(high - low),
            Dist::Exponential { base, mean } => base + mean,
            Dist::LogNormal { median, .. } => median,
        }
    }
    /// The middle value, for reports and for enumeration.
    pub fn median(&self) -> Span {
        match *self {
            Dist::Fixed(span) => span,
            Dist::Uniform { low, high } => (low + high) / 2,
            Dist::Exponential { base, mean } => base + mean,
            Dist::LogNormal { median, .. } => median,
        }
    }
}
