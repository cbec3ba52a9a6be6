//! What many runs of one plan came to, run by run: what their distributions are drawn from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sim::Outcome;
use crate::sim::outcome::UpgradeResult;

/// Runs by what they came to, counted by value, so that a million runs take no more room than a thousand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// Runs by how many requests each lost; above 999 to three digits, rounded down.
    pub lost: BTreeMap<u64, u64>,
    /// Runs whose upgrade completed, by its length in whole seconds, rounded up.
    pub seconds: BTreeMap<u64, u64>,
    /// Runs that lost a request, by the moment when that was first seen: whole seconds since the start of
    /// the run, rounded up.
    pub first_lost: BTreeMap<u64, u64>,
}

/// What one run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    lost: u64,
    seconds: Option<u64>,
    first_lost: Option<u64>,
}

impl Point {
    /// Of a run.
    pub fn of(outcome: &Outcome) -> Point {
        let whole = |seconds: f64| libm::ceil(seconds.max(0.0)) as u64;
        let completed = outcome.upgrade.result == UpgradeResult::Completed;
        Point {
            lost: three_digits(outcome.requests.lost),
            seconds: completed.then(|| whole(outcome.upgrade.seconds)),
            first_lost: outcome.requests.first_lost_s.map(whole),
        }
    }
}

fn three_digits(value: u64) -> u64 {
    let mut scale = 1;
    while value / scale > 999 {
        scale *= 10;
    }
    value / scale * scale
}

impl Sweep {
    /// One run more.
    pub fn add(&mut self, point: Point) {
        *self.lost.entry(point.lost).or_default() += 1;
        for (counts, value) in [(&mut self.seconds, point.seconds), (&mut self.first_lost, point.first_lost)] {
            if let Some(value) = value {
                *counts.entry(value).or_default() += 1;
            }
        }
    }
    /// Runs that were counted elsewhere.
    pub fn add_sweep(&mut self, other: &Sweep) {
        let mine = [&mut self.lost, &mut self.seconds, &mut self.first_lost];
        for (mine, theirs) in mine.into_iter().zip([&other.lost, &other.seconds, &other.first_lost]) {
            for (value, count) in theirs {
                let sum = mine.entry(*value).or_default();
                // They may come from a file that somebody has changed.
                *sum = sum.saturating_add(*count);
            }
        }
    }
    /// All runs.
    pub fn runs(&self) -> u64 {
        self.lost.values().fold(0, |sum, count| sum.saturating_add(*count))
    }
    /// Runs that lost a request.
    pub fn losing(&self) -> u64 {
        self.runs().saturating_sub(self.lost.get(&0).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_counted_by_what_they_came_to_wherever_they_were_counted() {
        let point = |lost, first_lost| Point { lost: three_digits(lost), seconds: Some(60), first_lost };
        let points = [point(0, None), point(7, Some(12)), point(123_456, Some(12)), point(0, None)];
        let mut all = Sweep::default();
        points.iter().for_each(|point| all.add(*point));
        assert_eq!((all.runs(), all.losing()), (4, 2));
        assert_eq!(all.lost, BTreeMap::from([(0, 2), (7, 1), (123_000, 1)]));
        assert_eq!((&all.seconds, &all.first_lost), (&BTreeMap::from([(60, 4)]), &BTreeMap::from([(12, 2)])));
        let (mut first, mut second) = (Sweep::default(), Sweep::default());
        points[..1].iter().for_each(|point| first.add(*point));
        points[1..].iter().for_each(|point| second.add(*point));
        first.add_sweep(&second);
        assert_eq!(first, all);
    }
}
