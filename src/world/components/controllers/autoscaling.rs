//! Horizontal pod autoscaler: `spec.replicas` of a Deployment follows the load of its pods.
//!
//! Source: `pkg/controller/podautoscaler/horizontal.go`, `replica_calculator.go`; `pkg/apis/autoscaling/v2/defaults.go`.
//! A sync that would find what the one before found costs nothing: the next that can find anything else follows from
//! what has changed (pods, rates, metrics, the window of past recommendations).

use super::ControllersEvent;
use super::desk::Desk;
use crate::base::{Span, Time};
use crate::world::effects::{Ctx, Reply};
use crate::world::event::Event;
use crate::world::ids::AppId;
use crate::world::spec::HpaSpec;
use crate::world::store::Change;

/// Time between two syncs. Source: `--horizontal-pod-autoscaler-sync-period`.
const SYNC: Span = Span::secs(15);
/// A metric that is off by no more than one part of so many is on target.
/// Source: `--horizontal-pod-autoscaler-tolerance` 0.1.
const TOLERANCE: u128 = 10;
/// Fewer pods are wanted only once no sync within this time has wanted more.
/// Source: `--horizontal-pod-autoscaler-downscale-stabilization`.
const STABILIZATION: Span = Span::mins(5);
/// From a change of load until the metrics show it. Source: metrics-server `--metric-resolution`.
const RESOLUTION: Span = Span::secs(15);
/// Most pods that one sync adds, or that many times as many if that is more.
/// Source: `autoscaling/v2` `defaults.go` scaleUp policies.
const UP_MOST: (u32, u32) = (4, 2);

/// One app's autoscaler.
#[derive(Clone, Debug)]
struct Scaler {
    app: AppId,
    hpa: HpaSpec,
    /// What it recommended, and from which sync on; the last one stands.
    history: Vec<(Time, u32)>,
    /// The next sync that may find anything new.
    due: Time,
}

/// The controller.
#[derive(Clone, Debug, Default)]
pub(super) struct Autoscaling {
    phase: Time,
    scalers: Vec<Scaler>,
}

/// What a sync finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Load {
    /// All requests of its app, in millionths of a request a second.
    offered: u64,
    ready: u32,
    unready: u32,
}

impl Load {
    /// How many pods bring the metric to its target. Source: `replica_calculator.go` `GetResourceReplicas`: pods that
    /// are not Ready count as idle when more are wanted, so that a rollout does not grow an app.
    fn wants(self, current: u32, target: u64) -> u32 {
        let on_target = |pods: u32| {
            let full = u128::from(pods) * u128::from(target);
            full.abs_diff(u128::from(self.offered)) * TOLERANCE <= full
        };
        let more = |pods: u32| u128::from(self.offered) > u128::from(pods) * u128::from(target);
        let all = self.ready + self.unready;
        let calm = on_target(self.ready) || more(self.ready) && (on_target(all) || !more(all));
        if calm { current } else { u32::try_from(self.offered.div_ceil(target.max(1))).unwrap_or(u32::MAX) }
    }
}

impl Autoscaling {
    /// Of a process that has just begun to lead; its recommendation at first is what it finds.
    pub(super) fn new(phase: Time, ctx: &Ctx<'_>) -> Autoscaling {
        let scaled = ctx.spec.apps.entries().filter_map(|(app, asked)| asked.hpa.map(|hpa| (app, hpa)));
        let scaler = |(app, hpa)| {
            let current = ctx.store.deployments().now(app).replicas;
            Scaler { app, hpa, history: vec![(ctx.now, current)], due: Time::NEVER }
        };
        Autoscaling { phase, scalers: scaled.map(scaler).collect() }
    }

    /// Its caches are filled: each app is looked at with the next sync.
    pub(super) fn begin(&mut self, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        for at in 0..self.scalers.len() {
            self.look_later(at, ctx.now, desk, ctx);
        }
    }

    /// A pod of an app became Ready, or no longer is, or is new or gone.
    pub(super) fn pod_changed(&mut self, app: AppId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        for at in 0..self.scalers.len() {
            if self.scalers[at].app == app || self.scalers[at].hpa.metrics == Some(app) {
                self.look_later(at, ctx.now + RESOLUTION, desk, ctx);
            }
        }
    }

    /// The first sync at or after `from` may find something new.
    fn look_later(&mut self, at: usize, from: Time, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let tick = from.max(ctx.now + Span::nanos(1)).next_tick(self.phase, SYNC);
        let scaler = &mut self.scalers[at];
        if tick < scaler.due {
            scaler.due = tick;
            let event = ControllersEvent::Autoscale { master: desk.master, app: scaler.app };
            ctx.at(tick, Event::Controllers(event));
        }
    }

    /// A sync of one app's autoscaler.
    pub(super) fn sync(&mut self, app: AppId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let Some(at) = self.scalers.iter().position(|scaler| scaler.app == app) else { return };
        if self.scalers[at].due != ctx.now {
            return;
        }
        self.scalers[at].due = Time::NEVER;
        let hpa = self.scalers[at].hpa;
        match metrics_from(hpa, desk, ctx) {
            Some(from) if from <= ctx.now => {}
            // Without metrics nothing is scaled; one that comes back is waited for.
            Some(from) => return self.look_later(at, from, desk, ctx),
            None => return,
        }
        let seen = Time::ZERO + ctx.now.since(Time::ZERO + RESOLUTION);
        let spec = ctx.spec;
        let groups = || spec.groups.iter().filter(|group| group.app == app);
        if let Some(change) = groups().filter_map(|group| group.next_change(seen)).min() {
            self.look_later(at, change + RESOLUTION, desk, ctx);
        }
        let current = ctx.store.deployments().at(app, desk.cursor).map_or(0, |deployment| deployment.replicas);
        let mut load = Load { offered: groups().map(|group| group.rate_at(seen).micros()).sum(), ready: 0, unready: 0 };
        for pod in ctx.store.pods_of(app) {
            if let Some(object) = desk.pod(*pod, ctx).filter(|object| object.is_live()) {
                load.ready += u32::from(object.ready);
                load.unready += u32::from(!object.ready);
            }
        }
        // Switched off by nobody's replicas; or no pod has metrics.
        if current == 0 || load.ready == 0 {
            return;
        }
        let wanted = load.wants(current, hpa.target.micros());
        let limit = (current + UP_MOST.0).max(current * UP_MOST.1);
        let (lasting, held_until) = self.scalers[at].recommends(wanted, ctx.now);
        let next = if wanted > current { wanted.min(limit) } else { lasting.min(current) }.clamp(hpa.min, hpa.max);
        if let Some(until) = held_until {
            self.look_later(at, until, desk, ctx);
        }
        if next != current {
            ctx.write(desk.client, Change::Scale { app, replicas: next }, Reply::Never);
            // Whether it was stored, and whether more is wanted, the next sync finds.
            self.look_later(at, ctx.now + SYNC, desk, ctx);
        }
    }
}

impl Scaler {
    /// Takes a recommendation into the window; the highest in it, and when that leaves it if it is not the newest.
    fn recommends(&mut self, wanted: u32, now: Time) -> (u32, Option<Time>) {
        if self.history.last().is_none_or(|(_, last)| *last != wanted) {
            self.history.push((now, wanted));
        }
        // Each holds up to the sync before the next one's.
        let leaves = |at: usize, history: &[(Time, u32)]| {
            history.get(at + 1).map(|(next, _)| Time::ZERO + (*next + STABILIZATION).since(Time::ZERO + SYNC))
        };
        while leaves(0, &self.history).is_some_and(|leaves| leaves <= now) {
            self.history.remove(0);
        }
        let highest = self.history.iter().map(|(_, wanted)| *wanted).max().unwrap_or(wanted);
        let held = self.history.iter().rposition(|(_, other)| *other == highest).filter(|_| highest > wanted);
        (highest, held.and_then(|at| leaves(at, &self.history)))
    }
}

/// From when on there are metrics, as far as anybody knows; `None`: there are none.
fn metrics_from(hpa: HpaSpec, desk: &Desk<'_>, ctx: &Ctx<'_>) -> Option<Time> {
    let Some(source) = hpa.metrics else { return Some(ctx.now) };
    let ready = ctx.store.pods_of(source).iter().filter_map(|pod| desk.pod(*pod, ctx)).filter(|pod| pod.is_healthy());
    let since = |since: Time| if since == Time::ZERO { Time::ZERO } else { since + RESOLUTION };
    ready.map(|pod| since(pod.ready_since)).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rate;

    fn load(offered: u64, ready: u32, unready: u32) -> Load {
        Load { offered: Rate::per_sec(offered).micros(), ready, unready }
    }

    /// Source: `replica_calculator_test.go`: ratio within 0.1 of one changes nothing; unready pods damp a scale-up.
    #[test]
    fn a_load_within_a_tenth_of_its_target_changes_nothing() {
        let target = Rate::per_sec(50).micros();
        assert_eq!(load(165, 3, 0).wants(3, target), 3);
        assert_eq!(load(166, 3, 0).wants(3, target), 4);
        assert_eq!(load(135, 3, 0).wants(3, target), 3);
        assert_eq!(load(100, 3, 0).wants(3, target), 2);
    }

    #[test]
    fn pods_that_are_not_ready_count_as_idle_when_more_are_wanted() {
        let target = Rate::per_sec(50).micros();
        assert_eq!(load(200, 2, 2).wants(4, target), 4, "two more are on their way");
        assert_eq!(load(400, 2, 2).wants(4, target), 8);
    }

    #[test]
    fn fewer_are_wanted_once_no_sync_of_five_minutes_wanted_more() {
        let at = |seconds| Time::ZERO + Span::secs(seconds);
        let hpa = HpaSpec { min: 1, max: 9, target: Rate::per_sec(1), metrics: None };
        let mut scaler = Scaler { app: AppId(0), hpa, history: vec![(at(0), 6)], due: Time::NEVER };
        assert_eq!(scaler.recommends(2, at(60)), (6, Some(at(345))));
        assert_eq!(scaler.recommends(4, at(75)), (6, Some(at(345))));
        assert_eq!(scaler.recommends(2, at(345)), (4, Some(at(630))), "the four of 330 s is the newest before");
        assert_eq!(scaler.recommends(2, at(630)), (2, None));
    }
}
