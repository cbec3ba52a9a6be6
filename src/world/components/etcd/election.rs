//! Campaigns and votes. Source: etcd `raft/raft.go`: `campaign`, `Step`, `becomeFollower`, `becomeLeader`.

use super::delays::{Disk, Leg};
use super::log::Term;
use super::member::{Ask, Ballot, Hard, Role};
use super::reign::Reign;
use super::{Etcd, EtcdEvent};
use crate::world::effects::Ctx;

impl Etcd {
    /// The election timer of a member fires.
    pub(super) fn patience_ends(&mut self, member: usize, alarm: u32, ctx: &mut Ctx<'_>) {
        if self.members[member].alarm == alarm && self.members[member].runs() && !self.members[member].leads() {
            self.stand(member, ctx);
        }
    }

    /// Starts the campaign that a member's settings ask for.
    pub(super) fn stand(&mut self, member: usize, ctx: &mut Ctx<'_>) {
        self.members[member].hear(ctx.now);
        let ask = if self.members[member].pre_vote { Ask::Pre } else { Ask::Vote };
        self.campaign(member, ask, ctx);
    }

    /// Asks for pre-votes, or raises the term, votes for itself and asks for votes.
    pub(super) fn campaign(&mut self, member: usize, ask: Ask, ctx: &mut Ctx<'_>) {
        let term = self.members[member].hard.term + 1;
        self.members[member].lead = None;
        match ask {
            Ask::Pre => {
                self.members[member].role = Role::PreCandidate;
                self.open_ballot(member, ask, term, ctx);
                if self.quorum(member) == 1 {
                    return self.campaign(member, Ask::Vote, ctx);
                }
                self.ask_all(member, ctx);
            }
            Ask::Vote | Ask::HandOver => {
                self.leave_leaders(member, term, ctx);
                let settings = self.settings;
                let me = &mut self.members[member];
                me.log.truncate(me.log.arrived(ctx.now));
                me.role = Role::Candidate;
                let durable = me.save(Hard { term, vote: Some(member as u8) }, member, ctx.now, &settings, ctx);
                me.redraw(member, &settings, ctx);
                me.hear(ctx.now);
                self.open_ballot(member, ask, term, ctx);
                self.push_at(durable, EtcdEvent::Voted { member: member as u8, term }, ctx);
            }
        }
        self.arm(member, ctx);
    }

    fn open_ballot(&mut self, member: usize, ask: Ask, term: Term, ctx: &Ctx<'_>) {
        let tip = self.members[member].log.tip(ctx.now);
        self.members[member].ballot = Some(Ballot { ask, term, tip, granted: 1 << member, refused: 0 });
    }

    fn ask_all(&mut self, member: usize, ctx: &mut Ctx<'_>) {
        let Some(Ballot { ask, term, .. }) = self.members[member].ballot else { return };
        let config = self.config(member);
        for to in 0..self.members.len() {
            if to != member && config.votes(to) && self.connected(member, to) {
                let delay = self.settings.wire(ctx, member, to, Leg::Ask, ballot_key(ask, term));
                self.push(delay, EtcdEvent::Asked { from: member as u8, to: to as u8, ask, term }, ctx);
            }
        }
    }

    /// A candidate's own vote is durable: only now may it ask.
    pub(super) fn voted(&mut self, member: usize, term: Term, ctx: &mut Ctx<'_>) {
        let me = &self.members[member];
        let ballot = me.ballot.filter(|ballot| ballot.term == term && ballot.ask != Ask::Pre);
        let saved = me.disk.last().is_some_and(|(_, durable)| *durable <= ctx.now);
        if me.role != Role::Candidate || me.hard.term != term || ballot.is_none() || !saved {
            return;
        }
        self.history.vote(member, term, member);
        if self.quorum(member) == 1 {
            return self.become_leader(member, ctx);
        }
        self.ask_all(member, ctx);
    }

    /// A request for a vote arrives.
    pub(super) fn asked(&mut self, from: usize, to: usize, ask: Ask, term: Term, ctx: &mut Ctx<'_>) {
        let Some(ballot) = self.members[from].ballot.filter(|ballot| ballot.term == term) else { return };
        if !self.wired(from, to) {
            return;
        }
        let mine = self.members[to].hard.term;
        if term > mine && ask != Ask::HandOver && self.in_lease(to, ctx) {
            return;
        }
        if ask == Ask::Pre {
            return self.answer_pre_vote(from, to, &ballot, ctx);
        }
        if term < mine {
            return;
        }
        if term > mine {
            self.become_follower(to, term, None, ctx);
        }
        let me = &self.members[to];
        let free = me.hard.vote == Some(from as u8) || (me.hard.vote.is_none() && me.lead.is_none());
        let granted = free && ballot.tip >= me.log.tip(ctx.now);
        if granted {
            let settings = self.settings;
            let me = &mut self.members[to];
            me.hear(ctx.now);
            me.save(Hard { term, vote: Some(from as u8) }, to, ctx.now, &settings, ctx);
            self.arm(to, ctx);
        }
        // A new term or vote is on disk before the answer leaves.
        let durable = self.members[to].disk.last().map_or(ctx.now, |(_, durable)| (*durable).max(ctx.now));
        let start = self.members[to].starts;
        let (from, to) = (from as u8, to as u8);
        self.push_at(durable, EtcdEvent::Saved { from: to, to: from, ask, term, granted, start }, ctx);
    }

    /// A voter's term and vote are on its disk, unless it has died meanwhile: the answer leaves.
    pub(super) fn saved(&mut self, saved: EtcdEvent, ctx: &mut Ctx<'_>) {
        let EtcdEvent::Saved { from, to, ask, term, granted, start } = saved else { return };
        let voter = &self.members[usize::from(from)];
        if voter.runs() && voter.starts == start {
            let delay = self.settings.wire(ctx, from.into(), to.into(), Leg::Answer, ballot_key(ask, term));
            self.push(delay, EtcdEvent::Answered { from, to, ask, term, granted }, ctx);
        }
    }

    fn answer_pre_vote(&mut self, from: usize, to: usize, ballot: &Ballot, ctx: &mut Ctx<'_>) {
        let me = &self.members[to];
        let free = ballot.term > me.hard.term
            || me.hard.vote == Some(from as u8)
            || (me.hard.vote.is_none() && me.lead.is_none());
        let granted = ballot.term >= me.hard.term && free && ballot.tip >= me.log.tip(ctx.now);
        let term = me.hard.term;
        let delay = self.settings.wire(ctx, to, from, Leg::Answer, ballot_key(Ask::Pre, ballot.term));
        // A refusal carries the voter's own term: a newer one ends the campaign, an older one is ignored there.
        let asker = ballot.term - 1;
        if granted || term == asker {
            let answer =
                EtcdEvent::Answered { from: to as u8, to: from as u8, ask: Ask::Pre, term: ballot.term, granted };
            self.push(delay, answer, ctx);
        } else if term > asker {
            self.push(delay, EtcdEvent::Higher { to: from as u8, term }, ctx);
        }
    }

    /// Whether a voter ignores campaigns, since it has heard of a leader within an election time-out.
    fn in_lease(&self, member: usize, ctx: &Ctx<'_>) -> bool {
        let me = &self.members[member];
        if me.leads() {
            return true;
        }
        let waited = if self.eager { me.elapsed } else { me.waited(ctx.now, &self.settings) };
        me.lead.is_some() && ((!self.eager && self.hears(member)) || waited < self.settings.election)
    }

    /// A vote or its refusal arrives.
    pub(super) fn answered(
        &mut self,
        from: usize,
        to: usize,
        (ask, term): (Ask, Term),
        granted: bool,
        ctx: &mut Ctx<'_>,
    ) {
        if granted && ask != Ask::Pre {
            self.history.vote(from, term, to);
        }
        let wired = self.wired(from, to);
        let (members, quorum) = (self.config(to).size() as u32, self.quorum(to) as u32);
        let me = &mut self.members[to];
        let stands = match ask {
            Ask::Pre => me.role == Role::PreCandidate && me.hard.term + 1 == term,
            Ask::Vote | Ask::HandOver => me.role == Role::Candidate && me.hard.term == term,
        };
        let Some(ballot) = me.ballot.as_mut().filter(|ballot| ballot.term == term && ballot.ask == ask) else { return };
        if !wired || !stands {
            return;
        }
        *(if granted { &mut ballot.granted } else { &mut ballot.refused }) |= 1 << from;
        let (granted, refused) = (ballot.granted.count_ones(), ballot.refused.count_ones());
        if granted >= quorum {
            match ask {
                Ask::Pre => self.campaign(to, Ask::Vote, ctx),
                Ask::Vote | Ask::HandOver => self.become_leader(to, ctx),
            }
        } else if members - refused < quorum {
            let term = self.members[to].hard.term;
            self.become_follower(to, term, None, ctx);
        }
    }

    /// Whether what one member has sent reaches the other now.
    fn wired(&self, from: usize, to: usize) -> bool {
        let (sender, me) = (&self.members[from], &self.members[to]);
        me.runs() && self.linked_to(from, to) && !me.removed && !sender.removed
    }

    /// Word of a newer term arrives.
    pub(super) fn higher(&mut self, to: usize, term: Term, ctx: &mut Ctx<'_>) {
        let me = &self.members[to];
        if me.runs() && me.linked && !me.removed && term > me.hard.term {
            self.become_follower(to, term, None, ctx);
        }
    }

    /// Follows `lead`, or nobody yet, in `term`, which is not older than its own.
    pub(super) fn become_follower(&mut self, member: usize, term: Term, lead: Option<usize>, ctx: &mut Ctx<'_>) {
        self.end_reign(member, ctx);
        self.leave_leaders(member, term, ctx);
        let settings = self.settings;
        let me = &mut self.members[member];
        if term > me.hard.term {
            me.log.truncate(me.log.arrived(ctx.now));
            me.save(Hard { term, vote: None }, member, ctx.now, &settings, ctx);
        }
        me.role = Role::Follower;
        me.ballot = None;
        me.lead = lead.map(|lead| lead as u8);
        me.hear(ctx.now);
        me.redraw(member, &settings, ctx);
        self.arm(member, ctx);
    }

    /// Has a majority of votes: leads, and writes an empty entry that must be committed before it serves.
    fn become_leader(&mut self, member: usize, ctx: &mut Ctx<'_>) {
        let term = self.members[member].hard.term;
        self.history.lead(member, term);
        let members = self.members.len();
        let me = &mut self.members[member];
        me.role = Role::Leader;
        me.lead = Some(member as u8);
        me.ballot = None;
        me.alarm += 1;
        me.elapsed = 0;
        let first = me.log.last() + 1;
        me.reign = Some(Reign::new(ctx.now, first, members));
        let fsync = self.fsync(ctx, member, Disk::Entry, first);
        let me = &mut self.members[member];
        let durable = (ctx.now + fsync).max(me.log.durable_tail());
        me.log.append(term, ctx.now, durable);
        self.own_entry(member, first, durable, ctx);
        for to in 0..self.members.len() {
            self.open(member, to, true, ctx);
        }
        self.arm_leader(member, ctx);
        self.place_blocked(member, ctx);
    }
}

/// The ordinal of a ballot's draws.
fn ballot_key(ask: Ask, term: Term) -> u64 {
    u64::from(term) * 4 + ask as u64
}
