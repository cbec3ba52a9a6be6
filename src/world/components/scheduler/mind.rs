//! A scheduler's process while it leads: its cache, its queue, and the pod whose cycle runs.

use std::collections::BTreeMap;

use super::SchedulerEvent;
use super::cache::Cache;
use super::placing::{Placing, on_its_node, short_of_room};
use super::preemption;
use super::queue::Queue;
use super::record::{Machine, short_of};
use super::unschedulable::Unschedulable;
use crate::base::{Id, IdVec, Time};
use crate::world::behaviour::Behaviour;
use crate::world::effects::{Ctx, Outcome, Reply, ReplyTo};
use crate::world::event::Event;
use crate::world::ids::{AppId, ClientId, MasterId, NodeId, PodId, ZoneId};
use crate::world::lease::pack;
use crate::world::purpose::Purpose;
use crate::world::spec::AppSpec;
use crate::world::store::{Change, PodObject, Revision, Touched};

/// The kind of a binding's token.
pub(super) const BIND: u32 = 1;

/// A leading scheduler, or the one that builds the start of a run.
#[derive(Clone, Debug)]
pub(super) struct Mind {
    master: MasterId,
    client: ClientId,
    incarnation: u32,
    behaviour: Behaviour,
    cursor: Revision,
    cache: Cache,
    placing: Placing,
    queue: Queue,
    /// Pods that pods of less priority were deleted for, and the node where they will find room.
    nominated: Vec<(PodId, NodeId)>,
    /// Why pods found no node when they were last tried.
    pending: BTreeMap<PodId, Unschedulable>,
    /// The pod in its cycle, its attempt, and when the cycle ends.
    cycle: Option<(PodId, u32, Time)>,
}

impl Mind {
    /// A process that knows nothing yet.
    pub(super) fn new(
        (master, client): (MasterId, ClientId),
        incarnation: u32,
        behaviour: Behaviour,
        apps: &IdVec<AppId, AppSpec>,
    ) -> Mind {
        Mind {
            master,
            client,
            incarnation,
            behaviour,
            cursor: Revision(0),
            cache: Cache::new(apps),
            placing: Placing::default(),
            queue: Queue::default(),
            nominated: Vec::new(),
            pending: BTreeMap::new(),
            cycle: None,
        }
    }

    /// Reads everything as of `at`; pods without a node are queued where `queues` says so.
    pub(super) fn list(&mut self, at: Revision, queues: bool, machines: &IdVec<NodeId, Machine>, ctx: &mut Ctx<'_>) {
        self.cursor = at;
        self.cache.learn(machines);
        for node in machines.ids() {
            if let Some(object) = ctx.store.nodes().at(node, at) {
                self.cache.absorb_node(node, object, machines);
            }
        }
        for pod in ctx.store.pods().ids() {
            if let Some(object) = ctx.store.pods().at(pod, at) {
                self.cache.absorb_pod(pod, &object, ctx);
                self.sort_in(pod, &object, queues, ctx);
            }
        }
        if queues {
            self.move_all(ctx);
        }
    }

    /// Its watch has moved; the start of a run is built without a queue.
    pub(super) fn heard(
        &mut self,
        from: Revision,
        to: Revision,
        queues: bool,
        machines: &IdVec<NodeId, Machine>,
        ctx: &mut Ctx<'_>,
    ) {
        if to <= self.cursor {
            return;
        }
        let store = ctx.store;
        let Some(touched) = store.touched(from.max(self.cursor), to) else {
            return self.list(to, queues, machines, ctx);
        };
        self.cursor = to;
        self.cache.learn(machines);
        let mut helps = false;
        for touched in touched {
            match touched {
                Touched::Pod(pod) => {
                    let Some(object) = store.pods().at(pod, to) else { continue };
                    helps |= self.cache.absorb_pod(pod, &object, ctx);
                    self.sort_in(pod, &object, queues, ctx);
                }
                Touched::Node(node) => {
                    let Some(object) = store.nodes().at(node, to) else { continue };
                    helps |= self.cache.absorb_node(node, object, machines);
                }
                Touched::Endpoint(_)
                | Touched::Budget(_)
                | Touched::Set(_)
                | Touched::Deployment(_)
                | Touched::Lease(_)
                | Touched::Volume(_) => {}
            }
        }
        if helps && queues {
            self.move_all(ctx);
        }
        if queues {
            self.next_cycle(ctx);
        }
    }

    /// Decides for one pod and assumes the decision.
    pub(super) fn place(
        &mut self,
        pod: PodId,
        attempt: u32,
        machines: &IdVec<NodeId, Machine>,
        ctx: &Ctx<'_>,
    ) -> Result<NodeId, Unschedulable> {
        let object = ctx.store.pods().now(pod);
        let held = self.hold_nominated(pod, ctx);
        let found = self.find(pod, attempt, machines, ctx);
        self.cache.release(&held);
        let node = found?;
        self.cache.assume(pod, object.app, node, ctx);
        Ok(node)
    }

    /// The node where it has made room, if that takes it; else any.
    fn find(
        &mut self,
        pod: PodId,
        attempt: u32,
        machines: &IdVec<NodeId, Machine>,
        ctx: &Ctx<'_>,
    ) -> Result<NodeId, Unschedulable> {
        let object = ctx.store.pods().now(pod);
        let nominated = self.nominated.iter().find(|(other, _)| *other == pod).map(|(_, node)| *node);
        if let Some(node) = nominated
            && short_of_room((object.app, zone_of_volume(pod, ctx)), (&self.cache, machines), ctx).contains(&node)
            && short_of(&ctx.spec.apps[object.app], &self.cache.nodes[node.index()], &machines[node]).is_none()
        {
            return Ok(node);
        }
        match ctx.store.daemon_node(pod, ctx.spec) {
            Some(node) => on_its_node(object.app, node, (&self.cache, machines), ctx),
            None => {
                let volume = zone_of_volume(pod, ctx);
                self.placing.decide(
                    (object.app, volume),
                    ctx.store.pods().name(pod),
                    u64::from(attempt),
                    (&mut self.cache, machines),
                    ctx,
                )
            }
        }
    }

    /// Room that was made for others of no less priority counts as taken.
    /// Source: `RunFilterPluginsWithNominatedPods` of `pkg/scheduler/framework/runtime/framework.go`.
    fn hold_nominated(&mut self, pod: PodId, ctx: &Ctx<'_>) -> Vec<(NodeId, u32, u32)> {
        let priority = |pod: PodId| ctx.spec.apps[ctx.store.pods().app(pod)].priority;
        let others = self.nominated.iter().filter(|(other, _)| *other != pod && priority(*other) >= priority(pod));
        let held: Vec<_> = others
            .map(|(other, node)| {
                let app = &ctx.spec.apps[ctx.store.pods().app(*other)];
                (*node, app.cpu, app.memory)
            })
            .collect();
        self.cache.take(&held);
        held
    }

    /// Why a pod that waits found no node.
    pub(super) fn why_pending(&self, pod: PodId) -> Option<Unschedulable> {
        self.pending.get(&pod).copied()
    }

    /// A scheduling cycle ends: the pod is bound, or put back.
    pub(super) fn end_cycle(&mut self, machines: &IdVec<NodeId, Machine>, ctx: &mut Ctx<'_>) {
        let Some((pod, attempt, at)) = self.cycle else { return };
        if at != ctx.now {
            return;
        }
        self.cycle = None;
        if self.queue.contains(pod) && self.cache.node_of(pod).is_none() {
            match self.place(pod, attempt, machines, ctx) {
                Ok(node) => {
                    let token = pack(BIND, self.incarnation, pod.index());
                    let reply = Reply::Always(ReplyTo::Scheduler { master: self.master, token });
                    ctx.write(self.client, Change::Bind { pod, node }, reply);
                }
                Err(why) => {
                    self.pending.insert(pod, why);
                    self.preempt(pod, attempt, machines, ctx);
                    self.put_back(pod, false, ctx);
                }
            }
        }
        self.next_cycle(ctx);
    }

    /// The API's answer to a binding. After a failure the pod's place is free again, and it is tried anew.
    pub(super) fn bound(&mut self, pod: PodId, result: Outcome, ctx: &mut Ctx<'_>) {
        let app = ctx.store.pods().app(pod);
        if result.is_err() && self.cache.forget(pod, app, ctx) {
            self.put_back(pod, true, ctx);
        }
    }

    /// A pod's back-off, or its longest stay among the unschedulable, is over.
    pub(super) fn flush(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        self.queue.flush(pod, ctx.now);
        self.next_cycle(ctx);
    }

    /// Deletes pods of less priority where that makes room, and keeps the room for this one.
    fn preempt(&mut self, pod: PodId, attempt: u32, machines: &IdVec<NodeId, Machine>, ctx: &mut Ctx<'_>) {
        let known = self.nominated.iter().find(|(other, _)| *other == pod).map(|(_, node)| *node);
        let nodes = |cache: &Cache, app| match ctx.store.daemon_node(pod, ctx.spec) {
            Some(node) => vec![node],
            None => short_of_room((app, zone_of_volume(pod, ctx)), (cache, machines), ctx),
        };
        let app = ctx.store.pods().app(pod);
        if !preemption::may(pod, known, self.cursor, ctx) {
            return;
        }
        let nodes = nodes(&self.cache, app);
        let Some(found) = preemption::choose(pod, attempt, nodes, (&self.cache, machines, self.cursor), ctx) else {
            return;
        };
        let priority = |pod: PodId| ctx.spec.apps[ctx.store.pods().app(pod)].priority;
        self.nominated
            .retain(|(other, node)| *other != pod && (*node != found.node || priority(*other) >= priority(pod)));
        self.nominated.push((pod, found.node));
        for victim in found.victims {
            if ctx.store.pods().at(victim, self.cursor).is_some_and(PodObject::is_live) {
                ctx.write(self.client, Change::Preempt { pod: victim, by: pod }, Reply::Never);
            }
        }
    }

    fn sort_in(&mut self, pod: PodId, object: &PodObject, queues: bool, ctx: &Ctx<'_>) {
        if object.node.is_some() || !object.is_live() {
            self.queue.remove(pod);
            if !self.pending.is_empty() {
                self.pending.remove(&pod);
                self.nominated.retain(|(other, _)| *other != pod);
            }
        } else if queues && !self.queue.contains(pod) {
            self.queue.add(pod, ctx.spec.apps[object.app].priority, ctx.now);
        }
    }

    fn put_back(&mut self, pod: PodId, error: bool, ctx: &mut Ctx<'_>) {
        if let Some(at) = self.queue.put_back(pod, error, ctx.now, self.behaviour.unschedulable_flush) {
            ctx.at(at, Event::Scheduler(SchedulerEvent::Flush { master: self.master, pod }));
        }
    }

    fn move_all(&mut self, ctx: &mut Ctx<'_>) {
        for (pod, at) in self.queue.move_all(ctx.now) {
            ctx.at(at, Event::Scheduler(SchedulerEvent::Flush { master: self.master, pod }));
        }
    }

    /// Begins the next cycle if none runs. Cycles are serial; bindings are written beside them.
    pub(super) fn next_cycle(&mut self, ctx: &mut Ctx<'_>) {
        if self.cycle.is_some() {
            return;
        }
        let Some((pod, attempt)) = self.queue.pop() else { return };
        let name = ctx.store.pods().name(pod);
        let mut draw = ctx.draw(Purpose::SchedulingCycle, name, u64::from(attempt));
        let at = ctx.now + ctx.spec.timings.scheduling.sample(&mut draw);
        self.cycle = Some((pod, attempt, at));
        ctx.at(at, Event::Scheduler(SchedulerEvent::CycleEnds { master: self.master }));
    }
}

/// Where a pod's volume is. Source: `pkg/scheduler/framework/plugins/volumebinding`: the volume's node affinity.
fn zone_of_volume(pod: PodId, ctx: &Ctx<'_>) -> Option<ZoneId> {
    ctx.store.volume(ctx.store.volume_of(pod)?).zone
}
