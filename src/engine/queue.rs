//! The event queue: earliest first, and among equal times in order of arrival.

use std::collections::BinaryHeap;

use crate::base::Time;

/// A queue of events in total order: by time, then by sequence.
#[derive(Clone, Debug)]
pub struct Queue<E> {
    heap: BinaryHeap<Entry<E>>,
    next_seq: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry<E> {
    key: u128,
    event: E,
}

/// An event that has left the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Popped<E> {
    /// When it fires.
    pub at: Time,
    /// Its place in the order of all pushes of this run; the first push has 0.
    pub seq: u64,
    /// What happens.
    pub event: E,
}

impl<E: Copy> Queue<E> {
    /// An empty queue.
    pub fn new() -> Self {
        Queue { heap: BinaryHeap::new(), next_seq: 0 }
    }
    /// Adds an event and returns its sequence number. `at` must not lie before the last popped time.
    pub fn push(&mut self, at: Time, event: E) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.heap.push(Entry { key: !(u128::from(at.nanos()) << 64 | u128::from(seq)), event });
        seq
    }
    /// Removes the earliest event.
    pub fn pop(&mut self) -> Option<Popped<E>> {
        let entry = self.heap.pop()?;
        let key = !entry.key;
        Some(Popped { at: Time::from_nanos((key >> 64) as u64), seq: key as u64, event: entry.event })
    }
    /// The time of the earliest event.
    pub fn next_time(&mut self) -> Option<Time> {
        self.heap.peek().map(|entry| Time::from_nanos((!entry.key >> 64) as u64))
    }
    /// Number of pending events.
    pub fn len(&self) -> usize {
        self.heap.len()
    }
    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
    /// How many events have ever been pushed.
    pub fn pushed(&self) -> u64 {
        self.next_seq
    }
}

impl<E: Copy> Default for Queue<E> {
    fn default() -> Self {
        Queue::new()
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}
impl<E> Eq for Entry<E> {}
impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}
