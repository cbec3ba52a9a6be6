//! A kube-proxy's process restarts.

use super::catalog::{FaultEntry, FaultSet};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::config::{Entry, Values};
use crate::world::disturbance::Disturbance;

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry =
    FaultEntry { entry: &RECORD, set: FaultSet::Independent, aim: Aim::Node, lasting: None, strike };

static RECORD: Entry = Entry {
    name: "kube-proxy-restart",
    about: "A kube-proxy's process restarts; the kernel's rules stay as they are.",
    details: "Until its first sync is done, the rules of its node do not follow the endpoints. Needs no repair.",
    settings: &[],
    sources: &["kubernetes pkg/proxy/iptables/proxier.go"],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Node(node) = victim else { return None };
    Some(Strike { disturbance: Disturbance::RestartProxy(node), repair: None })
}
