//! A machine's network link goes down.

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
    aim: Aim::Node,
    lasting: Some(Lasting {
        default: Span::mins(2),
        source: "rollproof: longer than the detection of a dead node (40 s, from Kubernetes 1.32 50 s)",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "node-link-cut",
    about: "A machine's network link goes down; what runs on it runs on.",
    details: "The cluster sees what it sees of a dead machine, but the pods still run, and come back with the link. The repair is the link.",
    settings: &[],
    sources: &["kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go"],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Node(node) = victim else { return None };
    Some(Strike { disturbance: Disturbance::CutLink(node), repair: Some(Disturbance::MendLink(node)) })
}
