//! The registry of images is down.

use super::catalog::{FaultEntry, FaultSet, Lasting};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::base::Span;
use crate::config::{Entry, Values};
use crate::world::disturbance::{Disturbance, Registry};

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry = FaultEntry {
    entry: &RECORD,
    set: FaultSet::Correlated,
    aim: Aim::Cluster,
    lasting: Some(Lasting {
        default: Span::mins(10),
        source: "rollproof: a short outage; public ones have lasted hours",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "registry-down",
    about: "The registry answers each pull of an image with an error (ErrImagePull).",
    details: "A pod whose image is on its node already starts as ever; one on a new node waits: its kubelet pulls again after 10, 20, 40 s and so on, at most 5 min (ImagePullBackOff), and a pull that is under way fails at its end. After the repair the next pull succeeds, which may be minutes later.",
    settings: &[],
    sources: &[
        "kubernetes pkg/kubelet/images/image_manager.go (EnsureImageExists)",
        "Kubernetes documentation, \"Images\" (ImagePullBackOff)",
    ],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Cluster = victim else { return None };
    Some(Strike {
        disturbance: Disturbance::RegistryIs(Registry::Down),
        repair: Some(Disturbance::RegistryIs(Registry::Slower(1))),
    })
}
