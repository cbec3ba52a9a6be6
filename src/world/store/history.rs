//! Objects with their recent past: a watcher reads the version its cursor stands at.

use std::collections::VecDeque;

use crate::base::{Id, Pages};

/// A revision of the store: the number of writes committed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

/// Marks that there is no older version.
pub(super) const NO_OLDER: u32 = u32::MAX;

/// All objects of one kind, each with the versions that the slowest watcher may still have to read.
///
/// Current values stand in a vector; a change moves the old value into one shared undo log. Reading at a recent
/// cursor walks that log a step or two; reading the present costs nothing more than a vector does.
#[derive(Clone, Debug)]
pub struct Versions<I, T> {
    current: Pages<I, Slot<T>>,
    old: VecDeque<Old<T>>,
    /// Log position of the front of `old`.
    dropped: u32,
}

#[derive(Clone, Debug)]
struct Slot<T> {
    value: T,
    /// The revision that made this value.
    since: Revision,
    older: u32,
}

#[derive(Clone, Debug)]
struct Old<T> {
    value: T,
    since: Revision,
    older: u32,
}

/// Old versions kept of each kind. A watcher further behind must list again, as the API server's watch cache, too,
/// keeps a bounded window (kube-apiserver `cacher.go`).
pub(super) const WINDOW: usize = 16_384;

impl<I: Id, T: Clone> Versions<I, T> {
    /// No objects.
    pub fn new() -> Self {
        Versions { current: Pages::new(), old: VecDeque::new(), dropped: 0 }
    }
    /// Adds an object that exists from `at` on.
    pub fn create(&mut self, value: T, at: Revision) -> I {
        self.current.push(Slot { value, since: at, older: NO_OLDER })
    }
    /// Changes an object at revision `at`; its old value stays readable for cursors before it.
    pub fn change(&mut self, id: I, at: Revision, change: impl FnOnce(&mut T)) {
        let slot = &mut self.current[id];
        if slot.since < at {
            if self.old.len() == WINDOW {
                self.old.pop_front();
                self.dropped += 1;
            }
            let position = self.dropped + self.old.len() as u32;
            self.old.push_back(Old { value: slot.value.clone(), since: slot.since, older: slot.older });
            slot.older = position;
            slot.since = at;
        }
        change(&mut slot.value);
    }
    /// The committed value.
    pub fn now(&self, id: I) -> &T {
        &self.current[id].value
    }
    /// The revision that made the committed value.
    pub fn since(&self, id: I) -> Revision {
        self.current[id].since
    }
    /// The value as a watcher at `cursor` knows it; `None` if it did not exist by then.
    pub fn at(&self, id: I, cursor: Revision) -> Option<&T> {
        let slot = &self.current[id];
        if slot.since <= cursor {
            return Some(&slot.value);
        }
        let mut position = slot.older;
        while position != NO_OLDER && position >= self.dropped {
            let old = &self.old[(position - self.dropped) as usize];
            if old.since <= cursor {
                return Some(&old.value);
            }
            position = old.older;
        }
        None
    }
    /// Number of objects ever created.
    pub fn len(&self) -> usize {
        self.current.len()
    }
    /// Whether none was ever created.
    pub fn is_empty(&self) -> bool {
        self.current.is_empty()
    }
    /// All ids, removed objects' included.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = I> + ExactSizeIterator + use<I, T> {
        self.current.ids()
    }
}

impl<I: Id, T: Clone> Default for Versions<I, T> {
    fn default() -> Self {
        Versions::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::ids::SetId;

    #[test]
    fn a_watcher_reads_the_version_its_cursor_stands_at() {
        let mut objects: Versions<SetId, &str> = Versions::new();
        let pod = objects.create("created", Revision(2));
        objects.change(pod, Revision(4), |value| *value = "bound");
        objects.change(pod, Revision(7), |value| *value = "ready");
        assert_eq!(objects.at(pod, Revision(1)), None);
        assert_eq!(objects.at(pod, Revision(3)), Some(&"created"));
        assert_eq!(objects.at(pod, Revision(6)), Some(&"bound"));
        assert_eq!(objects.at(pod, Revision(9)), Some(&"ready"));
        assert_eq!(objects.now(pod), &"ready");
    }
}
