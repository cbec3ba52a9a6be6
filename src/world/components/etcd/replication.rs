//! The log from leader to followers, and commits. Source: etcd `raft/raft.go`: `bcastAppend`, `maybeCommit`.
//!
//! Arrival, fsync and acknowledgement of each entry are drawn when it is sent, so the moment of its commit is known at
//! once: a write in steady state is one event.

use super::delays::{CATCH_UP_ENTRIES, CATCH_UP_PER_ENTRY, Disk, Leg, SNAPSHOT};
use super::log::{Index, Term};
use super::member::Role;
use super::membership::Config;
use super::reign::{Ack, Flow};
use super::{Etcd, EtcdEvent};
use crate::base::{Span, Time};
use crate::world::effects::Ctx;

impl Etcd {
    /// A leader's first message arrives.
    pub(super) fn probed(&mut self, from: usize, to: usize, term: Term, ctx: &mut Ctx<'_>) {
        let leader = &self.members[from];
        let probing = leader.reign.as_ref().is_some_and(|reign| reign.streams[to].flow == Flow::Probing);
        if leader.hard.term != term || !probing || !self.connected(from, to) {
            return;
        }
        let mine = self.members[to].hard.term;
        if mine > term {
            let delay = self.settings.wire(ctx, to, from, Leg::Higher, u64::from(mine));
            return self.push(delay, EtcdEvent::Higher { to: from as u8, term: mine }, ctx);
        }
        let me = &mut self.members[to];
        if term > mine || me.role != Role::Follower || me.lead != Some(from as u8) {
            self.become_follower(to, term, Some(from), ctx);
        } else {
            me.hear(ctx.now);
        }
        let answer = self.settings.wire(ctx, to, from, Leg::BeatAck, (u64::from(term) << 32) + u64::from(mine));
        let wait = self.catch_up(from, to, ctx);
        if let Some(reign) = &mut self.members[from].reign {
            reign.streams[to].flow = Flow::Joining;
            reign.streams[to].accepted = ctx.now;
            reign.streams[to].active = ctx.now + answer;
        }
        self.arm(to, ctx);
        self.push(wait, EtcdEvent::Joined { from: from as u8, to: to as u8, term }, ctx);
        self.place_blocked(to, ctx);
    }

    /// How long a follower takes to have what the leader has: nothing where its log fits, else a round trip to find
    /// where they part, and the entries or a snapshot.
    fn catch_up(&self, leader: usize, to: usize, ctx: &Ctx<'_>) -> Span {
        let (mine, theirs) = (&self.members[leader], &self.members[to]);
        let first = mine.reign.as_ref().map_or(0, |reign| reign.first);
        let same = mine.log.common(&theirs.log);
        let behind = mine.log.last().saturating_sub(same);
        if same + 1 >= first && behind <= 1 {
            return Span::ZERO;
        }
        let key = mine.log.last();
        let search =
            self.settings.wire(ctx, to, leader, Leg::Ack, key) + self.settings.wire(ctx, leader, to, Leg::Append, key);
        let transfer = if behind > CATCH_UP_ENTRIES { SNAPSHOT } else { CATCH_UP_PER_ENTRY * behind };
        search + transfer
    }

    /// The follower has what it lacked; from now on each entry goes to it at once.
    pub(super) fn joined(&mut self, from: usize, to: usize, term: Term, ctx: &mut Ctx<'_>) {
        let follower = &self.members[to];
        let follows = follower.hard.term == term && follower.lead == Some(from as u8) && self.connected(from, to);
        let joining = self.members[from].reign.as_ref().is_some_and(|reign| reign.streams[to].flow == Flow::Joining);
        if !follows || !joining || self.members[from].hard.term != term {
            return;
        }
        let source = self.members[from].log.clone();
        let upto = source.arrived(ctx.now);
        let fsync = self.fsync(ctx, to, Disk::CatchUp, upto);
        let me = &mut self.members[to];
        // Its new term must be on disk too before it answers.
        let saved = me.disk.last().map_or(ctx.now, |(_, durable)| *durable).max(ctx.now);
        let written = (ctx.now + fsync).max(me.log.durable_tail()).max(saved);
        me.log.adopt(&source, upto, ctx.now, written);
        me.hear(ctx.now);
        let durable = me.log.durable_from(upto).max(saved);
        let commit = self.members[from].commit.min(upto);
        self.learn_commit(to, commit, ctx);
        let at = durable + self.settings.wire(ctx, to, from, Leg::Ack, upto);
        if let Some(reign) = &mut self.members[from].reign {
            let stream = &mut reign.streams[to];
            stream.flow = Flow::Flowing;
            stream.matched = 0;
            stream.counted = 0;
            stream.acks = vec![Ack { index: upto, durable, at }];
            stream.tail = ctx.now;
        }
        self.acked_at(from, to, term, upto, at, ctx);
        for (index, sent) in source.coming(upto) {
            self.send(from, to, index, sent, ctx);
        }
        self.arm_leader(from, ctx);
    }

    /// Sends one entry to a follower that has all before it.
    fn send(&mut self, leader: usize, to: usize, index: Index, sent: Time, ctx: &mut Ctx<'_>) {
        let term = self.members[leader].hard.term;
        let there = self.settings.wire(ctx, leader, to, Leg::Append, index);
        let fsync = self.fsync(ctx, to, Disk::Entry, index);
        let back = self.settings.wire(ctx, to, leader, Leg::Ack, index);
        let Some(reign) = &mut self.members[leader].reign else { return };
        let stream = &mut reign.streams[to];
        let before = stream.acks.last().map_or(Time::ZERO, |ack| ack.at);
        let arrives = (sent + there).max(stream.tail);
        stream.tail = arrives;
        let log = &mut self.members[to].log;
        let durable = (arrives + fsync).max(log.durable_tail());
        log.append(term, arrives, durable);
        log.prune(ctx.now);
        let at = (durable + back).max(before);
        if let Some(reign) = &mut self.members[leader].reign {
            reign.streams[to].prune(ctx.now);
            reign.streams[to].acks.push(Ack { index, durable, at });
        }
        if self.eager {
            let (from, to) = (leader as u8, to as u8);
            self.push_at(arrives, EtcdEvent::Appended { from, to, term, index }, ctx);
        }
        self.acked_at(leader, to, term, index, at, ctx);
    }

    fn acked_at(&self, leader: usize, from: usize, term: Term, index: Index, at: Time, ctx: &mut Ctx<'_>) {
        if self.eager {
            self.push_at(at, EtcdEvent::Acked { from: from as u8, to: leader as u8, term, index }, ctx);
        }
    }

    /// The leader's own copy of an entry counts from when it is on its disk.
    pub(super) fn own_entry(&self, leader: usize, index: Index, durable: Time, ctx: &mut Ctx<'_>) {
        self.acked_at(leader, leader, self.members[leader].hard.term, index, durable, ctx);
    }

    /// Writes a proposal of member `origin` to the leader's log and sends it to all followers. Returns its place.
    pub(super) fn append(&mut self, leader: usize, origin: usize, ctx: &mut Ctx<'_>) -> (Index, Term) {
        let index = self.members[leader].log.last() + 1;
        let forward = self.settings.wire(ctx, origin, leader, Leg::Forward, index);
        let fsync = self.fsync(ctx, leader, Disk::Entry, index);
        let me = &mut self.members[leader];
        let term = me.hard.term;
        let mut arrives = ctx.now + forward;
        if let Some(reign) = &mut me.reign {
            arrives = arrives.max(reign.gate);
            reign.gate = arrives;
        }
        me.log.prune(ctx.now);
        let durable = (arrives + fsync).max(me.log.durable_tail());
        me.log.append(term, arrives, durable);
        self.own_entry(leader, index, durable, ctx);
        for to in 0..self.members.len() {
            let flows = |reign: &super::reign::Reign| reign.streams[to].flow == Flow::Flowing;
            if self.members[leader].reign.as_ref().is_some_and(flows) {
                self.send(leader, to, index, arrives, ctx);
            }
        }
        self.arm_commit(leader, ctx);
        (index, term)
    }

    /// When a leader will know that a majority holds this entry, as things stand. An entry of an older term is
    /// committed only together with one of the leader's own (Raft, section 5.4.2).
    pub(super) fn commit_time(&self, leader: usize, index: Index) -> Time {
        let Some(reign) = &self.members[leader].reign else { return Time::NEVER };
        let index = index.max(reign.first);
        let config = self.config(leader);
        let mut times = [Time::NEVER; super::MEMBERS_MAX as usize];
        let voters = reign.streams.iter().enumerate().filter(|(member, _)| config.votes(*member));
        for (time, (member, stream)) in times.iter_mut().zip(voters) {
            *time = match member == leader {
                true => self.members[leader].log.durable_from(index),
                false => stream.acked_from(index),
            };
        }
        let times = &mut times[..config.size()];
        times.sort_unstable();
        times[config.size() / 2].max(self.own_disk(leader, index))
    }

    /// When a leader's own disk lets it take note of this entry's commit. A raft loop that waits for its disk hands no
    /// commit on (etcd `server/etcdserver/raft.go`, `start`: `Save` stands between two `Ready`); with a disk that is not
    /// slow the majority's answers come later than that.
    fn own_disk(&self, leader: usize, index: Index) -> Time {
        let me = &self.members[leader];
        if me.stall == Span::ZERO { Time::ZERO } else { me.log.durable_from(index) }
    }

    /// Sets the alarm of a leader's next commit, unless it is set.
    pub(super) fn arm_commit(&mut self, leader: usize, ctx: &mut Ctx<'_>) {
        let me = &self.members[leader];
        let Some(reign) = &me.reign else { return };
        if self.eager || reign.commit_armed || me.commit >= me.log.last() {
            return;
        }
        let at = self.commit_time(leader, me.commit + 1);
        if at == Time::NEVER {
            return;
        }
        let event = EtcdEvent::Committed { member: leader as u8, alarm: reign.alarm };
        self.push_at(at, event, ctx);
        if let Some(reign) = &mut self.members[leader].reign {
            reign.commit_armed = true;
        }
    }

    /// The alarm of a commit.
    pub(super) fn commit_due(&mut self, leader: usize, alarm: u32, ctx: &mut Ctx<'_>) {
        let Some(reign) = &mut self.members[leader].reign else { return };
        if reign.alarm != alarm {
            return;
        }
        reign.commit_armed = false;
        let mut matched = [0; super::MEMBERS_MAX as usize];
        for (slot, stream) in matched.iter_mut().zip(&reign.streams) {
            *slot = stream.matched_at(ctx.now);
        }
        matched[leader] = self.members[leader].log.durable(ctx.now);
        self.commit_matched(leader, matched, ctx);
        self.arm_commit(leader, ctx);
    }

    /// Commits what a majority holds, by the index up to which each member has acknowledged.
    pub(super) fn commit_matched(
        &mut self,
        leader: usize,
        matched: [Index; super::MEMBERS_MAX as usize],
        ctx: &mut Ctx<'_>,
    ) {
        let config = self.config(leader);
        let me = &self.members[leader];
        let noted = if me.stall == Span::ZERO { Index::MAX } else { me.log.durable(ctx.now) };
        let upto = agreed(config, matched).min(noted);
        let Some(reign) = &me.reign else { return };
        if upto <= me.commit || upto < reign.first {
            return;
        }
        self.history.electorate = config.voters;
        self.history.commit(leader, &me.log, upto, me.hard.term, ctx.now);
        let change = self.change_committed(leader, upto);
        self.learn_commit(leader, upto, ctx);
        for to in 0..self.members.len() {
            let flows = |reign: &super::reign::Reign| reign.streams[to].flow == Flow::Flowing;
            if self.members[leader].reign.as_ref().is_some_and(flows) {
                self.learn_commit(to, upto, ctx);
            }
        }
        self.store(leader, upto, ctx);
        if let Some(change) = change {
            self.changed(change, ctx);
            // Another majority may hold more already.
            self.commit_matched(leader, matched, ctx);
            self.arm_leader(leader, ctx);
        }
    }

    fn learn_commit(&mut self, member: usize, upto: Index, ctx: &Ctx<'_>) {
        let me = &mut self.members[member];
        me.commit = me.commit.max(upto.min(me.log.arrived(ctx.now)));
    }
}

/// Up to where a majority of voters has acknowledged, by the index of each member.
fn agreed(config: Config, mut matched: [Index; super::MEMBERS_MAX as usize]) -> Index {
    let (all, mut size) = (matched, 0);
    for (_, index) in all.iter().enumerate().filter(|(member, _)| config.votes(*member)) {
        matched[size] = *index;
        size += 1;
    }
    let voting = &mut matched[..size];
    voting.sort_unstable_by(|a, b| b.cmp(a));
    voting.get(size / 2).copied().unwrap_or(0)
}
