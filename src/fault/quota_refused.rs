//! The account may run no machine more.

use super::catalog::{FaultEntry, FaultSet, Lasting};
use super::spec::Strike;
use super::target::{Aim, Victim};
use crate::base::Span;
use crate::config::{Entry, Values};
use crate::world::disturbance::{Disturbance, Trouble};

/// See [`RECORD`].
pub(super) static ENTRY: FaultEntry = FaultEntry {
    entry: &RECORD,
    set: FaultSet::Correlated,
    aim: Aim::Account,
    lasting: Some(Lasting {
        default: Span::mins(60),
        source: "rollproof: a request for more quota is answered in hours, by an operator who watches in one",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "quota-refused",
    about: "The quota of the account is spent: no group is given a machine more.",
    details: "Machines that run stay. A launch that is due meanwhile is refused, for whichever group, and asked for again after the pauses of its group. The repair is a quota that was raised. A quota that is short from the start is `cluster.cloud.quota`.",
    settings: &[],
    sources: &[
        "Amazon EC2 Auto Scaling, Troubleshoot: instance launch failure (InstanceLimitExceeded)",
        "Compute Engine, Allocation quotas (QUOTA_EXCEEDED)",
    ],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Account = victim else { return None };
    Some(Strike {
        disturbance: Disturbance::CloudTrouble(Trouble::Quota),
        repair: Some(Disturbance::CloudMends(Trouble::Quota)),
    })
}
