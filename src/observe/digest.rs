//! The digest of a run: a hash of the fact stream in emission order.
//!
//! Each fact is a fixed tag, stable names of what it is about, and little-endian integers; no floats, no causes, no
//! dense ids. A new kind of fact takes a new tag and leaves the digests of runs without it as they were.

use super::Heard;
use crate::base::{Id, Name, name::mix};
use crate::world::fact::{Fact, Unit};
use crate::world::ids::{AppId, GroupId, MasterId, NodeId, PodId, PoolId};
use crate::world::store::{ApiError, Component, Endpoint, NodeReady};

/// Stable names of what facts speak of.
pub trait Named {
    /// A pod's lineage.
    fn pod(&self, pod: PodId) -> Name;
    /// A machine's lineage.
    fn node(&self, node: NodeId) -> Name;
    /// An app's name.
    fn app(&self, app: AppId) -> Name;
    /// A client group's name.
    fn group(&self, group: GroupId) -> Name;
    /// A pool's name.
    fn pool(&self, pool: PoolId) -> Name;
}

/// The running hash: two lanes of 64 bits, finished by BLAKE3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    lanes: [u64; 2],
    words: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Digest { lanes: [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344], words: 0 }
    }
}

impl Digest {
    fn word(&mut self, word: u64) {
        self.words += 1;
        self.lanes[0] = mix(self.lanes[0] ^ word);
        self.lanes[1] = mix(self.lanes[1].rotate_left(23).wrapping_add(word ^ self.lanes[0]));
    }

    /// Adds a fact.
    pub fn hear(&mut self, heard: &Heard, names: &impl Named) {
        let mut fact = [0_u64; 6];
        let used = encode(&heard.fact, names, &mut fact);
        self.word(heard.at.nanos());
        for word in &fact[..used] {
            self.word(*word);
        }
    }

    /// The digest so far: 32 hexadecimal digits.
    pub fn hex(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for word in [self.lanes[0], self.lanes[1], self.words] {
            hasher.update(&word.to_le_bytes());
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }
}

fn unit(unit: Unit, names: &impl Named) -> u64 {
    match unit {
        Unit::Node(node) => names.node(node).0,
        Unit::Pool(pool) => names.pool(pool).0,
        Unit::Masters => 1,
        Unit::Cluster => 2,
    }
}

fn optional(pod: Option<PodId>, names: &impl Named) -> u64 {
    pod.map_or(0, |pod| names.pod(pod).0)
}

fn component(component: Component) -> u64 {
    match component {
        Component::ControllerManager => 0,
        Component::Scheduler => 1,
    }
}

fn error(error: ApiError) -> u64 {
    match error {
        ApiError::Refused => 0,
        ApiError::Reset => 1,
        ApiError::Timeout => 2,
        ApiError::Unavailable => 3,
        ApiError::TooManyRequests => 4,
        ApiError::Conflict => 5,
        ApiError::NotFound => 6,
        ApiError::SeveralBudgets => 7,
        ApiError::Forbidden => 8,
    }
}

fn master(master: MasterId) -> u64 {
    master.index() as u64
}

/// Writes a fact's words and returns how many there are. The first is its tag: append, never reuse.
fn encode(fact: &Fact, names: &impl Named, words: &mut [u64; 6]) -> usize {
    let mut used = 0;
    let mut put = |word: u64| {
        words[used] = word;
        used += 1;
    };
    macro_rules! put {
        ($($word:expr),+) => {{ $(put($word);)+ }};
    }
    match *fact {
        Fact::PodCreated { pod } => put!(1, names.pod(pod).0),
        Fact::PodBound { pod, node } => put!(2, names.pod(pod).0, names.node(node).0),
        Fact::PodStarted { pod } => put!(3, names.pod(pod).0),
        Fact::PodListens { pod } => put!(4, names.pod(pod).0),
        Fact::PodReady { pod, ready } => put!(5, names.pod(pod).0, u64::from(ready)),
        Fact::PodDeleting { pod } => put!(6, names.pod(pod).0),
        Fact::PodTerminating { pod } => put!(7, names.pod(pod).0),
        Fact::PodKilled { pod } => put!(8, names.pod(pod).0),
        Fact::PodExited { pod } => put!(9, names.pod(pod).0),
        Fact::PodSilent { pod } => put!(10, names.pod(pod).0),
        Fact::PodRestarted { pod } => put!(11, names.pod(pod).0),
        Fact::PodGone { pod } => put!(12, names.pod(pod).0),
        Fact::EndpointSet { pod, endpoint } => {
            let endpoint = match endpoint {
                Endpoint::Absent => 0,
                Endpoint::Ready => 1,
                Endpoint::Terminating => 2,
            };
            put!(13, names.pod(pod).0, endpoint);
        }
        Fact::RulesProgrammed { node, app } => put!(14, names.node(node).0, names.app(app).0),
        Fact::MachineLaunched { node } => put!(15, names.node(node).0),
        Fact::MachineStopping { node } => put!(16, names.node(node).0),
        Fact::MachineOff { node } => put!(17, names.node(node).0),
        Fact::MachineUp { node } => put!(18, names.node(node).0),
        Fact::NodeRegistered { node, version } => {
            put!(19, names.node(node).0, u64::from(version.minor) << 16 | u64::from(version.patch));
        }
        Fact::NodeReadyIs { node, ready } => {
            let ready = match ready {
                NodeReady::True => 0,
                NodeReady::False => 1,
                NodeReady::Unknown => 2,
            };
            put!(20, names.node(node).0, ready);
        }
        Fact::NodeCordoned { node, unschedulable } => put!(21, names.node(node).0, u64::from(unschedulable)),
        Fact::NodeDeleted { node } => put!(22, names.node(node).0),
        Fact::Evicted { pod } => put!(23, names.pod(pod).0),
        Fact::EvictionRefused { pod, error: why } => put!(24, names.pod(pod).0, error(why)),
        Fact::MemberStarted { member } => put!(25, master(member)),
        Fact::MemberStopped { member } => put!(26, master(member)),
        Fact::MemberLeads { member, term } => put!(27, master(member), term),
        Fact::MemberYields { member, term } => put!(28, master(member), term),
        Fact::QuorumIs { up, voters } => put!(29, u64::from(up), u64::from(voters)),
        Fact::ServerReady { master: server } => put!(30, master(server)),
        Fact::ServerStopping { master: server } => put!(31, master(server)),
        Fact::ServerStopped { master: server } => put!(32, master(server)),
        Fact::ServerInRotation { master: server, used } => put!(33, master(server), u64::from(used)),
        Fact::ApiServes { answering, in_rotation } => put!(34, u64::from(answering), u64::from(in_rotation)),
        Fact::ApiFailed { error: why } => put!(35, error(why)),
        Fact::SkewBroken { master: server, server: theirs, client } => {
            put!(36, master(server), u64::from(theirs.minor), u64::from(client.minor));
        }
        Fact::LeaseTaken { component: of, master: holder } => put!(37, component(of), master(holder)),
        Fact::LeaseLost { component: of, master: holder } => put!(38, component(of), master(holder)),
        Fact::StepBegan { actor, unit: of, phase } => put!(39, actor.index() as u64, unit(of, names), phase as u64),
        Fact::StepEnded { actor, unit: of, phase } => put!(40, actor.index() as u64, unit(of, names), phase as u64),
        Fact::PlanEnded { actor, completed } => put!(41, actor.index() as u64, u64::from(completed)),
        Fact::RequestsLost { group, pod, loss, count, since } => {
            put!(42, names.group(group).0, optional(pod, names), loss as u64, count, since.nanos());
        }
        Fact::Exposed { group, pod, loss, lasting } => {
            put!(43, names.group(group).0, optional(pod, names), loss as u64, lasting.as_nanos());
        }
        Fact::ExposureBegan { group, pod, loss } => put!(44, names.group(group).0, optional(pod, names), loss as u64),
        Fact::ExposureEnded { group, pod, loss } => put!(45, names.group(group).0, optional(pod, names), loss as u64),
        Fact::FaultStruck { fault } => put!(46, fault.index() as u64),
        Fact::FaultRepaired { fault } => put!(47, fault.index() as u64),
    }
    used
}
