//! ReplicaSet controller: as many active pods as asked for, no more writes than expected answers.
//!
//! Source: `pkg/controller/replicaset/replica_set.go` `manageReplicas`, `slowStartBatch`; expectations:
//! `pkg/controller/controller_utils.go`.

use super::Key;
use super::cache::{Cache, Mark};
use super::desk::Desk;
use super::victims;
use super::workqueue::{Settled, Workqueue};
use crate::base::Id;
use crate::world::effects::Ctx;
use crate::world::ids::{PodId, SetId};
use crate::world::spec::WorkloadKind;
use crate::world::store::Change;

/// Most pods that one sync creates or deletes. Source: `replica_set.go` `BurstReplicas`.
const BURST: u32 = 500;
/// The first batch of creations; each that succeeds doubles the next.
/// Source: `controller_utils.go` `SlowStartInitialBatchSize`.
const FIRST_BATCH: u32 = 1;

/// What the controller waits for in one ReplicaSet.
#[derive(Clone, Debug, Default)]
struct Work {
    /// Creations not yet heard of.
    creations: u32,
    /// Deletions not yet heard of.
    deletions: Vec<PodId>,
    /// Creations of this sync not yet sent, and the next batch's size.
    to_create: u32,
    batch: u32,
}

/// The controller.
#[derive(Clone, Debug, Default)]
pub(super) struct ReplicaSets {
    sets: Vec<Work>,
}

impl ReplicaSets {
    fn work(&mut self, set: SetId) -> &mut Work {
        if self.sets.len() <= set.index() {
            self.sets.resize(set.index() + 1, Work::default());
        }
        &mut self.sets[set.index()]
    }

    /// A pod of the set was heard of: expectations come true, and the set is queued if its count is off.
    pub(super) fn pod_changed(
        &mut self,
        set: SetId,
        pod: PodId,
        (old, new): (Mark, Mark),
        cache: &Cache,
        (queue, desk): (&mut Workqueue, &Desk<'_>),
        ctx: &mut Ctx<'_>,
    ) {
        let work = self.work(set);
        if !old.known {
            work.creations = work.creations.saturating_sub(1);
        }
        if !new.active {
            work.deletions.retain(|other| *other != pod);
        }
        self.check(set, cache, queue, desk, ctx);
    }

    /// Queues the set if its count is off and nothing is expected any more.
    pub(super) fn check(
        &mut self,
        set: SetId,
        cache: &Cache,
        queue: &mut Workqueue,
        desk: &Desk<'_>,
        ctx: &mut Ctx<'_>,
    ) {
        let Some(asked) = ctx.store.sets().at(set, desk.cursor) else { return };
        if ctx.spec.apps[asked.app].kind != WorkloadKind::Deployment {
            return;
        }
        let off = asked.replicas != cache.set(set).active;
        let work = self.work(set);
        if off && work.creations == 0 && work.deletions.is_empty() {
            queue.add(Key::Set(set), desk, ctx);
        }
    }

    /// Creates or deletes towards what is asked for.
    pub(super) fn reconcile(
        &mut self,
        set: SetId,
        cache: &Cache,
        queue: &mut Workqueue,
        desk: &Desk<'_>,
        ctx: &mut Ctx<'_>,
    ) {
        let Some(asked) = ctx.store.sets().at(set, desk.cursor) else { return };
        let (replicas, active) = (asked.replicas, cache.set(set).active);
        let work = self.work(set);
        if work.creations > 0 || !work.deletions.is_empty() {
            return;
        }
        if active < replicas {
            let missing = (replicas - active).min(BURST);
            (work.creations, work.to_create, work.batch) = (missing, missing, FIRST_BATCH);
            work.create_batch(set, queue, desk, ctx);
        } else if active > replicas {
            let surplus = (active - replicas).min(BURST);
            work.deletions = victims::choose(set, surplus as usize, desk, ctx);
            for pod in work.deletions.clone() {
                queue.sent(Key::Set(set));
                desk.write(Key::Set(set), Change::DeletePod { pod, grace: None }, ctx);
            }
        }
    }

    /// All writes of a sync, or of one batch of it, are answered. A failed creation is expected no longer, and the
    /// batches after it are not sent.
    pub(super) fn settled(
        &mut self,
        set: SetId,
        settled: Settled,
        queue: &mut Workqueue,
        desk: &Desk<'_>,
        ctx: &mut Ctx<'_>,
    ) -> bool {
        let work = self.work(set);
        if settled.failed {
            work.creations = work.creations.saturating_sub(work.to_create);
            work.to_create = 0;
            return true;
        }
        if work.to_create == 0 {
            return true;
        }
        work.create_batch(set, queue, desk, ctx);
        false
    }

    /// One write of the set failed: a creation is expected no longer; deletions are chosen anew, and the choice falls on
    /// the same pods as long as they are there.
    pub(super) fn failed(&mut self, set: SetId) {
        let work = self.work(set);
        if work.deletions.is_empty() {
            work.creations = work.creations.saturating_sub(1);
        } else {
            work.deletions.clear();
        }
    }
}

impl Work {
    fn create_batch(&mut self, set: SetId, queue: &mut Workqueue, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let batch = self.batch.min(self.to_create);
        self.to_create -= batch;
        self.batch *= 2;
        for _ in 0..batch {
            queue.sent(Key::Set(set));
            desk.write(Key::Set(set), Change::CreatePod { set }, ctx);
        }
    }
}
