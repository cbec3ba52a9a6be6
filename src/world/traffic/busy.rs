//! How many of a client's connections a request finds in use: the law that a pool without limit follows.
//!
//! Every request in service holds one connection, so the number in use is that of an infinite-server queue. With
//! Poisson arrivals it has a Poisson law, whatever the law of the service time (M/G/infinity). With equal gaps it is
//! a sum of independent trials: is the request before still in service, the one before that, and so on; where the
//! group has several clients, each trial also asks whether that request was this client's.

use super::service_time::ServiceTime;
use crate::base::{Rate, Span};
use crate::world::spec::Arrivals;

/// An idle connection is closed after this long: Go net/http, `DefaultTransport`, `IdleConnTimeout`.
const IDLE_TIMEOUT: Span = Span::secs(90);
/// Above this mean the law is held as a normal one.
const TABLE_BELOW: f64 = 64.0;
/// Earlier requests that are asked one by one.
const TRIALS_MAX: usize = 4096;
/// A probability below this is none.
const NEVER: f64 = 1e-12;

/// The law of the number of connections in use that a request finds, its own not counted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Busy {
    tails: Tails,
    /// Requests of a client within the time after which an idle connection is closed.
    within_idle: f64,
}

#[derive(Clone, Debug, PartialEq)]
enum Tails {
    /// P(N >= c) for c = 0, 1, ..., and the sums of those before c.
    Table {
        tails: Vec<f64>,
        sums: Vec<f64>,
    },
    Normal {
        mean: f64,
        deviation: f64,
    },
}

impl Busy {
    /// The law for one of a group's clients. A connection is held for the service and the `delay` of the network.
    pub(super) fn new(arrivals: Arrivals, rate: Rate, clients: usize, time: ServiceTime, delay: Span) -> Busy {
        let share = 1.0 / clients.max(1) as f64;
        let per_second = rate.as_f64();
        let mean = per_second * share * (time.mean() + delay.as_secs_f64());
        let within_idle = per_second * share * IDLE_TIMEOUT.as_secs_f64();
        let trials = match arrivals {
            Arrivals::Constant => trials(rate.gap(), share, time, delay),
            Arrivals::Poisson => None,
        };
        let tails = match trials {
            Some(trials) if mean < TABLE_BELOW => table(&of_trials(&trials)),
            Some(trials) => {
                let variance: f64 = trials.iter().map(|p| p * (1.0 - p)).sum();
                Tails::Normal { mean: trials.iter().sum(), deviation: libm::sqrt(variance) }
            }
            None if mean < TABLE_BELOW => table(&poisson(mean)),
            None => Tails::Normal { mean, deviation: libm::sqrt(mean) },
        };
        Busy { tails, within_idle }
    }
    /// The share of requests that find at least `open` connections in use, and so none idle among `open`.
    pub(super) fn opens(&self, open: u64) -> f64 {
        let share = match &self.tails {
            Tails::Table { tails, .. } => tails.get(open as usize).copied().unwrap_or_default(),
            Tails::Normal { mean, deviation } => beyond(open as f64 - 0.5, *mean, *deviation),
        };
        if share < NEVER { 0.0 } else { share }
    }
    /// The share of requests that the `first` most recently used of sufficiently many connections carry.
    ///
    /// Place k in the order of use is taken by requests that find k - 1 in use or more, and the connections in use
    /// change places with each other: each of them carries the same. Close to the overflow of an ordered search
    /// (Erlang's loss formula): 0.50, 0.32, 0.13, 0.04 for 0.50, 0.30, 0.14, 0.05 at one in use on average.
    pub(super) fn carried(&self, first: u64) -> f64 {
        match &self.tails {
            Tails::Table { sums, .. } => {
                let all = sums.last().copied().unwrap_or(1.0);
                sums.get(first as usize).copied().unwrap_or(all) / all
            }
            Tails::Normal { mean, deviation } => {
                let (top, first) = (mean + 1.0, first as f64);
                let z = if *deviation > 0.0 { (first - top) / deviation } else { 0.0 };
                let density = libm::exp(-z * z / 2.0) / libm::sqrt(std::f64::consts::TAU);
                let short = (first - top) * (1.0 - beyond(first, top, *deviation)) + deviation * density;
                ((first - short) / top).clamp(0.0, 1.0)
            }
        }
    }
    /// How many connections are open in steady state: as many as were in use at once within the time after which an
    /// idle one is closed. `luck` is in [0, 1).
    pub(super) fn in_steady_state(&self, luck: f64) -> u64 {
        let (mut low, mut high) = (1, self.most());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.keeps(middle) >= luck { high = middle } else { low = middle + 1 }
        }
        low
    }
    /// The probability that no more than `open` connections were in use at once within that time.
    pub(super) fn keeps(&self, open: u64) -> f64 {
        libm::exp(-self.within_idle * self.opens(open))
    }
    /// Which part of that time so many requests take.
    pub(super) fn of_idle_time(&self, requests: f64) -> f64 {
        if self.within_idle > 0.0 { requests / self.within_idle } else { 1.0 }
    }
    fn most(&self) -> u64 {
        match &self.tails {
            Tails::Table { tails, .. } => tails.len().max(1) as u64,
            Tails::Normal { mean, deviation } => (mean + 8.0 * deviation) as u64 + 2,
        }
    }
}

/// The probabilities that each earlier request is this client's and still in service; none if there are too many.
fn trials(gap: Span, share: f64, time: ServiceTime, delay: Span) -> Option<Vec<f64>> {
    let reach = (time.longest() + delay).as_nanos();
    let last = reach.checked_div(gap.as_nanos())?;
    let last = usize::try_from(last).ok().filter(|last| *last <= TRIALS_MAX)?;
    let held = |place: usize| {
        let age = gap * place as u64;
        share * if age < delay { 1.0 } else { time.outlasts(age - delay) }
    };
    Some((1..=last).map(held).collect())
}

/// The law of the number of trials that succeed.
fn of_trials(trials: &[f64]) -> Vec<f64> {
    let mut masses = vec![1.0];
    for p in trials.iter().filter(|p| **p > 0.0) {
        let mut next = vec![0.0; masses.len() + 1];
        for (count, mass) in masses.iter().enumerate() {
            next[count] += mass * (1.0 - p);
            next[count + 1] += mass * p;
        }
        while next.len() > 1 && next.last().is_some_and(|mass| *mass < NEVER * 1e-6) {
            next.pop();
        }
        masses = next;
    }
    masses
}

fn poisson(mean: f64) -> Vec<f64> {
    let mut masses = vec![libm::exp(-mean)];
    loop {
        let count = masses.len() as f64;
        let mass = masses.last().copied().unwrap_or_default() * mean / count;
        if count > mean && mass < NEVER * 1e-6 {
            return masses;
        }
        masses.push(mass);
    }
}

fn table(masses: &[f64]) -> Tails {
    let mut tails: Vec<f64> = masses
        .iter()
        .rev()
        .scan(0.0, |sum, mass| {
            *sum += mass;
            Some(*sum)
        })
        .collect();
    tails.reverse();
    let mut sums = vec![0.0];
    for tail in &tails {
        sums.push(sums.last().copied().unwrap_or_default() + tail);
    }
    Tails::Table { tails, sums }
}

/// P(X > x) of a normal law.
fn beyond(x: f64, mean: f64, deviation: f64) -> f64 {
    if deviation <= 0.0 {
        return f64::from(u8::from(mean > x));
    }
    0.5 * libm::erfc((x - mean) / (deviation * std::f64::consts::SQRT_2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Dist;

    fn busy(arrivals: Arrivals, rate: u64, clients: usize, dist: Dist) -> Busy {
        let time = ServiceTime::new(dist, true, Span::secs(2));
        Busy::new(arrivals, Rate::per_sec(rate), clients, time, Span::micros(100))
    }

    #[test]
    fn at_equal_gaps_just_shorter_than_the_service_two_connections_take_turns() {
        let busy = busy(Arrivals::Constant, 200, 1, Dist::Fixed(Span::millis(5)));
        assert_eq!((busy.opens(0), busy.opens(1), busy.opens(2)), (1.0, 1.0, 0.0));
        assert_eq!((busy.carried(1), busy.carried(2)), (0.5, 1.0));
        assert_eq!(busy.in_steady_state(0.999), 2);
    }

    #[test]
    fn at_equal_gaps_longer_than_the_service_one_connection_carries_all() {
        let busy = busy(Arrivals::Constant, 190, 1, Dist::Fixed(Span::millis(5)));
        assert_eq!((busy.opens(1), busy.carried(1), busy.in_steady_state(0.999)), (0.0, 1.0, 1));
    }

    #[test]
    fn independent_arrivals_find_a_poisson_number_in_use_and_load_connections_as_an_ordered_search_does() {
        let law = busy(Arrivals::Poisson, 1_000, 1, Dist::Exponential { base: Span::ZERO, mean: Span::micros(900) });
        assert!((law.opens(1) - (1.0 - libm::exp(-1.0))).abs() < 1e-9);
        // Erlang's loss formula at 1: 1, 1/2, 1/5, 1/16.
        for (first, overflow) in [(1, 0.5), (2, 0.2), (3, 0.0625)] {
            assert!((1.0 - law.carried(first) - overflow).abs() < 0.025, "{first}: {}", law.carried(first));
        }
        assert!((5..=10).contains(&law.in_steady_state(0.5)));
    }

    #[test]
    fn many_clients_of_a_steady_stream_see_independent_arrivals() {
        let dist = Dist::Uniform { low: Span::millis(10), high: Span::millis(30) };
        let (steady, poisson) = (busy(Arrivals::Constant, 10_000, 100, dist), busy(Arrivals::Poisson, 100, 1, dist));
        for open in 0..8 {
            assert!((steady.opens(open) - poisson.opens(open)).abs() < 0.01, "{open}");
        }
    }

    #[test]
    fn table_and_normal_law_meet() {
        let at = |mean: f64| {
            let table = Busy { tails: table(&poisson(mean)), within_idle: 1e4 };
            (table, Busy { tails: Tails::Normal { mean, deviation: libm::sqrt(mean) }, within_idle: 1e4 })
        };
        let (table, normal) = at(60.0);
        for open in (40..90).step_by(5) {
            assert!((table.opens(open) - normal.opens(open)).abs() < 0.02, "{open}");
            assert!((table.carried(open) - normal.carried(open)).abs() < 0.01, "{open}");
        }
        assert!(table.in_steady_state(0.5).abs_diff(normal.in_steady_state(0.5)) <= 6);
    }
}
