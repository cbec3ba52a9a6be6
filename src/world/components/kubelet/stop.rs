//! Deletion of a pod: worker, preStop hook, SIGTERM, SIGKILL, sandbox.
//!
//! Source: `pkg/kubelet/kuberuntime/kuberuntime_container.go` (killContainer), `pkg/kubelet/status/status_manager.go`.

use super::Kubelets;
use super::worker::Stage;
use crate::base::{Span, Time};
use crate::engine::Dist;
use crate::world::effects::{Ctx, Notice};
use crate::world::fact::Fact;
use crate::world::ids::PodId;
use crate::world::purpose::Purpose;
use crate::world::spec::PreStopKind;
use crate::world::store::PodObject;

/// A container gets at least this long from SIGTERM to SIGKILL, however much of its grace the hook used up.
/// Source: `kuberuntime_container.go` minimumGracePeriodInSeconds.
const MIN_GRACE: Span = Span::secs(2);
/// Start of the process that an exec hook runs, through the runtime. Estimate.
const HOOK_START: Dist = Dist::Uniform { low: Span::millis(30), high: Span::millis(150) };
/// From a process's exit until the runtime reports its container as exited: containerd first lets the shim delete the
/// task (`pkg/cri/server/events.go` handleContainerExit, containerd 1.6). Estimate: a run of `runc delete`.
const EXIT_REPORT: Dist = Dist::Uniform { low: Span::millis(20), high: Span::millis(80) };

impl Kubelets {
    /// The API says that this pod is to go.
    pub(super) fn deletion_heard(&mut self, pod: PodId, object: &PodObject, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        if worker.ends() {
            if object.grace < worker.grace() {
                self.shorten(pod, object.grace, ctx);
            }
            return;
        }
        worker.deleting = true;
        worker.set_grace(object.grace);
        let (node, stage) = (worker.node, worker.stage);
        match stage {
            // Nothing of it runs yet.
            Stage::Waiting => self.done(pod, ctx),
            Stage::Sandbox | Stage::Starting => self.remove_sandbox(pod, ctx),
            Stage::Pulling => {
                self.remove_sandbox(pod, ctx);
                self.leave_pulls(node, pod, ctx);
            }
            Stage::Running | Stage::Exited | Stage::Backoff => self.tell_worker(pod, ctx),
            // Being stopped by a probe's failure: it is not started again.
            Stage::Hook | Stage::Stopping => self.probe_readiness_only(pod, ctx),
            Stage::Told | Stage::Removing | Stage::Reclaiming | Stage::Done => {}
        }
    }

    /// The object is gone. What still runs was removed by force (grace 0, or pod garbage collection): it gets the
    /// shortest grace and no hook.
    pub(super) fn object_gone(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        if worker.gone {
            return;
        }
        worker.gone = true;
        worker.set_grace(Span::ZERO);
        let (node, stage) = (worker.node, worker.stage);
        match stage {
            Stage::Waiting | Stage::Done => self.forget(pod),
            Stage::Sandbox | Stage::Starting => self.remove_sandbox(pod, ctx),
            Stage::Pulling => {
                self.remove_sandbox(pod, ctx);
                self.leave_pulls(node, pod, ctx);
            }
            Stage::Running | Stage::Exited | Stage::Backoff => self.tell_worker(pod, ctx),
            Stage::Hook => self.terminate(pod, MIN_GRACE, ctx),
            Stage::Stopping => self.shorten(pod, Span::ZERO, ctx),
            Stage::Told | Stage::Removing | Stage::Reclaiming => {}
        }
    }

    /// A later deletion shortens the grace, where the version hears of it during a stop. A forced one always does.
    fn shorten(&mut self, pod: PodId, grace: Span, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        let heard = worker.gone || worker.stage == Stage::Told || self.nodes[worker.node].hears_while_stopping();
        if !heard {
            return;
        }
        worker.set_grace(grace);
        match worker.stage {
            Stage::Hook => {
                let at = (worker.mark + self.hook(pod, ctx)).min(ctx.now + grace);
                self.enter_until(pod, Stage::Hook, at, ctx);
            }
            Stage::Stopping => {
                let at = worker.mark.min(ctx.now + grace.max(MIN_GRACE));
                worker.mark = at;
                self.enter_until(pod, Stage::Stopping, at, ctx);
            }
            Stage::Waiting
            | Stage::Sandbox
            | Stage::Pulling
            | Stage::Starting
            | Stage::Running
            | Stage::Exited
            | Stage::Backoff
            | Stage::Told
            | Stage::Removing
            | Stage::Reclaiming
            | Stage::Done => {}
        }
    }

    /// The worker will act on the end of its pod.
    pub(super) fn tell_worker(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        self.enter_for(pod, Stage::Told, ctx.spec.timings.pod_worker, Purpose::PodWorker, ctx);
        self.probe_readiness_only(pod, ctx);
    }

    /// The worker stops the container: the hook first.
    pub(super) fn begin_stop(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        if !worker.alive {
            return self.remove_sandbox(pod, ctx);
        }
        worker.mark = ctx.now;
        let (grace, gone) = (worker.grace(), worker.gone);
        let hook = self.hook(pod, ctx);
        if hook.is_zero() || grace.is_zero() || gone {
            return self.terminate(pod, grace.max(MIN_GRACE), ctx);
        }
        self.enter_until(pod, Stage::Hook, ctx.now + hook.min(grace), ctx);
    }

    /// A failed probe stops the container, hook and grace included, to start it anew.
    pub(super) fn stop_to_restart(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let app = ctx.store.pods().app(pod);
        if let Some(worker) = self.workers.get_mut(pod) {
            worker.set_grace(ctx.spec.apps[app].grace);
        }
        self.begin_stop(pod, ctx);
        self.probe_readiness_only(pod, ctx);
    }

    /// The hook has ended, or used up the grace. Its time counts in whole seconds, rounded down.
    pub(super) fn hook_over(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get(pod) else { return };
        let used = ctx.now.since(worker.mark);
        let used = Span::secs(used.as_nanos() / Span::secs(1).as_nanos());
        self.terminate(pod, worker.grace().saturating_sub(used).max(MIN_GRACE), ctx);
    }

    /// SIGTERM, and SIGKILL after `left`.
    fn terminate(&mut self, pod: PodId, left: Span, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        worker.mark = ctx.now + left;
        ctx.note(Fact::PodTerminating { pod });
        ctx.notify(Notice::Sigterm(pod));
        self.enter_until(pod, Stage::Stopping, ctx.now + left, ctx);
    }

    /// SIGKILL.
    pub(super) fn grace_over(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        worker.alive = false;
        ctx.note(Fact::PodKilled { pod });
        ctx.notify(Notice::Sigkill(pod));
        self.exited(pod, ctx);
    }

    /// A container that was to stop has: the sandbox follows in the same sync of the worker.
    pub(super) fn stopped(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        self.remove_sandbox(pod, ctx);
        let Some(worker) = self.workers.get(pod) else { return };
        let ordinal = self.nodes[worker.node].ordinal(&worker);
        let name = ctx.store.pods().name(pod);
        let lasting = EXIT_REPORT.sample(&mut ctx.draw(Purpose::ExitReport, name, ordinal));
        if let Some(worker) = self.workers.get_mut(pod) {
            worker.mark = ctx.now + lasting;
        }
    }

    /// No process is left: the sandbox is removed.
    pub(super) fn remove_sandbox(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        if let Some(worker) = self.workers.get_mut(pod) {
            worker.mark = Time::NEVER;
        }
        self.enter_for(pod, Stage::Removing, ctx.spec.timings.sandbox_removal, Purpose::SandboxRemoval, ctx);
    }

    /// The pod's address is silent from now on.
    ///
    /// Its worker was busy until now, and its next sync needs a relist that began after that (`podCache.GetNewerThan`,
    /// `pkg/kubelet/pod_workers.go`): so the status follows by up to a second. From 1.27 the worker asks the runtime
    /// itself and posts at once (SyncTerminatingPod, kubernetes PR 115331).
    pub(super) fn sandbox_removed(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        if std::mem::take(&mut worker.sandbox) {
            ctx.notify(Notice::SandboxRemoved(pod));
            ctx.note(Fact::PodSilent { pod });
        }
        let exit = worker.mark;
        if std::mem::take(&mut worker.sandbox_dead) && !worker.ends() {
            (worker.seen, worker.ready) = (false, false);
            worker.restarts = worker.restarts.saturating_add(1);
            return self.make_sandbox(pod, ctx);
        }
        match self.nodes[worker.node].ends_promptly() {
            true => self.relisted(pod, ctx),
            false => self.see_later(pod, ctx),
        }
        self.reclaim_after(pod, exit, ctx);
    }

    /// A pod of which nothing was made: its object goes at once.
    pub(super) fn done(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        worker.enter(Stage::Done);
        let node = worker.node;
        self.remove_object(node, pod, ctx);
    }

    /// The kubelet knows nothing of the pod any longer.
    pub(super) fn forget(&mut self, pod: PodId) {
        if let Some(worker) = self.workers.get(pod) {
            self.nodes[worker.node].pods.retain(|other| *other != pod);
            self.workers.remove(pod);
        }
    }

    /// How long the preStop hook takes, unless the grace ends first.
    fn hook(&self, pod: PodId, ctx: &Ctx<'_>) -> Span {
        let (pods, name) = (ctx.store.pods(), ctx.store.pods().name(pod));
        let app = &ctx.spec.apps[pods.app(pod)];
        let ordinal = self.workers.get(pod).map_or(0, |worker| self.nodes[worker.node].ordinal(&worker));
        match app.pre_stop_kind {
            _ if app.pre_stop.is_zero() => Span::ZERO,
            PreStopKind::Exec => app.pre_stop + HOOK_START.sample(&mut ctx.draw(Purpose::PreStop, name, ordinal)),
            PreStopKind::Sleep => app.pre_stop,
        }
    }
}
