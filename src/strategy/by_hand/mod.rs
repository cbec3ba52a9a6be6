//! An operator's script that restarts every component where it is: masters in turn, then workers in turn.
//!
//! Where the version after is another, its packages are installed while the processes are down: an upgrade in place.
//! Containers outlive their kubelet and their runtime. The script stops at the first command that fails, as `set -e`
//! makes it.

mod master;
mod worker;

use super::actor::{Actor, Orders, Wait};
use super::catalog::{StrategyEntry, Target};
use super::drain::DrainSettings;
use super::shell::{COMMAND_TIME, DRAIN_BY, RETRY_TIME, of_a_script};
use super::start::{START, waits_for};
use super::turn::{OrderNumbers, Turn};
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::engine::Dist;
use crate::world::command::Answer;
use crate::world::disturbance::Signal;
use crate::world::reported::Reported;
use master::MasterTurn;
use worker::WorkerTurn;

/// The script.
pub static BY_HAND: StrategyEntry = StrategyEntry {
    entry: &ENTRY,
    build: |values| Box::new(ByHand::of(values)),
    target: Target::Welcome,
    hides_etcd: false,
};

static ENTRY: Entry = Entry {
    name: "by-hand",
    about: "A script that restarts, or upgrades in place, every component where it is.",
    details: "Masters in turn: controller manager, scheduler, API server and etcd are stopped, stay down, are started; \
              a pause. Then workers in turn: drained, kube-proxy, kubelet and container runtime stopped, down for a \
              time, started; once the node is Ready it is uncordoned; a pause. Containers run on without a kubelet, \
              kernel rules without a kube-proxy. Where the version after is another, it is installed while they are \
              down. Each step is a command, and the next \
              begins when it has ended. Nothing is validated in between; the first command that fails ends the script.",
    settings: &SETTINGS,
    sources: &["Kubernetes documentation, \"Upgrading kubeadm clusters\": the same steps, by other tools"],
};

const OURS: &str = "rollproof: the time a package takes to install";
const SPAN: Kind = Kind::Duration { min: Span::ZERO, max: Span::mins(24 * 60) };

const fn span(key: &'static str, default: &'static str, about: &'static str, source: &'static str) -> Setting {
    Setting { key, about, kind: SPAN, default, unit: "", source }
}

static SETTINGS: [Setting; 13] = [
    START,
    COMMAND_TIME,
    DRAIN_BY,
    RETRY_TIME,
    Setting {
        key: "half",
        about: "Which machines: masters and then workers, or one half only.",
        kind: Kind::Choice(&["both", "masters", "workers"]),
        default: "\"both\"",
        unit: "",
        source: "Kubernetes documentation, \"Version Skew Policy\": the control plane first",
    },
    Setting {
        key: "signal",
        about: "How a master's processes are stopped: with leave (SIGTERM) or at once (SIGKILL).",
        kind: Kind::Choice(&["term", "kill"]),
        default: "\"term\"",
        unit: "",
        source: "systemd.kill(5), KillSignal",
    },
    span("master_down", "\"10s\"", "From the stop of a master's processes until they are started.", OURS),
    span(
        "master_pause",
        "\"12s\"",
        "From their start until the next master's turn.",
        "rollproof: an API server's start",
    ),
    Setting {
        key: "drain",
        about: "Whether a worker is cordoned and drained before, and uncordoned after.",
        kind: Kind::Bool,
        default: "true",
        unit: "",
        source: "Kubernetes documentation, \"Upgrading Linux nodes\"",
    },
    span(
        "drain_timeout",
        "\"0s\"",
        "Deadline of a drain; 0s, as in kubectl, for none.",
        "kubectl pkg/cmd/drain/drain.go",
    ),
    span("worker_down", "\"5s\"", "From the stop of a worker's processes until the first is started.", OURS),
    span(
        "service_start",
        "\"1s\"",
        "What the script allows a worker's container runtime, then its kubelet, then its kube-proxy to come up.",
        "containerd containerd.service: Type=notify, told once all plugins are loaded",
    ),
    span("worker_pause", "\"2s\"", "From a worker's uncordon until the next worker's turn.", "rollproof: a look at it"),
];

/// The settings, as both halves read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Settings {
    start: Span,
    /// From each command's start until its first request or signal.
    command_time: Dist,
    signal: Signal,
    master_down: Span,
    master_pause: Span,
    /// `None`: workers are not drained.
    drain: Option<DrainSettings>,
    worker_down: Span,
    service_start: Span,
    worker_pause: Span,
}

/// The script under way.
#[derive(Clone, Debug)]
struct ByHand {
    settings: Settings,
    masters: bool,
    workers: bool,
    numbers: OrderNumbers,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    Before,
    /// The turns to come, the one under way last.
    Walking(Vec<MachineTurn>),
    Over,
}

#[derive(Clone, Debug)]
enum MachineTurn {
    Master(MasterTurn),
    Worker(WorkerTurn),
}

impl Actor for ByHand {
    fn act(&mut self, seen: &Reported<'_>, answers: &[Answer], orders: &mut Orders) -> Wait {
        let mut numbers = self.numbers;
        let mut turn = Turn::new(seen, answers, orders, &mut numbers);
        if matches!(self.stage, Stage::Before) && !waits_for(self.settings.start, &mut turn) {
            self.stage = Stage::Walking(self.turns(seen));
        }
        self.walk(&mut turn);
        let wait = turn.wait;
        self.numbers = numbers;
        wait
    }

    fn boxed_clone(&self) -> Box<dyn Actor> {
        Box::new(self.clone())
    }
}

impl ByHand {
    fn of(values: &Values) -> ByHand {
        let timeout = Some(values.span("drain_timeout")).filter(|timeout| !timeout.is_zero());
        let half = values.choice("half");
        let command_time = values.dist("command_time");
        let each = of_a_script(values.choice("drain_by"), command_time);
        let retry_time = of_a_script(values.choice("drain_by"), values.dist("retry_time"));
        let settings = Settings {
            start: values.span("start"),
            command_time,
            signal: if values.choice("signal") == "kill" { Signal::Kill } else { Signal::Term },
            master_down: values.span("master_down"),
            master_pause: values.span("master_pause"),
            drain: values.flag("drain").then(|| DrainSettings {
                timeout,
                command_time: each,
                retry_time,
                ..DrainSettings::new()
            }),
            worker_down: values.span("worker_down"),
            service_start: values.span("service_start"),
            worker_pause: values.span("worker_pause"),
        };
        let (masters, workers) = (half != "workers", half != "masters");
        ByHand { settings, masters, workers, numbers: OrderNumbers::default(), stage: Stage::Before }
    }

    /// The machines of the script as they are now, the last first: masters by place, then each pool's by place.
    fn turns(&self, seen: &Reported<'_>) -> Vec<MachineTurn> {
        let mut machines: Vec<_> = seen.instances().filter(|(_, machine)| machine.running).collect();
        machines.sort_by_key(|(node, machine)| (machine.pool, machine.slot, *node));
        let turn = |(node, machine): (_, &crate::world::reported::Instance)| match (machine.master, machine.pool) {
            (Some(master), _) => self.masters.then(|| MachineTurn::Master(MasterTurn::new(master, node))),
            (None, Some(pool)) => (self.workers && seen.spec.pools[pool].upgrade)
                .then(|| MachineTurn::Worker(WorkerTurn::new(node, machine.label.clone()))),
            (None, None) => None,
        };
        machines.into_iter().rev().filter_map(turn).collect()
    }

    fn walk(&mut self, turn: &mut Turn<'_, '_>) {
        let Stage::Walking(turns) = &mut self.stage else { return };
        let mut result = None;
        while let Some(machine) = turns.last_mut() {
            result = match machine {
                MachineTurn::Master(master) => master.step(&self.settings, turn).then_some(Ok(())),
                MachineTurn::Worker(worker) => worker.step(&self.settings, turn),
            };
            match &result {
                Some(Ok(())) => turns.pop(),
                Some(Err(_)) | None => break,
            };
        }
        let ended = match (turns.last(), result) {
            (_, Some(Err(why))) => Err(why),
            (None, _) => Ok(()),
            (Some(MachineTurn::Master(master)), _) => return master.arm(turn),
            (Some(MachineTurn::Worker(worker)), _) => return worker.arm(turn),
        };
        self.stage = Stage::Over;
        turn.orders.ended = Some(ended);
    }
}

#[cfg(test)]
mod tests;
