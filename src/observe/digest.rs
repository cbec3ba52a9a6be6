//! The digest of a run: a hash of the fact stream in emission order.
//!
//! Each fact is a fixed tag, stable names of what it is about, and little-endian integers; no floats, no causes, no
//! dense ids. A new kind of fact takes a new tag and leaves the digests of runs without it as they were.

use super::Heard;
use crate::base::{Id, Name, Version, name::mix};
use crate::world::fact::{Fact, Unit};
use crate::world::ids::{AppId, GroupId, MasterId, NodeId, PodId, PoolId, ProbeId};
use crate::world::store::{ApiError, Component, Endpoint, NodeReady};
use crate::world::watch::ClientKind;

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
    /// A measuring client's name.
    fn probe(&self, probe: ProbeId) -> Name;
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

fn group(pool: Option<PoolId>, names: &impl Named) -> u64 {
    pool.map_or(0, |pool| names.pool(pool).0)
}

fn version(version: Version) -> u64 {
    u64::from(version.minor) << 16 | u64::from(version.patch)
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

/// A client's kind, and whose it is.
fn client(client: ClientKind, names: &impl Named) -> (u64, u64) {
    match client {
        ClientKind::Kubelet(of) => (0, names.node(of).0),
        ClientKind::Proxy(of) => (1, names.node(of).0),
        ClientKind::Router(of, _) => (2, names.pod(of).0),
        ClientKind::Elected(of, on) => (3 + component(of), master(on)),
        ClientKind::Operator(of) => (8, of.index() as u64),
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
        ApiError::Webhook => 20,
        ApiError::Members => 9,
    }
}

fn master(master: MasterId) -> u64 {
    master.index() as u64
}

fn optional_master(of: Option<MasterId>) -> u64 {
    of.map_or(0, |of| master(of) + 1)
}

fn outcome(result: Result<(), ApiError>) -> u64 {
    result.map_or_else(|why| error(why) + 1, |()| 0)
}

fn endpoint(endpoint: Endpoint) -> u64 {
    match endpoint {
        Endpoint::Absent => 0,
        Endpoint::Ready => 1,
        Endpoint::Terminating => 2,
    }
}

fn ready(ready: NodeReady) -> u64 {
    match ready {
        NodeReady::True => 0,
        NodeReady::False => 1,
        NodeReady::Unknown => 2,
    }
}

/// A fact's tag: append, never reuse.
fn tag(fact: &Fact) -> u64 {
    match fact {
        Fact::PodCreated { .. } => 1,
        Fact::PodBound { .. } => 2,
        Fact::PodStarted { .. } => 3,
        Fact::PodListens { .. } => 4,
        Fact::PodReady { .. } => 5,
        Fact::PodDeleting { .. } => 6,
        Fact::PodTerminating { .. } => 7,
        Fact::PodKilled { .. } => 8,
        Fact::PodExited { .. } => 9,
        Fact::PodSilent { .. } => 10,
        Fact::PodRestarted { .. } => 11,
        Fact::PodGone { .. } => 12,
        Fact::EndpointSet { .. } => 13,
        Fact::RulesProgrammed { .. } => 14,
        Fact::MachineLaunched { .. } => 15,
        Fact::MachineStopping { .. } => 16,
        Fact::MachineOff { .. } => 17,
        Fact::MachineUp { .. } => 18,
        Fact::NodeRegistered { .. } => 19,
        Fact::NodeReadyIs { .. } => 20,
        Fact::NodeCordoned { .. } => 21,
        Fact::NodeDeleted { .. } => 22,
        Fact::Evicted { .. } => 23,
        Fact::EvictionRefused { .. } => 24,
        Fact::MemberStarted { .. } => 25,
        Fact::MemberStopped { .. } => 26,
        Fact::MemberLeads { .. } => 27,
        Fact::MemberYields { .. } => 28,
        Fact::QuorumIs { .. } => 29,
        Fact::ServerReady { .. } => 30,
        Fact::ServerStopping { .. } => 31,
        Fact::ServerStopped { .. } => 32,
        Fact::ServerInRotation { .. } => 33,
        Fact::ApiServes { .. } => 34,
        Fact::ApiFailed { .. } => 35,
        Fact::SkewBroken { .. } => 36,
        Fact::LeaseTaken { .. } => 37,
        Fact::LeaseLost { .. } => 38,
        Fact::StepBegan { .. } => 39,
        Fact::StepEnded { .. } => 40,
        Fact::PlanEnded { .. } => 41,
        Fact::RequestsLost { .. } => 42,
        Fact::Exposed { .. } => 43,
        Fact::ExposureBegan { .. } => 44,
        Fact::ExposureEnded { .. } => 45,
        Fact::FaultStruck { .. } => 46,
        Fact::FaultRepaired { .. } => 47,
        Fact::Probed { .. } => 48,
        Fact::MemberIs { .. } => 49,
        Fact::MemberRefused { .. } => 50,
        Fact::ApiMissed { .. } => 51,
        Fact::PullFailed { .. } => 54,
        Fact::SnapshotTaken => 52,
        Fact::Restored { .. } => 53,
        Fact::PodPreempted { .. } => 60,
        Fact::RolloutStalled { .. } => 61,
        Fact::LaunchRefused { .. } => 70,
        Fact::AppScaled { .. } => 71,
        Fact::RolloutIs { .. } => 80,
        Fact::WebhookFailed { .. } => 81,
        Fact::RouterFollows { .. } => 82,
        Fact::MemberCorrupt { .. } => 83,
        Fact::ClientServed { .. } => 84,
    }
}

/// Writes the words after the tag, and returns how many there are with it.
fn after(words: &mut [u64; 6], more: &[u64]) -> usize {
    words[1..=more.len()].copy_from_slice(more);
    more.len() + 1
}

/// The words after the tag of what happens to etcd's group, and how many there are with it.
fn encode_group(fact: &Fact, words: &mut [u64; 6]) -> usize {
    match *fact {
        Fact::MemberIs { member, standing } => after(words, &[master(member), standing as u64]),
        Fact::MemberCorrupt { member } => after(words, &[master(member)]),
        Fact::QuorumIs { up, voters } => after(words, &[u64::from(up), u64::from(voters)]),
        Fact::MemberRefused { member, version, cluster } => {
            after(words, &[master(member), u64::from(version.minor), u64::from(cluster.minor)])
        }
        Fact::Restored { age, writes, gone, back, nodes } => {
            after(words, &[age.as_nanos(), writes, u64::from(gone), u64::from(back), u64::from(nodes)])
        }
        _ => 1,
    }
}

/// The same of API servers, of their clients, and of what they find wrong.
fn encode_server(fact: &Fact, names: &impl Named, words: &mut [u64; 6]) -> usize {
    match *fact {
        Fact::SkewBroken { master: server, server: theirs, client } => {
            after(words, &[master(server), u64::from(theirs.minor), u64::from(client.minor)])
        }
        Fact::ServerReady { master: server }
        | Fact::ServerStopping { master: server }
        | Fact::ServerStopped { master: server } => after(words, &[master(server)]),
        Fact::ServerInRotation { master: server, used } => after(words, &[master(server), u64::from(used)]),
        Fact::ApiServes { answering, in_rotation } => after(words, &[u64::from(answering), u64::from(in_rotation)]),
        Fact::ApiFailed { error: why } => after(words, &[error(why)]),
        Fact::LeaseTaken { component: of, master: holder } | Fact::LeaseLost { component: of, master: holder } => {
            after(words, &[component(of), master(holder)])
        }
        Fact::Probed { probe, target, sent, result, took } => after(
            words,
            &[names.probe(probe).0, optional_master(target), sent.nanos(), outcome(result), took.as_nanos()],
        ),
        Fact::ClientServed { client: of, served } => {
            let (kind, whose) = client(of, names);
            after(words, &[kind, whose, u64::from(served)])
        }
        Fact::WebhookFailed { webhook, master: server, loss, ignored } => {
            after(words, &[webhook.index() as u64, master(server), loss as u64, u64::from(ignored)])
        }
        _ => 1,
    }
}

/// The same of machines and Node objects.
fn encode_machine(fact: &Fact, names: &impl Named, words: &mut [u64; 6]) -> usize {
    match *fact {
        Fact::MachineLaunched { node }
        | Fact::MachineStopping { node }
        | Fact::MachineOff { node }
        | Fact::MachineUp { node }
        | Fact::NodeDeleted { node } => after(words, &[names.node(node).0]),
        Fact::NodeRegistered { node, version: its } => after(words, &[names.node(node).0, version(its)]),
        Fact::NodeReadyIs { node, ready: said } => after(words, &[names.node(node).0, ready(said)]),
        Fact::NodeCordoned { node, unschedulable } => after(words, &[names.node(node).0, u64::from(unschedulable)]),
        Fact::LaunchRefused { pool, slot, why } => after(words, &[group(pool, names), u64::from(slot), why as u64]),
        _ => 1,
    }
}

/// The same of plans and rollouts.
fn encode_plan(fact: &Fact, names: &impl Named, words: &mut [u64; 6]) -> usize {
    match *fact {
        Fact::StepBegan { actor, unit: of, phase } | Fact::StepEnded { actor, unit: of, phase } => {
            after(words, &[actor.index() as u64, unit(of, names), phase as u64])
        }
        Fact::PlanEnded { actor, completed } => after(words, &[actor.index() as u64, u64::from(completed)]),
        Fact::RolloutStalled { app } => after(words, &[names.app(app).0]),
        Fact::AppScaled { app, replicas } => after(words, &[names.app(app).0, u64::from(replicas)]),
        Fact::RolloutIs { app, stage, percent } => after(words, &[names.app(app).0, stage as u64, u64::from(percent)]),
        _ => 1,
    }
}

/// The same of what users lose.
fn encode_loss(fact: &Fact, names: &impl Named, words: &mut [u64; 6]) -> usize {
    let whose = |group, pod, loss| (names.group(group).0, optional(pod, names), loss as u64);
    match *fact {
        Fact::RequestsLost { group, pod, loss, count, since } => {
            let (group, pod, loss) = whose(group, pod, loss);
            after(words, &[group, pod, loss, count, since.nanos()])
        }
        Fact::Exposed { group, pod, loss, lasting } => {
            let (group, pod, loss) = whose(group, pod, loss);
            after(words, &[group, pod, loss, lasting.as_nanos()])
        }
        Fact::ExposureBegan { group, pod, loss } | Fact::ExposureEnded { group, pod, loss } => {
            let (group, pod, loss) = whose(group, pod, loss);
            after(words, &[group, pod, loss])
        }
        _ => 1,
    }
}

/// Writes a fact's words, its tag first, and returns how many there are.
fn encode(fact: &Fact, names: &impl Named, words: &mut [u64; 6]) -> usize {
    words[0] = tag(fact);
    match *fact {
        Fact::PodCreated { pod }
        | Fact::PodStarted { pod }
        | Fact::PodListens { pod }
        | Fact::ApiMissed { pod }
        | Fact::PullFailed { pod }
        | Fact::PodDeleting { pod }
        | Fact::PodTerminating { pod }
        | Fact::PodKilled { pod }
        | Fact::PodExited { pod }
        | Fact::PodSilent { pod }
        | Fact::PodRestarted { pod }
        | Fact::PodGone { pod }
        | Fact::Evicted { pod } => after(words, &[names.pod(pod).0]),
        Fact::PodPreempted { pod, by } => after(words, &[names.pod(pod).0, names.pod(by).0]),
        Fact::PodBound { pod, node } => after(words, &[names.pod(pod).0, names.node(node).0]),
        Fact::PodReady { pod, ready } => after(words, &[names.pod(pod).0, u64::from(ready)]),
        Fact::EndpointSet { pod, endpoint: said } => after(words, &[names.pod(pod).0, endpoint(said)]),
        Fact::RulesProgrammed { node, app } => after(words, &[names.node(node).0, names.app(app).0]),
        Fact::MachineLaunched { .. }
        | Fact::MachineStopping { .. }
        | Fact::MachineOff { .. }
        | Fact::MachineUp { .. }
        | Fact::LaunchRefused { .. }
        | Fact::NodeRegistered { .. }
        | Fact::NodeReadyIs { .. }
        | Fact::NodeCordoned { .. }
        | Fact::NodeDeleted { .. } => encode_machine(fact, names, words),
        Fact::EvictionRefused { pod, error: why } => after(words, &[names.pod(pod).0, error(why)]),
        Fact::MemberStarted { member } | Fact::MemberStopped { member } => after(words, &[master(member)]),
        Fact::MemberLeads { member, term } | Fact::MemberYields { member, term } => {
            after(words, &[master(member), term])
        }
        Fact::SnapshotTaken
        | Fact::QuorumIs { .. }
        | Fact::Restored { .. }
        | Fact::MemberIs { .. }
        | Fact::MemberCorrupt { .. }
        | Fact::MemberRefused { .. } => encode_group(fact, words),
        Fact::ServerReady { .. }
        | Fact::ServerStopping { .. }
        | Fact::ServerStopped { .. }
        | Fact::ServerInRotation { .. }
        | Fact::ApiServes { .. }
        | Fact::ApiFailed { .. }
        | Fact::ClientServed { .. }
        | Fact::LeaseTaken { .. }
        | Fact::LeaseLost { .. }
        | Fact::Probed { .. }
        | Fact::SkewBroken { .. }
        | Fact::WebhookFailed { .. } => encode_server(fact, names, words),
        Fact::StepBegan { .. } | Fact::StepEnded { .. } | Fact::PlanEnded { .. } => encode_plan(fact, names, words),
        Fact::RolloutIs { .. } | Fact::RolloutStalled { .. } | Fact::AppScaled { .. } => {
            encode_plan(fact, names, words)
        }
        Fact::RequestsLost { .. } | Fact::Exposed { .. } | Fact::ExposureBegan { .. } | Fact::ExposureEnded { .. } => {
            encode_loss(fact, names, words)
        }
        Fact::RouterFollows { pod, app } => after(words, &[names.pod(pod).0, names.app(app).0]),
        Fact::FaultStruck { fault } | Fact::FaultRepaired { fault } => after(words, &[fault.index() as u64]),
    }
}
