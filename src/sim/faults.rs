//! Arms the scenario's faults, finds out whom they hit, and repairs them.
//!
//! A fault that comes by a rate has a clock of its own: the end of one time between failures is drawn when the one before
//! is over. Times are exponential, so that what is left of one has the law of a whole one, whenever it is drawn anew.

use std::sync::Arc;

use crate::base::{Id, Name, Span, Time};
use crate::engine::Draws;
use crate::fault::{Aim, FaultSpec, PlanUnit, Target, Trigger, Victim};
use crate::observe::Heard;
use crate::scenario::Scenario;
use crate::world::cluster::World;
use crate::world::disturbance::Disturbance;
use crate::world::event::Event;
use crate::world::fact::{Fact, Unit};
use crate::world::ids::{FaultId, MasterId, NodeId};
use crate::world::purpose::Purpose;
use crate::world::store::Component;

/// The faults of a run and where each stands.
#[derive(Clone, Debug)]
pub(super) struct Faults {
    specs: Arc<[FaultSpec]>,
    states: Vec<State>,
    /// What times between failures are drawn from.
    draws: Draws,
    /// The clock of each fault that comes by a rate.
    clocks: Vec<Clock>,
    /// How many strikes and repairs are due at a known moment; what comes by a rate is due for ever, and not counted.
    due: u32,
}

/// What a fault's times between failures are drawn by.
#[derive(Clone, Copy, Debug)]
struct Clock {
    /// Kind and target, and which of those that have both alike.
    name: Name,
    /// How many times were drawn.
    drawn: u64,
}

/// Where a fault stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waits for a phase of the plan.
    Waits,
    /// Its moment is set; an alarm for another is void.
    Armed(Time),
    /// It has struck; this mends it, later.
    Struck(Option<Disturbance>),
    /// It is over.
    Over,
}

impl Faults {
    pub(super) fn new(scenario: &Scenario, world: &mut World) -> Faults {
        let draws = world.draws().clone();
        let specs: Arc<[FaultSpec]> = scenario.faults.clone().into();
        let states = vec![State::Waits; specs.len()];
        let mut faults = Faults { clocks: clocks(&specs, world), specs, states, draws, due: 0 };
        for index in 0..faults.specs.len() {
            match faults.specs[index].trigger {
                Trigger::At(at) => faults.arm(index, at, world),
                Trigger::Every(mean) => faults.arm_by_rate(index, mean, world),
                Trigger::Phase { .. } => {}
            }
        }
        faults
    }

    /// Each fault's kind and target, for people.
    pub(super) fn labels(&self, world: &World) -> Vec<String> {
        let label = |spec: &FaultSpec| match spec.target.label(world.spec()) {
            none if none.is_empty() => spec.kind.entry.name.to_owned(),
            target => format!("{} at {target}", spec.kind.entry.name),
        };
        self.specs.iter().map(label).collect()
    }

    /// One more, which strikes at this moment, or, without one, when what it waits for comes.
    pub(super) fn add(&mut self, fault: FaultSpec, at: Option<Time>, world: &mut World) {
        self.clocks.push(Clock { name: clock_name(&self.specs, &fault, world), drawn: 0 });
        self.specs = self.specs.iter().cloned().chain([fault]).collect();
        self.states.push(State::Waits);
        if let Some(at) = at {
            self.arm(self.states.len() - 1, at, world);
        }
    }

    fn arm(&mut self, index: usize, at: Time, world: &mut World) {
        self.enter(index, State::Armed(at));
        world.effects().queue.push(at, Event::Fault(FaultId::from_index(index)));
    }

    /// Where a fault stands from now on; where it stood.
    fn enter(&mut self, index: usize, state: State) -> State {
        let rated = matches!(self.specs[index].trigger, Trigger::Every(_));
        let due = |state: State| match state {
            State::Armed(_) => !rated,
            State::Struck(mends) => mends.is_some(),
            State::Waits | State::Over => false,
        };
        let before = std::mem::replace(&mut self.states[index], state);
        self.due = self.due + u32::from(due(state)) - u32::from(due(before));
        before
    }

    fn arm_by_rate(&mut self, index: usize, mean: Span, world: &mut World) {
        let clock = &mut self.clocks[index];
        let mut draw = self.draws.at(Purpose::FaultArrival as u16, clock.name, clock.drawn);
        clock.drawn += 1;
        let wait = Span::nanos((draw.exponential() * mean.as_nanos() as f64) as u64).max(Span::nanos(1));
        self.arm(index, world.now() + wait, world);
    }

    /// From now on, faults that come by a rate do so by the luck of another seed. What has happened, and all other luck,
    /// stays.
    pub(super) fn reseed(&mut self, seed: u64, world: &mut World) {
        self.draws = Draws::new(seed, Purpose::COUNT);
        for index in 0..self.specs.len() {
            if let (Trigger::Every(mean), State::Armed(_)) = (self.specs[index].trigger, self.states[index]) {
                self.arm_by_rate(index, mean, world);
            }
        }
    }

    /// Whether a fault or a repair is still due at a known moment.
    pub(super) fn pending(&self) -> bool {
        self.due > 0
    }

    /// What comes by a rate will come again.
    fn over(&mut self, index: usize, world: &mut World) {
        self.enter(index, State::Over);
        if let Trigger::Every(mean) = self.specs[index].trigger {
            self.arm_by_rate(index, mean, world);
        }
    }

    /// A fact: a phase of the plan may be what a fault waits for.
    pub(super) fn hear(&mut self, heard: &Heard, world: &mut World) {
        let Fact::StepBegan { unit, phase, .. } = heard.fact else { return };
        for index in 0..self.specs.len() {
            if self.states[index] == State::Waits
                && let Trigger::Phase { unit: wanted, phase: at, offset } = self.specs[index].trigger
                && phase == at
                && is_unit(wanted, unit, world)
            {
                self.arm(index, heard.at + offset, world);
            }
        }
    }

    /// A fault strikes; what happens, to whoever stands outside the cluster.
    pub(super) fn strike(&mut self, fault: FaultId, world: &mut World) -> Option<Disturbance> {
        if self.states[fault.index()] != State::Armed(world.now()) {
            return None;
        }
        let spec = &self.specs[fault.index()];
        let victim = victim(spec.target, spec.kind.aim, world);
        let Some((disturbance, repair)) = victim.and_then(|victim| spec.strike(victim)) else {
            self.over(fault.index(), world);
            return None;
        };
        world.effects().facts.push(Fact::FaultStruck { fault });
        world.disturb(disturbance);
        let lasts = spec.kind.lasting.is_some();
        self.enter(fault.index(), State::Struck(repair.map(|(_, mends)| mends)));
        match repair {
            Some((lasting, _)) => {
                let at = world.now() + lasting;
                world.effects().queue.push(at, Event::Repair(fault));
            }
            // What the cluster mends itself can come again at once; what nobody mends, never.
            None if !lasts => self.over(fault.index(), world),
            None => {}
        }
        Some(disturbance)
    }

    /// A fault is repaired; what mends it, for whoever stands outside the cluster.
    pub(super) fn repair(&mut self, fault: FaultId, world: &mut World) -> Option<Disturbance> {
        let before = self.enter(fault.index(), State::Over);
        let State::Struck(Some(mends)) = before else { return None };
        world.effects().facts.push(Fact::FaultRepaired { fault });
        world.disturb(mends);
        self.over(fault.index(), world);
        Some(mends)
    }
}

fn clocks(specs: &[FaultSpec], world: &World) -> Vec<Clock> {
    let clock = |(index, spec)| Clock { name: clock_name(&specs[..index], spec, world), drawn: 0 };
    specs.iter().enumerate().map(clock).collect()
}

/// Two rates of one kind at one target have each a luck of their own: the second is told from the first by its place.
fn clock_name(before: &[FaultSpec], spec: &FaultSpec, world: &World) -> Name {
    let alike = |other: &&FaultSpec| other.kind.entry.name == spec.kind.entry.name && other.target == spec.target;
    let name = Name::new(spec.kind.entry.name).with(Name::new(&spec.target.label(world.spec())));
    match before.iter().filter(alike).count() {
        0 => name,
        place => name.with(Name::new(&place.to_string())),
    }
}

/// Whether a step's unit is the one that a trigger names by its place.
fn is_unit(wanted: PlanUnit, unit: Unit, world: &World) -> bool {
    match (wanted, unit) {
        (PlanUnit::Master(master), Unit::Node(node)) => world.cloud().instances()[node].master == Some(master),
        (PlanUnit::Machine { pool, slot }, Unit::Node(node)) => {
            let instance = &world.cloud().instances()[node];
            instance.pool == Some(pool) && instance.slot == slot
        }
        (PlanUnit::Pool(pool), Unit::Pool(other)) => pool == other,
        (PlanUnit::Masters, Unit::Masters) | (PlanUnit::Cluster, Unit::Cluster) => true,
        (
            PlanUnit::Master(_) | PlanUnit::Machine { .. } | PlanUnit::Pool(_) | PlanUnit::Masters | PlanUnit::Cluster,
            Unit::Node(_) | Unit::Pool(_) | Unit::Masters | Unit::Cluster,
        ) => false,
    }
}

/// Whom a fault hits now; nobody where the role has no bearer, or the pod is gone.
fn victim(target: Target, aim: Aim, world: &World) -> Option<Victim> {
    let master = |master: MasterId| match aim {
        Aim::Node | Aim::VolumeHost => Victim::Node(world.machine_of(master)),
        Aim::Master
        | Aim::Pod
        | Aim::Api
        | Aim::Zone
        | Aim::Group
        | Aim::Account
        | Aim::Plan
        | Aim::App
        | Aim::Webhook
        | Aim::Cluster => Victim::Master(master),
    };
    let holder = |component| world.store().lease(component).0.holder.map(|(holder, _)| master(holder));
    match target {
        Target::Master(of) => Some(master(of)),
        Target::Machine { pool, slot } => {
            let instances = world.cloud().instances();
            let here = |node: &NodeId| instances[*node].pool == Some(pool) && instances[*node].slot == slot;
            instances.ids().rev().find(here).map(Victim::Node)
        }
        Target::Pod { app, ordinal } => world.store().pods_of(app).get(ordinal as usize).map(|pod| Victim::Pod(*pod)),
        Target::EtcdLeader => world.etcd().leader().map(|(leader, _)| master(leader)),
        Target::ControllerManagerLeader => holder(Component::ControllerManager),
        Target::SchedulerLeader => holder(Component::Scheduler),
        Target::Api => Some(Victim::Api),
        Target::Plan => Some(Victim::Plan),
        Target::Zone(zone) => Some(Victim::Zone(zone)),
        Target::Group(pool) => Some(Victim::Group(pool)),
        Target::Account => Some(Victim::Account),
        Target::App(app) => Some(Victim::App(app)),
        Target::Webhook(webhook) => Some(Victim::Backend(world.spec().webhooks[webhook].app)),
        Target::Cluster => Some(Victim::Cluster),
        Target::HostOf { app, ordinal } => {
            let pod = *world.store().pods_of(app).get(ordinal as usize)?;
            world.store().pods().now(pod).node.map(Victim::Node)
        }
    }
}
