//! The path to the API is cut for everybody.

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
    aim: Aim::Api,
    lasting: Some(Lasting {
        default: Span::secs(30),
        source: "rollproof: shorter than the grace period of a node that does not report",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "api-cut",
    about: "The path to the API is cut in two, for everybody at once.",
    details: "Either the clients behind the load balancer lose the API servers, or the servers lose etcd. While it lasts nothing is scheduled and no endpoint changes. The repair is the path.",
    settings: &[Setting {
        key: "from_etcd",
        about: "Whether the API servers lose etcd, or the clients behind the load balancer lose the servers.",
        kind: Kind::Bool,
        default: "false",
        unit: "",
        source: "rollproof: an outage of the load balancer is the more common one",
    }],
    sources: &["kubernetes issue 121793", "kubernetes PR 126287"],
};

fn strike(values: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Api = victim else { return None };
    let from_etcd = values.flag("from_etcd");
    Some(Strike { disturbance: Disturbance::CutApi { from_etcd }, repair: Some(Disturbance::MendApi { from_etcd }) })
}
