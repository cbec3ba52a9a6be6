//! The event queue: earliest first, and among equal times in order of arrival.
//!
//! A radix ladder without parameters. The nearest events stand sorted in the `bottom`; all others lie unsorted
//! in the buckets of a ladder, whose levels are the 6-bit digits of the time:
//!
//! ```text
//!             now             limit                                                  time ->
//!   bottom     |  e e e e e e  |
//!   level 0                      [ ][ ][e][e]          buckets of 1 ns
//!   level 1                                  [ ][e][ ]                   64 ns
//!   level 2                                            [ee][ ][e][ ]     4 us, and so on, 11 levels
//! ```
//!
//! An event's level is that of the highest digit in which its time differs from `base`, so every level lies
//! wholly after the one below. When the bottom is empty the first bucket is sorted into it, or, if that is a big
//! one, first spread over the levels below. When the bottom grows too long, its later part goes down the ladder.
//! Each event thus moves a few times whatever the distances: constant cost where a heap pays a logarithm. Small
//! queues never leave the bottom, which is then one sorted list.
//!
//! After the ladder queue of Tang, Goh and Thng (ACM TOMACS 15(3), 2005) and the radix heap of Ahuja, Mehlhorn,
//! Orlin and Tarjan (J. ACM 37(2), 1990).

use std::mem;

use crate::base::Time;

/// Bits of a digit; a level has one bucket for each value of its digit.
const DIGIT_BITS: u32 = 6;
/// Buckets of a level.
const DIGITS: usize = 1 << DIGIT_BITS;
/// Levels that cover 64 bits of time.
const LEVELS: usize = 64_usize.div_ceil(DIGIT_BITS as usize);
/// A bucket of no more entries is sorted at once; a bigger one is spread first.
const SORT_AT_MOST: usize = 32;
/// Above this length the bottom accepts new entries at its end only, or is split.
const BOTTOM_AT_MOST: usize = 64;
/// An emptied bucket with room for more entries gives its memory back.
const KEEP_CAPACITY: usize = 128;

/// A queue of events in total order: by time, then by sequence.
///
/// Time is monotone: what has been popped is past, and nothing may be pushed before it. An event of 8 bytes makes
/// entries of 24; small events keep large runs in the cache.
#[derive(Clone, Debug)]
pub struct Queue<E> {
    /// Sorted; from `head` on, the entries not after `limit`.
    bottom: Vec<Entry<E>>,
    /// How many entries at the front of `bottom` have left.
    head: usize,
    /// Entries up to and including this time belong to the bottom.
    limit: u64,
    /// The time the ladder measures from; not after `now`.
    base: u64,
    /// When the last popped event fired.
    now: u64,
    /// Time of the earliest entry of the ladder, where it is known.
    ladder_first: Option<u64>,
    /// Bit `i` stands for "level `i` has entries".
    occupied: u32,
    levels: [Level<E>; LEVELS],
    len: usize,
    next_seq: u64,
}

/// The buckets of one digit; without memory until the first entry comes.
#[derive(Clone, Debug)]
struct Level<E> {
    /// Bit `i` stands for "bucket `i` has entries".
    occupied: u64,
    buckets: Vec<Vec<Entry<E>>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry<E> {
    time: u64,
    seq: u64,
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
    /// An empty queue. Takes no memory from the heap before the first push.
    pub fn new() -> Self {
        Queue {
            bottom: Vec::new(),
            head: 0,
            limit: u64::MAX,
            base: 0,
            now: 0,
            ladder_first: None,
            occupied: 0,
            levels: std::array::from_fn(|_| Level { occupied: 0, buckets: Vec::new() }),
            len: 0,
            next_seq: 0,
        }
    }

    /// Adds an event and returns its sequence number.
    ///
    /// `at` must not lie before the last popped time: debug builds panic, release builds let it fire at once.
    #[inline]
    pub fn push(&mut self, at: Time, event: E) -> u64 {
        debug_assert!(at.nanos() >= self.now, "an event at {at:?} lies in the past of {}", self.now);
        let seq = self.next_seq;
        self.next_seq += 1;
        self.len += 1;
        let entry = Entry { time: at.nanos().max(self.now), seq, event };
        if entry.time > self.limit {
            self.place(entry);
        } else {
            self.insert(entry);
        }
        seq
    }

    /// Removes the earliest event.
    #[inline]
    pub fn pop(&mut self) -> Option<Popped<E>> {
        if self.head == self.bottom.len() {
            if self.len == 0 {
                return None;
            }
            self.refill();
        }
        let entry = self.bottom[self.head];
        self.head += 1;
        self.len -= 1;
        self.now = entry.time;
        Some(Popped { at: Time::from_nanos(entry.time), seq: entry.seq, event: entry.event })
    }

    /// The time of the earliest event.
    #[inline]
    pub fn next_time(&mut self) -> Option<Time> {
        if let Some(entry) = self.bottom.get(self.head) {
            return Some(Time::from_nanos(entry.time));
        }
        if self.len == 0 {
            return None;
        }
        // The bottom is not refilled here: until an event is popped, one before it may still be pushed.
        let first = self.ladder_first();
        self.ladder_first = Some(first);
        Some(Time::from_nanos(first))
    }

    /// Number of pending events.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is pending.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many events have ever been pushed.
    pub fn pushed(&self) -> u64 {
        self.next_seq
    }

    /// Puts an entry into the bottom. It has the highest sequence number of all, so it goes after its equals.
    #[inline]
    fn insert(&mut self, entry: Entry<E>) {
        if self.head == self.bottom.len() {
            self.bottom.clear();
            self.head = 0;
        }
        match self.bottom.last() {
            Some(last) if last.time > entry.time => self.insert_within(entry),
            _ => {
                self.reclaim_front();
                self.bottom.push(entry);
            }
        }
    }

    fn insert_within(&mut self, entry: Entry<E>) {
        if self.bottom.len() - self.head > BOTTOM_AT_MOST {
            self.split_bottom(entry.time);
            // The split moved at least the last entry away, which was later than this one.
            return if entry.time > self.limit { self.place(entry) } else { self.insert_sorted(entry) };
        }
        self.insert_sorted(entry);
    }

    fn insert_sorted(&mut self, entry: Entry<E>) {
        let live = self.bottom.len() - self.head;
        let before = self.bottom[self.head..].partition_point(|other| other.time <= entry.time);
        if self.head > 0 && before < live / 2 {
            // The shorter way is to move the earlier entries into the room of those that have left.
            self.bottom.copy_within(self.head..self.head + before, self.head - 1);
            self.head -= 1;
            self.bottom[self.head + before] = entry;
        } else {
            self.reclaim_front();
            self.bottom.insert(self.head + before, entry);
        }
    }

    /// Moves the bottom to the front of its memory before it would have to grow.
    #[inline]
    fn reclaim_front(&mut self) {
        if self.bottom.len() == self.bottom.capacity() && self.head * 2 >= self.bottom.len() {
            self.bottom.drain(..self.head);
            self.head = 0;
        }
    }

    /// Shortens the bottom to make room for an entry at `time`, which is before the last one: lowers the limit
    /// and gives what lies beyond to the ladder. Equal times stay together.
    fn split_bottom(&mut self, time: u64) {
        let first = self.bottom[self.head].time;
        let middle = self.bottom[self.head + SORT_AT_MOST].time;
        self.limit = if middle > first {
            middle - 1
        } else if time < first {
            first - 1
        } else {
            first
        };
        if self.occupied == 0 {
            // With entries in the ladder the base must stay: they lie where they do in relation to it.
            self.base = self.now;
        }
        let keep = self.head + self.bottom[self.head..].partition_point(|entry| entry.time <= self.limit);
        for at in keep..self.bottom.len() {
            self.place(self.bottom[at]);
        }
        self.bottom.truncate(keep);
    }

    /// Puts an entry beyond the limit into the ladder.
    #[inline]
    fn place(&mut self, entry: Entry<E>) {
        if let Some(first) = &mut self.ladder_first {
            *first = entry.time.min(*first);
        }
        let highest_bit = 63 - ((entry.time ^ self.base) | 1).leading_zeros();
        let level = highest_bit / DIGIT_BITS;
        let digit = digit_of(entry.time, level);
        self.occupied |= 1 << level;
        let level = &mut self.levels[level as usize];
        level.occupied |= 1 << digit;
        if level.buckets.is_empty() {
            level.buckets.resize_with(DIGITS, Vec::new);
        }
        level.buckets[digit].push(entry);
    }

    /// Level and digit of the first bucket; the ladder must have entries.
    fn first_bucket(&self) -> (u32, usize) {
        let level = self.occupied.trailing_zeros();
        (level, self.levels[level as usize].occupied.trailing_zeros() as usize)
    }

    /// The time of the earliest entry of the ladder, which must have entries.
    fn ladder_first(&self) -> u64 {
        let (level, digit) = self.first_bucket();
        let bucket = &self.levels[level as usize].buckets[digit];
        self.ladder_first.unwrap_or_else(|| earliest(bucket))
    }

    /// Takes the first bucket out of the ladder, which must have entries.
    fn take_bucket(&mut self, level: u32, digit: usize) -> Vec<Entry<E>> {
        let rung = &mut self.levels[level as usize];
        rung.occupied &= !(1 << digit);
        if rung.occupied == 0 {
            self.occupied &= !(1 << level);
        }
        mem::take(&mut rung.buckets[digit])
    }

    /// Returns the memory of an emptied bucket to it, unless it is large.
    fn give_back(&mut self, level: u32, digit: usize, mut bucket: Vec<Entry<E>>) {
        if bucket.capacity() <= KEEP_CAPACITY {
            bucket.clear();
            self.levels[level as usize].buckets[digit] = bucket;
        }
    }

    /// Fills the empty bottom with the first bucket of the ladder, which must have entries.
    fn refill(&mut self) {
        self.head = 0;
        self.bottom.clear();
        if self.bottom.capacity() > KEEP_CAPACITY {
            self.bottom = Vec::new();
        }
        loop {
            let (level, digit) = self.first_bucket();
            let bucket = self.take_bucket(level, digit);
            // A bucket of level 0 holds one time only, in order of arrival.
            if level > 0 && bucket.len() > SORT_AT_MOST {
                self.spread(level, digit, bucket);
                continue;
            }
            self.limit = match self.occupied {
                0 => u64::MAX,
                _ => bucket[0].time | ((1 << (level * DIGIT_BITS)) - 1),
            };
            if bucket.len() <= SORT_AT_MOST {
                self.bottom.extend_from_slice(&bucket);
                self.bottom.sort_unstable_by_key(Entry::key);
                self.give_back(level, digit, bucket);
            } else {
                let emptied = mem::replace(&mut self.bottom, bucket);
                self.give_back(level, digit, emptied);
            }
            self.base = self.bottom[0].time;
            self.ladder_first = None;
            return;
        }
    }

    /// Spreads a big bucket over the levels below, all of which are empty.
    fn spread(&mut self, level: u32, digit: usize, bucket: Vec<Entry<E>>) {
        self.base = self.ladder_first.take().unwrap_or_else(|| earliest(&bucket));
        for &entry in &bucket {
            self.place(entry);
        }
        self.give_back(level, digit, bucket);
    }
}

impl<E> Entry<E> {
    /// Time and sequence as one number, so that one comparison orders them.
    fn key(&self) -> u128 {
        (u128::from(self.time) << 64) | u128::from(self.seq)
    }
}

/// The digit of `time` at `level`.
fn digit_of(time: u64, level: u32) -> usize {
    (time >> (level * DIGIT_BITS)) as usize % DIGITS
}

fn earliest<E>(bucket: &[Entry<E>]) -> u64 {
    bucket.iter().map(|entry| entry.time).min().unwrap_or(u64::MAX)
}

impl<E: Copy> Default for Queue<E> {
    fn default() -> Self {
        Queue::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// The same contract by the plainest means.
    #[derive(Clone, Default)]
    struct Reference {
        pending: BTreeMap<(u64, u64), u32>,
        pushed: u64,
    }

    impl Reference {
        fn push(&mut self, at: u64, event: u32) -> u64 {
            self.pending.insert((at, self.pushed), event);
            self.pushed += 1;
            self.pushed - 1
        }
        fn pop(&mut self) -> Option<Popped<u32>> {
            let ((at, seq), event) = self.pending.pop_first()?;
            Some(Popped { at: Time::from_nanos(at), seq, event })
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        /// That many events, each so long after the last popped one.
        Push(u32, u64),
        /// Events spread over a span, in no order.
        Scatter(u32, u64),
        Pop(u32),
        Look,
    }

    fn step() -> impl Strategy<Value = Step> {
        let distance = prop_oneof![
            3 => 0_u64..4,
            3 => 0_u64..5_000,
            3 => 0_u64..20_000_000_000,
            1 => (0_u32..64).prop_map(|bits| 1_u64 << bits),
            1 => Just(u64::MAX),
        ];
        prop_oneof![
            4 => (1_u32..4, distance.clone()).prop_map(|(n, d)| Step::Push(n, d)),
            1 => (30_u32..200, distance.clone()).prop_map(|(n, d)| Step::Push(n, d)),
            2 => (1_u32..150, distance).prop_map(|(n, d)| Step::Scatter(n, d)),
            4 => (1_u32..6).prop_map(Step::Pop),
            1 => (30_u32..300).prop_map(Step::Pop),
            2 => Just(Step::Look),
        ]
    }

    struct Pair {
        queue: Queue<u32>,
        reference: Reference,
        now: u64,
        luck: u64,
    }

    impl Pair {
        fn new() -> Pair {
            Pair { queue: Queue::new(), reference: Reference::default(), now: 0, luck: 1 }
        }
        fn push(&mut self, distance: u64) {
            let (at, event) = (self.now.saturating_add(distance), self.reference.pushed as u32);
            let seq = self.queue.push(Time::from_nanos(at), event);
            assert_eq!(seq, self.reference.push(at, event));
        }
        fn pop(&mut self) {
            let popped = self.queue.pop();
            assert_eq!(popped, self.reference.pop());
            self.now = popped.map_or(self.now, |popped| popped.at.nanos());
        }
        fn apply(&mut self, step: &Step) {
            match *step {
                Step::Push(count, distance) => (0..count).for_each(|_| self.push(distance)),
                Step::Scatter(count, distance) => (0..count).for_each(|_| {
                    self.luck = self.luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    self.push(((u128::from(self.luck) * u128::from(distance)) >> 64) as u64);
                }),
                Step::Pop(count) => (0..count).for_each(|_| self.pop()),
                Step::Look => {
                    let first = self.reference.pending.first_key_value().map(|((at, _), _)| Time::from_nanos(*at));
                    assert_eq!(self.queue.next_time(), first);
                }
            }
            assert_eq!(self.queue.len(), self.reference.pending.len());
            assert_eq!(self.queue.is_empty(), self.reference.pending.is_empty());
            assert_eq!(self.queue.pushed(), self.reference.pushed);
        }
        fn drain(&mut self) {
            while !self.reference.pending.is_empty() {
                self.pop();
            }
            assert_eq!(self.queue.pop(), None);
        }
    }

    proptest! {
        #[test]
        fn events_leave_in_order_of_time_then_arrival(steps in prop::collection::vec(step(), 1..120)) {
            let mut pair = Pair::new();
            steps.iter().for_each(|step| pair.apply(step));
            pair.drain();
        }

        #[test]
        fn a_clone_goes_its_own_way(
            before in prop::collection::vec(step(), 1..60),
            one in prop::collection::vec(step(), 1..30),
            other in prop::collection::vec(step(), 1..30),
        ) {
            let mut pair = Pair::new();
            before.iter().for_each(|step| pair.apply(step));
            let mut fork = Pair { queue: pair.queue.clone(), reference: pair.reference.clone(), ..pair };
            one.iter().for_each(|step| pair.apply(step));
            other.iter().for_each(|step| fork.apply(step));
            pair.drain();
            fork.drain();
        }
    }

    #[test]
    fn thousands_of_ties_leave_in_order_of_arrival() {
        let mut pair = Pair::new();
        for group in [7_u64, 3, 7, 1_000_000_007, 3, 0] {
            (0..3_000).for_each(|_| pair.push(group));
        }
        (0..5_000).for_each(|_| pair.pop());
        (0..2_000).for_each(|_| pair.push(4));
        pair.drain();
    }

    #[test]
    fn an_event_may_come_before_a_run_of_ties_already_looked_at() {
        let mut pair = Pair::new();
        (0..500).for_each(|_| pair.push(1_000_000));
        for earlier in (0..500).rev() {
            pair.apply(&Step::Look);
            pair.push(earlier);
            let live = pair.queue.bottom.len() - pair.queue.head;
            assert!(live <= BOTTOM_AT_MOST + 1, "{live} entries in the bottom");
        }
        pair.drain();
    }

    #[test]
    fn the_bottom_stays_short_when_the_current_window_is_crowded() {
        let mut pair = Pair::new();
        pair.push(0);
        pair.pop();
        for i in 0..20_000_u64 {
            pair.push(1_000_000 + i.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 1_000_000);
            let live = pair.queue.bottom.len() - pair.queue.head;
            assert!(live <= BOTTOM_AT_MOST + 1, "{live} entries in the bottom after {i} pushes");
        }
        pair.drain();
    }

    #[test]
    fn a_small_queue_never_touches_the_ladder() {
        let mut pair = Pair::new();
        for i in 0..50_u64 {
            pair.push(i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 30);
        }
        for i in 0..1_000_u64 {
            pair.pop();
            pair.push(i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 30);
        }
        assert!(pair.queue.levels.iter().all(|level| level.buckets.capacity() == 0));
        assert!(pair.queue.bottom.capacity() <= 256, "room for {}", pair.queue.bottom.capacity());
        pair.drain();
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "lies in the past")]
    fn pushing_into_the_past_is_caught_in_debug_builds() {
        let mut queue = Queue::new();
        queue.push(Time::from_nanos(10), ());
        queue.pop();
        queue.push(Time::from_nanos(9), ());
    }

    #[test]
    fn an_entry_with_a_word_of_event_takes_24_bytes() {
        assert_eq!(size_of::<Entry<u64>>(), 24);
    }
}
