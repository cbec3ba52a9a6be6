//! The data of all etcd members is lost.

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
    aim: Aim::Api,
    lasting: Some(Lasting {
        default: Span::mins(10),
        source: "rollproof: somebody notices, decides, and finds the snapshot",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "etcd-data-loss",
    about: "The data of all etcd members is lost; the repair is the restore of the newest snapshot.",
    details: "Members stop and cannot start. After `lasting` an operator restores the newest snapshot that the plan has taken (step `etcd-snapshot`), which takes two minutes more: what was written since is lost. Where no snapshot was taken nothing brings the cluster back.",
    settings: &[],
    sources: &["etcd op-guide/recovery", "Kubernetes documentation, Operating etcd clusters"],
};

fn strike(_values: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Api = victim else { return None };
    Some(Strike { disturbance: Disturbance::LoseEtcd, repair: Some(Disturbance::RestoreEtcd) })
}
