//! The API's standing clients over time: which kinds of them it serves, and how many of each.

use std::collections::{BTreeMap, BTreeSet};

use super::series::Steps;
use crate::base::{Id, Time};
use crate::observe::trace::Trace;
use crate::world::fact::Fact;
use crate::world::ids::NodeId;
use crate::world::watch::ClientKind;

/// How many clients there are, and how many of them are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Served {
    /// Of these.
    pub(super) all: u32,
    /// So many.
    pub(super) served: u32,
}

/// Clients of one kind over time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Clients {
    /// `kubelets`.
    pub(super) name: &'static str,
    /// How many there are and are served, from when on.
    pub(super) steps: Steps<Served>,
}

/// Kinds as people group them.
const NAMES: [&str; 4] = ["kubelets", "kube-proxies", "controllers", "ingress"];
const KUBELETS: usize = 0;
const PROXIES: usize = 1;
const CONTROLLERS: usize = 2;
const INGRESS: usize = 3;

/// A client: its kind, and its number in it.
type Key = (usize, u64);

fn key(client: ClientKind) -> Option<Key> {
    Some(match client {
        ClientKind::Kubelet(node) => (KUBELETS, node.index() as u64),
        ClientKind::Proxy(node) => (PROXIES, node.index() as u64),
        ClientKind::Elected(component, master) => (CONTROLLERS, master.index() as u64 * 2 + component as u64),
        ClientKind::Router(pod, _) => (INGRESS, pod.index() as u64),
        ClientKind::Operator(_) => return None,
    })
}

fn host(client: ClientKind) -> Option<NodeId> {
    match client {
        ClientKind::Kubelet(node) | ClientKind::Proxy(node) | ClientKind::Router(_, node) => Some(node),
        ClientKind::Elected(..) | ClientKind::Operator(_) => None,
    }
}

/// The clients that end with what this fact tells of.
fn ended(fact: &Fact, trace: &Trace) -> Vec<Key> {
    match *fact {
        Fact::MachineOff { node } => {
            let master = trace.names.master_of.get(node).copied().flatten().map(|master| master.index() as u64 * 2);
            let elected = master.into_iter().flat_map(|first| [(CONTROLLERS, first), (CONTROLLERS, first + 1)]);
            elected.chain([(KUBELETS, node.index() as u64), (PROXIES, node.index() as u64)]).collect()
        }
        Fact::PodGone { pod } => vec![(INGRESS, pod.index() as u64)],
        _ => Vec::new(),
    }
}

/// Each kind of which there is one. Clients of a machine that is off are none.
pub(super) fn over_time(trace: &Trace) -> Vec<Clients> {
    let mut known: BTreeMap<Key, bool> = BTreeMap::new();
    let mut off: BTreeSet<NodeId> = BTreeSet::new();
    let mut now = [Served::default(); NAMES.len()];
    let mut steps: [Steps<Served>; NAMES.len()] = Default::default();
    for record in &trace.records {
        match record.fact {
            Fact::MachineOff { node } => _ = off.insert(node),
            Fact::MachineUp { node } => _ = off.remove(&node),
            // What a machine that is off has left open falls silent; nobody waits there.
            Fact::ClientServed { client, .. } if host(client).is_some_and(|node| off.contains(&node)) => continue,
            _ => {}
        }
        let changed: Vec<(Key, Option<bool>)> = match record.fact {
            Fact::ClientServed { client, served } => key(client).map(|key| (key, Some(served))).into_iter().collect(),
            ref fact => ended(fact, trace).into_iter().map(|key| (key, None)).collect(),
        };
        for (key, served) in changed {
            let before = match served {
                Some(served) => known.insert(key, served),
                None => known.remove(&key),
            };
            if before != served {
                let count = &mut now[key.0];
                count.all = count.all + u32::from(served.is_some()) - u32::from(before.is_some());
                count.served = count.served + u32::from(served == Some(true)) - u32::from(before == Some(true));
                put(&mut steps[key.0], record.at, *count);
            }
        }
    }
    let named = NAMES.into_iter().zip(steps).filter(|(_, steps)| !steps.is_empty());
    named.map(|(name, steps)| Clients { name, steps }).collect()
}

/// The last value of a moment counts.
fn put(steps: &mut Steps<Served>, at: Time, served: Served) {
    let at = at.secs_f64();
    match steps.last_mut() {
        Some(last) if last.0 >= at => last.1 = served,
        Some(_) | None => steps.push((at, served)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;
    use crate::observe::trace::Record;

    #[test]
    fn a_machine_that_is_off_has_no_clients_and_a_cut_one_is_not_served() {
        let served = |node, served| Fact::ClientServed { client: ClientKind::Kubelet(NodeId(node)), served };
        let facts = [
            (0, served(0, true)),
            (0, served(1, true)),
            (5, served(1, false)),
            (9, served(1, true)),
            (12, Fact::MachineOff { node: NodeId(1) }),
            (12, served(1, false)),
        ];
        let record = |(secs, fact)| Record { at: Time::ZERO + Span::secs(secs), event: 0, fact };
        let trace = Trace { records: facts.into_iter().map(record).collect(), ..Trace::default() };
        let counts = |(all, served)| Served { all, served };
        let expected = [(0.0, (2, 2)), (5.0, (2, 1)), (9.0, (2, 2)), (12.0, (1, 1))];
        let expected = expected.map(|(at, count)| (at, counts(count))).to_vec();
        assert_eq!(over_time(&trace), [Clients { name: "kubelets", steps: expected }]);
    }
}
