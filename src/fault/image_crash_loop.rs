//! The image of an app crashes.

use super::catalog::{FaultEntry, FaultSet, Lasting};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::world::disturbance::{Disturbance, Doomed};

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry = FaultEntry {
    entry: &RECORD,
    set: FaultSet::Correlated,
    aim: Aim::App,
    lasting: Some(Lasting { default: Span::mins(15), source: "rollproof: until somebody has put the image right" }),
    strike,
};

static RECORD: Entry = Entry {
    name: "image-crash-loop",
    about: "Containers of an app that start meanwhile crash, again and again: a bad image, or a configuration that it does not bear.",
    details: "What runs already runs on. Each container that is started while the fault lasts, in a new pod or again in an old one, ends by itself `after` its start; the kubelet starts it again after 10, 20, 40 s and so on, at most 5 min (CrashLoopBackOff). A container that answers its readiness probe before it crashes is an endpoint for that long. The repair makes later starts good.",
    settings: &SETTINGS,
    sources: &[
        "Kubernetes documentation, \"Pod Lifecycle\" (CrashLoopBackOff)",
        "kubernetes pkg/kubelet/kuberuntime/kuberuntime_manager.go (doBackOff)",
    ],
};

static SETTINGS: [Setting; 1] = [Setting {
    key: "after",
    about: "How long after its start a container crashes.",
    kind: Kind::Duration { min: Span::ZERO, max: Span::mins(60) },
    default: "\"300ms\"",
    unit: "",
    source: "rollproof: a process that does not bear its configuration ends before it listens",
}];

fn strike(values: &Values, victim: Victim) -> Option<Strike> {
    let Victim::App(app) = victim else { return None };
    let whom = Doomed::App(app);
    Some(Strike {
        disturbance: Disturbance::ContainersEnd { whom, after: values.span("after"), at_once: false },
        repair: Some(Disturbance::ContainersLive(whom)),
    })
}
