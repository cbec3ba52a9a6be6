//! The API store: what etcd has committed, and the recent past that watchers still have to hear.
//!
//! The first of the three clocks of truth. Components read it at their own watch cursor ([`Versions::at`]); only the
//! API's own admission (this module's `apply`) reads the present.

mod apply;
mod change;
mod evict;
mod history;
mod log;
mod objects;
mod pods;

pub use change::{ApiError, Change, Delivery};
pub use history::{Revision, Versions};
pub use objects::*;
pub use pods::Pods;

use crate::base::{Id, IdVec, Name};
use crate::world::ids::{AppId, BudgetId, NodeId, PodId, SetId, VolumeId, ZoneId};
use crate::world::spec::Spec;
use log::Log;

/// What a committed write touched; watchers are told by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// A pod was created, bound, changed, marked for deletion or removed.
    Pod(PodId),
    /// A pod's endpoint changed, in the slices of its app.
    Endpoint(PodId),
    /// A node.
    Node(NodeId),
    /// A budget's status.
    Budget(BudgetId),
    /// A ReplicaSet.
    Set(SetId),
    /// A Deployment.
    Deployment(AppId),
    /// A lease changed hands.
    Lease(Component),
    /// A volume was attached or detached.
    Volume(VolumeId),
}

/// Fixed facts of an app that admission needs.
#[derive(Clone, Debug)]
struct AppFacts {
    /// Whether its pods have identities.
    stateful: bool,
    /// Its first volume; the others follow it.
    volumes: Option<VolumeId>,
    /// Budgets that select its pods.
    budgets: Vec<BudgetId>,
    /// Pods ever created.
    created: u32,
}

/// Fixed facts of a budget that admission needs.
#[derive(Clone, Copy, Debug)]
struct BudgetFacts {
    unhealthy: crate::world::spec::UnhealthyEviction,
}

/// Everything the API serves.
#[derive(Clone, Debug)]
pub struct Store {
    revision: Revision,
    log: Log,
    /// Pods, and what the EndpointSlices say of each.
    pods: Pods,
    /// Nodes, by machine.
    nodes: Versions<NodeId, NodeObject>,
    /// Budgets.
    budgets: Versions<BudgetId, BudgetObject>,
    /// ReplicaSets.
    sets: Versions<SetId, SetObject>,
    /// Deployments.
    deployments: Versions<AppId, DeploymentObject>,
    /// What selects and weighs the pods of each app's Service.
    routes: Versions<AppId, RouteObject>,
    leases: [LeaseObject; 2],
    lease_since: [Revision; 2],
    /// Volumes. Few, and read as they are now: who follows them is told of each change.
    volumes: IdVec<VolumeId, VolumeObject>,
    /// Each machine's failure domain.
    zones: IdVec<NodeId, ZoneId>,
    /// Ordinals of StatefulSets' pods, nodes of DaemonSets'; in order of creation.
    indices: Vec<(PodId, u32)>,
    /// Pods whose object exists, by app, in order of creation.
    of_app: IdVec<AppId, Vec<PodId>>,
    /// Pods whose object exists, by node.
    on_node: IdVec<NodeId, Vec<PodId>>,
    app_facts: IdVec<AppId, AppFacts>,
    budget_facts: IdVec<BudgetId, BudgetFacts>,
    /// Whether the API server at work knows `unhealthyPodEvictionPolicy`.
    knows_eviction_policy: bool,
}

impl Store {
    /// An API with the scenario's Deployments and budgets, and no pod or node yet.
    pub fn new(spec: &Spec) -> Store {
        let mut store = Store {
            revision: Revision(1),
            log: Log::new(Revision(1)),
            pods: Pods::default(),
            nodes: Versions::new(),
            budgets: Versions::new(),
            sets: Versions::new(),
            deployments: Versions::new(),
            routes: Versions::new(),
            leases: [LeaseObject::default(); 2],
            lease_since: [Revision(1); 2],
            volumes: IdVec::new(),
            zones: IdVec::new(),
            indices: Vec::new(),
            of_app: IdVec::new(),
            on_node: IdVec::new(),
            app_facts: IdVec::new(),
            budget_facts: IdVec::new(),
            knows_eviction_policy: false,
        };
        for (app, asked) in spec.apps.entries() {
            let name = Name::new(&asked.name);
            store.pods.add_app(name, asked.grace);
            let set = store.new_set(SetObject { app, template: 0, replicas: asked.replicas });
            let deployment = DeploymentObject { replicas: asked.replicas, template: 0, sets: vec![set], stalls: false };
            store.deployments.create(deployment, Revision(1));
            store.routes.create(RouteObject::default(), Revision(1));
            store.of_app.push(Vec::new());
            let budgets = (0..spec.budgets.len()).map(BudgetId::from_index);
            let budgets = budgets.filter(|b| spec.budgets[b.index()].apps.contains(&app)).collect();
            let stateful = asked.is_stateful();
            let count = asked.volume.map_or(0, |_| if stateful { asked.replicas } else { 1 });
            let volumes = (0..count).map(|_| store.volumes.push(VolumeObject::default())).min();
            store.app_facts.push(AppFacts { stateful, volumes, budgets, created: 0 });
        }
        for budget in &spec.budgets {
            store.budgets.create(BudgetObject::default(), Revision(1));
            store.budget_facts.push(BudgetFacts { unhealthy: budget.unhealthy });
        }
        store
    }

    /// The newest revision.
    pub fn revision(&self) -> Revision {
        self.revision
    }
    /// Pods.
    pub fn pods(&self) -> &Pods {
        &self.pods
    }
    /// Nodes.
    pub fn nodes(&self) -> &Versions<NodeId, NodeObject> {
        &self.nodes
    }
    /// Budgets.
    pub fn budgets(&self) -> &Versions<BudgetId, BudgetObject> {
        &self.budgets
    }
    /// ReplicaSets.
    pub fn sets(&self) -> &Versions<SetId, SetObject> {
        &self.sets
    }
    /// Deployments.
    pub fn deployments(&self) -> &Versions<AppId, DeploymentObject> {
        &self.deployments
    }
    /// What selects and weighs the pods of each app's Service.
    pub fn routes(&self) -> &Versions<AppId, RouteObject> {
        &self.routes
    }
    /// The newest ReplicaSet of an app that stands beside its Deployment's own.
    pub fn set_beside(&self, app: AppId) -> Option<SetId> {
        let own = &self.deployments.now(app).sets;
        self.sets.ids().rev().find(|set| self.sets.now(*set).app == app && !own.contains(set))
    }
    /// A leader-election lease and the revision that last changed its holder.
    pub fn lease(&self, component: Component) -> (LeaseObject, Revision) {
        (self.leases[component as usize], self.lease_since[component as usize])
    }
    /// The app's pods whose object exists, terminating ones included, in order of creation.
    pub fn pods_of(&self, app: AppId) -> &[PodId] {
        &self.of_app[app]
    }
    /// The volume that a pod needs.
    pub fn volume_of(&self, pod: PodId) -> Option<VolumeId> {
        let first = self.app_facts[self.pods.app(pod)].volumes?;
        let volume = VolumeId(first.0 + self.index_of(pod).unwrap_or(0));
        self.volumes.get(volume).map(|_| volume)
    }
    /// Whether this is a volume of the app.
    pub fn is_volume_of(&self, app: AppId, volume: VolumeId) -> bool {
        let next = || self.app_facts.iter().filter_map(|facts| facts.volumes).filter(|first| *first <= volume).max();
        self.app_facts[app].volumes.is_some_and(|first| Some(first) == next())
    }
    /// A volume.
    pub fn volume(&self, volume: VolumeId) -> &VolumeObject {
        &self.volumes[volume]
    }
    /// How many volumes there are.
    pub fn volumes(&self) -> usize {
        self.volumes.len()
    }
    /// The failure domain of a machine that was added, where it is not the first.
    pub fn set_zone(&mut self, node: NodeId, zone: ZoneId) {
        self.zones[node] = zone;
    }
    /// A pod of a StatefulSet: its ordinal. One of a DaemonSet: its node's id. Others have none.
    pub fn index_of(&self, pod: PodId) -> Option<u32> {
        let place = self.indices.binary_search_by_key(&pod, |(pod, _)| *pod).ok()?;
        self.indices.get(place).map(|(_, index)| *index)
    }
    /// The node that a DaemonSet's pod is for.
    pub fn daemon_node(&self, pod: PodId, spec: &Spec) -> Option<NodeId> {
        let app = self.pods.app(pod);
        self.index_of(pod).filter(|_| spec.apps[app].is_daemon()).map(NodeId)
    }
    /// A pod's name in reports: its app's with its identity's ordinal, or with a count.
    pub fn pod_label(&self, pod: PodId, spec: &Spec) -> String {
        let object = self.pods.now(pod);
        let app = &spec.apps[object.app];
        let number = self.index_of(pod).filter(|_| app.is_stateful()).unwrap_or(object.ordinal);
        format!("{}-{number}", app.name)
    }
    /// The pods bound to a node whose object exists, terminating ones included.
    pub fn pods_on(&self, node: NodeId) -> &[PodId] {
        &self.on_node[node]
    }
    /// The budgets that select an app's pods.
    pub fn budgets_of(&self, app: AppId) -> &[BudgetId] {
        &self.app_facts[app].budgets
    }
    /// Whether a watcher at `from` can resume; one further behind must list again.
    pub fn reaches_back(&self, from: Revision) -> bool {
        self.log.reaches_back(from)
    }
    /// What was written after `from` up to and including `to`, oldest first. `None`: the window has moved on, and a
    /// watcher at `from` must list again (410 Gone).
    pub fn touched(&self, from: Revision, to: Revision) -> Option<impl Iterator<Item = Touched> + '_> {
        self.reaches_back(from).then(|| self.log.between(from, to))
    }

    /// Pods whose endpoint was written after `from` up to and including `to`, oldest first; a pod may come twice.
    /// Read their endpoint at `to`. Reaches back as far as `touched` does.
    pub fn endpoints_touched(&self, from: Revision, to: Revision) -> impl Iterator<Item = PodId> + '_ {
        self.log.endpoints_between(from, to)
    }

    /// Whether the API server that admits the next writes honours `unhealthyPodEvictionPolicy` (from 1.27).
    pub fn honour_eviction_policy(&mut self, honoured: bool) {
        self.knows_eviction_policy = honoured;
    }

    /// What was written of a node and the pods bound to it after `from` up to and including `to`, oldest first. `None`
    /// only if some of that has left the window: a watch that is open has heard of all else, however much that was.
    pub fn touched_on(&self, node: NodeId, from: Revision, to: Revision) -> Option<Vec<Touched>> {
        self.log.between_on(node, from, to)
    }

    /// Room for a machine that may register later. Machines and Node objects share their ids.
    pub fn add_machine(&mut self, node: NodeObject) -> NodeId {
        self.on_node.push(Vec::new());
        self.log.add_node();
        self.zones.push(ZoneId(0));
        self.nodes.create(node, self.revision)
    }

    /// Nobody can resume a watch any more: all list anew.
    pub fn compact(&mut self) {
        self.log.compact(self.revision);
    }

    /// A Deployment and its ReplicaSets as another store has them; younger sets have nothing to keep.
    pub fn rewind_deployment(&mut self, app: AppId, saved: &Store) {
        let then = saved.deployments.now(app).clone();
        self.revision.0 += 1;
        let at = self.revision;
        for set in self.deployments.now(app).sets.clone() {
            let replicas = if then.sets.contains(&set) { saved.sets.now(set).replicas } else { 0 };
            self.sets.change(set, at, |object| object.replicas = replicas);
        }
        self.deployments.change(app, at, |object| *object = then);
    }

    /// A ReplicaSet more.
    fn new_set(&mut self, set: SetObject) -> SetId {
        self.pods.add_set(set.app);
        self.sets.create(set, self.revision)
    }

    fn touch(&mut self, touched: Touched) {
        let node = match touched {
            Touched::Pod(pod) => self.pods.now(pod).node,
            Touched::Node(node) => Some(node),
            Touched::Volume(volume) => self.volumes[volume].attached,
            Touched::Endpoint(_)
            | Touched::Budget(_)
            | Touched::Set(_)
            | Touched::Deployment(_)
            | Touched::Lease(_) => None,
        };
        self.log.push(self.revision, touched, node);
    }
}
