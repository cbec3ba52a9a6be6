//! The start of a run: a cluster in steady state, placed by the real scheduler's rules, healthy before time zero.

use std::sync::Arc;

use crate::base::{Id, IdVec, Name, Time, Version};
use crate::engine::Draws;
use crate::world::cluster::{Master, World, ctx};
use crate::world::components::api::{Api, Route};
use crate::world::components::balancer::Balancers;
use crate::world::components::cloud::Cloud;
use crate::world::components::controllers::Controllers;
use crate::world::components::etcd::Etcd;
use crate::world::components::joining::Joins;
use crate::world::components::kubelet::Kubelets;
use crate::world::components::probe::Probes;
use crate::world::components::proxy::Proxies;
use crate::world::components::routers::Routers;
use crate::world::components::scheduler::Schedulers;
use crate::world::components::static_pods::StaticPods;
use crate::world::effects::{Ctx, Effects};
use crate::world::fact::Fact;
use crate::world::ids::{AppId, ClientId, MasterId, NodeId, PodId, PoolId, ZoneId};
use crate::world::members::MemberOrders;
use crate::world::network::Network;
use crate::world::pulse::{LEASE_RENEW, Pulses};
use crate::world::purpose::Purpose;
use crate::world::reported::{Changes, Instance};
use crate::world::restore::Backups;
use crate::world::rules::Rules;
use crate::world::runtimes::Runtimes;
use crate::world::serving::ServingTable;
use crate::world::spec::{Place, ServiceKind, Spec, WorkloadKind};
use crate::world::store::{Change, Component, Endpoint, NodeObject, NodeReady, Phase, Revision, Store};
use crate::world::targets::Targets;
use crate::world::traffic::Traffic;
use crate::world::watch::{ClientKind, Watches};

/// The cluster cannot be healthy, upgrade or not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{app}: only {placed} of {replicas} pods find a node: {why}")]
pub struct NeverHealthy {
    /// The app whose pods find no node.
    pub app: String,
    /// Pods that do.
    pub placed: u32,
    /// Pods wanted.
    pub replicas: u32,
    /// What the scheduler says of the next.
    pub why: String,
}

impl World {
    /// A cluster in steady state at time zero.
    ///
    /// # Errors
    /// When its own scheduler finds no place for some pod: a cluster that never became healthy proves nothing.
    pub fn begin(spec: Arc<Spec>, seed: u64) -> Result<World, NeverHealthy> {
        let mut world = World::bare(spec, seed);
        world.add_masters();
        world.add_pools();
        world.register_nodes();
        world.place_pods()?;
        world.fill_budgets();
        world.elect();
        world.add_routers();
        world.connect();
        world.start_components();
        Ok(world)
    }

    /// The tables and components, with nothing in them.
    fn bare(spec: Arc<Spec>, seed: u64) -> World {
        let draws = Draws::new(seed, Purpose::COUNT);
        let store = Store::new(&spec);
        let (watches, net, serving) = (Watches::default(), Network::default(), ServingTable::default());
        let (pulses, rules, targets) = (Pulses::default(), Rules::default(), Targets::new(spec.apps.len()));
        let (runtimes, mut out) = (Runtimes::default(), Effects::default());
        let mut ctx = Ctx {
            now: Time::ZERO,
            spec: &spec,
            draws: &draws,
            store: &store,
            watches: &watches,
            net: &net,
            serving: &serving,
            pulses: &pulses,
            rules: &rules,
            runtimes: &runtimes,
            targets: &targets,
            out: &mut out,
        };
        let plane = &spec.control_plane;
        let machines: Vec<NodeId> = (0..plane.replicas).map(NodeId).collect();
        let etcd = Etcd::new(&plane.etcd, plane.replicas, &mut ctx);
        let api = Api::new(&machines, plane.from, &ctx);
        let balancers = Balancers::new(&ctx);
        let traffic = Traffic::begin(&mut ctx);
        let cloud = Cloud::new(plane.from, spec.pools.len());
        let static_pods = StaticPods::new(plane.replicas, plane.from);
        World {
            now: Time::ZERO,
            controllers: Controllers::new(Vec::new()),
            schedulers: Schedulers::new(Vec::new()),
            kubelets: Kubelets::new(),
            proxies: Proxies::default(),
            routers: Routers::default(),
            masters: IdVec::new(),
            kubelet_clients: IdVec::new(),
            client_kinds: IdVec::new(),
            flattered: false,
            changes: Changes::default(),
            machines_changed: 0,
            spec,
            draws,
            store,
            watches,
            net,
            serving,
            pulses,
            rules,
            runtimes,
            targets,
            out,
            etcd,
            api,
            balancers,
            cloud,
            static_pods,
            joins: Joins::default(),
            member_orders: MemberOrders::default(),
            backups: Backups::default(),
            traffic,
            probes: Probes::default(),
        }
    }

    pub(super) fn add_client(&mut self, kind: ClientKind, name: Name, route: Route, version: Version) -> ClientId {
        self.client_kinds.push(kind);
        self.watches.add(self.store.revision());
        self.api.add_client(kind, name, route, version)
    }

    fn add_masters(&mut self) {
        let (replicas, from) = (self.spec.control_plane.replicas, self.spec.control_plane.from);
        let mut elected: [Vec<ClientId>; 2] = Default::default();
        for master in (0..replicas).map(MasterId) {
            let clients = self.add_elected(master, from);
            for component in [Component::ControllerManager, Component::Scheduler] {
                elected[component as usize].push(clients[component as usize]);
            }
            self.masters.push(Master { node: NodeId(master.0), elected: clients });
        }
        let [managers, schedulers] = elected;
        self.controllers = Controllers::new(managers);
        self.schedulers = Schedulers::new(schedulers);
        for slot in 0..replicas {
            let (label, master) = (format!("master-{}", slot + 1), Some(MasterId(slot)));
            let zone = ZoneId(slot % self.spec.control_plane.zones.max(1));
            let (detached, running) = (false, true);
            let instance = Instance { pool: None, master, slot, zone, version: from, detached, running, label };
            self.add_machine(instance, 0, true);
        }
    }

    /// The API clients of a master's controller manager and scheduler.
    pub(super) fn add_elected(&mut self, master: MasterId, version: Version) -> [ClientId; 2] {
        [Component::ControllerManager, Component::Scheduler].map(|component| {
            let name = Name::new("elected").part(component as u64).part(u64::from(master.0));
            self.add_client(ClientKind::Elected(component, master), name, Route::Local(master), version)
        })
    }

    fn add_pools(&mut self) {
        let from = self.spec.control_plane.from;
        for pool in self.spec.pools.ids() {
            for slot in 0..self.spec.pools[pool].count {
                let label = format!("{}-{}", self.spec.pools[pool].name, slot + 1);
                let instance = Instance {
                    pool: Some(pool),
                    master: None,
                    slot,
                    zone: ZoneId(slot % self.spec.pools[pool].zones.max(1)),
                    version: from,
                    detached: false,
                    running: true,
                    label,
                };
                self.add_machine(instance, 0, true);
            }
        }
    }

    /// Adds a machine to every table.
    pub(super) fn add_machine(&mut self, instance: Instance, incarnation: u32, powered: bool) -> NodeId {
        let (pool, slot, version, master) = (instance.pool, instance.slot, instance.version, instance.master);
        let group = pool.map_or("masters", |pool| &self.spec.pools[pool].name);
        let name = Name::new(group).part(u64::from(slot)).part(u64::from(incarnation));
        let node = self.cloud.add(instance, name);
        self.net.add(powered);
        let phase = self.draws.at(Purpose::Phase as u16, name, 0).span_below(LEASE_RENEW);
        self.pulses.add(Time::ZERO + phase);
        self.rules.add();
        self.runtimes.add();
        let added = self.store.add_machine(NodeObject::unregistered());
        self.store.set_zone(added, self.cloud.instances()[added].zone);
        let route = master.map_or(Route::Balanced, Route::Local);
        let client = self.add_client(ClientKind::Kubelet(node), name.part(1), route, version);
        self.kubelet_clients.push(client);
        self.kubelets.add(node, name, client, pool, &mut ctx!(self));
        let proxy =
            self.passes_traffic(pool).then(|| self.add_client(ClientKind::Proxy(node), name.part(2), route, version));
        self.proxies.add(name, proxy);
        self.balancers.add(node, name, pool);
        let ZoneId(zone) = self.cloud.instances()[node].zone;
        self.schedulers.add_node(node, name, pool, zone, &mut ctx!(self));
        self.controllers.add_node(node, name, pool, zone, &mut ctx!(self));
        self.traffic.name_node(node, name, pool, &mut ctx!(self));
        node
    }

    /// Whether user traffic passes the nodes of a pool, so that their kernel rules matter.
    fn passes_traffic(&self, pool: Option<PoolId>) -> bool {
        // The API servers dial webhooks through the rules of their own machines.
        let Some(pool) = pool else { return !self.spec.webhooks.is_empty() };
        let spec = &self.spec.pools[pool];
        let outside =
            spec.in_load_balancer && self.spec.apps.iter().any(|app| app.service == ServiceKind::LoadBalancer);
        outside
            || self.spec.groups.iter().any(|group| {
                let hosts = |app| self.spec.apps[app].pool.map_or(spec.runs_apps, |home| home == pool);
                let here = match group.place {
                    Place::Pool(place) => place == pool,
                    Place::App(app) => hosts(app),
                    Place::Outside => false,
                };
                here || group.via.is_some_and(hosts)
            })
    }

    fn register_nodes(&mut self) {
        for node in self.cloud.instances().ids() {
            let version = self.cloud.instances()[node].version;
            self.set(Change::RegisterNode { node, version });
            self.set(Change::NodeStatus { node, ready: NodeReady::True });
            self.set(Change::NodeTaints { node, no_schedule: false, no_execute: false });
        }
    }

    /// A write that was there before the run began.
    fn set(&mut self, change: Change) {
        let done = self.store.apply(&change, Time::ZERO);
        debug_assert!(done.is_ok(), "the first state is consistent: {change:?}");
    }

    fn place_pods(&mut self) -> Result<(), NeverHealthy> {
        self.schedulers.prepare(&mut ctx!(self));
        // DaemonSets' pods come with their nodes, before all others.
        let (daemons, others): (Vec<AppId>, Vec<AppId>) =
            self.spec.apps.ids().partition(|app| self.spec.apps[*app].is_daemon());
        for app in daemons.into_iter().chain(others) {
            let indices = self.first_indices(app);
            let replicas = indices.len() as u32;
            for (placed, index) in indices.into_iter().enumerate() {
                let (pod, placed) = (self.create_pod(app, index), placed as u32);
                let node = self.schedulers.place(pod, &mut ctx!(self)).map_err(|why| NeverHealthy {
                    app: self.spec.apps[app].name.clone(),
                    placed,
                    replicas,
                    why: why.to_string(),
                })?;
                self.set(Change::Bind { pod, node });
                self.set(Change::PodStatus { pod, phase: Phase::Running, ready: true });
                if let Some(volume) = self.store.volume_of(pod) {
                    self.set(Change::AttachVolume { volume, node });
                }
            }
            let pods = self.store.pods_of(app).iter().map(|pod| (*pod, Endpoint::Ready)).collect();
            self.set(Change::Endpoints { app, pods });
        }
        Ok(())
    }

    /// What an app's first pods are: identities, nodes, or just so many.
    fn first_indices(&self, app: AppId) -> Vec<Option<u32>> {
        let asked = &self.spec.apps[app];
        match asked.kind {
            WorkloadKind::Deployment => vec![None; asked.replicas as usize],
            WorkloadKind::StatefulSet { .. } => (0..asked.replicas).map(Some).collect(),
            WorkloadKind::DaemonSet { .. } => {
                let machines = self.cloud.instances().entries();
                let suited = machines.filter(|(_, machine)| self.spec.suits(asked, machine.pool));
                suited.map(|(node, _)| Some(node.0)).collect()
            }
        }
    }

    fn create_pod(&mut self, app: AppId, index: Option<u32>) -> PodId {
        let set = self.store.deployments().now(app).sets[0];
        self.set(index.map_or(Change::CreatePod { set }, |index| Change::CreatePodAt { set, index }));
        PodId::from_index(self.store.pods().len() - 1)
    }

    fn fill_budgets(&mut self) {
        for change in self.controllers.first_budgets(&mut ctx!(self)) {
            self.set(change);
        }
    }

    /// Chooses who leads, once for each component.
    fn elect(&mut self) {
        for component in [Component::ControllerManager, Component::Scheduler] {
            let master = self.first_leader(component);
            let (_, known) = self.store.lease(component);
            self.set(Change::Lease { component, holder: Some((master, 0)), known });
        }
    }

    fn first_leader(&self, component: Component) -> MasterId {
        let mut draw = self.draws.at(Purpose::Placement as u16, Name::new("lease").part(component as u64), 0);
        MasterId(draw.below(u64::from(self.spec.control_plane.replicas)) as u32)
    }

    /// The ingress controllers of pods that run already.
    fn add_routers(&mut self) {
        for pod in self.store.pods().ids() {
            let object = self.store.pods().now(pod);
            let (app, name) = (object.app, self.store.pods().name(pod));
            if let (Some(node), true) = (object.node, self.spec.apps[app].router.is_some()) {
                self.add_router(pod, node, name, app);
            }
        }
    }

    /// All clients have heard everything and are connected.
    fn connect(&mut self) {
        self.api.begin(&mut ctx!(self));
        let revision: Revision = self.store.revision();
        for client in self.client_kinds.ids() {
            self.watches.cursor_mut(client).revision = revision;
            self.watches.cursor_mut(client).connected = true;
            self.api.client_began(client, &mut ctx!(self));
        }
    }

    fn start_components(&mut self) {
        let from = self.spec.control_plane.from;
        for node in self.cloud.instances().ids() {
            if self.spec.asks_about_leases() {
                let first = self.pulses.next(node, Time::ZERO);
                self.kubelets.renews(node, first, &mut ctx!(self));
            } else {
                self.pulses.set(node, true, Time::ZERO);
            }
            let pods = self.store.pods_on(node).to_vec();
            for pod in &pods {
                self.serving.set(*pod, crate::world::serving::Serving::Open);
            }
            self.kubelets.begin(node, &pods, &mut ctx!(self));
            if self.proxies.client(node).is_some() {
                self.rules.set(node, self.store.revision());
                self.proxies.begin(node, from, &mut ctx!(self));
            }
        }
        for pod in self.store.pods().ids() {
            self.routers.begin(pod, &mut ctx!(self));
        }
        let (manager, scheduler) =
            (self.first_leader(Component::ControllerManager), self.first_leader(Component::Scheduler));
        self.api.leads(Component::ControllerManager, self.masters[manager].elected[0], true);
        self.api.leads(Component::Scheduler, self.masters[scheduler].elected[1], true);
        self.controllers.begin(manager, &mut ctx!(self));
        self.schedulers.begin(scheduler, &mut ctx!(self));
        self.balancers.begin(from, &mut ctx!(self));
        for app in self.spec.apps.ids() {
            *self.targets.of_mut(app) = self.balancers.used(app);
        }
        // What the traffic of an empty cluster told, before there was any target, is nobody's.
        self.out.facts.retain(|fact| !matches!(fact, Fact::ExposureBegan { .. }));
        self.traffic = Traffic::begin(&mut ctx!(self));
        for node in self.cloud.instances().ids() {
            let (name, pool) = (self.cloud.name(node), self.cloud.instances()[node].pool);
            self.traffic.name_node(node, name, pool, &mut ctx!(self));
        }
        self.probes = Probes::begin(&mut ctx!(self));
        self.out.notices.retain(|notice| !is_table(notice));
        self.settle_effects();
        // One for each pod: no later step puts out as many.
        self.out.notices.shrink_to_fit();
    }
}

/// Notices that only say what the first tables already hold.
fn is_table(notice: &crate::world::effects::Notice) -> bool {
    use crate::world::effects::Notice;
    matches!(
        notice,
        Notice::Rules(..) | Notice::TargetsChanged(_) | Notice::Serves(..) | Notice::Pulse(..) | Notice::Leads(..)
    )
}
