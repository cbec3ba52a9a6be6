//! Orders: what operators do to the cluster from outside. What nature does stands in `nature`.

use crate::base::Id;
use crate::world::cluster::{World, ctx};
use crate::world::command::{Command, NodeProcess};
use crate::world::components::api::Route;
use crate::world::disturbance::{MasterProcess, Signal};
use crate::world::effects::{Reply, ReplyTo, Request};
use crate::world::event::Event;
use crate::world::ids::{ActorId, ClientId, MasterId, NodeId};
use crate::world::members::Asker;
use crate::world::membership::MemberChange;
use crate::world::reported::{Goal, Reported, StaticPod};
use crate::world::store::{ApiError, Change};
use crate::world::watch::ClientKind;

impl World {
    /// An operator's tool with an API client of its own, of this rate and burst.
    pub fn add_operator(&mut self, actor: ActorId, rate: (u32, u32)) -> ClientId {
        let version = self.spec.control_plane.to;
        let name = crate::base::Name::new("operator").part(actor.index() as u64);
        let client = self.add_client(ClientKind::Operator(actor), name, Route::Balanced, version);
        self.api.set_rate(client, rate);
        self.api.client_began(client, &mut ctx!(self));
        client
    }

    /// What an operator sees now.
    pub fn reported(&mut self, client: ClientId, pods: &mut Vec<[StaticPod; 4]>) -> Result<(), ApiError> {
        pods.clear();
        for master in self.masters.ids() {
            pods.push(MasterProcess::ALL.map(|process| StaticPod {
                version: self.static_pods.started(master, process),
                ready: match process {
                    MasterProcess::Etcd => self.etcd.serves(master),
                    MasterProcess::ApiServer => self.api.is_ready(master),
                    MasterProcess::ControllerManager | MasterProcess::Scheduler => self.runs(master, process),
                },
            }));
        }
        self.api.probe(client, &mut ctx!(self))
    }

    /// Whether an operator whose request has just failed may be answered at the next look, though nothing changes.
    pub fn may_answer(&mut self, client: ClientId) -> bool {
        self.api.may_answer(client, &ctx!(self))
    }

    /// The view that goes with `reported`.
    pub fn view<'a>(&'a self, api: Result<(), ApiError>, static_pods: &'a [[StaticPod; 4]]) -> Reported<'a> {
        Reported {
            now: self.now,
            api,
            spec: &self.spec,
            goal: Goal::of(&self.spec.control_plane),
            members: self.etcd.member_list(),
            flattered: self.flattered,
            mark: (!self.changes.are_of_machines()).then_some(self.machines_changed),
            fleet: Some(self.cloud.fleet()),
            store: &self.store,
            instances: self.cloud.instances(),
            static_pods,
            refused: self.cloud.refused(),
            draws: &self.draws,
            traffic: Some(&self.traffic),
        }
    }

    /// An operator gives an order. API orders are answered when the API has; orders to the cloud or a shell at once.
    pub fn order(&mut self, actor: ActorId, client: ClientId, order: u32, command: Command) {
        let change = match command {
            Command::Cordon(node) => Change::Cordon { node, unschedulable: true },
            Command::Uncordon(node) => Change::Cordon { node, unschedulable: false },
            Command::TaintForUpdate(node) => Change::PreferNoSchedule { node, tainted: true },
            Command::ExcludeFromBalancers(node) => Change::ExcludeFromBalancers { node, excluded: true },
            Command::Evict { pod, grace } => Change::Evict { pod, grace },
            Command::Delete { pod, grace } => Change::DeletePod { pod, grace },
            Command::DeleteNode(node) => Change::DeleteNode { node },
            Command::RestartRollout(app) => Change::NewTemplate { app },
            Command::Deliver(app, delivery) => Change::Deliver { app, delivery },
            Command::UntaintForUpdate(node) => Change::PreferNoSchedule { node, tainted: false },
            Command::IncludeInBalancers(node) => Change::ExcludeFromBalancers { node, excluded: false },
            Command::DeregisterServer(_)
            | Command::DeregisterNode(_)
            | Command::Terminate(_)
            | Command::Detach(_)
            | Command::SetTemplate { .. }
            | Command::StopMasterProcess { .. }
            | Command::StartMasterProcess { .. }
            | Command::StopNodeProcess { .. }
            | Command::StartNodeProcess { .. }
            | Command::Install { .. }
            | Command::Reboot(_)
            | Command::SwapStaticPod { .. }
            | Command::Grow { .. }
            | Command::Forgo { .. }
            | Command::Retire(_)
            | Command::Reimage(_)
            | Command::GrowMasters { .. }
            | Command::MoveLeader { .. } => {
                self.direct_order(command);
                let to = ReplyTo::Actor { actor, order };
                self.out.queue.push(self.now, Event::Answer { to, result: Ok(()) });
                self.settle_effects();
                return;
            }
            Command::Snapshot | Command::Restore => {
                let to = ReplyTo::Actor { actor, order };
                let begun = match command {
                    Command::Snapshot => self.snapshot().map(|()| true),
                    _ => self.restore(Some(to)).map(|()| false),
                };
                // A restore that has begun is answered at its end.
                if begun != Ok(false) {
                    self.out.queue.push(self.now, Event::Answer { to, result: begun.map(|_| ()) });
                }
                self.settle_effects();
                return;
            }
            Command::RemoveMember(master) => {
                let asker = Asker::Operator(ReplyTo::Actor { actor, order });
                self.change_members(MemberChange::Remove(master), asker);
                self.settle_effects();
                return;
            }
        };
        let reply = Reply::Always(ReplyTo::Actor { actor, order });
        self.out.requests.push(Request { client, change, reply });
        self.settle_effects();
    }

    /// An order to the cloud or to a machine's shell.
    fn direct_order(&mut self, command: Command) {
        self.changes.all();
        match command {
            Command::DeregisterServer(master) => self.api.deregister(master, &mut ctx!(self)),
            Command::DeregisterNode(node) => self.balancers.deregister(node, &mut ctx!(self)),
            Command::Terminate(node) => self.cloud.terminate(node, &mut ctx!(self)),
            Command::Detach(node) => self.cloud.detach(node, &mut ctx!(self)),
            Command::SetTemplate { pool, version } => self.cloud.set_template(pool, version),
            Command::StopMasterProcess { master, process, signal } => self.stop_process(master, process, signal),
            Command::StartMasterProcess { master, process } => self.start_process(master, process),
            Command::StopNodeProcess { node, process } => self.stop_node_process(node, process),
            Command::StartNodeProcess { node, process } => self.start_node_process(node, process),
            Command::Install { node, version } => self.cloud.install(node, version),
            Command::Reboot(node) => self.cloud.restart(node, false, &mut ctx!(self)),
            Command::SwapStaticPod { master, process, version } => {
                self.static_pods.swap(master, process, version, &mut ctx!(self));
            }
            Command::Grow { pool, slot } => self.cloud.grow(pool, slot, &mut ctx!(self)),
            Command::Forgo { pool, slot } => self.cloud.forgo(pool, slot),
            Command::Retire(node) => self.cloud.retire(node, &mut ctx!(self)),
            Command::Reimage(node) => self.cloud.restart(node, true, &mut ctx!(self)),
            Command::MoveLeader { from, to } => self.etcd.move_leader(from, to, &mut ctx!(self)),
            Command::GrowMasters { slot } => self.cloud.grow_masters(slot, &mut ctx!(self)),
            Command::RemoveMember(_)
            | Command::Snapshot
            | Command::Restore
            | Command::Cordon(_)
            | Command::Uncordon(_)
            | Command::TaintForUpdate(_)
            | Command::ExcludeFromBalancers(_)
            | Command::Evict { .. }
            | Command::Delete { .. }
            | Command::DeleteNode(_)
            | Command::RestartRollout(_)
            | Command::Deliver(..)
            | Command::UntaintForUpdate(_)
            | Command::IncludeInBalancers(_) => {}
        }
    }

    /// The new pod of a swapped manifest starts, with new connections of its own.
    pub(super) fn start_static_pod(&mut self, master: MasterId, process: MasterProcess) {
        if let MasterProcess::ControllerManager | MasterProcess::Scheduler = process {
            let machine = self.cloud.instances()[self.masters[master].node].version;
            let version = self.static_pods.starts(master, process, machine);
            let [manager, scheduler] = self.masters[master].elected;
            let client = if process == MasterProcess::Scheduler { scheduler } else { manager };
            self.api.client_stops(client, &mut ctx!(self));
            self.api.client_starts(client, version, &mut ctx!(self));
        }
        self.start_process(master, process);
        self.changes.all();
    }

    /// Whether a process of a master runs.
    pub(super) fn runs(&self, master: MasterId, process: MasterProcess) -> bool {
        match process {
            MasterProcess::Etcd => self.etcd.is_running(master),
            MasterProcess::ApiServer => self.api.is_running(master),
            MasterProcess::ControllerManager => self.controllers.is_running(master),
            MasterProcess::Scheduler => self.schedulers.is_running(master),
        }
    }

    pub(super) fn stop_process(&mut self, master: MasterId, process: MasterProcess, signal: Signal) {
        match process {
            MasterProcess::Etcd => self.etcd.signal(master, signal, &mut ctx!(self)),
            MasterProcess::ApiServer => self.api.signal(master, signal, &mut ctx!(self)),
            MasterProcess::ControllerManager => self.controllers.signal(master, signal, &mut ctx!(self)),
            MasterProcess::Scheduler => self.schedulers.signal(master, signal, &mut ctx!(self)),
        }
    }

    pub(super) fn start_process(&mut self, master: MasterId, process: MasterProcess) {
        let node = self.masters[master].node;
        if self.runs(master, process) || !self.net.host(node).powered {
            return;
        }
        let version = self.static_pods.starts(master, process, self.cloud.instances()[node].version);
        match process {
            MasterProcess::Etcd => {
                let version = self.etcd_version(version);
                self.etcd.start(master, version, &mut ctx!(self));
            }
            MasterProcess::ApiServer => self.api.start(master, node, version, &mut ctx!(self)),
            MasterProcess::ControllerManager => self.controllers.start(master, version, &mut ctx!(self)),
            MasterProcess::Scheduler => self.schedulers.start(master, version, &mut ctx!(self)),
        }
    }

    pub(super) fn stop_node_process(&mut self, node: NodeId, process: NodeProcess) {
        match process {
            NodeProcess::Kubelet => {
                self.kubelets.stops(node, &mut ctx!(self));
                // The last heartbeat is that of a client that was served until now.
                self.settle_effects();
                self.api.client_stops(self.kubelet_clients[node], &mut ctx!(self));
            }
            NodeProcess::Proxy => {
                self.proxies.stops(node);
                self.proxy_rests(node);
                if let Some(client) = self.proxies.client(node) {
                    self.api.client_stops(client, &mut ctx!(self));
                }
            }
        }
    }

    pub(super) fn start_node_process(&mut self, node: NodeId, process: NodeProcess) {
        let version = self.cloud.instances()[node].version;
        if !self.net.host(node).powered {
            return;
        }
        match process {
            NodeProcess::Kubelet if self.kubelets.is_down(node) => {
                self.api.client_starts(self.kubelet_clients[node], version, &mut ctx!(self));
                self.kubelets.starts(node, version, &mut ctx!(self));
            }
            NodeProcess::Proxy if !self.proxies.is_running(node) => {
                if let Some(client) = self.proxies.client(node) {
                    self.api.client_starts(client, version, &mut ctx!(self));
                    self.proxies.starts(node, version, &mut ctx!(self));
                }
            }
            NodeProcess::Kubelet | NodeProcess::Proxy => {}
        }
    }
}
