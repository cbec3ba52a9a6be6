//! One decision: which node takes a pod. Filters, then scores.
//!
//! Source: `pkg/scheduler/core/generic_scheduler.go` (1.20), plugins under `pkg/scheduler/framework/plugins`.

use super::cache::Cache;
use super::classes::{SCORE_MAX, STRETCH};
use super::record::{Machine, Record, short_of, suits_pool};
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
const SPREAD_WEIGHT: i64 = 2;
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
    /// By node: the app's pods, all and live.
    on_host: Vec<(u32, u32)>,
    /// By zone: the app's live pods; whether the zone is a domain.
    in_zone: Vec<(u32, bool)>,
    /// Most live pods of the app on one node.
    most_on_host: u32,
    feasible: Vec<Feasible>,
    /// By zone and live pods on the node: what spread scores there.
    spread: Vec<Spreading>,
}

/// A node that fits.
#[derive(Clone, Copy, Debug)]
struct Feasible {
    node: NodeId,
    /// Where it is found in `spread`.
    place: u32,
    score: i64,
    avoided: bool,
}

/// Nodes of one zone with as many live pods of the app each: spread scores them alike.
#[derive(Clone, Copy, Debug, Default)]
struct Spreading {
    /// One of them fits.
    fits: bool,
    cost: f64,
    score: i64,
}

/// What the filters need to know beside the node itself.
#[derive(Clone, Copy)]
struct Wish<'a> {
    id: AppId,
    app: &'a AppSpec,
    /// Fewest live pods in a host, or zone, of the app's own pool.
    fewest: u32,
    /// No pod of the app stands anywhere.
    alone: bool,
    /// Where its volume is.
    volume: Option<ZoneId>,
}

impl Wish<'_> {
    /// Nothing but its pool and room for it is asked of a node.
    fn is_plain(&self) -> bool {
        let spread = matches!(self.app.spread, Spread::Default | Spread::None);
        spread && !self.app.host_port && self.volume.is_none()
    }
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
        self.gather(app, cache, machines);
        let asked = &ctx.spec.apps[app];
        let wish = Wish {
            id: app,
            app: asked,
            fewest: self.fewest(asked, cache, machines),
            alone: cache.placed(app).is_empty(),
            volume,
        };
        self.filter(wish, cache, machines);
        let choice = match self.feasible[..] {
            [] => Err(self.why(wish, cache, machines)),
            [only] => Ok(only.node),
            [..] => {
                self.score(asked);
                let (best, ties) = self.feasible.iter().fold((i64::MIN, 0), |(best, ties), node| {
                    if node.score > best { (node.score, 1) } else { (best, ties + u64::from(node.score == best)) }
                });
                let pick = ctx.draw(Purpose::SchedulerTie, pod, attempt).below(ties) as usize;
                let tied = self.feasible.iter().filter(|node| node.score == best).nth(pick);
                tied.map(|node| node.node).ok_or_else(|| self.why(wish, cache, machines))
            }
        };
        for placed in cache.placed(app) {
            self.on_host[placed.node.index()] = (0, 0);
        }
        choice
    }

    /// The nodes, in the order of the search, that lack nothing but room for a pod of this app.
    pub(super) fn short_of_room(
        &mut self,
        (app, volume): (AppId, Option<ZoneId>),
        (cache, machines): (&Cache, &IdVec<NodeId, Machine>),
        ctx: &Ctx<'_>,
    ) -> Vec<NodeId> {
        self.gather(app, cache, machines);
        let asked = &ctx.spec.apps[app];
        let fewest = self.fewest(asked, cache, machines);
        let wish = Wish { id: app, app: asked, fewest, alone: cache.placed(app).is_empty(), volume };
        let suits = |node: &NodeId| {
            let empty = Record { cpu: 0, memory: 0, pods: 0, ..cache.nodes[node.index()] };
            self.rules_out(wish, *node, &empty, &machines[*node]).is_none()
        };
        let nodes = cache.order.iter().copied().filter(suits).collect();
        for placed in cache.placed(app) {
            self.on_host[placed.node.index()] = (0, 0);
        }
        nodes
    }

    /// A DaemonSet's pod: its node affinity leaves one node, whose cordon and taints it tolerates.
    /// Source: `pkg/controller/daemon/util/daemonset_util.go` `ReplaceDaemonSetPodNodeNameNodeAffinity`,
    /// `AddOrUpdateDaemonPodTolerations`.
    pub(super) fn on_its_node(
        &mut self,
        app: AppId,
        node: NodeId,
        (cache, machines): (&Cache, &IdVec<NodeId, Machine>),
        ctx: &Ctx<'_>,
    ) -> Result<NodeId, Unschedulable> {
        let asked = &ctx.spec.apps[app];
        let mut why = Unschedulable { nodes: cache.order.len() as u32, ..Unschedulable::default() };
        (1..why.nodes).for_each(|_| why.count(Filter::Pool));
        let here = cache.placed(app).binary_search_by_key(&node, |placed| placed.node).is_ok();
        let refused = match cache.nodes.get(node.index()).filter(|record| record.exists) {
            None => Some(Filter::Pool),
            Some(record) => {
                short_of(asked, record, &machines[node]).or((asked.host_port && here).then_some(Filter::Ports))
            }
        };
        match refused {
            None => Ok(node),
            Some(filter) => {
                why.count(filter);
                Err(why)
            }
        }
    }

    fn gather(&mut self, app: AppId, cache: &Cache, machines: &IdVec<NodeId, Machine>) {
        self.on_host.resize(cache.nodes.len().max(machines.len()), (0, 0));
        self.in_zone.iter_mut().for_each(|zone| *zone = (0, false));
        self.most_on_host = 0;
        for placed in cache.placed(app) {
            self.on_host[placed.node.index()] = (placed.total, placed.live);
            self.most_on_host = self.most_on_host.max(placed.live);
            let zone = machines[placed.node].zone.index();
            if self.in_zone.len() <= zone {
                self.in_zone.resize(zone + 1, (0, false));
            }
            self.in_zone[zone].0 += placed.live;
        }
    }

    /// The smallest domain. Cordoned and tainted nodes form domains too (nodeTaintsPolicy Ignore, the default); nodes
    /// of other pools do not.
    fn fewest(&mut self, asked: &AppSpec, cache: &Cache, machines: &IdVec<NodeId, Machine>) -> u32 {
        let eligible = cache.order.iter().filter(|node| suits_pool(asked, &machines[**node]));
        match asked.spread {
            Spread::Hosts(_) => eligible.map(|node| self.on_host[node.index()].1).min().unwrap_or(0),
            Spread::Zones(_) => {
                for node in eligible {
                    let zone = machines[*node].zone.index();
                    if self.in_zone.len() <= zone {
                        self.in_zone.resize(zone + 1, (0, false));
                    }
                    self.in_zone[zone].1 = true;
                }
                self.in_zone.iter().filter(|zone| zone.1).map(|zone| zone.0).min().unwrap_or(0)
            }
            Spread::Default | Spread::None | Spread::Together | Spread::OnePerHost => 0,
        }
    }

    /// The nodes that fit, of those that the search comes to, with what their resources score: from where the last one
    /// ended to the end of the order, and on from its beginning.
    fn filter(&mut self, wish: Wish<'_>, cache: &mut Cache, machines: &IdVec<NodeId, Machine>) {
        self.feasible.clear();
        self.spread.clear();
        self.spread.resize(cache.zones() * (self.most_on_host as usize + 1), Spreading::default());
        cache.look(wish.id, wish.app, machines);
        let n = cache.order.len();
        let (start, enough) = (self.start % n.max(1), sample(n));
        for (from, to) in [(start, n), (0, start)] {
            let mut place = from;
            while place < to {
                let stretch = place / STRETCH;
                let end = to.min((stretch + 1) * STRETCH);
                let mut open = cache.class(wish.id).open(stretch) & (u64::MAX << (place % STRETCH));
                loop {
                    let at = stretch * STRETCH + open.trailing_zeros() as usize;
                    if at >= end {
                        break;
                    }
                    open &= open - 1;
                    self.consider(wish, cache.order[at], cache, machines);
                    if self.feasible.len() == enough {
                        self.start = (at + 1) % n;
                        return;
                    }
                }
                place = end;
            }
        }
    }

    /// Takes a node that has room among the feasible ones, unless something else rules it out.
    fn consider(&mut self, wish: Wish<'_>, node: NodeId, cache: &Cache, machines: &IdVec<NodeId, Machine>) {
        let (record, machine) = (&cache.nodes[node.index()], &machines[node]);
        if !wish.is_plain() && self.rules_out(wish, node, record, machine).is_some() {
            return;
        }
        let place = machine.zone.index() * (self.most_on_host as usize + 1) + self.on_host[node.index()].1 as usize;
        self.spread[place].fits = true;
        let score = cache.class(wish.id).score(node);
        self.feasible.push(Feasible { node, place: place as u32, score, avoided: record.avoided });
    }

    /// Why no node fits.
    fn why(&self, wish: Wish<'_>, cache: &Cache, machines: &IdVec<NodeId, Machine>) -> Unschedulable {
        let (nodes, volume) = (cache.order.len() as u32, wish.volume);
        let mut why = Unschedulable { nodes, volume, ..Unschedulable::default() };
        let refusal = |node: &NodeId| self.rules_out(wish, *node, &cache.nodes[node.index()], &machines[*node]);
        cache.order.iter().filter_map(refusal).for_each(|filter| why.count(filter));
        why
    }

    fn rules_out(&self, wish: Wish<'_>, node: NodeId, record: &Record, machine: &Machine) -> Option<Filter> {
        let app = wish.app;
        let (here, live) = self.on_host[node.index()];
        let in_zone = || self.in_zone.get(machine.zone.index()).map_or(0, |zone| zone.0);
        if record.cordoned {
            Some(Filter::Cordoned)
        } else if record.tainted {
            Some(Filter::Tainted)
        } else if !suits_pool(app, machine) {
            Some(Filter::Pool)
        } else if wish.volume.is_some_and(|zone| zone != machine.zone) {
            Some(Filter::VolumeZone)
        } else if let Some(short) = short_of(app, record, machine) {
            Some(short)
        } else if app.host_port && here > 0 {
            Some(Filter::Ports)
        } else {
            match app.spread {
                Spread::Hosts(skew) if live + 1 > wish.fewest + skew => Some(Filter::Spread),
                Spread::Zones(skew) if in_zone() + 1 > wish.fewest + skew => Some(Filter::Spread),
                Spread::OnePerHost if here > 0 => Some(Filter::AntiAffinity),
                Spread::Together if here == 0 && !wish.alone => Some(Filter::Affinity),
                Spread::Hosts(_)
                | Spread::Zones(_)
                | Spread::OnePerHost
                | Spread::Together
                | Spread::Default
                | Spread::None => None,
            }
        }
    }

    fn score(&mut self, app: &AppSpec) {
        match app.spread {
            // An app with constraints of its own, or none by wish, has no default ones.
            Spread::None | Spread::Hosts(_) | Spread::Zones(_) => {}
            Spread::Default | Spread::OnePerHost | Spread::Together => self.score_spread(),
        }
        // Fewer PreferNoSchedule taints are better: `tainttoleration.go`, normalised in reverse.
        let avoided = self.feasible.iter().any(|node| node.avoided);
        for node in &mut self.feasible {
            let untainted = if avoided && node.avoided { 0 } else { SCORE_MAX };
            node.score += untainted + self.spread[node.place as usize].score;
        }
    }

    /// Soft default spread: fewer pods of the app on the host and in the zone are better; each count weighs by the
    /// logarithm of how many domains there are. Source: `podtopologyspread/scoring.go`.
    fn score_spread(&mut self) {
        let hosts = self.most_on_host as usize + 1;
        let zones = self.spread.chunks(hosts).filter(|zone| zone.iter().any(|place| place.fits)).count();
        let host_weight = libm::log(self.feasible.len() as f64 + 2.0);
        let zone_weight = libm::log(zones as f64 + 2.0);
        let (mut least, mut most) = (f64::MAX, 0.0_f64);
        for (at, place) in self.spread.iter_mut().enumerate().filter(|(_, place)| place.fits) {
            let in_zone = self.in_zone.get(at / hosts).map_or(0, |zone| zone.0);
            let cost = (at % hosts) as f64 * host_weight
                + f64::from(HOST_SKEW - 1)
                + f64::from(in_zone) * zone_weight
                + f64::from(ZONE_SKEW - 1);
            place.cost = libm::floor(cost + 0.5);
            (least, most) = (least.min(place.cost), most.max(place.cost));
        }
        for place in self.spread.iter_mut().filter(|place| place.fits) {
            let share = SCORE_MAX as f64 * (most + least - place.cost) / most;
            place.score = SPREAD_WEIGHT * if most > 0.0 { share as i64 } else { SCORE_MAX };
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
