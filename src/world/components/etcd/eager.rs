//! Eager mode: ticks, heartbeats, appends and acknowledgements as events. Only tests run it; it uses the same delays
//! and counts, where the usual mode computes.

use super::delays::Leg;
use super::log::{Index, Term};
use super::member::Role;
use super::{Etcd, EtcdEvent};
use crate::world::effects::Ctx;

impl Etcd {
    /// Starts a process's clock.
    pub(super) fn tick_on(&mut self, member: usize, ctx: &mut Ctx<'_>) {
        if self.eager {
            let me = &self.members[member];
            let at = if ctx.now < me.phase { me.phase } else { me.tick_after(ctx.now, 1, self.settings.tick) };
            self.push_at(at, EtcdEvent::Tick { member: member as u8, start: me.starts }, ctx);
        }
    }

    /// A clock ticks. Source: etcd `raft/raft.go`, `tickElection` and `tickHeartbeat`.
    pub(super) fn tick(&mut self, member: usize, start: u32, ctx: &mut Ctx<'_>) {
        let me = &mut self.members[member];
        if me.starts != start || !me.runs() {
            return;
        }
        me.elapsed += 1;
        if me.leads() {
            self.send_beats(member, ctx);
            let me = &mut self.members[member];
            if me.elapsed >= self.settings.election {
                me.elapsed = 0;
                self.check_majority(member, ctx);
            }
        } else if me.elapsed >= me.patience && self.config(member).votes(member) {
            self.stand(member, ctx);
        }
        self.tick_on(member, ctx);
    }

    fn send_beats(&mut self, leader: usize, ctx: &mut Ctx<'_>) {
        let me = &self.members[leader];
        let term = me.hard.term;
        let tick = ctx.now.since(me.phase).as_nanos() / self.settings.tick.as_nanos();
        for to in 0..self.members.len() {
            let hears = |reign: &super::reign::Reign| reign.streams[to].hears();
            if self.members[leader].reign.as_ref().is_some_and(hears) && self.connected(leader, to) {
                let delay = self.settings.wire(ctx, leader, to, Leg::Beat, tick);
                self.push(delay, EtcdEvent::Beat { from: leader as u8, to: to as u8, term, tick }, ctx);
            }
        }
    }

    /// A heartbeat arrives. One that reaches a member which has not taken the leader's first message counts as part of
    /// that message.
    pub(super) fn beat(&mut self, from: usize, to: usize, term: Term, tick: u64, ctx: &mut Ctx<'_>) {
        let me = &self.members[to];
        let follows = me.role == Role::Follower && me.lead == Some(from as u8) && me.hard.term == term;
        let wired = me.runs() && self.linked_to(from, to);
        let unheard = self.members[from].reign.as_ref().is_some_and(|reign| !reign.streams[to].hears());
        if !follows || !wired || unheard {
            return;
        }
        self.members[to].hear(ctx.now);
        let delay = self.settings.wire(ctx, to, from, Leg::BeatAck, tick);
        self.push(delay, EtcdEvent::BeatAnswered { from: to as u8, to: from as u8, term }, ctx);
    }

    /// The answer to a heartbeat arrives.
    pub(super) fn beat_answered(&mut self, from: usize, to: usize, term: Term, ctx: &mut Ctx<'_>) {
        let wired = self.linked_to(from, to);
        let leader = &mut self.members[to];
        if let Some(reign) = leader.reign.as_mut().filter(|_| wired && leader.hard.term == term) {
            reign.streams[from].active = ctx.now;
        }
    }

    /// An entry arrives at a follower: a sign of its leader.
    pub(super) fn appended(&mut self, from: usize, to: usize, term: Term, index: Index, ctx: &mut Ctx<'_>) {
        let me = &mut self.members[to];
        let follows = me.runs() && me.lead == Some(from as u8) && me.hard.term == term;
        if follows && me.log.arrived(ctx.now) >= index {
            me.hear(ctx.now);
        }
    }

    /// An acknowledgement arrives, or the leader's own entry is on its disk.
    pub(super) fn acked(&mut self, from: usize, to: usize, term: Term, index: Index, ctx: &mut Ctx<'_>) {
        let leader = &mut self.members[to];
        if leader.hard.term != term {
            return;
        }
        let own = leader.log.durable(ctx.now);
        let Some(reign) = &mut leader.reign else { return };
        if from != to {
            let stream = &mut reign.streams[from];
            // One that was lost with its link is not among those on the way.
            if stream.matched_at(ctx.now) < index {
                return;
            }
            stream.counted = stream.counted.max(index);
            stream.active = stream.active.max(ctx.now);
        }
        let mut matched = [0; super::MEMBERS_MAX as usize];
        for (slot, stream) in matched.iter_mut().zip(&reign.streams) {
            *slot = stream.counted;
        }
        matched[to] = own;
        self.commit_matched(to, matched, ctx);
    }
}
