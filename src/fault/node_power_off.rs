//! A machine loses power.

use super::catalog::{FaultEntry, FaultSet, Lasting};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::base::Span;
use crate::config::{Entry, Values};
use crate::world::disturbance::Disturbance;

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry = FaultEntry {
    entry: &RECORD,
    set: FaultSet::Core,
    aim: Aim::Node,
    lasting: Some(Lasting {
        default: Span::mins(5),
        source: "rollproof: longer than the detection of a dead node, shorter than its eviction with the default toleration",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "node-power-off",
    about: "A machine loses power: everything on it falls silent, and no socket closes.",
    details: "Peers find out by their own time-outs, the cluster by missed heartbeats. The repair is power: the machine boots and its kubelet comes back.",
    settings: &[],
    sources: &[
        "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go",
        "arXiv 1901.04946 (node failure)",
    ],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Node(node) = victim else { return None };
    Some(Strike { disturbance: Disturbance::PowerOff(node), repair: Some(Disturbance::PowerOn(node)) })
}
