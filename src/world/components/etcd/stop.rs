//! Processes stop and start.
//!
//! The order on SIGTERM: clients' servers close first, which waits for requests under way and for open streams, so it
//! takes the whole request time-out while an API server's watches are open; only then a leader hands over; then the
//! process ends. Source: etcd `server/embed/etcd.go`, `Close` and `stopServers` (gRPC `GracefulStop` within the request
//! time-out, etcd PR 8267); `server/etcdserver/server.go`, `TransferLeadership`, `adjustTicks`.

use super::delays::{ADVANCE_LIMIT, ADVANCE_POLL, HANDOVER_POLL, Leg, PEER_CLOSE, member_name};
use super::member::Process;
use super::reign::{Flow, Stream};
use super::{End, Etcd, EtcdEvent};
use crate::base::{Span, Time, Version};
use crate::world::behaviour::etcd_pre_vote;
use crate::world::effects::{Ctx, Notice};
use crate::world::fact::Fact;
use crate::world::ids::MasterId;
use crate::world::purpose::Purpose;

impl Etcd {
    /// SIGTERM.
    pub(super) fn terminate(&mut self, member: usize, ctx: &mut Ctx<'_>) {
        let drain = self.settings.drain();
        let Some(me) = self.members.get_mut(member).filter(|me| me.process == Process::Up) else { return };
        me.process = Process::Draining;
        let start = me.starts;
        self.push(drain, EtcdEvent::Drained { member: member as u8, start }, ctx);
    }

    /// Members that drain and have no client left need not wait any longer.
    pub(super) fn end_drains(&mut self, ctx: &mut Ctx<'_>) {
        for member in 0..self.members.len() {
            let me = &self.members[member];
            if me.process == Process::Draining && !me.watched && !self.has_requests(member) {
                self.drained(member, me.starts, ctx);
            }
        }
    }

    fn is_leaving(&self, member: usize, start: u32) -> bool {
        self.members[member].process == Process::Leaving && self.members[member].starts == start
    }

    /// The last streams of clients are cut. A leader hands over to the follower it has been connected to for longest.
    pub(super) fn drained(&mut self, member: usize, start: u32, ctx: &mut Ctx<'_>) {
        let me = &mut self.members[member];
        if me.process != Process::Draining || me.starts != start {
            return;
        }
        me.process = Process::Leaving;
        self.reset_clients(member, ctx);
        let event = match self.begin_transfer(member, None, ctx) {
            true => (HANDOVER_POLL, EtcdEvent::Leaving { member: member as u8, start, polls: 1 }),
            false => (PEER_CLOSE, EtcdEvent::Exit { member: member as u8, start }),
        };
        self.push(event.0, event.1, ctx);
    }

    /// Drops proposals from now on, and sends the order to campaign once the successor has the whole log.
    fn begin_transfer(&mut self, member: usize, wanted: Option<usize>, ctx: &mut Ctx<'_>) -> bool {
        let config = self.config(member);
        let me = &mut self.members[member];
        let (term, last) = (me.hard.term, me.log.last());
        let Some(reign) = &mut me.reign else { return false };
        let may = |to: usize| config.votes(to) && wanted.is_none_or(|wanted| wanted == to);
        let flowing = |(to, stream): &(usize, &Stream)| stream.flow == Flow::Flowing && may(*to);
        let followers = reign.streams.iter().enumerate().filter(flowing);
        let Some((to, stream)) = followers.min_by_key(|(_, stream)| stream.opened) else { return false };
        let ready = stream.acked_from(last).max(reign.gate).max(ctx.now);
        if ready == Time::NEVER {
            return false;
        }
        reign.transfer = Some(to as u8);
        let delay = self.settings.wire(ctx, member, to, Leg::HandOver, u64::from(term));
        self.push_at(ready + delay, EtcdEvent::HandOver { to: to as u8, term }, ctx);
        true
    }

    /// A leaving leader looks whether its successor leads; a transfer that takes longer than an election time-out is
    /// given up by Raft, and waiting for it after the request time-out.
    pub(super) fn leaving(&mut self, member: usize, start: u32, polls: u8, ctx: &mut Ctx<'_>) {
        if !self.is_leaving(member, start) {
            return;
        }
        let limit = self.settings.request_timeout();
        let waited = HANDOVER_POLL * u64::from(polls);
        let patience = self.settings.ticks(self.settings.election);
        let me = &mut self.members[member];
        if let Some(reign) = me.reign.as_mut().filter(|_| waited >= patience) {
            reign.transfer = None;
        }
        let done = (!me.leads() && me.lead.is_some()) || waited >= limit || polls == u8::MAX;
        if done {
            self.push(PEER_CLOSE, EtcdEvent::Exit { member: member as u8, start }, ctx);
        } else {
            let next = EtcdEvent::Leaving { member: member as u8, start, polls: polls + 1 };
            self.push(HANDOVER_POLL, next, ctx);
        }
    }

    /// An operator asks a leader to hand over: to this follower, or to the one it has been connected to for longest. Raft gives a
    /// transfer up that takes longer than an election time-out. Source: etcd `raft/raft.go`, `abortLeaderTransfer`.
    pub fn move_leader(&mut self, from: MasterId, to: Option<MasterId>, ctx: &mut Ctx<'_>) {
        self.settle(ctx);
        let member = from.0 as usize;
        let up = self.members.get(member).is_some_and(|me| me.process == Process::Up && me.leads());
        if up && self.begin_transfer(member, to.map(|to| to.0 as usize), ctx) {
            let patience = self.settings.ticks(self.settings.election);
            let event = EtcdEvent::TransferLate { member: member as u8, term: self.members[member].hard.term };
            self.push(patience, event, ctx);
        }
        self.announce(ctx);
    }

    /// A transfer that an operator asked for has taken too long.
    pub(super) fn transfer_late(&mut self, member: usize, term: u32) {
        let me = &mut self.members[member];
        if me.process == Process::Up
            && me.hard.term == term
            && let Some(reign) = me.reign.as_mut()
        {
            reign.transfer = None;
        }
    }

    /// A stopping process ends.
    pub(super) fn exit(&mut self, member: usize, start: u32, ctx: &mut Ctx<'_>) {
        if self.is_leaving(member, start) {
            self.kill(member, ctx);
        }
    }

    /// The process is gone at once. What its disk has survives.
    pub(super) fn kill(&mut self, member: usize, ctx: &mut Ctx<'_>) {
        if self.members.get(member).is_none_or(|me| !me.runs()) {
            return;
        }
        self.end_reign(member, ctx);
        for leader in 0..self.members.len() {
            self.close(leader, member, End::FollowerDied, ctx);
        }
        self.members[member].crash(ctx.now);
        self.reset_clients(member, ctx);
        self.time_waiting(ctx);
        ctx.note(Fact::MemberStopped { member: MasterId(member as u32) });
        ctx.notify(Notice::EtcdStopped(MasterId(member as u32)));
        self.look_around(ctx);
    }

    /// The process starts with the data it had, as a follower of nobody.
    pub(super) fn begin(&mut self, member: usize, version: Version, ctx: &mut Ctx<'_>) {
        if member >= self.members.len() {
            return;
        }
        self.kill(member, ctx);
        if self.finds_corrupt(member, version, ctx) {
            return;
        }
        if !self.admits(member, version) {
            let cluster = self.cluster_version();
            return ctx.note(Fact::MemberRefused { member: MasterId(member as u32), version, cluster });
        }
        let settings = self.settings;
        let single = self.newest().size() == 1;
        let me = &mut self.members[member];
        me.process = Process::Up;
        me.starts += 1;
        let mut phase = ctx.draw(Purpose::Phase, member_name(member), u64::from(me.starts));
        me.phase = ctx.now + phase.span_below(settings.tick);
        me.pre_vote = settings.pre_vote.unwrap_or_else(|| etcd_pre_vote(version));
        me.started = ctx.now;
        me.heard = ctx.now;
        (me.version, me.published, me.since) = (version, true, ctx.now);
        me.advanced = single;
        // A group of one does not wait for anybody: one tick less than an election time-out has passed for it.
        me.credit = if single { settings.election - 1 } else { 0 };
        me.credited = ctx.now;
        me.elapsed = me.credit;
        me.redraw(member, &settings, ctx);
        ctx.note(Fact::MemberStarted { member: MasterId(member as u32) });
        self.survey();
        self.open_all(member, ctx);
        self.look_around(ctx);
        self.tick_on(member, ctx);
    }

    /// A member that has just started and has two active peers will shorten its first time-out at its next look.
    pub(super) fn arm_advance(&mut self, member: usize, ctx: &mut Ctx<'_>) {
        let reach = self.reach(member);
        let me = &mut self.members[member];
        let age = ctx.now.since(me.started);
        if me.advanced || !me.runs() || reach < 3 || age >= ADVANCE_LIMIT {
            return;
        }
        me.advanced = true;
        let look = (ctx.now + Span::nanos(1)).next_tick(me.started, ADVANCE_POLL);
        let event = EtcdEvent::Advance { member: member as u8, start: me.starts };
        self.push_at(look, event, ctx);
    }

    /// The first time-out is shortened to at most two ticks more than chance adds to it.
    pub(super) fn advance(&mut self, member: usize, start: u32, ctx: &mut Ctx<'_>) {
        let ticks = self.settings.election.saturating_sub(2);
        let me = &mut self.members[member];
        if me.starts != start || !me.runs() || me.leads() {
            return;
        }
        // A member that hears its leader is reset by the next heartbeat anyway.
        me.credit += ticks;
        me.credited = ctx.now;
        me.elapsed += ticks;
        if self.eager && me.elapsed >= me.patience {
            self.stand(member, ctx);
        }
        self.arm(member, ctx);
    }
}
