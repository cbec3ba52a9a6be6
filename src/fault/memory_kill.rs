//! A container outgrows its memory.

use super::catalog::{FaultEntry, FaultSet, Lasting};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::world::disturbance::{Disturbance, Doomed};

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry = FaultEntry {
    entry: &RECORD,
    set: FaultSet::Independent,
    aim: Aim::Pod,
    lasting: Some(Lasting {
        default: Span::mins(10),
        source: "rollproof: until somebody has raised the limit or rolled the leak back",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "memory-kill",
    about: "A pod's container is killed for its memory (OOMKilled), and again after each start until its leak is mended.",
    details: "The kernel kills the process at once: no hook, no SIGTERM, its connections close. The kubelet restarts it, the first time at once, then after 10, 20, 40 s and so on (CrashLoopBackOff). Started again, it fills its memory anew in `fills`. The repair mends the leak; what waits in back-off waits on.",
    settings: &SETTINGS,
    sources: &[
        "Kubernetes documentation, \"Assign Memory Resources to Containers and Pods\"",
        "kubernetes pkg/kubelet/kuberuntime/kuberuntime_manager.go (doBackOff)",
    ],
};

static SETTINGS: [Setting; 1] = [Setting {
    key: "fills",
    about: "How long after its start the container has filled its memory.",
    kind: Kind::Duration { min: Span::ZERO, max: Span::mins(60) },
    default: "\"60s\"",
    unit: "",
    source: "rollproof: longer than a start, shorter than the back-off is forgotten",
}];

fn strike(values: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Pod(pod) = victim else { return None };
    let whom = Doomed::Pod(pod);
    Some(Strike {
        disturbance: Disturbance::ContainersEnd { whom, after: values.span("fills"), at_once: true },
        repair: Some(Disturbance::ContainersLive(whom)),
    })
}
