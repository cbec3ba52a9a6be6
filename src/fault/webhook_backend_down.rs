//! Nobody answers for a webhook.

use super::catalog::{FaultEntry, FaultSet, Lasting};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::base::Span;
use crate::config::{Entry, Values};
use crate::world::disturbance::{Disturbance, Doomed};

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry = FaultEntry {
    entry: &RECORD,
    set: FaultSet::Correlated,
    aim: Aim::Webhook,
    lasting: Some(Lasting {
        default: Span::mins(5),
        source: "rollproof: until somebody has restarted it, or taken the webhook away",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "webhook-backend-down",
    about: "The pods behind an admission webhook crash together, and crash again until they are mended.",
    details: "What the webhook must be asked about (`failure_policy` Fail) is refused meanwhile; what it may miss (Ignore) is let through, late where the call falls silent. A moment (300 ms) after each start a container crashes again, so that no endpoint answers. After the repair the next start lives: a pod in back-off waits for it, up to 5 min.",
    settings: &[],
    sources: &[
        "k8s.io/apiserver pkg/admission/plugin/webhook",
        "Kubernetes documentation, \"Dynamic Admission Control\" (failure policy)",
    ],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Backend(app) = victim else { return None };
    let whom = Doomed::App(app);
    Some(Strike {
        disturbance: Disturbance::ContainersEnd { whom, after: Span::millis(300), at_once: true },
        repair: Some(Disturbance::ContainersLive(whom)),
    })
}
