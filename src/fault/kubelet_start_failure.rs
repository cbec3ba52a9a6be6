//! A kubelet does not start.

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
        default: Span::mins(20),
        source: "rollproof: until an operator has read its log and mended its configuration",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "kubelet-start-failure",
    about: "The kubelet of a machine ends, and every start of it fails.",
    details: "A flag that its version no longer knows, a certificate that has expired, a broken configuration. Containers run on unwatched, heartbeats stop, and a machine that boots meanwhile never registers. systemd starts it again every 10 s, in vain until the repair, which is taken as the start that succeeds.",
    settings: &[],
    sources: &[
        "kubernetes/release cmd/krel/templates/latest/kubelet/kubelet.service: Restart=always, RestartSec=10",
        "kubernetes CHANGELOG-1.24: --network-plugin and --cni-conf-dir removed with dockershim, a kubelet that is given them exits",
    ],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Node(node) = victim else { return None };
    Some(Strike { disturbance: Disturbance::FailKubelet(node), repair: Some(Disturbance::MendKubelet(node)) })
}
