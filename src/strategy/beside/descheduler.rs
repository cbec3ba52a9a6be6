//! The descheduler: evicts pods that the scheduler would put elsewhere today.

use super::catalog::BesideEntry;
use super::packing::Packing;
use super::setting;
use crate::base::{Name, Span, Time};
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::actor::{Actor, Orders, Poll, Wait};
use crate::strategy::turn::{OrderNumbers, Turn};
use crate::world::command::{Answer, Command};
use crate::world::ids::{AppId, NodeId, PodId, ZoneId};
use crate::world::purpose::Purpose;
use crate::world::reported::{Reported, Sight};
use crate::world::spec::Spread;

/// See [`RECORD`].
pub(super) static DESCHEDULER: BesideEntry =
    BesideEntry { entry: &RECORD, build: |values| Box::new(Descheduler::new(values)) };

static RECORD: Entry = Entry {
    name: "descheduler",
    about: "kubernetes-sigs/descheduler: evicts pods that would stand better elsewhere, every few minutes.",
    details: "Each run it looks for pods of one app that share a node beyond their fair share (RemoveDuplicates), for \
              nodes that much is requested of while others are nearly empty (LowNodeUtilization), and for domains that \
              break topologySpreadConstraints, and asks for the eviction of what is too much. Budgets hold, and what \
              they refuse is left for the next run; so it spends the same budgets as a drain, and brings pods back to \
              nodes that are drained next. Critical pods it leaves alone. Nodes that are cordoned are no place to move \
              to.",
    settings: &SETTINGS,
    sources: &[README, "kubernetes-sigs/descheduler pkg/framework/plugins"],
};

const README: &str = "kubernetes-sigs/descheduler README.md";
const MANIFEST: &str = "kubernetes-sigs/descheduler kubernetes/deployment/deployment.yaml";
const PERCENT: Kind = Kind::Count { min: 0, max: 100 };

static SETTINGS: [Setting; 6] = [
    setting(
        "interval",
        Kind::Duration { min: Span::secs(1), max: Span::mins(24 * 60) },
        "\"5m\"",
        "Time between two runs (--descheduling-interval).",
        MANIFEST,
    ),
    setting("remove_duplicates", Kind::Bool, "true", "Whether RemoveDuplicates is on.", README),
    setting("low_node_utilization", Kind::Bool, "true", "Whether LowNodeUtilization is on.", README),
    setting(
        "topology_spread",
        Kind::Bool,
        "true",
        "Whether RemovePodsViolatingTopologySpreadConstraint is on.",
        README,
    ),
    Setting {
        unit: "percent",
        ..setting(
            "underused_below",
            PERCENT,
            "20",
            "A node of whose CPU, memory and pods less than this is requested is underused (thresholds).",
            README,
        )
    },
    Setting {
        unit: "percent",
        ..setting(
            "overused_above",
            PERCENT,
            "50",
            "A node of which more than this is requested of any is overused (targetThresholds).",
            README,
        )
    },
];

#[derive(Clone, Debug)]
struct Descheduler {
    interval: Span,
    duplicates: bool,
    utilization: bool,
    spread: bool,
    underused: u32,
    overused: u32,
    numbers: OrderNumbers,
}

impl Descheduler {
    fn new(values: &Values) -> Descheduler {
        Descheduler {
            interval: values.span("interval"),
            duplicates: values.flag("remove_duplicates"),
            utilization: values.flag("low_node_utilization"),
            spread: values.flag("topology_spread"),
            underused: values.count("underused_below") as u32,
            overused: values.count("overused_above") as u32,
            numbers: OrderNumbers::default(),
        }
    }

    fn ticks(&self, seen: &Reported<'_>) -> Poll {
        let phase = seen.draw(Purpose::Operator, Name::new("descheduler"), 0).span_below(self.interval);
        Poll { phase: Time::ZERO + phase, period: self.interval }
    }

    /// One run: whom it would evict, in order.
    fn run(&self, seen: &Reported<'_>) -> Vec<PodId> {
        let mut victims = Vec::new();
        if self.duplicates {
            seen.spec.apps.ids().for_each(|app| duplicates(app, seen, &mut victims));
        }
        if self.utilization {
            self.overused(seen, &mut victims);
        }
        if self.spread {
            seen.spec.apps.ids().for_each(|app| skewed(app, seen, &mut victims));
        }
        victims
    }

    /// LowNodeUtilization: from overused nodes, the fullest first, until each is below the target or the underused ones
    /// have taken up to it. Source: plugins/nodeutilization.
    fn overused(&self, seen: &Reported<'_>, victims: &mut Vec<PodId>) {
        let packing = Packing::of(seen);
        let shares = |node: NodeId| {
            let room = packing.rooms.iter().find(|room| room.node == Some(node));
            room.map_or([0; 3], |room| room.shares(seen.spec))
        };
        let pools = |node: &NodeId| seen.instance(*node).pool.is_some();
        let open = packing.rooms.iter().filter(|room| room.is_open()).filter_map(|room| room.node).filter(pools);
        let (mut low, mut high) = (Vec::new(), Vec::new());
        for node in open {
            let shares = shares(node);
            if shares.iter().all(|share| *share < self.underused) {
                low.push(node);
            } else if shares.iter().any(|share| *share > self.overused) {
                high.push((node, shares.iter().sum::<u32>()));
            }
        }
        if low.is_empty() || high.is_empty() {
            return;
        }
        high.sort_by_key(|(node, used)| (std::cmp::Reverse(*used), *node));
        // In thousandths of a node's CPU, memory and pods that the underused ones may still take.
        let mut free = [0_i64; 3];
        for node in &low {
            for (free, share) in free.iter_mut().zip(shares(*node)) {
                *free += (i64::from(self.overused) - i64::from(share)) * 10;
            }
        }
        for (node, _) in high {
            let mut used = shares(node).map(|share| i64::from(share) * 10);
            for pod in evictable(node, victims, seen) {
                let over = used.iter().any(|share| *share > i64::from(self.overused) * 10);
                if !over || free.iter().any(|free| *free <= 0) {
                    break;
                }
                let asked = share_of(pod, node, seen);
                used.iter_mut().zip(asked).for_each(|(used, asked)| *used -= asked);
                free.iter_mut().zip(asked).for_each(|(free, asked)| *free -= asked);
                victims.push(pod);
            }
        }
    }
}

/// What a pod requests of its node's CPU, memory and pods, in thousandths.
fn share_of(pod: PodId, node: NodeId, seen: &Reported<'_>) -> [i64; 3] {
    let app = &seen.spec.apps[seen.store().pods().app(pod)];
    let Some(pool) = seen.instance(node).pool else { return [0; 3] };
    let pool = &seen.spec.pools[pool];
    let share = |asked: u32, all: u32| i64::from(asked) * 1000 / i64::from(all.max(1));
    [share(app.cpu, pool.cpu), share(app.memory, pool.memory), share(1, pool.max_pods)]
}

/// Pods of a node that it may evict: live, neither critical nor a DaemonSet's, not chosen already.
fn evictable(node: NodeId, chosen: &[PodId], seen: &Reported<'_>) -> Vec<PodId> {
    let may = |pod: &PodId| {
        let object = seen.pod(*pod).filter(|object| object.is_live());
        object.is_some_and(|object| may_be_evicted(object.app, seen)) && !chosen.contains(pod)
    };
    seen.pods_on(node).iter().copied().filter(may).collect()
}

/// RemoveDuplicates: of an app's pods on one node those beyond the fair share of the nodes that could take them.
/// Source: plugins/removeduplicates.
fn duplicates(app: AppId, seen: &Reported<'_>, victims: &mut Vec<PodId>) {
    if !may_be_evicted(app, seen) || seen.store().pods_of(app).len() < 2 {
        return;
    }
    let packing = Packing::of(seen);
    let stands =
        |room: &&super::packing::Room| room.is_open() && room.node.is_some_and(|node| in_pool(app, node, seen));
    let nodes: Vec<NodeId> = packing.rooms.iter().filter(stands).filter_map(|room| room.node).collect();
    let on = |node: NodeId| of_app(app, &evictable(node, victims, seen), seen);
    let all: usize =
        seen.store().pods_of(app).iter().filter(|pod| seen.pod(**pod).is_some_and(|p| p.is_live())).count();
    if nodes.len() < 2 {
        return;
    }
    let fair = all.div_ceil(nodes.len());
    let mut more: Vec<PodId> = Vec::new();
    for (node, machine) in seen.instances() {
        if machine.running && seen.node(node).is_some() {
            let own = on(node);
            more.extend(own.get(fair.max(1)..).unwrap_or_default());
        }
    }
    victims.extend(more);
}

/// RemovePodsViolatingTopologySpreadConstraint: from the largest domain to the smallest until the skew holds.
/// Source: plugins/removepodsviolatingtopologyspreadconstraint.
fn skewed(app: AppId, seen: &Reported<'_>, victims: &mut Vec<PodId>) {
    let (skew, by_zone) = match seen.spec.apps[app].spread {
        Spread::Zones(skew) => (skew as usize, true),
        Spread::Hosts(skew) => (skew as usize, false),
        Spread::Default | Spread::None | Spread::Together | Spread::OnePerHost => return,
    };
    if !may_be_evicted(app, seen) {
        return;
    }
    let packing = Packing::of(seen);
    let mut domains: Vec<(Domain, Vec<PodId>)> = Vec::new();
    for room in packing.rooms.iter().filter(|room| room.is_open()) {
        let Some(node) = room.node.filter(|node| in_pool(app, *node, seen)) else { continue };
        let key = (seen.instance(node).zone, (!by_zone).then_some(node));
        let pods = of_app(app, &evictable(node, victims, seen), seen);
        match domains.iter_mut().find(|(other, _)| *other == key) {
            Some((_, own)) => own.extend(pods),
            None => domains.push((key, pods)),
        }
    }
    let mut counts: Vec<usize> = domains.iter().map(|(_, pods)| pods.len()).collect();
    loop {
        let (Some(most), Some(least)) = (
            (0..counts.len()).max_by_key(|at| (counts[*at], *at)),
            (0..counts.len()).min_by_key(|at| (counts[*at], *at)),
        ) else {
            return;
        };
        if counts[most] <= counts[least] + skew {
            return;
        }
        let Some(pod) = domains[most].1.pop() else { return };
        let node = seen.store().pods().now(pod).node;
        if node.is_some_and(|node| packing.fits_elsewhere(app, node, seen.spec)) {
            victims.push(pod);
        }
        (counts[most], counts[least]) = (counts[most] - 1, counts[least] + 1);
    }
}

/// Whether its evictor touches an app's pods. Source: pkg/framework/plugins/defaultevictor.
fn may_be_evicted(app: AppId, seen: &Reported<'_>) -> bool {
    !seen.spec.apps[app].critical && !seen.spec.apps[app].is_daemon()
}

/// A zone, or one host in it.
type Domain = (ZoneId, Option<NodeId>);

fn in_pool(app: AppId, node: NodeId, seen: &Reported<'_>) -> bool {
    match (seen.spec.apps[app].pool, seen.instance(node).pool) {
        (Some(wanted), own) => own == Some(wanted),
        (None, Some(own)) => seen.spec.pools[own].runs_apps,
        (None, None) => seen.spec.control_plane.schedulable,
    }
}

fn of_app(app: AppId, pods: &[PodId], seen: &Reported<'_>) -> Vec<PodId> {
    pods.iter().copied().filter(|pod| seen.store().pods().app(*pod) == app).collect()
}

impl Actor for Descheduler {
    fn act(&mut self, seen: &Reported<'_>, answers: &[Answer], orders: &mut Orders) -> Wait {
        let ticks = self.ticks(seen);
        let mut numbers = self.numbers;
        let mut turn = Turn::new(seen, answers, orders, &mut numbers);
        if seen.api.is_ok() && ticks.ticks_at(seen.now) {
            let victims = self.run(seen);
            if !victims.is_empty() {
                turn.remark(format!("asks for the eviction of {} pods", victims.len()));
            }
            for pod in victims {
                turn.give(Command::Evict { pod, grace: None });
            }
        }
        // Refused evictions are not tried again; whether the next run finds anything new depends on what has changed.
        turn.poll(ticks, Sight::Anything);
        if seen.now == Time::ZERO {
            turn.until(ticks.after(seen.now));
        }
        let wait = turn.wait;
        self.numbers = numbers;
        wait
    }

    fn boxed_clone(&self) -> Box<dyn Actor> {
        Box::new(self.clone())
    }
}
