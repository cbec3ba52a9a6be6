//! DaemonSet controller: one pod on each node that it suits.
//!
//! Source: `pkg/controller/daemon/daemon_controller.go` `podsShouldBeOnNode`, `syncNodes`, `update.go` `rollingUpdate`.
//! Its pods tolerate what the controller adds: not-ready and unreachable without end, unschedulable, pressure
//! (`util/daemonset_util.go`). So cordoned and lost nodes keep theirs, and a node gets its own as it registers. A dead
//! node's pod counts as unavailable: with `maxUnavailable` 1 it alone halts a rollout.
//!
//! Only nodes of which something was heard are looked at; all of them while a new template rolls out. Ours: nodes in the
//! order of their machines, where the real one takes them in the order of a Go map.

use std::collections::BTreeSet;

use super::cache::{Cache, Mark};
use super::desk::Desk;
use super::workqueue::Workqueue;
use super::{ControllersEvent, Key};
use crate::base::{Id, IdVec, Time};
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::ids::{AppId, NodeId, PodId, SetId};
use crate::world::spec::RolloutKind;
use crate::world::store::{Change, DeploymentObject, PodObject};

/// Most pods that one sync creates or deletes. Source: `daemon_controller.go` `BurstReplicas`.
const BURST: usize = 250;

/// An app's pods for one node.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// Objects that exist.
    exist: u16,
    /// Those not being deleted.
    active: u16,
}

/// One DaemonSet; of other apps nothing is ever in it.
#[derive(Clone, Debug, Default)]
struct Daemon {
    nodes: Vec<Count>,
    /// Nodes to look at.
    dirty: BTreeSet<NodeId>,
    /// Nodes whose pod's creation has not been heard of.
    created: BTreeSet<NodeId>,
    /// Pods whose deletion has not been heard of.
    deleted: Vec<PodId>,
}

impl Daemon {
    fn count(&mut self, node: NodeId) -> &mut Count {
        if self.nodes.len() <= node.index() {
            self.nodes.resize(node.index() + 1, Count::default());
        }
        &mut self.nodes[node.index()]
    }
}

/// The controller.
#[derive(Clone, Debug)]
pub(super) struct DaemonSets {
    apps: Vec<(AppId, Daemon)>,
}

impl DaemonSets {
    /// Nothing heard yet.
    pub(super) fn new(ctx: &Ctx<'_>) -> DaemonSets {
        let apps = ctx.spec.apps.entries().filter(|(_, app)| app.is_daemon());
        DaemonSets { apps: apps.map(|(app, _)| (app, Daemon::default())).collect() }
    }
    /// Whether there is any.
    pub(super) fn is_empty(&self) -> bool {
        self.apps.is_empty()
    }

    fn daemon(&mut self, app: AppId) -> Option<&mut Daemon> {
        self.apps.iter_mut().find(|(of, _)| *of == app).map(|(_, daemon)| daemon)
    }

    /// A pod was heard of; whether that concerns its DaemonSet.
    pub(super) fn pod_changed(&mut self, app: AppId, pod: PodId, (old, new): (Mark, Mark), ctx: &Ctx<'_>) -> bool {
        let Some(daemon) = self.daemon(app) else { return false };
        let Some(node) = ctx.store.index_of(pod).map(NodeId) else { return false };
        if !old.known {
            daemon.created.remove(&node);
        }
        if !new.active {
            daemon.deleted.retain(|other| *other != pod);
        }
        let count = daemon.count(node);
        count.exist = count.exist + u16::from(new.exists) - u16::from(old.exists);
        count.active = count.active + u16::from(new.active) - u16::from(old.active);
        let same = (old.exists, old.active, old.healthy) == (new.exists, new.active, new.healthy);
        if !same {
            daemon.dirty.insert(node);
        }
        !same
    }

    /// A Node object was heard of: the DaemonSets that miss a pod there.
    pub(super) fn node_changed(&mut self, node: NodeId, queue: &mut Workqueue, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        if self.apps.is_empty() || desk.node(node, ctx).is_none() {
            return;
        }
        for (app, daemon) in &mut self.apps {
            let suits = ctx.spec.suits(&ctx.spec.apps[*app], desk.machines[node].pool);
            if suits && daemon.count(node).active == 0 {
                daemon.dirty.insert(node);
                queue.add(Key::Deployment(*app), desk, ctx);
            }
        }
    }

    /// One sync of a DaemonSet.
    pub(super) fn reconcile(
        &mut self,
        app: AppId,
        cache: &Cache,
        queue: &mut Workqueue,
        desk: &Desk<'_>,
        ctx: &mut Ctx<'_>,
    ) {
        let (store, key) = (ctx.store, Key::Deployment(app));
        let Some(heard) = store.deployments().at(app, desk.cursor) else { return };
        let of_template = |set: &&SetId| store.sets().now(**set).template == heard.template;
        let Some(newest) = heard.sets.iter().find(of_template).copied() else {
            queue.sent(key);
            return desk.write(key, Change::CreateSet { app, template: heard.template }, ctx);
        };
        let Some(daemon) = self.daemon(app) else { return };
        if !daemon.created.is_empty() || !daemon.deleted.is_empty() {
            return;
        }
        let surge = surge(app, ctx) > 0;
        let mut deletes = daemon.manage(app, surge, newest, queue, desk, ctx);
        if daemon.created.is_empty() && deletes.is_empty() && is_rolling(heard, newest, cache) {
            let round = Round::of(app, newest, desk, ctx);
            deletes = if surge { round.surges(app, daemon, newest, queue, desk, ctx) } else { round.deletes(app, ctx) };
        }
        deletes.truncate(BURST);
        for pod in deletes {
            daemon.deleted.push(pod);
            queue.sent(key);
            desk.write(key, Change::DeletePod { pod, grace: None }, ctx);
        }
    }

    /// All writes of a sync are answered, and some failed: what they were to do is found anew.
    pub(super) fn failed(&mut self, app: AppId) {
        if let Some(daemon) = self.daemon(app) {
            daemon.deleted.clear();
            let created = std::mem::take(&mut daemon.created);
            daemon.dirty.extend(created);
        }
    }
}

impl Daemon {
    /// Creates what is missing on the nodes that were heard of; the pods there that are too many.
    fn manage(
        &mut self,
        app: AppId,
        surge: bool,
        newest: SetId,
        queue: &mut Workqueue,
        desk: &Desk<'_>,
        ctx: &mut Ctx<'_>,
    ) -> Vec<PodId> {
        let mut surplus = Vec::new();
        let mut left = BURST;
        let asked = &ctx.spec.apps[app];
        while let Some(node) = self.dirty.pop_first() {
            if desk.node(node, ctx).is_none() || !ctx.spec.suits(asked, desk.machines[node].pool) {
                continue;
            }
            let count = *self.count(node);
            // Without a surge the old object must be gone first.
            let missing = if surge { count.active == 0 } else { count.exist == 0 };
            if missing && left == 0 {
                self.dirty.insert(node);
                break;
            }
            if missing {
                left -= 1;
                self.create(app, newest, node, queue, desk, ctx);
            } else if count.active > 1 && !surge {
                surplus.extend(active_on(app, node, desk, ctx).skip(1));
            }
        }
        surplus
    }

    fn create(
        &mut self,
        app: AppId,
        set: SetId,
        node: NodeId,
        queue: &mut Workqueue,
        desk: &Desk<'_>,
        ctx: &mut Ctx<'_>,
    ) {
        self.created.insert(node);
        queue.sent(Key::Deployment(app));
        desk.write(Key::Deployment(app), Change::CreatePodAt { set, index: node.0 }, ctx);
    }
}

/// An app's pods for a node that are not being deleted, oldest first.
fn active_on<'a>(app: AppId, node: NodeId, desk: &Desk<'a>, ctx: &Ctx<'a>) -> impl Iterator<Item = PodId> + use<'a> {
    let (store, cursor) = (ctx.store, desk.cursor);
    let here = move |pod: &PodId| {
        store.index_of(*pod) == Some(node.0) && store.pods().at(*pod, cursor).is_some_and(PodObject::is_live)
    };
    store.pods_of(app).iter().copied().filter(here)
}

/// `maxSurge` of the nodes that want a pod.
fn surge(app: AppId, ctx: &Ctx<'_>) -> u32 {
    ctx.spec.apps[app].rollout.max_surge.of_rounding_up(1)
}

fn is_rolling(heard: &DeploymentObject, newest: SetId, cache: &Cache) -> bool {
    heard.sets.iter().any(|set| *set != newest && cache.set(*set).active > 0)
}

/// A node's pods that are not being deleted.
#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    old: Option<(PodId, bool)>,
    new: Option<(PodId, bool)>,
}

/// All nodes that want a pod, as a rolling update sees them; the flag says whether a pod is available.
struct Round {
    nodes: Vec<(NodeId, Pair)>,
}

impl Round {
    fn of(app: AppId, newest: SetId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) -> Round {
        let (store, asked) = (ctx.store, &ctx.spec.apps[app]);
        let mut pairs: IdVec<NodeId, Pair> = desk.machines.ids().map(|_| Pair::default()).collect();
        let mut next = Time::NEVER;
        for pod in store.pods_of(app) {
            let (Some(object), Some(index)) = (desk.pod(*pod, ctx), store.index_of(*pod)) else { continue };
            let at = object.ready_since + asked.rollout.min_ready;
            if object.deleting.is_some() {
                continue;
            }
            if object.ready && at > ctx.now {
                next = next.min(at);
            }
            let entry = Some((*pod, object.ready && at <= ctx.now));
            let pair = &mut pairs[NodeId(index)];
            if object.set == newest { pair.new = entry } else { pair.old = entry }
        }
        if next != Time::NEVER {
            let recheck = ControllersEvent::RolloutRecheck { master: desk.master, app };
            ctx.at(next, Event::Controllers(recheck));
        }
        let wanted =
            |node: &NodeId| desk.node(*node, ctx).is_some() && ctx.spec.suits(asked, desk.machines[*node].pool);
        Round { nodes: desk.machines.ids().filter(wanted).map(|node| (node, pairs[node])).collect() }
    }

    fn most(&self, bound: crate::base::IntOrPercent) -> usize {
        bound.of_rounding_up(self.nodes.len() as u32) as usize
    }

    /// Without a surge: unavailable old pods go at once, available ones while not too many nodes are without.
    fn deletes(&self, app: AppId, ctx: &Ctx<'_>) -> Vec<PodId> {
        let rollout = &ctx.spec.apps[app].rollout;
        if rollout.kind == RolloutKind::OnDelete {
            return Vec::new();
        }
        let most = self.most(rollout.max_unavailable);
        let (mut unavailable, mut broken, mut candidates) = (0, Vec::new(), Vec::new());
        for (_, pair) in &self.nodes {
            match (pair.old, pair.new) {
                (None, None) | (Some(_), Some(_)) => unavailable += 1,
                (None, Some((_, available))) => unavailable += usize::from(!available),
                (Some((pod, false)), None) => {
                    broken.push(pod);
                    unavailable += 1;
                }
                (Some((pod, true)), None) => candidates.push(pod),
            }
        }
        candidates.truncate(most.saturating_sub(unavailable));
        broken.extend(candidates);
        broken
    }

    /// With one: a new pod beside the old, which goes once the new one is available.
    fn surges(
        &self,
        app: AppId,
        daemon: &mut Daemon,
        newest: SetId,
        queue: &mut Workqueue,
        desk: &Desk<'_>,
        ctx: &mut Ctx<'_>,
    ) -> Vec<PodId> {
        let rollout = ctx.spec.apps[app].rollout;
        if rollout.kind == RolloutKind::OnDelete {
            return Vec::new();
        }
        let most = self.most(rollout.max_surge);
        let (mut surging, mut creates, mut candidates, mut deletes) = (0, Vec::new(), Vec::new(), Vec::new());
        for (node, pair) in &self.nodes {
            match (pair.old, pair.new) {
                (None, _) => {}
                (Some((_, false)), None) => creates.push(*node),
                (Some((_, true)), None) => candidates.push(*node),
                (Some(_), Some((_, false))) => surging += 1,
                (Some((pod, _)), Some((_, true))) => deletes.push(pod),
            }
        }
        candidates.truncate(most.saturating_sub(surging));
        creates.extend(candidates);
        creates.truncate(BURST);
        for node in creates {
            daemon.create(app, newest, node, queue, desk, ctx);
        }
        deletes
    }
}
