//! What an actor outside the cluster can see: what the API and the cloud would answer it now.

use crate::base::{Id, Name, Time, Version};
use crate::engine::{Draw, Draws};
use crate::world::disturbance::MasterProcess;
use crate::world::ids::{AppId, MasterId, NodeId, PodId, PoolId, SetId};
use crate::world::purpose::Purpose;
use crate::world::spec::Spec;
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
    /// The template version it was launched with, or what was installed since.
    pub version: Version,
    /// Whether it was detached from its group.
    pub detached: bool,
    /// Whether it is running (launched, and no termination asked for).
    pub running: bool,
    /// Name in reports, such as `master-1` or `workers-2`; a replacement has a dash and a count behind it.
    pub label: String,
}

/// A static pod of a master, as its kubelet's mirror pod shows it; etcd's also as its health endpoint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticPod {
    /// Version of the manifest that it was started from.
    pub version: Version,
    /// Whether it is Ready; of etcd, whether the member serves requests through a leader with a quorum.
    pub ready: bool,
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
pub struct Reported<'a> {
    /// The moment.
    pub now: Time,
    /// Whether the actor's API requests would be answered; with an error, every API view below is out of reach.
    pub api: Result<(), ApiError>,
    /// What was asked for.
    pub spec: &'a Spec,
    pub(crate) store: &'a Store,
    pub(crate) instances: &'a crate::base::IdVec<NodeId, Instance>,
    /// For each master: its static pods, in the order of [`MasterProcess`].
    pub(crate) static_pods: &'a [[StaticPod; 4]],
    pub(crate) draws: &'a Draws,
    /// What the apps' metrics are made from; none on a stage without traffic.
    pub(crate) traffic: Option<&'a Traffic>,
}

impl<'a> Reported<'a> {
    /// All machines the cloud ever launched, in order; look at `running`.
    pub fn instances(&self) -> impl Iterator<Item = (NodeId, &'a Instance)> + use<'a> {
        self.instances.entries()
    }
    /// How many machines the cloud ever launched; their ids count from 0.
    pub fn machines(&self) -> usize {
        self.instances.len()
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
    /// A pod, unless its object is gone.
    pub fn pod(&self, pod: PodId) -> Option<&'a PodObject> {
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
