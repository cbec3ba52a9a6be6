//! Cluster DNS is down.

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
    aim: Aim::Cluster,
    lasting: Some(Lasting {
        default: Span::mins(5),
        source: "rollproof: until somebody has rolled a bad configuration back",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "dns-down",
    about: "Cluster DNS answers nobody: names of Services are not resolved.",
    details: "Clients inside the cluster resolve a name for each new connection, and lose its request at once (`dns`). Connections that stand are used on, so a pool of kept-alive ones loses only what it opens; clients outside have a resolver of their own. What a tier in front of an app asks is not concerned. The repair is DNS.",
    settings: &[],
    sources: &["Kubernetes documentation, \"DNS for Services and Pods\"", "CoreDNS manual, errors and SERVFAIL"],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Cluster = victim else { return None };
    let answers = |answers| Disturbance::Dns { answers };
    Some(Strike { disturbance: answers(false), repair: Some(answers(true)) })
}
