//! Somebody deletes a pod.

use super::catalog::{FaultEntry, FaultSet};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::config::{Entry, Values};
use crate::world::disturbance::Disturbance;

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry =
    FaultEntry { entry: &RECORD, set: FaultSet::Independent, aim: Aim::Pod, lasting: None, strike };

static RECORD: Entry = Entry {
    name: "pod-delete",
    about: "Somebody deletes a pod: no budget is asked.",
    details: "As kubectl delete pod: the pod gets its grace period, and its ReplicaSet replaces it. Needs no repair.",
    settings: &[],
    sources: &["kubernetes pkg/registry/core/pod/strategy.go"],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Pod(pod) = victim else { return None };
    Some(Strike { disturbance: Disturbance::DeletePod(pod), repair: None })
}
