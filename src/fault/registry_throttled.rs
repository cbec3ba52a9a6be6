//! The registry of images is slow.

use super::catalog::{FaultEntry, FaultSet, Lasting};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::world::disturbance::{Disturbance, Registry};

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry = FaultEntry {
    entry: &RECORD,
    set: FaultSet::Correlated,
    aim: Aim::Cluster,
    lasting: Some(Lasting { default: Span::mins(30), source: "rollproof: longer than the replacement of a node" }),
    strike,
};

static RECORD: Entry = Entry {
    name: "registry-throttled",
    about: "The registry is slow: a pull of an image takes `factor` times as long.",
    details: "Whoever waits for pods on new nodes waits as much longer. A pull keeps the pace at which it began.",
    settings: &SETTINGS,
    sources: &["Kubernetes documentation, \"Images\"", "Docker documentation, \"Docker Hub usage and limits\""],
};

static SETTINGS: [Setting; 1] = [Setting {
    key: "factor",
    about: "How many times as long a pull takes.",
    kind: Kind::Count { min: 2, max: 1_000 },
    default: "10",
    unit: "times",
    source: "rollproof: a link shared by all new nodes of a roll",
}];

fn strike(values: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Cluster = victim else { return None };
    Some(Strike {
        disturbance: Disturbance::RegistryIs(Registry::Slower(values.count("factor") as u32)),
        repair: Some(Disturbance::RegistryIs(Registry::Slower(1))),
    })
}
