//! What a step may read beside its own state, and where it puts what follows.

use crate::base::{Name, Span, Time};
use crate::engine::{Draw, Draws, Queue};
use crate::world::disturbance::MasterProcess;
use crate::world::event::Event;
use crate::world::fact::Fact;
use crate::world::ids::{AppId, ClientId, MasterId, NodeId, PodId, PoolId, RequestId, ZoneId};
use crate::world::membership::MemberChange;
use crate::world::network::Network;
use crate::world::pulse::Pulses;
use crate::world::purpose::Purpose;
use crate::world::rules::Rules;
use crate::world::runtimes::Runtimes;
use crate::world::serving::{Serving, ServingTable};
use crate::world::spec::Spec;
use crate::world::store::{ApiError, Change, Component, Revision, Store};
use crate::world::targets::Targets;
use crate::world::watch::Watches;

/// Reads and effects of one step. A component changes its own state and nothing else; all it causes goes through here.
pub struct Ctx<'a> {
    /// The moment of the event.
    pub now: Time,
    /// What was asked for.
    pub spec: &'a Spec,
    /// Random draws.
    pub draws: &'a Draws,
    /// The API store; read it at a cursor ([`Ctx::cursor`]) unless you are the API server.
    pub store: &'a Store,
    /// Who has heard what.
    pub watches: &'a Watches,
    /// Which hosts are up and linked.
    pub net: &'a Network,
    /// What each pod's address answers.
    pub serving: &'a ServingTable,
    /// When each node's lease was last renewed.
    pub pulses: &'a Pulses,
    /// Which revision of the slices each node's kernel follows.
    pub rules: &'a Rules,
    /// Until when each node's container runtime is at work.
    pub runtimes: &'a Runtimes,
    /// Where external load balancers send new connections.
    pub targets: &'a Targets,
    /// Effects of the step.
    pub out: &'a mut Effects,
}

/// What a step causes.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// Later events.
    pub queue: Queue<Event>,
    /// What observers will hear, in order.
    pub facts: Vec<Fact>,
    /// Requests to the API, handed to the API path when the step ends.
    pub requests: Vec<Request>,
    /// Same-instant notices to other components, handed on when the step ends.
    pub notices: Vec<Notice>,
}

/// A write to the API on its way from a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Who asks.
    pub client: ClientId,
    /// For what.
    pub change: Change,
    /// Who wants to know how it went.
    pub reply: Reply,
}

/// Who wants to know how a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nobody: the watch tells of success, and failure is somebody else's to find.
    Never,
    /// Only of failure.
    OnFailure(ReplyTo),
    /// Of both.
    Always(ReplyTo),
}

/// Where an answer goes: as an event of the component that asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyTo {
    /// `KubeletEvent::Answer { node, token, result }`.
    Kubelet {
        /// The node.
        node: NodeId,
        /// Chosen by the kubelet.
        token: u32,
    },
    /// `ControllersEvent::Answer { master, token, result }`.
    Controllers {
        /// The master.
        master: MasterId,
        /// Chosen by the controllers.
        token: u32,
    },
    /// `SchedulerEvent::Answer { master, token, result }`.
    Scheduler {
        /// The master.
        master: MasterId,
        /// Chosen by the scheduler.
        token: u32,
    },
    /// The operator that gave this order.
    Actor {
        /// The actor.
        actor: crate::world::ids::ActorId,
        /// The order's number.
        order: u32,
    },
}

/// How a request went.
pub type Outcome = Result<(), ApiError>;

/// A same-instant notice from one component to others, carried by the world: a socket that closes, a process that
/// dies, a kernel table that changes. What the real ones would notice without any message through the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Kubelet: a container's process was started; the app decides when it listens.
    ContainerStarted(PodId),
    /// Kubelet: the process got SIGTERM; the app decides what it does and when it exits.
    Sigterm(PodId),
    /// Kubelet or nature: the process was killed.
    Sigkill(PodId),
    /// Kubelet: the sandbox (the pod's address) is there now; nothing listens yet.
    SandboxReady(PodId),
    /// Kubelet: the sandbox is gone; the pod's address falls silent.
    SandboxRemoved(PodId),
    /// App: the process has exited by itself (after SIGTERM, or crashed).
    ContainerExited(PodId),
    /// App: what the pod's address answers. The world writes it to the serving table, then tells the others.
    Serves(PodId, Serving),
    /// Kubelet: renewals of its node's lease go on (true) or have stopped. Written to the pulse table.
    Pulse(NodeId, bool),
    /// kube-proxy: this node's kernel rules stood at the first revision of the slices and stand at the second now.
    /// The first is 0 where there were no rules. Written to the rules table.
    Rules(NodeId, Revision, Revision),
    /// External load balancer: its targets for this app have changed.
    TargetsChanged(AppId),
    /// A host's power or link has changed; the network table says how.
    HostChanged(NodeId),
    /// API: a request has reached this server; its etcd member takes it up.
    Propose(MasterId, RequestId),
    /// etcd: a proposal was committed, or has failed for its client.
    Stored(RequestId, Outcome),
    /// etcd: a proposal that had failed for its client (`Stored` with an error came before) is committed all the same.
    StoredLate(RequestId),
    /// etcd: this member can (or can no longer) serve requests through a leader with a quorum.
    EtcdServes(MasterId, bool),
    /// etcd: this member's process has stopped; connections to it are closed.
    EtcdStopped(MasterId),
    /// API: this server's listener or readiness has changed.
    ServerChanged(MasterId),
    /// API: this client's writes are stored again (true), or not for the time being: no connection, a server that is
    /// down, an etcd without a leader for longer than a renewal takes.
    ClientServed(ClientId, bool),
    /// Cloud: a machine begins to shut down (SIGTERM to all).
    MachineStops(NodeId),
    /// Cloud: a machine is off.
    MachineOff(NodeId),
    /// Cloud: a group launches a machine in the place of this one, in this zone.
    Launches(NodeId, ZoneId),
    /// Cloud: a group launches one machine more, in this place and zone.
    Grows(PoolId, u32, ZoneId),
    /// Cloud: a machine's link comes back (true) or goes.
    Linked(NodeId, bool),
    /// Cloud: a machine that restarts is off, and will boot again; whether its disk is wiped.
    MachineRestarts(NodeId, bool),
    /// Kubelet: a static pod of a master stops (false: SIGTERM), or starts from the manifest on its disk (true).
    StaticPod(MasterId, MasterProcess, bool),
    /// Kubelet: a static pod that does not stop within its grace is killed.
    StaticPodKilled(MasterId, MasterProcess),
    /// Cloud: a machine has booted; its kubelet, and a master's components, start.
    MachineUp(NodeId),
    /// This master's process begins (true) or ends leading by its lease.
    Leads(Component, MasterId, bool),
    /// API: the load balancer has cut its connections to this server.
    BalancerCuts(MasterId),
    /// Cloud: a group launches one master more, in this place.
    GrowsMasters(u32, ZoneId),
    /// A joining master asks etcd for this change, on its own behalf.
    Reconfigure(MemberChange, MasterId),
    /// A joining master's etcd member starts.
    StartMember(MasterId),
    /// Kubelet: this node's container runtime is at work until then. Written to the runtimes table.
    RuntimeWorks(NodeId, Time),
    /// Kubelet: processors that all hosts share are at work until then.
    ProcessorsWork(Time),
}

impl Ctx<'_> {
    /// An event after `span`.
    pub fn after(&mut self, span: Span, event: Event) {
        self.out.queue.push(self.now + span, event);
    }
    /// An event at `at`; a moment already past counts as now.
    pub fn at(&mut self, at: Time, event: Event) {
        self.out.queue.push(at.max(self.now), event);
    }
    /// Tells observers.
    pub fn note(&mut self, fact: Fact) {
        self.out.facts.push(fact);
    }
    /// Tells other components, at this instant.
    pub fn notify(&mut self, notice: Notice) {
        self.out.notices.push(notice);
    }
    /// The draw for a decision.
    pub fn draw(&self, purpose: Purpose, name: Name, ordinal: u64) -> Draw {
        self.draws.at(purpose as u16, name, ordinal)
    }
    /// Sends a write to the API: through the client's token bucket, connection and server.
    pub fn write(&mut self, client: ClientId, change: Change, reply: Reply) {
        self.out.requests.push(Request { client, change, reply });
    }
    /// Up to which revision a client has heard.
    pub fn cursor(&self, client: ClientId) -> Revision {
        self.watches.cursor(client)
    }
}
