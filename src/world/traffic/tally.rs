//! What all clients of a group meet, added up: a change that one client sees costs that client's part alone.
//!
//! Parts are counted by their exact value, so that the sums depend neither on the order of changes nor on how many
//! there were.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::connections::Slot;
use super::exposure::{Peril, order};
use super::groups::{Client, Manner, Seat, Share};
use super::land::{Answer, Land};
use crate::world::fact::Loss;
use crate::world::ids::{NodeId, PodId};

/// One client's part.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Part {
    /// Where its answered requests go: through the load balancer's target if there is one, to which pod, how many.
    flows: Vec<(Option<NodeId>, PodId, f64)>,
    /// What its new connections meet that are lost, unless it is looked at each time.
    bad: Vec<(Peril, f64)>,
    /// The ways in which its requests can be lost.
    perils: Vec<Peril>,
    /// All its requests fail.
    fails: bool,
    /// Some of its new connections are served.
    hopes: bool,
    /// What it meets changes with each request or with time: it is looked at whenever requests are settled.
    restless: bool,
    /// It opens connections again, and none of its requests can be lost meanwhile: how many it has opened matters
    /// only when something else changes for it.
    pub(super) refills: bool,
}

/// The sum of all clients' parts.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    flows: BTreeMap<(Option<NodeId>, PodId, u64), u64>,
    bad: BTreeMap<(Peril, u64), u64>,
    perils: BTreeMap<Peril, u64>,
    failing: usize,
    hopeful: usize,
    restless: BTreeSet<Seat>,
    refilling: BTreeSet<Seat>,
}

impl Part {
    /// A client's part as things stand.
    pub(super) fn of(client: &Client, manner: Manner, idempotent: bool, land: &Land) -> Part {
        let holes = |((pod, loss), _): &(Peril, f64)| pod.is_some() && *loss == Loss::BlackHole;
        let from_node = client.seat.node().is_some();
        let has_stale = !client.stale.is_empty();
        let leaves = from_node && client.picks.bad.iter().any(holes);
        let streams = manner == Manner::Streams;
        let moves = !streams && !client.pool.is_plain(land);
        let safe = client.picks.bad.is_empty() && !has_stale && !client.pool.has_broken(land);
        let refills = moves && safe;
        let restless = has_stale || leaves || moves && !safe;
        Part {
            flows: flows(client, land),
            bad: if restless { Vec::new() } else { client.picks.bad.clone() },
            perils: perils(client, streams, idempotent, land),
            fails: client.picks.good.is_empty() && !client.pool.has_live(land),
            hopes: !client.picks.good.is_empty(),
            restless: restless && !streams,
            refills,
        }
    }
}

/// Where a client's answered requests go.
fn flows(client: &Client, land: &Land) -> Vec<(Option<NodeId>, PodId, f64)> {
    let target = |via| if client.seat == Seat::Outside { via } else { None };
    let mut flows: Vec<(Option<NodeId>, PodId, f64)> = Vec::new();
    let picked = client.pool.picked();
    if picked > 0.0 {
        flows.extend(client.picks.good.iter().map(|(path, part)| (target(path.via), path.pod, part * picked)));
    }
    for (open, part) in client.pool.parts() {
        if matches!(open.slot(land), Slot::Live | Slot::Told) {
            flows.push((target(open.path.via), open.path.pod, part));
        }
    }
    flows
}

/// The ways in which a client's request, stream or next opening of a connection can be lost.
fn perils(client: &Client, streams: bool, idempotent: bool, land: &Land) -> Vec<Peril> {
    let mut perils = Vec::new();
    // A stream that meets a closed door is opened elsewhere, as long as there is an elsewhere.
    if !streams || client.picks.good.is_empty() {
        perils.extend(client.picks.bad.iter().map(|(peril, _)| *peril));
    }
    for open in &client.pool.open {
        match open.slot(land) {
            Slot::Live | Slot::Told => {}
            Slot::Dead => perils.push((Some(open.path.pod), Loss::BlackHole)),
            Slot::Broken if idempotent => {}
            Slot::Broken => perils.push((Some(open.path.pod), Loss::Reset)),
        }
    }
    if streams {
        return perils;
    }
    for pod in client.stale.pods().iter().copied() {
        match land.answer(client.seat.node(), pod) {
            Answer::Serves => {}
            Answer::Refuses => perils.push((Some(pod), Loss::Refused)),
            Answer::Silent => perils.push((Some(pod), Loss::BlackHole)),
        }
    }
    // Each source is in order already, and this sort keeps what is.
    perils.sort_by_key(order);
    perils.dedup();
    perils
}

impl Tally {
    /// A client's part is another than it was.
    pub(super) fn replace(&mut self, seat: Seat, old: &Part, new: &Part) {
        if old != new {
            self.remove(seat, old);
            self.add(seat, new);
        }
    }
    fn add(&mut self, seat: Seat, part: &Part) {
        for (target, pod, share) in &part.flows {
            *self.flows.entry((*target, *pod, share.to_bits())).or_default() += 1;
        }
        for (peril, share) in &part.bad {
            *self.bad.entry((*peril, share.to_bits())).or_default() += 1;
        }
        for peril in &part.perils {
            *self.perils.entry(*peril).or_default() += 1;
        }
        self.failing += usize::from(part.fails);
        self.hopeful += usize::from(part.hopes);
        if part.restless {
            self.restless.insert(seat);
        }
        if part.refills {
            self.refilling.insert(seat);
        }
    }
    /// A client with this part is gone.
    pub(super) fn remove(&mut self, seat: Seat, part: &Part) {
        for (target, pod, share) in &part.flows {
            take(&mut self.flows, &(*target, *pod, share.to_bits()));
        }
        for (peril, share) in &part.bad {
            take(&mut self.bad, &(*peril, share.to_bits()));
        }
        for peril in &part.perils {
            take(&mut self.perils, peril);
        }
        self.failing -= usize::from(part.fails);
        self.hopeful -= usize::from(part.hopes);
        self.restless.remove(&seat);
        self.refilling.remove(&seat);
    }

    /// The clients that are looked at each time, in order.
    pub(super) fn restless(&self) -> Vec<Seat> {
        self.restless.iter().copied().collect()
    }
    /// Of the clients that open connections again those on a node, or all.
    pub(super) fn refilling(&self, at: Option<NodeId>) -> Vec<Seat> {
        let due = |seat: &Seat| at.is_none() || seat.node().is_none() || seat.node() == at;
        match at {
            Some(node) if self.refilling.contains(&Seat::Node(node)) => vec![Seat::Node(node)],
            Some(_) if matches!(self.refilling.first(), Some(Seat::Node(_))) => Vec::new(),
            Some(_) | None => self.refilling.iter().copied().filter(due).collect(),
        }
    }
    /// What the other clients' new connections meet that are lost: client by client, added up.
    pub(super) fn bad(&self) -> impl Iterator<Item = (Peril, f64)> + '_ {
        self.bad.iter().map(|((peril, share), count)| (*peril, f64::from_bits(*share) * *count as f64))
    }
    /// The ways in which a request can be lost.
    pub(super) fn perils(&self) -> Vec<Peril> {
        self.perils.keys().copied().collect()
    }
    /// Whether so many clients are all whose requests all fail.
    pub(super) fn all_fail(&self, clients: usize) -> bool {
        clients > 0 && self.failing == clients
    }
    /// Whether some client's new connections are served.
    pub(super) fn hopes(&self) -> bool {
        self.hopeful > 0
    }
    /// Where answered requests go, by target and pod; all parts together are 1.
    pub(super) fn shares(&self) -> Arc<[Share]> {
        let mut shares: Vec<Share> = Vec::new();
        for ((target, pod, share), count) in &self.flows {
            let part = f64::from_bits(*share) * *count as f64;
            match shares.last_mut().filter(|last| (last.target, last.pod) == (*target, *pod)) {
                Some(last) => last.part += part,
                None => shares.push(Share { target: *target, front: None, pod: *pod, part }),
            }
        }
        let all: f64 = shares.iter().map(|share| share.part).sum();
        shares.iter_mut().for_each(|share| share.part /= all);
        shares.into()
    }
}

fn take<K: Ord>(counts: &mut BTreeMap<K, u64>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
