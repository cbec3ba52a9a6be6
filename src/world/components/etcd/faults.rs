//! What befalls members short of a crash: a slow disk, a path to one other that is cut, data that are corrupt.

use super::Etcd;
use super::contact::End;
use crate::base::{Span, Version};
use crate::world::effects::Ctx;
use crate::world::fact::Fact;
use crate::world::ids::MasterId;

impl Etcd {
    /// Each write to the member's disk takes at least so long from now on; zero mends it.
    pub fn set_slow_disk(&mut self, member: MasterId, fsync: Span, ctx: &mut Ctx<'_>) {
        let Some(me) = self.members.get_mut(member.0 as usize) else { return };
        me.stall = fsync;
        self.settle(ctx);
        if self.members[member.0 as usize].leads() {
            self.arm_leader(member.0 as usize, ctx);
        }
        // None of the writes under way is sure to be in time any more.
        self.time_waiting(ctx);
        self.announce(ctx);
    }

    /// The member and the leader of now do not reach each other, while both reach the others; for a leader, the follower
    /// after it.
    pub fn cut_from_leader(&mut self, member: MasterId, ctx: &mut Ctx<'_>) {
        self.settle(ctx);
        let (me, all) = (member.0 as usize, self.members.len());
        let other = match self.shown.leader {
            Some((leader, _)) if usize::from(leader) != me => Some(usize::from(leader)),
            _ => (1..all).map(|step| (me + step) % all).find(|other| self.connected(me, *other)),
        };
        if let Some(other) = other.filter(|_| me < all) {
            self.close(other, me, End::Cut, ctx);
            self.close(me, other, End::Cut, ctx);
            self.cuts.push((me as u8, other as u8));
            self.time_waiting(ctx);
            self.look_around(ctx);
        }
        self.announce(ctx);
    }

    /// Every cut path of the member is whole again.
    pub fn mend_paths(&mut self, member: MasterId, ctx: &mut Ctx<'_>) {
        self.settle(ctx);
        let me = member.0 as usize;
        self.cuts.retain(|(one, _)| usize::from(*one) != me);
        if me < self.members.len() {
            self.open_all(me, ctx);
            self.look_around(ctx);
        }
        self.announce(ctx);
    }

    /// Whether packets pass between two members' machines.
    pub(super) fn linked_to(&self, a: usize, b: usize) -> bool {
        let cut = |&(one, other): &(u8, u8)| {
            let pair = (usize::from(one), usize::from(other));
            pair == (a, b) || pair == (b, a)
        };
        self.members[a].linked && self.members[b].linked && !self.cuts.iter().any(cut)
    }

    /// The data on the member's disk are corrupt: it runs on, and will not start with them again.
    pub fn corrupt(&mut self, member: MasterId) {
        if let Some(me) = self.members.get_mut(member.0 as usize) {
            me.corrupt = true;
        }
    }

    /// Its data are brought back from the others; it starts, if it was to run.
    pub fn mend_data(&mut self, member: MasterId, ctx: &mut Ctx<'_>) {
        let Some(me) = self.members.get_mut(member.0 as usize) else { return };
        me.corrupt = false;
        if let Some(version) = me.kept_down.take() {
            self.start(member, version, ctx);
        }
    }

    /// Whether the member ends at once, finding its data corrupt.
    pub(super) fn finds_corrupt(&mut self, member: usize, version: Version, ctx: &mut Ctx<'_>) -> bool {
        if !self.members[member].corrupt {
            return false;
        }
        self.members[member].kept_down = Some(version);
        ctx.note(Fact::MemberCorrupt { member: MasterId(member as u32) });
        true
    }

    /// Nobody wants the member to run any more.
    pub(super) fn let_go(&mut self, member: MasterId) {
        if let Some(me) = self.members.get_mut(member.0 as usize) {
            me.kept_down = None;
        }
    }
}
