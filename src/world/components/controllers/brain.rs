//! The controllers of one leading process, and what each hears of.

use super::autoscaling::Autoscaling;
use super::cache::Cache;
use super::cloud_nodes::CloudNodes;
use super::daemon_sets::DaemonSets;
use super::deployment::{self, Deployments};
use super::desk::{Asked, Desk, Errand, Machine, asked};
use super::disruption;
use super::endpoints::Endpoints;
use super::node_lifecycle::NodeLifecycle;
use super::pod_gc::PodGc;
use super::progress::{self, Progress};
use super::replica_sets::ReplicaSets;
use super::stateful_sets;
use super::taint_eviction::TaintEviction;
use super::volumes::Volumes;
use super::workqueue::Workqueue;
use super::{ControllersEvent, Key};
use crate::base::{Id, IdVec, Span, Time, Version};
use crate::world::behaviour::Behaviour;
use crate::world::effects::{Ctx, Outcome};
use crate::world::ids::{AppId, BudgetId, ClientId, MasterId, NodeId, PodId, VolumeId};
use crate::world::lease::Election;
use crate::world::purpose::Purpose;
use crate::world::spec::{RolloutKind, WorkloadKind};
use crate::world::store::{ApiError, BudgetObject, Change, Revision, Touched};

/// The longest period of the controllers' clocks; phases are drawn within it.
const LONGEST_PERIOD: Span = Span::secs(20);

/// A leading process.
#[derive(Clone, Debug)]
pub(super) struct Brain {
    master: MasterId,
    client: ClientId,
    incarnation: u32,
    version: Version,
    cursor: Revision,
    /// Its caches are filled: it acts.
    filled: bool,
    /// The time that filling takes has passed.
    synced: bool,
    cache: Cache,
    queue: Workqueue,
    deployments: Deployments,
    progress: Progress,
    daemons: DaemonSets,
    sets: ReplicaSets,
    endpoints: Endpoints,
    pub(super) nodes: NodeLifecycle,
    taints: TaintEviction,
    gc: PodGc,
    volumes: Volumes,
    cloud: CloudNodes,
    autoscaling: Autoscaling,
}

/// A desk borrows the machines and copies the rest, so that controllers stay free to change.
macro_rules! desk {
    ($brain:expr, $machines:expr) => {
        Desk {
            master: $brain.master,
            client: $brain.client,
            incarnation: $brain.incarnation,
            version: $brain.version,
            cursor: $brain.cursor,
            machines: $machines,
        }
    };
}

impl Brain {
    /// A process that has just begun to lead; its clocks' phases are drawn.
    pub(super) fn new(master: MasterId, client: ClientId, election: &Election, ctx: &Ctx<'_>) -> Brain {
        let version = election.version(master);
        let apps = ctx.spec.apps.len();
        let phase = ctx.draw(Purpose::Phase, election.name(master), 0).span_below(LONGEST_PERIOD);
        let within = |period: Span| Time::from_nanos(phase.as_nanos() % period.as_nanos().max(1));
        let monitor = within(ctx.spec.control_plane.controllers.node_monitor_period);
        Brain {
            master,
            client,
            incarnation: election.incarnation(master),
            version,
            cursor: Revision(0),
            filled: false,
            synced: false,
            cache: Cache::new(apps),
            queue: Workqueue::new(ctx.spec),
            deployments: Deployments::default(),
            progress: Progress::default(),
            daemons: DaemonSets::new(ctx),
            sets: ReplicaSets::default(),
            endpoints: Endpoints::new(apps),
            nodes: NodeLifecycle::new(monitor, &Behaviour::of(version)),
            taints: TaintEviction::default(),
            gc: PodGc::new(within(LONGEST_PERIOD)),
            volumes: Volumes::default(),
            cloud: CloudNodes::new(monitor),
            autoscaling: Autoscaling::new(within(LONGEST_PERIOD), ctx),
        }
    }

    /// The start of a run: caches filled, nothing to do.
    pub(super) fn open(&mut self, machines: &IdVec<NodeId, Machine>, ctx: &mut Ctx<'_>) {
        self.cursor = ctx.store.revision();
        (self.synced, self.filled) = (true, true);
        self.list(Time::ZERO, machines, ctx);
    }

    /// A new leader's caches are filled once the time has passed and its watch stands: it probes all nodes now, and
    /// looks at everything once.
    pub(super) fn try_fill(&mut self, machines: &IdVec<NodeId, Machine>, ctx: &mut Ctx<'_>) {
        if self.filled || !self.synced || !ctx.watches.is_connected(self.client) {
            return;
        }
        self.filled = true;
        self.cursor = ctx.cursor(self.client);
        let phase = ctx.now;
        self.nodes = NodeLifecycle::new(phase, &Behaviour::of(self.version));
        (self.gc, self.cloud) = (PodGc::new(phase), CloudNodes::new(phase));
        self.list(phase, machines, ctx);
        self.look_at_everything(machines, ctx);
    }

    fn list(&mut self, floor: Time, machines: &IdVec<NodeId, Machine>, ctx: &mut Ctx<'_>) {
        let desk = desk!(self, machines);
        for pod in ctx.store.pods().ids() {
            if let Some(object) = ctx.store.pods().at(pod, desk.cursor) {
                let change = self.cache.absorb(pod, &object);
                if !self.daemons.is_empty() {
                    self.daemons.pod_changed(object.app, pod, change, ctx);
                }
                let endpoint = ctx.store.pods().endpoint_at(pod, desk.cursor);
                self.endpoints.listed(pod, endpoint);
            }
        }
        for node in machines.ids() {
            self.nodes.list(node, floor, &desk, ctx);
        }
        self.autoscaling.begin(&desk, ctx);
        if ctx.spec.asks_about_leases() {
            // Renewals that are writes may stop without a word.
            self.nodes.wake(ctx.now, &desk, ctx);
        }
    }

    fn look_at_everything(&mut self, machines: &IdVec<NodeId, Machine>, ctx: &mut Ctx<'_>) {
        let desk = desk!(self, machines);
        for app in ctx.spec.apps.ids() {
            self.queue.add(Key::Deployment(app), &desk, ctx);
        }
        for set in ctx.store.sets().ids() {
            self.sets.check(set, &self.cache, &mut self.queue, &desk, ctx);
        }
        for budget in (0..ctx.spec.budgets.len()).map(BudgetId::from_index) {
            self.queue.add(Key::Budget(budget), &desk, ctx);
        }
        for pod in ctx.store.pods().ids() {
            self.endpoints.pod_changed(pod, &mut self.queue, &desk, ctx);
        }
        for volume in (0..ctx.store.volumes()).map(VolumeId::from_index) {
            self.volumes.check(volume, &desk, ctx);
        }
        for node in machines.ids() {
            self.node_changed(node, machines, ctx);
        }
        self.nodes.wake(ctx.now, &desk!(self, machines), ctx);
    }

    /// Its watch has moved.
    pub(super) fn heard(&mut self, from: Revision, to: Revision, machines: &IdVec<NodeId, Machine>, ctx: &mut Ctx<'_>) {
        if !self.filled {
            return self.try_fill(machines, ctx);
        }
        let store = ctx.store;
        let Some(touched) = store.touched(from, to) else { return self.listed(to, machines, ctx) };
        self.cursor = to;
        for touched in touched {
            self.object_changed(touched, machines, ctx);
        }
    }

    /// Everything is listed anew: whatever differs from what was known is heard of now.
    pub(super) fn listed(&mut self, at: Revision, machines: &IdVec<NodeId, Machine>, ctx: &mut Ctx<'_>) {
        if !self.filled {
            return self.try_fill(machines, ctx);
        }
        self.cursor = at;
        for pod in ctx.store.pods().ids() {
            self.pod_changed(pod, machines, ctx);
        }
        self.look_at_everything(machines, ctx);
    }

    fn object_changed(&mut self, touched: Touched, machines: &IdVec<NodeId, Machine>, ctx: &mut Ctx<'_>) {
        let desk = desk!(self, machines);
        match touched {
            Touched::Pod(pod) => self.pod_changed(pod, machines, ctx),
            Touched::Node(node) => self.node_changed(node, machines, ctx),
            Touched::Budget(budget) => disruption::check(budget, &self.cache, &mut self.queue, &desk, ctx),
            Touched::Set(set) => {
                self.sets.check(set, &self.cache, &mut self.queue, &desk, ctx);
                let app = ctx.store.sets().now(set).app;
                self.rollout_changed(app, &desk, ctx);
            }
            Touched::Deployment(app) => {
                self.endpoints.service_changed(app, &mut self.queue, &desk, ctx);
                self.rollout_changed(app, &desk, ctx);
            }
            Touched::Volume(volume) => self.volumes.check(volume, &desk, ctx),
            Touched::Endpoint(_) | Touched::Lease(_) => {}
        }
    }

    fn rollout_changed(&mut self, app: AppId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        match ctx.spec.apps[app].kind {
            WorkloadKind::Deployment => {
                let rolling = deployment::is_rolling(app, desk, ctx);
                self.progress.look(app, rolling, &self.cache, desk, ctx);
                if rolling {
                    self.queue.add(Key::Deployment(app), desk, ctx);
                }
            }
            WorkloadKind::StatefulSet { .. } | WorkloadKind::DaemonSet { .. } => {
                self.queue.add(Key::Deployment(app), desk, ctx);
            }
        }
    }

    fn pod_changed(&mut self, pod: PodId, machines: &IdVec<NodeId, Machine>, ctx: &mut Ctx<'_>) {
        let desk = desk!(self, machines);
        let Some(object) = ctx.store.pods().at(pod, desk.cursor) else { return };
        let (old, new) = self.cache.absorb(pod, &object);
        let homeless = object.node.filter(|node| desk.node(*node, ctx).is_none());
        let (app, set) = (object.app, object.set);
        if let Some(node) = homeless {
            self.gc.check(node, &desk, ctx);
        }
        if let Some(volume) = ctx.store.volume_of(pod) {
            self.volumes.check(volume, &desk, ctx);
        }
        if old == new {
            return;
        }
        if old.endpoint != new.endpoint {
            self.endpoints.pod_changed(pod, &mut self.queue, &desk, ctx);
        }
        if old.active != new.active {
            self.sets.pod_changed(set, pod, (old, new), &self.cache, (&mut self.queue, &desk), ctx);
        }
        if (old.exists, old.healthy) != (new.exists, new.healthy) {
            for budget in ctx.store.budgets_of(app) {
                disruption::check(*budget, &self.cache, &mut self.queue, &desk, ctx);
            }
        }
        if (old.active, old.healthy) != (new.active, new.healthy) {
            self.autoscaling.pod_changed(app, &desk, ctx);
        }
        let asked = &ctx.spec.apps[app];
        let awaited = old.exists != new.exists && asked.rollout.kind == RolloutKind::Recreate;
        match asked.kind {
            WorkloadKind::Deployment if awaited || (old.active, old.healthy) != (new.active, new.healthy) => {
                self.rollout_changed(app, &desk, ctx);
            }
            WorkloadKind::Deployment => {}
            WorkloadKind::StatefulSet { .. } => self.rollout_changed(app, &desk, ctx),
            WorkloadKind::DaemonSet { .. } => {
                if self.daemons.pod_changed(app, pod, (old, new), ctx) {
                    self.rollout_changed(app, &desk, ctx);
                }
            }
        }
    }

    fn node_changed(&mut self, node: NodeId, machines: &IdVec<NodeId, Machine>, ctx: &mut Ctx<'_>) {
        let desk = desk!(self, machines);
        self.nodes.node_changed(node, &mut self.queue, &desk, ctx);
        self.taints.node_changed(node, &desk, ctx);
        self.daemons.node_changed(node, &mut self.queue, &desk, ctx);
        self.gc.check(node, &desk, ctx);
        self.cloud.check(node, ctx.now, &desk, ctx);
    }

    /// A node's renewals have stopped.
    pub(super) fn pulse_stopped(&mut self, node: NodeId, machines: &IdVec<NodeId, Machine>, ctx: &mut Ctx<'_>) {
        if self.filled {
            self.nodes.pulse_stopped(node, &desk!(self, machines), ctx);
        }
    }
    /// The cloud has removed a machine.
    pub(super) fn machine_gone(&mut self, node: NodeId, machines: &IdVec<NodeId, Machine>, ctx: &mut Ctx<'_>) {
        if self.filled {
            self.cloud.check(node, ctx.now, &desk!(self, machines), ctx);
        }
    }

    /// The cloud detaches a machine's volumes again.
    pub(super) fn volumes_let_go(&mut self, node: NodeId, machines: &IdVec<NodeId, Machine>, ctx: &mut Ctx<'_>) {
        self.volumes.let_go(node, &desk!(self, machines), ctx);
    }

    /// For tests: the monitor's ticks begin to be events.
    #[cfg(test)]
    pub(super) fn wake_monitor(&mut self, machines: &IdVec<NodeId, Machine>, ctx: &mut Ctx<'_>) {
        self.nodes.wake(ctx.now, &desk!(self, machines), ctx);
    }

    /// One of its events.
    pub(super) fn step(&mut self, event: ControllersEvent, machines: &IdVec<NodeId, Machine>, ctx: &mut Ctx<'_>) {
        if let ControllersEvent::CachesFilled { incarnation, .. } = event
            && incarnation == self.incarnation
        {
            self.synced = true;
            return self.try_fill(machines, ctx);
        }
        if !self.filled {
            return;
        }
        let desk = desk!(self, machines);
        match event {
            ControllersEvent::Reconcile { key, .. } => self.reconcile(key, &desk, ctx),
            ControllersEvent::RolloutRecheck { app, .. } => self.rollout_changed(app, &desk, ctx),
            ControllersEvent::ProgressDeadline { app, .. } => {
                if let Some(change) = self.progress.deadline(app, &self.cache, &desk, ctx) {
                    progress::write(app, change, &mut self.queue, &desk, ctx);
                }
            }
            ControllersEvent::BudgetRecheck { budget, .. } => {
                disruption::check(budget, &self.cache, &mut self.queue, &desk, ctx);
            }
            ControllersEvent::MonitorTick { .. } => self.nodes.tick(&mut self.queue, &desk, ctx),
            ControllersEvent::ZonePass { zone, .. } => self.nodes.zone_pass(zone, &mut self.queue, &desk, ctx),
            ControllersEvent::EvictFrom { node, .. } => self.taints.evict(node, &desk, ctx),
            ControllersEvent::Orphans { node, .. } => self.gc.collect(node, &desk, ctx),
            ControllersEvent::Volume { volume, .. } => self.volumes.over(volume, &desk, ctx),
            ControllersEvent::Autoscale { app, .. } => self.autoscaling.sync(app, &desk, ctx),
            ControllersEvent::InstanceCheck { node, .. } => self.cloud.look(node, &desk, ctx),
            ControllersEvent::CachesFilled { .. } | ControllersEvent::Answer { .. } | ControllersEvent::Lease(_) => {}
        }
    }

    fn reconcile(&mut self, key: Key, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        if !self.queue.take(key, ctx.now) {
            return;
        }
        match key {
            Key::Deployment(app) => self.workload(app, desk, ctx),
            Key::Endpoints(app) => self.endpoints.reconcile(app, &mut self.queue, desk, ctx),
            Key::Set(set) => self.sets.reconcile(set, &self.cache, &mut self.queue, desk, ctx),
            Key::Budget(budget) => disruption::reconcile(budget, &self.cache, &mut self.queue, desk, ctx),
            Key::Taints(node) => self.nodes.reconcile_taints(node, &mut self.queue, desk, ctx),
        }
    }

    fn workload(&mut self, app: AppId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        match ctx.spec.apps[app].kind {
            WorkloadKind::Deployment => self.deployments.reconcile(app, &self.cache, &mut self.queue, desk, ctx),
            WorkloadKind::StatefulSet { .. } => stateful_sets::reconcile(app, &mut self.queue, desk, ctx),
            WorkloadKind::DaemonSet { .. } => {
                self.daemons.reconcile(app, &self.cache, &mut self.queue, desk, ctx);
            }
        }
    }

    /// The API's answer to one of its writes.
    pub(super) fn answer(
        &mut self,
        kind: u32,
        index: usize,
        result: Outcome,
        machines: &IdVec<NodeId, Machine>,
        ctx: &mut Ctx<'_>,
    ) {
        let desk = desk!(self, machines);
        match asked(kind, index) {
            Some(Asked::Of(key)) => self.written(key, result, &desk, ctx),
            // What is gone needs nothing any more.
            Some(Asked::For(..)) if result.is_ok() || result == Err(ApiError::NotFound) => {}
            Some(Asked::For(errand, node)) => match errand {
                Errand::NodeUnknown => self.nodes.failed(node, false, &desk, ctx),
                Errand::PodUnready => self.nodes.failed(node, true, &desk, ctx),
                Errand::TaintEviction => self.taints.failed(node, &desk, ctx),
                Errand::Orphan => self.gc.failed(node, &desk, ctx),
                Errand::NodeDeletion => self.cloud.failed(node, &desk, ctx),
                Errand::Volume => self.volumes.failed(VolumeId(node.0), &desk, ctx),
                Errand::PodEviction => self.nodes.eviction_failed(node, &desk, ctx),
            },
            None => {}
        }
    }

    fn written(&mut self, key: Key, result: Outcome, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let done = match result {
            Ok(()) => true,
            // A pod to be deleted or a node to be tainted that is gone already is no failure.
            Err(ApiError::NotFound) => match key {
                Key::Taints(_) | Key::Set(_) | Key::Deployment(_) => true,
                Key::Endpoints(_) | Key::Budget(_) => false,
            },
            Err(_) => false,
        };
        if !done && let Key::Set(set) = key {
            self.sets.failed(set);
        }
        let Some(mut settled) = self.queue.answered(key, done) else { return };
        match key {
            Key::Endpoints(app) => self.endpoints.settled(app, &mut settled, desk, ctx),
            Key::Set(set) => {
                if !self.sets.settled(set, settled, &mut self.queue, desk, ctx) {
                    return;
                }
            }
            Key::Deployment(app) if settled.failed => self.daemons.failed(app),
            Key::Deployment(_) | Key::Budget(_) | Key::Taints(_) => {}
        }
        self.queue.settle(key, settled, desk, ctx);
    }
}

/// Each budget's status as the store's pods and Deployments give it.
pub(super) fn first_budgets(ctx: &Ctx<'_>) -> Vec<Change> {
    let mut cache = Cache::new(ctx.spec.apps.len());
    let machines = IdVec::new();
    let now = ctx.store.revision();
    let desk = Desk {
        master: MasterId(0),
        client: ClientId(0),
        incarnation: 0,
        version: Version::default(),
        cursor: now,
        machines: &machines,
    };
    for pod in ctx.store.pods().ids() {
        cache.absorb(pod, &ctx.store.pods().now(pod));
    }
    let mut changes = Vec::new();
    for budget in (0..ctx.spec.budgets.len()).map(BudgetId::from_index) {
        let Some((status, _)) = disruption::wanted(budget, &cache, &desk, ctx) else { continue };
        if ctx.store.budgets().now(budget) != &status {
            let BudgetObject { allowed, healthy, desired, expected, disrupted } = status;
            let known = ctx.store.budgets().since(budget);
            changes.push(Change::BudgetStatus { budget, allowed, healthy, desired, expected, disrupted, known });
        }
    }
    changes
}
