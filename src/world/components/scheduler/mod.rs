//! Schedulers: one on each master, one of them leading.
//!
//! Standbys' caches are warm: a new leader goes on with the store as its watch has heard it.

mod cache;
mod classes;
mod mind;
mod placing;
mod preemption;
mod queue;
mod record;
mod spots;
#[cfg(test)]
mod tests;
mod unschedulable;

use crate::base::{Id, IdVec, Name};
use crate::world::behaviour::Behaviour;
use crate::world::disturbance::Signal;
use crate::world::effects::{Ctx, Outcome};
use crate::world::ids::{ClientId, MasterId, NodeId, PodId, PoolId, ZoneId};
use crate::world::lease::{Election, LeaseEvent, Turn, unpack};
use crate::world::spec::MASTER_MAX_PODS;
use crate::world::store::{Component, Revision};
use mind::{BIND, Mind};
use record::Machine;
pub use unschedulable::{Filter, Unschedulable};

/// Inside a scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchedulerEvent {
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
    /// The scheduling cycle of a pod ends with a decision.
    CycleEnds {
        /// The leader.
        master: MasterId,
    },
    /// A waiting pod may be tried again.
    Flush {
        /// The leader.
        master: MasterId,
        /// The pod.
        pod: PodId,
    },
}

/// All schedulers.
#[derive(Clone, Debug)]
pub struct Schedulers {
    election: Election,
    clients: Vec<ClientId>,
    machines: IdVec<NodeId, Machine>,
    minds: IdVec<MasterId, Option<Box<Mind>>>,
    /// Builds the start of a run.
    builder: Option<Box<Mind>>,
}

impl Schedulers {
    /// One on each master, none running yet. `clients` are their API clients, by master.
    pub fn new(clients: Vec<ClientId>) -> Schedulers {
        Schedulers {
            election: Election::new(Component::Scheduler, clients.clone()),
            minds: clients.iter().map(|_| None).collect(),
            clients,
            machines: IdVec::new(),
            builder: None,
        }
    }

    /// One on a new master.
    pub fn add_master(&mut self, client: ClientId) {
        self.clients.push(client);
        self.minds.push(None);
        self.election.add(client);
    }

    /// A machine, in order of its id; its Node object may not exist yet. `pool` of `None` is a master.
    pub fn add_node(&mut self, node: NodeId, _name: Name, pool: Option<PoolId>, zone: u32, ctx: &mut Ctx<'_>) {
        debug_assert_eq!(node.index(), self.machines.len(), "machines come in order");
        let plane = &ctx.spec.control_plane;
        let (cpu, memory, max_pods, runs_apps) = match pool {
            Some(pool) => {
                let pool = &ctx.spec.pools[pool];
                (pool.cpu, pool.memory, pool.max_pods, pool.runs_apps)
            }
            None => (plane.cpu, plane.memory, MASTER_MAX_PODS, plane.schedulable),
        };
        self.machines.push(Machine { pool, zone: ZoneId(zone), cpu, memory, max_pods, runs_apps });
    }

    /// Whether this master's process runs, leading or not.
    pub fn is_running(&self, master: MasterId) -> bool {
        self.election.is_running(master)
    }

    /// Before the start of a run: reads the nodes as the store has them, for [`Schedulers::place`].
    pub fn prepare(&mut self, ctx: &mut Ctx<'_>) {
        let behaviour = Behaviour::of(ctx.spec.control_plane.from);
        let mut mind = Mind::new((MasterId(0), ClientId(0)), 0, behaviour, &ctx.spec.apps);
        mind.list(ctx.store.revision(), false, &self.machines, ctx);
        self.builder = Some(Box::new(mind));
    }

    /// Decides, at once and for the start of a run, which node a pod goes to, as the store stands now; the decision
    /// counts for the next. The caller binds.
    ///
    /// # Errors
    /// How many nodes each filter ruled out, if no node can take it.
    pub fn place(&mut self, pod: PodId, ctx: &mut Ctx<'_>) -> Result<NodeId, Unschedulable> {
        if self.builder.is_none() {
            self.prepare(ctx);
        }
        let (now, machines) = (ctx.store.revision(), &self.machines);
        let Some(mind) = &mut self.builder else { return Err(Unschedulable::default()) };
        mind.heard(Revision(0), now, false, machines, ctx);
        mind.place(pod, 0, machines, ctx)
    }

    /// The start of a run: all run, `leader` leads with its caches filled; pods are placed already. The lease
    /// has been given to its incarnation 0.
    pub fn begin(&mut self, leader: MasterId, ctx: &mut Ctx<'_>) {
        self.builder = None;
        self.election.begin(leader, ctx);
        self.lead(leader, ctx.store.revision(), ctx);
    }

    /// The master whose process leads, if any.
    pub fn leader(&self) -> Option<MasterId> {
        self.election.leader()
    }

    /// Why a pod that waits found no node when it was last tried, as the leader knows.
    pub fn why_pending(&self, pod: PodId) -> Option<Unschedulable> {
        self.minds.iter().flatten().find_map(|mind| mind.why_pending(pod))
    }

    /// One of their own events.
    pub fn step(&mut self, event: SchedulerEvent, ctx: &mut Ctx<'_>) {
        match event {
            SchedulerEvent::Answer { master, token, result } => {
                let (kind, same, index) = unpack(token, self.election.incarnation(master));
                if same && kind == BIND {
                    if let Some(mind) = &mut self.minds[master] {
                        mind.bound(PodId::from_index(index), result, ctx);
                    }
                } else if same {
                    let turn = self.election.answer(master, result, ctx);
                    self.turn(turn, ctx);
                }
            }
            SchedulerEvent::Lease(event) => {
                let turn = self.election.step(event, ctx);
                self.turn(turn, ctx);
            }
            SchedulerEvent::CycleEnds { master } => {
                if let Some(mind) = &mut self.minds[master] {
                    mind.end_cycle(&self.machines, ctx);
                }
            }
            SchedulerEvent::Flush { master, pod } => {
                if let Some(mind) = &mut self.minds[master] {
                    mind.flush(pod, ctx);
                }
            }
        }
    }

    /// The watch of this master's process has moved. Only the leader's is delivered.
    pub fn heard(&mut self, master: MasterId, from: Revision, to: Revision, ctx: &mut Ctx<'_>) {
        if let Some(mind) = &mut self.minds[master] {
            mind.heard(from, to, true, &self.machines, ctx);
        }
    }
    /// Everything is listed anew, at this revision.
    pub fn listed(&mut self, master: MasterId, at: Revision, ctx: &mut Ctx<'_>) {
        if let Some(mind) = &mut self.minds[master] {
            mind.list(at, true, &self.machines, ctx);
            mind.next_cycle(ctx);
        }
    }
    /// The process's writes are stored again, or no longer.
    pub fn served(&mut self, master: MasterId, served: bool, ctx: &mut Ctx<'_>) {
        self.election.served(master, served, ctx);
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

    fn turn(&mut self, turn: Option<Turn>, ctx: &mut Ctx<'_>) {
        match turn {
            Some(Turn::Leads(master)) => self.lead(master, ctx.cursor(self.clients[master.index()]), ctx),
            Some(Turn::Yields(master)) => self.minds[master] = None,
            None => {}
        }
    }

    fn lead(&mut self, master: MasterId, at: Revision, ctx: &mut Ctx<'_>) {
        let behaviour = Behaviour::of(self.election.version(master));
        let who = (master, self.clients[master.index()]);
        let incarnation = self.election.incarnation(master);
        let mut mind = Mind::new(who, incarnation, behaviour, &ctx.spec.apps);
        mind.list(at, true, &self.machines, ctx);
        mind.next_cycle(ctx);
        self.minds[master] = Some(Box::new(mind));
    }
}
