//! A kubelet's process restarts.

use super::catalog::{FaultEntry, FaultSet};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::config::{Entry, Values};
use crate::world::disturbance::Disturbance;

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry =
    FaultEntry { entry: &RECORD, set: FaultSet::Independent, aim: Aim::Node, lasting: None, strike };

static RECORD: Entry = Entry {
    name: "kubelet-restart",
    about: "A kubelet's process restarts; containers run on.",
    details: "The new process has forgotten all results of probes, so pods with a readiness probe turn not Ready until it has passed once more. Needs no repair.",
    settings: &[],
    sources: &["kubernetes pkg/kubelet/prober/prober_manager.go", "kubernetes issues 78733, 100277"],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Node(node) = victim else { return None };
    Some(Strike { disturbance: Disturbance::RestartKubelet(node), repair: None })
}
