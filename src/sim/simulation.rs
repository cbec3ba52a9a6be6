//! The loop: events in order, each stepped by the world or decided on by an actor, facts to observers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::actors::{Drivers, with_causes};
use super::faults::Faults;
use super::judge;
use super::outcome::Outcome;
use super::record::Recorder;
use crate::base::{IdVec, Name, Ratio, Span, Time};
use crate::engine::Dist;
use crate::observe::Heard;
use crate::observe::digest::{Digest, Named};
use crate::observe::figures::{Demand, Figures};
use crate::observe::identities::Identities;
use crate::observe::invariants::{Broken, Invariants};
use crate::observe::laws::Ending;
use crate::observe::own::{Truth, Watched};
use crate::observe::trace::Trace;
use crate::scenario::Scenario;
use crate::world::begin::NeverHealthy;
use crate::world::cluster::{Outside, World};
use crate::world::fact::Fact;
use crate::world::ids::{AppId, GroupId, NodeId, PodId, PoolId, ProbeId};
use crate::world::spec::{AppSpec, BudgetSpec, MachineSpec, Spec};

/// More events than this at one moment mean that two parts of the model set each other off without end.
const EVENTS_AT_ONCE_MAX: u64 = 1_000_000;

/// Events between two looks at what is outside of the run: some milliseconds.
const LOOK_UP: u64 = 16_384;

/// The longest wait of any recurring process: the kubelet's restart back-off (`MaxContainerBackOff`), twice over.
const CYCLE_MAX: Span = Span::mins(10);
/// Longer than anybody beside the plan takes for a whole turn: a cluster-autoscaler gives a machine up after 15 min and
/// leaves its group alone for up to 30 min; an auto-repair drains for an hour.
const BESIDE_CYCLE: Span = Span::mins(60);

/// What is heard before the first event and after the last.
const OUTSIDE: u64 = u32::MAX as u64;

/// What somebody wants to see of a run while it goes on and beside its outcome.
#[derive(Clone, Copy, Default)]
pub struct Watch<'a> {
    /// Keep the whole history, for drawings and explanations.
    pub trace: bool,
    /// Called now and then with the simulated time passed, in seconds.
    pub progress: Option<&'a dyn Fn(f64)>,
    /// Looked at now and then: once it is true, the run ends without an outcome.
    pub stop: Option<&'a AtomicBool>,
}

/// A run that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// What it found.
    pub outcome: Outcome,
    /// Its whole history, if it was asked for.
    pub trace: Option<Trace>,
}

/// A run without an outcome.
#[derive(Clone, Debug, thiserror::Error)]
pub enum InternalError {
    /// The scenario's cluster was never healthy: nothing can be said about an upgrade of it.
    #[error("the cluster never became healthy: {0}")]
    NeverHealthy(#[from] NeverHealthy),
    /// The simulator broke one of its own invariants: a bug of ours.
    #[error("broken invariant: {broken} (seed {seed})")]
    Broken {
        /// Which.
        broken: Broken,
        /// The seed that shows it.
        seed: u64,
    },
    /// [`Watch::stop`] was set: nothing can be said about a run that did not come to its end.
    #[error("stopped at {at}")]
    Stopped {
        /// The simulated time it had come to.
        at: Time,
    },
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// By itself.
    None,
    /// Simulated time.
    Horizon,
    /// Number of events.
    Events,
}

/// A run under way: plain data that clones, so that a proof can fork it.
#[derive(Clone, Debug)]
pub struct Simulation {
    pub(super) world: World,
    pub(super) drivers: Drivers,
    pub(super) faults: Faults,
    pub(super) figures: Figures,
    pub(super) own: Watched,
    invariants: Invariants,
    digest: Digest,
    recorder: Option<Recorder>,
    demands: Vec<Demand>,
    /// A plan that only waits for something to change, while nothing new was reached for this long, has stalled.
    stall_after: Span,
    names: Names,
    pub(super) events: u64,
    pub(super) seed: u64,
    /// Events so far at this moment.
    at_once: (Time, u64),
}

/// Stable names of apps, groups and pools, hashed once.
#[derive(Clone, Debug)]
struct Names {
    apps: IdVec<AppId, Name>,
    groups: IdVec<GroupId, Name>,
    pools: IdVec<PoolId, Name>,
    probes: IdVec<ProbeId, Name>,
}

/// Names for the digest, read from a world.
struct NamedWorld<'a>(&'a World, &'a Names);

impl Named for NamedWorld<'_> {
    fn pod(&self, pod: PodId) -> Name {
        self.0.store().pods().name(pod)
    }
    fn node(&self, node: NodeId) -> Name {
        self.0.cloud().name(node)
    }
    fn app(&self, app: AppId) -> Name {
        self.1.apps[app]
    }
    fn group(&self, group: GroupId) -> Name {
        self.1.groups[group]
    }
    fn pool(&self, pool: PoolId) -> Name {
        self.1.pools[pool]
    }
    fn probe(&self, probe: ProbeId) -> Name {
        self.1.probes[probe]
    }
}

/// Runs a scenario with one seed.
///
/// # Errors
/// When the cluster could not be healthy, or the simulator broke an invariant of its own.
pub fn run(scenario: &Scenario, seed: u64, watch: Watch<'_>) -> Result<Finished, InternalError> {
    Simulation::new(scenario, seed, watch.trace)?.complete(scenario, watch)
}

impl Simulation {
    /// A run at time zero.
    ///
    /// # Errors
    /// When the cluster could not be healthy.
    pub fn new(scenario: &Scenario, seed: u64, trace: bool) -> Result<Simulation, InternalError> {
        let spec = Arc::clone(&scenario.spec);
        let mut world = World::begin(Arc::clone(&spec), seed)?;
        let drivers = Drivers::new(scenario, &mut world);
        let faults = Faults::new(scenario, &mut world);
        let mut figures = Figures::new(
            spec.control_plane.replicas,
            world.etcd().leader().map_or(0, |(_, term)| term),
            spec.apps.iter().map(|app| app.replicas),
        );
        figures.identities = Identities::begin(world.store(), &spec);
        let group =
            |group: &crate::world::spec::GroupSpec| Name::new(&spec.apps[group.app].name).with(Name::new(&group.name));
        let names = Names {
            apps: spec.apps.iter().map(|app| Name::new(&app.name)).collect(),
            groups: spec.groups.iter().map(group).collect(),
            pools: spec.pools.iter().map(|pool| Name::new(&pool.name)).collect(),
            probes: spec.probes.iter().map(|probe| Name::new(&probe.name)).collect(),
        };
        let mut simulation = Simulation {
            demands: demands(&spec),
            stall_after: stall_after(&spec),
            world,
            drivers,
            faults,
            figures,
            own: Watched::new(scenario.own.laws()),
            invariants: Invariants::new(&spec),
            digest: Digest::default(),
            recorder: trace.then(Recorder::default),
            names,
            events: 0,
            seed,
            at_once: (Time::ZERO, 0),
        };
        // What is so from the start is heard at the start.
        let pushed = simulation.world.effects().queue.pushed();
        simulation.hear(OUTSIDE, pushed)?;
        simulation.ask_own(OUTSIDE);
        Ok(simulation)
    }

    pub(super) fn go(&mut self, scenario: &Scenario, watch: Watch<'_>) -> Result<(Ending, Limit), InternalError> {
        let horizon = Time::ZERO + scenario.spec.horizon;
        let mut end = Time::NEVER;
        let mut ending = None;
        loop {
            let next = self.world.effects().queue.next_time().unwrap_or(Time::NEVER);
            if ending.is_none()
                && let Some((at, found)) = self.ending(next)
            {
                end = at + scenario.spec.tail;
                ending = Some(found);
            }
            if next > end.min(horizon) || next == Time::NEVER {
                let (ending, limit) = match ending {
                    Some(ending) => (ending, Limit::None),
                    None => (Ending::Horizon(self.drivers.blocker(&self.world)), Limit::Horizon),
                };
                self.close(end.min(horizon))?;
                return Ok((ending, limit));
            }
            if self.events >= scenario.limits.events {
                let ending = ending.unwrap_or_else(|| Ending::Horizon(self.drivers.blocker(&self.world)));
                self.close(self.world.now())?;
                return Ok((ending, Limit::Events));
            }
            self.step_next()?;
            if self.events.is_multiple_of(LOOK_UP) {
                self.look_up(watch)?;
            }
        }
    }

    /// Says how far it has come, and ends if that is wanted.
    fn look_up(&self, watch: Watch<'_>) -> Result<(), InternalError> {
        if let Some(progress) = watch.progress {
            progress(self.world.now().secs_f64());
        }
        match watch.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            true => Err(InternalError::Stopped { at: self.world.now() }),
            false => Ok(()),
        }
    }

    /// How and when the plan has ended, if it has before the next event. A stall is dated by the plan alone, so that
    /// events of others, of traffic among them, do not move it.
    pub(super) fn ending(&mut self, next: Time) -> Option<(Time, Ending)> {
        let now = self.world.now();
        if let Some(ended) = self.drivers.ended() {
            let ending = match ended {
                Ok(()) => Ending::Completed,
                Err(why) => Ending::Failed(with_causes(why.clone(), &self.world)),
            };
            return Some((now, ending));
        }
        let others = if self.drivers.has_alarm_beside() { BESIDE_CYCLE } else { Span::ZERO };
        let given_up = self.figures.last_progress + self.stall_after + others;
        let waits = !self.drivers.has_alarm() && !self.faults.pending() && self.drivers.has_plan();
        (waits && next > given_up).then(|| (now.max(given_up), Ending::Stalled(self.drivers.blocker(&self.world))))
    }

    pub(super) fn step_next(&mut self) -> Result<(), InternalError> {
        let Some(popped) = self.world.effects().queue.pop() else { return Ok(()) };
        let (seq, pushed) = (popped.seq, self.world.effects().queue.pushed());
        self.events += 1;
        self.count_at_once(popped.at)?;
        match self.world.step(popped) {
            Some(Outside::Alarm { actor, alarm }) => self.drivers.alarm(actor, alarm, &mut self.world),
            Some(Outside::Answer { actor, order, result }) => {
                self.drivers.answer(actor, order, result, &mut self.world);
            }
            Some(Outside::Strike(fault)) => {
                let happens = self.faults.strike(fault, &mut self.world);
                self.drivers.disturb(happens, &mut self.world);
            }
            Some(Outside::Repair(fault)) => {
                let mends = self.faults.repair(fault, &mut self.world);
                self.drivers.disturb(mends, &mut self.world);
            }
            None => {}
        }
        let changes = self.world.take_changes();
        if changes.is_something() {
            self.drivers.something_changed(&changes, &mut self.world);
        }
        self.hear(seq, pushed)
    }

    fn count_at_once(&mut self, at: Time) -> Result<(), InternalError> {
        self.at_once = if self.at_once.0 == at { (at, self.at_once.1 + 1) } else { (at, 1) };
        match self.at_once.1 > EVENTS_AT_ONCE_MAX {
            true => Err(self.broken(Broken::ZeroTimeLoop { at, events: EVENTS_AT_ONCE_MAX })),
            false => Ok(()),
        }
    }

    fn broken(&self, broken: Broken) -> InternalError {
        InternalError::Broken { broken, seed: self.seed }
    }

    /// Observers hear what a step has put out.
    fn hear(&mut self, event: u64, pushed: u64) -> Result<(), InternalError> {
        let now = self.world.now();
        let scheduled = self.world.effects().queue.pushed();
        if let Some(recorder) = &mut self.recorder {
            recorder.scheduled(event, pushed, scheduled);
            recorder.look(now, self.world.etcd());
        }
        if self.world.effects().facts.is_empty() {
            return Ok(());
        }
        let mut facts = std::mem::take(&mut self.world.effects().facts);
        let mut raft = false;
        for fact in &facts {
            let heard = Heard { at: now, event, fact: *fact };
            self.digest.hear(&heard, &NamedWorld(&self.world, &self.names));
            self.invariants.hear(&heard, self.world.store()).map_err(|broken| self.broken(broken))?;
            self.figures.hear(&heard, self.world.store(), &self.demands);
            if !self.own.is_empty() {
                self.ask_own(event);
            }
            self.faults.hear(&heard, &mut self.world);
            raft |= matches!(fact, Fact::MemberLeads { .. } | Fact::MemberStarted { .. } | Fact::MemberStopped { .. });
            if let Some(recorder) = &mut self.recorder {
                recorder.hear(heard, &self.world);
            }
        }
        facts.clear();
        if self.world.effects().facts.is_empty() {
            self.world.effects().facts = facts;
        }
        match raft {
            true => self.world.etcd().check().map_err(|broken| self.broken(Broken::Raft(broken.to_string()))),
            false => Ok(()),
        }
    }

    /// Asks the laws of one's own.
    fn ask_own(&mut self, event: u64) {
        let truth = Truth::new(self.world.now(), &self.figures, self.world.store(), self.world.spec());
        self.own.ask(&truth, event);
    }

    /// The run ends at this moment: traffic is settled, observers hear the rest, invariants are checked once more.
    fn close(&mut self, at: Time) -> Result<(), InternalError> {
        let at = if at == Time::NEVER { self.world.now() } else { at };
        let pushed = self.world.effects().queue.pushed();
        self.world.finish(at);
        self.hear(OUTSIDE, pushed)?;
        self.world.etcd().check().map_err(|broken| self.broken(Broken::Raft(broken.to_string())))?;
        for (group, ledger) in self.world.traffic().ledgers().entries() {
            let accounted = ledger.ok + ledger.lost_in_all() + ledger.abandoned + ledger.in_flight;
            if ledger.sent != accounted {
                let group = self.world.spec().groups[group].name.clone();
                return Err(self.broken(Broken::Conservation { group, sent: ledger.sent, accounted }));
            }
            let (lost, told) = (ledger.lost_in_all(), self.invariants.told(group));
            if lost != told {
                let group = self.world.spec().groups[group].name.clone();
                return Err(self.broken(Broken::Told { group, lost, told }));
            }
        }
        Ok(())
    }

    pub(super) fn finish(
        mut self,
        scenario: &Scenario,
        ending: &Ending,
        limit: Limit,
    ) -> Result<Finished, InternalError> {
        let digest = self.digest.hex();
        let recorder = self.recorder.take();
        let trace = recorder.map(|recorder| recorder.trace(&self.world, self.faults.labels(&self.world)));
        let mut outcome = judge::outcome(scenario, &self, ending, limit, digest, self.seed, trace.as_ref());
        // Where there are many machines there are many steps: the world makes room for them, labels in one piece.
        let labels: Vec<&str> = self.world.cloud().instances().iter().map(|instance| instance.label.as_str()).collect();
        let labels = labels.join("\n");
        let steps = self.figures.steps;
        drop(self.world);
        outcome.upgrade.steps = judge::steps(&steps, &labels.lines().collect::<Vec<&str>>(), &scenario.spec);
        Ok(Finished { outcome, trace })
    }
}

/// What each budget demands when all pods of its apps are there. Percentages round up.
fn demands(spec: &Spec) -> Vec<Demand> {
    let demand = |budget: &BudgetSpec| {
        let replicas: u32 = budget.apps.iter().map(|app| spec.apps[*app].replicas).sum();
        let scaled = budget.apps.iter().any(|app| spec.apps[*app].hpa.is_some());
        let healthy = Demand::of(budget.rule, replicas);
        Demand { apps: budget.apps.clone(), healthy, rule: scaled.then_some(budget.rule) }
    };
    spec.budgets.iter().map(demand).collect()
}

/// Longer than anything in this cluster takes once it has begun: a pod's way out and in, a machine's, a loss noticed.
fn stall_after(spec: &Spec) -> Span {
    let most = |dist: &Dist| dist.max().unwrap_or_else(|| dist.quantile(Ratio::from_ppm(999_999)));
    let machine = |machine: &MachineSpec| {
        most(&machine.shutdown)
            + most(&machine.launch)
            + most(&machine.boot)
            + most(&machine.join)
            + most(&machine.volume_attach)
    };
    let app = |app: &AppSpec| {
        let probes = [app.readiness, app.startup].into_iter().flatten();
        let probing =
            probes.map(|probe| probe.initial_delay + probe.period * u64::from(probe.failures + probe.successes));
        app.grace + most(&app.start_up) + most(&app.image_pull) + app.rollout.min_ready + probing.sum()
    };
    let machines = spec.pools.iter().map(|pool| machine(&pool.machine)).chain([machine(&spec.control_plane.machine)]);
    let slowest = machines.max().unwrap_or_default() + spec.apps.iter().map(app).max().unwrap_or_default();
    CYCLE_MAX.max((slowest + spec.control_plane.controllers.toleration) * 2)
}
