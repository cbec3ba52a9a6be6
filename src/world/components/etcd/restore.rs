//! The data of all members is lost, or replaced by that of a snapshot: a new group with the old members' places.
//!
//! A restored member has a new id in a cluster of a new id, and a log of one entry. Source: etcd
//! `etcdutl/snapshot/v3_snapshot.go`, `Restore`. Terms go on from where they were, so that a term still names one
//! leader of a run; real ones begin at 1 again.

use super::Etcd;
use super::invariants::History;
use super::log::Log;
use super::member::{Hard, Member};
use super::membership::{ClusterVersion, Config};
use crate::world::effects::Ctx;

impl Etcd {
    /// Every member stops, and has nothing on its disk any more: none starts until all are restored.
    pub fn lose(&mut self, ctx: &mut Ctx<'_>) {
        self.settle(ctx);
        (0..self.members.len()).for_each(|member| self.kill(member, ctx));
        self.lost = true;
        self.announce(ctx);
    }

    /// Every member gets the data of a snapshot, in a group of its own. Nobody runs yet.
    pub fn restore(&mut self, ctx: &mut Ctx<'_>) {
        self.settle(ctx);
        (0..self.members.len()).for_each(|member| self.kill(member, ctx));
        let Config { voters, learners } = self.newest();
        let config = Config { voters: voters | learners, learners: 0 };
        let term = self.members.iter().map(|member| member.hard.term).max().unwrap_or(1);
        let hard = Hard { term, vote: None };
        for (index, member) in self.members.iter_mut().enumerate() {
            let old = std::mem::replace(member, Member::absent(ctx.now));
            let mut log = Log::default();
            log.append(term, ctx.now, ctx.now);
            let removed = !config.has(index);
            let (alarm, starts) = (old.alarm + 1, old.starts);
            let same =
                Member { linked: old.linked, watched: old.watched, version: old.version, ..Member::absent(ctx.now) };
            let fresh = Member { published: true, disk: vec![(hard, ctx.now)], log, commit: 1, hard, ..same };
            *member = Member { removed, alarm, starts, since: ctx.now, phase: old.phase, ..fresh };
        }
        let oldest = self.members.iter().filter(|member| !member.removed).map(|member| member.version).min();
        self.cluster_version = ClusterVersion::of(oldest.unwrap_or_default());
        self.configs = vec![(0, config)];
        self.history = History::restored(term, config.voters, ctx.now);
        (self.changing, self.alone, self.lost) = (None, 0, false);
        self.waiting.clear();
        self.announce(ctx);
    }
}
