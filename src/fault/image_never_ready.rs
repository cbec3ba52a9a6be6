//! An app's image never gets ready.

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
    aim: Aim::App,
    lasting: Some(Lasting {
        default: Span::mins(15),
        source: "rollproof: until somebody has put what it waits for right",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "image-never-ready",
    about: "Containers of an app that start meanwhile run and never listen: an image, or something it waits for, that is not there.",
    details: "Their readiness probe fails, so they are no endpoints, and a rollout or a drain that counts on them waits; a liveness probe restarts them. What listens already serves on. The repair lets those that run come to listen, in the time of a start.",
    settings: &[],
    sources: &["Kubernetes documentation, \"Configure Liveness, Readiness and Startup Probes\""],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::App(app) = victim else { return None };
    Some(Strike {
        disturbance: Disturbance::Deaf { app, is: true },
        repair: Some(Disturbance::Deaf { app, is: false }),
    })
}
