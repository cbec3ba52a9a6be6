//! A failure domain loses power.

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
    aim: Aim::Zone,
    lasting: Some(Lasting {
        default: Span::mins(30),
        source: "rollproof: longer than any controller waits for a lost node; public reports of zone outages speak of hours",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "zone-outage",
    about: "A whole failure domain loses power: every machine in it falls silent at once.",
    details: "Masters and pools are spread over their `zones` in turn: the machine in place 1 stands in zone-1, the next in zone-2. The outage takes the machines that are there; one that is launched in the zone meanwhile boots as elsewhere. The repair is power.",
    settings: &[],
    sources: &[
        "Kubernetes documentation, \"Running in multiple zones\"",
        "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go (handleDisruption)",
    ],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Zone(zone) = victim else { return None };
    Some(Strike { disturbance: Disturbance::ZoneOff(zone), repair: Some(Disturbance::ZoneOn(zone)) })
}
