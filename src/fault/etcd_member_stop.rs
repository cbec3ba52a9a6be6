//! An etcd member stops.

use super::catalog::{FaultEntry, FaultSet, Lasting};
use super::process::{SIGNAL, stopped};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::base::Span;
use crate::config::{Entry, Values};
use crate::world::disturbance::MasterProcess;

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry = FaultEntry {
    entry: &RECORD,
    set: FaultSet::Core,
    aim: Aim::Master,
    lasting: Some(Lasting {
        default: Span::secs(30),
        source: "rollproof: several election time-outs, well below the 80 s after which liveness restarts the API server",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "etcd-member-stop",
    about: "An etcd member stops; its data stays, and it restarts as the same member.",
    details: "With SIGTERM a leader hands over after its client streams have closed, up to 7 s later; with SIGKILL the others elect one after their time-out. The repair is the start of the process.",
    settings: &SIGNAL,
    sources: &["etcd server/embed/etcd.go (Close)", "etcd raft/raft.go"],
};

fn strike(values: &Values, victim: Victim) -> Option<Strike> {
    stopped(values, victim, MasterProcess::Etcd)
}
