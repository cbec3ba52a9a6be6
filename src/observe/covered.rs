//! How much time is covered by stretches that overlap.

use crate::base::{Span, Time};

/// Stretches of time, some open still; their union is what counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Covered {
    /// How many are open, and since when any is.
    open: u32,
    since: Time,
    /// Closed stretches, each after the one before it in order of their ends.
    closed: Vec<(Time, Time)>,
}

impl Covered {
    /// One more stretch is open from now on.
    pub fn begin(&mut self, now: Time) {
        if self.open == 0 {
            self.since = now;
        }
        self.open += 1;
    }
    /// One ends.
    pub fn end(&mut self, now: Time) {
        self.open = self.open.saturating_sub(1);
        if self.open == 0 {
            self.add(self.since, now);
        }
    }
    /// A stretch that is over.
    pub fn add(&mut self, from: Time, to: Time) {
        match self.closed.last_mut() {
            Some((start, end)) if from <= *end => (*start, *end) = ((*start).min(from), (*end).max(to)),
            Some(_) | None => self.closed.push((from, to)),
        }
    }
    /// The time covered until `now`.
    pub fn total(&self, now: Time) -> Span {
        let mut all = self.closed.clone();
        if self.open > 0 {
            all.push((self.since, now));
        }
        all.sort_unstable();
        let (mut total, mut reached) = (Span::ZERO, Time::ZERO);
        for (from, to) in all {
            total += to.since(from.max(reached));
            reached = reached.max(to);
        }
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Time {
        Time::ZERO + Span::secs(secs)
    }

    #[test]
    fn time_that_is_covered_twice_counts_once() {
        let mut covered = Covered::default();
        covered.begin(at(10));
        covered.begin(at(12));
        covered.end(at(14));
        covered.end(at(15));
        covered.add(at(8), at(11));
        covered.add(at(20), at(22));
        assert_eq!(covered.total(at(30)), Span::secs(7 + 2));
        covered.begin(at(21));
        assert_eq!(covered.total(at(30)), Span::secs(7 + 10));
    }
}
