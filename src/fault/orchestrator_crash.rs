//! The tool that runs the upgrade dies in mid-plan, and is started again.

use super::catalog::{FaultEntry, FaultSet, Lasting};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::base::Span;
use crate::config::{Entry, Values};
use crate::world::disturbance::Disturbance;

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry = FaultEntry {
    entry: &RECORD,
    set: FaultSet::Independent,
    aim: Aim::Plan,
    lasting: Some(Lasting {
        default: Span::mins(5),
        source: "rollproof: an operator who looks at the terminal, or a controller that is scheduled anew",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "orchestrator-crash",
    about: "The upgrade's own tool dies in mid-plan and is started again.",
    details: "What it asked for goes on: machines that were launched come, pods that were evicted go. The new process knows nothing but what the cluster shows: it begins its plan anew, leaves what is at the new version alone, takes machines that were launched ahead or detached for its own, and finishes nodes that were upgraded but are still cordoned. Until then everything stays as it is.",
    settings: &[],
    sources: &[
        "kops pkg/instancegroups/instancegroups.go: detached instances are rolled, too",
        "cluster-api, karpenter, machine-config-operator: controllers reconcile from the API",
        "kubernetes cmd/kubeadm/app/phases/upgrade/staticpods.go: equal manifests are skipped",
    ],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Plan = victim else { return None };
    Some(Strike { disturbance: Disturbance::StopPlan, repair: Some(Disturbance::StartPlan) })
}
