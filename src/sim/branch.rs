//! Runs that branch off one another: a run is held where a phase of its plan begins, or before a moment; copies of it
//! go on with faults of their own. A branch is, to the byte, the run that had its fault from the start.

use super::simulation::{Finished, InternalError, Simulation, Watch};
use crate::base::Time;
use crate::fault::{FaultSpec, PlanUnit};
use crate::scenario::Scenario;
use crate::world::fact::{StepPhase, Unit};
use crate::world::ids::AppId;

/// A phase of the plan that has just begun, for the first time of its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// When: now.
    pub at: Time,
    /// Whose, by its place; `None` for a machine beyond its group's size, which no trigger can name.
    pub unit: Option<PlanUnit>,
    /// Which.
    pub phase: StepPhase,
    /// Its place among the phases of all steps, in order of their start.
    pub index: usize,
}

/// Why a run is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// Phases have just begun.
    Phases(Vec<Begun>),
    /// The next event is not before the moment that was asked for.
    Moment,
    /// The plan has ended, or a limit was reached.
    Ended,
}

impl Simulation {
    /// Goes on until a phase begins, or all events before `until` have happened, or the plan has ended.
    ///
    /// # Errors
    /// When the simulator broke an invariant of its own.
    pub fn advance(&mut self, scenario: &Scenario, until: Time) -> Result<Held, InternalError> {
        loop {
            let next = self.world.effects().queue.next_time().unwrap_or(Time::NEVER);
            let over = next == Time::NEVER || next > Time::ZERO + scenario.spec.horizon;
            if over || self.events >= scenario.limits.events || self.ending(next).is_some() {
                return Ok(Held::Ended);
            }
            if next >= until {
                return Ok(Held::Moment);
            }
            let before = self.figures.steps.len();
            self.step_next()?;
            if self.figures.steps.len() > before {
                let begun = self.begun_since(before);
                if !begun.is_empty() {
                    return Ok(Held::Phases(begun));
                }
            }
        }
    }

    /// The phases that began after the first `before` ones and that their units had not had before.
    fn begun_since(&self, before: usize) -> Vec<Begun> {
        let steps = &self.figures.steps;
        let of = |step: &crate::observe::figures::StepSpan| (self.place(step.unit), step.phase);
        let new = (before..steps.len()).filter(|index| {
            let (unit, phase) = of(&steps[*index]);
            unit.is_none() || !steps[..*index].iter().any(|earlier| of(earlier) == (unit, phase))
        });
        let begun = |index: usize| {
            let (unit, phase) = of(&steps[index]);
            Begun { at: steps[index].start, unit, phase, index }
        };
        new.map(begun).collect()
    }

    /// A unit of a plan by its place.
    fn place(&self, unit: Unit) -> Option<PlanUnit> {
        let node = match unit {
            Unit::Pool(pool) => return Some(PlanUnit::Pool(pool)),
            Unit::Masters => return Some(PlanUnit::Masters),
            Unit::Cluster => return Some(PlanUnit::Cluster),
            Unit::Node(node) => &self.world.cloud().instances()[node],
        };
        match (node.master, node.pool) {
            (Some(master), _) => Some(PlanUnit::Master(master)),
            (None, Some(pool)) if node.slot < self.world.spec().pools[pool].count => {
                Some(PlanUnit::Machine { pool, slot: node.slot })
            }
            (None, _) => None,
        }
    }

    /// Goes on until this has become so: `true`; or until the plan, or the horizon, has ended: `false`. Nothing where the
    /// run needs more events than it may.
    ///
    /// # Errors
    /// When the simulator broke an invariant of its own.
    pub fn reach(
        &mut self,
        scenario: &Scenario,
        reached: impl Fn(&Simulation) -> bool,
    ) -> Result<Option<bool>, InternalError> {
        loop {
            if reached(self) {
                return Ok(Some(true));
            }
            let next = self.world.effects().queue.next_time().unwrap_or(Time::NEVER);
            if next == Time::NEVER || next > Time::ZERO + scenario.spec.horizon || self.ending(next).is_some() {
                return Ok(Some(false));
            }
            if self.events >= scenario.limits.events {
                return Ok(None);
            }
            self.step_next()?;
        }
    }

    /// From now on, faults that come by a rate do so by the luck of another seed; all else keeps its own.
    pub fn reseed_faults(&mut self, seed: u64) {
        self.faults.reseed(seed, &mut self.world);
    }

    /// The seed that it began with.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// How many members etcd had to spare at the worst moment so far; below zero, it had no quorum.
    pub fn fewest_spare_members(&self) -> i64 {
        self.figures.quorum.margin_min
    }

    /// How many pods of an app were ready at the worst moment so far.
    pub fn fewest_ready(&self, app: AppId) -> u32 {
        self.figures.apps[app].healthy_min
    }

    /// One fault more, which strikes at this moment, or, without one, when what its trigger waits for comes.
    pub fn add_fault(&mut self, fault: FaultSpec, at: Option<Time>) {
        self.faults.add(fault, at, &mut self.world);
    }

    /// Goes on to the end.
    ///
    /// # Errors
    /// When the simulator broke an invariant of its own, or [`Watch::stop`] was set.
    pub fn complete(mut self, scenario: &Scenario, watch: Watch<'_>) -> Result<Finished, InternalError> {
        let (ending, limit) = self.go(scenario, watch)?;
        self.finish(scenario, &ending, limit)
    }

    /// The simulated time it has come to.
    pub fn now(&self) -> Time {
        self.world.now()
    }
}
