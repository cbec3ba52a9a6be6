//! The cluster autoscaler: more machines for pods that find no room, fewer where little is requested.

use super::catalog::BesideEntry;
use super::packing::{Packing, pods_to_move};
use super::setting;
use crate::base::{Id, Name, Ratio, Span, Time};
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::actor::{Actor, Orders, Poll, Wait};
use crate::strategy::drain::{Drain, DrainSettings};
use crate::strategy::turn::{OrderNumbers, Turn};
use crate::world::command::{Answer, Command};
use crate::world::ids::{AppId, NodeId, PoolId, ZoneId};
use crate::world::purpose::Purpose;
use crate::world::reported::{Reported, Sight};
use crate::world::store::NodeReady;

/// See [`RECORD`].
pub(super) static CLUSTER_AUTOSCALER: BesideEntry =
    BesideEntry { entry: &RECORD, build: |values| Box::new(ClusterAutoscaler::new(values)) };

static RECORD: Entry = Entry {
    name: "cluster-autoscaler",
    about: "kubernetes/autoscaler: grows groups for pods that find no room, removes nodes that little is requested of.",
    details: "It minds the pools that have a `max_size`. Every scan it looks for pods without a node that would find no \
              room on any node, nor on any machine that is on its way, and grows a group by as many machines as they \
              need: of several that would help one at random (the default expander). A machine that has not registered \
              after max_node_provision_time is given up, and its group left alone for a while. A node whose requests \
              stay below the threshold, and whose pods would all find room elsewhere, is removed after unneeded_time: \
              up to ten empty ones at once, others one at a time, tainted (here: cordoned) and drained through budgets \
              for at most two minutes. It knows nothing of an upgrade: a machine launched ahead of a drain is a node \
              that nobody needs, and one that a plan has emptied, too. Its timers begin with the run.",
    settings: &SETTINGS,
    sources: &[FAQ, "kubernetes/autoscaler cluster-autoscaler/config/const.go, core/scaledown, core/scaleup"],
};

const FAQ: &str = "kubernetes/autoscaler cluster-autoscaler/FAQ.md";
const SPAN: Kind = Kind::Duration { min: Span::secs(1), max: Span::mins(24 * 60) };

static SETTINGS: [Setting; 11] = [
    setting("scan_interval", SPAN, "\"10s\"", "Time between two scans (--scan-interval).", FAQ),
    setting("scale_down", Kind::Bool, "true", "Whether it removes nodes (--scale-down-enabled).", FAQ),
    setting(
        "utilization_threshold",
        Kind::Ratio,
        "0.5",
        "A node is a candidate while the larger of the shares of CPU and memory that its pods request is below \
         (--scale-down-utilization-threshold).",
        FAQ,
    ),
    setting("unneeded_time", SPAN, "\"10m\"", "So long it must be one (--scale-down-unneeded-time).", FAQ),
    setting("unready_time", SPAN, "\"20m\"", "The same for a node that is not Ready (--scale-down-unready-time).", FAQ),
    setting(
        "delay_after_add",
        SPAN,
        "\"10m\"",
        "No node is removed for so long after a group was grown by it (--scale-down-delay-after-add).",
        FAQ,
    ),
    setting(
        "delay_after_failure",
        SPAN,
        "\"3m\"",
        "No node is removed for so long after a removal failed (--scale-down-delay-after-failure).",
        FAQ,
    ),
    setting(
        "max_graceful_termination",
        SPAN,
        "\"600s\"",
        "Longest grace period that it leaves a pod (--max-graceful-termination-sec).",
        FAQ,
    ),
    setting(
        "max_pod_eviction_time",
        SPAN,
        "\"2m\"",
        "How long it tries to evict a pod that a budget keeps before it gives the node up; --max-pod-eviction-time.",
        "kubernetes/autoscaler cluster-autoscaler/core/scaledown/actuation/drain.go: DefaultPodEvictionTimeout",
    ),
    setting(
        "max_node_provision_time",
        SPAN,
        "\"15m\"",
        "A machine that is not a node by then is given up (--max-node-provision-time).",
        FAQ,
    ),
    setting(
        "skip_critical",
        Kind::Bool,
        "true",
        "Whether nodes with pods of kube-system keep it off: those whose app is critical \
         (--skip-nodes-with-system-pods).",
        FAQ,
    ),
];

/// Empty nodes removed at once. Source: --max-scale-down-parallelism, --max-empty-bulk-delete.
const EMPTY_AT_ONCE: usize = 10;
/// From the taint until the machine is deleted. Source: --node-delete-delay-after-taint.
const DELAY_AFTER_TAINT: Span = Span::secs(5);
/// Wait before an eviction that was refused is tried again. Source: core/scaledown/actuation/drain.go, EvictionRetryTime.
const EVICTION_RETRY: Span = Span::secs(10);
/// Time that a pod has to go beyond its grace. Source: the same file, PodEvictionHeadroom.
const TERMINATION_HEADROOM: Span = Span::secs(30);
/// A group whose machine did not come is left alone for so long at first, and at most.
/// Source: --initial-node-group-backoff-duration, --max-node-group-backoff-duration.
const BACKOFF: (Span, Span) = (Span::mins(5), Span::mins(30));
/// With more unready nodes than this, and a larger share than that, it stops acting.
/// Source: --ok-total-unready-count, --max-total-unready-percentage.
const UNREADY_MAX: (usize, usize) = (3, 45);

/// A machine that was ordered and is not a Ready node yet.
#[derive(Clone, Copy, Debug)]
struct Ordered {
    pool: PoolId,
    slot: u32,
    at: Time,
    /// Machines launched before it have ids below this.
    from: usize,
}

/// A node on its way out.
#[derive(Clone, Debug)]
struct Leaving {
    node: NodeId,
    empty: bool,
    drain: Drain,
    /// Evictions that are still refused then are given up, and the node with them.
    tried_until: Time,
    /// It is empty, and deleted at this moment.
    deleted: Option<Time>,
}

#[derive(Clone, Debug)]
struct ClusterAutoscaler {
    scan: Span,
    scale_down: bool,
    threshold: Ratio,
    unneeded_time: Span,
    unready_time: Span,
    delay_after_add: Span,
    delay_after_failure: Span,
    grace_max: Span,
    eviction_time: Span,
    provision_time: Span,
    skip_critical: bool,
    numbers: OrderNumbers,
    ordered: Vec<Ordered>,
    /// Nodes that it could remove, and since when.
    unneeded: Vec<(NodeId, Time)>,
    leaving: Vec<Leaving>,
    /// No node is removed before this.
    rests_until: Time,
    /// Groups that are left alone, until when, and how long the next time.
    backoff: Vec<(PoolId, Time, Span)>,
    /// Growths so far; draws are counted by it.
    choices: u64,
}

impl ClusterAutoscaler {
    fn new(values: &Values) -> ClusterAutoscaler {
        ClusterAutoscaler {
            scan: values.span("scan_interval"),
            scale_down: values.flag("scale_down"),
            threshold: values.ratio("utilization_threshold"),
            unneeded_time: values.span("unneeded_time"),
            unready_time: values.span("unready_time"),
            delay_after_add: values.span("delay_after_add"),
            delay_after_failure: values.span("delay_after_failure"),
            grace_max: values.span("max_graceful_termination"),
            eviction_time: values.span("max_pod_eviction_time"),
            provision_time: values.span("max_node_provision_time"),
            skip_critical: values.flag("skip_critical"),
            numbers: OrderNumbers::default(),
            ordered: Vec::new(),
            unneeded: Vec::new(),
            leaving: Vec::new(),
            rests_until: Time::ZERO,
            backoff: Vec::new(),
            choices: 0,
        }
    }

    fn ticks(&self) -> Poll {
        Poll { phase: Time::ZERO, period: self.scan }
    }

    /// Machines of a group that are there or on their way.
    fn size(&self, pool: PoolId, seen: &Reported<'_>) -> u32 {
        let own = |machine: &crate::world::reported::Instance| {
            machine.running && !machine.detached && machine.pool == Some(pool)
        };
        let there = seen.instances().filter(|(_, machine)| own(machine)).count();
        let awaited = self.ordered.iter().filter(|order| order.pool == pool && order.machine(seen).is_none()).count();
        (there + awaited) as u32
    }

    /// Orders that have come, and those that are given up.
    fn settle(&mut self, turn: &mut Turn<'_, '_>) {
        let (now, seen) = (turn.now(), turn.seen);
        for order in std::mem::take(&mut self.ordered) {
            let machine = order.machine(seen);
            let ready = machine.and_then(|node| seen.node(node)).is_some_and(|node| node.ready == NodeReady::True);
            let registered = machine.is_some_and(|node| seen.node(node).is_some());
            if ready {
                self.backoff.retain(|(pool, _, _)| *pool != order.pool);
            } else if registered || now < order.at + self.provision_time {
                self.ordered.push(order);
            } else {
                match machine {
                    Some(node) => turn.give(Command::Retire(node)),
                    None => turn.give(Command::Forgo { pool: order.pool, slot: order.slot }),
                };
                self.back_off(order.pool, now);
                let name = &seen.spec.pools[order.pool].name;
                turn.remark(format!("a machine of {name} did not register in {}: given up", self.provision_time));
            }
        }
    }

    fn back_off(&mut self, pool: PoolId, now: Time) {
        match self.backoff.iter_mut().find(|(other, _, _)| *other == pool) {
            Some((_, until, next)) => {
                (*until, *next) = (now + *next, (*next * 2).min(BACKOFF.1));
            }
            None => self.backoff.push((pool, now + BACKOFF.0, BACKOFF.0 * 2)),
        }
    }

    fn is_backed_off(&self, pool: PoolId, now: Time) -> bool {
        self.backoff.iter().any(|(other, until, _)| *other == pool && now < *until)
    }

    /// Nodes as they are, with the machines that are on their way to its groups.
    fn upcoming(&self, seen: &Reported<'_>) -> Packing {
        let (now, mut packing) = (seen.now, Packing::of(seen));
        for (node, machine) in seen.instances() {
            let Some(pool) = machine.pool.filter(|pool| seen.spec.pools[*pool].size.is_some()) else { continue };
            match seen.node(node).filter(|_| machine.running) {
                None if machine.running => packing.add(pool, machine.zone, seen.spec),
                // Registered, and not Ready for the first time yet.
                Some(object) if object.ready == NodeReady::False && now < object.registered + self.provision_time => {
                    packing.will_open(node);
                }
                Some(_) | None => {}
            }
        }
        for order in self.ordered.iter().filter(|order| order.machine(seen).is_none()) {
            packing.add(order.pool, zone_of(order.pool, order.slot, seen), seen.spec);
        }
        packing
    }

    /// Pods that find no room, by app.
    fn homeless(&self, packing: &mut Packing, seen: &Reported<'_>) -> Vec<AppId> {
        // A DaemonSet's pod fits its own node or none.
        let apps = seen.spec.apps.ids().filter(|app| !seen.spec.apps[*app].is_daemon());
        let waiting = apps.flat_map(|app| {
            let pods = seen.store().pods_of(app).iter().filter_map(|pod| seen.pod(*pod));
            pods.filter(|pod| pod.node.is_none() && pod.is_live()).map(move |_| app)
        });
        waiting.filter(|app| !packing.place(*app, seen.spec)).collect()
    }

    /// Grows a group for the pods that find no room; whether it did.
    fn scale_up(&mut self, packing: &Packing, homeless: &[AppId], turn: &mut Turn<'_, '_>) -> bool {
        let (now, seen) = (turn.now(), turn.seen);
        let mut helping: Vec<(PoolId, Vec<u32>)> = Vec::new();
        for (pool, asked) in seen.spec.pools.entries() {
            let Some((_, most)) = asked.size.filter(|_| !self.is_backed_off(pool, now)) else { continue };
            let mut free = most.saturating_sub(self.size(pool, seen));
            let (mut tried, mut slots) = (packing.clone(), Vec::new());
            for app in homeless {
                if tried.place(*app, seen.spec) || free == 0 {
                    continue;
                }
                let slot = self.free_slot(pool, &slots, seen);
                let mut grown = tried.clone();
                grown.add(pool, zone_of(pool, slot, seen), seen.spec);
                if grown.place(*app, seen.spec) {
                    (tried, free) = (grown, free - 1);
                    slots.push(slot);
                }
            }
            if !slots.is_empty() {
                helping.push((pool, slots));
            }
        }
        if helping.is_empty() {
            return false;
        }
        let mut draw = seen.draw(Purpose::Operator, Name::new("expander"), self.choices);
        self.choices += 1;
        let (pool, slots) = helping.swap_remove(draw.below(helping.len() as u64) as usize);
        let name = &seen.spec.pools[pool].name;
        turn.remark(format!("{} pods find no room: {name} grows by {}", homeless.len(), slots.len()));
        for slot in slots {
            turn.give(Command::Grow { pool, slot });
            self.ordered.push(Ordered { pool, slot, at: now, from: seen.machines() });
        }
        self.rests_until = self.rests_until.max(now + self.delay_after_add);
        true
    }

    fn free_slot(&self, pool: PoolId, claimed: &[u32], seen: &Reported<'_>) -> u32 {
        let taken = |slot: u32| {
            claimed.contains(&slot)
                || self.ordered.iter().any(|order| order.pool == pool && order.slot == slot)
                || seen.instances().any(|(_, m)| m.running && m.pool == Some(pool) && m.slot == slot)
        };
        (0..u32::MAX).find(|slot| !taken(*slot)).unwrap_or(u32::MAX)
    }

    /// Which nodes it could remove now, and since when.
    fn find_unneeded(&mut self, packing: &Packing, turn: &Turn<'_, '_>) {
        let (now, seen) = (turn.now(), turn.seen);
        let mut packing = packing.clone();
        let mut left: Vec<(PoolId, u32)> = seen.spec.pools.ids().map(|pool| (pool, self.size(pool, seen))).collect();
        let mut unneeded = Vec::new();
        for (node, machine) in seen.instances() {
            let Some(pool) = machine.pool.filter(|_| machine.running && !machine.detached) else { continue };
            let Some((least, _)) = seen.spec.pools[pool].size else { continue };
            let Some((_, left)) = left.iter_mut().find(|(other, _)| *other == pool) else { continue };
            if *left <= least || seen.node(node).is_none() || !self.is_removable(node, &packing, seen) {
                continue;
            }
            if packing.empty(node, &pods_to_move(node, seen), seen.spec) {
                *left -= 1;
                let since = self.unneeded.iter().find(|(other, _)| *other == node).map_or(now, |(_, since)| *since);
                unneeded.push((node, since));
            }
        }
        self.unneeded = unneeded;
    }

    fn is_removable(&self, node: NodeId, packing: &Packing, seen: &Reported<'_>) -> bool {
        let critical = pods_to_move(node, seen).iter().any(|app| seen.spec.apps[*app].critical);
        let Some(room) = packing.rooms.iter().find(|room| room.node == Some(node)) else { return false };
        let unready = seen.node(node).is_some_and(|object| object.ready != NodeReady::True);
        let low = f64::from(room.used(seen.spec)) < self.threshold.as_f64() * 1000.0;
        (low || unready) && !(self.skip_critical && critical)
    }

    /// When a node may go that it could remove since then.
    fn due(&self, node: NodeId, since: Time, seen: &Reported<'_>) -> Time {
        let unready = seen.node(node).is_some_and(|object| object.ready != NodeReady::True);
        let wait = if unready { self.unready_time } else { self.unneeded_time };
        (since + wait).max(self.rests_until)
    }

    /// Removes what may go: empty nodes together, another one at a time.
    fn scale_down(&mut self, turn: &mut Turn<'_, '_>) {
        let (now, seen) = (turn.now(), turn.seen);
        for (node, since) in self.unneeded.clone() {
            let known = self.leaving.iter().any(|leaving| leaving.node == node);
            if known || now < self.due(node, since, seen) || self.leaving.len() >= EMPTY_AT_ONCE {
                continue;
            }
            let empty = pods_to_move(node, seen).is_empty();
            if !empty && self.leaving.iter().any(|leaving| !leaving.empty) {
                continue;
            }
            let longest =
                pods_to_move(node, seen).iter().map(|app| seen.spec.apps[*app].grace).max().unwrap_or_default();
            let how = DrainSettings {
                retry: EVICTION_RETRY,
                timeout: Some(self.eviction_time + longest.min(self.grace_max) + TERMINATION_HEADROOM),
                // A shorter grace than the pods', where one asks for too long.
                grace: (longest > self.grace_max).then_some(self.grace_max),
                ..DrainSettings::new()
            };
            let tried_until = now + self.eviction_time;
            let label = &seen.instance(node).label;
            turn.remark(format!("{label} is not needed since {since}: it is removed"));
            self.leaving.push(Leaving {
                node,
                empty,
                drain: Drain::cordon_first(node, how),
                tried_until,
                deleted: None,
            });
        }
    }

    /// Nodes on their way out go on.
    fn step_leaving(&mut self, turn: &mut Turn<'_, '_>) {
        let now = turn.now();
        for mut leaving in std::mem::take(&mut self.leaving) {
            let label = turn.seen.instance(leaving.node).label.clone();
            if !turn.seen.instance(leaving.node).running {
                continue;
            }
            if let Some(at) = leaving.deleted {
                if now >= at {
                    turn.give(Command::Retire(leaving.node));
                } else {
                    self.leaving.push(leaving);
                }
                continue;
            }
            let why = match leaving.drain.step(turn) {
                None if leaving.drain.is_refused() && now >= leaving.tried_until => {
                    Some(format!("{label} stays: a budget refused for {}", self.eviction_time))
                }
                None => {
                    self.leaving.push(leaving);
                    continue;
                }
                Some(drained) => drained.failure(&label, turn.seen),
            };
            match why {
                None => {
                    leaving.deleted = Some(now + DELAY_AFTER_TAINT);
                    self.leaving.push(leaving);
                }
                Some(why) => {
                    turn.remark(why);
                    turn.give(Command::Uncordon(leaving.node));
                    self.rests_until = self.rests_until.max(now + self.delay_after_failure);
                    self.unneeded.retain(|(node, _)| *node != leaving.node);
                }
            }
        }
    }

    /// Too many nodes are not Ready: it keeps its hands off.
    fn is_unhealthy(seen: &Reported<'_>) -> bool {
        let nodes = seen.instances().filter_map(|(node, machine)| seen.node(node).filter(|_| machine.running));
        let (mut all, mut unready) = (0, 0);
        for object in nodes {
            all += 1;
            unready += usize::from(object.ready != NodeReady::True);
        }
        unready > UNREADY_MAX.0 && unready * 100 > all * UNREADY_MAX.1
    }

    fn scan(&mut self, turn: &mut Turn<'_, '_>) {
        self.settle(turn);
        if Self::is_unhealthy(turn.seen) {
            return;
        }
        let mut packing = self.upcoming(turn.seen);
        let homeless = self.homeless(&mut packing, turn.seen);
        if !homeless.is_empty() && self.scale_up(&packing, &homeless, turn) {
            self.unneeded.clear();
            return;
        }
        if self.scale_down {
            self.find_unneeded(&packing, turn);
            self.scale_down(turn);
        }
    }

    fn arm(&self, turn: &mut Turn<'_, '_>) {
        let (now, ticks) = (turn.now(), self.ticks());
        turn.poll(ticks, Sight::Anything);
        for leaving in &self.leaving {
            match leaving.deleted {
                Some(at) => turn.until(at),
                None => {
                    leaving.drain.arm(turn);
                    if now < leaving.tried_until {
                        turn.until(leaving.tried_until);
                    }
                }
            }
        }
        let due = self.unneeded.iter().filter(|(node, _)| !self.leaving.iter().any(|leaving| leaving.node == *node));
        let due = due.map(|(node, since)| self.due(*node, *since, turn.seen));
        let given_up = self.ordered.iter().map(|order| order.at + self.provision_time);
        let again = self.backoff.iter().map(|(_, until, _)| *until);
        if let Some(next) = due.chain(given_up).chain(again).filter(|at| *at > now).min() {
            turn.until(ticks.from(next));
        }
    }
}

impl Ordered {
    /// Its machine, once it was launched.
    fn machine(&self, seen: &Reported<'_>) -> Option<NodeId> {
        let takes = |node: &NodeId| {
            let machine = seen.instance(*node);
            machine.running && machine.pool == Some(self.pool) && machine.slot == self.slot
        };
        (self.from..seen.machines()).map(NodeId::from_index).find(takes)
    }
}

fn zone_of(pool: PoolId, slot: u32, seen: &Reported<'_>) -> ZoneId {
    ZoneId(slot % seen.spec.pools[pool].zones.max(1))
}

impl Actor for ClusterAutoscaler {
    fn act(&mut self, seen: &Reported<'_>, answers: &[Answer], orders: &mut Orders) -> Wait {
        let mut numbers = self.numbers;
        let mut turn = Turn::new(seen, answers, orders, &mut numbers);
        self.step_leaving(&mut turn);
        if seen.api.is_ok() && self.ticks().ticks_at(seen.now) {
            self.scan(&mut turn);
            self.step_leaving(&mut turn);
        }
        self.arm(&mut turn);
        let wait = turn.wait;
        self.numbers = numbers;
        wait
    }

    fn boxed_clone(&self) -> Box<dyn Actor> {
        Box::new(self.clone())
    }
}
