//! What a group launches comes to nothing.

use super::catalog::{FaultEntry, FaultSet, Lasting};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::base::Span;
use crate::config::{Entry, Values};
use crate::world::disturbance::{Disturbance, Trouble};

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry = FaultEntry {
    entry: &RECORD,
    set: FaultSet::Correlated,
    aim: Aim::Group,
    lasting: Some(Lasting {
        default: Span::mins(15),
        source: "rollproof: as long as EKS and Karpenter give a node to register",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "provisioning-failure",
    about: "Machines that a group launches fail to start, and the group tries again with growing pauses.",
    details: "As a launch that is accepted and ends at once: an internal error of the cloud, a volume or a key that cannot be used. Each try takes the time of a launch.",
    settings: &[],
    sources: &[
        "Amazon EC2 Auto Scaling, Troubleshoot: instance launch failure (Client.InternalError, Server.InternalError)",
    ],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Group(pool) = victim else { return None };
    Some(Strike {
        disturbance: Disturbance::CloudTrouble(Trouble::Group(pool)),
        repair: Some(Disturbance::CloudMends(Trouble::Group(pool))),
    })
}
