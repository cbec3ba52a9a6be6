//! One master's turn: its four processes stopped, down for a time, started; a pause.

use super::Settings;
use crate::base::Time;
use crate::strategy::actor::NotYet;
use crate::strategy::shell::Launch;
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
    /// Whether its machine gets another version; then its kubelet is restarted, too.
    upgraded: bool,
    /// The command under way.
    launch: Launch,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Begin,
    /// So many processes are stopped.
    Stop(usize),
    Down {
        until: Time,
    },
    /// So many processes are started.
    Start(usize),
    Pause {
        until: Time,
    },
    Over,
}

impl MasterTurn {
    pub(super) fn new(master: MasterId, node: NodeId) -> MasterTurn {
        MasterTurn { master, node, upgraded: false, launch: Launch::default(), stage: Stage::Begin }
    }

    /// Goes as far as it can now; whether it is over.
    pub(super) fn step(&mut self, settings: &Settings, turn: &mut Turn<'_, '_>) -> bool {
        while let Some(stage) = self.next(settings, turn) {
            self.stage = stage;
        }
        self.stage == Stage::Over
    }

    /// The next stage, if it is reached now.
    fn next(&mut self, settings: &Settings, turn: &mut Turn<'_, '_>) -> Option<Stage> {
        let (now, unit) = (turn.now(), Unit::Node(self.node));
        Some(match self.stage {
            Stage::Begin => {
                turn.begin(unit, StepPhase::Transition);
                self.upgraded = turn.seen.instance(self.node).version != turn.seen.goal.plane;
                Stage::Stop(0)
            }
            Stage::Stop(stopped) if stopped < PROCESSES.len() => {
                self.launched(settings, turn)?;
                let (master, process, signal) = (self.master, PROCESSES[stopped], settings.signal);
                turn.give(Command::StopMasterProcess { master, process, signal });
                Stage::Stop(stopped + 1)
            }
            Stage::Stop(_) => {
                if self.upgraded {
                    turn.give(Command::StopNodeProcess { node: self.node, process: NodeProcess::Kubelet });
                }
                Stage::Down { until: now + settings.master_down }
            }
            Stage::Down { until } if now >= until => Stage::Start(0),
            Stage::Start(started) if started < PROCESSES.len() => {
                self.launched(settings, turn)?;
                self.start(started, turn);
                Stage::Start(started + 1)
            }
            Stage::Start(_) => {
                turn.end(unit, StepPhase::Transition);
                turn.begin(unit, StepPhase::Soak);
                Stage::Pause { until: now + settings.master_pause }
            }
            Stage::Pause { until } if now >= until => {
                turn.end(unit, StepPhase::Soak);
                Stage::Over
            }
            Stage::Down { .. } | Stage::Pause { .. } | Stage::Over => return None,
        })
    }

    /// Nothing while a command is on its way.
    fn launched(&mut self, settings: &Settings, turn: &mut Turn<'_, '_>) -> Option<()> {
        self.launch.is_through(settings.command_time, turn).then_some(())
    }

    /// Starts one more of the processes, the last that was stopped first. What is new is installed before, and the
    /// kubelet follows the last.
    fn start(&self, started: usize, turn: &mut Turn<'_, '_>) {
        let (master, node) = (self.master, self.node);
        let (first, last) = (started == 0, started + 1 == PROCESSES.len());
        if first && self.upgraded {
            turn.give(Command::Install { node, version: turn.seen.goal.plane });
        }
        turn.give(Command::StartMasterProcess { master, process: PROCESSES[PROCESSES.len() - 1 - started] });
        if last && self.upgraded {
            turn.give(Command::StartNodeProcess { node, process: NodeProcess::Kubelet });
        }
    }

    /// Says what it waits for, and why.
    pub(super) fn arm(&self, turn: &mut Turn<'_, '_>) {
        if self.launch.arm(turn) {
            return;
        }
        if let Stage::Down { until } | Stage::Pause { until } = self.stage {
            turn.until(until);
            turn.blocked(NotYet::Pause);
        }
    }
}
