//! The roll of one instance group: validate, taint, surge, then the machines in a pipeline with gates between.
//!
//! Source: kops `pkg/instancegroups/instancegroups.go`, `rollingUpdateInstanceGroup`.

use std::collections::VecDeque;

use super::gate::Gate;
use super::member::{Member, RollError, Selected};
use super::settings::Settings;
use crate::base::{Span, Time};
use crate::strategy::actor::NotYet;
use crate::strategy::turn::Turn;
use crate::strategy::validation::GroupKey;
use crate::world::command::Command;
use crate::world::fact::{StepPhase, Unit};
use crate::world::ids::NodeId;
use crate::world::store::ApiError;

/// A group whose turn it is.
#[derive(Clone, Debug)]
pub(super) struct Group {
    key: GroupKey,
    name: String,
    /// What is to be replaced, attached machines before detached ones.
    selected: Vec<Selected>,
    /// No machine of the group is on the new template: the first one goes alone.
    none_updated: bool,
    /// How many are detached ahead.
    surge: usize,
    /// How many may have their turn at once.
    concurrency: usize,
    interval: Span,
    started: usize,
    running: Vec<Member>,
    /// Machines that wait for their turn under a soft taint.
    premarked: Vec<NodeId>,
    detached: Vec<NodeId>,
    /// Machines that were told to go, or detached, since this was last asked.
    leaving: Vec<NodeId>,
    stage: Stage,
}

/// Soft taints, given one by one.
#[derive(Clone, Debug)]
struct Tainting {
    ahead: VecDeque<NodeId>,
    under_way: Option<(u32, NodeId)>,
}

#[derive(Clone, Debug)]
enum Stage {
    Begin,
    FirstGate(Gate),
    Taint(Tainting),
    Detach,
    DetachInterval { until: Time },
    DetachGate(Gate),
    Start,
    WaitForOne,
    Gate(Gate),
    WaitForRest,
    LastGate(Gate),
    Abort(RollError),
    Over(Result<(), RollError>),
}

impl Group {
    /// The roll of `selected`, of a group of `size` machines.
    pub(super) fn new(key: GroupKey, name: String, selected: Vec<Selected>, size: u32, settings: &Settings) -> Group {
        let unavailable = settings.max_unavailable.of_rounding_down(size) as usize;
        let wanted = (settings.max_surge.of_rounding_up(size) as usize).min(selected.len());
        let (surge, interval) = match key {
            // A master cannot surge: its place in etcd is its volume.
            GroupKey::Master(_) => (0, settings.control_plane_interval),
            GroupKey::Pool(_) if settings.cloudonly => (0, settings.node_interval),
            GroupKey::Pool(_) => (wanted, settings.node_interval),
        };
        Group {
            key,
            name,
            none_updated: selected.len() == size as usize,
            surge,
            concurrency: (surge + unavailable).max(1),
            interval,
            started: 0,
            running: Vec::new(),
            premarked: Vec::new(),
            detached: Vec::new(),
            leaving: Vec::new(),
            stage: Stage::Begin,
            selected,
        }
    }

    /// Whether it is a master's.
    pub(super) fn is_control_plane(&self) -> bool {
        matches!(self.key, GroupKey::Master(_))
    }
    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }
    /// Machines of this group that were told to go, or detached, since this was last asked.
    pub(super) fn take_leaving(&mut self) -> Vec<NodeId> {
        std::mem::take(&mut self.leaving)
    }
    /// How it ended, if it has.
    pub(super) fn result(&self) -> Option<&Result<(), RollError>> {
        if let Stage::Over(result) = &self.stage { Some(result) } else { None }
    }

    /// One step of each machine under way, then of the group itself; whether the group's stage moved on.
    pub(super) fn step(&mut self, settings: &Settings, turn: &mut Turn<'_, '_>) -> bool {
        for member in &mut self.running {
            let before = member.has_terminated();
            member.step(settings, turn);
            // The replacement of a detached machine is on its way already.
            if member.has_terminated() && !before && !self.detached.contains(&member.node()) {
                self.leaving.push(member.node());
            }
        }
        let Some(next) = self.next(settings, turn) else { return false };
        if let Stage::Over(_) = next {
            for node in std::mem::take(&mut self.premarked) {
                turn.end(Unit::Node(node), StepPhase::Premarked);
            }
        }
        self.stage = next;
        true
    }

    fn next(&mut self, settings: &Settings, turn: &mut Turn<'_, '_>) -> Option<Stage> {
        match &mut self.stage {
            Stage::Begin => Some(self.begin(settings, turn)),
            Stage::FirstGate(gate) => {
                let result = gate.step(turn)?;
                Some(validated(result, settings, turn).map_or_else(Stage::Abort, |()| self.taint(settings, turn)))
            }
            Stage::Taint(tainting) => {
                let tainted = tainting.step(&mut self.premarked, settings, turn)?;
                Some(tainted.map_or_else(Stage::Abort, |()| self.marked(settings)))
            }
            Stage::Detach => Some(self.detach(turn)),
            Stage::DetachInterval { until } => {
                let over = turn.now() >= *until;
                over.then(|| Stage::DetachGate(Gate::between(settings, self.key, self.unit(), turn)))
            }
            Stage::DetachGate(gate) => {
                let result = gate.step(turn)?;
                Some(validated(result, settings, turn).map_or_else(Stage::Abort, |()| self.surged(settings, turn)))
            }
            Stage::Start => Some(self.start(turn)),
            Stage::WaitForOne => {
                let over = self.running.iter().position(|member| member.result().is_some())?;
                Some(self.one_over(over, settings, turn))
            }
            Stage::Gate(gate) => {
                let result = gate.step(turn)?;
                Some(validated(result, settings, turn).map_or_else(Stage::Abort, |()| self.sweep(Stage::Start)))
            }
            Stage::WaitForRest => self.rest(settings, turn),
            Stage::LastGate(gate) => {
                let result = gate.step(turn)?;
                Some(Stage::Over(validated(result, settings, turn)))
            }
            Stage::Abort(error) => {
                let error = error.clone();
                self.running.retain(|member| member.result().is_none());
                self.running.is_empty().then_some(Stage::Over(Err(error)))
            }
            Stage::Over(_) => None,
        }
    }

    fn unit(&self) -> Unit {
        match self.key {
            GroupKey::Pool(pool) => Unit::Pool(pool),
            GroupKey::Master(_) => self.selected.first().map_or(Unit::Masters, |machine| Unit::Node(machine.node)),
        }
    }

    fn begin(&mut self, settings: &Settings, turn: &mut Turn<'_, '_>) -> Stage {
        if self.selected.is_empty() {
            return Stage::Over(Ok(()));
        }
        if settings.cloudonly {
            return Stage::Start;
        }
        Stage::FirstGate(Gate::before_group(settings, self.key, self.unit(), turn))
    }

    /// The soft taint, on nodes that are not cordoned.
    fn taint(&self, settings: &Settings, turn: &Turn<'_, '_>) -> Stage {
        let schedulable = |node: &NodeId| turn.seen.node(*node).is_some_and(|object| !object.unschedulable);
        let nodes = self.selected.iter().map(|machine| machine.node).filter(schedulable);
        let ahead = if settings.era.soft_taint { nodes.collect() } else { VecDeque::new() };
        Stage::Taint(Tainting { ahead, under_way: None })
    }

    fn marked(&self, settings: &Settings) -> Stage {
        match (self.surge, settings.drain_and_terminate) {
            (0, false) => Stage::Over(Ok(())),
            (0, true) => Stage::Start,
            (_, _) => Stage::Detach,
        }
    }

    /// Detaches from the end of the list: the first alone where nothing is on the new template yet, else all.
    fn detach(&mut self, turn: &mut Turn<'_, '_>) -> Stage {
        let done = self.detached.len();
        let until = if self.none_updated && done == 0 { 1 } else { self.surge };
        let waiting = self.selected.iter().rev().skip(done).take(until - done);
        for machine in waiting.map(|machine| machine.node).collect::<Vec<_>>() {
            self.detached.push(machine);
            if !turn.seen.instance(machine).detached {
                turn.give(Command::Detach(machine));
                self.leaving.push(machine);
                turn.begin(Unit::Node(machine), StepPhase::SurgeWait);
            }
        }
        self.none_updated = false;
        Stage::DetachInterval { until: turn.now() + self.interval }
    }

    fn surged(&mut self, settings: &Settings, turn: &mut Turn<'_, '_>) -> Stage {
        if self.detached.len() < self.surge {
            return Stage::Detach;
        }
        for node in &self.detached {
            turn.end(Unit::Node(*node), StepPhase::SurgeWait);
        }
        if settings.drain_and_terminate { Stage::Start } else { Stage::Over(Ok(())) }
    }

    fn start(&mut self, turn: &mut Turn<'_, '_>) -> Stage {
        let Some(machine) = self.selected.get(self.started).cloned() else { return Stage::WaitForRest };
        self.started += 1;
        if self.premarked.contains(&machine.node) {
            turn.end(Unit::Node(machine.node), StepPhase::Premarked);
            self.premarked.retain(|node| *node != machine.node);
        }
        self.running.push(Member::new(machine, self.interval));
        let alone = self.none_updated && self.started == 1;
        if self.running.len() < self.concurrency && !alone { Stage::Start } else { Stage::WaitForOne }
    }

    fn one_over(&mut self, which: usize, settings: &Settings, turn: &mut Turn<'_, '_>) -> Stage {
        let member = self.running.remove(which);
        match member.result() {
            Some(Err(error)) => Stage::Abort(error.clone()),
            Some(Ok(())) | None if settings.cloudonly => self.sweep(Stage::Start),
            Some(Ok(())) | None => Stage::Gate(Gate::between(settings, self.key, Unit::Node(member.node()), turn)),
        }
    }

    /// Collects those that are over meanwhile, without waiting.
    fn sweep(&mut self, next: Stage) -> Stage {
        let failed = self.running.iter().find_map(|member| member.result().and_then(|result| result.clone().err()));
        self.running.retain(|member| member.result().is_none());
        failed.map_or(next, Stage::Abort)
    }

    fn rest(&mut self, settings: &Settings, turn: &mut Turn<'_, '_>) -> Option<Stage> {
        let Some(last) = self.running.last().map(Member::node) else { return Some(Stage::Over(Ok(()))) };
        if let Stage::Abort(error) = self.sweep(Stage::WaitForRest) {
            return Some(Stage::Abort(error));
        }
        match (self.running.is_empty(), settings.cloudonly) {
            (false, _) => None,
            (true, true) => Some(Stage::Over(Ok(()))),
            (true, false) => Some(Stage::LastGate(Gate::between(settings, self.key, Unit::Node(last), turn))),
        }
    }

    /// Says what it waits for, and why.
    pub(super) fn arm(&mut self, turn: &mut Turn<'_, '_>) {
        for member in &self.running {
            member.arm(turn);
        }
        match &mut self.stage {
            Stage::FirstGate(gate) | Stage::DetachGate(gate) | Stage::Gate(gate) | Stage::LastGate(gate) => {
                gate.arm(turn);
            }
            Stage::DetachInterval { until } => {
                turn.until(*until);
                turn.blocked(NotYet::Pause);
            }
            Stage::Begin
            | Stage::Taint(_)
            | Stage::Detach
            | Stage::Start
            | Stage::WaitForOne
            | Stage::WaitForRest
            | Stage::Abort(_)
            | Stage::Over(_) => {}
        }
    }
}

/// A failed validation fails the group, or is let pass with a remark.
fn validated(result: Result<(), String>, settings: &Settings, turn: &mut Turn<'_, '_>) -> Result<(), RollError> {
    match result {
        Err(why) if settings.fail_on_validate_error => Err(RollError::Validation(why)),
        Err(why) => {
            turn.remark(format!("ignoring: {why}"));
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

impl Tainting {
    /// One node after another, as `taintAllNeedUpdate` does; `None` while one is under way. A node that is gone needs
    /// none.
    fn step(
        &mut self,
        premarked: &mut Vec<NodeId>,
        settings: &Settings,
        turn: &mut Turn<'_, '_>,
    ) -> Option<Result<(), RollError>> {
        if let Some((order, node)) = self.under_way {
            match turn.answer(order)? {
                Ok(()) | Err(ApiError::NotFound) => {}
                Err(error) => {
                    let text = format!("failed to taint node {}: {error:?}", turn.seen.instance(node).label);
                    if settings.fail_on_drain_error {
                        return Some(Err(RollError::Drain(text)));
                    }
                    turn.remark(format!("ignoring: {text}"));
                }
            }
        }
        let next = self.ahead.pop_front();
        self.under_way = next.map(|node| (turn.give(Command::TaintForUpdate(node)), node));
        if let Some(node) = next {
            turn.begin(Unit::Node(node), StepPhase::Premarked);
            premarked.push(node);
        }
        next.is_none().then_some(Ok(()))
    }
}
