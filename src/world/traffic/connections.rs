//! A client's kept-alive connections, as counts.
//!
//! A pool has as many slots as connections in steady state, and each request takes one of them at random. A slot
//! whose connection is gone opens a new one at its next request; until that works, each of its requests is a try.

use std::sync::Arc;

use super::busy::Busy;
use super::exposure::Peril;
use super::land::{Answer, Land};
use super::last_used::Got;
use super::picks::{Path, Picks};
use crate::engine::Draw;
use crate::world::fact::Loss;
use crate::world::ids::PodId;

/// A client's connections. For streams, each is one, and there are no free slots.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    /// Slots.
    pub(super) size: u64,
    /// Connections, of one path and one kind in each entry.
    pub(super) open: Vec<Open>,
    /// Without a limit: what requests find in use. Its connections stand in the order of their last use.
    pub(super) busy: Option<Arc<Busy>>,
}

/// Connections of one path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) path: Path,
    pub(super) count: u64,
    /// The other end has died without a word.
    pub(super) orphan: bool,
}

/// What the next request on a connection meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// An answer.
    Live,
    /// An answer that announces the close.
    Told,
    /// Silence; then the client closes it.
    Dead,
    /// A reset: the other end does not know the connection.
    Broken,
}

/// What became of requests on slots out of order.
#[derive(Clone, Debug, Default)]
pub(super) struct Used {
    /// Lost ones: how, how many, how many on average.
    pub(super) lost: Vec<(Peril, u64, f64)>,
    /// New connections tried, on average.
    pub(super) tries: f64,
}

/// Tries to open connections: how many, and on average.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tries {
    pub(super) filled: u64,
    pub(super) not_filled: u64,
    pub(super) mean: f64,
}

impl Open {
    pub(super) fn slot(&self, land: &Land) -> Slot {
        match (land.answer(self.path.via, self.path.pod), self.orphan) {
            (Answer::Silent, _) => Slot::Dead,
            (Answer::Refuses | Answer::Serves, true) => Slot::Broken,
            (Answer::Refuses, false) => Slot::Live,
            (Answer::Serves, false) if land.is_announcing(self.path.pod) => Slot::Told,
            (Answer::Serves, false) => Slot::Live,
        }
    }
}

impl Pool {
    pub(super) fn new(size: u64) -> Pool {
        Pool { size, open: Vec::new(), busy: None }
    }
    /// Slots without a connection.
    pub(super) fn empty(&self) -> u64 {
        self.size.saturating_sub(self.open.iter().map(|open| open.count).sum())
    }
    /// The share of requests that open a connection.
    pub(super) fn picked(&self) -> f64 {
        match &self.busy {
            Some(busy) => 1.0 - busy.carried(self.open.iter().map(|open| open.count).sum()),
            None if self.size > 0 => self.empty() as f64 / self.size as f64,
            None => 1.0,
        }
    }
    /// The share of requests that connections of each kind carry.
    pub(super) fn parts(&self) -> Vec<(&Open, f64)> {
        match &self.busy {
            Some(busy) => self.carried(busy).collect(),
            None => self.open.iter().map(|open| (open, open.count as f64 / self.size as f64)).collect(),
        }
    }
    /// Connections to a pod whose other end lives, with the share of requests that each of them carries.
    pub(super) fn held(&self, pod: PodId) -> Vec<(u64, f64)> {
        let parts = self.parts().into_iter().filter(|(open, _)| open.path.pod == pod && !open.orphan);
        parts.map(|(open, part)| (open.count, part / open.count as f64)).collect()
    }
    /// Adds connections.
    pub(super) fn add(&mut self, path: Path, count: u64) {
        if count == 0 {
            return;
        }
        match self.open.iter_mut().find(|open| open.path == path && !open.orphan) {
            Some(open) => open.count += count,
            None => self.open.push(Open { path, count, orphan: false }),
        }
    }
    /// Connections to a pod whose other end lives.
    pub(super) fn to(&self, pod: PodId) -> u64 {
        self.open.iter().filter(|open| open.path.pod == pod && !open.orphan).map(|open| open.count).sum()
    }
    /// Closes the connections to a pod that can be told so; the others are orphans from now on.
    pub(super) fn close(&mut self, pod: PodId, land: &Land) {
        for open in self.open.iter_mut().filter(|open| open.path.pod == pod) {
            open.orphan = true;
        }
        self.open.retain(|o| o.path.pod != pod || land.answer(o.path.via, pod) == Answer::Silent);
    }
    /// Whether every request finds a living connection that stays.
    pub(super) fn is_plain(&self, land: &Land) -> bool {
        let complete = match &self.busy {
            Some(busy) => busy.opens(self.open.iter().map(|open| open.count).sum()) <= 0.0,
            None => self.empty() == 0,
        };
        complete && self.open.iter().all(|open| open.slot(land) == Slot::Live)
    }
    /// Whether some connection will fail its next request.
    pub(super) fn has_broken(&self, land: &Land) -> bool {
        self.open.iter().any(|open| matches!(open.slot(land), Slot::Dead | Slot::Broken))
    }
    /// Whether some request still finds an answer on a connection.
    pub(super) fn has_live(&self, land: &Land) -> bool {
        self.open.iter().any(|open| matches!(open.slot(land), Slot::Live | Slot::Told))
    }
    /// Fills all empty slots at once: connections that stood before the run.
    pub(super) fn stand(&mut self, picks: &Picks, land: &Land, draw: &mut Draw) {
        match &self.busy {
            Some(busy) if self.open.is_empty() => {
                let filled = busy.in_steady_state(draw.unit());
                self.put_first(filled, picks, land, draw);
            }
            Some(_) => {}
            None => self.fill(self.empty(), picks, land, draw),
        }
    }

    /// `sent` requests (`mean` on average) take slots.
    pub(super) fn take(
        &mut self,
        (sent, mean): (u64, f64),
        picks: &Picks,
        land: &Land,
        idempotent: bool,
        draw: &mut Draw,
    ) -> Used {
        if let Some(busy) = self.busy.clone() {
            return self.take_last_used((sent, mean), picks, land, idempotent, &busy, draw);
        }
        let mut used = Used::default();
        let mut tries = Tries::default();
        let (mut left, mut slots) = (sent, self.size);
        let per_slot = if self.size == 0 { 0.0 } else { mean / self.size as f64 };
        let fills = picks.keeping(land);
        let empty = self.empty();
        let kinds: Vec<(Option<usize>, u64)> = (0..self.open.len())
            .filter(|i| self.open[*i].slot(land) != Slot::Live)
            .map(|i| (Some(i), self.open[i].count))
            .chain([(None, empty)])
            .collect();
        for (place, count) in kinds {
            let mut hits = if slots == 0 { 0 } else { draw.binomial(left, count as f64 / slots as f64) };
            left -= hits;
            slots -= count;
            for slot in 0..count {
                let of_slot = draw.binomial(hits, 1.0 / (count - slot) as f64);
                hits -= of_slot;
                let rest = match place {
                    Some(place) => self.first(place, of_slot, idempotent, land, &mut used),
                    None => of_slot,
                };
                tries.run(rest, fills, draw);
            }
            let slot = place.map(|place| (self.open[place].slot(land), self.open[place].path.pod));
            expect(slot, count as f64, per_slot, fills, idempotent, &mut tries, &mut used);
        }
        self.open.retain(|open| open.count > 0);
        spread(&tries, picks, 1.0 - fills, draw, &mut used);
        self.fill(tries.filled, picks, land, draw);
        used.tries = tries.mean;
        used
    }

    /// One request: what it meets, and how likely it was to be lost. `holds`: others of the client's are under way.
    pub(super) fn take_one(
        &mut self,
        picks: &Picks,
        land: &Land,
        (idempotent, holds): (bool, bool),
        draw: &mut Draw,
    ) -> (Got, f64) {
        if self.busy.is_some() {
            return self.take_idle(picks, land, idempotent, holds, draw);
        }
        let (met, chance) = self.take_slot(picks, land, idempotent, draw);
        (met.map_or_else(Got::Lost, Got::Served), chance)
    }
    fn take_slot(
        &mut self,
        picks: &Picks,
        land: &Land,
        idempotent: bool,
        draw: &mut Draw,
    ) -> (Result<Path, Peril>, f64) {
        let fails = 1.0 - picks.served();
        if self.size == 0 {
            return (picks.pick(draw.unit()), fails);
        }
        let chance = self.chance(fails, land, idempotent);
        let mut slot = draw.below(self.size);
        for place in 0..self.open.len() {
            let open = self.open[place];
            if slot >= open.count {
                slot -= open.count;
                continue;
            }
            let met = match open.slot(land) {
                Slot::Live => return (Ok(open.path), chance),
                Slot::Told => Some(Ok(open.path)),
                Slot::Dead => Some(Err((Some(open.path.pod), Loss::BlackHole))),
                Slot::Broken if idempotent => None,
                Slot::Broken => Some(Err((Some(open.path.pod), Loss::Reset))),
            };
            self.open[place].count -= 1;
            self.open.retain(|open| open.count > 0);
            if let Some(met) = met {
                return (met, chance);
            }
            break;
        }
        let met = picks.pick(draw.unit());
        if let Ok(path) = met
            && !land.is_announcing(path.pod)
        {
            self.add(path, 1);
        }
        (met, chance)
    }
    fn chance(&self, fails: f64, land: &Land, idempotent: bool) -> f64 {
        let of = |open: &Open| {
            let share = open.count as f64 / self.size as f64;
            match open.slot(land) {
                Slot::Live | Slot::Told => 0.0,
                Slot::Broken if idempotent => share * fails,
                Slot::Dead | Slot::Broken => share,
            }
        };
        self.open.iter().map(of).sum::<f64>() + fails * self.empty() as f64 / self.size as f64
    }

    /// The first of a slot's requests; the number of those that need a new connection afterwards.
    fn first(&mut self, place: usize, requests: u64, idempotent: bool, land: &Land, used: &mut Used) -> u64 {
        if requests == 0 {
            return 0;
        }
        let slot = self.open[place].slot(land);
        let pod = Some(self.open[place].path.pod);
        self.open[place].count -= 1;
        match slot {
            Slot::Live | Slot::Told => requests - 1,
            Slot::Dead => {
                used.lost.push(((pod, Loss::BlackHole), 1, 0.0));
                requests - 1
            }
            Slot::Broken if idempotent => requests,
            Slot::Broken => {
                used.lost.push(((pod, Loss::Reset), 1, 0.0));
                requests - 1
            }
        }
    }

    /// New connections on `filled` slots.
    pub(super) fn fill(&mut self, filled: u64, picks: &Picks, land: &Land, draw: &mut Draw) {
        let mut left = filled;
        let mut share = picks.keeping(land);
        for (path, part) in picks.good.iter().filter(|(path, _)| !land.is_announcing(path.pod)) {
            let count = if share <= *part { left } else { draw.binomial(left, part / share) };
            share -= part;
            left -= count;
            self.add(*path, count);
        }
        // What rounding of the shares left over.
        if let Some((path, _)) = picks.good.iter().rev().find(|(path, _)| !land.is_announcing(path.pod)) {
            self.add(*path, left);
        }
    }
}

impl Tries {
    /// `requests` on one empty slot, in turn, until one leaves a connection in it.
    fn run(&mut self, requests: u64, fills: f64, draw: &mut Draw) {
        if requests == 0 {
            return;
        }
        let before = if fills >= 1.0 {
            0
        } else if fills <= 0.0 {
            requests
        } else {
            ((libm::log(1.0 - draw.unit()) / libm::log1p(-fills)) as u64).min(requests)
        };
        self.not_filled += before;
        self.filled += u64::from(before < requests);
    }
}

/// Adds the means of what `count` slots lose, each used `per_slot` times on average.
fn expect(
    slot: Option<(Slot, PodId)>,
    count: f64,
    per_slot: f64,
    fills: f64,
    idempotent: bool,
    tries: &mut Tries,
    used: &mut Used,
) {
    let first = -libm::expm1(-per_slot);
    let from_start = if fills > 0.0 { -libm::expm1(-per_slot * fills) / fills } else { per_slot };
    let fails = 1.0 - fills;
    let after_first = if fills <= 0.0 {
        per_slot - first
    } else if fails <= 0.0 {
        first - per_slot * libm::exp(-per_slot)
    } else {
        (first + libm::exp(-per_slot * fills) * libm::expm1(-per_slot * fails) / fails) / fills
    };
    let (lost, made) = match slot {
        None => (None, from_start),
        Some((Slot::Live | Slot::Told, _)) => (None, after_first),
        Some((Slot::Dead, pod)) => (Some((Some(pod), Loss::BlackHole)), after_first),
        Some((Slot::Broken, _)) if idempotent => (None, from_start),
        Some((Slot::Broken, pod)) => (Some((Some(pod), Loss::Reset)), after_first),
    };
    tries.mean += count * made;
    if let Some(peril) = lost {
        used.lost.push((peril, 0, count * first));
    }
}

/// Splits tries that left no connection over the ways to fail; the rest was answered by a pod that keeps none.
pub(super) fn spread(tries: &Tries, picks: &Picks, share: f64, draw: &mut Draw, used: &mut Used) {
    let (mut left, mut share) = (tries.not_filled, share);
    for (peril, part) in &picks.bad {
        let count = if share <= *part { left } else { draw.binomial(left, part / share) };
        share -= part;
        left -= count;
        used.lost.push((*peril, count, tries.mean * part));
    }
}
