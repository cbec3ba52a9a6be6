//! A pool without limit whose requests take the connection used last, and open one only where none is idle.
//!
//! So do Go (net/http `Transport.idleConn`, most recently used last) and Apache HttpAsyncClient (HTTPCORE-424). The
//! client hears of an idle connection's end at once (Go: the connection's read loop). A request that waits for its
//! connection to open takes one that comes free meanwhile (Go: `idleConnWait`); so a black hole takes requests only
//! from a client that has no connection left.
//!
//! Settled per interval, what a request finds in use follows its steady state ([`Busy`]), also right after a cut,
//! and connections keep their order of use; a pool larger than its need shrinks at the ends of intervals.

use super::busy::Busy;
use super::connections::{Open, Pool, Slot, Tries, Used, spread};
use super::exposure::Peril;
use super::land::{Answer, Land};
use super::picks::{Path, Picks};
use crate::engine::Draw;
use crate::world::fact::Loss;

/// Connections that are opened one by one; where more are missing, most are opened at once.
const ONE_BY_ONE: u64 = 256;
/// Portions that new connections are put in order by; so many at most one by one.
const PORTIONS: u64 = 32;
/// Kinds of connections kept apart by their order of use; beyond them, those used least are taken with others of
/// their path.
const KINDS_MAX: usize = 256;

/// What a request held by itself gets from its pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Got {
    /// A connection.
    Served(Path),
    /// A failure.
    Lost(Peril),
    /// Its new connection does not open; one that comes free meanwhile will do.
    Waits(Peril),
}

impl Pool {
    /// The share of requests that each kind of connections carries, in their order of use.
    pub(super) fn carried<'a>(&'a self, busy: &'a Busy) -> impl Iterator<Item = (&'a Open, f64)> + 'a {
        self.open.iter().scan(0, |before, open| {
            let share = busy.carried(*before + open.count) - busy.carried(*before);
            *before += open.count;
            Some((open, share))
        })
    }

    /// `sent` requests (`mean` on average) use the pool.
    pub(super) fn take_last_used(
        &mut self,
        (sent, mean): (u64, f64),
        picks: &Picks,
        land: &Land,
        idempotent: bool,
        busy: &Busy,
        draw: &mut Draw,
    ) -> Used {
        let mut used = Used::default();
        let mut left = sent;
        let shares: Vec<f64> = self.carried(busy).map(|(open, share)| share / open.count.max(1) as f64).collect();
        for (open, share) in self.open.iter_mut().zip(shares) {
            let loss = match open.slot(land) {
                Slot::Live => continue,
                Slot::Told => None,
                Slot::Dead => Some(Loss::BlackHole),
                Slot::Broken if idempotent => None,
                Slot::Broken => Some(Loss::Reset),
            };
            // Each fails the first request that it gets, and is closed.
            let hit = |requests: f64| -libm::expm1(-requests * share);
            let count = draw.binomial(open.count, hit(sent as f64)).min(left);
            let expected = open.count as f64 * hit(mean);
            open.count -= count;
            if let Some(loss) = loss {
                left -= count;
                used.lost.push(((Some(open.path.pod), loss), count, expected));
            }
        }
        self.open.retain(|open| open.count > 0);
        self.open_where_none_is_idle(left, picks, land, busy, draw, &mut used);
        self.close_unused(mean, busy, draw);
        used
    }

    /// Opens connections for those of `requests` that find none idle.
    ///
    /// What tries lose counts as expected as often as they were made: its mean over all luck is right, as the number
    /// of tries is decided before what each of them meets.
    fn open_where_none_is_idle(
        &mut self,
        requests: u64,
        picks: &Picks,
        land: &Land,
        busy: &Busy,
        draw: &mut Draw,
        used: &mut Used,
    ) {
        let fills = picks.keeping(land);
        let mut tries = Tries::default();
        let mut open: u64 = self.open.iter().map(|open| open.count).sum();
        let alone = open == 0;
        let mut left = self.open_many(requests, fills, &mut open, busy, draw, &mut tries);
        while left > 0 && busy.opens(open) > 0.0 {
            let (needs, fails) = (busy.opens(open), busy.opens(open) * (1.0 - fills));
            let succeeds = needs * fills;
            let before = requests_before(succeeds, left, draw);
            tries.not_filled += draw.binomial(before, if succeeds < 1.0 { fails / (1.0 - succeeds) } else { 0.0 });
            left -= before;
            if left > 0 {
                left -= 1;
                tries.filled += 1;
                open += 1;
            }
        }
        tries.mean = (tries.filled + tries.not_filled) as f64;
        let first = used.lost.len();
        spread(&tries, picks, 1.0 - fills, draw, used);
        if !alone {
            // One that comes free will do.
            let waits = |(_, loss): Peril| loss == Loss::BlackHole;
            let tried = used.lost.split_off(first);
            used.lost.extend(tried.into_iter().filter(|(peril, _, _)| !waits(*peril)));
        }
        used.tries = tries.mean;
        self.put_first(tries.filled, picks, land, draw);
    }
    /// Far below the need, nearly every request opens a connection: how many requests are left afterwards.
    fn open_many(
        &mut self,
        requests: u64,
        fills: f64,
        open: &mut u64,
        busy: &Busy,
        draw: &mut Draw,
        tries: &mut Tries,
    ) -> u64 {
        let missing = busy.in_steady_state(0.0).saturating_sub(*open + ONE_BY_ONE);
        if missing == 0 || fills <= 0.0 || requests == 0 {
            return requests;
        }
        let fails = draw.poisson(missing as f64 * (1.0 - fills) / fills);
        if missing + fails > requests {
            let filled = draw.binomial(requests, fills);
            (tries.filled, tries.not_filled, *open) = (filled, requests - filled, *open + filled);
            return 0;
        }
        (tries.filled, tries.not_filled, *open) = (missing, fails, *open + missing);
        requests - missing - fails
    }
    /// New connections, which are the ones used last.
    pub(super) fn put_first(&mut self, count: u64, picks: &Picks, land: &Land, draw: &mut Draw) {
        if count == 0 {
            return;
        }
        // In a mixed order: each kind of path is among the first as likely as its share says.
        let portion = count.div_ceil(PORTIONS);
        let mut mixed: Vec<Open> = Vec::new();
        let mut left = count;
        while left > 0 {
            let mut some = Pool::new(0);
            some.fill(portion.min(left), picks, land, draw);
            left -= portion.min(left);
            mixed.append(&mut some.open);
        }
        mixed.append(&mut self.open);
        let rest = mixed.split_off(mixed.len().min(KINDS_MAX));
        self.open = mixed;
        for Open { path, count, orphan } in rest {
            let place = self.open.iter().rposition(|open| (open.path, open.orphan) == (path, orphan));
            match place {
                Some(place) => self.open[place].count += count,
                None => self.open.push(Open { path, count, orphan }),
            }
        }
    }
    /// Closes those that were idle for too long, `mean` requests having been sent.
    fn close_unused(&mut self, mean: f64, busy: &Busy, draw: &mut Draw) {
        let mut open: u64 = self.open.iter().map(|open| open.count).sum();
        if open < 2 || draw.unit() >= busy.of_idle_time(mean) {
            return;
        }
        let enough = busy.in_steady_state(draw.unit()).max(1);
        while open > enough
            && let Some(last) = self.open.last_mut()
        {
            let closed = last.count.min(open - enough);
            (last.count, open) = (last.count - closed, open - closed);
            self.open.retain(|open| open.count > 0);
        }
    }

    /// One request, which holds what it gets until it is answered; and how likely it was to be lost.
    pub(super) fn take_idle(
        &mut self,
        picks: &Picks,
        land: &Land,
        idempotent: bool,
        others: bool,
        draw: &mut Draw,
    ) -> (Got, f64) {
        while let Some(open) = self.open.first_mut() {
            let slot = open.slot(land);
            let path = open.path;
            open.count -= 1;
            self.open.retain(|open| open.count > 0);
            match slot {
                Slot::Live | Slot::Told => return (Got::Served(path), 0.0),
                Slot::Dead => return (Got::Lost((Some(path.pod), Loss::BlackHole)), 1.0),
                Slot::Broken if idempotent => {}
                Slot::Broken => return (Got::Lost((Some(path.pod), Loss::Reset)), 1.0),
            }
        }
        let waits = |(_, loss): Peril| others && loss == Loss::BlackHole;
        let lost: f64 = picks.bad.iter().filter(|(peril, _)| !waits(*peril)).map(|(_, share)| share).sum();
        match picks.pick(draw.unit()) {
            Ok(path) => (Got::Served(path), lost),
            Err(peril) if waits(peril) => (Got::Waits(peril), lost),
            Err(peril) => (Got::Lost(peril), lost),
        }
    }
    /// A request is answered, and its connection is idle, unless it ends with the answer; whether it is.
    pub(super) fn give_back(&mut self, path: Path, land: &Land) -> bool {
        if land.answer(path.via, path.pod) != Answer::Serves || land.is_announcing(path.pod) {
            return false;
        }
        match self.open.first_mut() {
            Some(open) if open.path == path && !open.orphan => open.count += 1,
            Some(_) | None => self.open.insert(0, Open { path, count: 1, orphan: false }),
        }
        true
    }
    /// Takes the connection that was given back last.
    pub(super) fn take_back(&mut self) -> Option<Path> {
        let open = self.open.first_mut()?;
        let path = open.path;
        open.count -= 1;
        self.open.retain(|open| open.count > 0);
        Some(path)
    }
}

/// How many of `left` requests come before the first that succeeds, each with this probability.
fn requests_before(succeeds: f64, left: u64, draw: &mut Draw) -> u64 {
    if succeeds >= 1.0 {
        return 0;
    }
    if succeeds <= 0.0 {
        return left;
    }
    let before = libm::log(draw.open_unit()) / libm::log1p(-succeeds);
    if before < left as f64 { before as u64 } else { left }
}
