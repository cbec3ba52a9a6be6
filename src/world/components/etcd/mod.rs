//! etcd: one Raft group, a member on each master.
//!
//! Members keep terms, votes and logs as the real ones do, and what they answer is on disk first. While leader, links
//! and processes stay as they are, nothing of it is an event but the commit of a write: heartbeats, ticks and
//! acknowledgements follow from phases and keyed delays, and are worked out when something changes (`contact`). From a
//! disturbance until a leader serves again, campaigns, votes and first contacts are events (`election`, `replication`).
//!
//! Simplifications, all shorter than one network delay: a write is reported stored when its leader commits it, not
//! half a round trip later at the member that accepted it; followers learn the commit index with it; a forwarded
//! proposal takes its place in the leader's log when it is sent.

mod clients;
mod contact;
mod delays;
mod eager;
mod election;
mod faults;
mod invariants;
mod log;
mod member;
mod membership;
mod reign;
mod replication;
mod restore;
mod stop;
#[cfg(test)]
mod tests;

pub use invariants::Broken;
pub use member::Ask;

use self::clients::Waiting;
use self::contact::End;
use self::delays::{Settings, member_name};
use self::invariants::History;
use self::log::Index;
use self::log::Term;
use self::member::{Member, Process};
use self::membership::{Changing, ClusterVersion, Config, Set};
use self::reign::{Flow, Reign};
use crate::base::{Span, Time};
use crate::world::behaviour::etcd_pre_vote;
use crate::world::disturbance::Signal;
use crate::world::effects::{Ctx, Notice};
use crate::world::event::Event;
use crate::world::fact::Fact;
use crate::world::ids::{MasterId, RequestId};
use crate::world::purpose::Purpose;
use crate::world::spec::EtcdSpec;

/// Most members that a group may ever have had: sets of members are bits of a word.
pub const MEMBERS_MAX: u32 = 64;

/// Inside etcd. Members are numbered by master; a message carries the term it was sent in.
#[allow(missing_docs, reason = "fields: a member, sender and receiver, the term; alarms and starts count up")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EtcdEvent {
    /// A member's patience ends.
    Campaign { member: u8, alarm: u32 },
    /// A candidate's own vote is on its disk.
    Voted { member: u8, term: u32 },
    /// A request for a vote arrives.
    Asked { from: u8, to: u8, ask: Ask, term: u32 },
    /// A voter's answer is on its disk.
    Saved { from: u8, to: u8, ask: Ask, term: u32, granted: bool, start: u32 },
    /// A vote, or its refusal, arrives.
    Answered { from: u8, to: u8, ask: Ask, term: u32, granted: bool },
    /// Word of a newer term arrives.
    Higher { to: u8, term: u32 },
    /// A leader's first message arrives at a member.
    Probed { from: u8, to: u8, term: u32 },
    /// The entries that a follower lacked have arrived.
    Joined { from: u8, to: u8, term: u32 },
    /// A majority has the leader's next entry on disk, and the leader knows.
    Committed { member: u8, alarm: u32 },
    /// A leader looks whether a majority has answered lately.
    Check { member: u8, alarm: u32 },
    /// A request has waited as long as it may.
    Expired { request: RequestId },
    /// A started member shortens its first election time-out.
    Advance { member: u8, start: u32 },
    /// A stopping member cuts its clients' last streams.
    Drained { member: u8, start: u32 },
    /// The order to campaign at once arrives.
    HandOver { to: u8, term: u32 },
    /// A stopping leader looks whether its successor leads.
    Leaving { member: u8, start: u32, polls: u8 },
    /// A stopping member's process ends.
    Exit { member: u8, start: u32 },
    /// A member that was removed from the group ends.
    Expelled { member: u8, start: u32 },
    /// A hand-over that an operator asked for is given up.
    TransferLate { member: u8, term: u32 },
    /// Eager mode: a member's clock ticks.
    Tick { member: u8, start: u32 },
    /// Eager mode: a heartbeat arrives.
    Beat { from: u8, to: u8, term: u32, tick: u64 },
    /// Eager mode: its answer arrives.
    BeatAnswered { from: u8, to: u8, term: u32 },
    /// Eager mode: an entry arrives at a follower.
    Appended { from: u8, to: u8, term: u32, index: u64 },
    /// Eager mode: an acknowledgement arrives; a leader's own when it is on its disk.
    Acked { from: u8, to: u8, term: u32, index: u64 },
}

/// The members and their logs.
#[derive(Clone, Debug)]
pub struct Etcd {
    settings: Settings,
    members: Vec<Member>,
    waiting: Vec<Waiting>,
    history: History,
    shown: Shown,
    /// Configurations of the group, each with the entry that made it so, as far as committed.
    configs: Vec<(Index, Config)>,
    /// The next one, on its way through the log.
    changing: Option<Changing>,
    cluster_version: ClusterVersion,
    /// Members without a connection to any other, as bits: their campaigns reach nobody and are not events.
    alone: Set,
    /// Pairs of members that do not reach each other.
    cuts: Vec<(u8, u8)>,
    /// All members' data is gone.
    lost: bool,
    eager: bool,
    now: Time,
}

/// What others were last told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shown {
    serving: Set,
    up: u32,
    voters: u32,
    leader: Option<(u8, Term)>,
}

impl Etcd {
    /// A group of `members` voters (1 to [`MEMBERS_MAX`]) in steady state, with a leader that the seed chooses.
    pub fn new(spec: &EtcdSpec, members: u32, ctx: &mut Ctx<'_>) -> Etcd {
        Etcd::build(spec, members, false, ctx)
    }

    /// The same group with every tick, heartbeat, append and acknowledgement as an event. Slow; for tests, which hold
    /// it against [`Etcd::new`].
    pub fn with_eager(spec: &EtcdSpec, members: u32, ctx: &mut Ctx<'_>) -> Etcd {
        Etcd::build(spec, members, true, ctx)
    }

    fn build(spec: &EtcdSpec, members: u32, eager: bool, ctx: &mut Ctx<'_>) -> Etcd {
        let settings = Settings::new(spec, ctx);
        let count = members.clamp(1, MEMBERS_MAX) as usize;
        let group = crate::base::Name::new("etcd");
        let leader = ctx.draw(Purpose::Placement, group, 0).below(count as u64) as usize;
        let pre_vote = spec.pre_vote.unwrap_or_else(|| etcd_pre_vote(spec.from));
        let mut etcd = Etcd {
            settings,
            members: Vec::with_capacity(count),
            waiting: Vec::new(),
            history: History::begin(leader, Config::of(count).voters, ctx.now),
            configs: vec![(0, Config::of(count))],
            changing: None,
            cluster_version: ClusterVersion::of(spec.from),
            shown: Shown::default(),
            cuts: Vec::new(),
            alone: 0,
            lost: false,
            eager,
            now: ctx.now,
        };
        for index in 0..count {
            let phase = ctx.now + ctx.draw(Purpose::Phase, member_name(index), 0).span_below(settings.tick);
            let mut member = Member::steady(leader, phase, (spec.from, pre_vote), ctx.now);
            member.redraw(index, &settings, ctx);
            etcd.members.push(member);
            ctx.note(Fact::MemberStarted { member: MasterId(index as u32) });
        }
        etcd.crown(leader, ctx);
        etcd.look_around(ctx);
        etcd.shown.serving = etcd.serving();
        etcd.shown.voters = count as u32;
        etcd.announce(ctx);
        (0..count).for_each(|member| etcd.tick_on(member, ctx));
        etcd
    }

    /// Makes a member the leader that the group has had for a while.
    fn crown(&mut self, leader: usize, ctx: &mut Ctx<'_>) {
        let rounds = u64::from(self.settings.election);
        let mut reign = Reign::new(ctx.now, 1, self.members.len());
        reign.lead_in = ctx.draw(Purpose::Phase, member_name(leader), u64::MAX).below(rounds) as u32;
        for stream in &mut reign.streams {
            stream.flow = Flow::Flowing;
            stream.matched = 1;
            stream.counted = 1;
            stream.active = ctx.now + Span::nanos(1);
        }
        reign.streams[leader].flow = Flow::Gone;
        self.members[leader].role = member::Role::Leader;
        self.members[leader].elapsed = reign.lead_in;
        self.members[leader].reign = Some(reign);
    }

    /// One of its own events.
    pub fn step(&mut self, event: EtcdEvent, ctx: &mut Ctx<'_>) {
        self.settle(ctx);
        match event {
            EtcdEvent::Campaign { member, alarm } => self.patience_ends(member.into(), alarm, ctx),
            EtcdEvent::Voted { member, term } => self.voted(member.into(), term, ctx),
            EtcdEvent::Asked { from, to, ask, term } => self.asked(from.into(), to.into(), ask, term, ctx),
            EtcdEvent::Saved { .. } => self.saved(event, ctx),
            EtcdEvent::Answered { from, to, ask, term, granted } => {
                self.answered(from.into(), to.into(), (ask, term), granted, ctx)
            }
            EtcdEvent::Higher { to, term } => self.higher(to.into(), term, ctx),
            EtcdEvent::Probed { from, to, term } => self.probed(from.into(), to.into(), term, ctx),
            EtcdEvent::Joined { from, to, term } => self.joined(from.into(), to.into(), term, ctx),
            EtcdEvent::Committed { member, alarm } => self.commit_due(member.into(), alarm, ctx),
            EtcdEvent::Check { member, alarm } => self.check_due(member.into(), alarm, ctx),
            EtcdEvent::Expired { request } => self.expired(request, ctx),
            EtcdEvent::Advance { member, start } => self.advance(member.into(), start, ctx),
            EtcdEvent::Drained { member, start } => self.drained(member.into(), start, ctx),
            EtcdEvent::HandOver { to, term } => self.hand_over(to.into(), term, ctx),
            EtcdEvent::Leaving { member, start, polls } => self.leaving(member.into(), start, polls, ctx),
            EtcdEvent::Exit { member, start } => self.exit(member.into(), start, ctx),
            EtcdEvent::Expelled { member, start } => self.expelled(member.into(), start, ctx),
            EtcdEvent::TransferLate { member, term } => self.transfer_late(member.into(), term),
            EtcdEvent::Tick { member, start } => self.tick(member.into(), start, ctx),
            EtcdEvent::Beat { from, to, term, tick } => self.beat(from.into(), to.into(), term, tick, ctx),
            EtcdEvent::BeatAnswered { from, to, term } => self.beat_answered(from.into(), to.into(), term, ctx),
            EtcdEvent::Appended { from, to, term, index } => {
                self.appended(from.into(), to.into(), term, index, ctx);
            }
            EtcdEvent::Acked { from, to, term, index } => self.acked(from.into(), to.into(), term, index, ctx),
        }
        self.announce(ctx);
    }

    /// A write reaches this member. `Notice::Stored` tells how it ends, sooner or later, exactly once; where it fails
    /// for its client and is committed all the same, `Notice::StoredLate` follows. An id may be used again only when
    /// neither can come any more.
    pub fn propose(&mut self, member: MasterId, request: RequestId, ctx: &mut Ctx<'_>) {
        self.settle(ctx);
        self.accept(member.0 as usize, request, ctx);
        self.announce(ctx);
    }

    /// The member's process gets a signal. A machine that loses power is a link cut and a SIGKILL.
    pub fn signal(&mut self, member: MasterId, signal: Signal, ctx: &mut Ctx<'_>) {
        self.settle(ctx);
        self.let_go(member);
        match signal {
            Signal::Term => self.terminate(member.0 as usize, ctx),
            Signal::Kill => self.kill(member.0 as usize, ctx),
        }
        self.announce(ctx);
    }

    /// The member's process starts, with the data it had. One that still runs is killed first.
    pub fn start(&mut self, member: MasterId, version: crate::base::Version, ctx: &mut Ctx<'_>) {
        self.settle(ctx);
        self.begin(member.0 as usize, version, ctx);
        self.announce(ctx);
    }

    /// The member's host has become reachable or unreachable for the other members (link, power).
    pub fn linked(&mut self, member: MasterId, linked: bool, ctx: &mut Ctx<'_>) {
        self.settle(ctx);
        self.link(member.0 as usize, linked, ctx);
        self.announce(ctx);
    }

    /// Time of a write to a member's disk.
    fn fsync(&self, ctx: &Ctx<'_>, member: usize, disk: delays::Disk, ordinal: u64) -> Span {
        self.settings.fsync(ctx, member, disk, ordinal).max(self.members[member].stall)
    }

    /// An API server has come to this member with its watches, or has gone. Without one, and with no request under way,
    /// a member that got SIGTERM has nobody to wait for.
    pub fn watched(&mut self, member: MasterId, watched: bool, ctx: &mut Ctx<'_>) {
        let Some(me) = self.members.get_mut(member.0 as usize).filter(|me| me.watched != watched) else { return };
        me.watched = watched;
        self.settle(ctx);
        self.announce(ctx);
    }

    /// Whether a request to this member would be served now, through a leader with a quorum.
    pub fn serves(&self, member: MasterId) -> bool {
        member.0 < Set::BITS && self.serving() & (1 << member.0) != 0
    }

    /// Whether the member's process runs.
    pub fn is_running(&self, member: MasterId) -> bool {
        self.members.get(member.0 as usize).is_some_and(Member::runs)
    }

    /// The leader that a majority can reach, and its term.
    pub fn leader(&self) -> Option<(MasterId, u64)> {
        self.shown.leader.map(|(member, term)| (MasterId(u32::from(member)), u64::from(term)))
    }

    /// Each member's term, and the last entry that has reached it.
    pub fn logs(&self, now: Time) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.members.iter().map(move |member| (member.hard.term.into(), member.log.arrived(now)))
    }

    /// Voters that make a majority of the group as this member knows it. Members that do not run count.
    fn quorum(&self, member: usize) -> usize {
        self.config(member).size() / 2 + 1
    }

    fn connected(&self, a: usize, b: usize) -> bool {
        let (one, other) = (&self.members[a], &self.members[b]);
        let wired = self.linked_to(a, b) && !one.removed && !other.removed;
        one.runs() && other.runs() && (a == b || wired)
    }

    /// Voters that this member reaches, itself included.
    fn reach(&self, member: usize) -> usize {
        let config = self.config(member);
        (0..self.members.len()).filter(|other| config.votes(*other) && self.connected(member, *other)).count()
    }

    /// Voters that a leader keeps from campaigns, itself included.
    fn heard(&self, leader: usize) -> usize {
        let config = self.config(leader);
        let Some(reign) = &self.members[leader].reign else { return 0 };
        let followers = reign.streams.iter().enumerate();
        let hearing = followers.filter(|(member, stream)| config.votes(*member) && stream.hears()).count();
        hearing + usize::from(config.votes(leader))
    }

    /// Members that would serve a request, as bits.
    fn serving(&self) -> Set {
        (0..self.members.len()).filter(|member| self.is_served(*member)).fold(0, |set, member| set | 1 << member)
    }

    fn is_served(&self, member: usize) -> bool {
        let Some(leader) = self.leader_of(member) else { return false };
        let Some(reign) = &self.members[leader].reign else { return false };
        self.members[member].process == Process::Up
            && self.config(leader).votes(member)
            && self.heard(leader) >= self.quorum(leader)
            && self.members[leader].commit >= reign.first
    }

    /// The leader that this member is, or hears.
    fn leader_of(&self, member: usize) -> Option<usize> {
        if self.members[member].leads() {
            return Some(member);
        }
        let lead = usize::from(self.members[member].lead?);
        let hears = self.members[lead].reign.as_ref().is_some_and(|reign| reign.streams[member].hears());
        (hears && self.members[lead].hard.term == self.members[member].hard.term).then_some(lead)
    }

    /// The leader with the newest term whom a majority can reach.
    fn effective_leader(&self) -> Option<(u8, Term)> {
        let leaders = (0..self.members.len()).filter(|m| self.members[*m].leads() && self.reach(*m) >= self.quorum(*m));
        leaders.map(|m| (m as u8, self.members[m].hard.term)).max_by_key(|(_, term)| *term)
    }

    /// Tells of what has changed for others.
    fn announce(&mut self, ctx: &mut Ctx<'_>) {
        self.now = ctx.now;
        self.end_drains(ctx);
        self.watch_leaders(ctx.now);
        let group = self.newest();
        let is_up = |(member, me): &(usize, &Member)| group.votes(*member) && me.runs() && me.linked;
        let up = self.members.iter().enumerate().filter(is_up).count() as u32;
        let voters = group.size() as u32;
        let shown = Shown { serving: self.serving(), up, voters, leader: self.effective_leader() };
        let before = std::mem::replace(&mut self.shown, shown);
        if before == shown {
            return;
        }
        if before.leader != shown.leader {
            if let Some((member, term)) = before.leader {
                ctx.note(Fact::MemberYields { member: MasterId(member.into()), term: term.into() });
            }
            if let Some((member, term)) = shown.leader {
                ctx.note(Fact::MemberLeads { member: MasterId(member.into()), term: term.into() });
            }
        }
        if (before.up, before.voters) != (up, voters) {
            ctx.note(Fact::QuorumIs { up, voters });
        }
        for member in 0..self.members.len() as u32 {
            let serves = shown.serving & (1 << member) != 0;
            if serves != (before.serving & (1 << member) != 0) {
                ctx.notify(Notice::EtcdServes(MasterId(member), serves));
            }
        }
    }

    fn push(&self, after: Span, event: EtcdEvent, ctx: &mut Ctx<'_>) {
        ctx.after(after, Event::Etcd(event));
    }

    fn push_at(&self, at: Time, event: EtcdEvent, ctx: &mut Ctx<'_>) {
        ctx.at(at, Event::Etcd(event));
    }
}
