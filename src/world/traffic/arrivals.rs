//! When a group's requests are sent: its rate over time, and how many fall into a stretch of it.

use crate::base::{Name, Rate, Span, Time};
use crate::engine::{Draw, Draws};
use crate::world::purpose::Purpose;
use crate::world::spec::{Arrivals, GroupSpec};

/// A group's clock of requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// The rate of now.
    pub(super) rate: Rate,
    /// Since when it holds; requests at equal gaps are counted from here.
    since: Time,
    /// The first of them comes this long after `since`.
    phase: Span,
    /// How many rates there were.
    changes: u64,
}

impl Clock {
    pub(super) fn new(spec: &GroupSpec, name: Name, draws: &Draws, now: Time) -> Clock {
        let mut clock = Clock { rate: Rate::ZERO, since: now, phase: Span::ZERO, changes: 0 };
        clock.turn(spec, name, draws, now);
        clock
    }
    /// Takes the rate that holds from `now` on.
    pub(super) fn turn(&mut self, spec: &GroupSpec, name: Name, draws: &Draws, now: Time) {
        self.rate = spec.rate_at(now);
        self.since = now;
        let gap = self.rate.gap();
        self.phase = if gap == Span::FOREVER {
            Span::ZERO
        } else {
            draws.at(Purpose::Arrivals as u16, name.part(0), self.changes).span_below(gap)
        };
        self.changes += 1;
    }
    /// Whether the rate changed at this very moment.
    pub(super) fn turned_at(&self, now: Time) -> bool {
        self.since == now
    }
    /// How many requests are sent from `from` to `to`, both under the rate of now.
    pub(super) fn count(&self, arrivals: Arrivals, from: Time, to: Time, draw: &mut Draw) -> u64 {
        match arrivals {
            Arrivals::Constant => self.before(to).saturating_sub(self.before(from)),
            Arrivals::Poisson => draw.poisson(self.mean(from, to)),
        }
    }
    /// How many are sent on average.
    pub(super) fn mean(&self, from: Time, to: Time) -> f64 {
        self.rate.as_f64() * to.since(from).as_secs_f64()
    }
    /// When the next request after or at `now` is sent; never at a rate of zero. `last` is the number of those sent
    /// since the rate changed.
    pub(super) fn next(&self, arrivals: Arrivals, now: Time, last: u64, draw: &mut Draw) -> Option<Time> {
        if self.rate == Rate::ZERO {
            return None;
        }
        match arrivals {
            Arrivals::Poisson => {
                let wait = draw.exponential() / self.rate.as_f64();
                Some(now + Span::nanos((wait * 1e9) as u64))
            }
            Arrivals::Constant => {
                let scaled = u128::from(last) * 1_000_000_000 * 1_000_000 / u128::from(self.rate.micros());
                Some((self.since + self.phase + Span::nanos(u64::try_from(scaled).unwrap_or(u64::MAX))).max(now))
            }
        }
    }
    fn before(&self, at: Time) -> u64 {
        let first = self.since + self.phase;
        if at <= first { 0 } else { self.rate.events_before(Time::ZERO + at.since(first)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Ratio;
    use crate::world::spec::{RateStep, Wave};
    use crate::world::testkit::small_spec;

    fn group() -> GroupSpec {
        small_spec().groups.iter().next().expect("the small spec has groups").clone()
    }

    #[test]
    fn equal_gaps_are_counted_exactly_however_time_is_cut() {
        let (spec, draws) = (group(), Draws::new(1, Purpose::COUNT));
        let clock = Clock::new(&spec, Name::new("g"), &draws, Time::ZERO);
        let mut draw = draws.at(0, Name(0), 0);
        let mut count = |from: u64, to: u64| {
            let [from, to] = [from, to].map(|at| Time::ZERO + Span::micros(at));
            clock.count(Arrivals::Constant, from, to, &mut draw)
        };
        let whole = count(0, 10_000_000);
        assert_eq!(whole, 1_000);
        assert_eq!((0..777).map(|i| count(i * 12_870, (i + 1) * 12_870)).sum::<u64>(), count(0, 777 * 12_870));
    }

    #[test]
    fn a_wave_keeps_its_mean_and_its_height() {
        let wave = Wave { period: Span::mins(16), amplitude: Ratio::from_ppm(500_000) };
        let spec = GroupSpec { wave: Some(wave), ..group() };
        let rates: Vec<f64> = (0..16).map(|m| spec.rate_at(Time::ZERO + Span::mins(m)).as_f64()).collect();
        assert!((rates.iter().sum::<f64>() / 16.0 - 100.0).abs() < 1e-3);
        assert!(rates[3] > 149.0 && rates[11] < 51.0);
        assert_eq!(spec.next_change(Time::ZERO + Span::secs(59)), Some(Time::ZERO + Span::mins(1)));
    }

    #[test]
    fn the_latest_step_gives_the_rate() {
        let steps = vec![RateStep { at: Span::secs(5), rate: Rate::per_sec(7) }];
        let spec = GroupSpec { steps, ..group() };
        assert_eq!(spec.rate_at(Time::ZERO + Span::secs(4)), Rate::per_sec(100));
        assert_eq!(spec.rate_at(Time::ZERO + Span::secs(5)), Rate::per_sec(7));
        assert_eq!(spec.next_change(Time::ZERO), Some(Time::ZERO + Span::secs(5)));
        assert_eq!(spec.next_change(Time::ZERO + Span::secs(5)), None);
    }
}
