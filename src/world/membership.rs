//! Who belongs to etcd's group, and how that is changed: the words in which a joining master, an operator's tool and
//! etcd speak of it.

use crate::world::ids::MasterId;

/// What a member is in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// It counts for majorities.
    Voter,
    /// It only follows.
    Learner,
    /// It was there and is no more.
    Removed,
}

impl Membership {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Membership::Voter => "votes",
            Membership::Learner => "is a learner",
            Membership::Removed => "is removed",
        }
    }
}

/// A change of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// A member that votes at once.
    AddVoter(MasterId),
    /// A member that only follows until it is promoted.
    AddLearner(MasterId),
    /// A learner may vote.
    Promote(MasterId),
    /// A member belongs to the group no more.
    Remove(MasterId),
}

impl MemberChange {
    /// Whom it is about.
    pub fn member(self) -> MasterId {
        match self {
            MemberChange::AddVoter(member)
            | MemberChange::AddLearner(member)
            | MemberChange::Promote(member)
            | MemberChange::Remove(member) => member,
        }
    }
    /// What the member is by it.
    pub fn standing(self) -> Membership {
        match self {
            MemberChange::AddVoter(_) | MemberChange::Promote(_) => Membership::Voter,
            MemberChange::AddLearner(_) => Membership::Learner,
            MemberChange::Remove(_) => Membership::Removed,
        }
    }
}

/// Why a change is refused. The words are etcd's own (`api/v3rpc/rpctypes/error.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberRefusal {
    /// No member serves requests.
    #[error("etcdserver: no leader")]
    NoLeader,
    /// Too few members have ever started for a majority of the group as it would be.
    #[error("etcdserver: re-configuration failed due to not enough started members")]
    NotEnoughStarted,
    /// Too few members are connected, or one has not been for long enough.
    #[error("etcdserver: unhealthy cluster")]
    Unhealthy,
    /// There is a learner already.
    #[error("etcdserver: too many learner members in cluster")]
    TooManyLearners,
    /// It has not caught up.
    #[error("etcdserver: can only promote a learner member which is in sync with leader")]
    NotInSync,
    /// The group has members of a version without learners.
    #[error("etcdserver: the cluster version has no learners")]
    NoLearners,
    /// There is no such member, or it is no learner.
    #[error("etcdserver: member not found")]
    NotFound,
    /// It belongs to the group already, or the group is full.
    #[error("etcdserver: member already exists")]
    Exists,
    /// Another change is not committed yet.
    #[error("etcdserver: another change is pending")]
    Pending,
}
