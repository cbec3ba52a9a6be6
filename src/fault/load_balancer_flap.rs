//! Health checks of an API server flap.

use super::catalog::{FaultEntry, FaultSet, Lasting};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::world::disturbance::Disturbance;

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry = FaultEntry {
    entry: &RECORD,
    set: FaultSet::Correlated,
    aim: Aim::Master,
    lasting: Some(Lasting {
        default: Span::mins(10),
        source: "rollproof: until somebody mends the path of the checks",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "load-balancer-flap",
    about: "The health checks that the API's load balancer makes of a server fail and pass in turn, though it is well.",
    details: "Each time enough checks have failed, the server is out of use: new connections go to the others, and where the load balancer cuts (`on_down`) all clients of the server come back through it. The repair is checks that find what is there.",
    settings: &SETTINGS,
    sources: &["Elastic Load Balancing user guide, health checks", "HAProxy configuration manual, on-marked-down"],
};

static SETTINGS: [Setting; 2] = [
    Setting {
        key: "fail",
        about: "For how long checks fail at a time.",
        kind: Kind::Duration { min: Span::secs(1), max: Span::mins(60) },
        default: "\"60s\"",
        unit: "",
        source: "rollproof: longer than any default needs to mark a target",
    },
    Setting {
        key: "pass",
        about: "For how long they pass between.",
        kind: Kind::Duration { min: Span::secs(1), max: Span::mins(60) },
        default: "\"60s\"",
        unit: "",
        source: "rollproof: as long",
    },
];

fn strike(values: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Master(master) = victim else { return None };
    let turns = (values.span("fail"), values.span("pass"));
    Some(Strike {
        disturbance: Disturbance::BalancerFlaps { master, turns: Some(turns) },
        repair: Some(Disturbance::BalancerFlaps { master, turns: None }),
    })
}
