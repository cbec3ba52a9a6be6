//! Stale connection tracking: what a black hole leaves on the client's node.
//!
//! A SYN into a black hole leaves an entry with the dead pod's address, and kube-proxy does not flush TCP entries. A
//! later attempt from the same source port meets the entry and goes to the dead pod, right rules or not. Ports are taken
//! in turn, so nobody meets an entry before the client has gone round all of them once, and then for as long as the
//! hole lasted, round by round. Held in expectation: attempts a second over the times in which they were made.

use std::sync::Arc;

use crate::base::{Span, Time};
use crate::world::ids::PodId;

/// Life of an entry whose SYN has no answer: `nf_conntrack_tcp_timeout_syn_sent`, Linux.
pub(super) const SYN_SENT: Span = Span::secs(120);
/// Source ports that an outgoing connect chooses among: half of `ip_local_port_range` 32768 to 60999, Linux.
const PORTS: f64 = 14_116.0;
/// Of these ports every 1st to 8th is taken, at random: the next search begins 2 to 16 ports further on. Source:
/// `net/ipv4/inet_hashtables.c`, `__inet_hash_connect`, Linux 5.18.
const STEP: f64 = 4.5;
/// Seconds; shorter rounds are taken as continuous: the same entries are met, spread over an entry's life. Each round
/// that is told apart costs two settlings, so a hole costs at most 32 of them at any rate.
const SHORT_ROUND: f64 = 7.5;

/// Batches kept apart, and pods named in them: beyond, those nearest in time are taken together, so that a long hole
/// stays cheap.
const BATCHES_MAX: usize = 128;
const PARTS_MAX: usize = 8_192;

/// Entries that a client's black-holed attempts have left on its node.
#[derive(Clone, Debug, Default)]
pub(super) struct Stale {
    batches: Vec<Batch>,
    /// The pods that entries lead to, in order.
    pods: Vec<PodId>,
    /// Grows when the pods change.
    version: u64,
}

/// Entries of one stretch of time, in which attempts went to the same pods in the same shares.
#[derive(Clone, Debug)]
struct Batch {
    /// When the attempts were made.
    from: Time,
    to: Time,
    /// Attempts a second that the client made in all.
    rate: f64,
    /// Where they led: each pod with its share of them, in order.
    parts: Arc<[(PodId, f64)]>,
    /// Seconds in which the client goes round all ports.
    round: f64,
}

impl Stale {
    /// Attempts from `from` to `to`, so many a second, of which these shares went into holes, pod by pod in order.
    pub(super) fn add(&mut self, from: Time, to: Time, rate: f64, parts: &Arc<[(PodId, f64)]>) {
        if rate <= 0.0 || from >= to || parts.is_empty() {
            return;
        }
        // The same rate, but for the rounding of the interval's mean.
        let goes_on = |batch: &&mut Batch| {
            batch.to == from
                && (batch.rate - rate).abs() <= rate * 1e-9
                && (Arc::ptr_eq(&batch.parts, parts) || batch.parts == *parts)
        };
        match self.batches.iter_mut().rev().find(goes_on) {
            Some(batch) => batch.to = to,
            None => {
                self.push(Batch { from, to, rate, parts: Arc::clone(parts), round: round(rate) });
                while self.batches.len() > BATCHES_MAX || self.parts() > PARTS_MAX && self.batches.len() > 1 {
                    self.merge_nearest();
                }
            }
        }
    }
    /// One attempt into the hole, of `all` that the client makes a second.
    pub(super) fn add_one(&mut self, pod: PodId, at: Time, all: f64) {
        let same = |batch: &&mut Batch| batch.from <= at && at < batch.to && *batch.parts == [(pod, 1.0)];
        match self.batches.iter_mut().find(same) {
            Some(batch) => batch.rate += 1.0,
            None => {
                let (to, parts) = (at + Span::secs(1), Arc::new([(pod, 1.0)]));
                self.push(Batch { from: at, to, rate: 1.0, parts, round: round(all) });
            }
        }
    }
    fn push(&mut self, batch: Batch) {
        self.pods.extend(batch.parts.iter().map(|(pod, _)| *pod));
        self.pods.sort();
        self.pods.dedup();
        self.batches.push(batch);
        self.version += 1;
    }
    fn parts(&self) -> usize {
        self.batches.iter().map(|batch| batch.parts.len()).sum()
    }
    /// The two neighbours that together last least become one.
    fn merge_nearest(&mut self) {
        let lasts =
            |place: &usize| self.batches[place + 1].to.max(self.batches[*place].to).since(self.batches[*place].from);
        let Some(place) = (0..self.batches.len().saturating_sub(1)).min_by_key(lasts) else { return };
        let second = self.batches.remove(place + 1);
        self.batches[place] = self.batches[place].with(&second);
    }
    /// Forgets the entries that are over, and says when the last of the others will be.
    pub(super) fn expire(&mut self, now: Time) -> Option<Time> {
        let before = self.batches.len();
        self.batches.retain(|batch| batch.to + SYN_SENT > now);
        if self.batches.len() < before {
            self.version += 1;
            self.pods = self.batches.iter().flat_map(|batch| batch.parts.iter().map(|(pod, _)| *pod)).collect();
            self.pods.sort();
            self.pods.dedup();
        }
        self.batches.iter().map(|batch| batch.to + SYN_SENT).max()
    }
    /// When attempts begin, or cease, to meet entries of some batch.
    pub(super) fn next_turn(&self, now: Time) -> Option<Time> {
        self.batches.iter().filter_map(|batch| batch.next_turn(now)).min()
    }
    /// The pods that entries lead to, in order.
    pub(super) fn pods(&self) -> &[PodId] {
        &self.pods
    }
    /// Another number when entries lead to other pods.
    pub(super) const fn version(&self) -> u64 {
        self.version
    }
    /// Whether there are no entries.
    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }
    /// Whether entries lead to a pod.
    pub(super) fn leads_to(&self, pod: PodId) -> bool {
        self.pods.binary_search(&pod).is_ok()
    }
    /// The shares of attempts made from `from` to `to` that meet an entry of each pod: entries alive, on average over
    /// that time, over the ports. All shares together are at most 1.
    pub(super) fn shares(&self, from: Time, to: Time) -> Vec<(PodId, f64)> {
        let mut shares: Vec<(PodId, f64)> = Vec::new();
        for batch in &self.batches {
            let met = batch.mean_met(from, to) / PORTS;
            if met > 0.0 {
                shares.extend(batch.parts.iter().map(|(pod, part)| (*pod, met * part)));
            }
        }
        add_up(&mut shares);
        let all: f64 = shares.iter().map(|(_, share)| share).sum();
        if all > 1.0 {
            shares.iter_mut().for_each(|(_, share)| *share /= all);
        }
        shares
    }
}

/// Each pod once, in order, with the sum of its shares.
fn add_up(shares: &mut Vec<(PodId, f64)>) {
    shares.sort_by_key(|(pod, _)| *pod);
    shares.dedup_by(|later, first| {
        let same = later.0 == first.0;
        first.1 += if same { later.1 } else { 0.0 };
        same
    });
}

/// Seconds in which a client that makes so many attempts a second goes round all ports. Where that is longer than an
/// entry lives, nobody meets one.
fn round(all: f64) -> f64 {
    (PORTS / STEP / all).min(2.0 * SYN_SENT.as_secs_f64())
}

impl Batch {
    /// Both batches as one, each pod at its mean rate.
    fn with(&self, other: &Batch) -> Batch {
        let (from, to) = (self.from.min(other.from), self.to.max(other.to));
        let (mine, others) = (self.attempts(), other.attempts());
        let weighed = |batch: &Batch, by: f64| batch.parts.iter().map(move |(pod, part)| (*pod, part * by)).collect();
        let all = mine + others;
        let mut parts: Vec<(PodId, f64)> = weighed(self, mine / all);
        parts.extend::<Vec<_>>(weighed(other, others / all));
        add_up(&mut parts);
        let rate = all / to.since(from).as_secs_f64();
        Batch { from, to, rate, parts: parts.into(), round: self.round.max(other.round) }
    }
    /// Attempts in all.
    fn attempts(&self) -> f64 {
        self.rate * self.to.since(self.from).as_secs_f64()
    }
    /// After how many seconds each entry is met, round by round, unless rounds are too short to tell.
    fn rounds(&self) -> impl Iterator<Item = f64> + '_ {
        let told = if self.round < SHORT_ROUND { 0 } else { (SYN_SENT.as_secs_f64() / self.round) as u32 };
        (1..=told).map(|number| f64::from(number) * self.round)
    }
    fn next_turn(&self, now: Time) -> Option<Time> {
        let later = |at: Time, by: f64| at + Span::nanos((by * 1e9) as u64);
        let turns = self.rounds().flat_map(|by| [later(self.from, by), later(self.to, by)]);
        turns.filter(|at| *at > now).min()
    }
    /// Entries met on average from `from` to `to`, as so many entries spread over all ports would be.
    fn mean_met(&self, from: Time, to: Time) -> f64 {
        if self.round < SHORT_ROUND {
            return self.mean_alive(from, to);
        }
        let (begin, end) = (from.secs_f64(), to.secs_f64());
        let met = |by: f64| (end.min(self.to.secs_f64() + by) - begin.max(self.from.secs_f64() + by)).max(0.0);
        if end <= begin { 0.0 } else { self.rounds().map(met).sum::<f64>() * self.rate * self.round / (end - begin) }
    }
    /// Entries alive on average from `from` to `to`.
    fn mean_alive(&self, from: Time, to: Time) -> f64 {
        let seconds = |at: Time, zero: Time| at.secs_f64() - zero.secs_f64();
        let ramp = |at: Time, zero: Time| {
            let x = seconds(at, zero).max(0.0);
            x * x / 2.0
        };
        let alive = |at: Time| {
            ramp(at, self.from) - ramp(at, self.to) - ramp(at, self.from + SYN_SENT) + ramp(at, self.to + SYN_SENT)
        };
        if to <= from {
            return 0.0;
        }
        (self.rate * (alive(to) - alive(from)) / seconds(to, from)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(of: &[(PodId, f64)]) -> Arc<[(PodId, f64)]> {
        of.into()
    }

    fn at(secs: u64) -> Time {
        Time::ZERO + Span::secs(secs)
    }

    #[test]
    fn entries_live_for_two_minutes_after_the_attempt() {
        let mut stale = Stale::default();
        stale.add(at(0), at(38), 10_000.0, &parts(&[(PodId(3), 1.0 / 300.0)]));
        let share = |from, to| stale.shares(at(from), at(to)).first().map_or(0.0, |(_, share)| *share);
        // 1267 entries stand until the first of them is two minutes old.
        assert!((share(40, 70) - 1_266.67 / 14_116.0).abs() < 1e-4, "{}", share(40, 70));
        assert!((share(120, 158) - 633.3 / 14_116.0).abs() < 1e-4);
        assert!(share(158, 200) < 1e-9);
        assert_eq!(stale.expire(at(100)), Some(at(158)));
        assert_eq!(stale.expire(at(158)), None);
        assert!(stale.shares(at(40), at(70)).is_empty());
    }

    #[test]
    fn an_entry_is_met_when_the_client_has_gone_round_its_ports_and_not_before() {
        let mut stale = Stale::default();
        // 3137 connects go round: 31.4 s at 100 a second. A third of them left an entry on every 4.5th port.
        stale.add(at(0), at(10), 100.0, &parts(&[(PodId(3), 1.0 / 3.0)]));
        let share = |from, to| stale.shares(at(from), at(to)).first().map_or(0.0, |(_, share)| *share);
        assert_eq!((share(10, 31), share(42, 62)), (0.0, 0.0));
        assert!((share(32, 41) - 1.0 / 3.0 / 4.5).abs() < 1e-3 && (share(63, 72) - share(32, 41)).abs() < 1e-9);
        assert_eq!(stale.next_turn(at(20)).map(|at| at.secs_f64().round()), Some(31.0));
        assert_eq!(stale.next_turn(at(35)).map(|at| at.secs_f64().round()), Some(41.0));
        let mut seldom = Stale::default();
        seldom.add(at(0), at(10), 20.0, &parts(&[(PodId(3), 0.5)]));
        // One round takes 157 s.
        assert!(seldom.shares(at(10), at(130)).is_empty() && seldom.next_turn(at(10)).is_none());
    }

    #[test]
    fn a_long_and_restless_hole_keeps_its_entries_in_few_batches() {
        let mut stale = Stale::default();
        for second in 0..1000 {
            let part = if second % 2 == 0 { 0.01 } else { 0.03 };
            stale.add(at(second), at(second + 1), 100.0, &parts(&[(PodId(1), part)]));
        }
        assert!(stale.batches.len() <= BATCHES_MAX);
        let into_holes = |batch: &Batch| batch.attempts() * batch.parts.iter().map(|(_, part)| part).sum::<f64>();
        let attempts: f64 = stale.batches.iter().map(into_holes).sum();
        assert!((attempts - 2000.0).abs() < 1e-6, "{attempts}");
    }

    #[test]
    fn a_hole_turns_at_most_32_times_at_any_rate() {
        for all in [20.0, 50.0, 100.0, 400.0, 500.0, 3_000.0, 1e6] {
            let mut stale = Stale::default();
            stale.add(at(0), at(1), all, &parts(&[(PodId(3), 1.0 / 3.0)]));
            let (mut now, mut turns) = (at(0), 0);
            while let Some(next) = stale.next_turn(now) {
                (now, turns) = (next, turns + 1);
            }
            assert!(turns <= 32, "{turns} at {all} a second");
        }
    }

    #[test]
    fn a_hole_that_is_looked_at_often_stays_one_batch() {
        let mut stale = Stale::default();
        for millis in 0..1000 {
            let rate = 100.0 * (1.0 + 1e-15 * (millis % 7) as f64);
            let from = Time::ZERO + Span::millis(millis);
            stale.add(from, from + Span::millis(1), rate, &parts(&[(PodId(1), 1.0 / 3.0)]));
        }
        assert_eq!(stale.batches.len(), 1);
    }

    #[test]
    fn no_more_than_all_attempts_meet_an_entry() {
        let mut stale = Stale::default();
        stale.add(at(0), at(60), 5_000.0, &parts(&[(PodId(1), 0.2), (PodId(2), 0.2)]));
        let all: f64 = stale.shares(at(60), at(61)).iter().map(|(_, share)| share).sum();
        assert!((all - 1.0).abs() < 1e-12);
    }
}
