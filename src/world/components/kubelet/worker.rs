//! What a kubelet knows of one pod of its node.

use super::probes::Probe;
use crate::base::{Span, Time};
use crate::world::ids::NodeId;
use crate::world::store::{Phase, PodObject};

/// Where a pod's worker stands. Whether process and sandbox exist is said by `Worker::alive` and `Worker::sandbox`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Heard of; its worker is about to act.
    Waiting,
    /// Its sandbox is being made.
    Sandbox,
    /// Its image is being pulled, or waits for its turn.
    Pulling,
    /// Its container is being made.
    Starting,
    /// Its container was started.
    Running,
    /// Its container is dead, and the kubelet has not seen that yet. `mark`: when it died.
    Exited,
    /// Its container waits to be restarted, or its image to be pulled again. `mark`: when it died, or the pull failed.
    Backoff,
    /// Its end was heard of; its worker is about to act.
    Told,
    /// The preStop hook runs. `mark`: since when.
    Hook,
    /// SIGTERM was sent. `mark`: when SIGKILL follows.
    Stopping,
    /// No process is left; its sandbox is being removed. `mark`: when the runtime reports the exit, if that is to come.
    Removing,
    /// Its sandbox is gone; volumes and dead containers are being cleaned up.
    Reclaiming,
    /// Nothing is left but its object.
    Done,
}

/// One pod's worker: at most 104 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Worker {
    /// The kubelet's node.
    pub(super) node: NodeId,
    /// Only a stage event of this generation counts.
    pub(super) generation: u32,
    /// Only a probe event of this generation counts.
    pub(super) probe_generation: u32,
    /// Grace of the stop under way, milliseconds.
    pub(super) grace_ms: u32,
    /// When the kubelet first dealt with the pod: its probes' clocks start then.
    pub(super) added: Time,
    /// When the container was last started.
    pub(super) started: Time,
    /// See the stages.
    pub(super) mark: Time,
    /// When the restart back-off was last used.
    pub(super) backoff_used: Time,
    /// The startup probe, until it has passed; the readiness probe after that.
    pub(super) readiness: Probe,
    /// The liveness probe.
    pub(super) liveness: Probe,
    /// How often the restart back-off was used, one above the power of two it stands at; 0 before the first failure.
    pub(super) backoffs: u8,
    /// Pulls of its image that failed.
    pub(super) failed_pulls: u8,
    /// Restarts of the container.
    pub(super) restarts: u16,
    /// Where the worker stands.
    pub(super) stage: Stage,
    /// What was last posted, or read from the API before anything was.
    pub(super) posted: (Phase, bool),
    /// That post did not reach the API.
    pub(super) unposted: bool,
    /// The API was heard to say what was last posted.
    pub(super) echoed: bool,
    /// The process exists.
    pub(super) alive: bool,
    /// The sandbox exists.
    pub(super) sandbox: bool,
    /// The kubelet has seen the container run.
    pub(super) seen: bool,
    /// The startup probe has passed, or there is none.
    pub(super) passed: bool,
    /// The container counts as ready.
    pub(super) ready: bool,
    /// The pod has been Running: it is never Pending again.
    pub(super) ran: bool,
    /// Its deletion was heard of.
    pub(super) deleting: bool,
    /// Its object is gone.
    pub(super) gone: bool,
    /// Its sandbox has died, and is made anew when its container has ended.
    pub(super) sandbox_dead: bool,
}

impl Worker {
    /// The worker of a pod just heard of.
    pub(super) fn new(node: NodeId, object: &PodObject, now: Time) -> Worker {
        let (posted, ran) = ((object.phase, object.ready), object.phase == Phase::Running);
        Worker { posted, ran, ..Worker::idle(node, now) }
    }

    const fn idle(node: NodeId, now: Time) -> Worker {
        Worker {
            node,
            generation: 0,
            probe_generation: 0,
            grace_ms: 0,
            added: now,
            started: now,
            mark: now,
            backoff_used: Time::ZERO,
            readiness: Probe::idle(),
            liveness: Probe::idle(),
            backoffs: 0,
            failed_pulls: 0,
            restarts: 0,
            stage: Stage::Waiting,
            posted: (Phase::Pending, false),
            unposted: false,
            echoed: true,
            alive: false,
            sandbox: false,
            seen: false,
            passed: false,
            ready: false,
            ran: false,
            deleting: false,
            gone: false,
            sandbox_dead: false,
        }
    }

    /// The worker of a pod that has been running and ready since long before the run.
    pub(super) const fn long_running(node: NodeId) -> Worker {
        Worker {
            stage: Stage::Running,
            posted: (Phase::Running, true),
            readiness: Probe::succeeding(),
            liveness: Probe::succeeding(),
            alive: true,
            sandbox: true,
            seen: true,
            passed: true,
            ready: true,
            ran: true,
            ..Worker::idle(node, Time::ZERO)
        }
    }

    /// What the API should say: phase and readiness.
    pub(super) fn status(&self) -> (Phase, bool) {
        let phase = if self.ran { Phase::Running } else { Phase::Pending };
        (phase, self.ready && self.seen && !self.resets())
    }
    /// Whether its sandbox is known to have died: without a sandbox the pod has no address, so it is no endpoint.
    /// Source: `pkg/kubelet/kubelet_pods.go`, generateAPIPodStatus.
    fn resets(&self) -> bool {
        self.sandbox_dead && matches!(self.stage, Stage::Hook | Stage::Stopping | Stage::Removing)
    }
    /// Whether it is on its way out.
    pub(super) fn ends(&self) -> bool {
        self.deleting || self.gone
    }
    /// Grace of the stop under way.
    pub(super) fn grace(&self) -> Span {
        Span::millis(u64::from(self.grace_ms))
    }
    /// Sets the grace, rounded down to milliseconds; the API has whole seconds.
    pub(super) fn set_grace(&mut self, grace: Span) {
        self.grace_ms = grace.as_millis_u32();
    }
    /// Enters a stage; a stage event still pending no longer counts. Returns the generation of the new one.
    pub(super) fn enter(&mut self, stage: Stage) -> u32 {
        self.stage = stage;
        self.generation = self.generation.wrapping_add(1);
        self.generation
    }
    /// What counts only while a container stops or waits is forgotten while one runs.
    pub(super) fn forget_stops(&mut self) {
        if self.stage == Stage::Running && !self.ends() {
            (self.mark, self.grace_ms) = (Time::ZERO, 0);
        }
    }
    /// No pending event of this worker counts any longer.
    pub(super) fn forget_events(&mut self) {
        self.generation = self.generation.wrapping_add(1);
        self.probe_generation = self.probe_generation.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_takes_as_much_room_as_is_said() {
        assert!(size_of::<Worker>() <= 104, "{}", size_of::<Worker>());
    }
}
