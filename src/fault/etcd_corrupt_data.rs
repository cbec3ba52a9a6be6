//! An etcd member's data are corrupt.

use super::catalog::{FaultEntry, FaultSet, Lasting};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::base::Span;
use crate::config::{Entry, Values};
use crate::world::disturbance::Disturbance;

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry = FaultEntry {
    entry: &RECORD,
    set: FaultSet::Independent,
    aim: Aim::Master,
    lasting: Some(Lasting {
        default: Span::mins(30),
        source: "rollproof: until somebody has removed the member and added it anew with the data of the others",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "etcd-corrupt-data",
    about: "The data on the disk of an etcd member are corrupt, which it finds when it starts next: it does not run until they are brought back.",
    details: "Nothing is seen of it before the process or its machine restarts; then the group has one member less than the plan counts with. A disk that returns with a new machine (kops) brings the corruption along; a member that is removed and joins anew starts without. The repair is the others' data.",
    settings: &[],
    sources: &["etcd documentation, \"Data corruption\"", "etcd server/storage/wal (ErrCRCMismatch)"],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Master(master) = victim else { return None };
    Some(Strike {
        disturbance: Disturbance::CorruptMember { master, corrupt: true },
        repair: Some(Disturbance::CorruptMember { master, corrupt: false }),
    })
}
