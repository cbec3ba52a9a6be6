//! Exposure: when a group's requests could have been lost, whatever its rate.

use crate::base::{Span, Time};
use crate::world::fact::{Fact, Loss};
use crate::world::ids::{GroupId, PodId};

/// A way in which a request can be lost now.
pub(super) type Peril = (Option<PodId>, Loss);

/// The place of a peril among all, as they compare, in one word: sorting them is most of what a big hole costs.
pub(super) fn order((pod, loss): &Peril) -> u64 {
    pod.map_or(0, |pod| u64::from(pod.0) + 1) << 8 | *loss as u64
}

/// A group's exposure so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Exposure {
    /// The ways of now, sorted, and since when there is any.
    now: Vec<Peril>,
    since: Time,
    /// Past exposure: sorted, disjoint.
    past: Vec<(Time, Time)>,
}

impl Exposure {
    /// From `at` on, requests can be lost in these ways. Says what began and what ended.
    pub(super) fn set(&mut self, group: GroupId, mut perils: Vec<Peril>, at: Time, facts: &mut Vec<Fact>) {
        perils.sort_unstable_by_key(order);
        perils.dedup();
        if perils == self.now {
            return;
        }
        for &(pod, loss) in self.now.iter().filter(|peril| perils.binary_search(peril).is_err()) {
            facts.push(Fact::ExposureEnded { group, pod, loss });
        }
        for &(pod, loss) in perils.iter().filter(|peril| self.now.binary_search(peril).is_err()) {
            facts.push(Fact::ExposureBegan { group, pod, loss });
        }
        if self.now.is_empty() {
            self.since = at;
        } else if perils.is_empty() {
            self.add(self.since, at);
        }
        self.now = perils;
    }

    /// Requests sent from `from` to `to` could have been lost.
    pub(super) fn add(&mut self, mut from: Time, mut to: Time) {
        if from >= to {
            return;
        }
        let first = self.past.partition_point(|(_, end)| *end < from);
        let after = self.past.partition_point(|(start, _)| *start <= to);
        if first < after {
            from = from.min(self.past[first].0);
            to = to.max(self.past[after - 1].1);
        }
        self.past.splice(first..after, [(from, to)]);
    }

    /// Its length, what lasts at `at` included.
    pub(super) fn length(&self, at: Time) -> Span {
        let past = |from: Time, to: Time| to.since(from);
        if self.now.is_empty() {
            return self.past.iter().map(|(from, to)| past(*from, *to)).sum();
        }
        let mut with_now = self.clone();
        with_now.add(self.since, at);
        with_now.past.iter().map(|(from, to)| past(*from, *to)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Time {
        Time::ZERO + Span::secs(secs)
    }

    #[test]
    fn the_order_of_perils_is_that_in_which_they_compare() {
        let pods = [None, Some(PodId(0)), Some(PodId(1)), Some(PodId(u32::MAX))];
        let all: Vec<Peril> = pods.into_iter().flat_map(|pod| Loss::ALL.map(|loss| (pod, loss))).collect();
        for (one, other) in all.iter().flat_map(|one| all.iter().map(move |other| (one, other))) {
            assert_eq!(order(one).cmp(&order(other)), one.cmp(other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn overlapping_exposure_counts_once() {
        let mut exposure = Exposure::default();
        for (from, to) in [(10, 12), (20, 25), (11, 14), (30, 31), (13, 21), (40, 40)] {
            exposure.add(at(from), at(to));
        }
        assert_eq!(exposure.length(at(99)), Span::secs(16));
    }

    #[test]
    fn exposure_lasts_from_the_first_peril_to_the_end_of_the_last() {
        let mut exposure = Exposure::default();
        let mut facts = Vec::new();
        let (refused, hole) = ((Some(PodId(1)), Loss::Refused), (Some(PodId(1)), Loss::BlackHole));
        exposure.set(GroupId(0), vec![refused], at(5), &mut facts);
        exposure.set(GroupId(0), vec![hole], at(7), &mut facts);
        assert_eq!(exposure.length(at(9)), Span::secs(4));
        exposure.add(at(4), at(5));
        exposure.set(GroupId(0), vec![], at(10), &mut facts);
        assert_eq!(exposure.length(at(99)), Span::secs(6));
        assert_eq!(facts.len(), 4);
    }
}
