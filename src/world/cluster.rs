//! The whole cluster: all components, the tables they share, and the routes between them.

use std::sync::Arc;

use crate::base::{IdVec, Time};
use crate::engine::Draws;
use crate::engine::queue::Popped;
use crate::world::components::api::{Api, ApiEvent};
use crate::world::components::balancer::Balancers;
use crate::world::components::cloud::Cloud;
use crate::world::components::controllers::{Controllers, ControllersEvent};
use crate::world::components::etcd::Etcd;
use crate::world::components::joining::Joins;
use crate::world::components::kubelet::{KubeletEvent, Kubelets};
use crate::world::components::probe::Probes;
use crate::world::components::proxy::{Proxies, ProxyEvent};
use crate::world::components::routers::Routers;
use crate::world::components::scheduler::{SchedulerEvent, Schedulers, Unschedulable};
use crate::world::components::static_pods::StaticPods;
use crate::world::effects::{Ctx, Effects, Outcome, ReplyTo};
use crate::world::event::Event;
use crate::world::ids::{ActorId, AppId, ClientId, FaultId, MasterId, NodeId, PodId};
use crate::world::members::MemberOrders;
use crate::world::network::Network;
use crate::world::pulse::Pulses;
use crate::world::reported::Changes;
use crate::world::restore::Backups;
use crate::world::rules::Rules;
use crate::world::runtimes::Runtimes;
use crate::world::serving::ServingTable;
use crate::world::spec::Spec;
use crate::world::store::{Component, Revision, Store};
use crate::world::targets::Targets;
use crate::world::traffic::Traffic;
use crate::world::watch::{ClientKind, Watches};

/// A master's place: who runs there now.
#[derive(Clone, Debug)]
pub(super) struct Master {
    /// Its machine.
    pub(super) node: NodeId,
    /// API clients of its controller manager and scheduler.
    pub(super) elected: [ClientId; 2],
}

/// A cluster in a run: plain data that clones.
#[derive(Clone, Debug)]
pub struct World {
    pub(super) now: Time,
    pub(super) spec: Arc<Spec>,
    pub(super) draws: Draws,
    pub(super) store: Store,
    pub(super) watches: Watches,
    pub(super) net: Network,
    pub(super) serving: ServingTable,
    pub(super) pulses: Pulses,
    pub(super) rules: Rules,
    pub(super) runtimes: Runtimes,
    pub(super) targets: Targets,
    pub(super) out: Effects,
    pub(super) etcd: Etcd,
    pub(super) api: Api,
    pub(super) controllers: Controllers,
    pub(super) schedulers: Schedulers,
    pub(super) kubelets: Kubelets,
    pub(super) proxies: Proxies,
    pub(super) routers: Routers,
    pub(super) balancers: Balancers,
    pub(super) cloud: Cloud,
    pub(super) static_pods: StaticPods,
    pub(super) joins: Joins,
    pub(super) member_orders: MemberOrders,
    pub(super) backups: Backups,
    pub(super) traffic: Traffic,
    pub(super) probes: Probes,
    pub(super) masters: IdVec<MasterId, Master>,
    pub(super) kubelet_clients: IdVec<NodeId, ClientId>,
    pub(super) client_kinds: IdVec<ClientId, ClientKind>,
    /// Tools that validate the cluster find nothing wrong with it.
    pub(super) flattered: bool,
    /// What has changed that an actor could see.
    pub(super) changes: Changes,
    /// How often machines, Node objects or static pods have changed.
    pub(super) machines_changed: u64,
}

/// What the world leaves to the run that drives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    /// An actor's alarm.
    Alarm {
        /// Which actor.
        actor: ActorId,
        /// Which alarm.
        alarm: u32,
    },
    /// An actor's order was answered.
    Answer {
        /// Which actor.
        actor: ActorId,
        /// Which order.
        order: u32,
        /// How it went.
        result: Outcome,
    },
    /// A fault is due.
    Strike(FaultId),
    /// A fault's repair is due.
    Repair(FaultId),
}

/// A `Ctx` over a world's tables, leaving its components free to be stepped.
macro_rules! ctx {
    ($world:expr) => {
        $crate::world::effects::Ctx {
            now: $world.now,
            spec: &$world.spec,
            draws: &$world.draws,
            store: &$world.store,
            watches: &$world.watches,
            net: &$world.net,
            serving: &$world.serving,
            pulses: &$world.pulses,
            rules: &$world.rules,
            runtimes: &$world.runtimes,
            targets: &$world.targets,
            out: &mut $world.out,
        }
    };
}
pub(super) use ctx;

impl World {
    /// Steps one event. What is not the cluster's own comes back.
    pub fn step(&mut self, popped: Popped<Event>) -> Option<Outside> {
        debug_assert!(self.now <= popped.at, "time runs forward");
        self.now = popped.at;
        match popped.event {
            Event::Etcd(event) => self.etcd.step(event, &mut ctx!(self)),
            Event::Api(ApiEvent::Delivers { client, revision }) => self.delivers(client, revision),
            Event::Api(event) => self.api.step(event, &mut ctx!(self)),
            Event::Controllers(event) => self.controllers.step(event, &mut ctx!(self)),
            Event::Scheduler(event) => self.schedulers.step(event, &mut ctx!(self)),
            Event::Kubelet(event) => self.kubelets.step(event, &mut ctx!(self)),
            Event::Proxy(event) => self.proxy_steps(event),
            Event::Router(event) => self.routers.step(event, &mut ctx!(self)),
            Event::Balancer(event) => self.balancers.step(event, &mut ctx!(self)),
            Event::Cloud(event) => {
                self.changes.all();
                self.cloud.step(event, &mut ctx!(self));
            }
            Event::Traffic(event) => self.traffic.step(event, &mut ctx!(self)),
            Event::Actor { actor, alarm } => return Some(Outside::Alarm { actor, alarm }),
            Event::Answer { to, result } => {
                if let ReplyTo::Actor { actor, order } = to {
                    return Some(Outside::Answer { actor, order, result });
                }
                self.answered(to, result);
            }
            Event::Fault(fault) => return Some(Outside::Strike(fault)),
            Event::Repair(fault) => return Some(Outside::Repair(fault)),
            Event::StaticPod(event) => {
                let runs = self.runs(event.master, event.process);
                self.static_pods.step(event, runs, &mut ctx!(self));
            }
            Event::Probe(event) => self.probe_event(event),
            Event::Restored => self.restored(),
            Event::Joining(event) => self.joins.step(event, &mut ctx!(self)),
        }
        self.settle_effects();
        None
    }

    /// Hands on what a step has put out, until nothing is left at this instant.
    pub(super) fn settle_effects(&mut self) {
        loop {
            let mut next = 0;
            while let Some(notice) = self.out.notices.get(next).copied() {
                next += 1;
                self.notice(notice);
            }
            self.out.notices.clear();
            if self.out.requests.is_empty() {
                return;
            }
            let mut requests = std::mem::take(&mut self.out.requests);
            for request in requests.drain(..) {
                self.api.submit(request, &mut ctx!(self));
            }
            if self.out.requests.is_empty() {
                // Its room is used again.
                self.out.requests = requests;
            }
        }
    }

    /// The API's answer reaches the component that asked.
    fn answered(&mut self, to: ReplyTo, result: Outcome) {
        let mut ctx = ctx!(self);
        match to {
            ReplyTo::Kubelet { node, token } => {
                self.kubelets.step(KubeletEvent::Answer { node, token, result }, &mut ctx);
            }
            ReplyTo::Controllers { master, token } => {
                self.controllers.step(ControllersEvent::Answer { master, token, result }, &mut ctx);
            }
            ReplyTo::Scheduler { master, token } => {
                self.schedulers.step(SchedulerEvent::Answer { master, token, result }, &mut ctx);
            }
            ReplyTo::Actor { .. } => {}
        }
    }

    /// A kube-proxy looks up from its work, and goes on.
    fn proxy_steps(&mut self, event: ProxyEvent) {
        let node = event.node();
        if let Some(client) = self.proxies.client(node)
            && let Some(revision) = self.api.looks_up(client, self.now)
        {
            let cursor = self.watches.cursor_mut(client);
            cursor.revision = cursor.revision.max(revision);
        }
        self.proxies.step(event, &mut ctx!(self));
        self.proxy_rests(node);
    }

    /// A kube-proxy that has nothing to do, or has stopped, hears of what comes at once.
    pub(super) fn proxy_rests(&mut self, node: NodeId) {
        if let Some(client) = self.proxies.client(node)
            && !self.proxies.is_busy(node)
        {
            self.api.awaits(client, &mut ctx!(self));
        }
    }

    /// A watch delivers: the cursor moves, the component hears.
    fn delivers(&mut self, client: ClientId, revision: Revision) {
        let from = self.watches.cursor(client);
        if !self.api.is_delivered(client) || revision <= from {
            return;
        }
        let resumes = self.store.reaches_back(from);
        self.watches.cursor_mut(client).revision = revision;
        let (kind, mut ctx) = (self.client_kinds[client], ctx!(self));
        match kind {
            ClientKind::Kubelet(node) => self.kubelets.heard(node, from, revision, &mut ctx),
            ClientKind::Proxy(node) => self.proxies.heard(node, &mut ctx),
            ClientKind::Router(pod, _) => self.routers.heard(pod, &mut ctx),
            ClientKind::Elected(Component::ControllerManager, master) if resumes => {
                self.controllers.heard(master, from, revision, &mut ctx);
            }
            ClientKind::Elected(Component::ControllerManager, master) => {
                self.controllers.listed(master, revision, &mut ctx);
            }
            ClientKind::Elected(Component::Scheduler, master) if resumes => {
                self.schedulers.heard(master, from, revision, &mut ctx);
            }
            ClientKind::Elected(Component::Scheduler, master) => self.schedulers.listed(master, revision, &mut ctx),
            ClientKind::Operator(_) => {}
        }
    }

    /// The master whose machine this is now.
    pub(super) fn master_on(&self, node: NodeId) -> Option<MasterId> {
        self.cloud.instances()[node].master.filter(|master| self.masters[*master].node == node)
    }

    /// The machine that a master runs on now.
    pub fn machine_of(&self, master: MasterId) -> NodeId {
        self.masters[master].node
    }
    /// The moment of the last step.
    pub fn now(&self) -> Time {
        self.now
    }
    /// The random draws of its seed.
    pub fn draws(&self) -> &Draws {
        &self.draws
    }
    /// What was asked for.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }
    /// The API's store.
    pub fn store(&self) -> &Store {
        &self.store
    }
    /// Machines and groups.
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }
    /// Changes of an app's slices that a node's kernel rules do not follow yet.
    pub fn slices_missed(&self, node: NodeId, app: AppId) -> u32 {
        let missed = self.store.endpoints_touched(self.rules.revision(node), self.store.revision());
        missed.filter(|pod| self.store.pods().app(*pod) == app).count() as u32
    }

    /// etcd.
    pub fn etcd(&self) -> &Etcd {
        &self.etcd
    }
    /// The API path.
    pub fn api(&self) -> &Api {
        &self.api
    }
    /// Why a pod that waits found no node when it was last tried.
    pub fn why_pending(&self, pod: PodId) -> Option<Unschedulable> {
        self.schedulers.why_pending(pod)
    }
    /// Users' requests.
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }
    /// Measuring clients.
    pub fn probes(&self) -> &Probes {
        &self.probes
    }
    /// Pending events and facts not yet heard.
    pub fn effects(&mut self) -> &mut Effects {
        &mut self.out
    }
    /// For tests: every delivery of a watch is an event.
    #[cfg(test)]
    pub fn delivers_eagerly(&mut self) {
        self.api.delivers_eagerly();
    }
    /// No kubelet's worker rests. For tests: outcomes must be the same.
    #[cfg(test)]
    pub fn wakes_workers(&mut self) {
        self.kubelets.wake_workers();
    }
    /// What has changed that an actor could see, since this was last asked.
    pub fn take_changes(&mut self) -> Changes {
        self.machines_changed += u64::from(self.changes.are_of_machines());
        std::mem::take(&mut self.changes)
    }
    /// The run ends at this moment: all traffic is settled up to it.
    pub fn finish(&mut self, at: Time) {
        self.now = self.now.max(at);
        self.traffic.finish(&mut ctx!(self));
        self.settle_effects();
    }
    /// A `Ctx` for a plug-in of a higher floor.
    pub fn ctx(&mut self) -> Ctx<'_> {
        ctx!(self)
    }
}
