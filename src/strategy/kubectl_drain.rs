//! `kubectl drain` of some nodes, and nothing else.
//!
//! Source: kubernetes/kubectl `pkg/cmd/drain/drain.go` (`RunDrain`): all named nodes are cordoned first, then drained
//! one after another; the first that fails ends it, and the others stay cordoned.

use super::actor::{Actor, NotYet, Orders, Wait};
use super::catalog::{StrategyEntry, Target};
use super::drain::{Drain, DrainSettings, Drained};
use super::shell::{COMMAND_TIME, DRAIN_BY, Launch, RETRY_TIME, of_a_script};
use super::start::{START, waits_for};
use super::turn::{OrderNumbers, Turn};
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::engine::Dist;
use crate::world::command::{Answer, Command};
use crate::world::fact::{StepPhase, Unit};
use crate::world::ids::NodeId;
use crate::world::reported::Reported;
use crate::world::store::ApiError;

/// Drains.
pub static KUBECTL_DRAIN: StrategyEntry = StrategyEntry {
    entry: &ENTRY,
    build: |values| Box::new(Drainer::of(values)),
    target: Target::Ignored,
    hides_etcd: false,
};

/// The word for the node with the most pods.
const BUSIEST: &str = "busiest";

static ENTRY: Entry = Entry {
    name: "kubectl-drain",
    about: "kubectl drain: cordons nodes and evicts all their pods at once; nothing is upgraded.",
    details: "All named nodes are cordoned, then drained one after another: every pod is evicted at once, a refusal \
              (429) is tried again every 5 s, and the command returns when all pods are gone, which it looks at every \
              second. The nodes stay cordoned. Nothing is upgraded, whatever `cluster.version.to` says.",
    settings: &[
        START,
        COMMAND_TIME,
        DRAIN_BY,
        RETRY_TIME,
        Setting {
            key: "nodes",
            about: "Nodes by label, such as `workers-1`, comma-separated; `busiest` is the worker that has most pods \
                    when the command starts, the first of them by label.",
            kind: Kind::Text,
            default: "\"busiest\"",
            unit: "",
            source: "rollproof: a node without pods shows nothing",
        },
        Setting {
            key: "drain_timeout",
            about: "Deadline of each drain; 0s, as in kubectl, for none.",
            kind: Kind::Duration { min: Span::ZERO, max: Span::mins(7 * 24 * 60) },
            default: "\"0s\"",
            unit: "",
            source: "kubectl pkg/cmd/drain/drain.go, --timeout",
        },
        Setting {
            key: "ignore_daemonsets",
            about: "Leaves DaemonSets' pods alone; without it a node that has any is cordoned and not drained.",
            kind: Kind::Bool,
            default: "false",
            unit: "",
            source: "kubectl pkg/cmd/drain/drain.go, --ignore-daemonsets",
        },
    ],
    sources: &["kubectl pkg/cmd/drain/drain.go", "kubectl pkg/drain/drain.go"],
};

#[derive(Clone, Debug)]
struct Drainer {
    start: Span,
    command_time: Dist,
    /// Labels as given.
    nodes: Vec<String>,
    how: DrainSettings,
    numbers: OrderNumbers,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    /// The command is yet to come to its first request.
    Before(Launch),
    /// The first of these is being cordoned; the others follow.
    Cordoning {
        order: u32,
        cordoned: Vec<NodeId>,
        left: Vec<NodeId>,
    },
    /// The first is being drained.
    Draining {
        drain: Drain,
        nodes: Vec<NodeId>,
    },
    Over,
}

impl Actor for Drainer {
    fn act(&mut self, seen: &Reported<'_>, answers: &[Answer], orders: &mut Orders) -> Wait {
        let mut numbers = self.numbers;
        let mut turn = Turn::new(seen, answers, orders, &mut numbers);
        if let Stage::Before(launch) = &mut self.stage
            && !waits_for(self.start, &mut turn)
            && launch.is_through(self.command_time, &mut turn)
        {
            self.begin(&mut turn);
        }
        while self.advance(&mut turn) {}
        self.arm(&mut turn);
        let wait = turn.wait;
        self.numbers = numbers;
        wait
    }

    fn boxed_clone(&self) -> Box<dyn Actor> {
        Box::new(self.clone())
    }
}

impl Drainer {
    fn of(values: &Values) -> Drainer {
        let labels = values.text("nodes").split(',').map(str::trim).filter(|label| !label.is_empty());
        let timeout = Some(values.span("drain_timeout")).filter(|timeout| !timeout.is_zero());
        let ignore_daemonsets = values.flag("ignore_daemonsets");
        let command_time = values.dist("command_time");
        let each = of_a_script(values.choice("drain_by"), command_time);
        let retry_time = of_a_script(values.choice("drain_by"), values.dist("retry_time"));
        Drainer {
            start: values.span("start"),
            command_time,
            nodes: labels.map(str::to_owned).collect(),
            how: DrainSettings { timeout, ignore_daemonsets, command_time: each, retry_time, ..DrainSettings::new() },
            numbers: OrderNumbers::default(),
            stage: Stage::Before(Launch::default()),
        }
    }

    fn begin(&mut self, turn: &mut Turn<'_, '_>) {
        if turn.seen.api.is_err() {
            return self.finish(Err("kubectl cannot reach the API and gives up".to_owned()), turn);
        }
        let mut nodes = Vec::new();
        for label in &self.nodes {
            match named(label, turn.seen) {
                Some(node) if nodes.contains(&node) => {}
                Some(node) => nodes.push(node),
                None => return self.finish(Err(format!("nodes \"{label}\" not found")), turn),
            }
        }
        self.cordon_next(Vec::new(), nodes, turn);
    }

    fn cordon_next(&mut self, mut cordoned: Vec<NodeId>, left: Vec<NodeId>, turn: &mut Turn<'_, '_>) {
        match left.first() {
            Some(node) => {
                turn.begin(Unit::Node(*node), StepPhase::Cordoned);
                let order = turn.give(Command::Cordon(*node));
                self.stage = Stage::Cordoning { order, cordoned, left };
            }
            None => {
                cordoned.reverse();
                self.drain_next(cordoned, turn);
            }
        }
    }

    /// Drains the last of these.
    fn drain_next(&mut self, nodes: Vec<NodeId>, turn: &mut Turn<'_, '_>) {
        match nodes.last() {
            Some(node) => {
                turn.end(Unit::Node(*node), StepPhase::Cordoned);
                turn.begin(Unit::Node(*node), StepPhase::Draining);
                self.stage = Stage::Draining { drain: Drain::of_cordoned(*node, self.how), nodes };
            }
            None => self.finish(Ok(()), turn),
        }
    }

    /// Goes on if it can; whether it did.
    fn advance(&mut self, turn: &mut Turn<'_, '_>) -> bool {
        match &mut self.stage {
            Stage::Before(_) | Stage::Over => false,
            Stage::Cordoning { order, cordoned, left } => {
                let Some(result) = turn.answer(*order) else { return false };
                let (mut cordoned, mut left) = (std::mem::take(cordoned), std::mem::take(left));
                let node = left.remove(0);
                cordoned.push(node);
                match result {
                    Ok(()) => self.cordon_next(cordoned, left, turn),
                    Err(error) => self.cordon_failed(node, error, turn),
                }
                true
            }
            Stage::Draining { drain, nodes } => {
                let Some(drained) = drain.step(turn) else { return false };
                let mut nodes = std::mem::take(nodes);
                if let Some(node) = nodes.pop() {
                    self.drained(node, &drained, nodes, turn);
                }
                true
            }
        }
    }

    fn cordon_failed(&mut self, node: NodeId, error: ApiError, turn: &mut Turn<'_, '_>) {
        let label = &turn.seen.instance(node).label;
        self.finish(Err(format!("unable to cordon node \"{label}\": {error:?}")), turn);
    }

    fn drained(&mut self, node: NodeId, drained: &Drained, left: Vec<NodeId>, turn: &mut Turn<'_, '_>) {
        turn.end(Unit::Node(node), StepPhase::Draining);
        let label = turn.seen.instance(node).label.clone();
        turn.remark(drained.told(&label));
        match drained.failure(&label, turn.seen) {
            None => self.drain_next(left, turn),
            Some(why) => self.finish(Err(why), turn),
        }
    }

    fn finish(&mut self, result: Result<(), String>, turn: &mut Turn<'_, '_>) {
        self.stage = Stage::Over;
        turn.orders.ended = Some(result);
    }

    fn arm(&self, turn: &mut Turn<'_, '_>) {
        match &self.stage {
            Stage::Draining { drain, .. } => drain.arm(turn),
            Stage::Cordoning { .. } if turn.seen.api.is_err() => turn.blocked(NotYet::ApiSilent),
            Stage::Before(launch) => {
                launch.arm(turn);
            }
            Stage::Cordoning { .. } | Stage::Over => {}
        }
    }
}

/// The node of this label now.
fn named(label: &str, seen: &Reported<'_>) -> Option<NodeId> {
    let mut here = seen.instances().filter(|(node, machine)| machine.running && seen.node(*node).is_some());
    if label != BUSIEST {
        return here.find(|(_, machine)| machine.label == label).map(|(node, _)| node);
    }
    let workers = here.filter(|(_, machine)| machine.pool.is_some());
    workers.min_by_key(|(node, machine)| (usize::MAX - seen.pods_to_move(*node), &machine.label)).map(|(node, _)| node)
}
