//! A failure domain is cut off.

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
        default: Span::mins(5),
        source: "rollproof: longer than the grace of a node, shorter than evictions take to begin (5 min)",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "zone-cut",
    about: "A partition between zones: the machines of a failure domain lose their links; what runs on them runs on.",
    details: "The others see what they see of a zone without power, and the pods of the zone are back as they were when the links are. Machines of the zone do not reach each other either, so that clients inside it lose their requests, too. It takes the machines that are there; one that is launched in the zone meanwhile is linked. The repair is the links.",
    settings: &[],
    sources: &[
        "Kubernetes documentation, \"Running in multiple zones\"",
        "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go (handleDisruption)",
    ],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Zone(zone) = victim else { return None };
    Some(Strike {
        disturbance: Disturbance::ZoneLinked { zone, linked: false },
        repair: Some(Disturbance::ZoneLinked { zone, linked: true }),
    })
}
