//! The scheduler's cache: what stands on each node, pods it has assumed included, in dense records.
//!
//! Source: `pkg/scheduler/internal/cache/cache.go`, `node_tree.go`. A terminating pod keeps its resources and its place
//! in affinity until it is gone; topology spread no longer counts it (`podtopologyspread/common.go`).

use super::classes::{Class, Classes};
use super::record::{Machine, Record};
use super::spots::Spots;
use crate::base::{Id, IdVec, Pages};
use crate::world::effects::Ctx;
use crate::world::ids::{AppId, NodeId, PodId, ZoneId};
use crate::world::spec::AppSpec;
use crate::world::store::{NodeObject, Phase, PodObject};

/// How the cache holds a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Held {
    node: Option<NodeId>,
    live: bool,
    /// Placed by this scheduler, and not yet heard of as bound.
    assumed: bool,
}

/// The same in 4 bytes: there is one for each pod that ever was. From the top: live, assumed, the node's id.
#[derive(Clone, Copy, Debug)]
struct Packed(u32);

impl Packed {
    const LIVE: u32 = 1 << 31;
    const ASSUMED: u32 = 1 << 30;
    /// Marks no node; there are fewer machines in a run.
    const NO_NODE: u32 = Packed::ASSUMED - 1;

    fn of(held: Held) -> Packed {
        let node = held.node.map_or(Packed::NO_NODE, |node| node.0.min(Packed::NO_NODE));
        let (live, assumed) = (u32::from(held.live) * Packed::LIVE, u32::from(held.assumed) * Packed::ASSUMED);
        Packed(node | live | assumed)
    }
    fn held(self) -> Held {
        let node = self.0 & Packed::NO_NODE;
        Held {
            node: (node != Packed::NO_NODE).then_some(NodeId(node)),
            live: self.0 & Packed::LIVE != 0,
            assumed: self.0 & Packed::ASSUMED != 0,
        }
    }
}

/// The cache.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    pub(super) nodes: Vec<Record>,
    held: Pages<PodId, Packed>,
    spots: IdVec<AppId, Spots>,
    /// Nodes that exist, by zone.
    zones: Vec<Vec<NodeId>>,
    /// The same, zones taken in turn.
    pub(super) order: Vec<NodeId>,
    classes: Classes,
    /// Each node's place in the order.
    places: Vec<u32>,
}

impl Cache {
    /// Nothing heard yet.
    pub(super) fn new(apps: &IdVec<AppId, AppSpec>) -> Cache {
        Cache {
            nodes: Vec::new(),
            held: Pages::new(),
            spots: apps.iter().map(|_| Spots::default()).collect(),
            zones: Vec::new(),
            order: Vec::new(),
            classes: Classes::new(apps),
            places: Vec::new(),
        }
    }
    /// Where an app's pods stand.
    pub(super) fn spots(&self, app: AppId) -> &Spots {
        &self.spots[app]
    }
    /// How many zones there are, those that have lost all their nodes included.
    pub(super) fn zones(&self) -> usize {
        self.zones.len()
    }
    /// Where a pod stands, assumed or bound.
    pub(super) fn node_of(&self, pod: PodId) -> Option<NodeId> {
        self.held.get(pod).and_then(|held| held.held().node)
    }

    /// Takes in machines that are new.
    pub(super) fn learn(&mut self, machines: &IdVec<NodeId, Machine>) {
        let known = self.nodes.len();
        self.nodes.extend(machines.iter().skip(known).map(|machine| Record::of(machine.zone)));
    }

    /// Takes a Node object into the cache; whether anything that matters to placement has changed.
    pub(super) fn absorb_node(&mut self, node: NodeId, object: &NodeObject, machines: &IdVec<NodeId, Machine>) -> bool {
        let record = &mut self.nodes[node.index()];
        let old = (record.exists, record.cordoned, record.tainted, record.avoided);
        record.exists = object.exists;
        record.cordoned = object.unschedulable;
        record.tainted = object.no_schedule || object.no_execute.is_some();
        record.avoided = object.prefer_no_schedule;
        let new = (record.exists, record.cordoned, record.tainted, record.avoided);
        self.classes.node_changed(node);
        if old.0 != new.0 {
            self.reorder(node, object.exists, machines[node].zone);
        }
        old != new
    }

    /// Takes a pod's newest version into the cache; whether it has left a node.
    pub(super) fn absorb_pod(&mut self, pod: PodId, object: &PodObject, ctx: &Ctx<'_>) -> bool {
        let ended = match object.phase {
            Phase::Succeeded | Phase::Failed => true,
            Phase::Pending | Phase::Running => false,
        };
        let old = self.held(pod);
        let node = if object.gone || ended { None } else { object.node };
        if old.assumed && node.is_none() && !object.gone && !ended {
            return false;
        }
        let new = Held { node, live: object.is_live(), assumed: false };
        self.hold(pod, object.app, new, ctx);
        old.node.is_some() && node.is_none()
    }
    /// Places a pod before the API knows.
    pub(super) fn assume(&mut self, pod: PodId, app: AppId, node: NodeId, ctx: &Ctx<'_>) {
        self.hold(pod, app, Held { node: Some(node), live: true, assumed: true }, ctx);
    }
    /// Takes an assumption back; whether there was one.
    pub(super) fn forget(&mut self, pod: PodId, app: AppId, ctx: &Ctx<'_>) -> bool {
        let assumed = self.held(pod).assumed;
        if assumed {
            self.hold(pod, app, Held::default(), ctx);
        }
        assumed
    }

    /// Counts room on nodes as taken (millicores, MiB, a pod each), until it is released.
    pub(super) fn take(&mut self, held: &[(NodeId, u32, u32)]) {
        for (node, cpu, memory) in held {
            let record = &mut self.nodes[node.index()];
            (record.cpu, record.memory, record.pods) = (record.cpu + cpu, record.memory + memory, record.pods + 1);
            self.classes.node_changed(*node);
        }
    }
    /// Takes that back.
    pub(super) fn release(&mut self, held: &[(NodeId, u32, u32)]) {
        for (node, cpu, memory) in held {
            let record = &mut self.nodes[node.index()];
            (record.cpu, record.memory, record.pods) = (record.cpu - cpu, record.memory - memory, record.pods - 1);
            self.classes.node_changed(*node);
        }
    }

    /// Looks up what all nodes are to an app's pods now.
    pub(super) fn look(&mut self, app: AppId, asked: &AppSpec, machines: &IdVec<NodeId, Machine>) {
        self.classes.look((app, asked), (&self.nodes, machines), (&self.order, &self.places));
    }
    /// What all nodes were to an app's pods when that was last looked up.
    pub(super) fn class(&self, app: AppId) -> &Class {
        self.classes.of(app)
    }

    fn held(&self, pod: PodId) -> Held {
        self.held.get(pod).map_or(Held::default(), |held| held.held())
    }

    fn hold(&mut self, pod: PodId, app: AppId, new: Held, ctx: &Ctx<'_>) {
        let old = self.held(pod);
        *self.held.entry(pod, Packed::of(Held::default())) = Packed::of(new);
        if (old.node, old.live) == (new.node, new.live) {
            return;
        }
        let (asked, spots) = (&ctx.spec.apps[app], &mut self.spots[app]);
        if let Some(node) = old.node.filter(|node| new.node == Some(*node)) {
            return spots.turns((node, self.nodes[node.index()].zone), new.live);
        }
        if let Some(node) = old.node {
            let record = &mut self.nodes[node.index()];
            record.cpu -= asked.cpu;
            record.memory -= asked.memory;
            record.pods -= 1;
            spots.leaves((node, record.zone), old.live);
            self.classes.node_changed(node);
        }
        if let Some(node) = new.node {
            let record = &mut self.nodes[node.index()];
            record.cpu += asked.cpu;
            record.memory += asked.memory;
            record.pods += 1;
            spots.comes((node, record.zone), new.live);
            self.classes.node_changed(node);
        }
    }

    /// A node comes, or goes: zones in turn, one node each, until all are listed. Source: `node_tree.go` `list`.
    fn reorder(&mut self, node: NodeId, exists: bool, zone: ZoneId) {
        if self.zones.len() <= zone.index() {
            self.zones.resize(zone.index() + 1, Vec::new());
        }
        let nodes = &mut self.zones[zone.index()];
        match nodes.binary_search(&node) {
            Ok(at) if !exists => drop(nodes.remove(at)),
            Err(at) if exists => nodes.insert(at, node),
            Ok(_) | Err(_) => {}
        }
        self.order.clear();
        let longest = self.zones.iter().map(Vec::len).max().unwrap_or(0);
        for turn in 0..longest {
            self.order.extend(self.zones.iter().filter_map(|zone| zone.get(turn)));
        }
        self.classes.reordered();
        self.places.resize(self.nodes.len(), u32::MAX);
        self.places[node.index()] = u32::MAX;
        for (place, node) in self.order.iter().enumerate() {
            self.places[node.index()] = place as u32;
        }
    }
}
