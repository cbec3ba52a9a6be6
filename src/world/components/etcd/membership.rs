//! Who belongs to the group: voters and learners, changed one member at a time through the log.
//!
//! A change is an entry like any other, and a member goes by it once it knows the entry to be committed; so at any
//! moment two configurations at most are in use, and their majorities overlap (Ongaro, "Consensus: Bridging Theory and
//! Practice", 4.1). What is refused is refused by the member that is asked, before anything is written. Source: etcd
//! `server/etcdserver/server.go` (`mayAddMember`, `mayRemoveMember`, `mayPromote`), `api/membership/cluster.go`.
//!
//! Simplification: a second change is refused while one is pending; the real one waits for its client's patience.

use super::contact::End;
use super::log::Index;
use super::member::Process;
use super::{Etcd, EtcdEvent};
use crate::base::{Span, Time, Version};
use crate::world::effects::Ctx;
use crate::world::fact::Fact;
use crate::world::ids::{MasterId, RequestId};
use crate::world::membership::{MemberChange, MemberRefusal, Membership};
use crate::world::reported::MemberList;

/// Members as bits, by number.
pub(super) type Set = u64;

/// A peer must have been connected for so long before its group is changed. Source: etcd `server.go`, HealthInterval.
const HEALTHY_FOR: Span = Span::secs(5);
/// Learners that a group may have at a time. Source: etcd `api/membership/cluster.go`, maxLearners; a flag from 3.6.
const LEARNERS_MAX: u32 = 1;
/// A learner is promoted when it has so many percent of what the leader has. Source: etcd `server.go`, readyPercent.
const READY_PERCENT: u64 = 90;
/// A member that was removed and knows it ends after this. Source: etcd `server.go`, `stopWithDelay` in `applyAll`.
const EXPELLED_AFTER: Span = Span::secs(1);
/// A leader decides on the cluster's version this often; ours: counted from the run's start. Source: etcd `server.go`,
/// monitorVersionInterval.
const VERSION_ROUND: Span = Span::secs(4);
/// Learners exist from this version on. Source: etcd CHANGELOG-3.4.
const LEARNERS_SINCE: (u16, u16) = (3, 4);

/// Who belongs to the group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Config {
    /// They make majorities.
    pub(super) voters: Set,
    /// They only follow.
    pub(super) learners: Set,
}

impl Config {
    /// The first so many members, all voters.
    pub(super) fn of(members: usize) -> Config {
        Config { voters: (0..members).fold(0, |set, member| set | 1 << member), learners: 0 }
    }
    pub(super) fn votes(self, member: usize) -> bool {
        self.voters & (1 << member) != 0
    }
    pub(super) fn has(self, member: usize) -> bool {
        (self.voters | self.learners) & (1 << member) != 0
    }
    /// With this change.
    fn after(mut self, change: MemberChange) -> Config {
        let bit: Set = 1 << change.member().0;
        self.voters &= !bit;
        self.learners &= !bit;
        match change.standing() {
            Membership::Voter => self.voters |= bit,
            Membership::Learner => self.learners |= bit,
            Membership::Removed => {}
        }
        self
    }
    /// How many votes there are.
    pub(super) fn size(self) -> usize {
        self.voters.count_ones() as usize
    }
}

/// A change on its way through the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changing {
    pub(super) request: RequestId,
    change: MemberChange,
    /// Its place in the log, once it has one.
    pub(super) entry: Option<(Index, super::log::Term)>,
}

/// The version that the group goes by, and the next one with its moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClusterVersion {
    now: Version,
    next: Option<(Version, Time)>,
}

impl ClusterVersion {
    pub(super) fn of(version: Version) -> ClusterVersion {
        ClusterVersion { now: minor(version), next: None }
    }
    fn at(self, now: Time) -> Version {
        self.next.filter(|(_, at)| *at <= now).map_or(self.now, |(version, _)| version)
    }
}

fn minor(version: Version) -> Version {
    Version::new(version.major, version.minor, 0)
}

impl Etcd {
    /// The group as this member knows it.
    pub(super) fn config(&self, member: usize) -> Config {
        let commit = self.members[member].commit;
        let known = self.configs.iter().rev().find(|(index, _)| *index <= commit);
        known.map_or_else(Config::default, |(_, config)| *config)
    }

    /// The group as it is committed.
    pub(super) fn newest(&self) -> Config {
        self.configs.last().map_or_else(Config::default, |(_, config)| *config)
    }

    /// What a member is in the group; nothing before it was added and after it was removed.
    pub fn standing(&self, member: MasterId) -> Option<Membership> {
        let (config, member) = (self.newest(), member.0 as usize);
        match (member < self.members.len() && config.has(member), config.votes(member)) {
            (false, _) => None,
            (true, true) => Some(Membership::Voter),
            (true, false) => Some(Membership::Learner),
        }
    }

    /// The members, as a tool would list them.
    pub fn member_list(&self) -> MemberList {
        let Config { voters, learners } = self.newest();
        MemberList { leader: self.shown.leader.map(|(member, _)| MasterId(member.into())), voters, learners }
    }

    /// The version whose features the group uses: the oldest member's minor, once the leader has seen all of them.
    pub fn cluster_version(&self) -> Version {
        self.cluster_version.at(self.now)
    }

    /// A place for one member more, which belongs to nothing yet; `None` where there are too many already.
    pub fn add_place(&mut self, ctx: &mut Ctx<'_>) -> Option<MasterId> {
        let place = self.members.len();
        if place >= super::MEMBERS_MAX as usize {
            return None;
        }
        let phase = ctx.now;
        self.members.push(super::member::Member::absent(phase));
        for member in &mut self.members {
            if let Some(reign) = &mut member.reign {
                reign.streams.push(super::reign::Stream::gone());
            }
        }
        Some(MasterId(place as u32))
    }

    /// Asks for a change of the group. `Notice::Stored` tells how it ends.
    ///
    /// # Errors
    /// With what the member that is asked has against it; then nothing is written.
    pub fn reconfigure(
        &mut self,
        change: MemberChange,
        request: RequestId,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), MemberRefusal> {
        self.settle(ctx);
        let via = self.asked_member(change).ok_or(MemberRefusal::NoLeader)?;
        self.may_change(change, via)?;
        self.changing = Some(Changing { request, change, entry: None });
        self.accept(via, request, ctx);
        self.announce(ctx);
        Ok(())
    }

    /// Who is asked: a member that serves, and not the one that shall go where another does.
    fn asked_member(&self, change: MemberChange) -> Option<usize> {
        let about = change.member().0 as usize;
        let serves = |member: &usize| self.is_served(*member);
        let other = (0..self.members.len()).filter(serves).find(|member| *member != about);
        other.or_else(|| Some(about).filter(|about| *about < self.members.len() && serves(about)))
    }

    fn may_change(&self, change: MemberChange, via: usize) -> Result<(), MemberRefusal> {
        let (config, about) = (self.config(via), change.member().0 as usize);
        if self.changing.is_some() {
            return Err(MemberRefusal::Pending);
        }
        match change {
            MemberChange::AddVoter(_) | MemberChange::AddLearner(_) if about >= self.members.len() => {
                Err(MemberRefusal::Exists)
            }
            MemberChange::AddVoter(_) | MemberChange::AddLearner(_)
                if config.has(about) || self.members[about].removed =>
            {
                Err(MemberRefusal::Exists)
            }
            MemberChange::AddVoter(_) => self.may_add(true, via),
            MemberChange::AddLearner(_) => self.may_add(false, via),
            MemberChange::Promote(_) => self.may_promote(about, via),
            MemberChange::Remove(_) if !config.has(about) => Err(MemberRefusal::NotFound),
            MemberChange::Remove(_) => self.may_remove(about, via),
        }
    }

    fn may_add(&self, votes: bool, via: usize) -> Result<(), MemberRefusal> {
        let config = self.config(via);
        let started = self.started(config.voters);
        let size = config.size() + 1;
        if !votes {
            if !self.cluster_version().at_least(LEARNERS_SINCE.0, LEARNERS_SINCE.1) {
                return Err(MemberRefusal::NoLearners);
            }
            if config.learners.count_ones() >= LEARNERS_MAX {
                return Err(MemberRefusal::TooManyLearners);
            }
        } else if started < size / 2 + 1 && !(started == 1 && size == 2) {
            return Err(MemberRefusal::NotEnoughStarted);
        }
        match self.connected_voters(via) == config.size() {
            true => Ok(()),
            false => Err(MemberRefusal::Unhealthy),
        }
    }

    fn may_promote(&self, about: usize, via: usize) -> Result<(), MemberRefusal> {
        let config = self.config(via);
        if about >= self.members.len() || !config.has(about) || config.votes(about) {
            return Err(MemberRefusal::NotFound);
        }
        let leader = self.leader_of(via).ok_or(MemberRefusal::NoLeader)?;
        let size = config.size() + 1;
        if self.started(config.voters) + 1 < size / 2 + 1 {
            return Err(MemberRefusal::NotEnoughStarted);
        }
        let own = self.members[leader].log.durable(self.now);
        let has = self.members[leader].reign.as_ref().map_or(0, |reign| match self.eager {
            true => reign.streams[about].counted,
            false => reign.streams[about].matched_at(self.now),
        });
        match has * 100 >= own * READY_PERCENT {
            true => Ok(()),
            false => Err(MemberRefusal::NotInSync),
        }
    }

    fn may_remove(&self, about: usize, via: usize) -> Result<(), MemberRefusal> {
        let config = self.config(via);
        if !config.votes(about) {
            return Ok(());
        }
        let rest = config.voters & !(1 << about);
        let left = rest.count_ones() as usize;
        if left == 0 || self.started(rest) < left / 2 + 1 {
            return Err(MemberRefusal::NotEnoughStarted);
        }
        // One that cannot be reached anyway is no part of the majority.
        if about != via && !self.connected(via, about) {
            return Ok(());
        }
        match self.connected_voters(via).saturating_sub(1) < 1 + (config.size() - 1) / 2 {
            true => Err(MemberRefusal::Unhealthy),
            false => Ok(()),
        }
    }

    fn started(&self, set: Set) -> usize {
        let started = |(member, me): &(usize, &super::member::Member)| set & (1 << member) != 0 && me.published;
        self.members.iter().enumerate().filter(started).count()
    }

    /// Voters that this member has been connected to for long enough, itself included.
    fn connected_voters(&self, member: usize) -> usize {
        let config = self.config(member);
        let long = |other: usize| {
            let since = self.members[member].since.max(self.members[other].since);
            since == Time::ZERO || since + HEALTHY_FOR <= self.now
        };
        let counts = |other: &usize| {
            config.votes(*other) && (*other == member || (self.connected(member, *other) && long(*other)))
        };
        (0..self.members.len()).filter(counts).count()
    }

    /// The request of a change has found its place in a log.
    pub(super) fn placed(&mut self, request: RequestId, entry: (Index, super::log::Term)) {
        if let Some(changing) = self.changing.as_mut().filter(|changing| changing.request == request) {
            changing.entry = Some(entry);
        }
    }

    /// The request of a change has ended without one.
    pub(super) fn given_up(&mut self, request: RequestId) {
        if self.changing.is_some_and(|changing| changing.request == request && changing.entry.is_none()) {
            self.changing = None;
        }
    }

    /// A leader commits up to `upto`: a change among the entries is in force. One whose entry was overwritten is lost.
    pub(super) fn change_committed(&mut self, leader: usize, upto: Index) -> Option<MemberChange> {
        let Changing { change, entry, .. } = self.changing?;
        let (index, term) = entry.filter(|(index, _)| *index <= upto)?;
        self.changing = None;
        if self.members[leader].log.term_at(index) != Some(term) {
            return None;
        }
        self.configs.push((index, self.newest().after(change)));
        Some(change)
    }

    /// What follows from a change that is in force now.
    pub(super) fn changed(&mut self, change: MemberChange, ctx: &mut Ctx<'_>) {
        let member = change.member();
        ctx.note(Fact::MemberIs { member, standing: change.standing() });
        if change.standing() == Membership::Removed {
            self.expel(member.0 as usize, ctx);
        }
        self.survey();
        self.look_around(ctx);
    }

    /// Nobody talks to a removed member any more; it ends if it has heard.
    fn expel(&mut self, member: usize, ctx: &mut Ctx<'_>) {
        let knows = self.hears(member) || self.members[member].leads();
        for other in 0..self.members.len() {
            self.close(other, member, End::Cut, ctx);
            self.close(member, other, End::Cut, ctx);
        }
        let me = &mut self.members[member];
        me.removed = true;
        if knows && me.runs() {
            let event = EtcdEvent::Expelled { member: member as u8, start: me.starts };
            self.push(EXPELLED_AFTER, event, ctx);
        }
        self.time_waiting(ctx);
    }

    /// A removed member's process ends.
    pub(super) fn expelled(&mut self, member: usize, start: u32, ctx: &mut Ctx<'_>) {
        if self.members[member].starts == start && self.members[member].process != Process::Down {
            self.kill(member, ctx);
        }
    }

    /// Whether a member of this version may start in the group as it is.
    pub(super) fn admits(&self, member: usize, version: Version) -> bool {
        !self.lost
            && self.newest().has(member)
            && !self.members[member].removed
            && minor(version) >= self.cluster_version()
    }

    /// The leader's look at the members' versions: once all run one, the group's rises to the oldest; it never falls.
    pub(super) fn survey(&mut self) {
        let known = self.cluster_version();
        let config = self.newest();
        let members = || self.members.iter().enumerate().filter(|(member, _)| config.has(*member));
        let oldest = members().map(|(_, me)| minor(me.version)).min();
        let next = oldest.filter(|oldest| *oldest > known && members().all(|(_, me)| me.runs()));
        let round = (self.now + Span::nanos(1)).next_tick(Time::ZERO, VERSION_ROUND);
        self.cluster_version = ClusterVersion { now: known, next: next.map(|version| (version, round)) };
    }
}
