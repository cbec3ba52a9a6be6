//! Laws that no run may break. Source: Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm",
//! figure 3; etcd `raft/tla`.

use super::Etcd;
use super::log::{Index, Log, Term};
use super::membership::Set;
use crate::base::Time;

/// Votes of this many terms back are remembered; a candidate waits for its votes for one election time-out.
const TERMS_REMEMBERED: Term = 64;

/// A broken law of Raft: a defect of this model, never of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Two members led in one term.
    #[error("two members led in term {term}")]
    ElectionSafety {
        /// The term.
        term: u32,
    },
    /// A member voted for two candidates in one term.
    #[error("member {member} voted twice in term {term}")]
    OneVotePerTerm {
        /// The voter.
        member: u32,
        /// The term.
        term: u32,
    },
    /// Two logs agree on an entry and differ before it.
    #[error("logs of members {one} and {other} differ before entry {index}, which both hold")]
    LogMatching {
        /// A member.
        one: u32,
        /// Another.
        other: u32,
        /// The entry.
        index: u64,
    },
    /// A leader's log lost or changed an entry while it led.
    #[error("leader {member} changed entry {index} of its own log")]
    LeaderAppendOnly {
        /// The leader.
        member: u32,
        /// The entry.
        index: u64,
    },
    /// A leader committed, by counting, an entry of an older term.
    #[error("leader {member} committed entry {index} of term {term}, which is not its own")]
    CommitOfOwnTerm {
        /// The leader.
        member: u32,
        /// The entry.
        index: u64,
        /// The entry's term.
        term: u32,
    },
    /// The newest leader lacks a committed entry.
    #[error("leader {member} lacks committed entry {index}")]
    LeaderCompleteness {
        /// The leader.
        member: u32,
        /// The entry.
        index: u64,
    },
    /// A member takes something for committed that is not.
    #[error("member {member} takes another entry {index} for committed")]
    StateMachineSafety {
        /// The member.
        member: u32,
        /// The entry.
        index: u64,
    },
    /// A committed entry is on the disks of less than a majority.
    #[error("committed entry {index} is on the disks of {disks} members")]
    CommittedIsDurable {
        /// The entry.
        index: u64,
        /// So many disks hold it.
        disks: u32,
    },
    /// The commit index went back.
    #[error("the commit index went back to {index}")]
    CommitMonotone {
        /// The new, lower index.
        index: u64,
    },
    /// A write that a client was told is stored, is not.
    #[error("acknowledged write {index} is lost")]
    AcknowledgedIsStored {
        /// The entry.
        index: u64,
    },
}

/// What has happened, as far as laws need it.
#[derive(Clone, Debug)]
pub(super) struct History {
    leaders: Vec<(Term, u8)>,
    votes: Vec<(Term, u8, u8)>,
    committed: Log,
    /// Who voted when the last entry was committed.
    pub(super) electorate: Set,
    acknowledged: Option<(Index, Term)>,
    broken: Option<Broken>,
}

impl History {
    pub(super) fn begin(leader: usize, electorate: Set, now: Time) -> History {
        let mut committed = Log::default();
        committed.append(1, now, now);
        committed.forget_writes();
        History {
            leaders: vec![(1, leader as u8)],
            votes: Vec::new(),
            committed,
            electorate,
            acknowledged: None,
            broken: None,
        }
    }

    /// That of a group that begins with a snapshot.
    pub(super) fn restored(term: Term, electorate: Set, now: Time) -> History {
        let mut committed = Log::default();
        committed.append(term, now, now);
        committed.forget_writes();
        History { leaders: Vec::new(), votes: Vec::new(), committed, electorate, acknowledged: None, broken: None }
    }

    /// A member was elected.
    pub(super) fn lead(&mut self, member: usize, term: Term) {
        if self.leaders.iter().any(|(t, m)| *t == term && usize::from(*m) != member) {
            self.broken.get_or_insert(Broken::ElectionSafety { term });
        }
        self.leaders.push((term, member as u8));
    }

    /// A vote has reached its candidate.
    pub(super) fn vote(&mut self, voter: usize, term: Term, candidate: usize) {
        let twice = |(t, v, c): &(Term, u8, u8)| *t == term && usize::from(*v) == voter && usize::from(*c) != candidate;
        if self.votes.iter().any(twice) {
            self.broken.get_or_insert(Broken::OneVotePerTerm { member: voter as u32, term });
        }
        self.votes.retain(|(t, _, _)| t + TERMS_REMEMBERED > term);
        self.votes.push((term, voter as u8, candidate as u8));
    }

    /// A leader commits its log up to `upto`, in `own` term.
    pub(super) fn commit(&mut self, leader: usize, log: &Log, upto: Index, own: Term, now: Time) {
        if let Some(term) = log.term_at(upto).filter(|term| *term != own) {
            self.broken.get_or_insert(Broken::CommitOfOwnTerm { member: leader as u32, index: upto, term });
        }
        let same = self.committed.common(log);
        if same < self.committed.last() {
            self.broken.get_or_insert(Broken::LeaderCompleteness { member: leader as u32, index: same + 1 });
        }
        if upto < self.committed.last() {
            self.broken.get_or_insert(Broken::CommitMonotone { index: upto });
        }
        self.committed.adopt(log, upto, now, now);
        self.committed.forget_writes();
    }

    /// A client is told that its write is stored.
    pub(super) fn acknowledge(&mut self, index: Index, term: Term) {
        if self.acknowledged.is_some_and(|(before, _)| before >= index) {
            self.broken.get_or_insert(Broken::CommitMonotone { index });
        }
        self.acknowledged = Some((index, term));
    }
}

impl Etcd {
    /// Notes how long each leader's log is, and that it still holds what it held.
    pub(super) fn watch_leaders(&mut self, now: Time) {
        for (member, me) in self.members.iter_mut().enumerate() {
            let Some(reign) = &mut me.reign else { continue };
            let (term, index) = reign.kept;
            if me.log.term_at(index) != Some(term) {
                self.history.broken.get_or_insert(Broken::LeaderAppendOnly { member: member as u32, index });
            }
            reign.kept = me.log.tip(now);
        }
    }

    /// Checks the laws of Raft against the state as it stands and against what has happened. Cheap: linear in the
    /// number of terms, not of entries.
    ///
    /// # Errors
    /// The first law found broken.
    pub fn check(&self) -> Result<(), Broken> {
        self.history.broken.map_or(Ok(()), Err)?;
        if self.lost {
            return Ok(());
        }
        self.check_logs()?;
        let committed = &self.history.committed;
        if let Some((index, term)) = self.history.acknowledged
            && committed.term_at(index) != Some(term)
        {
            return Err(Broken::AcknowledgedIsStored { index });
        }
        for (member, me) in self.members.iter().enumerate() {
            let same = me.log.common(committed);
            if me.commit > same {
                return Err(Broken::StateMachineSafety { member: member as u32, index: same + 1 });
            }
        }
        let leaders = (0..self.members.len()).filter(|member| self.members[*member].leads());
        if let Some(newest) = leaders.max_by_key(|member| self.members[*member].hard.term) {
            let me = &self.members[newest];
            let same = me.log.common(committed);
            let committed_before = committed.term_at(committed.last()).is_some_and(|term| term <= me.hard.term);
            if committed_before && same < committed.last() {
                return Err(Broken::LeaderCompleteness { member: newest as u32, index: same + 1 });
            }
        }
        self.check_disks()
    }

    fn check_logs(&self) -> Result<(), Broken> {
        for (one, mine) in self.members.iter().enumerate() {
            for (other, theirs) in self.members.iter().enumerate().skip(one + 1) {
                if let Some(index) = mine.log.contradiction(&theirs.log) {
                    return Err(Broken::LogMatching { one: one as u32, other: other as u32, index });
                }
            }
        }
        Ok(())
    }

    fn check_disks(&self) -> Result<(), Broken> {
        let committed = &self.history.committed;
        let index = committed.last();
        let holds = |log: &Log| log.common(committed).min(log.durable(self.now)) >= index;
        let voters = self.history.electorate;
        let voting = self.members.iter().enumerate().filter(|(member, _)| voters & (1 << member) != 0);
        let disks = voting.filter(|(_, me)| holds(&me.log)).count();
        // A majority of all voters, whatever the group itself takes for one.
        if disks <= voters.count_ones() as usize / 2 {
            return Err(Broken::CommittedIsDurable { index, disks: disks as u32 });
        }
        Ok(())
    }
}
