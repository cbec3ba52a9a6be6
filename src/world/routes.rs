//! Routes: which component hears which notice, and what a commit sets going.

use crate::world::behaviour::Behaviour;
use crate::world::cluster::{World, ctx};
use crate::world::command::NodeProcess;
use crate::world::components::kubelet::KubeletFlaw;
use crate::world::disturbance::{Flaw, MasterProcess, Signal};
use crate::world::effects::{Notice, Outcome};
use crate::world::fact::Fact;
use crate::world::ids::{NodeId, PodId, PoolId, RequestId, ZoneId};
use crate::world::members::Asker;
use crate::world::purpose::Purpose;
use crate::world::serving::Serving;
use crate::world::store::{Change, Component, NodeReady, Revision, Touched};
use crate::world::watch::ClientKind;

impl World {
    pub(super) fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::ContainerStarted(pod) => self.container_started(pod),
            Notice::Sigterm(pod) => self.sigterm(pod),
            Notice::Sigkill(pod) => self.sigkill(pod),
            Notice::SandboxReady(pod) => self.traffic.sandbox(pod, true, &mut ctx!(self)),
            Notice::SandboxRemoved(pod) => self.sandbox_removed(pod),
            Notice::ContainerExited(pod) => self.container_exited(pod),
            Notice::Serves(pod, serving) => self.serves(pod, serving),
            Notice::Routes(pod, from, to) => self.routes_changed(pod, from, to),
            Notice::Pulse(node, beating) => self.pulse(node, beating),
            Notice::Rules(node, from, to) => self.rules_changed(node, from, to),
            Notice::RuntimeWorks(node, until) => self.runtimes.set(node, until),
            Notice::ProcessorsWork(until) => self.traffic.processors_work(until, &mut ctx!(self)),
            Notice::TargetsChanged(app) => {
                *self.targets.of_mut(app) = self.balancers.used(app);
                self.traffic.targets_changed(app, &mut ctx!(self));
            }
            Notice::HostChanged(node) => self.host_changed(node),
            Notice::Propose(master, request) => self.etcd.propose(master, request, &mut ctx!(self)),
            Notice::Stored(request, result) => self.stored(request, result),
            Notice::StoredLate(request) => self.stored(request, Ok(())),
            Notice::EtcdServes(master, serves) => {
                self.changes.control_plane = true;
                self.api.etcd_serves(master, serves, &mut ctx!(self));
            }
            Notice::EtcdStopped(master) => self.api.etcd_serves(master, false, &mut ctx!(self)),
            Notice::ServerChanged(master) => {
                self.server_changed(master);
                self.changes.all();
            }
            Notice::ClientServed(client, served) => self.client_served(client, served),
            Notice::MachineStops(node) => self.machine_stops(node),
            Notice::MachineOff(node) => {
                self.machine_off(node);
                // The cloud has no such instance any more, nor its disk; one that merely lost its power it has.
                self.kubelets.wiped(node);
                self.controllers.machine_gone(node, &mut ctx!(self));
            }
            Notice::Launches(node, zone) => self.launches(node, zone),
            Notice::Grows(pool, slot, zone) => self.grows(pool, slot, zone),
            Notice::Linked(node, linked) => {
                self.net.host_mut(node).linked = linked;
                self.host_changed(node);
            }
            Notice::GrowsMasters(slot, zone) => self.grows_masters(slot, zone),
            Notice::Reconfigure(change, master) => self.change_members(change, Asker::Join(master)),
            Notice::StartMember(master) => self.start_process(master, MasterProcess::Etcd),
            Notice::MachineRestarts(node, wiped) => self.machine_restarts(node, wiped),
            Notice::StaticPod(master, process, false) => self.stop_process(master, process, Signal::Term),
            Notice::StaticPod(master, process, true) => self.start_static_pod(master, process),
            Notice::StaticPodKilled(master, process) => self.stop_process(master, process, Signal::Kill),
            Notice::MachineUp(node) => self.machine_up(node),
            Notice::Leads(component, master, leads) => self.leads(component, master, leads),
            Notice::BalancerCuts(master) => self.balancer_cuts(master),
        }
    }

    fn container_started(&mut self, pod: PodId) {
        self.traffic.container_started(pod, &mut ctx!(self));
        self.router_starts(pod);
        self.proxy_pod(pod, true);
        self.misses_api(pod);
    }

    fn sigterm(&mut self, pod: PodId) {
        self.router_stops(pod);
        self.traffic.sigterm(pod, &mut ctx!(self));
    }

    fn sigkill(&mut self, pod: PodId) {
        self.router_stops(pod);
        self.traffic.sigkill(pod, &mut ctx!(self));
        self.proxy_pod(pod, false);
    }

    fn sandbox_removed(&mut self, pod: PodId) {
        self.router_stops(pod);
        self.traffic.sandbox(pod, false, &mut ctx!(self));
    }

    fn container_exited(&mut self, pod: PodId) {
        self.router_stops(pod);
        self.kubelets.container_exited(pod, &mut ctx!(self));
        self.proxy_pod(pod, false);
    }

    fn serves(&mut self, pod: PodId, serving: Serving) {
        self.serving.set(pod, serving);
        self.kubelets.serving_changed(pod, &mut ctx!(self));
        let app = self.store.pods().app(pod);
        self.balancers.pod_changed(pod, app, &mut ctx!(self));
    }

    /// The process of a kube-proxy's pod starts or ends.
    fn proxy_pod(&mut self, pod: PodId, runs: bool) {
        let object = self.store.pods().now(pod);
        if !self.spec.apps[object.app].is_kube_proxy {
            return;
        }
        match (object.node, runs) {
            (Some(node), true) => self.start_node_process(node, NodeProcess::Proxy),
            (Some(node), false) => self.stop_node_process(node, NodeProcess::Proxy),
            (None, _) => {}
        }
    }

    /// A process that starts where the API servers serve no more what it reads waits for its caches for ever. While
    /// some still do, it depends on which of them it is connected to.
    fn misses_api(&mut self, pod: PodId) {
        let (app, name) = (self.store.pods().app(pod), self.store.pods().name(pod));
        let Some(minor) = self.spec.apps[app].uses_apis.iter().map(|api| api.minor).min() else { return };
        let serving: Vec<bool> = self.api.live_versions().map(|version| !version.at_least(1, minor)).collect();
        if serving.is_empty() {
            return;
        }
        let mut draw = self.draws.at(Purpose::ServerPick as u16, name, u64::MAX);
        if !serving[draw.below(serving.len() as u64) as usize] {
            self.traffic.never_listens(pod);
            self.out.facts.push(Fact::ApiMissed { pod });
        }
    }

    fn pulse(&mut self, node: NodeId, beating: bool) {
        let client = self.kubelet_clients[node];
        let unserved = self.api.unserved_since(client).filter(|_| !beating);
        let at = unserved.map_or(self.now, |since| since.min(self.now));
        match (self.spec.asks_about_leases(), beating) {
            (false, _) => self.pulses.set(node, beating, at),
            (true, true) => self.kubelets.renews(node, self.now, &mut ctx!(self)),
            (true, false) => self.kubelets.renews_no_more(node),
        }
        self.controllers.pulse(node, beating, &mut ctx!(self));
    }

    fn rules_changed(&mut self, node: NodeId, from: Revision, to: Revision) {
        let from = if self.store.touched(from, to).is_some() { from } else { Revision(0) };
        self.rules.set(node, to);
        if from > Revision(0) {
            let mut last = None;
            for pod in self.store.endpoints_touched(from, to) {
                let app = self.store.pods().app(pod);
                if last != Some(app) {
                    self.out.facts.push(Fact::RulesProgrammed { node, app });
                    last = Some(app);
                }
            }
        }
        self.traffic.rules_changed(node, from, to, &mut ctx!(self));
        self.balancers.node_changed(node, &mut ctx!(self));
    }

    /// An ingress controller sends requests by another revision of the slices.
    fn routes_changed(&mut self, pod: PodId, from: Revision, to: Revision) {
        if from > Revision(0) && to > from {
            let mut last = None;
            for endpoint in self.store.endpoints_touched(from, to) {
                let app = self.store.pods().app(endpoint);
                if last != Some(app) && self.passes(pod, app) {
                    self.out.facts.push(Fact::RouterFollows { pod, app });
                    last = Some(app);
                }
            }
        }
        self.traffic.routes_changed(pod, to, &mut ctx!(self));
    }

    /// Whether some group's requests for an app pass this pod's app.
    fn passes(&self, pod: PodId, app: crate::world::ids::AppId) -> bool {
        let front = self.store.pods().app(pod);
        self.spec.groups.iter().any(|group| group.via == Some(front) && group.app == app)
    }

    /// The ingress controller in a pod starts.
    fn router_starts(&mut self, pod: PodId) {
        let object = self.store.pods().now(pod);
        let (app, name, Some(node)) = (object.app, self.store.pods().name(pod), object.node) else { return };
        if self.spec.apps[app].router.is_none() {
            return;
        }
        let version = self.spec.control_plane.from;
        let client = match self.routers.client(pod) {
            Some(client) => client,
            None => self.add_router(pod, node, name, app),
        };
        // A process knows what it has listed, not what the one before it knew.
        self.watches.cursor_mut(client).revision = Revision(0);
        self.api.client_starts(client, version, &mut ctx!(self));
        self.routers.starts(pod, &mut ctx!(self));
    }

    pub(super) fn add_router(
        &mut self,
        pod: PodId,
        node: NodeId,
        name: crate::base::Name,
        app: crate::world::ids::AppId,
    ) -> crate::world::ids::ClientId {
        let version = self.spec.control_plane.from;
        let route = crate::world::components::api::Route::Balanced;
        let client = self.add_client(ClientKind::Router(pod, node), name.part(1), route, version);
        self.routers.add(pod, name, app, client);
        client
    }

    /// The ingress controller in a pod stops; its data plane goes on by what it has.
    fn router_stops(&mut self, pod: PodId) {
        if let Some(client) = self.routers.client(pod) {
            self.routers.stops(pod);
            self.api.client_stops(client, &mut ctx!(self));
        }
    }

    fn host_changed(&mut self, node: NodeId) {
        if let Some(master) = self.master_on(node) {
            let linked = self.net.reaches(node) && self.net.host(node).peers;
            self.etcd.linked(master, linked, &mut ctx!(self));
        }
        self.api.host_changed(node, &mut ctx!(self));
        self.traffic.host_changed(node, &mut ctx!(self));
        self.balancers.node_changed(node, &mut ctx!(self));
        self.changes.all();
    }

    fn client_served(&mut self, client: crate::world::ids::ClientId, served: bool) {
        self.watches.cursor_mut(client).connected = served;
        match self.client_kinds[client] {
            ClientKind::Kubelet(node) => self.kubelets.served(node, served, &mut ctx!(self)),
            ClientKind::Proxy(_) | ClientKind::Router(..) => {}
            ClientKind::Elected(Component::ControllerManager, master) => {
                self.controllers.served(master, served, &mut ctx!(self));
            }
            ClientKind::Elected(Component::Scheduler, master) => {
                self.schedulers.served(master, served, &mut ctx!(self));
            }
            ClientKind::Operator(_) => self.changes.all(),
        }
    }

    fn leads(&mut self, component: Component, master: crate::world::ids::MasterId, leads: bool) {
        let client = self.masters[master].elected[component as usize];
        self.api.leads(component, client, leads);
        if leads {
            // A new leader's caches are filled from now on (controllers), or were kept warm (scheduler).
            let revision = self.store.revision();
            self.watches.cursor_mut(client).revision = revision;
            if component == Component::Scheduler {
                self.schedulers.listed(master, revision, &mut ctx!(self));
            }
        }
        if component == Component::ControllerManager {
            let version = leads.then(|| self.static_pods.started(master, MasterProcess::ControllerManager));
            self.balancers.controller_is(version, &mut ctx!(self));
        }
    }

    /// etcd is done with a request.
    fn stored(&mut self, request: RequestId, result: Outcome) {
        if self.probes.owns(request) {
            return self.probe_stored(request, result);
        }
        if self.member_orders.owns(request) {
            return self.members_changed(request, result);
        }
        let Some((server, change)) = self.api.stored(request, result, &mut ctx!(self)) else { return };
        // Admission is the server's, and so is its version.
        let (version, _) = self.api.server(server);
        self.store.honour_eviction_policy(Behaviour::of(version).unhealthy_eviction_policy);
        let result = self.commit(&change);
        self.api.applied(request, result, &mut ctx!(self));
    }

    /// Applies a change to the store at this instant; everyone who follows it will hear.
    pub(super) fn commit(&mut self, change: &Change) -> Outcome {
        if let Change::Renew { node } = change {
            self.pulses.renewed(*node, self.now);
            return Ok(());
        }
        let before = self.store.revision();
        match self.store.apply(change, self.now) {
            Ok(_) => {
                self.announce(change, before);
                self.is_heard_of(change);
                let (kinds, proxies) = (&self.client_kinds, &self.proxies);
                let at_work = |client| matches!(kinds[client], ClientKind::Proxy(node) if proxies.is_busy(node));
                self.api.publish(at_work, &mut ctx!(self));
                self.set_going(before);
                Ok(())
            }
            Err(error) => {
                if let Change::Evict { pod, .. } = change {
                    self.out.facts.push(Fact::EvictionRefused { pod: *pod, error });
                }
                Err(error)
            }
        }
    }

    /// Where renewals are writes, a kubelet's post of its node's status is as good as one.
    /// Source: `pkg/controller/nodelifecycle`, `updateNodeHealth`: the probe's time follows the newer of both.
    fn is_heard_of(&mut self, change: &Change) {
        let node = match change {
            Change::RegisterNode { node, .. } => *node,
            Change::NodeStatus { node, ready: NodeReady::True | NodeReady::False } => *node,
            _ => return,
        };
        if self.spec.asks_about_leases() {
            self.pulses.renewed(node, self.now);
        }
    }

    /// What a commit concerns beside its watchers: load balancers, and actors that poll.
    fn set_going(&mut self, before: Revision) {
        let (mut nodes, mut endpoints) = (false, None);
        for touched in self.store.touched(before, self.store.revision()).into_iter().flatten() {
            match touched {
                Touched::Node(_) => {
                    nodes = true;
                    (self.changes.any, self.changes.machines) = (true, true);
                }
                Touched::Pod(pod) => {
                    self.changes.any = true;
                    if self.store.pods().now(pod).gone {
                        self.changes.ended.push(pod);
                    }
                }
                Touched::Budget(_) => self.changes.any = true,
                Touched::Endpoint(pod) => endpoints = Some(self.store.pods().app(pod)),
                Touched::Deployment(app) => self.changes.any |= self.store.deployments().now(app).stalls,
                Touched::Set(_) | Touched::Lease(_) | Touched::Volume(_) => {}
            }
        }
        if nodes {
            self.balancers.nodes_changed(&mut ctx!(self));
        }
        if let Some(app) = endpoints {
            self.balancers.endpoints_changed(app, &mut ctx!(self));
        }
    }

    /// Tells observers what a committed change has done.
    fn announce(&mut self, change: &Change, before: Revision) {
        let (store, facts) = (&self.store, &mut self.out.facts);
        let pod_before = |pod: PodId| store.pods().at(pod, before);
        match change {
            Change::CreatePod { .. } | Change::CreatePodAt { .. } => {
                for touched in store.touched(before, store.revision()).into_iter().flatten() {
                    if let Touched::Pod(pod) = touched {
                        facts.push(Fact::PodCreated { pod });
                    }
                }
            }
            Change::Bind { pod, node } => facts.push(Fact::PodBound { pod: *pod, node: *node }),
            Change::PodStatus { pod, ready, .. } => {
                if pod_before(*pod).is_some_and(|old| old.ready != *ready) {
                    facts.push(Fact::PodReady { pod: *pod, ready: *ready });
                }
            }
            Change::DeletePod { pod, .. }
            | Change::Evict { pod, .. }
            | Change::Preempt { pod, .. }
            | Change::RemovePod { pod } => {
                match change {
                    Change::Evict { .. } => facts.push(Fact::Evicted { pod: *pod }),
                    Change::Preempt { by, .. } => facts.push(Fact::PodPreempted { pod: *pod, by: *by }),
                    _ => {}
                }
                if store.pods().now(*pod).gone {
                    facts.push(Fact::PodGone { pod: *pod });
                } else if pod_before(*pod).is_some_and(|old| old.deleting.is_none()) {
                    facts.push(Fact::PodDeleting { pod: *pod });
                }
            }
            Change::Endpoints { pods, .. } => {
                facts.extend(pods.iter().map(|(pod, endpoint)| Fact::EndpointSet { pod: *pod, endpoint: *endpoint }));
            }
            Change::RegisterNode { node, version } => {
                facts.push(Fact::NodeRegistered { node: *node, version: *version });
            }
            Change::NodeStatus { node, ready } => {
                if store.nodes().at(*node, before).is_some_and(|old| old.ready != *ready) {
                    facts.push(Fact::NodeReadyIs { node: *node, ready: *ready });
                }
            }
            Change::Cordon { node, unschedulable } => {
                facts.push(Fact::NodeCordoned { node: *node, unschedulable: *unschedulable });
            }
            Change::Scale { app, replicas } => facts.push(Fact::AppScaled { app: *app, replicas: *replicas }),
            Change::DeleteNode { node } => facts.push(Fact::NodeDeleted { node: *node }),
            Change::RolloutStalls { app, stalls: true } => facts.push(Fact::RolloutStalled { app: *app }),
            Change::BudgetStatus { .. }
            | Change::CreateSet { .. }
            | Change::ScaleSet { .. }
            | Change::NewTemplate { .. }
            | Change::Deliver { .. }
            | Change::RolloutStalls { .. }
            | Change::AttachVolume { .. }
            | Change::DetachVolume { .. }
            | Change::NodeTaints { .. }
            | Change::PreferNoSchedule { .. }
            | Change::ExcludeFromBalancers { .. }
            | Change::Renew { .. }
            | Change::Lease { .. } => {}
        }
    }

    fn machine_stops(&mut self, node: NodeId) {
        self.kubelets.machine_stops(node, &mut ctx!(self));
        if let Some(master) = self.master_on(node) {
            self.controllers.signal(master, Signal::Term, &mut ctx!(self));
            self.schedulers.signal(master, Signal::Term, &mut ctx!(self));
            self.api.signal(master, Signal::Term, &mut ctx!(self));
            self.etcd.signal(master, Signal::Term, &mut ctx!(self));
        }
    }

    /// A machine is off: whatever still ran on it is gone, and nobody was told.
    pub(super) fn machine_off(&mut self, node: NodeId) {
        self.net.host_mut(node).powered = false;
        // Kernel rules go with the power.
        self.rules.set(node, Revision(0));
        self.host_changed(node);
        if let Some(master) = self.master_on(node) {
            self.static_pods.machine_off(master);
            self.joins.ends(master);
            self.etcd.signal(master, Signal::Kill, &mut ctx!(self));
            self.api.signal(master, Signal::Kill, &mut ctx!(self));
            self.controllers.signal(master, Signal::Kill, &mut ctx!(self));
            self.schedulers.signal(master, Signal::Kill, &mut ctx!(self));
            for client in self.masters[master].elected {
                self.api.client_stops(client, &mut ctx!(self));
            }
        }
        for pod in self.store.pods_on(node).to_vec() {
            self.router_stops(pod);
        }
        self.kubelets.machine_off(node, &mut ctx!(self));
        self.api.client_stops(self.kubelet_clients[node], &mut ctx!(self));
        self.proxies.stops(node);
        self.proxy_rests(node);
        if let Some(client) = self.proxies.client(node) {
            self.api.client_stops(client, &mut ctx!(self));
        }
    }

    /// A group launches a machine in the place of this one.
    fn launches(&mut self, node: NodeId, zone: ZoneId) {
        let (mut instance, incarnation) = self.cloud.successor(node);
        instance.zone = zone;
        let successor = self.add_machine(instance, incarnation, false);
        if let Some(master) = self.cloud.instances()[successor].master {
            self.masters[master].node = successor;
            self.static_pods.machine_replaced(master);
        }
        self.cloud.launched(successor, &mut ctx!(self));
    }

    /// A group launches one machine more.
    fn grows(&mut self, pool: PoolId, slot: u32, zone: ZoneId) {
        let (mut instance, incarnation) = self.cloud.grown(pool, slot, &self.spec.pools[pool].name);
        instance.zone = zone;
        let node = self.add_machine(instance, incarnation, false);
        self.cloud.surged(node, &ctx!(self));
        self.cloud.launched(node, &mut ctx!(self));
    }

    /// A machine that restarts is off; no cloud says that it is gone, so its Node object stays.
    fn machine_restarts(&mut self, node: NodeId, wiped: bool) {
        self.machine_off(node);
        if wiped {
            self.kubelets.wiped(node);
        }
        self.cloud.reboots(node, &mut ctx!(self));
    }

    /// A machine has booted: its processes start.
    fn machine_up(&mut self, node: NodeId) {
        let version = self.cloud.instances()[node].version;
        self.net.host_mut(node).powered = true;
        self.host_changed(node);
        if let Some(master) = self.master_on(node) {
            let [etcd, server, manager, scheduler] =
                MasterProcess::ALL.map(|process| self.static_pods.starts(master, process, version));
            match self.etcd.standing(master) {
                Some(_) => {
                    let etcd = self.etcd_version(etcd);
                    self.etcd.start(master, etcd, &mut ctx!(self));
                }
                None => self.joins.begins(master, version, &mut ctx!(self)),
            }
            self.api.register(master);
            self.api.start(master, node, server, &mut ctx!(self));
            let [of_manager, of_scheduler] = self.masters[master].elected;
            self.api.client_starts(of_manager, manager, &mut ctx!(self));
            self.api.client_starts(of_scheduler, scheduler, &mut ctx!(self));
            self.controllers.start(master, manager, &mut ctx!(self));
            self.schedulers.start(master, scheduler, &mut ctx!(self));
        }
        match self.cloud.flaw(node) {
            Some(Flaw::NeverRegisters) => self.kubelets.set_flaw(node, Some(KubeletFlaw::NeverRegisters)),
            Some(Flaw::NeverReady) => self.kubelets.set_flaw(node, Some(KubeletFlaw::NeverReady)),
            Some(Flaw::NeverBoots) | None => {}
        }
        self.api.client_starts(self.kubelet_clients[node], version, &mut ctx!(self));
        self.kubelets.machine_up(node, version, &mut ctx!(self));
        // An add-on's process starts with its pod.
        if let Some(client) = self.proxies.client(node)
            && !self.spec.apps.iter().any(|app| app.is_kube_proxy)
        {
            self.api.client_starts(client, version, &mut ctx!(self));
            self.proxies.starts(node, version, &mut ctx!(self));
        }
    }

    /// The etcd that comes with a master of this Kubernetes version.
    pub(super) fn etcd_version(&self, version: crate::base::Version) -> crate::base::Version {
        self.spec.control_plane.etcd_of(version)
    }
}
