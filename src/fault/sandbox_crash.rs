//! A pod's sandbox dies.

use super::catalog::{FaultEntry, FaultSet};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::config::{Entry, Values};
use crate::world::disturbance::Disturbance;

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry =
    FaultEntry { entry: &RECORD, set: FaultSet::Independent, aim: Aim::Pod, lasting: None, strike };

static RECORD: Entry = Entry {
    name: "sandbox-crash",
    about: "The process that holds a pod's sandbox (its pause container) dies; the app's process runs on.",
    details: "The kubelet finds it within a second, takes the pod out of service, stops its container with hook and grace period, and makes a new sandbox and container for the same pod. Needs no repair.",
    settings: &[],
    sources: &[
        "kubernetes pkg/kubelet/kuberuntime/kuberuntime_manager.go (podSandboxChanged, computePodActions)",
        "arXiv 1901.04946 (pod container failure)",
    ],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Pod(pod) = victim else { return None };
    Some(Strike { disturbance: Disturbance::CrashSandbox(pod), repair: None })
}
