//! A zone has no machine left to give.

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
    aim: Aim::Zone,
    lasting: Some(Lasting { default: Span::mins(40), source: "Ministry of Justice, 2020-08-07: about 40 minutes" }),
    strike,
};

static RECORD: Entry = Entry {
    name: "zone-capacity",
    about: "A zone of the cloud is out of machines: launches in it are refused (InsufficientInstanceCapacity).",
    details: "Machines that run stay. A group that may launch elsewhere (`node_pool.group.zone_fallback`) does, in the zone with the fewest of its machines; the others ask again. Masters stay in their zone, where the volume of their etcd member is.",
    settings: &[],
    sources: &[
        "Amazon EC2 Auto Scaling, Troubleshoot: instance launch failure (InsufficientInstanceCapacity)",
        "Ministry of Justice, 2020-08-07: a master of a rolling update could not be replaced for 40 minutes",
    ],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Zone(zone) = victim else { return None };
    Some(Strike {
        disturbance: Disturbance::CloudTrouble(Trouble::Zone(zone)),
        repair: Some(Disturbance::CloudMends(Trouble::Zone(zone))),
    })
}
