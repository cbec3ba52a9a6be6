//! A partition between two masters only.

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
    aim: Aim::Master,
    lasting: Some(Lasting {
        default: Span::mins(2),
        source: "rollproof: longer than an election, shorter than an operator takes",
    }),
    strike,
};

static RECORD: Entry = Entry {
    name: "etcd-leader-cut",
    about: "An etcd member and the leader do not reach each other, while both reach all others.",
    details: "For a leader it is the follower after it. The member that is cut off serves nobody and campaigns. With pre-vote (etcd 3.5) the others refuse, and nothing else happens; before, its term grows with each campaign, and when the path is back the leader steps down before the newer term: a second outage for all. The repair is the path.",
    settings: &[],
    sources: &[
        "Cloudflare, \"A Byzantine failure in the real world\", 2020",
        "etcd raft/raft.go (preVote, checkQuorum)",
    ],
};

fn strike(_: &Values, victim: Victim) -> Option<Strike> {
    let Victim::Master(master) = victim else { return None };
    Some(Strike { disturbance: Disturbance::CutFromLeader(master), repair: Some(Disturbance::MendPaths(master)) })
}
