//! One decision: which node takes a pod. Filters, then scores.
//!
//! Source: `pkg/scheduler/core/generic_scheduler.go` (1.20), plugins under `pkg/scheduler/framework/plugins`.

use super::cache::Cache;
use super::classes::{Class, SCORE_MAX, STRETCH};
use super::record::{Machine, Record, short_of, suits_pool};
use super::spots::Spots;
use super::unschedulable::{Filter, Unschedulable};
use crate::base::{Id, IdVec, Name};
use crate::world::effects::Ctx;
use crate::world::ids::{AppId, NodeId, ZoneId};
use crate::world::purpose::Purpose;
use crate::world::spec::{AppSpec, Spread};

/// Clusters below this are looked at whole; larger ones until at least as many nodes fit.
/// Source: `minFeasibleNodesToFind`.
const SAMPLE_MIN: usize = 100;
/// Adaptive percentage of nodes: 50 - nodes/125, at least 5. Source: `numFeasibleNodesToFind`.
const SAMPLE_PERCENT: usize = 50;
const SAMPLE_PERCENT_MIN: usize = 5;
const SAMPLE_STEP: usize = 125;
/// Weight of the topology spread score. Source: `algorithmprovider/registry.go`.
const SPREAD_WEIGHT: i32 = 2;
/// Soft default constraints: `maxSkew` 3 over hosts and 5 over zones. Source: `podtopologyspread/plugin.go`.
const HOST_SKEW: u32 = 3;
const ZONE_SKEW: u32 = 5;

/// How many feasible nodes end the search among `nodes`.
fn sample(nodes: usize) -> usize {
    if nodes < SAMPLE_MIN {
        return nodes;
    }
    let percent = SAMPLE_PERCENT.saturating_sub(nodes / SAMPLE_STEP).max(SAMPLE_PERCENT_MIN);
    (nodes * percent / 100).max(SAMPLE_MIN)
}

/// Room for one decision, kept between them so that none allocates.
#[derive(Clone, Debug, Default)]
pub(super) struct Placing {
    /// Where the next search begins, so that all nodes get their turn.
    start: usize,
    feasible: Vec<Feasible>,
    /// By zone and live pods on the node: what spread scores there.
    spread: Vec<Spreading>,
}

/// A node that fits, with what it scores but for spread.
#[derive(Clone, Copy, Debug)]
struct Feasible {
    node: NodeId,
    /// Where it is found in `spread`.
    place: u32,
    score: i32,
}

/// Nodes of one zone with as many live pods of the app each: spread scores them alike.
#[derive(Clone, Copy, Debug, Default)]
struct Spreading {
    /// One of them fits.
    fits: bool,
    cost: f64,
    score: i32,
}

/// What the filters need to know beside the node itself.
#[derive(Clone, Copy)]
struct Wish<'a> {
    app: &'a AppSpec,
    /// Where the app's pods stand.
    spots: &'a Spots,
    /// Fewest live pods in a host, or zone, of the app's own pool.
    fewest: u32,
    /// Where its volume is.
    volume: Option<ZoneId>,
}

impl<'a> Wish<'a> {
    fn of(
        (app, volume): (AppId, Option<ZoneId>),
        cache: &'a Cache,
        machines: &IdVec<NodeId, Machine>,
        ctx: &'a Ctx<'_>,
    ) -> Wish<'a> {
        let (asked, spots) = (&ctx.spec.apps[app], cache.spots(app));
        Wish { app: asked, spots, fewest: fewest(asked, spots, &cache.order, machines), volume }
    }

    /// Nothing but its pool and room for it is asked of a node.
    fn is_plain(&self) -> bool {
        let spread = matches!(self.app.spread, Spread::Default | Spread::None);
        spread && !self.app.host_port && self.volume.is_none()
    }

    /// Why a node does not take the pod.
    fn ruled_out(&self, node: NodeId, record: &Record, machine: &Machine) -> Option<Filter> {
        let app = self.app;
        if record.cordoned {
            Some(Filter::Cordoned)
        } else if record.tainted {
            Some(Filter::Tainted)
        } else if !suits_pool(app, machine) {
            Some(Filter::Pool)
        } else if self.volume.is_some_and(|zone| zone != machine.zone) {
            Some(Filter::VolumeZone)
        } else if let Some(short) = short_of(app, record, machine) {
            Some(short)
        } else {
            self.ruled_out_by_others(node, machine)
        }
    }

    /// Why a node does not take the pod because of where others of its app stand.
    fn ruled_out_by_others(&self, node: NodeId, machine: &Machine) -> Option<Filter> {
        let (here, live) = self.spots.on(node);
        if self.app.host_port && here > 0 {
            return Some(Filter::Ports);
        }
        match self.app.spread {
            Spread::Hosts(skew) if live + 1 > self.fewest + skew => Some(Filter::Spread),
            Spread::Zones(skew) if self.spots.in_zone(machine.zone) + 1 > self.fewest + skew => Some(Filter::Spread),
            Spread::OnePerHost if here > 0 => Some(Filter::AntiAffinity),
            Spread::Together if here == 0 && !self.spots.is_empty() => Some(Filter::Affinity),
            Spread::Hosts(_)
            | Spread::Zones(_)
            | Spread::OnePerHost
            | Spread::Together
            | Spread::Default
            | Spread::None => None,
        }
    }

    /// Why no node fits.
    fn nowhere(&self, cache: &Cache, machines: &IdVec<NodeId, Machine>) -> Unschedulable {
        let (nodes, volume) = (cache.order.len() as u32, self.volume);
        let mut why = Unschedulable { nodes, volume, ..Unschedulable::default() };
        let refusal = |node: &NodeId| self.ruled_out(*node, &cache.nodes[node.index()], &machines[*node]);
        cache.order.iter().filter_map(refusal).for_each(|filter| why.count(filter));
        why
    }
}

/// The smallest domain. Cordoned and tainted nodes form domains too (nodeTaintsPolicy Ignore, the default); nodes of
/// other pools do not.
fn fewest(app: &AppSpec, spots: &Spots, order: &[NodeId], machines: &IdVec<NodeId, Machine>) -> u32 {
    let eligible = order.iter().filter(|node| suits_pool(app, &machines[**node]));
    let least = match app.spread {
        Spread::Hosts(_) => eligible.map(|node| spots.on(*node).1).min(),
        Spread::Zones(_) => eligible.map(|node| spots.in_zone(machines[*node].zone)).min(),
        Spread::Default | Spread::None | Spread::Together | Spread::OnePerHost => None,
    };
    least.unwrap_or(0)
}

impl Placing {
    /// The node for a pod of this app, the `attempt`-th time it is asked for.
    pub(super) fn decide(
        &mut self,
        (app, volume): (AppId, Option<ZoneId>),
        pod: Name,
        attempt: u64,
        (cache, machines): (&mut Cache, &IdVec<NodeId, Machine>),
        ctx: &Ctx<'_>,
    ) -> Result<NodeId, Unschedulable> {
        cache.look(app, &ctx.spec.apps[app], machines);
        let wish = Wish::of((app, volume), cache, machines, ctx);
        self.filter(wish, cache.class(app), cache, machines);
        if let [only] = self.feasible[..] {
            return Ok(only.node);
        }
        self.score_spread(wish);
        let spread = &self.spread;
        let score = |node: &Feasible| node.score + spread[node.place as usize].score;
        let (best, ties) = self.feasible.iter().map(score).fold((i32::MIN, 0), |(best, ties), score| {
            if score > best { (score, 1) } else { (best, ties + u64::from(score == best)) }
        });
        let pick = || ctx.draw(Purpose::SchedulerTie, pod, attempt).below(ties) as usize;
        let mut tied = self.feasible.iter().filter(|node| score(node) == best);
        let chosen = if ties == 0 { None } else { tied.nth(pick()) };
        chosen.map(|node| node.node).ok_or_else(|| wish.nowhere(cache, machines))
    }

    /// The nodes that fit, of those that the search comes to, with what they score but for spread: from where the last
    /// one ended to the end of the order, and on from its beginning.
    fn filter(&mut self, wish: Wish<'_>, class: &Class, cache: &Cache, machines: &IdVec<NodeId, Machine>) {
        self.feasible.clear();
        self.spread.clear();
        self.spread.resize(cache.zones() * wish.spots.numbers(), Spreading::default());
        let n = cache.order.len();
        let (start, enough) = (self.start % n.max(1), sample(n));
        for part in [(start, n), (0, start)] {
            if let Some(last) = self.pass(part, enough, (wish, class), cache, machines) {
                self.start = (last + 1) % n;
                return;
            }
        }
    }

    /// The same of one part of the order; the place of the node that made them enough.
    fn pass(
        &mut self,
        (from, to): (usize, usize),
        enough: usize,
        (wish, class): (Wish<'_>, &Class),
        cache: &Cache,
        machines: &IdVec<NodeId, Machine>,
    ) -> Option<usize> {
        let (plain, numbers) = (wish.is_plain(), wish.spots.numbers());
        let mut place = from;
        while place < to {
            let stretch = place / STRETCH;
            let end = to.min((stretch + 1) * STRETCH);
            let mut open = class.open(stretch) & (u64::MAX << (place % STRETCH));
            loop {
                let at = stretch * STRETCH + open.trailing_zeros() as usize;
                if at >= end {
                    break;
                }
                open &= open - 1;
                let node = cache.order[at];
                let record = &cache.nodes[node.index()];
                if !plain && wish.ruled_out(node, record, &machines[node]).is_some() {
                    continue;
                }
                let spread = record.zone.index() * numbers + wish.spots.on(node).1 as usize;
                self.spread[spread].fits = true;
                // Fewer PreferNoSchedule taints are better: `tainttoleration.go`, normalised in reverse.
                let untainted = if record.avoided { 0 } else { SCORE_MAX as i32 };
                self.feasible.push(Feasible { node, place: spread as u32, score: class.score(node) + untainted });
                if self.feasible.len() == enough {
                    return Some(at);
                }
            }
            place = end;
        }
        None
    }

    /// Soft default spread: fewer pods of the app on the host and in the zone are better; each count weighs by the
    /// logarithm of how many domains there are. An app with constraints of its own, or none by wish, has no default ones.
    /// Source: `podtopologyspread/scoring.go`.
    fn score_spread(&mut self, wish: Wish<'_>) {
        match wish.app.spread {
            Spread::None | Spread::Hosts(_) | Spread::Zones(_) => return,
            Spread::Default | Spread::OnePerHost | Spread::Together => {}
        }
        let numbers = wish.spots.numbers();
        let zones = self.spread.chunks(numbers).filter(|zone| zone.iter().any(|place| place.fits)).count();
        let host_weight = libm::log(self.feasible.len() as f64 + 2.0);
        let zone_weight = libm::log(zones as f64 + 2.0);
        let (mut least, mut most) = (f64::MAX, 0.0_f64);
        for (at, place) in self.spread.iter_mut().enumerate().filter(|(_, place)| place.fits) {
            let cost = (at % numbers) as f64 * host_weight
                + f64::from(HOST_SKEW - 1)
                + f64::from(wish.spots.in_zone(ZoneId::from_index(at / numbers))) * zone_weight
                + f64::from(ZONE_SKEW - 1);
            place.cost = libm::floor(cost + 0.5);
            (least, most) = (least.min(place.cost), most.max(place.cost));
        }
        for place in self.spread.iter_mut().filter(|place| place.fits) {
            let share = SCORE_MAX as f64 * (most + least - place.cost) / most;
            place.score = SPREAD_WEIGHT * if most > 0.0 { share as i32 } else { SCORE_MAX as i32 };
        }
    }
}

/// The nodes, in the order of the search, that lack nothing but room for a pod of this app.
pub(super) fn short_of_room(
    what: (AppId, Option<ZoneId>),
    (cache, machines): (&Cache, &IdVec<NodeId, Machine>),
    ctx: &Ctx<'_>,
) -> Vec<NodeId> {
    let wish = Wish::of(what, cache, machines, ctx);
    let suits = |node: &NodeId| {
        let empty = Record { cpu: 0, memory: 0, pods: 0, ..cache.nodes[node.index()] };
        wish.ruled_out(*node, &empty, &machines[*node]).is_none()
    };
    cache.order.iter().copied().filter(suits).collect()
}

/// A DaemonSet's pod: its node affinity leaves one node, whose cordon and taints it tolerates.
/// Source: `pkg/controller/daemon/util/daemonset_util.go` `ReplaceDaemonSetPodNodeNameNodeAffinity`,
/// `AddOrUpdateDaemonPodTolerations`.
pub(super) fn on_its_node(
    app: AppId,
    node: NodeId,
    (cache, machines): (&Cache, &IdVec<NodeId, Machine>),
    ctx: &Ctx<'_>,
) -> Result<NodeId, Unschedulable> {
    let asked = &ctx.spec.apps[app];
    let mut why = Unschedulable { nodes: cache.order.len() as u32, ..Unschedulable::default() };
    (1..why.nodes).for_each(|_| why.count(Filter::Pool));
    let here = cache.spots(app).on(node).0 > 0;
    let refused = match cache.nodes.get(node.index()).filter(|record| record.exists) {
        None => Some(Filter::Pool),
        Some(record) => short_of(asked, record, &machines[node]).or((asked.host_port && here).then_some(Filter::Ports)),
    };
    match refused {
        None => Ok(node),
        Some(filter) => {
            why.count(filter);
            Err(why)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `numFeasibleNodesToFind`: 100 % below 100 nodes, then 50 - n/125 percent, 5 at least, and never under 100 nodes.
    #[test]
    fn large_clusters_are_sampled_as_documented() {
        for (nodes, want) in [(0, 0), (99, 99), (100, 100), (200, 100), (500, 230), (1000, 420), (6000, 300)] {
            assert_eq!(sample(nodes), want, "{nodes}");
        }
    }
}
