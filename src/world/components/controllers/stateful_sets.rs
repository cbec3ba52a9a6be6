//! StatefulSet controller: identities in order, each at most once.
//!
//! Source: `pkg/controller/statefulset/stateful_set_control.go` `updateStatefulSet`, `newVersionedStatefulSetPod`. One
//! sync goes over the identities from 0 and stops at the first that is not as it should be, unless pods are managed in
//! parallel; only past that it rolls a new template out, from the highest identity down to `partition`, one at a time.
//! So a pod that never gets Ready blocks everything behind it, the way back to the old template too. A pod on a lost
//! node is terminating for as long as its object is there, and nothing replaces it (at most one).

use super::cache::has_ended;
use super::desk::Desk;
use super::workqueue::Workqueue;
use super::{ControllersEvent, Key};
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::ids::{AppId, PodId, SetId};
use crate::world::spec::{RolloutKind, WorkloadKind};
use crate::world::store::{Change, Phase, PodObject};

/// What an app's identities hold, as heard.
struct Identities {
    pods: Vec<Option<(PodId, PodObject)>>,
    /// Beyond `spec.replicas`, the highest first.
    condemned: Vec<(u32, PodId, PodObject)>,
}

impl Identities {
    fn heard(app: AppId, replicas: u32, desk: &Desk<'_>, ctx: &Ctx<'_>) -> Identities {
        let store = ctx.store;
        let mut identities = Identities { pods: vec![None; replicas as usize], condemned: Vec::new() };
        for pod in store.pods_of(app) {
            let object = store.pods().at(*pod, desk.cursor).filter(|object| !object.gone);
            let (Some(object), Some(ordinal)) = (object, store.index_of(*pod)) else { continue };
            match identities.pods.get_mut(ordinal as usize) {
                Some(place) => *place = Some((*pod, object)),
                None => identities.condemned.push((ordinal, *pod, object)),
            }
        }
        identities.condemned.sort_unstable_by_key(|(ordinal, ..)| std::cmp::Reverse(*ordinal));
        identities
    }
}

/// One sync of a StatefulSet.
pub(super) fn reconcile(app: AppId, queue: &mut Workqueue, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
    let store = ctx.store;
    let Some(heard) = store.deployments().at(app, desk.cursor) else { return };
    let of_template = |set: &&SetId| store.sets().now(**set).template == heard.template;
    let Some(newest) = heard.sets.iter().find(of_template).copied() else {
        queue.sent(Key::Deployment(app));
        let change = Change::CreateSet { app, template: heard.template };
        return desk.write(Key::Deployment(app), change, ctx);
    };
    let identities = Identities::heard(app, heard.replicas, desk, ctx);
    let mut sync = Sync { app, newest, oldest: heard.sets[0], queue, desk, ctx };
    if sync.creates_and_waits(&identities) || sync.condemns(&identities) {
        return;
    }
    sync.rolls(&identities);
}

struct Sync<'s, 'd, 'c> {
    app: AppId,
    /// The wanted template's revision.
    newest: SetId,
    /// That of the identities below the partition: a rollout with one never completes.
    oldest: SetId,
    queue: &'s mut Workqueue,
    desk: &'s Desk<'d>,
    ctx: &'s mut Ctx<'c>,
}

impl Sync<'_, '_, '_> {
    fn write(&mut self, change: Change) {
        self.queue.sent(Key::Deployment(self.app));
        self.desk.write(Key::Deployment(self.app), change, self.ctx);
    }
    fn delete(&mut self, pod: PodId) {
        self.write(Change::DeletePod { pod, grace: None });
    }
    fn in_parallel(&self) -> bool {
        matches!(self.ctx.spec.apps[self.app].kind, WorkloadKind::StatefulSet { parallel: true })
    }
    /// Below the partition an identity keeps the old template, also when its pod is made anew.
    fn revision(&self, ordinal: u32) -> SetId {
        let rollout = &self.ctx.spec.apps[self.app].rollout;
        let held = rollout.kind == RolloutKind::RollingUpdate && ordinal < rollout.partition;
        if held { self.oldest } else { self.newest }
    }

    /// Goes over the identities in order; whether the sync ends here.
    fn creates_and_waits(&mut self, identities: &Identities) -> bool {
        let ordered = !self.in_parallel();
        for (ordinal, place) in identities.pods.iter().enumerate() {
            let ordinal = ordinal as u32;
            let waits = match place {
                None => {
                    self.write(Change::CreatePodAt { set: self.revision(ordinal), index: ordinal });
                    true
                }
                Some((pod, object)) if has_ended(object.phase) => {
                    self.delete(*pod);
                    return true;
                }
                Some((_, object)) => !self.is_available(object),
            };
            if waits && ordered {
                return true;
            }
        }
        false
    }

    fn condemns(&mut self, identities: &Identities) -> bool {
        let ordered = !self.in_parallel();
        for (_, pod, object) in &identities.condemned {
            if object.deleting.is_none() {
                self.delete(*pod);
            }
            if ordered {
                return true;
            }
        }
        false
    }

    /// The highest identity of an old template goes, once all above it are healthy.
    fn rolls(&mut self, identities: &Identities) {
        let rollout = &self.ctx.spec.apps[self.app].rollout;
        if rollout.kind == RolloutKind::OnDelete {
            return;
        }
        let from = (rollout.partition as usize).min(identities.pods.len());
        for place in identities.pods[from..].iter().rev() {
            let Some((pod, object)) = place else { return };
            if object.set != self.newest && object.deleting.is_none() {
                return self.delete(*pod);
            }
            if !is_healthy(object) {
                return;
            }
        }
    }

    /// Healthy for `minReadySeconds`. A sync follows when it becomes so.
    fn is_available(&mut self, object: &PodObject) -> bool {
        let at = object.ready_since + self.ctx.spec.apps[self.app].rollout.min_ready;
        if !is_healthy(object) {
            return false;
        }
        if at > self.ctx.now {
            let recheck = ControllersEvent::RolloutRecheck { master: self.desk.master, app: self.app };
            self.ctx.at(at, Event::Controllers(recheck));
        }
        at <= self.ctx.now
    }
}

fn is_healthy(object: &PodObject) -> bool {
    object.phase == Phase::Running && object.is_healthy()
}
