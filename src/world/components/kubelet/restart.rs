//! A container that died, and when it is started again.

use super::Kubelets;
use super::worker::{Stage, Worker};
use crate::base::{Span, Time};
use crate::world::effects::Ctx;
use crate::world::fact::Fact;
use crate::world::ids::PodId;
use crate::world::purpose::Purpose;

/// First and longest restart back-off; it doubles. Source: `pkg/kubelet/kubelet.go` backOffPeriod,
/// MaxContainerBackOff. The first restart does not wait (`kuberuntime_manager.go` doBackOff).
const BACKOFF: (Span, Span) = (Span::secs(10), Span::secs(300));
/// Doublings after which the back-off is surely at its longest.
const BACKOFFS: u8 = 6;
/// Without a failure for this long the back-off begins anew: twice the longest. Source: client-go
/// `util/flowcontrol/backoff.go` hasExpired.
const BACKOFF_FORGOTTEN: Span = Span::secs(600);
/// A worker that must wait looks again after this and up to half as much more.
/// Source: `pkg/kubelet/pod_workers.go` backOffPeriod, workerBackOffPeriodJitterFactor.
const LOOK_AGAIN: Span = Span::secs(10);

impl Kubelets {
    /// An app's process has exited by itself.
    pub fn container_exited(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod).filter(|worker| worker.alive) else { return };
        worker.alive = false;
        ctx.note(Fact::PodExited { pod });
        if self.nodes[worker.node].synced() {
            self.exited(pod, ctx);
        }
    }

    /// The process that holds a pod's sandbox has died. The container shares its network and runs on; the next relist
    /// finds the sandbox dead.
    pub fn sandbox_died(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        if worker.stage == Stage::Running && !worker.ends() {
            worker.sandbox_dead = true;
            self.see_later(pod, ctx);
        }
    }

    /// The pod leaves the endpoints, and its container is stopped, hook and grace included, for the sake of a new
    /// sandbox. Source: `kuberuntime_manager.go` podSandboxChanged, SyncPod.
    pub(super) fn renew_sandbox(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        self.stop_to_restart(pod, ctx);
        self.report(pod, ctx);
    }

    /// The container is dead, by itself or killed.
    pub(super) fn exited(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        let ends = worker.ends();
        match worker.stage {
            Stage::Running => {
                worker.mark = ctx.now;
                let at = self.nodes[worker.node].next_relist(ctx.now);
                self.enter_until(pod, Stage::Exited, at, ctx);
            }
            Stage::Hook | Stage::Stopping if ends => self.stopped(pod, ctx),
            Stage::Hook | Stage::Stopping if worker.sandbox_dead => self.remove_sandbox(pod, ctx),
            // The same sync that stopped it starts it again.
            Stage::Hook | Stage::Stopping => {
                worker.mark = ctx.now;
                self.see_later(pod, ctx);
                self.start_again(pod, ctx);
            }
            Stage::Told
            | Stage::Waiting
            | Stage::Sandbox
            | Stage::Pulling
            | Stage::Starting
            | Stage::Exited
            | Stage::Backoff
            | Stage::Removing
            | Stage::Reclaiming
            | Stage::Done => {}
        }
    }

    /// The relist has found the container dead.
    pub(super) fn exit_seen(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        (worker.seen, worker.ready) = (false, false);
        self.report(pod, ctx);
        self.start_again(pod, ctx);
    }

    /// Starts the container again: at once after the first failure, then after a growing back-off.
    fn start_again(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        worker.restarts = worker.restarts.saturating_add(1);
        let name = ctx.store.pods().name(pod);
        let at = restart_time(worker, ctx.now, |look| {
            let ordinal = u64::from(worker.restarts) << 8 | look;
            LOOK_AGAIN + ctx.draw(Purpose::Backoff, name, ordinal).span_below(LOOK_AGAIN / 2)
        });
        let forgotten = worker.mark.since(worker.backoff_used) > BACKOFF_FORGOTTEN;
        worker.backoffs = if forgotten { 1 } else { (worker.backoffs + 1).min(BACKOFFS) };
        worker.backoff_used = at;
        if at > ctx.now {
            self.enter_until(pod, Stage::Backoff, at, ctx);
        } else {
            self.start_container(pod, ctx);
        }
    }
}

impl Kubelets {
    /// When the image of a pod is pulled again whose pull has just failed.
    pub(super) fn pull_again_at(&self, pod: PodId, ctx: &Ctx<'_>) -> Time {
        let Some(worker) = self.workers.get(pod) else { return ctx.now };
        let name = ctx.store.pods().name(pod);
        look_after(worker.failed_pulls, ctx.now, ctx.now, |look| {
            let ordinal = 1 << 32 | u64::from(worker.failed_pulls) << 8 | look;
            LOOK_AGAIN + ctx.draw(Purpose::Backoff, name, ordinal).span_below(LOOK_AGAIN / 2)
        })
    }
}

/// When a container that died at `worker.mark` is started again: when its worker first looks after the back-off.
/// `wait` is the time from the n-th look to the next.
fn restart_time(worker: &Worker, now: Time, wait: impl Fn(u64) -> Span) -> Time {
    if worker.backoffs == 0 || worker.mark.since(worker.backoff_used) > BACKOFF_FORGOTTEN {
        return now;
    }
    look_after(worker.backoffs, worker.mark, now, wait)
}

/// The worker's first look after the n-th back-off, which began at `mark`.
fn look_after(backoffs: u8, mark: Time, now: Time, wait: impl Fn(u64) -> Span) -> Time {
    let doubled = BACKOFF.0 * (1 << (backoffs.clamp(1, BACKOFFS) - 1));
    let allowed = mark + doubled.min(BACKOFF.1);
    let mut look = now;
    let mut looks = 0;
    while look < allowed {
        look += wait(looks);
        looks += 1;
    }
    look
}
