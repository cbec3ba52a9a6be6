//! One master's turn: its four processes stopped, down for a time, started; a pause.

use super::Settings;
use crate::base::Time;
use crate::strategy::actor::NotYet;
use crate::strategy::turn::Turn;
use crate::world::command::{Command, NodeProcess};
use crate::world::disturbance::MasterProcess;
use crate::world::fact::{StepPhase, Unit};
use crate::world::ids::{MasterId, NodeId};

/// In the order in which they are stopped: clients before their servers.
const PROCESSES: [MasterProcess; 4] =
    [MasterProcess::ControllerManager, MasterProcess::Scheduler, MasterProcess::ApiServer, MasterProcess::Etcd];

/// A master whose turn it is.
#[derive(Clone, Debug)]
pub(super) struct MasterTurn {
    master: MasterId,
    node: NodeId,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Begin,
    Down { until: Time },
    Pause { until: Time },
}

impl MasterTurn {
    pub(super) fn new(master: MasterId, node: NodeId) -> MasterTurn {
        MasterTurn { master, node, stage: Stage::Begin }
    }

    /// Goes as far as it can now; whether it is over.
    pub(super) fn step(&mut self, settings: &Settings, turn: &mut Turn<'_, '_>) -> bool {
        let (now, unit) = (turn.now(), Unit::Node(self.node));
        if self.stage == Stage::Begin {
            turn.begin(unit, StepPhase::Transition);
            for process in PROCESSES {
                turn.give(Command::StopMasterProcess { master: self.master, process, signal: settings.signal });
            }
            if self.is_upgraded(turn) {
                turn.give(Command::StopNodeProcess { node: self.node, process: NodeProcess::Kubelet });
            }
            self.stage = Stage::Down { until: now + settings.master_down };
        }
        if let Stage::Down { until } = self.stage
            && now >= until
        {
            self.start(turn);
            turn.end(unit, StepPhase::Transition);
            turn.begin(unit, StepPhase::Soak);
            self.stage = Stage::Pause { until: now + settings.master_pause };
        }
        let Stage::Pause { until } = self.stage else { return false };
        if now >= until {
            turn.end(unit, StepPhase::Soak);
        }
        now >= until
    }

    /// Whether its machine gets another version; then its kubelet is restarted, too.
    fn is_upgraded(&self, turn: &Turn<'_, '_>) -> bool {
        turn.seen.instance(self.node).version != turn.seen.spec.control_plane.to
    }

    fn start(&self, turn: &mut Turn<'_, '_>) {
        let (master, node) = (self.master, self.node);
        let upgraded = self.is_upgraded(turn);
        if upgraded {
            turn.give(Command::Install { node, version: turn.seen.spec.control_plane.to });
        }
        for process in PROCESSES.into_iter().rev() {
            turn.give(Command::StartMasterProcess { master, process });
        }
        if upgraded {
            turn.give(Command::StartNodeProcess { node, process: NodeProcess::Kubelet });
        }
    }

    /// Says what it waits for, and why.
    pub(super) fn arm(&self, turn: &mut Turn<'_, '_>) {
        if let Stage::Down { until } | Stage::Pause { until } = self.stage {
            turn.until(until);
            turn.blocked(NotYet::Pause);
        }
    }
}
