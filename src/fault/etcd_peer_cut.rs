//! A partition between masters.

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
    aim: Aim::Master,
    lasting: Some(Lasting {
        default: Span::mins(2),
        source: "rollproof: longer than an election, shorter than an operator takes",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "etcd-peer-cut",
    about: "A partition between masters: one etcd member and the others do not reach each other; all else reaches the machine.",
    details: "A member that led is followed by another after an election. The API server beside it still runs and is asked, and cannot serve, since its member has no quorum; where the load balancer only checks for a connection it stays in use. The repair is the path.",
    settings: &[],
    sources: &["etcd documentation, \"Failure modes\": network partition", "arXiv 1901.04946 (gray failure)"],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Master(master) = victim else { return None };
    Some(Strike {
        disturbance: Disturbance::EtcdPeers { master, linked: false },
        repair: Some(Disturbance::EtcdPeers { master, linked: true }),
    })
}
