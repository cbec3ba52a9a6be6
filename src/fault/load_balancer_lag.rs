//! The API's load balancer is slow to act.

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
    aim: Aim::Cluster,
    lasting: Some(Lasting { default: Span::mins(30), source: "rollproof: an incident of the cloud, not of a target" }),
    strike,
};

static RECORD: Entry = Entry {
    name: "load-balancer-lag",
    about: "The API's load balancer acts late on what its checks find and on who is registered.",
    details: "A server that is gone stays in use so much longer, and new connections to it fail or hang; one that is back is used so much later. Where two masters follow each other faster than the balancer, it may know of none. The repair is the usual time.",
    settings: &SETTINGS,
    sources: &[
        "Elastic Load Balancing user guide, target health and deregistration",
        "AWS, \"Summary of the December 24, 2012 Amazon ELB Service Event\"",
    ],
};

static SETTINGS: [Setting; 1] = [Setting {
    key: "by",
    about: "How much later.",
    kind: Kind::Duration { min: Span::secs(1), max: Span::mins(60) },
    default: "\"2m\"",
    unit: "",
    source: "rollproof: as long as a master's boot",
}];

fn strike(values: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Cluster = victim else { return None };
    Some(Strike {
        disturbance: Disturbance::BalancerLags(values.span("by")),
        repair: Some(Disturbance::BalancerLags(Span::ZERO)),
    })
}
