//! Who hears whom: connections made and lost, and what heartbeats would have done in between.
//!
//! While a follower hears its leader neither has a timer here. When that ends, the last heartbeat and the last answer
//! are found from the leader's ticks and the keyed delays, and the timers start from there.

use super::delays::Leg;
use super::member::{Ask, Ballot, Hard, Role};
use super::reign::Flow;
use super::{Etcd, EtcdEvent};
use crate::base::Time;
use crate::world::effects::Ctx;

/// Why a stream ends; it decides what on the wire still arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The leader died or stepped down: what it has sent arrives.
    LeaderGone,
    /// The follower died: answers that it has sent arrive.
    FollowerDied,
    /// The link is cut: nothing arrives.
    Cut,
    /// The follower has gone to a newer term: it takes nothing more.
    Outgrown,
}

impl Etcd {
    /// Whether heartbeats of a leader hold this member's timer.
    pub(super) fn hears(&self, member: usize) -> bool {
        !self.members[member].leads() && self.leader_of(member).is_some()
    }

    /// Brings members that stand alone up to now: their campaigns reach nobody, so they are not events.
    pub(super) fn settle(&mut self, ctx: &mut Ctx<'_>) {
        self.now = ctx.now;
        if self.alone == 0 || self.eager {
            return;
        }
        for member in 0..self.members.len() {
            if self.alone & (1 << member) != 0 {
                self.campaign_alone(member, ctx);
            }
        }
    }

    fn campaign_alone(&mut self, member: usize, ctx: &Ctx<'_>) {
        let settings = self.settings;
        let me = &mut self.members[member];
        while me.runs() && !me.leads() && me.deadline(&settings) <= ctx.now {
            let at = me.deadline(&settings);
            me.hear(at);
            me.lead = None;
            me.ballot = None;
            if me.pre_vote {
                me.role = Role::PreCandidate;
            } else {
                me.role = Role::Candidate;
                let hard = Hard { term: me.hard.term + 1, vote: Some(member as u8) };
                me.save(hard, member, at, &settings, ctx);
                me.redraw(member, &settings, ctx);
                let (term, tip) = (me.hard.term, me.log.tip(at));
                me.ballot = Some(Ballot { ask: Ask::Vote, term, tip, granted: 1 << member, refused: 0 });
            }
        }
    }

    /// A candidate that is alone no more may have its own vote still on the way to its disk: it will ask then.
    fn resume_ballot(&self, member: usize, ctx: &mut Ctx<'_>) {
        let me = &self.members[member];
        let saved = me.disk.last().map_or(ctx.now, |(_, durable)| *durable);
        if me.runs() && me.role == Role::Candidate && saved > ctx.now {
            self.push_at(saved, EtcdEvent::Voted { member: member as u8, term: me.hard.term }, ctx);
        }
    }

    /// Sets the election alarm of a member, if it needs one.
    pub(super) fn arm(&mut self, member: usize, ctx: &mut Ctx<'_>) {
        if self.eager {
            return;
        }
        self.members[member].alarm += 1;
        let me = &self.members[member];
        let still = !me.runs() || me.leads() || !self.config(member).votes(member);
        if still || self.hears(member) || self.alone & (1 << member) != 0 {
            return;
        }
        let event = EtcdEvent::Campaign { member: member as u8, alarm: me.alarm };
        self.push_at(me.deadline(&self.settings), event, ctx);
    }

    /// After processes or links have changed: who stands alone, whose timers run, what a leader can still commit.
    pub(super) fn look_around(&mut self, ctx: &mut Ctx<'_>) {
        let lonely = |member: &usize| {
            let votes = self.members[*member].runs() && self.config(*member).votes(*member);
            votes && self.quorum(*member) > 1 && self.reach(*member) == 1
        };
        let alone = (0..self.members.len()).filter(lonely).fold(0, |set, member| set | 1 << member);
        let joined = std::mem::replace(&mut self.alone, alone) & !alone;
        for member in 0..self.members.len() {
            if self.members[member].leads() {
                self.arm_leader(member, ctx);
            } else {
                self.arm(member, ctx);
            }
            self.arm_advance(member, ctx);
            if joined & (1 << member) != 0 && !self.eager {
                self.resume_ballot(member, ctx);
            }
        }
    }

    /// Opens a leader's stream to a member, if they are connected. Its first message leaves at once (a new leader), or
    /// with the next heartbeat.
    pub(super) fn open(&mut self, leader: usize, to: usize, at_once: bool, ctx: &mut Ctx<'_>) {
        if leader == to || !self.members[leader].leads() || !self.connected(leader, to) {
            return;
        }
        if !self.config(leader).has(to) {
            return;
        }
        let tick = self.settings.tick;
        let me = &mut self.members[leader];
        let (term, phase) = (me.hard.term, me.phase);
        let Some(reign) = me.reign.as_mut().filter(|reign| reign.streams[to].flow == Flow::Gone) else { return };
        reign.streams[to].flow = Flow::Probing;
        reign.streams[to].opened = ctx.now;
        let sent = if at_once { ctx.now } else { ctx.now.next_tick(phase, tick) };
        let round = sent.since(phase).as_nanos() / tick.as_nanos();
        let delay = self.settings.wire(ctx, leader, to, Leg::Probe, (u64::from(term) << 32) + round);
        self.push_at(sent + delay, EtcdEvent::Probed { from: leader as u8, to: to as u8, term }, ctx);
    }

    /// Opens all streams that a new connection of this member allows.
    pub(super) fn open_all(&mut self, member: usize, ctx: &mut Ctx<'_>) {
        for other in 0..self.members.len() {
            self.open(other, member, false, ctx);
            self.open(member, other, false, ctx);
        }
    }

    /// Ends a stream, and works out what its heartbeats did.
    pub(super) fn close(&mut self, leader: usize, to: usize, end: End, ctx: &mut Ctx<'_>) {
        let now = ctx.now;
        let Some(reign) = &self.members[leader].reign else { return };
        if reign.streams[to].flow == Flow::Gone {
            return;
        }
        if reign.streams[to].hears() && !self.eager {
            let heard = self.last_heard(leader, to, end, ctx);
            let active = self.last_active(leader, to, end, ctx);
            self.members[to].hear(heard);
            if let Some(reign) = &mut self.members[leader].reign {
                reign.streams[to].active = active;
            }
        }
        let sent = self.members[leader].log.arrived(now);
        let log = &mut self.members[to].log;
        match end {
            End::LeaderGone => log.truncate(log.last().min(sent.max(log.arrived(now)))),
            End::Cut | End::Outgrown => log.truncate(log.arrived(now)),
            End::FollowerDied => {}
        }
        if let Some(reign) = &mut self.members[leader].reign {
            let stream = &mut reign.streams[to];
            stream.flow = Flow::Gone;
            stream.acks.retain(|ack| match end {
                End::Cut => ack.at <= now,
                End::FollowerDied | End::Outgrown | End::LeaderGone => ack.durable <= now,
            });
        }
    }

    /// The follower's last sign of its leader: a heartbeat or an entry.
    fn last_heard(&self, leader: usize, to: usize, end: End, ctx: &Ctx<'_>) -> Time {
        let on_wire_counts = end == End::LeaderGone;
        let limit = if on_wire_counts { Time::NEVER } else { ctx.now };
        let beat = self.beats_back(leader, to, ctx, |sent, tick| {
            let arrives = sent + self.settings.wire(ctx, leader, to, Leg::Beat, tick);
            (arrives <= limit).then_some(arrives)
        });
        // An entry counts when it was sent by now, which a leader's own log tells.
        let sent = self.members[leader].log.arrived(ctx.now);
        let mut log = self.members[to].log.clone();
        if on_wire_counts {
            log.truncate(sent);
        }
        beat.max(log.last_arrival(limit))
    }

    /// The leader's last sign of its follower: an answer to a heartbeat, or an acknowledgement.
    fn last_active(&self, leader: usize, to: usize, end: End, ctx: &Ctx<'_>) -> Time {
        let answer = self.beats_back(leader, to, ctx, |sent, tick| {
            let arrives = sent + self.settings.wire(ctx, leader, to, Leg::Beat, tick);
            let answered = arrives + self.settings.wire(ctx, to, leader, Leg::BeatAck, tick);
            let counts = match end {
                End::Cut | End::LeaderGone => answered <= ctx.now,
                End::FollowerDied | End::Outgrown => arrives <= ctx.now,
            };
            counts.then_some(answered)
        });
        let Some(reign) = &self.members[leader].reign else { return answer };
        let stream = &reign.streams[to];
        let acked = match end {
            End::Cut | End::LeaderGone => stream.last_ack(ctx.now),
            End::FollowerDied | End::Outgrown => {
                stream.acks.iter().rev().find(|ack| ack.durable <= ctx.now).map_or(Time::ZERO, |ack| ack.at)
            }
        };
        stream.active.max(answer).max(acked)
    }

    /// The newest heartbeat of an open stream that `counts`, with what it gives; zero if there is none.
    fn beats_back(&self, leader: usize, to: usize, ctx: &Ctx<'_>, counts: impl Fn(Time, u64) -> Option<Time>) -> Time {
        let (phase, tick) = (self.members[leader].phase, self.settings.tick);
        let Some(reign) = &self.members[leader].reign else { return Time::ZERO };
        let accepted = reign.streams[to].accepted;
        let mut sent = ctx.now.last_tick(phase, tick);
        while let Some(at) = sent.filter(|at| *at > accepted) {
            if let Some(found) = counts(at, at.since(phase).as_nanos() / tick.as_nanos()) {
                return found;
            }
            sent = (at > phase).then(|| at - tick);
        }
        Time::ZERO
    }

    /// Streams of older leaders to a member that goes to a newer term end. Their next heartbeat tells them.
    pub(super) fn leave_leaders(&mut self, member: usize, term: u32, ctx: &mut Ctx<'_>) {
        for leader in 0..self.members.len() {
            let older = self.members[leader].leads() && self.members[leader].hard.term < term;
            if leader != member && older {
                self.close(leader, member, End::Outgrown, ctx);
                self.open(leader, member, false, ctx);
                self.arm_leader(leader, ctx);
            }
        }
    }

    /// A leader leads no more; its followers' timers start.
    pub(super) fn end_reign(&mut self, member: usize, ctx: &mut Ctx<'_>) {
        if !self.members[member].leads() {
            return;
        }
        for to in 0..self.members.len() {
            self.close(member, to, End::LeaderGone, ctx);
        }
        let me = &mut self.members[member];
        me.log.truncate(me.log.arrived(ctx.now));
        me.reign = None;
        me.role = Role::Follower;
        me.lead = None;
        for to in 0..self.members.len() {
            if to != member {
                self.arm(to, ctx);
            }
        }
        self.time_waiting(ctx);
    }

    /// The member's host loses or regains its link.
    pub(super) fn link(&mut self, member: usize, linked: bool, ctx: &mut Ctx<'_>) {
        if self.members.get(member).is_none_or(|me| me.linked == linked) {
            return;
        }
        if linked {
            self.members[member].linked = true;
            self.members[member].since = ctx.now;
            self.open_all(member, ctx);
        } else {
            for other in 0..self.members.len() {
                self.close(other, member, End::Cut, ctx);
                self.close(member, other, End::Cut, ctx);
            }
            self.members[member].linked = false;
            self.time_waiting(ctx);
        }
        self.look_around(ctx);
    }

    /// The moment of a leader's next look at its majority.
    fn next_check(&self, leader: usize, ctx: &Ctx<'_>) -> Option<Time> {
        let me = &self.members[leader];
        let reign = me.reign.as_ref()?;
        let round = self.settings.ticks(self.settings.election);
        let left = self.settings.election.saturating_sub(reign.lead_in).max(1);
        let first = me.tick_after(reign.since, left, self.settings.tick);
        let at = (ctx.now + crate::base::Span::nanos(1)).next_tick(first, round);
        Some(at)
    }

    /// Sets the alarms of a leader: its next commit, and its look at its majority while that is in doubt.
    pub(super) fn arm_leader(&mut self, leader: usize, ctx: &mut Ctx<'_>) {
        if self.eager {
            return;
        }
        let next = self.next_check(leader, ctx);
        let doubtful = self.heard(leader) < self.quorum(leader);
        let Some(reign) = &self.members[leader].reign else { return };
        let armed = reign.check_armed;
        if let Some(reign) = &mut self.members[leader].reign {
            reign.alarm += 1;
            reign.commit_armed = false;
            reign.check_armed = doubtful || armed;
            let alarm = reign.alarm;
            if let (true, Some(at)) = (reign.check_armed, next) {
                self.push_at(at, EtcdEvent::Check { member: leader as u8, alarm }, ctx);
            }
        }
        self.arm_commit(leader, ctx);
    }

    /// A leader looks whether a majority has answered since its last look. Source: etcd `raft.go`, `MsgCheckQuorum`.
    pub(super) fn check_due(&mut self, leader: usize, alarm: u32, ctx: &mut Ctx<'_>) {
        let Some(reign) = &mut self.members[leader].reign else { return };
        if reign.alarm != alarm || self.eager {
            return;
        }
        reign.check_armed = false;
        self.check_majority(leader, ctx);
        self.arm_leader(leader, ctx);
    }

    /// Steps down unless a majority, itself included, was active in the last round.
    pub(super) fn check_majority(&mut self, leader: usize, ctx: &mut Ctx<'_>) {
        let Some(reign) = &self.members[leader].reign else { return };
        let round = self.settings.ticks(self.settings.election);
        let since = ctx.now - round;
        let config = self.config(leader);
        let active = |(member, stream): &(usize, &super::reign::Stream)| {
            let answered = stream.active <= ctx.now;
            let lately = stream.active > since || (!self.eager && stream.hears());
            config.votes(*member) && answered && lately
        };
        let own = usize::from(config.votes(leader));
        let count = reign.streams.iter().enumerate().filter(active).count() + own;
        if count < self.quorum(leader) {
            let term = self.members[leader].hard.term;
            self.become_follower(leader, term, None, ctx);
        }
    }

    /// The order to campaign at once arrives.
    pub(super) fn hand_over(&mut self, to: usize, term: u32, ctx: &mut Ctx<'_>) {
        let me = &self.members[to];
        let votes = self.config(to).votes(to) && !me.removed;
        if votes && me.runs() && me.linked && me.hard.term == term && me.role == Role::Follower {
            self.campaign(to, Ask::HandOver, ctx);
        }
    }
}
