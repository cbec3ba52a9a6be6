//! What an actor outside the cluster can see: what the API and the cloud would answer it now.

use crate::base::{Id, Name, Time, Version};
use crate::engine::{Draw, Draws};
use crate::world::disturbance::MasterProcess;
use crate::world::fact::Refusal;
use crate::world::ids::{AppId, MasterId, NodeId, PodId, PoolId, SetId, ZoneId};
use crate::world::membership::Membership;
use crate::world::purpose::Purpose;
use crate::world::spec::{ControlPlaneSpec, Spec};
use crate::world::store::{ApiError, NodeObject, PodObject, Store};
use crate::world::traffic::{Served, Traffic};

/// A machine as the cloud's API shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Its worker group; `None` for masters.
    pub pool: Option<PoolId>,
    /// For masters: whose place it takes.
    pub master: Option<MasterId>,
    /// Its place in the group, from 0; a replacement takes over the place.
    pub slot: u32,
    /// Its failure domain.
    pub zone: ZoneId,
    /// The template version it was launched with, or what was installed since.
    pub version: Version,
    /// Whether it was detached from its group.
    pub detached: bool,
    /// Whether it is running (launched, and no termination asked for).
    pub running: bool,
    /// Name in reports, such as `master-1` or `workers-2`; a replacement has a dash and a count behind it.
    pub label: String,
}

/// A launch that a group was refused, as the cloud's API shows the group's last activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusedLaunch {
    /// Whose; `None` for masters.
    pub pool: Option<PoolId>,
    /// For which place.
    pub slot: u32,
    /// In which zone it was asked for.
    pub zone: ZoneId,
    /// Why.
    pub why: Refusal,
}

/// A static pod of a master, as its kubelet's mirror pod shows it; etcd's also as its health endpoint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticPod {
    /// Version of the manifest that it was started from.
    pub version: Version,
    /// Whether it is Ready; of etcd, whether the member serves requests through a leader with a quorum.
    pub ready: bool,
}

/// etcd's members, as `etcdctl member list` and `endpoint status` show them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberList {
    /// The member that leads, if one does.
    pub leader: Option<MasterId>,
    /// Voters, as bits.
    pub voters: u64,
    /// Learners, as bits.
    pub learners: u64,
}

impl MemberList {
    /// So many voters, the first of which leads.
    pub fn of(voters: u32) -> MemberList {
        let all = (0..voters).fold(0, |set, member| set | 1 << member);
        MemberList { leader: (voters > 0).then_some(MasterId(0)), voters: all, learners: 0 }
    }
    /// What a master's member is; nothing, if it has none.
    pub fn standing(self, master: MasterId) -> Option<Membership> {
        let bit = 1_u64.checked_shl(master.0).unwrap_or(0);
        match (self.voters & bit != 0, self.learners & bit != 0) {
            (true, _) => Some(Membership::Voter),
            (false, true) => Some(Membership::Learner),
            (false, false) => None,
        }
    }
    /// All members.
    pub fn members(self) -> impl Iterator<Item = MasterId> {
        let all = self.voters | self.learners;
        (0..u64::BITS).filter(move |member| all & (1 << member) != 0).map(MasterId)
    }
}

/// The versions that a plan brings the cluster to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    /// The control plane.
    pub plane: Version,
    /// Workers.
    pub nodes: Version,
    /// What the control plane came from at this hop: where a way back leads.
    pub before: Version,
}

impl Goal {
    /// In one step, workers too.
    pub fn of(plane: &ControlPlaneSpec) -> Goal {
        Goal { plane: plane.to, nodes: plane.to, before: plane.from }
    }
}

/// What an actor that polls looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Whether this pod's object is gone.
    End(PodId),
    /// Machines and Node objects.
    Machines,
    /// Anything that the API or the cloud would show.
    Anything,
    /// The static pods of masters, etcd's members among them.
    ControlPlane,
}

/// What has changed that an actor could see.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Anything has.
    pub any: bool,
    /// Machines or Node objects have.
    pub machines: bool,
    /// Whether the API answers has, and with it all that it shows.
    pub api: bool,
    /// Pods whose objects went.
    pub ended: Vec<PodId>,
    /// Static pods of masters, or whether etcd's members serve, have.
    pub control_plane: bool,
}

impl Changes {
    /// Everything may have changed.
    pub fn all(&mut self) {
        (self.any, self.machines, self.api, self.control_plane) = (true, true, true, true);
    }
    /// Whether machines, Node objects or static pods have, or whether the API shows them.
    pub fn are_of_machines(&self) -> bool {
        self.machines || self.api || self.control_plane
    }
    /// Whether there is anything that some actor could see.
    pub fn is_something(&self) -> bool {
        self.any || self.control_plane
    }
    /// Whether somebody who looks at this would see anything new.
    pub fn concern(&self, sight: Sight) -> bool {
        self.api
            || match sight {
                Sight::End(pod) => self.ended.contains(&pod),
                Sight::Machines => self.machines,
                Sight::Anything => self.any,
                Sight::ControlPlane => self.control_plane,
            }
    }
}

/// The API's and the cloud's answers at one moment.
#[derive(Clone, Copy)]
pub struct Reported<'a> {
    /// The moment.
    pub now: Time,
    /// Whether the actor's API requests would be answered; with an error, every API view below is out of reach.
    pub api: Result<(), ApiError>,
    /// What was asked for.
    pub spec: &'a Spec,
    /// Where the plan is to bring the cluster.
    pub goal: Goal,
    /// Whether a validation of the cluster passes whatever is wrong with it.
    pub flattered: bool,
    /// etcd's members.
    pub members: MemberList,
    /// Another one whenever machines, Node objects or static pods have changed; none where nobody counts.
    pub mark: Option<u64>,
    /// Another one whenever a group has one machine more or less; none where nobody counts.
    pub fleet: Option<u64>,
    pub(crate) store: &'a Store,
    pub(crate) instances: &'a crate::base::IdVec<NodeId, Instance>,
    /// For each master: its static pods, in the order of [`MasterProcess`].
    pub(crate) static_pods: &'a [[StaticPod; 4]],
    pub(crate) refused: &'a [RefusedLaunch],
    pub(crate) draws: &'a Draws,
    /// What the apps' metrics are made from; none on a stage without traffic.
    pub(crate) traffic: Option<&'a Traffic>,
}

impl<'a> Reported<'a> {
    /// The version that machines of this group are to have; `None`: masters.
    pub fn target(&self, pool: Option<PoolId>) -> Version {
        if pool.is_some() { self.goal.nodes } else { self.goal.plane }
    }
    /// All machines the cloud ever launched, in order; look at `running`.
    pub fn instances(&self) -> impl Iterator<Item = (NodeId, &'a Instance)> + use<'a> {
        self.instances.entries()
    }
    /// How many machines the cloud ever launched; their ids count from 0.
    pub fn machines(&self) -> usize {
        self.instances.len()
    }
    /// Launches that the cloud has refused, and that their groups will ask for again.
    pub fn refused(&self) -> &'a [RefusedLaunch] {
        self.refused
    }
    /// The machines that a group would terminate, one after another, if it shrank by so many.
    pub fn scale_in(&self, pool: PoolId, count: usize) -> Vec<NodeId> {
        crate::world::scale_in::leavers(self.instances, pool, self.spec.pools[pool].group.scale_in, count)
    }
    /// One machine.
    pub fn instance(&self, node: NodeId) -> &'a Instance {
        &self.instances[node]
    }
    /// The machine's Node object, if it has one.
    pub fn node(&self, node: NodeId) -> Option<&'a NodeObject> {
        let object = self.store.nodes().now(node);
        object.exists.then_some(object)
    }
    /// Pods bound to a node whose objects exist.
    pub fn pods_on(&self, node: NodeId) -> &'a [PodId] {
        self.store.pods_on(node)
    }
    /// Whether the pod belongs to a DaemonSet, so that drains leave it alone.
    pub fn is_of_daemon_set(&self, pod: PodId) -> bool {
        self.spec.apps[self.store.pods().app(pod)].is_daemon()
    }
    /// How many pods an app should have now.
    pub fn pods_wanted(&self, app: AppId) -> u32 {
        let asked = &self.spec.apps[app];
        if !asked.is_daemon() {
            return self.store.deployments().now(app).replicas;
        }
        let suits =
            |(node, machine): &(NodeId, &Instance)| self.node(*node).is_some() && self.spec.suits(asked, machine.pool);
        self.instances().filter(suits).count() as u32
    }
    /// How many pods a drain of the node has to move.
    pub fn pods_to_move(&self, node: NodeId) -> usize {
        self.pods_on(node).iter().filter(|pod| !self.is_of_daemon_set(**pod)).count()
    }
    /// A pod, unless its object is gone.
    pub fn pod(&self, pod: PodId) -> Option<PodObject> {
        let object = self.store.pods().now(pod);
        (!object.gone).then_some(object)
    }
    /// All pods of apps whose priority class is critical, existing ones only.
    pub fn critical_pods(&self) -> impl Iterator<Item = PodId> + use<'a> {
        let store = self.store;
        self.spec
            .apps
            .entries()
            .filter(|(_, app)| app.critical)
            .flat_map(move |(app, _)| store.pods_of(app).iter().copied())
    }
    /// Whether a master's API server, controller manager and scheduler pods are Ready, as its kubelet reports.
    pub fn static_pods_ready(&self, master: MasterId) -> bool {
        let [_, server, manager, scheduler] = self.static_pods[master.index()];
        server.ready && manager.ready && scheduler.ready
    }
    /// One static pod of a master.
    pub fn static_pod(&self, master: MasterId, process: MasterProcess) -> StaticPod {
        self.static_pods[master.index()][process as usize]
    }
    /// The draw for what an actor or its tool does: when somebody looks first, which machine comes next, how long a
    /// command takes.
    pub fn draw(&self, purpose: Purpose, name: Name, ordinal: u64) -> Draw {
        self.draws.at(purpose as u16, name, ordinal)
    }
    /// What the pods of a ReplicaSet answer users now, as their metrics would show it; nothing without requests.
    pub fn served_by(&self, app: AppId, set: SetId) -> Option<Served> {
        self.traffic.and_then(|traffic| traffic.served_by(app, set, self.spec))
    }
    /// The API's store as it answers reads (for budgets and the like).
    pub fn store(&self) -> &'a Store {
        self.store
    }
}
