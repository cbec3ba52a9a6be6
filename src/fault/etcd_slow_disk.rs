//! The disk of an etcd member is slow.

use super::catalog::{FaultEntry, FaultSet, Lasting};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::world::disturbance::Disturbance;

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry = FaultEntry {
    entry: &RECORD,
    set: FaultSet::Independent,
    aim: Aim::Master,
    lasting: Some(Lasting {
        default: Span::mins(10),
        source: "rollproof: until a neighbour on the disk is quiet, or its burst credit is back",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "etcd-slow-disk",
    about: "Each write to the disk of an etcd member takes at least `fsync`.",
    details: "A slow follower costs nothing: the majority does not wait for it. A slow leader hands no commit on before its own disk has the entry, so each write to the API waits. The longest `fsync` is shorter than an election time-out of 1 s: heartbeats come late, and not too late. That a disk which stands still for longer costs a leader its office is not modelled. The repair is a disk as before.",
    settings: &SETTINGS,
    sources: &[
        "etcd server/etcdserver/raft.go (start)",
        "etcd documentation, FAQ: \"What does the etcd warning apply entries took too long mean?\"",
    ],
};

static SETTINGS: [Setting; 1] = [Setting {
    key: "fsync",
    about: "The least that a write to the disk takes.",
    kind: Kind::Duration { min: Span::millis(10), max: Span::millis(900) },
    default: "\"500ms\"",
    unit: "",
    source: "etcd documentation, FAQ: a p99 above 10 ms is slow already; half a second is a disk without burst credit",
}];

fn strike(values: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Master(master) = victim else { return None };
    Some(Strike {
        disturbance: Disturbance::SlowDisk { master, fsync: values.span("fsync") },
        repair: Some(Disturbance::SlowDisk { master, fsync: Span::ZERO }),
    })
}
