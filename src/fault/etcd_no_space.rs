//! etcd has no space.

use super::catalog::{FaultEntry, FaultSet, Lasting};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::base::Span;
use crate::config::{Entry, Values};
use crate::world::disturbance::Disturbance;

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry = FaultEntry {
    entry: &RECORD,
    set: FaultSet::Correlated,
    aim: Aim::Cluster,
    lasting: Some(Lasting {
        default: Span::mins(10),
        source: "rollproof: until somebody has compacted, defragmented and disarmed the alarm",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "etcd-no-space",
    about: "etcd has reached its quota of space: all members take deletions only (the alarm NOSPACE).",
    details: "API servers stay ready and answer reads; each write but the last removal of a pod or a node is answered with 500. Leases are writes: leaders of the controller manager and the scheduler lose theirs, and kubelets cannot renew their nodes'. Nothing is scheduled, no endpoint changes. The repair is the disarmed alarm; nodes that were not heard of for longer than their grace may be marked then, for as long as their next renewal takes.",
    settings: &[],
    sources: &["etcd documentation, \"Maintenance\": space quota", "etcd server/etcdserver/apply (the capped applier)"],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Cluster = victim else { return None };
    Some(Strike {
        disturbance: Disturbance::EtcdFull { full: true },
        repair: Some(Disturbance::EtcdFull { full: false }),
    })
}
