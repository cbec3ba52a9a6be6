//! Probes of a running container: when they begin, what follows when one reaches its threshold.

use super::probes::{Probe, Ticks};
use super::worker::{Stage, Worker};
use super::{KubeletEvent, Kubelets};
use crate::base::{Span, Time};
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::ids::{AppId, PodId};
use crate::world::purpose::Purpose;
use crate::world::serving::Serving;
use crate::world::spec::{AppSpec, ProbeSpec};

/// The kinds of probes; the number keys the phase's draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Readiness = 0,
    Liveness = 1,
    Startup = 2,
}

impl Kind {
    fn of(self, app: &AppSpec) -> Option<ProbeSpec> {
        match self {
            Kind::Readiness => app.readiness,
            Kind::Liveness => app.liveness,
            Kind::Startup => app.startup,
        }
    }
}

impl Worker {
    fn gate(&self) -> Kind {
        if self.passed { Kind::Readiness } else { Kind::Startup }
    }
}

impl Kubelets {
    /// The container was seen running: its probes count from now on. The probe worker asks the status manager for the
    /// container, and so it knows no more than the PLEG does (`pkg/kubelet/prober/worker.go` doProbe).
    pub(super) fn begin_probes(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        let app = &ctx.spec.apps[ctx.store.pods().app(pod)];
        worker.passed = app.startup.is_none();
        worker.liveness = Probe::idle();
        worker.readiness = Probe::idle();
        if let Some(probe) = app.startup {
            worker.readiness = Probe::begin(first(worker, probe, ctx.now), ctx.serving.answers(pod));
            return self.plan_probes(pod, ctx);
        }
        self.pass_startup(pod, ctx);
    }

    /// The startup probe has passed, or there is none: readiness and liveness probes begin.
    fn pass_startup(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        let app = &ctx.spec.apps[ctx.store.pods().app(pod)];
        let sees = ctx.serving.answers(pod);
        worker.passed = true;
        worker.readiness = Probe::idle();
        worker.ready = app.readiness.is_none();
        if let Some(probe) = app.readiness {
            let from = first(worker, probe, ctx.now);
            worker.readiness = Probe::begin(from, sees);
            // From 1.22 a sync of a container that is not ready probes it at once.
            if from == ctx.now && self.nodes[worker.node].behaviour().probe_on_sync {
                worker.readiness.extra();
            }
        }
        if let Some(probe) = app.liveness {
            worker.liveness = Probe::begin(first(worker, probe, ctx.now), sees);
        }
        self.plan_probes(pod, ctx);
    }

    /// A kubelet that restarted finds the container running.
    ///
    /// It has forgotten all results: a container with a probe is not ready until the probe says so again (kubernetes
    /// issues 78733, 100277). From 1.35 the old status stands until then (KEP-4781).
    pub(super) fn run_on(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        let keeps = self.nodes[worker.node].keeps_status();
        let (seen, passed, ready) = (worker.seen, worker.passed, worker.ready);
        worker.enter(Stage::Running);
        if !seen || worker.sandbox_dead {
            return self.see_later(pod, ctx);
        }
        if keeps && passed {
            self.pass_startup(pod, ctx);
            if let Some(worker) = self.workers.get_mut(pod) {
                worker.ready |= ready;
            }
            self.plan_probes(pod, ctx);
        } else {
            worker.ready = false;
            self.begin_probes(pod, ctx);
        }
        self.report(pod, ctx);
    }

    /// What a pod's address answers has changed; its next probes will find that.
    pub fn serving_changed(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get(pod) else { return };
        if worker.seen && self.nodes[worker.node].synced() {
            self.count_probes(pod, ctx.now, ctx);
            if let Some(worker) = self.workers.get_mut(pod) {
                worker.readiness.see(ctx.serving.answers(pod));
                worker.liveness.see(ctx.serving.answers(pod));
            }
            self.plan_probes(pod, ctx);
        }
    }

    /// Counts what probes found before `to`.
    fn count_probes(&mut self, pod: PodId, to: Time, ctx: &Ctx<'_>) {
        let Some(worker) = self.workers.get(pod) else { return };
        let app = ctx.store.pods().app(pod);
        let readiness = self.ticks(pod, &worker, worker.gate(), app, ctx);
        let liveness = self.ticks(pod, &worker, Kind::Liveness, app, ctx);
        if let Some(worker) = self.workers.get_mut(pod) {
            if let Some((_, ticks)) = readiness {
                worker.readiness.advance(to, ticks);
            }
            if let Some((_, ticks)) = liveness {
                worker.liveness.advance(to, ticks);
            }
        }
    }

    /// Schedules the one next result that changes anything, of each probe.
    fn plan_probes(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        worker.probe_generation = worker.probe_generation.wrapping_add(1);
        let generation = worker.probe_generation;
        let Some(worker) = self.workers.get(pod) else { return };
        let app = ctx.store.pods().app(pod);
        let gate = worker.gate();
        // While a pod is being deleted only its readiness is probed.
        let starting = gate == Kind::Startup && worker.stage == Stage::Running && !worker.ends();
        let waits = starting || (gate == Kind::Readiness && worker.readiness.sees() != worker.ready);
        if waits && let Some((spec, ticks)) = self.ticks(pod, &worker, gate, app, ctx) {
            let at = due(worker.readiness, spec, ticks, ctx.serving.of(pod));
            ctx.at(at, Event::Kubelet(KubeletEvent::Readiness { pod, generation }));
        }
        let lives = worker.stage == Stage::Running && !worker.ends() && worker.passed;
        if lives
            && !worker.liveness.sees()
            && let Some((spec, ticks)) = self.ticks(pod, &worker, Kind::Liveness, app, ctx)
        {
            let at = due(worker.liveness, spec, ticks, ctx.serving.of(pod));
            ctx.at(at, Event::Kubelet(KubeletEvent::Liveness { pod, generation }));
        }
    }

    /// The readiness or startup probe has reached the threshold of what it sees.
    pub(super) fn readiness_crossed(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        self.count_probes(pod, ctx.now + Span::nanos(1), ctx);
        let Some(worker) = self.workers.get_mut(pod) else { return };
        match (worker.gate(), worker.readiness.sees()) {
            (Kind::Startup, true) => {
                self.pass_startup(pod, ctx);
                self.report(pod, ctx);
            }
            (Kind::Startup, false) => self.stop_to_restart(pod, ctx),
            (Kind::Readiness | Kind::Liveness, sees) => {
                worker.ready = sees;
                self.plan_probes(pod, ctx);
                self.report(pod, ctx);
            }
        }
    }

    /// The liveness probe has failed often enough: the container is stopped, with its grace, and started anew.
    pub(super) fn liveness_failed(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        self.stop_to_restart(pod, ctx);
    }

    /// The pod is on its way out: liveness and startup probes stop, readiness goes on.
    pub(super) fn probe_readiness_only(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        if self.workers.get(pod).is_some_and(|worker| worker.seen) {
            self.plan_probes(pod, ctx);
        }
    }

    /// A probe's ticks.
    ///
    /// The worker's ticker starts when the kubelet first deals with the pod, after a random part of the period: always
    /// up to 1.21, later only if the kubelet itself is younger than a period (kubernetes PR 97126).
    fn ticks(&self, pod: PodId, worker: &Worker, kind: Kind, app: AppId, ctx: &Ctx<'_>) -> Option<(ProbeSpec, Ticks)> {
        let spec = kind.of(&ctx.spec.apps[app])?;
        let kubelet = &self.nodes[worker.node];
        let jitters = kubelet.behaviour().probe_jitter_always
            || worker.added == Time::ZERO
            || kubelet.younger_than(spec.period, worker.added);
        let jitter = match jitters {
            true => {
                let name = ctx.store.pods().name(pod).part(kind as u64);
                ctx.draw(Purpose::ProbePhase, name, u64::from(kubelet.incarnation)).span_below(spec.period)
            }
            false => Span::ZERO,
        };
        Some((spec, Ticks { phase: worker.added + jitter, period: spec.period }))
    }
}

/// From when on a probe of a container counts: not before `initialDelaySeconds` of its life.
fn first(worker: &Worker, probe: ProbeSpec, now: Time) -> Time {
    now.max(worker.started + probe.initial_delay)
}

/// When the threshold is crossed, if nothing changes. A probe into silence fails only after its time-out.
fn due(probe: Probe, spec: ProbeSpec, ticks: Ticks, serving: Serving) -> Time {
    let threshold = if probe.sees() { spec.successes } else { spec.failures };
    let at = probe.crossing(threshold, ticks);
    match serving {
        Serving::Silent => at + spec.timeout,
        Serving::Refusing | Serving::Open | Serving::Leaving | Serving::Closing => at,
    }
}
