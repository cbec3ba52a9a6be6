//! What a gate looks at, and why it does not hold.

use super::arrival::{Group, Machine, Standing};
use super::select::promised;
use crate::base::Id;
use crate::strategy::validation::{Relevant, invalid};
use crate::world::disturbance::MasterProcess;
use crate::world::ids::{MasterId, NodeId};
use crate::world::membership::Membership;
use crate::world::reported::{Reported, Sight};
use crate::world::store::NodeReady;

/// A condition of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The API answers.
    Api,
    /// The unit's machine, or what took its place, has registered since its transition and is Ready.
    NodeReady,
    /// The unit's master runs its API server, controller manager and scheduler pods, all Ready.
    StaticPods,
    /// Every master's machine is Ready, and so are its static pods and its etcd member.
    ControlPlane,
    /// The same of all masters but the unit's.
    OtherMasters,
    /// Every etcd member serves; there is no learner.
    Etcd,
    /// Every etcd member serves, and there are not two of them, of which none can be spared.
    EtcdSpare,
    /// The unit's member could go: the others have a majority of healthy voters among them and no learner, and another
    /// master runs all its pods.
    MemberRemovable,
    /// Every machine that was launched ahead is Ready.
    ExtrasReady,
    /// In each zone where the group has machines at least one at the new version is Ready, and all launched ahead are.
    ExtrasInEachZone,
    /// Every machine of the group is Ready.
    GroupReady,
    /// Every app has all its pods Ready.
    Apps,
    /// kops would call the cluster valid.
    Validation,
}

impl Condition {
    /// All of them.
    pub const ALL: [Condition; 13] = [
        Condition::Api,
        Condition::NodeReady,
        Condition::StaticPods,
        Condition::ControlPlane,
        Condition::OtherMasters,
        Condition::Etcd,
        Condition::EtcdSpare,
        Condition::MemberRemovable,
        Condition::ExtrasReady,
        Condition::ExtrasInEachZone,
        Condition::GroupReady,
        Condition::Apps,
        Condition::Validation,
    ];

    /// The name in a plan's TOML.
    pub const fn name(self) -> &'static str {
        match self {
            Condition::Api => "api",
            Condition::NodeReady => "node-ready",
            Condition::StaticPods => "static-pods",
            Condition::ControlPlane => "control-plane",
            Condition::OtherMasters => "other-masters",
            Condition::Etcd => "etcd",
            Condition::EtcdSpare => "etcd-spare",
            Condition::MemberRemovable => "member-removable",
            Condition::ExtrasReady => "extras-ready",
            Condition::ExtrasInEachZone => "extras-in-each-zone",
            Condition::GroupReady => "group-ready",
            Condition::Apps => "apps",
            Condition::Validation => "validation",
        }
    }

    /// What changes of it would be seen by.
    pub(super) const fn sight(self) -> Sight {
        match self {
            Condition::NodeReady
            | Condition::ExtrasReady
            | Condition::ExtrasInEachZone
            | Condition::GroupReady
            | Condition::Api => Sight::Machines,
            Condition::StaticPods | Condition::Etcd | Condition::EtcdSpare | Condition::MemberRemovable => {
                Sight::ControlPlane
            }
            Condition::ControlPlane | Condition::OtherMasters | Condition::Apps | Condition::Validation => {
                Sight::Anything
            }
        }
    }
}

/// What a gate is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) group: Group,
    /// The unit's machine.
    pub(super) machine: Option<Machine>,
    /// Machines launched ahead.
    pub(super) extras: &'a [Machine],
}

/// Why a condition does not hold; `None` if it does.
pub(super) fn unmet(condition: Condition, subject: Subject<'_>, seen: &Reported<'_>) -> Option<String> {
    if seen.api.is_err() {
        return Some("the API does not answer".to_owned());
    }
    match condition {
        Condition::Api => None,
        Condition::NodeReady => subject.machine.and_then(|machine| not_ready(machine, seen)),
        Condition::StaticPods => {
            let node = subject.machine.and_then(|machine| machine.node(seen))?;
            seen.instance(node).master.and_then(|master| static_pods(master, false, seen))
        }
        Condition::ControlPlane => control_plane(None, seen),
        Condition::OtherMasters => {
            let own = subject.machine.and_then(|machine| machine.node(seen));
            control_plane(own, seen)
        }
        Condition::EtcdSpare if seen.spec.control_plane.replicas == 2 => {
            Some("etcd has two members and can spare none".to_owned())
        }
        Condition::Etcd | Condition::EtcdSpare => seen
            .members
            .members()
            .find(|master| !seen.static_pod(*master, MasterProcess::Etcd).ready)
            .map(|master| format!("etcd of master {} does not serve", master.0 + 1)),
        Condition::MemberRemovable => {
            let node = subject.machine.and_then(|machine| machine.node(seen))?;
            seen.instance(node).master.and_then(|master| not_removable(master, seen))
        }
        Condition::ExtrasReady => subject.extras.iter().find_map(|machine| not_ready(*machine, seen)),
        Condition::ExtrasInEachZone => extras_in_each_zone(subject, seen),
        Condition::GroupReady => group_ready(subject.group, seen),
        Condition::Apps => apps(seen),
        Condition::Validation => invalid(seen, Relevant::All).map(|failure| failure.described(seen)),
    }
}

fn not_ready(machine: Machine, seen: &Reported<'_>) -> Option<String> {
    let standing = machine.standing(seen);
    let Some(node) = machine.node(seen) else { return not_launched(machine, seen) };
    let label = &seen.instance(node).label;
    match standing {
        Standing::Ready => None,
        Standing::Awaited => not_launched(machine, seen),
        Standing::Booting => Some(format!("machine {label} has not joined")),
        Standing::Joining => Some(format!("node {label} is not ready")),
    }
}

/// A machine that is awaited, and why the cloud has refused it, if it has.
fn not_launched(machine: Machine, seen: &Reported<'_>) -> Option<String> {
    let Machine::Coming(place, _) = machine else { return None };
    let refused = seen.refused().iter().find(|refused| place.is(refused.pool, refused.slot));
    Some(match refused {
        Some(refused) => format!("a machine was not launched: {}", refused.why.name()),
        None => "a machine was not launched yet".to_owned(),
    })
}

fn unfit(node: NodeId, seen: &Reported<'_>) -> Option<String> {
    let label = &seen.instance(node).label;
    match seen.node(node) {
        None => Some(format!("machine {label} has not joined")),
        Some(object) if object.ready != NodeReady::True => Some(format!("node {label} is not ready")),
        Some(_) => None,
    }
}

fn static_pods(master: MasterId, with_etcd: bool, seen: &Reported<'_>) -> Option<String> {
    let looked_at = MasterProcess::ALL.into_iter().filter(|process| with_etcd || *process != MasterProcess::Etcd);
    let mut failing = looked_at.filter(|process| !seen.static_pod(master, *process).ready);
    failing.next().map(|process| format!("{} of master {} is not ready", process.name(), master.0 + 1))
}

/// What is wrong with the masters, one that is about to go left out.
fn control_plane(except: Option<NodeId>, seen: &Reported<'_>) -> Option<String> {
    let machines = || Group::Masters.machines(seen).filter(|(node, _)| Some(*node) != except);
    if let Some(why) = machines().find_map(|(node, _)| unfit(node, seen)) {
        return Some(why);
    }
    let (running, asked) = (machines().count(), seen.spec.control_plane.replicas);
    if except.is_none() && running < asked as usize {
        return Some(format!("{running} of {asked} masters have a machine"));
    }
    machines().filter_map(|(_, machine)| machine.master).find_map(|master| static_pods(master, true, seen))
}

/// Why a member had better stay. Source: cluster-api controlplane/kubeadm, `targetEtcdClusterHealthy` and
/// `targetKubernetesControlPlaneComponentsHealthy`.
fn not_removable(master: MasterId, seen: &Reported<'_>) -> Option<String> {
    let standing = |member: MasterId| seen.members.standing(member);
    if let Some(learner) = seen.members.members().find(|member| standing(*member) == Some(Membership::Learner)) {
        return Some(format!("etcd of master {} is still a learner", learner.0 + 1));
    }
    let others = || seen.members.members().filter(|member| *member != master);
    let healthy = others().filter(|member| seen.static_pod(*member, MasterProcess::Etcd).ready).count();
    let quorum = others().count() / 2 + 1;
    if healthy < quorum {
        return Some(format!("etcd would have {healthy} healthy members where {quorum} make a majority"));
    }
    let complete = |member: MasterId| static_pods(member, true, seen).is_none();
    (!others().any(complete)).then(|| "no other master runs all its pods".to_owned())
}

fn group_ready(group: Group, seen: &Reported<'_>) -> Option<String> {
    let next = match group {
        Group::Workers(pool) => promised(Some(pool), seen).next(),
        Group::Masters => promised(None, seen).next(),
        Group::Everything => None,
    };
    let launched = |node: NodeId| format!("the successor of {} is not launched yet", seen.instance(node).label);
    next.map(launched).or_else(|| group.machines(seen).find_map(|(node, _)| unfit(node, seen)))
}

fn extras_in_each_zone(subject: Subject<'_>, seen: &Reported<'_>) -> Option<String> {
    // A machine of the group at the new version is new, whoever launched it.
    let new = subject.group.machines(seen).filter(|(_, machine)| machine.version == seen.target(machine.pool));
    let nodes: Vec<NodeId> = new.map(|(node, _)| node).collect();
    let ready = |node: &NodeId| unfit(*node, seen).is_none();
    let zone_of = |node: NodeId| seen.instance(node).zone;
    let wanted = subject.group.machines(seen).map(|(_, machine)| machine.zone);
    for zone in wanted {
        if !nodes.iter().any(|node| zone_of(*node) == zone && ready(node)) {
            let refused = subject.extras.iter().find_map(|machine| not_launched(*machine, seen));
            let why = refused.map_or(String::new(), |why| format!(": {why}"));
            return Some(format!("no new machine is ready in zone {}{why}", zone.0 + 1));
        }
    }
    subject.extras.iter().find_map(|machine| not_ready(*machine, seen))
}

fn apps(seen: &Reported<'_>) -> Option<String> {
    seen.spec.apps.entries().find_map(|(app, asked)| {
        let pods = seen.store().pods_of(app).iter().filter_map(|pod| seen.pod(*pod));
        let ready = pods.filter(|pod| pod.is_healthy()).count();
        let wanted = seen.pods_wanted(app) as usize;
        (ready < wanted).then(|| format!("{ready} of {wanted} pods of {} are ready", asked.name))
    })
}

/// How many machines of a group are not Ready, those of `except` left out.
pub(super) fn unready(group: Group, except: impl Fn(NodeId) -> bool, seen: &Reported<'_>) -> usize {
    group.machines(seen).filter(|(node, _)| unfit(*node, seen).is_some() && !except(*node)).count()
}

/// The least place of a worker group that no running machine has and nobody has claimed, in the zone of `like`.
pub(super) fn free_slot(group: Group, like: u32, claimed: &[u32], seen: &Reported<'_>) -> u32 {
    let zones = group.zones(seen);
    let taken: Vec<u32> = group.machines(seen).map(|(_, machine)| machine.slot).collect();
    let free = |slot: &u32| slot % zones == like % zones && !taken.contains(slot) && !claimed.contains(slot);
    (0..u32::MAX).find(free).unwrap_or(u32::MAX)
}

/// Number of machines that the cloud ever launched.
pub(super) fn launched(seen: &Reported<'_>) -> usize {
    NodeId::from_index(seen.machines()).index()
}
