//! One worker's turn: drained, its processes stopped, down for a time, started, Ready, uncordoned; a pause.

use super::Settings;
use crate::base::{Span, Time};
use crate::strategy::actor::{NotYet, Poll};
use crate::strategy::drain::Drain;
use crate::strategy::shell::Launch;
use crate::strategy::turn::Turn;
use crate::world::command::{Command, NodeProcess};
use crate::world::fact::{StepPhase, Unit};
use crate::world::ids::NodeId;
use crate::world::reported::Sight;
use crate::world::store::NodeReady;

/// Time between two looks at a node that is to be Ready; the first look is at once. Ours.
const READY_POLL: Span = Span::secs(1);

/// What is stopped, in order; `None` is the container runtime, whose containers run on: nothing here notices.
const STOPPED: [Option<NodeProcess>; 3] = [Some(NodeProcess::Proxy), Some(NodeProcess::Kubelet), None];

/// A worker whose turn it is.
#[derive(Clone, Debug)]
pub(super) struct WorkerTurn {
    node: NodeId,
    label: String,
    phase: Option<StepPhase>,
    /// The command under way.
    launch: Launch,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    Begin,
    Drain(Drain),
    /// So many of [`STOPPED`] are.
    Stop(usize),
    /// A fixed wait.
    Until {
        at: Time,
        then: Then,
    },
    /// It is looked at whether the node is Ready.
    Ready {
        looks: Poll,
    },
    Uncordon,
    Uncordoning(u32),
    Settle,
    Over,
}

/// What follows a fixed wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// All was down; the runtime is started.
    Runtime,
    /// The runtime is up; the kubelet is started.
    Kubelet,
    /// The kubelet is up; kube-proxy is started.
    Proxy,
    /// All is up; the node is looked at.
    Look,
    /// The pause is over.
    Over,
}

impl Then {
    /// Whether a command is given then: a process is started, the node looked at.
    fn is_command(self) -> bool {
        match self {
            Then::Runtime | Then::Kubelet | Then::Proxy | Then::Look => true,
            Then::Over => false,
        }
    }
}

impl WorkerTurn {
    pub(super) fn new(node: NodeId, label: String) -> WorkerTurn {
        WorkerTurn { node, label, phase: None, launch: Launch::default(), stage: Stage::Begin }
    }

    /// Goes as far as it can now; how it ended, if it has.
    pub(super) fn step(&mut self, settings: &Settings, turn: &mut Turn<'_, '_>) -> Option<Result<(), String>> {
        loop {
            match self.next(settings, turn) {
                None => return None,
                Some(Ok(Stage::Over)) => {
                    self.enter(None, turn);
                    return Some(Ok(()));
                }
                Some(Ok(stage)) => self.stage = stage,
                Some(Err(why)) => {
                    self.enter(None, turn);
                    return Some(Err(why));
                }
            }
        }
    }

    /// The next stage, if it is reached now, or why the script fails.
    fn next(&mut self, settings: &Settings, turn: &mut Turn<'_, '_>) -> Option<Result<Stage, String>> {
        let (now, ready) = (turn.now(), self.is_ready(turn));
        let stage = match &mut self.stage {
            Stage::Begin => match settings.drain {
                Some(how) => {
                    self.enter(Some(StepPhase::Draining), turn);
                    if !self.launch.is_through(settings.command_time, turn) {
                        return None;
                    }
                    Stage::Drain(Drain::cordon_first(self.node, how))
                }
                None => Stage::Stop(0),
            },
            Stage::Drain(drain) => {
                let drained = drain.step(turn)?;
                turn.remark(drained.told(&self.label));
                match drained.failure(&self.label, turn.seen) {
                    None => Stage::Stop(0),
                    Some(why) => return Some(Err(why)),
                }
            }
            Stage::Stop(stopped) => {
                let stopped = *stopped;
                self.stop(stopped, settings, turn)?
            }
            Stage::Until { at, then } if now >= *at => {
                let then = *then;
                if then == Then::Look {
                    self.enter(Some(StepPhase::Joining), turn);
                }
                if then.is_command() && !self.launch.is_through(settings.command_time, turn) {
                    return None;
                }
                self.waited(then, settings, turn)
            }
            Stage::Ready { looks } if looks.ticks_at(now) && ready => match settings.drain {
                Some(_) => {
                    self.enter(None, turn);
                    Stage::Uncordon
                }
                None => Stage::Settle,
            },
            Stage::Uncordon => {
                if !self.launch.is_through(settings.command_time, turn) {
                    return None;
                }
                Stage::Uncordoning(turn.give(Command::Uncordon(self.node)))
            }
            Stage::Uncordoning(order) => match turn.answer(*order)? {
                Ok(()) => Stage::Settle,
                Err(error) => return Some(Err(format!("unable to uncordon node {}: {error:?}", self.label))),
            },
            Stage::Settle => {
                self.enter(Some(StepPhase::Soak), turn);
                Stage::Until { at: now + settings.worker_pause, then: Then::Over }
            }
            Stage::Until { .. } | Stage::Ready { .. } | Stage::Over => return None,
        };
        Some(Ok(stage))
    }

    /// A fixed wait is over.
    fn waited(&self, then: Then, settings: &Settings, turn: &mut Turn<'_, '_>) -> Stage {
        let start = |process| Command::StartNodeProcess { node: self.node, process };
        let at = turn.now() + settings.service_start;
        match then {
            Then::Runtime => {
                self.install(turn);
                Stage::Until { at, then: Then::Kubelet }
            }
            Then::Kubelet => {
                turn.give(start(NodeProcess::Kubelet));
                Stage::Until { at, then: Then::Proxy }
            }
            Then::Proxy => {
                turn.give(start(NodeProcess::Proxy));
                Stage::Until { at, then: Then::Look }
            }
            Then::Look => Stage::Ready { looks: Poll { phase: turn.now(), period: READY_POLL } },
            Then::Over => Stage::Over,
        }
    }

    /// Stops the next process, if its command has come so far.
    fn stop(&mut self, stopped: usize, settings: &Settings, turn: &mut Turn<'_, '_>) -> Option<Stage> {
        self.enter(Some(StepPhase::Transition), turn);
        let Some(process) = STOPPED.get(stopped) else {
            return Some(Stage::Until { at: turn.now() + settings.worker_down, then: Then::Runtime });
        };
        if !self.launch.is_through(settings.command_time, turn) {
            return None;
        }
        if let Some(process) = *process {
            turn.give(Command::StopNodeProcess { node: self.node, process });
        }
        Some(Stage::Stop(stopped + 1))
    }

    fn install(&self, turn: &mut Turn<'_, '_>) {
        let version = turn.seen.goal.nodes;
        if turn.seen.instance(self.node).version != version {
            turn.give(Command::Install { node: self.node, version });
        }
    }

    /// What the API says: a kubelet that was away for less than the grace leaves its node Ready all the while.
    fn is_ready(&self, turn: &Turn<'_, '_>) -> bool {
        turn.seen.api.is_ok() && turn.seen.node(self.node).is_some_and(|node| node.ready == NodeReady::True)
    }

    /// Says what it waits for, and why.
    pub(super) fn arm(&self, turn: &mut Turn<'_, '_>) {
        if self.launch.arm(turn) {
            return;
        }
        match &self.stage {
            Stage::Drain(drain) => drain.arm(turn),
            Stage::Until { at, .. } => {
                turn.until(*at);
                turn.blocked(NotYet::Pause);
            }
            Stage::Ready { looks } => {
                turn.blocked(NotYet::Gate(format!("node {} is not Ready", self.label)));
                turn.poll(*looks, Sight::Machines);
                // A change between two looks is not told again.
                if self.is_ready(turn) {
                    turn.until(looks.after(turn.now()));
                }
            }
            Stage::Begin | Stage::Stop(_) | Stage::Uncordon | Stage::Uncordoning(_) | Stage::Settle | Stage::Over => {
                if turn.seen.api.is_err() {
                    turn.blocked(NotYet::ApiSilent);
                }
            }
        }
    }

    fn enter(&mut self, phase: Option<StepPhase>, turn: &mut Turn<'_, '_>) {
        if self.phase == phase {
            return;
        }
        let unit = Unit::Node(self.node);
        if let Some(left) = std::mem::replace(&mut self.phase, phase) {
            turn.end(unit, left);
        }
        if let Some(phase) = phase {
            turn.begin(unit, phase);
        }
    }
}
