//! Node lifecycle controller: finds nodes that fell silent, marks their pods, and taints.
//!
//! Source: `pkg/controller/nodelifecycle/node_lifecycle_controller.go`. The monitor's ticks are events only where one
//! can find something; a tick does the same whether or not those before it were.

use super::cache::has_ended;
use super::desk::{Desk, Errand};
use super::workqueue::Workqueue;
use super::zones::{self, PASS_PERIOD, Zone, ZoneState};
use super::{ControllersEvent, Key};
use crate::base::{Id, Span, Time};
use crate::world::behaviour::Behaviour;
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::ids::{NodeId, ZoneId};
use crate::world::pulse::LEASE_RENEW;
use crate::world::spec::Eviction;
use crate::world::store::{Change, NodeObject, NodeReady, PodObject};

/// `--node-startup-grace-period`: for nodes that were never Ready yet.
const STARTUP_GRACE: Span = Span::secs(60);

/// A node in the controller's memory.
#[derive(Clone, Copy, Debug)]
struct Watched {
    /// The Ready condition as the controller holds it; `None`: no such node.
    ready: Option<NodeReady>,
    was_ready: bool,
    /// Probes before this do not count: a new leader's first, or the end of a full disruption.
    floor: Time,
    /// Whether it should have the NoExecute taint; without such taints, whether its pods were deleted.
    no_execute: bool,
    /// Some of its pods could not be marked; the next tick tries again.
    pods_left: bool,
    /// Its pods are marked once its condition is.
    marks: bool,
}

const UNSEEN: Watched =
    Watched { ready: None, was_ready: false, floor: Time::ZERO, no_execute: false, pods_left: false, marks: false };

/// The controller.
#[derive(Clone, Debug)]
pub(super) struct NodeLifecycle {
    phase: Time,
    default_grace: Span,
    default_eviction: Eviction,
    /// The pending tick.
    tick: Time,
    nodes: Vec<Watched>,
    zones: Vec<Zone>,
    all_full: bool,
    /// Every tick is an event. For tests: outcomes must be the same.
    pub(super) eager: bool,
}

impl NodeLifecycle {
    /// A monitor whose ticks stand at `phase + k * period`. A new leader's first tick is its probe of all nodes.
    pub(super) fn new(phase: Time, behaviour: &Behaviour) -> NodeLifecycle {
        NodeLifecycle {
            phase,
            default_grace: behaviour.node_monitor_grace,
            default_eviction: if behaviour.taint_eviction { Eviction::Taints } else { Eviction::Timeout },
            tick: Time::NEVER,
            nodes: Vec::new(),
            zones: Vec::new(),
            all_full: false,
            eager: false,
        }
    }

    /// A node as a new leader lists it; probes before `floor` do not count.
    pub(super) fn list(&mut self, node: NodeId, floor: Time, desk: &Desk<'_>, ctx: &Ctx<'_>) {
        let object = desk.node(node, ctx);
        *self.watched(node) = Watched {
            ready: object.map(|object| object.ready),
            was_ready: object.is_some_and(|object| object.ready == NodeReady::True),
            floor,
            no_execute: object.is_some_and(|object| object.no_execute.is_some()),
            pods_left: false,
            marks: false,
        };
    }

    /// A Node object was heard of. Its NoSchedule taint follows at once, the rest at the next tick.
    pub(super) fn node_changed(&mut self, node: NodeId, queue: &mut Workqueue, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let heard = desk.node(node, ctx).map(|object| (object.ready, object.no_schedule));
        let watched = self.watched(node);
        if heard.is_none() {
            *watched = UNSEEN;
        }
        let new = watched.ready != heard.map(|(ready, _)| ready);
        watched.ready = heard.map(|(ready, _)| ready);
        watched.was_ready |= watched.ready == Some(NodeReady::True);
        if heard.is_some_and(|(ready, tainted)| tainted != (ready != NodeReady::True)) {
            queue.add(Key::Taints(node), desk, ctx);
        }
        let lost = heard.is_some_and(|(ready, _)| ready == NodeReady::Unknown);
        if lost && std::mem::take(&mut self.watched(node).marks) {
            mark_pods(node, desk, ctx);
        }
        if new {
            self.wake(ctx.now, desk, ctx);
        }
    }

    /// A node's renewals have stopped: the tick that will find out.
    pub(super) fn pulse_stopped(&mut self, node: NodeId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        if let Some(at) = self.detection(node, desk, ctx) {
            self.wake(at, desk, ctx);
        }
    }

    /// Some pods of a lost node, or the node itself, could not be marked.
    pub(super) fn failed(&mut self, node: NodeId, pods: bool, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        self.watched(node).pods_left |= pods;
        self.wake(ctx.now + Span::nanos(1), desk, ctx);
    }

    /// One pass over all nodes: who fell silent, who gets or loses NoExecute, how disturbed the zones are.
    pub(super) fn tick(&mut self, queue: &mut Workqueue, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        if self.tick != ctx.now {
            return;
        }
        self.tick = Time::NEVER;
        let mut counts = vec![(0, 0); self.zones.len()];
        for node in (0..self.nodes.len()).map(NodeId::from_index) {
            let watched = &self.nodes[node.index()];
            if watched.ready.is_none() {
                continue;
            }
            let (zone, renews) = (desk.machines[node].zone, self.renews(node, ctx));
            if self.is_well(node, renews) && counts.get(zone.index()).is_some() {
                counts[zone.index()].0 += 1;
                continue;
            }
            let Some(object) = desk.node(node, ctx) else { continue };
            let object = object.clone();
            let silent = || !renews && self.deadline(node, &object, ctx) <= ctx.now;
            if object.ready != NodeReady::Unknown && silent() {
                self.lose(node, &object, desk, ctx);
            } else {
                let watched = self.watched(node);
                watched.ready = Some(object.ready);
                if std::mem::take(&mut watched.pods_left) && object.ready != NodeReady::True {
                    mark_pods(node, desk, ctx);
                }
            }
            let zone = self.zone(zone);
            counts.resize(self.zones.len(), (0, 0));
            if self.nodes[node.index()].ready == Some(NodeReady::True) {
                counts[zone].0 += 1;
                self.reachable(node, zone, queue, desk, ctx);
            } else {
                counts[zone].1 += 1;
                let due = match self.eviction(ctx) {
                    Eviction::Taints => true,
                    Eviction::Timeout => self.times_out(node, &object, ctx).is_some_and(|due| due <= ctx.now),
                };
                let waits = self.zones[zone].queue.contains(&node);
                if due && !waits && !self.nodes[node.index()].no_execute {
                    self.zones[zone].queue.push_back(node);
                }
            }
        }
        self.disruption(&counts, queue, desk, ctx);
        self.plan_passes(desk, ctx);
        self.plan_tick(desk, ctx);
    }

    /// Lets nodes of a zone's queue pass, as its bucket allows.
    pub(super) fn zone_pass(&mut self, zone: ZoneId, queue: &mut Workqueue, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let index = self.zone(zone);
        if self.zones[index].pass != ctx.now {
            return;
        }
        self.zones[index].pass = Time::NEVER;
        while let Some(node) = self.zones[index].pop(ctx.now) {
            if desk.node(node, ctx).is_some_and(|object| object.ready != NodeReady::True) {
                self.watched(node).no_execute = true;
                match self.eviction(ctx) {
                    Eviction::Taints => queue.add(Key::Taints(node), desk, ctx),
                    Eviction::Timeout => delete_pods(node, desk, ctx),
                }
            } else if self.watched(node).ready != Some(NodeReady::True) {
                // Its loss has not been heard back yet: the next tick queues it again (`SetRemove`).
                self.wake(ctx.now + Span::nanos(1), desk, ctx);
            }
        }
        self.plan_passes(desk, ctx);
    }

    /// One sync of a node's taints.
    pub(super) fn reconcile_taints(&mut self, node: NodeId, queue: &mut Workqueue, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let Some(object) = desk.node(node, ctx) else { return };
        let taints = self.eviction(ctx) == Eviction::Taints;
        let (no_schedule, no_execute) = (object.ready != NodeReady::True, taints && self.watched(node).no_execute);
        let object = desk.node(node, ctx);
        if object.is_some_and(|object| (object.no_schedule, object.no_execute.is_some()) != (no_schedule, no_execute)) {
            queue.sent(Key::Taints(node));
            desk.write(Key::Taints(node), Change::NodeTaints { node, no_schedule, no_execute }, ctx);
        }
    }

    /// A silent node: its condition becomes Unknown; if it was Ready, all its pods are marked not Ready, without
    /// regard to tolerations or the zone's pace. A node whose condition cannot be written is skipped, its pods too: both
    /// are written at once here, but where a webhook may refuse the first.
    fn lose(&mut self, node: NodeId, object: &NodeObject, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let watched = self.watched(node);
        watched.ready = Some(NodeReady::Unknown);
        watched.pods_left = false;
        desk.run(Errand::NodeUnknown, node, Change::NodeStatus { node, ready: NodeReady::Unknown }, ctx);
        if object.ready == NodeReady::True {
            match ctx.spec.may_refuse("UPDATE", "nodes/status") {
                true => self.watched(node).marks = true,
                false => mark_pods(node, desk, ctx),
            }
        }
    }

    fn reachable(&mut self, node: NodeId, zone: usize, queue: &mut Workqueue, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        self.zones[zone].queue.retain(|other| *other != node);
        if std::mem::take(&mut self.watched(node).no_execute) {
            queue.add(Key::Taints(node), desk, ctx);
        }
    }

    /// While no node of any zone is Ready the controller blames itself: no NoExecute taints at all, and afterwards all
    /// clocks start over. Otherwise each zone's state sets its pace.
    fn disruption(&mut self, counts: &[(u32, u32)], queue: &mut Workqueue, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let states: Vec<ZoneState> = counts.iter().map(|(ready, not)| zones::state(*ready, *not)).collect();
        let peopled = |i: &usize| counts[*i] != (0, 0);
        let all = (0..states.len()).filter(peopled).all(|i| states[i] == ZoneState::Full);
        let all = all && counts.iter().any(|count| *count != (0, 0));
        let was = std::mem::replace(&mut self.all_full, all);
        if all && !was {
            for node in desk.machines.ids() {
                let zone = self.zone(desk.machines[node].zone);
                self.reachable(node, zone, queue, desk, ctx);
            }
            self.zones.iter_mut().for_each(|zone| zone.halt(ctx.now));
        } else if was && !all {
            for watched in &mut self.nodes {
                watched.floor = ctx.now;
            }
        }
        if !all {
            for (zone, (state, count)) in self.zones.iter_mut().zip(states.iter().zip(counts)) {
                if was || zone.state != *state {
                    zone.pace(*state, count.0 + count.1, ctx.now);
                }
            }
        }
    }

    fn plan_passes(&mut self, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        for index in 0..self.zones.len() {
            let zone = &mut self.zones[index];
            let Some(at) = zone.next_pass(ctx.now) else { continue };
            // The queues have a clock of their own: a node is not passed in the instant in which it is queued, when
            // its loss could not have been heard back.
            let at = (at + Span::nanos(1)).next_tick(self.phase, PASS_PERIOD);
            if at < zone.pass {
                zone.pass = at;
                let pass = ControllersEvent::ZonePass { master: desk.master, zone: ZoneId::from_index(index) };
                ctx.at(at, Event::Controllers(pass));
            }
        }
    }

    fn plan_tick(&mut self, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let later = ctx.now + Span::nanos(1);
        let retry = self.nodes.iter().any(|watched| watched.pods_left);
        let known = || (0..self.nodes.len()).filter(|at| self.nodes[*at].ready.is_some()).map(NodeId::from_index);
        let detections = known().filter_map(|node| self.detection(node, desk, ctx)).min();
        let evictions = match self.eviction(ctx) {
            Eviction::Taints => None,
            Eviction::Timeout => known().filter_map(|node| self.times_out(node, desk.node(node, ctx)?, ctx)).min(),
        };
        let found = [detections, evictions].into_iter().flatten().min();
        let next = if retry || self.eager { Some(later) } else { found };
        if let Some(at) = next {
            self.wake(at.max(later), desk, ctx);
        }
    }

    /// The deletion of a pod of a lost node failed: the next tick deletes what is left.
    pub(super) fn eviction_failed(&mut self, node: NodeId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        self.watched(node).no_execute = false;
        self.wake(ctx.now + Span::nanos(1), desk, ctx);
    }

    /// Makes the first tick at or after `at` an event.
    pub(super) fn wake(&mut self, at: Time, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let at = at.max(ctx.now).next_tick(self.phase, ctx.spec.control_plane.controllers.node_monitor_period);
        if at < self.tick {
            self.tick = at;
            ctx.at(at, Event::Controllers(ControllersEvent::MonitorTick { master: desk.master }));
        }
    }

    /// When a node that no longer renews will be found; `None` while it renews, or is lost already.
    fn detection(&self, node: NodeId, desk: &Desk<'_>, ctx: &Ctx<'_>) -> Option<Time> {
        if ctx.pulses.is_beating(node) {
            return None;
        }
        let object = desk.node(node, ctx).filter(|object| object.ready != NodeReady::Unknown)?;
        let lost = self.nodes.get(node.index()).is_some_and(|watched| watched.ready == Some(NodeReady::Unknown));
        (!lost).then(|| self.deadline(node, object, ctx))
    }

    /// Whether a tick finds nothing to do for a node: it renews, and was heard of as Ready, and nothing is left to do.
    fn is_well(&self, node: NodeId, renews: bool) -> bool {
        let watched = &self.nodes[node.index()];
        let ready = watched.ready == Some(NodeReady::True);
        renews
            && ready
            && !watched.pods_left
            && !watched.no_execute
            && self.zones.iter().all(|zone| zone.queue.is_empty())
    }

    /// Whether it renews its lease, and more often than anybody would miss a renewal: no tick finds it silent.
    fn renews(&self, node: NodeId, ctx: &Ctx<'_>) -> bool {
        ctx.pulses.is_beating(node) && LEASE_RENEW <= self.grace(ctx).min(STARTUP_GRACE)
    }

    /// The tick that saw the node's last renewal.
    fn probe(&self, node: NodeId, ctx: &Ctx<'_>) -> Time {
        let watched = self.nodes.get(node.index()).copied().unwrap_or(UNSEEN);
        let seen = ctx.pulses.last(node, ctx.now) + ctx.spec.timings.watch.median();
        seen.next_tick(self.phase, ctx.spec.control_plane.controllers.node_monitor_period).max(watched.floor)
    }

    /// From when on a tick finds the node silent: the grace period after the tick that saw its last renewal.
    fn deadline(&self, node: NodeId, object: &NodeObject, ctx: &Ctx<'_>) -> Time {
        let watched = self.nodes.get(node.index()).copied().unwrap_or(UNSEEN);
        let probe = self.probe(node, ctx);
        if watched.was_ready || object.ready != NodeReady::False {
            probe + self.grace(ctx)
        } else {
            probe.max(object.ready_since) + STARTUP_GRACE
        }
    }

    /// From when on a tick lets a lost node's pods be deleted: counted from the last that was heard of the node, not
    /// from the moment at which it was found lost. `None` where taints do that, or it was done.
    /// Source: kubernetes 1.12 `monitorNodeStatus`, probeTimestamp and readyTransitionTimestamp plus podEvictionTimeout.
    fn times_out(&self, node: NodeId, object: &NodeObject, ctx: &Ctx<'_>) -> Option<Time> {
        let asked = &ctx.spec.control_plane.controllers;
        let watched = self.nodes.get(node.index())?;
        if watched.no_execute || self.eviction(ctx) == Eviction::Taints {
            return None;
        }
        match watched.ready? {
            NodeReady::True => None,
            NodeReady::False => Some(object.ready_since + asked.pod_eviction_timeout),
            NodeReady::Unknown => Some(self.probe(node, ctx) + asked.pod_eviction_timeout),
        }
    }

    fn eviction(&self, ctx: &Ctx<'_>) -> Eviction {
        ctx.spec.control_plane.controllers.eviction.unwrap_or(self.default_eviction)
    }

    fn grace(&self, ctx: &Ctx<'_>) -> Span {
        ctx.spec.control_plane.controllers.node_monitor_grace.unwrap_or(self.default_grace)
    }

    fn watched(&mut self, node: NodeId) -> &mut Watched {
        if self.nodes.len() <= node.index() {
            self.nodes.resize(node.index() + 1, UNSEEN);
        }
        &mut self.nodes[node.index()]
    }
    fn zone(&mut self, zone: ZoneId) -> usize {
        while self.zones.len() <= zone.index() {
            self.zones.push(Zone::new());
        }
        zone.index()
    }
}

/// Marks every Ready pod of a node not Ready. Source: `util/node/controller_utils.go` `MarkPodsNotReady`.
fn mark_pods(node: NodeId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
    for (pod, object) in pods_on(node, desk, ctx) {
        if object.ready {
            let change = Change::PodStatus { pod, phase: object.phase, ready: false };
            desk.run(Errand::PodUnready, node, change, ctx);
        }
    }
}

/// Deletes the pods of a lost node, past all budgets, DaemonSets' excepted.
/// Source: `util/node/controller_utils.go` `DeletePods`.
fn delete_pods(node: NodeId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
    for (pod, object) in pods_on(node, desk, ctx) {
        if object.is_live() && !has_ended(object.phase) && !ctx.spec.apps[object.app].is_daemon() {
            desk.run(Errand::PodEviction, node, Change::DeletePod { pod, grace: None }, ctx);
        }
    }
}

/// The pods of a node as the process knows them.
pub(super) fn pods_on(node: NodeId, desk: &Desk<'_>, ctx: &Ctx<'_>) -> Vec<(crate::world::ids::PodId, PodObject)> {
    let known = |pod: &crate::world::ids::PodId| Some((*pod, desk.pod(*pod, ctx)?));
    ctx.store.pods_on(node).iter().filter_map(known).collect()
}
