//! A member's log: which term wrote each index, and which part has reached its disk.
//!
//! An entry is named by (index, term) and by nothing else, so a log is a list of term runs.

use crate::base::Time;

/// A number of an entry; the first is 1.
pub(super) type Index = u64;
/// A term of office.
pub(super) type Term = u32;

/// Entries from `first` on were written in `term`, until the next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) first: Index,
    pub(super) term: Term,
}

/// Entries on their way to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Write {
    first: Index,
    last: Index,
    arrives: Time,
    durable: Time,
}

/// A log. Its newest entries may still be on the wire or in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    runs: Vec<Run>,
    last: Index,
    writes: Vec<Write>,
}

impl Log {
    /// The last index, entries on the wire included.
    pub(super) fn last(&self) -> Index {
        self.last
    }

    /// The last index that has arrived by `now`.
    pub(super) fn arrived(&self, now: Time) -> Index {
        self.writes.iter().find(|write| write.arrives > now).map_or(self.last, |write| write.first - 1)
    }

    /// The last index that is on disk at `now`.
    pub(super) fn durable(&self, now: Time) -> Index {
        self.writes.iter().find(|write| write.durable > now).map_or(self.last, |write| write.first - 1)
    }

    /// When this index is on disk; never, if the log does not hold it.
    pub(super) fn durable_from(&self, index: Index) -> Time {
        if index > self.last {
            return Time::NEVER;
        }
        self.writes.iter().find(|write| write.last >= index).map_or(Time::ZERO, |write| write.durable)
    }

    /// The arrival of the newest entries that have arrived by `now`, as far as remembered.
    pub(super) fn last_arrival(&self, now: Time) -> Time {
        self.writes.iter().rev().map(|write| write.arrives).find(|at| *at <= now).unwrap_or(Time::ZERO)
    }

    /// When the last entry on its way is on disk.
    pub(super) fn durable_tail(&self) -> Time {
        self.writes.last().map_or(Time::ZERO, |write| write.durable)
    }

    /// The term of an entry; index 0 has term 0.
    pub(super) fn term_at(&self, index: Index) -> Option<Term> {
        match index {
            0 => Some(0),
            index if index > self.last => None,
            index => self.runs.iter().rev().find(|run| run.first <= index).map(|run| run.term),
        }
    }

    /// (term, index) of the last entry that has arrived: what votes are judged by.
    pub(super) fn tip(&self, now: Time) -> (Term, Index) {
        let last = self.arrived(now);
        (self.term_at(last).unwrap_or(0), last)
    }

    /// Adds one entry and returns its index.
    pub(super) fn append(&mut self, term: Term, arrives: Time, durable: Time) -> Index {
        self.last += 1;
        if self.runs.last().is_none_or(|run| run.term != term) {
            self.runs.push(Run { first: self.last, term });
        }
        self.writes.push(Write { first: self.last, last: self.last, arrives, durable });
        self.last
    }

    /// Entries from here on that are still to arrive: index and arrival.
    pub(super) fn coming(&self, after: Index) -> Vec<(Index, Time)> {
        let later = self.writes.iter().filter(|write| write.first > after);
        later.flat_map(|write| (write.first..=write.last).map(|index| (index, write.arrives))).collect()
    }

    /// Forgets how long ago entries reached the disk. The newest of those on disk is kept: its arrival is the last
    /// sign of life of a leader.
    pub(super) fn prune(&mut self, now: Time) {
        let done = self.writes.iter().take_while(|write| write.durable <= now).count();
        self.writes.drain(..done.saturating_sub(1));
    }

    /// Takes everything for durable: for a record that no crash touches.
    pub(super) fn forget_writes(&mut self) {
        self.writes.clear();
    }

    /// Drops all entries after `last`.
    pub(super) fn truncate(&mut self, last: Index) {
        if last >= self.last {
            return;
        }
        self.last = last;
        self.runs.retain(|run| run.first <= last);
        self.writes.retain(|write| write.first <= last);
        if let Some(write) = self.writes.last_mut() {
            write.last = write.last.min(last);
        }
    }

    /// What a crash leaves: the disk.
    pub(super) fn crash(&mut self, now: Time) {
        self.truncate(self.durable(now));
        self.writes.clear();
    }

    /// How far two logs are the same.
    pub(super) fn common(&self, other: &Log) -> Index {
        let shorter = self.last.min(other.last);
        let same = self.runs.iter().zip(&other.runs).take_while(|(mine, theirs)| mine == theirs).count();
        let next = [self.runs.get(same), other.runs.get(same)];
        next.iter().flatten().fold(shorter, |limit, run| limit.min(run.first - 1))
    }

    /// Takes over the other log up to `upto`; what contradicts it goes. Returns whether anything was new.
    pub(super) fn adopt(&mut self, other: &Log, upto: Index, now: Time, durable: Time) -> bool {
        let same = self.common(other);
        if same >= upto {
            return false;
        }
        self.truncate(same);
        for run in &other.runs {
            if run.first > same && run.first <= upto {
                self.runs.push(*run);
            }
        }
        if let Some(term) = other.term_at(same + 1)
            && self.runs.last().is_none_or(|run| run.term != term && run.first <= same)
        {
            self.runs.push(Run { first: same + 1, term });
        }
        self.last = upto;
        self.writes.push(Write { first: same + 1, last: upto, arrives: now, durable });
        true
    }

    /// An index beyond their common part at which both logs name the same term: a broken law of Raft.
    pub(super) fn contradiction(&self, other: &Log) -> Option<Index> {
        let from = self.common(other) + 1;
        let upto = self.last.min(other.last);
        let starts = self.runs.iter().chain(&other.runs).map(|run| run.first).filter(|first| *first > from);
        starts.chain([from]).filter(|index| *index <= upto).find(|index| self.term_at(*index) == other.term_at(*index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(terms: &[Term]) -> Log {
        let mut log = Log::default();
        for term in terms {
            log.append(*term, Time::ZERO, Time::ZERO);
        }
        log
    }

    #[test]
    fn two_logs_agree_up_to_their_first_difference() {
        assert_eq!(log(&[1, 1, 2]).common(&log(&[1, 1, 3, 3])), 2);
        assert_eq!(log(&[1, 1, 1]).common(&log(&[1, 1])), 2);
        assert_eq!(log(&[1, 1, 2]).common(&log(&[1, 2, 2])), 1);
        assert_eq!(log(&[]).common(&log(&[1])), 0);
    }

    #[test]
    fn a_follower_takes_over_what_its_leader_has_and_drops_what_contradicts_it() {
        let leader = log(&[1, 1, 3, 3, 4]);
        for start in [&[][..], &[1], &[1, 1, 2, 2, 2, 2], &[1, 1, 3], &[2]] {
            let mut follower = log(start);
            assert!(follower.adopt(&leader, 5, Time::ZERO, Time::ZERO));
            assert_eq!(
                (1..=5).map(|i| follower.term_at(i)).collect::<Vec<_>>(),
                [1, 1, 3, 3, 4].map(Some),
                "{start:?}"
            );
            assert_eq!(follower.common(&leader), 5, "{start:?}");
        }
    }

    #[test]
    fn a_crash_keeps_the_disk_and_loses_the_memory() {
        let mut log = log(&[1]);
        log.append(1, Time::from_nanos(5), Time::from_nanos(10));
        log.append(2, Time::from_nanos(20), Time::from_nanos(30));
        assert_eq!((log.arrived(Time::from_nanos(19)), log.durable(Time::from_nanos(9))), (2, 1));
        log.crash(Time::from_nanos(29));
        assert_eq!((log.last(), log.term_at(3)), (2, None));
    }

    #[test]
    fn equal_terms_after_a_difference_are_a_contradiction() {
        assert_eq!(log(&[1, 2, 4]).contradiction(&log(&[1, 3, 4])), Some(3));
        assert_eq!(log(&[1, 2, 2]).contradiction(&log(&[1, 3, 4])), None);
    }
}
