//! One machine's turn: cordon, leave the load balancers, drain, terminate, wait the interval.
//!
//! Source: kops `pkg/instancegroups/instancegroups.go`, `drainTerminateAndWait` and `drainNode`.

use std::fmt;

use super::settings::Settings;
use crate::base::{Span, Time};
use crate::strategy::actor::NotYet;
use crate::strategy::drain::{Drain, DrainSettings, Drained};
use crate::strategy::turn::Turn;
use crate::world::command::Command;
use crate::world::fact::{StepPhase, Unit};
use crate::world::ids::NodeId;
use crate::world::store::ApiError;

/// Why a group's roll failed, by what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RollError {
    /// A drain, cordon, taint or label failed: the group is abandoned.
    Drain(String),
    /// The cloud did not take a machine out of a load balancer.
    Deregister(String),
    /// The cluster did not validate.
    Validation(String),
}

impl RollError {
    /// Whether it ends the run even from a group of workers (kops `exitableError`).
    pub(super) fn is_exitable(&self) -> bool {
        match self {
            RollError::Drain(_) => false,
            RollError::Deregister(_) | RollError::Validation(_) => true,
        }
    }
}

impl fmt::Display for RollError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RollError::Drain(text) | RollError::Deregister(text) | RollError::Validation(text) => f.write_str(text),
        }
    }
}

/// A machine to be replaced, as it was listed when the run began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) node: NodeId,
    pub(super) label: String,
    /// It had a Node object; without one there is nothing to drain.
    pub(super) registered: bool,
}

/// A machine whose turn it is.
#[derive(Clone, Debug)]
pub(super) struct Member {
    machine: Selected,
    interval: Span,
    /// Orders to the cloud's load balancers; only their failures matter.
    deregistrations: Vec<u32>,
    phase: Option<StepPhase>,
    terminated: bool,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    Begin,
    Cordon(u32),
    Exclude(u32),
    Drain(Drain),
    Settle { until: Time },
    Terminate,
    Interval { until: Time },
    Over(Result<(), RollError>),
}

impl Member {
    pub(super) fn new(machine: Selected, interval: Span) -> Member {
        Member { machine, interval, deregistrations: Vec::new(), phase: None, terminated: false, stage: Stage::Begin }
    }

    /// The machine.
    pub(super) fn node(&self) -> NodeId {
        self.machine.node
    }

    /// How it ended, if it has.
    pub(super) fn result(&self) -> Option<&Result<(), RollError>> {
        match &self.stage {
            Stage::Over(result) => Some(result),
            Stage::Begin
            | Stage::Cordon(_)
            | Stage::Exclude(_)
            | Stage::Drain(_)
            | Stage::Settle { .. }
            | Stage::Terminate
            | Stage::Interval { .. } => None,
        }
    }

    /// Goes as far as it can now.
    pub(super) fn step(&mut self, settings: &Settings, turn: &mut Turn<'_, '_>) {
        self.hear_of_deregistrations(settings, turn);
        while let Some(next) = self.next(settings, turn) {
            self.stage = next;
        }
    }

    fn next(&mut self, settings: &Settings, turn: &mut Turn<'_, '_>) -> Option<Stage> {
        let now = turn.now();
        match &mut self.stage {
            Stage::Begin => Some(self.begin(settings, turn)),
            Stage::Cordon(order) => {
                let result = turn.answer(*order)?;
                Some(self.cordoned(result, settings, turn))
            }
            Stage::Exclude(order) => {
                let result = turn.answer(*order)?;
                Some(self.excluded(result, settings, turn))
            }
            Stage::Drain(drain) => {
                let drained = drain.step(turn)?;
                Some(self.drained(&drained, settings, turn))
            }
            Stage::Settle { until } => (now >= *until).then_some(Stage::Terminate),
            Stage::Terminate => Some(self.terminate(turn)),
            Stage::Interval { until } => {
                let over = now >= *until;
                over.then(|| {
                    self.enter(None, turn);
                    Stage::Over(Ok(()))
                })
            }
            Stage::Over(_) => None,
        }
    }

    fn begin(&mut self, settings: &Settings, turn: &mut Turn<'_, '_>) -> Stage {
        if settings.cloudonly || !self.machine.registered {
            return Stage::Terminate;
        }
        self.enter(Some(StepPhase::Cordoned), turn);
        Stage::Cordon(turn.give(Command::Cordon(self.machine.node)))
    }

    fn cordoned(&mut self, result: Result<(), ApiError>, settings: &Settings, turn: &mut Turn<'_, '_>) -> Stage {
        match result {
            // A node that is gone needs no drain.
            Err(ApiError::NotFound) => Stage::Terminate,
            Err(error) => self.drain_failed(&format!("error cordoning node: {error:?}"), settings, turn),
            Ok(()) if settings.era.deregisters => {
                Stage::Exclude(turn.give(Command::ExcludeFromBalancers(self.machine.node)))
            }
            Ok(()) => self.drain(settings, turn),
        }
    }

    fn excluded(&mut self, result: Result<(), ApiError>, settings: &Settings, turn: &mut Turn<'_, '_>) -> Stage {
        if let Err(error) = result
            && error != ApiError::NotFound
        {
            return self.drain_failed(&format!("error excluding node from load balancer: {error:?}"), settings, turn);
        }
        match turn.seen.instance(self.machine.node).master {
            None => self.deregistrations.push(turn.give(Command::DeregisterNode(self.machine.node))),
            // The last API server must stay reachable, or its own drain could not go on (kops issue 14172).
            Some(master) if settings.deregister_control_plane && turn.seen.spec.control_plane.replicas > 1 => {
                self.deregistrations.push(turn.give(Command::DeregisterServer(master)));
            }
            Some(_) => {}
        }
        self.drain(settings, turn)
    }

    fn drain(&mut self, settings: &Settings, turn: &mut Turn<'_, '_>) -> Stage {
        self.enter(Some(StepPhase::Draining), turn);
        let how = DrainSettings { timeout: settings.drain_timeout, ..DrainSettings::new() };
        Stage::Drain(Drain::of_cordoned(self.machine.node, how))
    }

    fn drained(&mut self, drained: &Drained, settings: &Settings, turn: &mut Turn<'_, '_>) -> Stage {
        if drained.retries429 > 0 {
            let (label, times) = (&self.machine.label, drained.retries429);
            let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
            turn.remark(format!("drain of {label}: refused evictions were tried again {times}"));
        }
        if !drained.errors.is_empty() {
            let errors: Vec<String> = drained.errors.iter().map(|error| error.described(turn.seen)).collect();
            return self.drain_failed(&errors.join(", "), settings, turn);
        }
        self.enter(Some(StepPhase::Detaching), turn);
        Stage::Settle { until: turn.now() + settings.post_drain_delay }
    }

    fn drain_failed(&mut self, why: &str, settings: &Settings, turn: &mut Turn<'_, '_>) -> Stage {
        let text = format!("failed to drain node {}: {why}", self.machine.label);
        self.fail(RollError::Drain(text), settings, turn)
    }

    /// With `fail_on_drain_error` the turn ends here, the node left as it is; else it goes on to terminate.
    fn fail(&mut self, error: RollError, settings: &Settings, turn: &mut Turn<'_, '_>) -> Stage {
        self.enter(None, turn);
        if settings.fail_on_drain_error {
            return Stage::Over(Err(error));
        }
        turn.remark(format!("ignoring: {error}"));
        Stage::Terminate
    }

    fn hear_of_deregistrations(&mut self, settings: &Settings, turn: &mut Turn<'_, '_>) {
        let failed = self.deregistrations.iter().find_map(|order| turn.answer(*order).and_then(Result::err));
        let draining = matches!(self.stage, Stage::Drain(_) | Stage::Settle { .. });
        if let (Some(error), true) = (failed, draining) {
            let text = format!("failed to deregister {} from load balancers: {error:?}", self.machine.label);
            self.stage = self.fail(RollError::Deregister(text), settings, turn);
        }
    }

    fn terminate(&mut self, turn: &mut Turn<'_, '_>) -> Stage {
        // Terminating what is gone already changes nothing in the cloud.
        if turn.seen.instance(self.machine.node).running {
            turn.give(Command::Terminate(self.machine.node));
        }
        self.terminated = true;
        self.enter(Some(StepPhase::Soak), turn);
        Stage::Interval { until: turn.now() + self.interval }
    }

    fn enter(&mut self, phase: Option<StepPhase>, turn: &mut Turn<'_, '_>) {
        let unit = Unit::Node(self.machine.node);
        if let Some(left) = std::mem::replace(&mut self.phase, phase) {
            turn.end(unit, left);
        }
        if let Some(phase) = phase {
            turn.begin(unit, phase);
        }
    }

    /// Whether its machine was told to go: its replacement may be watched from here on.
    pub(super) fn has_terminated(&self) -> bool {
        self.terminated
    }

    /// Says what it waits for, and why.
    pub(super) fn arm(&self, turn: &mut Turn<'_, '_>) {
        match &self.stage {
            Stage::Drain(drain) => drain.arm(turn),
            Stage::Settle { until } | Stage::Interval { until } => {
                turn.until(*until);
                turn.blocked(NotYet::Pause);
            }
            Stage::Begin | Stage::Cordon(_) | Stage::Exclude(_) | Stage::Terminate | Stage::Over(_) => {
                if turn.seen.api.is_err() {
                    turn.blocked(NotYet::ApiSilent);
                }
            }
        }
    }
}
