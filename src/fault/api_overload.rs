//! An API server is overloaded.

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
        default: Span::mins(5),
        source: "rollproof: a list of everything that some client repeats until it is found",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "api-overload",
    about: "An API server is overloaded: each write waits in a queue before it is taken up.",
    details: "Whatever its clients write is stored `wait` later: bindings, statuses, endpoints, evictions. Renewals of leases and heartbeats have priority levels of their own and pass; watches are as fast as ever. The repair is an empty queue.",
    settings: &SETTINGS,
    sources: &["Kubernetes documentation, \"API Priority and Fairness\""],
};

static SETTINGS: [Setting; 1] = [Setting {
    key: "wait",
    about: "How long a write waits.",
    kind: Kind::Duration { min: Span::millis(10), max: Span::secs(15) },
    default: "\"5s\"",
    unit: "",
    source: "rollproof: long for a client; a queue gives up after a quarter of the request time-out, 15 s",
}];

fn strike(values: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Master(master) = victim else { return None };
    Some(Strike {
        disturbance: Disturbance::Overload { master, wait: values.span("wait") },
        repair: Some(Disturbance::Overload { master, wait: Span::ZERO }),
    })
}
