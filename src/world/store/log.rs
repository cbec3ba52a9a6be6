//! The store's log: what each revision touched, for watchers that resume.

use std::collections::VecDeque;

use super::{Revision, Touched};
use crate::base::Pages;
use crate::world::ids::{NodeId, PodId};

/// Log entries kept. Not more than old versions are kept of each kind: whoever can still resume can read all it missed.
const WINDOW: usize = super::history::WINDOW;

/// Entries at the end that are looked through one by one: mostly it is one of them that is asked for.
const LAST_ENTRIES: usize = 8;

/// A bounded log, oldest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    entries: VecDeque<Entry>,
    /// How many entries have left.
    dropped: u32,
    /// The newest revision whose entries have left.
    forgotten: Revision,
    /// The revision of the last compaction: whoever was before it lists anew.
    compacted: Revision,
    /// The newest entry about each node and the pods bound to it: a kubelet follows nothing else.
    of_node: Pages<NodeId, Link>,
    /// Endpoints alone: kube-proxies follow nothing else.
    endpoints: VecDeque<(Revision, PodId)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    revision: Revision,
    touched: Touched,
    /// The entry before it about the same node.
    older: Link,
}

/// An entry about a node, as others point to it.
#[derive(Clone, Copy, Debug)]
struct Link {
    place: u32,
    revision: Revision,
}

impl Link {
    /// There is none.
    const NONE: Link = Link { place: u32::MAX, revision: Revision(0) };
}

impl Log {
    /// A log that begins at this revision.
    pub(super) fn new(begin: Revision) -> Log {
        Log { forgotten: begin, ..Log::default() }
    }

    /// Room for a node.
    pub(super) fn add_node(&mut self) {
        self.of_node.push(Link::NONE);
    }

    /// A revision touches something; `node` is the one that hears of it.
    pub(super) fn push(&mut self, revision: Revision, touched: Touched, node: Option<NodeId>) {
        if let Touched::Endpoint(pod) = touched {
            if self.endpoints.len() == WINDOW {
                self.endpoints.pop_front();
            }
            self.endpoints.push_back((revision, pod));
        }
        if self.entries.len() == WINDOW
            && let Some(entry) = self.entries.pop_front()
        {
            self.dropped += 1;
            self.forgotten = entry.revision;
        }
        let place = self.dropped + self.entries.len() as u32;
        let newest = Link { place, revision };
        let older = node.map_or(Link::NONE, |node| std::mem::replace(&mut self.of_node[node], newest));
        self.entries.push_back(Entry { revision, touched, older });
    }

    /// Nobody can resume any more: all entries up to this revision leave.
    pub(super) fn compact(&mut self, revision: Revision) {
        self.dropped += self.entries.len() as u32;
        (self.forgotten, self.compacted) = (revision, revision);
        self.entries.clear();
        self.endpoints.clear();
    }

    /// Whether a watcher at `from` can resume.
    pub(super) fn reaches_back(&self, from: Revision) -> bool {
        from >= self.forgotten
    }

    /// What was touched after `from` up to and including `to`.
    pub(super) fn between(&self, from: Revision, to: Revision) -> impl Iterator<Item = Touched> + '_ {
        let near = self.entries.iter().rev().take(LAST_ENTRIES).take_while(|entry| entry.revision > from).count();
        let start = match near {
            LAST_ENTRIES => self.entries.partition_point(|entry| entry.revision <= from),
            few => self.entries.len() - few,
        };
        self.entries.range(start..).take_while(move |entry| entry.revision <= to).map(|entry| entry.touched)
    }

    /// The same of a node and the pods bound to it. However old `from` is: `None` only if some of it has left the log.
    pub(super) fn between_on(&self, node: NodeId, from: Revision, to: Revision) -> Option<Vec<Touched>> {
        if from < self.compacted {
            return None;
        }
        let mut found = Vec::new();
        let mut link = self.of_node[node];
        while link.revision > from {
            let entry = self.entries.get(link.place.checked_sub(self.dropped)? as usize)?;
            if entry.revision <= to {
                found.push(entry.touched);
            }
            link = entry.older;
        }
        found.reverse();
        Some(found)
    }

    /// Pods whose endpoint was touched after `from` up to and including `to`; a pod may come twice.
    pub(super) fn endpoints_between(&self, from: Revision, to: Revision) -> impl Iterator<Item = PodId> + '_ {
        let start = self.endpoints.partition_point(|(revision, _)| *revision <= from);
        self.endpoints.range(start..).take_while(move |(revision, _)| *revision <= to).map(|(_, pod)| *pod)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_s_entries_are_found_among_all_others_oldest_first() {
        let mut log = Log::new(Revision(1));
        (0..2).for_each(|_| log.add_node());
        let pods: Vec<Touched> = (0..4).map(|pod| Touched::Pod(PodId(pod))).collect();
        log.push(Revision(2), pods[0], Some(NodeId(0)));
        log.push(Revision(3), pods[1], Some(NodeId(1)));
        log.push(Revision(4), pods[2], Some(NodeId(0)));
        log.push(Revision(5), pods[3], None);
        let on = |log: &Log, node, from, to| log.between_on(NodeId(node), Revision(from), Revision(to));
        assert_eq!(on(&log, 0, 1, 5), Some(vec![pods[0], pods[2]]));
        assert_eq!(on(&log, 0, 2, 5), Some(vec![pods[2]]));
        assert_eq!(on(&log, 0, 1, 3), Some(vec![pods[0]]));
        assert_eq!(log.between(Revision(2), Revision(4)).collect::<Vec<_>>(), [pods[1], pods[2]]);
        log.compact(Revision(5));
        assert!(!log.reaches_back(Revision(4)) && log.reaches_back(Revision(5)));
        assert_eq!((on(&log, 0, 5, 9), on(&log, 0, 2, 9)), (Some(Vec::new()), None));
        log.push(Revision(6), pods[1], Some(NodeId(0)));
        assert_eq!(on(&log, 0, 5, 9), Some(vec![pods[1]]));
    }

    #[test]
    fn what_has_left_the_window_is_forgotten() {
        let mut log = Log::new(Revision(1));
        (0..2).for_each(|_| log.add_node());
        log.push(Revision(1), Touched::Node(NodeId(1)), Some(NodeId(1)));
        for revision in 2..WINDOW as u64 + 12 {
            log.push(Revision(revision), Touched::Node(NodeId(0)), Some(NodeId(0)));
        }
        assert!(!log.reaches_back(Revision(10)) && log.reaches_back(Revision(11)));
        let on = |node, from| log.between_on(NodeId(node), Revision(from), Revision(u64::MAX)).map(|all| all.len());
        assert_eq!((on(0, 11), log.between(Revision(11), Revision(u64::MAX)).count()), (Some(WINDOW), WINDOW));
        assert_eq!((on(0, 10), on(1, 1), on(1, 0)), (None, Some(0), None), "a quiet node has missed nothing");
    }
}
