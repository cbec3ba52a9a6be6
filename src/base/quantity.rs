//! Shares, rates, and the "integer or percentage" of Kubernetes.

use std::fmt;

use super::{Span, Time};

/// A share in parts per million, from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ratio(u32);

impl Ratio {
    /// Nothing.
    pub const ZERO: Ratio = Ratio(0);
    /// All.
    pub const ONE: Ratio = Ratio(1_000_000);

    /// The share of `ppm` parts in a million; more than a million counts as all.
    pub const fn from_ppm(ppm: u32) -> Ratio {
        Ratio(if ppm > 1_000_000 { 1_000_000 } else { ppm })
    }
    /// Parts per million.
    pub const fn ppm(self) -> u32 {
        self.0
    }
    /// As a float, for samplers and reports only.
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 1e6
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) / 1e4)
    }
}

/// A rate in millionths of an event a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u64);

impl Rate {
    /// Never.
    pub const ZERO: Rate = Rate(0);

    /// `micros` millionths of an event a second.
    pub const fn from_micros(micros: u64) -> Rate {
        Rate(micros)
    }
    /// `n` events a second.
    pub const fn per_sec(n: u64) -> Rate {
        Rate(n.saturating_mul(1_000_000))
    }
    /// Millionths of an event a second.
    pub const fn micros(self) -> u64 {
        self.0
    }
    /// Events a second as a float, for samplers and reports only.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
    /// The gap between two events of a constant rate; `Span::FOREVER` for none.
    pub fn gap(self) -> Span {
        match (1_000_000_000_u64 * 1_000_000).checked_div(self.0) {
            Some(nanos) => Span::nanos(nanos),
            None => Span::FOREVER,
        }
    }
    /// How many events of a constant rate, the first at time zero, lie before `at`.
    pub fn events_before(self, at: Time) -> u64 {
        let scaled = u128::from(at.nanos()) * u128::from(self.0);
        let per_event = 1_000_000_000_u128 * 1_000_000;
        u64::try_from(scaled.div_ceil(per_event)).unwrap_or(u64::MAX)
    }
}

/// A count, or a percentage of one, as in `maxUnavailable: 25%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntOrPercent {
    /// A plain count.
    Int(u32),
    /// A percentage, 0 to 100 and above.
    Percent(u32),
}

impl IntOrPercent {
    /// The count it means for `total`, a percentage rounded up.
    pub fn of_rounding_up(self, total: u32) -> u32 {
        match self {
            IntOrPercent::Int(n) => n,
            IntOrPercent::Percent(p) => scaled(total, p).div_ceil(100) as u32,
        }
    }
    /// The count it means for `total`, a percentage rounded down.
    pub fn of_rounding_down(self, total: u32) -> u32 {
        match self {
            IntOrPercent::Int(n) => n,
            IntOrPercent::Percent(p) => (scaled(total, p) / 100) as u32,
        }
    }
}

fn scaled(total: u32, percent: u32) -> u64 {
    (u64::from(total) * u64::from(percent)).min(100 * u64::from(u32::MAX))
}

impl fmt::Display for IntOrPercent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IntOrPercent::Int(n) => write!(f, "{n}"),
            IntOrPercent::Percent(p) => write!(f, "{p}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_round_as_kubernetes_rounds_them() {
        assert_eq!(IntOrPercent::Percent(25).of_rounding_up(5), 2);
        assert_eq!(IntOrPercent::Percent(25).of_rounding_down(5), 1);
        assert_eq!(IntOrPercent::Int(3).of_rounding_up(1), 3);
    }

    #[test]
    fn a_constant_rate_has_its_first_event_at_zero() {
        let rate = Rate::per_sec(100);
        assert_eq!(rate.gap(), Span::millis(10));
        assert_eq!(rate.events_before(Time::ZERO), 0);
        assert_eq!(rate.events_before(Time::from_nanos(1)), 1);
        assert_eq!(rate.events_before(Time::ZERO + Span::millis(10)), 1);
        assert_eq!(rate.events_before(Time::ZERO + Span::secs(1)), 100);
    }
}
