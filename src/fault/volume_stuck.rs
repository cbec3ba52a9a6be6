//! A machine's volumes do not detach.

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
    aim: Aim::VolumeHost,
    lasting: Some(Lasting {
        default: Span::mins(20),
        source: "rollproof: until somebody has forced the detachment at the cloud",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "volume-stuck",
    about: "The cloud's detaching of a machine's volumes hangs: their pods cannot start anywhere else.",
    details: "The pod that has moved waits in ContainerCreating, and with it a StatefulSet's next pod and a budget. The attach-detach controller tries again with growing pauses, up to 2 min 2 s. The repair is the cloud's; each volume goes at the next try.",
    settings: &[],
    sources: &[
        "kubernetes pkg/controller/volume/attachdetach/reconciler/reconciler.go",
        "kubernetes pkg/util/goroutinemap/exponentialbackoff",
    ],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Node(node) = victim else { return None };
    Some(Strike {
        disturbance: Disturbance::VolumesHang { node, hang: true },
        repair: Some(Disturbance::VolumesHang { node, hang: false }),
    })
}
