//! Deployment controller: a ReplicaSet for each template, and rolling updates between them.
//!
//! Source: `pkg/controller/deployment/deployment_controller.go`, `sync.go`, `rolling.go`, `recreate.go`.

use super::Key;
use super::cache::{Cache, has_ended};
use super::desk::Desk;
use super::rolling::{self, Part, Step};
use super::workqueue::Workqueue;
use crate::base::{Id, Time};
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::ids::{AppId, PodId, SetId};
use crate::world::spec::RolloutKind;
use crate::world::store::Change;

/// The controller.
#[derive(Clone, Debug, Default)]
pub(super) struct Deployments {
    /// By app: the replica count that its sets were last scaled for (annotation `desired-replicas`).
    scaled_for: Vec<Option<u32>>,
}

/// An app's sets as heard: each with its template and `spec.replicas`, oldest first.
struct Sets {
    replicas: u32,
    template: u32,
    sets: Vec<(SetId, u32, u32)>,
}

impl Sets {
    fn heard(app: AppId, desk: &Desk<'_>, ctx: &Ctx<'_>) -> Option<Sets> {
        let deployment = ctx.store.deployments().at(app, desk.cursor)?;
        let read = |set: &SetId| {
            let object = ctx.store.sets().at(*set, desk.cursor)?;
            Some((*set, object.template, object.replicas))
        };
        let sets = deployment.sets.iter().filter_map(read).collect();
        Some(Sets { replicas: deployment.replicas, template: deployment.template, sets })
    }
}

/// Whether the Deployment is not where it should be: a pod's change matters to it only then.
pub(super) fn is_rolling(app: AppId, desk: &Desk<'_>, ctx: &Ctx<'_>) -> bool {
    if ctx.spec.apps[app].delivered {
        return false;
    }
    let Some(deployment) = ctx.store.deployments().at(app, desk.cursor) else { return false };
    let replicas_of = |set: &SetId| {
        let object = ctx.store.sets().at(*set, desk.cursor)?;
        Some((object.template == deployment.template, object.replicas))
    };
    let mut complete = false;
    for (new, replicas) in deployment.sets.iter().filter_map(replicas_of) {
        if new {
            complete = replicas == deployment.replicas;
        } else if replicas > 0 {
            return true;
        }
    }
    !complete
}

impl Deployments {
    /// One sync of a Deployment.
    pub(super) fn reconcile(
        &mut self,
        app: AppId,
        cache: &Cache,
        queue: &mut Workqueue,
        desk: &Desk<'_>,
        ctx: &mut Ctx<'_>,
    ) {
        let key = Key::Deployment(app);
        if ctx.spec.apps[app].delivered {
            return;
        }
        let Some(heard) = Sets::heard(app, desk, ctx) else { return };
        if ctx.spec.apps[app].rollout.kind == RolloutKind::Recreate && recreates(app, &heard, queue, desk, ctx) {
            return;
        }
        if !heard.sets.iter().any(|(_, template, _)| *template == heard.template) {
            queue.sent(key);
            return desk.write(key, Change::CreateSet { app, template: heard.template }, ctx);
        }
        let fenceposts = rolling::fenceposts(&ctx.spec.apps[app].rollout, heard.replicas);
        if let Some(targets) = self.rescaled(app, &heard, fenceposts.0) {
            return scale(key, &heard.sets, &targets, queue, desk, ctx);
        }
        let mut old = Vec::new();
        let mut new = None;
        for (set, template, spec) in &heard.sets {
            let part = Part { spec: *spec, available: self.available(app, *set, cache, desk, ctx) };
            if *template == heard.template {
                new = Some((*set, part));
            } else {
                old.push((*set, part));
            }
        }
        let Some((new_set, new)) = new else { return };
        let parts: Vec<Part> = old.iter().map(|(_, part)| *part).collect();
        match rolling::step(heard.replicas, fenceposts, new, &parts) {
            Step::New(replicas) => {
                queue.sent(key);
                desk.write(key, Change::ScaleSet { set: new_set, replicas }, ctx);
            }
            Step::Old(targets) => {
                let sets: Vec<_> = old.iter().map(|(set, part)| (*set, 0, part.spec)).collect();
                scale(key, &sets, &targets, queue, desk, ctx);
            }
            Step::Wait => {}
        }
    }

    /// After a change of `spec.replicas`: what each set is scaled to, in proportion if several are active.
    fn rescaled(&mut self, app: AppId, heard: &Sets, surge: u32) -> Option<Vec<u32>> {
        if self.scaled_for.len() <= app.index() {
            self.scaled_for.resize(app.index() + 1, None);
        }
        let was = self.scaled_for[app.index()].replace(heard.replicas)?;
        let specs: Vec<u32> = heard.sets.iter().map(|(_, _, replicas)| *replicas).collect();
        let active = specs.iter().filter(|replicas| **replicas > 0).count();
        if was == heard.replicas || active < 2 {
            return None;
        }
        Some(rolling::proportional(&specs, was + surge, heard.replicas + surge))
    }

    /// Pods of the set that are Ready for at least `minReadySeconds`. A sync follows when the next one becomes so.
    fn available(&self, app: AppId, set: SetId, cache: &Cache, desk: &Desk<'_>, ctx: &mut Ctx<'_>) -> u32 {
        let wait = ctx.spec.apps[app].rollout.min_ready;
        if wait.is_zero() {
            return cache.set(set).ready;
        }
        let mut available = 0;
        let mut next = Time::NEVER;
        for pod in ctx.store.pods_of(app) {
            let Some(object) = desk.pod(*pod, ctx).filter(|object| object.set == set && object.is_healthy()) else {
                continue;
            };
            let at = object.ready_since + wait;
            if at <= ctx.now {
                available += 1;
            } else {
                next = next.min(at);
            }
        }
        if next != Time::NEVER {
            let recheck = super::ControllersEvent::RolloutRecheck { master: desk.master, app };
            ctx.at(next, Event::Controllers(recheck));
        }
        available
    }
}

/// Recreate: old sets go to 0, and while one of their pods is left, terminating ones too, nothing else is done; whether
/// that is so. Source: `recreate.go` `rolloutRecreate`, `oldPodsRunning`.
fn recreates(app: AppId, heard: &Sets, queue: &mut Workqueue, desk: &Desk<'_>, ctx: &mut Ctx<'_>) -> bool {
    let old: Vec<_> = heard.sets.iter().filter(|(_, template, _)| *template != heard.template).copied().collect();
    if old.iter().any(|(_, _, replicas)| *replicas > 0) {
        scale(Key::Deployment(app), &old, &vec![0; old.len()], queue, desk, ctx);
        return true;
    }
    let is_old = |set: SetId| old.iter().any(|(other, ..)| *other == set);
    let runs = |pod: &PodId| desk.pod(*pod, ctx).is_some_and(|pod| is_old(pod.set) && !has_ended(pod.phase));
    ctx.store.pods_of(app).iter().any(runs)
}

fn scale(
    key: Key,
    sets: &[(SetId, u32, u32)],
    targets: &[u32],
    queue: &mut Workqueue,
    desk: &Desk<'_>,
    ctx: &mut Ctx<'_>,
) {
    for ((set, _, spec), target) in sets.iter().zip(targets) {
        if spec != target {
            queue.sent(key);
            desk.write(key, Change::ScaleSet { set: *set, replicas: *target }, ctx);
        }
    }
}
