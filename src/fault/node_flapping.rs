//! A machine's link goes down and up.

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
    lasting: Some(Lasting { default: Span::mins(10), source: "rollproof: some turns of the default period" }),
    strike,
};

static RECORD: Entry = Entry {
    name: "node-flapping",
    about: "The network link of a machine goes down and comes back, again and again: its node flaps between Ready and not.",
    details: "What runs on it runs on, out of reach while the link is down. With `down` longer than the node grace of the controllers its Ready condition follows, its pods leave the endpoints and come back; with a shorter one only the requests are lost. The repair is a link that stays.",
    settings: &SETTINGS,
    sources: &[
        "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go",
        "arXiv 1901.04946 (node failure)",
    ],
};

static SETTINGS: [Setting; 2] = [
    Setting {
        key: "down",
        about: "How long the link is down at a time.",
        kind: TURN,
        default: "\"60s\"",
        unit: "",
        source: "rollproof: longer than the node grace of 40 s, 50 s from 1.32",
    },
    Setting {
        key: "up",
        about: "How long it is up between.",
        kind: TURN,
        default: "\"60s\"",
        unit: "",
        source: "rollproof: long enough for the node to be Ready again",
    },
];
const TURN: Kind = Kind::Duration { min: Span::secs(1), max: Span::mins(60) };

fn strike(values: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Node(node) = victim else { return None };
    let (down, up) = (values.span("down"), values.span("up"));
    Some(Strike { disturbance: Disturbance::Flap { node, down, up }, repair: Some(Disturbance::MendFlap(node)) })
}
