//! EndpointSlice controller: tells the slices what has changed of an app's pods, in one write.
//!
//! Source: `pkg/controller/endpointslice/endpointslice_controller.go`, `reconciler.go`. One worker holds a Service
//! until its write is answered; what is heard meanwhile goes into the next.

use super::Key;
use super::cache;
use super::desk::Desk;
use super::workqueue::{Settled, Workqueue};
use crate::base::{IdVec, Pages};
use crate::world::effects::Ctx;
use crate::world::ids::{AppId, PodId};
use crate::world::store::{Change, Endpoint, PodObject};

/// One Service.
#[derive(Clone, Debug, Default)]
struct Slices {
    /// Pods whose endpoint may have to change.
    changed: Vec<PodId>,
    /// Pods of the write that is under way.
    under_way: Vec<PodId>,
}

/// What a pod's endpoint should be: nothing unless the Service selects it.
fn wanted_endpoint(pod: &PodObject, desk: &Desk<'_>, ctx: &Ctx<'_>) -> Endpoint {
    let selected = ctx.store.routes().at(pod.app, desk.cursor).and_then(|route| route.selected);
    if selected.is_some_and(|set| set != pod.set) { Endpoint::Absent } else { cache::wanted_endpoint(pod) }
}

/// The controller.
#[derive(Clone, Debug)]
pub(super) struct Endpoints {
    apps: IdVec<AppId, Slices>,
    /// What was last written of each pod.
    written: Pages<PodId, Endpoint>,
}

impl Endpoints {
    /// Nothing written yet.
    pub(super) fn new(apps: usize) -> Endpoints {
        Endpoints { apps: (0..apps).map(|_| Slices::default()).collect(), written: Pages::new() }
    }

    /// What the slices say already, as a new leader lists them.
    pub(super) fn listed(&mut self, pod: PodId, endpoint: Endpoint) {
        *self.written(pod) = endpoint;
    }

    /// A Service's selector may have changed: all its pods are looked at.
    pub(super) fn service_changed(&mut self, app: AppId, queue: &mut Workqueue, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        if ctx.spec.apps[app].delivered {
            for pod in ctx.store.pods_of(app).to_vec() {
                self.pod_changed(pod, queue, desk, ctx);
            }
        }
    }

    /// A pod's endpoint may have to change.
    pub(super) fn pod_changed(&mut self, pod: PodId, queue: &mut Workqueue, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let Some(object) = ctx.store.pods().at(pod, desk.cursor) else { return };
        let (app, endpoint) = (object.app, wanted_endpoint(&object, desk, ctx));
        self.wanted(app, pod, endpoint, queue, desk, ctx);
    }

    /// A pod's endpoint should be this.
    fn wanted(
        &mut self,
        app: AppId,
        pod: PodId,
        endpoint: Endpoint,
        queue: &mut Workqueue,
        desk: &Desk<'_>,
        ctx: &mut Ctx<'_>,
    ) {
        let stale = *self.written(pod) != endpoint;
        let slices = &mut self.apps[app];
        if stale || slices.under_way.contains(&pod) {
            slices.changed.push(pod);
            queue.add(Key::Endpoints(app), desk, ctx);
        }
    }

    /// One sync of a Service.
    pub(super) fn reconcile(&mut self, app: AppId, queue: &mut Workqueue, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let mut changed = std::mem::take(&mut self.apps[app].changed);
        changed.sort_unstable();
        changed.dedup();
        let mut pods = Vec::new();
        for pod in changed {
            let object = ctx.store.pods().at(pod, desk.cursor);
            let wanted = object.map_or(Endpoint::Absent, |object| wanted_endpoint(&object, desk, ctx));
            let written = self.written(pod);
            if *written != wanted {
                *written = wanted;
                pods.push((pod, wanted));
            }
        }
        if pods.is_empty() {
            return;
        }
        self.apps[app].under_way = pods.iter().map(|(pod, _)| *pod).collect();
        queue.sent(Key::Endpoints(app));
        desk.write(Key::Endpoints(app), Change::Endpoints { app, pods }, ctx);
    }

    /// The write was answered. After a failure nobody knows what the slices say: all its pods are compared with the
    /// slices as heard, and written again.
    pub(super) fn settled(&mut self, app: AppId, settled: &mut Settled, desk: &Desk<'_>, ctx: &Ctx<'_>) {
        let under_way = std::mem::take(&mut self.apps[app].under_way);
        if settled.failed {
            for pod in under_way {
                *self.written(pod) = ctx.store.pods().endpoint_at(pod, desk.cursor);
                self.apps[app].changed.push(pod);
            }
        }
        settled.dirty |= !self.apps[app].changed.is_empty();
    }

    fn written(&mut self, pod: PodId) -> &mut Endpoint {
        self.written.entry(pod, Endpoint::Absent)
    }
}
