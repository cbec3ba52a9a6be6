//! What kops calls a valid cluster: the predicate behind its gate, over what the API reports. Other plans may ask it, too.
//!
//! Source: kops `pkg/validation/validate_cluster.go`. Not looked at, as there: etcd's members, users' workloads, budgets.

use crate::base::{Id, IdVec};
use crate::world::ids::{MasterId, NodeId, PodId, PoolId};
use crate::world::reported::{Instance, Reported};
use crate::world::store::{NodeReady, Phase};

/// Which group of machines a roll is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum GroupKey {
    /// A master; each is a group of its own.
    Master(MasterId),
    /// A group of workers.
    Pool(PoolId),
}

impl GroupKey {
    /// The group of a machine, if it has one.
    pub(super) fn of(machine: &Instance) -> Option<GroupKey> {
        machine.master.map(GroupKey::Master).or(machine.pool.map(GroupKey::Pool))
    }
}

/// Whose failures count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relevant {
    /// Every group's (up to kops 1.17).
    All,
    /// The masters', this group's, and those of no group (kops `hasFailureRelevantToGroup`).
    To(GroupKey),
}

impl Relevant {
    fn counts(self, pool: PoolId) -> bool {
        match self {
            Relevant::All => true,
            Relevant::To(GroupKey::Master(_)) => false,
            Relevant::To(GroupKey::Pool(own)) => own == pool,
        }
    }
}

/// Why a cluster is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invalid {
    /// The API does not answer.
    Silent,
    /// A group has fewer running machines than it should.
    TooFew { group: GroupKey, running: u32, target: u32 },
    /// A machine has no Node object.
    NotJoined(NodeId),
    /// A node is not Ready.
    NotReady(NodeId),
    /// A master's API server, controller manager or scheduler pod is not ready.
    StaticPods(MasterId),
    /// A pod of critical priority is not running and ready.
    Critical(PodId),
}

impl Invalid {
    /// In words.
    pub(super) fn described(self, seen: &Reported<'_>) -> String {
        let label = |node| &seen.instance(node).label;
        match self {
            Invalid::Silent => "the API does not answer".to_owned(),
            Invalid::TooFew { group, running, target } => {
                let name = match group {
                    GroupKey::Master(master) => format!("of master {}", master.0 + 1),
                    GroupKey::Pool(pool) => format!("`{}`", seen.spec.pools[pool].name),
                };
                format!("group {name} has {running} of {target} machines")
            }
            Invalid::NotJoined(node) => format!("machine {} has not joined", label(node)),
            Invalid::NotReady(node) => format!("node {} is not ready", label(node)),
            Invalid::StaticPods(master) => format!("static pods of master {} are not ready", master.0 + 1),
            Invalid::Critical(pod) => match seen.pod(pod) {
                Some(_) => format!("critical pod {} is not ready", seen.store().pod_label(pod, seen.spec)),
                None => "a critical pod is gone".to_owned(),
            },
        }
    }
}

/// What was found of the machines, and when: it is so until one of them changes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Looked {
    at: Option<(u64, Option<Invalid>)>,
    /// The fleet that it was found of.
    fleet: Option<u64>,
    /// All machines before this one have gone.
    first: usize,
}

impl Looked {
    /// Some failure that counts: the one that was found last, while it lasts.
    pub(super) fn still_invalid(&mut self, seen: &Reported<'_>, relevant: Relevant) -> Option<Invalid> {
        let last = self.at.and_then(|(_, found)| found).filter(|_| seen.api.is_ok() && !seen.flattered);
        let node = match last {
            Some(Invalid::TooFew { .. }) if self.fleet.is_some() && self.fleet == seen.fleet => return last,
            Some(Invalid::NotJoined(node) | Invalid::NotReady(node)) => Some(node),
            _ => None,
        };
        let in_group = |node: &NodeId| seen.instance(*node).running && !seen.instance(*node).detached;
        let unfit = node.filter(in_group).and_then(|node| unfit(seen, node));
        unfit.or_else(|| self.invalid(seen, relevant))
    }

    /// As [`invalid`], for one who asks again and again.
    pub(super) fn invalid(&mut self, seen: &Reported<'_>, relevant: Relevant) -> Option<Invalid> {
        if seen.api.is_err() || seen.flattered {
            return invalid(seen, relevant);
        }
        let machines = match (self.at, seen.mark) {
            (Some((at, found)), Some(mark)) if at == mark => found,
            (_, mark) => {
                let goes = |node: &usize| !seen.instance(NodeId::from_index(*node)).running;
                self.first += (self.first..seen.machines()).take_while(goes).count();
                let found = machines_invalid(seen, self.first, relevant);
                self.fleet = seen.fleet;
                self.at = mark.map(|mark| (mark, found));
                found
            }
        };
        machines.or_else(|| critical_invalid(seen))
    }
}

/// The first failure that counts; none for a valid cluster.
pub(super) fn invalid(seen: &Reported<'_>, relevant: Relevant) -> Option<Invalid> {
    if seen.api.is_err() {
        return Some(Invalid::Silent);
    }
    if seen.flattered {
        return None;
    }
    machines_invalid(seen, 0, relevant).or_else(|| critical_invalid(seen))
}

/// A group's machines: how many run, and the first that is not as it should be.
#[derive(Clone, Copy, Debug, Default)]
struct Members {
    running: u32,
    unfit: Option<Invalid>,
}

/// The first failure among the machines from index `first` on.
fn machines_invalid(seen: &Reported<'_>, first: usize, relevant: Relevant) -> Option<Invalid> {
    let mut masters = vec![Members::default(); seen.spec.control_plane.replicas as usize];
    let mut pools: IdVec<PoolId, Members> = seen.spec.pools.iter().map(|_| Members::default()).collect();
    let machines = seen.instances().skip(first);
    for (node, machine) in machines.filter(|(_, machine)| machine.running && !machine.detached) {
        let group = match GroupKey::of(machine) {
            Some(GroupKey::Master(master)) => masters.get_mut(master.index()),
            Some(GroupKey::Pool(pool)) => Some(&mut pools[pool]),
            None => None,
        };
        let Some(members) = group else { continue };
        members.running += 1;
        members.unfit = members.unfit.or_else(|| unfit(seen, node));
    }
    let masters =
        masters.iter().enumerate().map(|(place, members)| (GroupKey::Master(MasterId(place as u32)), members));
    let pools = pools.entries().filter(|(pool, _)| relevant.counts(*pool));
    let pools = pools.map(|(pool, members)| (GroupKey::Pool(pool), members));
    masters.chain(pools).find_map(|(group, members)| group_invalid(seen, group, *members))
}

fn unfit(seen: &Reported<'_>, node: NodeId) -> Option<Invalid> {
    match seen.node(node) {
        None => Some(Invalid::NotJoined(node)),
        Some(object) if object.ready != NodeReady::True => Some(Invalid::NotReady(node)),
        Some(_) => None,
    }
}

fn critical_invalid(seen: &Reported<'_>) -> Option<Invalid> {
    let failed = |pod: &PodId| !seen.pod(*pod).is_none_or(critical_pod_is_fine);
    seen.critical_pods().find(failed).map(Invalid::Critical)
}

fn group_invalid(seen: &Reported<'_>, group: GroupKey, members: Members) -> Option<Invalid> {
    let target = match group {
        GroupKey::Master(_) => 1,
        GroupKey::Pool(pool) => seen.spec.pools[pool].count,
    };
    if members.running < target {
        return Some(Invalid::TooFew { group, running: members.running, target });
    }
    members.unfit.or(match group {
        GroupKey::Master(master) if !seen.static_pods_ready(master) => Some(Invalid::StaticPods(master)),
        GroupKey::Master(_) | GroupKey::Pool(_) => None,
    })
}

fn critical_pod_is_fine(pod: crate::world::store::PodObject) -> bool {
    match pod.phase {
        Phase::Succeeded => true,
        Phase::Running => pod.ready,
        Phase::Pending | Phase::Failed => false,
    }
}
