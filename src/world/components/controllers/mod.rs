//! Controller managers: one on each master, one of them leading.
//!
//! The leader's controllers hear of changes through its watch, queue the objects concerned, and write what is wanted
//! back through the API. A process that does not lead holds nothing; a new leader fills its caches first.

mod autoscaling;
mod brain;
mod cache;
mod cloud_nodes;
mod daemon_sets;
mod deployment;
mod desk;
mod disruption;
mod endpoints;
mod node_lifecycle;
mod pod_gc;
mod progress;
mod replica_sets;
mod rolling;
mod stateful_sets;
mod taint_eviction;
#[cfg(test)]
mod tests;
mod victims;
mod volumes;
mod workqueue;
mod zones;

use crate::base::{Id, IdVec, Name};
use crate::world::disturbance::Signal;
use crate::world::effects::{Ctx, Outcome};
use crate::world::ids::{AppId, BudgetId, ClientId, MasterId, NodeId, PoolId, SetId, VolumeId, ZoneId};
use crate::world::lease::{Election, LeaseEvent, Turn, unpack};
use crate::world::purpose::Purpose;
use crate::world::store::{Change, Component, Revision};
use brain::Brain;
use desk::Machine;

/// An object in a controller's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Deployment, StatefulSet or DaemonSet controller, as the app is one.
    Deployment(AppId),
    /// EndpointSlice controller: an app's Service.
    Endpoints(AppId),
    /// ReplicaSet controller.
    Set(SetId),
    /// Disruption controller.
    Budget(BudgetId),
    /// Node lifecycle controller: a node's taints.
    Taints(NodeId),
}

/// Inside a controller manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControllersEvent {
    /// The API's answer to a request.
    Answer {
        /// The master.
        master: MasterId,
        /// The token it gave.
        token: u32,
        /// How it went.
        result: Outcome,
    },
    /// Leader election.
    Lease(LeaseEvent),
    /// A new leader's caches are filled.
    CachesFilled {
        /// Its master.
        master: MasterId,
        /// Its process.
        incarnation: u32,
    },
    /// A queued object's turn has come, its processing time passed.
    Reconcile {
        /// Whose queue.
        master: MasterId,
        /// Which object.
        key: Key,
    },
    /// A rollout that made no progress since has none for its `progressDeadlineSeconds`.
    ProgressDeadline {
        /// The leader.
        master: MasterId,
        /// The app.
        app: AppId,
    },
    /// The next pod of a rollout has been Ready for `minReadySeconds`.
    RolloutRecheck {
        /// The leader.
        master: MasterId,
        /// The app.
        app: AppId,
    },
    /// The disruption controller looks again at pods whose eviction was granted and that still live.
    BudgetRecheck {
        /// The leader.
        master: MasterId,
        /// The budget.
        budget: BudgetId,
    },
    /// A tick of the node monitor that may find something.
    MonitorTick {
        /// The leader.
        master: MasterId,
    },
    /// The NoExecute queue of a zone may let a node pass.
    ZonePass {
        /// The leader.
        master: MasterId,
        /// The zone.
        zone: ZoneId,
    },
    /// Pods' toleration of a node's taint has run out.
    EvictFrom {
        /// The leader.
        master: MasterId,
        /// The node.
        node: NodeId,
    },
    /// Pod garbage collection finds orphans of a deleted node.
    Orphans {
        /// The leader.
        master: MasterId,
        /// The node.
        node: NodeId,
    },
    /// A volume's attachment or detachment is over, or the wait for a node that cannot be heard.
    Volume {
        /// The leader.
        master: MasterId,
        /// The volume.
        volume: VolumeId,
    },
    /// A sync of an app's autoscaler that may find something new.
    Autoscale {
        /// The leader.
        master: MasterId,
        /// The app.
        app: AppId,
    },
    /// The cloud controller asks for the machine of a node that is not Ready.
    InstanceCheck {
        /// The leader.
        master: MasterId,
        /// The node.
        node: NodeId,
    },
}

/// All controller managers.
#[derive(Clone, Debug)]
pub struct Controllers {
    election: Election,
    clients: Vec<ClientId>,
    machines: IdVec<NodeId, Machine>,
    brains: IdVec<MasterId, Option<Box<Brain>>>,
}

impl Controllers {
    /// One on each master, none running yet. `clients` are their API clients, by master.
    pub fn new(clients: Vec<ClientId>) -> Controllers {
        Controllers {
            election: Election::new(Component::ControllerManager, clients.clone()),
            brains: clients.iter().map(|_| None).collect(),
            clients,
            machines: IdVec::new(),
        }
    }

    /// One on a new master.
    pub fn add_master(&mut self, client: ClientId) {
        self.clients.push(client);
        self.brains.push(None);
        self.election.add(client);
    }

    /// A machine, in order of its id, in failure domain `zone`; its Node object may not exist yet.
    pub fn add_node(&mut self, node: NodeId, name: Name, pool: Option<PoolId>, zone: u32, _ctx: &mut Ctx<'_>) {
        debug_assert_eq!(node.index(), self.machines.len(), "machines come in order");
        self.machines.push(Machine { name, pool, zone: ZoneId(zone), gone: false, holds_volumes: false });
    }

    /// The budgets' statuses as the store's pods and Deployments give them, for the start of a run: to be applied before
    /// [`Controllers::begin`].
    pub fn first_budgets(&self, ctx: &mut Ctx<'_>) -> Vec<Change> {
        brain::first_budgets(ctx)
    }

    /// Whether this master's process runs, leading or not.
    pub fn is_running(&self, master: MasterId) -> bool {
        self.election.is_running(master)
    }

    /// The start of a run: all run, `leader` leads with its caches filled and nothing to do. The lease has been given to
    /// its incarnation 0.
    pub fn begin(&mut self, leader: MasterId, ctx: &mut Ctx<'_>) {
        self.election.begin(leader, ctx);
        let brain = Brain::new(leader, self.clients[leader.index()], &self.election, ctx);
        self.brains[leader] = Some(Box::new(brain));
        if let Some((brain, machines)) = self.acting(leader) {
            brain.open(machines, ctx);
        }
    }

    /// The master whose process leads, if any.
    pub fn leader(&self) -> Option<MasterId> {
        self.election.leader()
    }

    /// One of their own events.
    pub fn step(&mut self, event: ControllersEvent, ctx: &mut Ctx<'_>) {
        let master = match event {
            ControllersEvent::Lease(event) => {
                let turn = self.election.step(event, ctx);
                return self.turn(turn, ctx);
            }
            ControllersEvent::Answer { master, token, result } => {
                let (kind, same, index) = unpack(token, self.election.incarnation(master));
                if same && kind == 0 {
                    let turn = self.election.answer(master, result, ctx);
                    self.turn(turn, ctx);
                } else if same && let Some((brain, machines)) = self.acting(master) {
                    brain.answer(kind, index, result, machines, ctx);
                }
                return;
            }
            ControllersEvent::CachesFilled { master, .. }
            | ControllersEvent::Reconcile { master, .. }
            | ControllersEvent::RolloutRecheck { master, .. }
            | ControllersEvent::ProgressDeadline { master, .. }
            | ControllersEvent::BudgetRecheck { master, .. }
            | ControllersEvent::MonitorTick { master }
            | ControllersEvent::ZonePass { master, .. }
            | ControllersEvent::EvictFrom { master, .. }
            | ControllersEvent::Orphans { master, .. }
            | ControllersEvent::Volume { master, .. }
            | ControllersEvent::Autoscale { master, .. }
            | ControllersEvent::InstanceCheck { master, .. } => master,
        };
        if let Some((brain, machines)) = self.acting(master) {
            brain.step(event, machines, ctx);
        }
    }

    /// The watch of this master's process has moved. Only the leader's is delivered.
    pub fn heard(&mut self, master: MasterId, from: Revision, to: Revision, ctx: &mut Ctx<'_>) {
        if let Some((brain, machines)) = self.acting(master) {
            brain.heard(from, to, machines, ctx);
        }
    }
    /// Everything is listed anew, at this revision.
    pub fn listed(&mut self, master: MasterId, at: Revision, ctx: &mut Ctx<'_>) {
        if let Some((brain, machines)) = self.acting(master) {
            brain.listed(at, machines, ctx);
        }
    }
    /// The process's writes are stored again, or no longer.
    pub fn served(&mut self, master: MasterId, served: bool, ctx: &mut Ctx<'_>) {
        self.election.served(master, served, ctx);
        if served && let Some((brain, machines)) = self.acting(master) {
            brain.try_fill(machines, ctx);
        }
    }
    /// A node's lease renewals go on, or have stopped.
    pub fn pulse(&mut self, node: NodeId, beating: bool, ctx: &mut Ctx<'_>) {
        if beating {
            return;
        }
        for master in self.brains.ids() {
            if let Some((brain, machines)) = self.acting(master) {
                brain.pulse_stopped(node, machines, ctx);
            }
        }
    }
    /// The cloud has removed a node's machine: its Node object will be deleted once it is not Ready.
    pub fn machine_gone(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        self.machines[node].gone = true;
        for master in self.brains.ids() {
            if let Some((brain, machines)) = self.acting(master) {
                brain.machine_gone(node, machines, ctx);
            }
        }
    }
    /// The cloud's detaching of a machine's volumes hangs from now on, or no longer.
    pub fn volumes_hang(&mut self, node: NodeId, hang: bool, ctx: &mut Ctx<'_>) {
        self.machines[node].holds_volumes = hang;
        for master in self.brains.ids().filter(|_| !hang) {
            if let Some((brain, machines)) = self.acting(master) {
                brain.volumes_let_go(node, machines, ctx);
            }
        }
    }
    /// The clock of this master's machine runs at another pace, in percent of time.
    pub fn set_pace(&mut self, master: MasterId, pace: u32) {
        self.election.set_pace(master, pace);
    }
    /// The process gets a signal.
    pub fn signal(&mut self, master: MasterId, signal: Signal, ctx: &mut Ctx<'_>) {
        let turn = self.election.signal(master, signal, ctx);
        self.turn(turn, ctx);
    }
    /// The process starts.
    pub fn start(&mut self, master: MasterId, version: crate::base::Version, ctx: &mut Ctx<'_>) {
        self.election.start(master, version, ctx);
    }

    fn acting(&mut self, master: MasterId) -> Option<(&mut Brain, &IdVec<NodeId, Machine>)> {
        let brain = self.brains[master].as_deref_mut()?;
        Some((brain, &self.machines))
    }

    /// A process that begins to lead fills its caches; one that ends forgets everything.
    fn turn(&mut self, turn: Option<Turn>, ctx: &mut Ctx<'_>) {
        match turn {
            Some(Turn::Leads(master)) => {
                let brain = Brain::new(master, self.clients[master.index()], &self.election, ctx);
                self.brains[master] = Some(Box::new(brain));
                let incarnation = self.election.incarnation(master);
                let mut draw = ctx.draw(Purpose::CacheSync, self.election.name(master), 0);
                let sync = ctx.spec.control_plane.controllers.cache_sync.sample(&mut draw);
                let filled = ControllersEvent::CachesFilled { master, incarnation };
                ctx.after(sync, crate::world::event::Event::Controllers(filled));
            }
            Some(Turn::Yields(master)) => self.brains[master] = None,
            None => {}
        }
    }
}
