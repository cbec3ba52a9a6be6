//! A machine does not come back from its boot.

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
    aim: Aim::Node,
    lasting: Some(Lasting {
        default: Span::mins(30),
        source: "rollproof: until somebody is called, looks and presses the button",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "reboot-never-returns",
    about: "The boot of a machine hangs: the one under way, or else its next.",
    details: "A file system that waits for a check, a kernel that does not load, a console that asks. A machine that runs goes on until somebody reboots it. The repair is power off and on: it boots anew. One that is replaced meanwhile needs none.",
    settings: &[],
    sources: &[
        "kubereboot/kured issues: nodes that do not come back keep the lock",
        "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go",
    ],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Node(node) = victim else { return None };
    Some(Strike { disturbance: Disturbance::HangBoot(node), repair: Some(Disturbance::MendBoot(node)) })
}
