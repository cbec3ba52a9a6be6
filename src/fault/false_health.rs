//! Checks of the cluster find it healthy when it is not.

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
    aim: Aim::Api,
    lasting: Some(Lasting {
        default: Span::secs(8),
        source: "kops issue 9983: a node counted as valid that failed the check 10 s later",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "false-health",
    about: "A tool's validation of the cluster passes, whatever is wrong with it.",
    details: "Machines that have not joined count as joined and unready pods as ready, for the tools that validate the cluster as kops does; machines, users and etcd notice nothing of it. The repair is the truth.",
    settings: &[],
    sources: &["kops issues 4665, 5227, 8070, 9983"],
};

fn strike(_values: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Api = victim else { return None };
    let [disturbance, mended] = [true, false].map(|false_health| Disturbance::Flatter { false_health });
    Some(Strike { disturbance, repair: Some(mended) })
}
