//! A pod's container dies.

use super::catalog::{FaultEntry, FaultSet};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::config::{Entry, Values};
use crate::world::disturbance::Disturbance;

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry =
    FaultEntry { entry: &RECORD, set: FaultSet::Independent, aim: Aim::Pod, lasting: None, strike };

static RECORD: Entry = Entry {
    name: "pod-crash",
    about: "A pod's container dies; the kubelet restarts it.",
    details: "The process ends at once and its connections close. The kubelet restarts the first crash at once and later ones after 10, 20, 40 s and so on. Needs no repair.",
    settings: &[],
    sources: &["kubernetes pkg/kubelet/kuberuntime/kuberuntime_manager.go (doBackOff)"],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Pod(pod) = victim else { return None };
    Some(Strike { disturbance: Disturbance::CrashPod(pod), repair: None })
}
