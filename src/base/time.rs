//! Moments and durations of a run, in whole nanoseconds.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Sub, SubAssign};

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// A moment in a run: whole nanoseconds since the run began (range: about 584 years).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

/// A length of time in whole nanoseconds. Never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(u64);

impl Time {
    /// The start of a run.
    pub const ZERO: Time = Time(0);
    /// Later than any moment of a run; stands for "never".
    pub const NEVER: Time = Time(u64::MAX);

    /// The moment `nanos` nanoseconds after the start.
    pub const fn from_nanos(nanos: u64) -> Time {
        Time(nanos)
    }

    /// Nanoseconds since the start.
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Seconds since the start, for reports only.
    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }

    /// The time passed since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// The first tick of a clock with this `period` and `phase` at or after this moment.
    ///
    /// Ticks stand at `phase + k * period`, for every whole `k >= 0`. A period of zero ticks always.
    pub const fn next_tick(self, phase: Time, period: Span) -> Time {
        if self.0 <= phase.0 || period.0 == 0 {
            return if self.0 > phase.0 { self } else { phase };
        }
        let passed = (self.0 - phase.0).div_ceil(period.0);
        Time(phase.0.saturating_add(passed.saturating_mul(period.0)))
    }

    /// The last tick of a clock with this `period` and `phase` at or before this moment, if any.
    pub const fn last_tick(self, phase: Time, period: Span) -> Option<Time> {
        if self.0 < phase.0 {
            return None;
        }
        if period.0 == 0 {
            return Some(self);
        }
        Some(Time(phase.0 + (self.0 - phase.0) / period.0 * period.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);
    /// Longer than any run; stands for "without limit".
    pub const FOREVER: Span = Span(u64::MAX);

    /// `n` nanoseconds.
    pub const fn nanos(n: u64) -> Span {
        Span(n)
    }
    /// `n` microseconds.
    pub const fn micros(n: u64) -> Span {
        Span(n * 1_000)
    }
    /// `n` milliseconds.
    pub const fn millis(n: u64) -> Span {
        Span(n * 1_000_000)
    }
    /// `n` seconds.
    pub const fn secs(n: u64) -> Span {
        Span(n * NANOS_PER_SEC)
    }
    /// `n` minutes.
    pub const fn mins(n: u64) -> Span {
        Span(n * 60 * NANOS_PER_SEC)
    }

    /// Length in nanoseconds.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }
    /// Whole milliseconds, rounded down; 49 days at most.
    pub fn as_millis_u32(self) -> u32 {
        u32::try_from(self.0 / 1_000_000).unwrap_or(u32::MAX)
    }
    /// Length in seconds, for reports and samplers only.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / NANOS_PER_SEC as f64
    }
    /// Whether this is no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
    /// This minus `other`, not below zero.
    pub const fn saturating_sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}
impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}
impl Sub<Span> for Time {
    type Output = Time;
    fn sub(self, span: Span) -> Time {
        Time(self.0.saturating_sub(span.0))
    }
}
impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}
impl AddAssign for Span {
    fn add_assign(&mut self, other: Span) {
        *self = *self + other;
    }
}
impl Sub for Span {
    type Output = Span;
    fn sub(self, other: Span) -> Span {
        self.saturating_sub(other)
    }
}
impl SubAssign for Span {
    fn sub_assign(&mut self, other: Span) {
        *self = *self - other;
    }
}
impl Mul<u64> for Span {
    type Output = Span;
    fn mul(self, times: u64) -> Span {
        Span(self.0.saturating_mul(times))
    }
}
impl Div<u64> for Span {
    type Output = Span;
    fn div(self, parts: u64) -> Span {
        Span(self.0 / parts.max(1))
    }
}
impl Sum for Span {
    fn sum<I: Iterator<Item = Span>>(spans: I) -> Span {
        spans.fold(Span::ZERO, Add::add)
    }
}

impl fmt::Display for Time {
    /// Seconds to the millisecond: `12.310 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0 / NANOS_PER_SEC, self.0 / 1_000_000 % 1000)
    }
}

impl fmt::Display for Span {
    /// The shortest exact Go-style form: `1h30m`, `90s` as `1m30s`, `250ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let units = [
            ("h", 3600 * NANOS_PER_SEC),
            ("m", 60 * NANOS_PER_SEC),
            ("s", NANOS_PER_SEC),
            ("ms", 1_000_000),
            ("us", 1_000),
            ("ns", 1),
        ];
        let mut rest = self.0;
        for (unit, size) in units {
            if rest >= size {
                write!(f, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_tick_is_never_before_now_and_less_than_a_period_away() {
        let (phase, period) = (Time::from_nanos(7), Span::nanos(10));
        assert_eq!(Time::from_nanos(0).next_tick(phase, period), Time::from_nanos(7));
        assert_eq!(Time::from_nanos(7).next_tick(phase, period), Time::from_nanos(7));
        assert_eq!(Time::from_nanos(8).next_tick(phase, period), Time::from_nanos(17));
        assert_eq!(Time::from_nanos(6).last_tick(phase, period), None);
        assert_eq!(Time::from_nanos(18).last_tick(phase, period), Some(Time::from_nanos(17)));
    }

    #[test]
    fn spans_print_as_operators_write_them() {
        assert_eq!(Span::secs(90).to_string(), "1m30s");
        assert_eq!(Span::millis(250).to_string(), "250ms");
        assert_eq!(Span::ZERO.to_string(), "0s");
        assert_eq!((Time::ZERO + Span::millis(12_310)).to_string(), "12.310 s");
    }
}
