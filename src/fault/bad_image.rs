//! What a group launches never becomes a node.

use super::catalog::{FaultEntry, FaultSet, Lasting};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::world::disturbance::{Disturbance, Flaw};

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry = FaultEntry {
    entry: &RECORD,
    set: FaultSet::Correlated,
    aim: Aim::Group,
    lasting: Some(Lasting {
        default: Span::mins(60),
        source: "rollproof: until an operator has found it and mended the template",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "bad-image",
    about: "Machines that a group launches meanwhile never join: a wrong image, bootstrap token or network add-on.",
    details: "They do not boot, or their kubelet is refused by the API, or their node registers and stays NotReady. To their group they are healthy as soon as they have booted; who waits for a node waits for ever. The repair mends the template: machines that were launched before stay as they are until somebody replaces them.",
    settings: &SETTINGS,
    sources: &[
        "EKS user guide, troubleshooting: nodes fail to join the cluster",
        "kubernetes cluster-bootstrap: tokens expire after 24 h",
        "kubernetes pkg/kubelet: NetworkPluginNotReady keeps a node NotReady",
    ],
};

static SETTINGS: [Setting; 1] = [Setting {
    key: "effect",
    about: "How far such a machine comes: it does not boot; its kubelet never registers; its node is never Ready.",
    kind: Kind::Choice(&["never-registers", "never-boots", "never-ready"]),
    default: "\"never-registers\"",
    unit: "",
    source: "rollproof: the commonest, a bootstrap token or an endpoint that is wrong",
}];

fn strike(values: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Group(pool) = victim else { return None };
    let flaw = match values.choice("effect") {
        "never-boots" => Flaw::NeverBoots,
        "never-ready" => Flaw::NeverReady,
        _ => Flaw::NeverRegisters,
    };
    Some(Strike {
        disturbance: Disturbance::FlawedImage { pool, flaw, is: true },
        repair: Some(Disturbance::FlawedImage { pool, flaw, is: false }),
    })
}
