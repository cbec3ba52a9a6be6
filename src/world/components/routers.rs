//! Ingress controllers: each pod of an app with a router follows the EndpointSlices by a watch of its own, at its own
//! pace, and sends requests to pod addresses itself, past all kube-proxies.
//!
//! Source: ingress-nginx `internal/ingress/controller/controller.go` (sync queue, `--sync-rate-limit`),
//! `rootfs/etc/nginx/lua/balancer.lua` (backends taken over once a second); Envoy's EDS for the other kind.

use std::collections::BTreeMap;

use crate::base::Name;
use crate::world::bucket::Bucket;
use crate::world::effects::{Ctx, Notice};
use crate::world::event::Event;
use crate::world::ids::{AppId, ClientId, PodId};
use crate::world::purpose::Purpose;
use crate::world::store::Revision;

/// Inside an ingress controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouterEvent {
    /// Its rate limit lets the next sync pass.
    Syncs {
        /// Whose.
        pod: PodId,
        /// Of which life.
        generation: u32,
    },
    /// Its data plane follows what was heard when the sync began.
    Synced {
        /// Whose.
        pod: PodId,
        /// Of which life.
        generation: u32,
    },
}

#[derive(Clone, Debug)]
struct Router {
    name: Name,
    app: AppId,
    client: ClientId,
    running: bool,
    /// A sync is under way or waits for its turn.
    busy: bool,
    generation: u32,
    syncs: u32,
    gate: Bucket,
    /// What its data plane follows; 0: nothing yet.
    follows: Revision,
    /// What the sync under way was given.
    given: Revision,
}

/// All ingress controllers.
#[derive(Clone, Debug, Default)]
pub struct Routers {
    pods: BTreeMap<PodId, Router>,
}

impl Routers {
    /// The API client of a pod's router, if it ever had one.
    pub fn client(&self, pod: PodId) -> Option<ClientId> {
        self.pods.get(&pod).map(|router| router.client)
    }

    /// Adds a pod's router, which does not run yet.
    pub fn add(&mut self, pod: PodId, name: Name, app: AppId, client: ClientId) {
        let router = Router {
            name,
            app,
            client,
            running: false,
            busy: false,
            generation: 0,
            syncs: 0,
            gate: Bucket::new(0, 0),
            follows: Revision(0),
            given: Revision(0),
        };
        self.pods.insert(pod, router);
    }

    /// The start of a run: it runs, and follows the slices as they are.
    pub fn begin(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(router) = self.pods.get_mut(&pod) else { return };
        router.running = true;
        router.gate = gate(router.app, ctx);
        router.follows = ctx.store.revision();
    }

    /// The process starts: it lists everything, and follows it after its first sync.
    pub fn starts(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(router) = self.pods.get_mut(&pod) else { return };
        router.running = true;
        router.busy = false;
        router.generation += 1;
        router.gate = gate(router.app, ctx);
        let before = std::mem::replace(&mut router.follows, Revision(0));
        if before != Revision(0) {
            ctx.notify(Notice::Routes(pod, before, Revision(0)));
        }
    }

    /// The process gets SIGTERM or is gone: what it sends requests by stays as it is.
    pub fn stops(&mut self, pod: PodId) {
        if let Some(router) = self.pods.get_mut(&pod) {
            router.running = false;
            router.busy = false;
            router.generation += 1;
        }
    }

    /// Its watch has delivered changes of slices or routes.
    pub fn heard(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        if self.pods.get(&pod).is_some_and(|router| router.running && !router.busy) {
            self.asks(pod, ctx);
        }
    }

    /// One of their own events.
    pub fn step(&mut self, event: RouterEvent, ctx: &mut Ctx<'_>) {
        match event {
            RouterEvent::Syncs { pod, generation } if self.is_current(pod, generation) => self.syncs(pod, ctx),
            RouterEvent::Synced { pod, generation } if self.is_current(pod, generation) => self.synced(pod, ctx),
            RouterEvent::Syncs { .. } | RouterEvent::Synced { .. } => {}
        }
    }

    fn is_current(&self, pod: PodId, generation: u32) -> bool {
        self.pods.get(&pod).is_some_and(|router| router.running && router.generation == generation)
    }

    fn asks(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(router) = self.pods.get_mut(&pod) else { return };
        router.busy = true;
        let (start, generation) = (router.gate.take(1, ctx.now), router.generation);
        match start <= ctx.now {
            true => self.syncs(pod, ctx),
            false => ctx.at(start, Event::Router(RouterEvent::Syncs { pod, generation })),
        }
    }

    fn syncs(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(router) = self.pods.get_mut(&pod) else { return };
        let Some(spec) = &ctx.spec.apps[router.app].router else { return };
        router.syncs += 1;
        let mut draw = ctx.draw(Purpose::RouterSync, router.name, u64::from(router.syncs));
        let (lasts, generation) = (spec.apply.sample(&mut draw), router.generation);
        router.given = ctx.cursor(router.client);
        ctx.after(lasts, Event::Router(RouterEvent::Synced { pod, generation }));
    }

    fn synced(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(router) = self.pods.get_mut(&pod) else { return };
        router.busy = false;
        let revision = router.given;
        let before = std::mem::replace(&mut router.follows, revision);
        let client = router.client;
        ctx.notify(Notice::Routes(pod, before, revision));
        if ctx.cursor(client) > revision {
            self.asks(pod, ctx);
        }
    }
}

fn gate(app: AppId, ctx: &Ctx<'_>) -> Bucket {
    ctx.spec.apps[app].router.as_ref().map_or(Bucket::new(0, 0), |spec| Bucket::every(spec.sync_gap, 1))
}
