//! Attach-detach controller: volumes follow their pods, one node at a time.
//!
//! Source: `pkg/controller/volume/attachdetach/reconciler/reconciler.go`. A volume is wanted where a pod that needs it is
//! bound, terminating ones too; ReadWriteOnce, so that another node gets it only once it is detached (Multi-Attach
//! error). It is detached when no pod there wants it and the node no longer says that it is mounted; after
//! `maxWaitForUnmountDuration` it is taken by force. A node whose object is gone has said so for the last time: what was
//! mounted there waits. The pod of a lost node wants its volume as long as its object is there. Not modelled: the taint
//! `out-of-service`, limits of volumes on a node.

use super::ControllersEvent;
use super::cache::has_ended;
use super::desk::{Desk, Errand};
use crate::base::{Id, Name, Span, Time};
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::ids::{NodeId, VolumeId};
use crate::world::purpose::Purpose;
use crate::world::store::{Change, PodObject};

/// A volume still mounted is detached after this long. Source: `attach_detach_controller.go` ReconcilerMaxWaitForUnmountDuration.
const MAX_WAIT_FOR_UNMOUNT: Span = Span::mins(6);
/// Period of the reconciler, and of a new try. Source: the same file, ReconcilerLoopPeriod.
const LOOP: Span = Span::millis(100);

/// First pause after a detachment that failed, doubled each time, and the longest.
/// Source: `pkg/util/goroutinemap/exponentialbackoff/exponential_backoff.go`.
const RETRY: (Span, Span) = (Span::millis(500), Span::secs(122));

/// The first try, of those that follow a failure at `since`, that is not before `now`.
fn next_try(since: Time, now: Time) -> Time {
    let (mut at, mut pause) = (since, RETRY.0);
    while at < now {
        at += pause;
        pause = (pause * 2).min(RETRY.1);
    }
    at
}

/// What is under way for a volume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Work {
    #[default]
    None,
    /// The cloud attaches it to this node until then.
    Attaching(NodeId, Time),
    /// The cloud detaches it until then.
    Detaching(Time),
    /// The cloud does not detach it; since then.
    Hanging(Time),
    /// Its node does not say that it is unmounted; until then.
    Waiting(Time),
}

/// The controller.
#[derive(Clone, Debug, Default)]
pub(super) struct Volumes {
    work: Vec<Work>,
    /// Operations so far, by volume: each draws anew.
    operations: Vec<u64>,
}

impl Volumes {
    /// Something was heard of a volume or of a pod that needs it.
    pub(super) fn check(&mut self, volume: VolumeId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        if self.work.len() <= volume.index() {
            self.work.resize(volume.index() + 1, Work::None);
            self.operations.resize(volume.index() + 1, 0);
        }
        let object = *ctx.store.volume(volume);
        let work = self.work[volume.index()];
        let users = users(volume, desk, ctx);
        match (object.attached, work) {
            (_, Work::Attaching(..) | Work::Detaching(_) | Work::Hanging(_)) => {}
            (Some(node), _) if users.iter().any(|(on, _)| *on == node) => self.work[volume.index()] = Work::None,
            (Some(_), Work::Waiting(until)) if object.mounted && until > ctx.now => {}
            (Some(_), Work::None) if object.mounted => {
                self.begin(volume, Work::Waiting(ctx.now + MAX_WAIT_FOR_UNMOUNT), desk, ctx);
            }
            (Some(_), _) => {
                let at = ctx.now + LOOP + self.lasting(volume, false, ctx);
                self.begin(volume, Work::Detaching(at), desk, ctx);
            }
            (None, _) => {
                self.work[volume.index()] = Work::None;
                // One that is being deleted needs nothing any more (`DetermineVolumeAction`).
                if let Some((node, _)) = users.iter().find(|(_, live)| *live) {
                    let at = ctx.now + LOOP + self.lasting(volume, true, ctx);
                    self.begin(volume, Work::Attaching(*node, at), desk, ctx);
                }
            }
        }
    }

    /// What was under way is over.
    pub(super) fn over(&mut self, volume: VolumeId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let Some(work) = self.work.get(volume.index()).copied() else { return };
        let change = match work {
            Work::Attaching(node, at) if at == ctx.now => Change::AttachVolume { volume, node },
            Work::Detaching(at) if at == ctx.now => {
                let node = ctx.store.volume(volume).attached;
                if node.is_some_and(|node| desk.machines[node].holds_volumes) {
                    self.work[volume.index()] = Work::Hanging(at);
                    return;
                }
                Change::DetachVolume { volume }
            }
            Work::Waiting(at) if at == ctx.now => return self.check(volume, desk, ctx),
            Work::None | Work::Attaching(..) | Work::Detaching(_) | Work::Waiting(_) | Work::Hanging(_) => return,
        };
        self.work[volume.index()] = Work::None;
        desk.run(Errand::Volume, NodeId(volume.0), change, ctx);
    }

    /// The cloud detaches a machine's volumes again: each at the next try.
    pub(super) fn let_go(&mut self, node: NodeId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        for index in 0..self.work.len() {
            let volume = VolumeId::from_index(index);
            let Work::Hanging(since) = self.work[index] else { continue };
            if ctx.store.volume(volume).attached == Some(node) {
                self.begin(volume, Work::Detaching(next_try(since, ctx.now)), desk, ctx);
            }
        }
    }

    /// The API did not take it: the operation is looked at again.
    pub(super) fn failed(&mut self, volume: VolumeId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        self.check(volume, desk, ctx);
    }

    fn begin(&mut self, volume: VolumeId, work: Work, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        self.work[volume.index()] = work;
        let (Work::Attaching(_, at) | Work::Detaching(at) | Work::Waiting(at)) = work else { return };
        ctx.at(at, Event::Controllers(ControllersEvent::Volume { master: desk.master, volume }));
    }

    fn lasting(&mut self, volume: VolumeId, attach: bool, ctx: &Ctx<'_>) -> Span {
        let count = &mut self.operations[volume.index()];
        *count += 1;
        let app = ctx.spec.apps.ids().filter(|app| ctx.spec.apps[*app].volume.is_some());
        let asked = app
            .filter(|app| ctx.store.is_volume_of(*app, volume))
            .find_map(|app| Some((Name::new(&ctx.spec.apps[app].name), ctx.spec.apps[app].volume?)));
        let Some((name, asked)) = asked else { return Span::ZERO };
        let time = if attach { asked.attach } else { asked.detach };
        time.sample(&mut ctx.draw(Purpose::VolumeAttach, name.part(u64::from(volume.0)), *count))
    }
}

/// Where pods that need the volume are bound, and whether they are not being deleted.
fn users(volume: VolumeId, desk: &Desk<'_>, ctx: &Ctx<'_>) -> Vec<(NodeId, bool)> {
    let apps = ctx.spec.apps.ids().filter(|app| ctx.store.is_volume_of(*app, volume));
    let pods = apps.flat_map(|app| ctx.store.pods_of(app).iter().copied());
    let needs = |pod: &crate::world::ids::PodId| ctx.store.volume_of(*pod) == Some(volume);
    let bound = |object: PodObject| Some((object.node?, object.deleting.is_none()));
    pods.filter(needs)
        .filter_map(|pod| desk.pod(pod, ctx))
        .filter(|object| !has_ended(object.phase))
        .filter_map(bound)
        .collect()
}
