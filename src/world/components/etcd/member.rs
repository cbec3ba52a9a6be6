//! One member: its process, its term and vote, its election timer.

use super::delays::{Disk, Settings};
use super::log::{Index, Log, Term};
use super::membership::Set;
use super::reign::Reign;
use crate::base::{Span, Time, Version};
use crate::world::effects::Ctx;

/// A member's process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    /// None.
    Down,
    /// Runs and accepts clients.
    Up,
    /// Got SIGTERM: waits for its clients, takes part in Raft and accepts no new request.
    Draining,
    /// Its clients are gone: it hands over if it leads, and ends.
    Leaving,
}

/// A role in Raft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Follows, or waits for somebody to follow.
    Follower,
    /// Asks whether it would be elected.
    PreCandidate,
    /// Asks for votes.
    Candidate,
    /// Leads.
    Leader,
}

/// Term and vote: what must be on disk before an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hard {
    pub(super) term: Term,
    pub(super) vote: Option<u8>,
}

/// How votes are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// A pre-vote: would you vote for me?
    Pre,
    /// A vote.
    Vote,
    /// A vote on the leader's own order: leases do not count.
    HandOver,
}

/// A candidate's campaign.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ballot {
    pub(super) ask: Ask,
    /// The term it wants.
    pub(super) term: Term,
    /// The end of its log when it asked.
    pub(super) tip: (Term, Index),
    /// Members that said yes, as bits.
    pub(super) granted: Set,
    /// Members that said no, as bits.
    pub(super) refused: Set,
}

/// A member.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) process: Process,
    pub(super) linked: bool,
    /// Each write to its disk takes at least so long.
    pub(super) stall: Span,
    /// It will not start again with its data.
    pub(super) corrupt: bool,
    /// The version in which it would run if its data were sound.
    pub(super) kept_down: Option<Version>,
    /// Belongs to the group no more.
    pub(super) removed: bool,
    /// Has started once, and so told the others its name.
    pub(super) published: bool,
    /// Since when others can reach it, as far as that ever changed.
    pub(super) since: Time,
    /// Of the process that started last.
    pub(super) version: Version,
    /// An API server keeps watches open, which never end by themselves.
    pub(super) watched: bool,
    /// Number of its process.
    pub(super) starts: u32,
    /// The first tick of its process.
    pub(super) phase: Time,
    pub(super) pre_vote: bool,
    pub(super) hard: Hard,
    /// Term and vote as written, and when each version is on disk; the last is the newest.
    pub(super) disk: Vec<(Hard, Time)>,
    pub(super) log: Log,
    pub(super) commit: Index,
    pub(super) role: Role,
    pub(super) lead: Option<u8>,
    /// When its election timer was last reset. While it hears its leader this lags; see `heard_at`.
    pub(super) heard: Time,
    /// Ticks that its timer was put forward by.
    pub(super) credit: u32,
    /// When that was; only a later sign of a leader takes it back.
    pub(super) credited: Time,
    /// Its randomised election time-out, in ticks.
    pub(super) patience: u32,
    /// Draws of `patience` in this term.
    pub(super) redraws: u32,
    /// Only the newest election alarm counts.
    pub(super) alarm: u32,
    /// Eager mode: ticks since its timer was reset.
    pub(super) elapsed: u32,
    /// Whether its first time-out was already shortened.
    pub(super) advanced: bool,
    /// When its process started.
    pub(super) started: Time,
    pub(super) ballot: Option<Ballot>,
    pub(super) reign: Option<Reign>,
}

impl Member {
    /// A running follower of `leader` in term 1, with the first entry of that term in its log.
    pub(super) fn steady(leader: usize, phase: Time, version: (Version, bool), now: Time) -> Member {
        let hard = Hard { term: 1, vote: Some(leader as u8) };
        let mut log = Log::default();
        log.append(1, now, now);
        Member {
            process: Process::Up,
            watched: true,
            published: true,
            version: version.0,
            pre_vote: version.1,
            hard,
            disk: vec![(hard, now)],
            log,
            commit: 1,
            lead: Some(leader as u8),
            heard: now,
            advanced: true,
            started: now,
            ..Member::absent(phase)
        }
    }

    /// A place for a member: no process, no data.
    pub(super) fn absent(phase: Time) -> Member {
        Member {
            process: Process::Down,
            linked: true,
            stall: Span::ZERO,
            corrupt: false,
            kept_down: None,
            removed: false,
            published: false,
            since: Time::ZERO,
            version: Version::default(),
            watched: false,
            starts: 0,
            phase,
            pre_vote: false,
            hard: Hard::default(),
            disk: Vec::new(),
            log: Log::default(),
            commit: 0,
            role: Role::Follower,
            lead: None,
            heard: Time::ZERO,
            credit: 0,
            credited: Time::ZERO,
            patience: 0,
            redraws: 0,
            alarm: 0,
            elapsed: 0,
            advanced: false,
            started: Time::ZERO,
            ballot: None,
            reign: None,
        }
    }

    pub(super) fn runs(&self) -> bool {
        self.process != Process::Down
    }

    pub(super) fn leads(&self) -> bool {
        self.reign.is_some()
    }

    /// The `n`-th tick after `at`.
    pub(super) fn tick_after(&self, at: Time, n: u32, tick: Span) -> Time {
        (at + Span::nanos(1)).next_tick(self.phase, tick) + tick * u64::from(n.saturating_sub(1))
    }

    /// When its patience ends, if it hears nothing more.
    pub(super) fn deadline(&self, settings: &Settings) -> Time {
        let ticks = self.patience.saturating_sub(self.credit).max(1);
        self.tick_after(self.heard, ticks, settings.tick)
    }

    /// Ticks since its timer was reset.
    pub(super) fn waited(&self, now: Time, settings: &Settings) -> u32 {
        let count = |at: Time| match at.last_tick(self.phase, settings.tick) {
            Some(tick) => tick.since(self.phase).as_nanos() / settings.tick.as_nanos() + 1,
            None => 0,
        };
        let passed = count(now).saturating_sub(count(self.heard));
        self.credit.saturating_add(passed.min(u64::from(u16::MAX)) as u32)
    }

    /// Resets the election timer.
    pub(super) fn hear(&mut self, at: Time) {
        self.heard = self.heard.max(at);
        if at >= self.credited {
            self.credit = 0;
        }
        self.elapsed = 0;
    }

    /// Draws the next election time-out, as etcd does on every change of term or role.
    pub(super) fn redraw(&mut self, member: usize, settings: &Settings, ctx: &Ctx<'_>) {
        let ordinal = (u64::from(self.hard.term) << 20) + u64::from(self.redraws);
        self.patience = settings.patience(ctx, member, ordinal);
        self.redraws += 1;
    }

    /// Takes a new term and vote, and returns when they are on disk.
    pub(super) fn save(&mut self, hard: Hard, member: usize, at: Time, settings: &Settings, ctx: &Ctx<'_>) -> Time {
        if hard.term != self.hard.term {
            self.redraws = 0;
        }
        self.hard = hard;
        let before = self.disk.last().map_or(Time::ZERO, |(_, durable)| *durable);
        let durable =
            (at + settings.fsync(ctx, member, Disk::Ballot, u64::from(hard.term)).max(self.stall)).max(before);
        let done = self.disk.iter().take_while(|(_, durable)| *durable <= at).count();
        self.disk.drain(..done.saturating_sub(1));
        self.disk.push((hard, durable));
        durable
    }

    /// What a crash leaves of the member.
    pub(super) fn crash(&mut self, now: Time) {
        self.process = Process::Down;
        self.log.crash(now);
        // It may have heard of a commit before it had the entry on disk; it will hear of it again.
        self.commit = self.commit.min(self.log.last());
        self.disk.retain(|(_, durable)| *durable <= now);
        let newest = self.disk.last().map_or(Hard::default(), |(hard, _)| *hard);
        if newest.term != self.hard.term {
            self.redraws = 0;
        }
        self.hard = newest;
        self.role = Role::Follower;
        self.lead = None;
        self.ballot = None;
        self.alarm += 1;
        self.credit = 0;
        self.elapsed = 0;
    }
}
