//! A machine is slow.

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
    aim: Aim::Node,
    lasting: Some(Lasting { default: Span::mins(10), source: "rollproof: longer than the drain of a node" }),
    strike,
};

static RECORD: Entry = Entry {
    name: "slow-node",
    about: "A machine is short of processor and disk: pods on it start, stop and answer slowly.",
    details: "Its kubelet and container runtime take `factor` times as long for what they begin meanwhile (sandbox, start and removal of a container; a pull of an image depends on the network and is as fast as elsewhere), and each request to its pods takes twice as long, as while they warm up. Its heartbeats are in time, so nobody calls it sick.",
    settings: &SETTINGS,
    sources: &[
        "arXiv 1901.04946 (gray failure)",
        "Huang et al., Gray Failure: The Achilles Heel of Cloud-Scale Systems (HotOS 2017)",
    ],
};

static SETTINGS: [Setting; 1] = [Setting {
    key: "factor",
    about: "How many times as long the work of its kubelet and runtime takes.",
    kind: Kind::Count { min: 2, max: 100 },
    default: "4",
    unit: "times",
    source: "rollproof: a disk whose burst credit is spent (gp2: 100 instead of 3,000 operations a second) is worse",
}];

fn strike(values: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Node(node) = victim else { return None };
    let factor = values.count("factor") as u32;
    Some(Strike {
        disturbance: Disturbance::SlowNode { node, factor },
        repair: Some(Disturbance::SlowNode { node, factor: 1 }),
    })
}
