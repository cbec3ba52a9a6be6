//! Where pods would find room: the scheduler's filters, as actors outside of the cluster run them over what the API
//! shows. Filters alone: whether a pod fits, not where the scheduler would put it.

use std::collections::BTreeMap;

use crate::world::ids::{AppId, NodeId, PodId, PoolId, ZoneId};
use crate::world::reported::Reported;
use crate::world::spec::{AppSpec, MASTER_MAX_PODS, Spec, Spread};
use crate::world::store::NodeReady;

/// A node, or a machine that will be one.
#[derive(Clone, Debug)]
pub(super) struct Room {
    /// `None`: a machine that is not there yet.
    pub(super) node: Option<NodeId>,
    pool: Option<PoolId>,
    zone: ZoneId,
    /// Room for requests: millicores, MiB, pods.
    cpu: u32,
    memory: u32,
    pods: u32,
    /// Ready, not cordoned, not tainted.
    open: bool,
    /// Pods by app, those that terminate left out.
    apps: Vec<(AppId, u32)>,
}

/// All nodes and what stands on them.
#[derive(Clone, Debug)]
pub(super) struct Packing {
    pub(super) rooms: Vec<Room>,
}

/// What a machine of a group offers: millicores, MiB, pods.
fn offer(pool: Option<PoolId>, spec: &Spec) -> (u32, u32, u32) {
    match pool {
        Some(pool) => (spec.pools[pool].cpu, spec.pools[pool].memory, spec.pools[pool].max_pods),
        None if spec.control_plane.schedulable => (spec.control_plane.cpu, spec.control_plane.memory, MASTER_MAX_PODS),
        None => (0, 0, 0),
    }
}

/// How much of all is not free, in parts of `whole`.
fn share((free, all): (u32, u32), whole: u64) -> u32 {
    let used = u64::from(all - free.min(all)) * whole;
    used.checked_div(u64::from(all)).unwrap_or(0) as u32
}

impl Room {
    fn empty(node: Option<NodeId>, pool: Option<PoolId>, zone: ZoneId, spec: &Spec) -> Room {
        let (cpu, memory, pods) = offer(pool, spec);
        Room { node, pool, zone, cpu, memory, pods, open: true, apps: Vec::new() }
    }

    fn count(&self, app: AppId) -> u32 {
        self.apps.iter().find(|(other, _)| *other == app).map_or(0, |(_, count)| *count)
    }

    fn take(&mut self, app: AppId, lives: bool, spec: &Spec) {
        let asked = &spec.apps[app];
        self.cpu = self.cpu.saturating_sub(asked.cpu);
        self.memory = self.memory.saturating_sub(asked.memory);
        self.pods = self.pods.saturating_sub(1);
        if !lives {
            return;
        }
        match self.apps.iter_mut().find(|(other, _)| *other == app) {
            Some((_, count)) => *count += 1,
            None => self.apps.push((app, 1)),
        }
    }

    /// The larger of the shares of CPU and memory that are requested, in parts of a thousand.
    pub(super) fn used(&self, spec: &Spec) -> u32 {
        let (cpu, memory, _) = offer(self.pool, spec);
        share((self.cpu, cpu), 1000).max(share((self.memory, memory), 1000))
    }

    /// Shares of CPU, memory and pods that are requested, in percent.
    pub(super) fn shares(&self, spec: &Spec) -> [u32; 3] {
        let (cpu, memory, pods) = offer(self.pool, spec);
        [share((self.cpu, cpu), 100), share((self.memory, memory), 100), share((self.pods, pods), 100)]
    }

    /// Whether it takes new pods.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    fn suits(&self, app: &AppSpec, spec: &Spec) -> bool {
        match (app.pool, self.pool) {
            (Some(wanted), own) => own == Some(wanted),
            (None, Some(own)) => spec.pools[own].runs_apps,
            (None, None) => spec.control_plane.schedulable,
        }
    }
}

impl Packing {
    /// As the API shows it now.
    pub(super) fn of(seen: &Reported<'_>) -> Packing {
        let mut rooms = Vec::new();
        for (node, machine) in seen.instances() {
            let Some(object) = seen.node(node) else { continue };
            let mut room = Room::empty(Some(node), machine.pool, machine.zone, seen.spec);
            let tainted = object.no_schedule || object.no_execute.is_some();
            room.open = object.ready == NodeReady::True && !object.unschedulable && !tainted;
            for pod in seen.pods_on(node).iter().filter_map(|pod| seen.pod(*pod)) {
                room.take(pod.app, pod.is_live(), seen.spec);
            }
            rooms.push(room);
        }
        Packing { rooms }
    }

    /// A machine more, empty.
    pub(super) fn add(&mut self, pool: PoolId, zone: ZoneId, spec: &Spec) {
        self.rooms.push(Room::empty(None, Some(pool), zone, spec));
    }

    /// A node that will take pods before long.
    pub(super) fn will_open(&mut self, node: NodeId) {
        self.rooms.iter_mut().filter(|room| room.node == Some(node)).for_each(|room| room.open = true);
    }

    /// Finds room for a pod of this app and takes it; whether there was any.
    pub(super) fn place(&mut self, app: AppId, spec: &Spec) -> bool {
        let Some(at) = self.find(app, None, spec) else { return false };
        self.rooms[at].take(app, true, spec);
        true
    }

    /// Whether a pod of this app would find room elsewhere than on this node.
    pub(super) fn fits_elsewhere(&self, app: AppId, node: NodeId, spec: &Spec) -> bool {
        self.find(app, Some(node), spec).is_some()
    }

    fn find(&self, app: AppId, not: Option<NodeId>, spec: &Spec) -> Option<usize> {
        let asked = &spec.apps[app];
        let suiting = || self.rooms.iter().filter(|room| room.suits(asked, spec));
        let mut in_zone: BTreeMap<ZoneId, u32> = BTreeMap::new();
        if let Spread::Zones(_) = asked.spread {
            suiting().for_each(|room| *in_zone.entry(room.zone).or_default() += room.count(app));
        }
        // Domains that take no pod count for the skew, too.
        let fewest = match asked.spread {
            Spread::Hosts(_) => suiting().map(|room| room.count(app)).min(),
            Spread::Zones(_) => in_zone.values().copied().min(),
            Spread::Default | Spread::None | Spread::Together | Spread::OnePerHost => None,
        };
        let fewest = fewest.unwrap_or(0);
        let alone = asked.spread == Spread::Together && suiting().all(|room| room.count(app) == 0);
        self.rooms.iter().position(|room| {
            let enough = room.cpu >= asked.cpu && room.memory >= asked.memory && room.pods > 0;
            let elsewhere = not.is_none() || room.node != not;
            enough && elsewhere && room.open && room.suits(asked, spec) && {
                let here = room.count(app);
                match asked.spread {
                    Spread::Hosts(skew) => here < fewest + skew,
                    Spread::Zones(skew) => in_zone.get(&room.zone).is_some_and(|here| *here < fewest + skew),
                    Spread::OnePerHost => here == 0,
                    Spread::Together => here > 0 || alone,
                    Spread::Default | Spread::None => true,
                }
            }
        })
    }

    /// Whether all pods of a node would find room elsewhere; if so, they are there from now on and it is closed.
    pub(super) fn empty(&mut self, node: NodeId, pods: &[AppId], spec: &Spec) -> bool {
        let mut tried = self.clone();
        let Some(room) = tried.rooms.iter_mut().find(|room| room.node == Some(node)) else { return false };
        (room.open, room.apps) = (false, Vec::new());
        let all = pods.iter().all(|app| tried.place(*app, spec));
        if all {
            *self = tried;
        }
        all
    }
}

/// Pods of a node that have to go elsewhere if it goes: their apps. Those of DaemonSets go with it.
pub(super) fn pods_to_move(node: NodeId, seen: &Reported<'_>) -> Vec<AppId> {
    let live = |pod: &PodId| seen.pod(*pod).filter(|object| object.is_live()).map(|object| object.app);
    seen.pods_on(node).iter().filter_map(live).filter(|app| !seen.spec.apps[*app].is_daemon()).collect()
}
