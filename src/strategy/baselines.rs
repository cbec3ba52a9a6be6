//! What not to do, so that its price can be shown: upgrades without drains, all at once, past budgets.

use super::catalog::{StrategyEntry, Target};
use super::machinery::parts::{SCRIPT_LOOKS, drain_within, node_ready, replaced, replaced_masters};
use super::machinery::*;
use super::start::START;
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::drain::DrainSettings;
use crate::world::disturbance::MasterProcess;

/// Every node upgraded where it stands, with its pods on it.
pub static IN_PLACE_NO_DRAIN: StrategyEntry = entry(&IN_PLACE, |values| Box::new(Run::new(in_place(values))));
/// Every node of a group terminated at once.
pub static BIG_BANG: StrategyEntry = entry(&BANG, |values| Box::new(Run::new(big_bang(values))));
/// Masters two or three at a time.
pub static MASTERS_PARALLEL: StrategyEntry = entry(&PARALLEL, |values| Box::new(Run::new(masters_parallel(values))));
/// Drains that delete.
pub static DELETE_DRAIN: StrategyEntry = entry(&DELETE, |values| Box::new(Run::new(delete_drain(values))));

const fn entry(entry: &'static Entry, build: fn(&Values) -> Box<dyn super::Actor>) -> StrategyEntry {
    StrategyEntry { entry, build, target: Target::Needed, hides_etcd: false }
}

const OURS: &str = "rollproof: a baseline of what not to do";
const SKEW: &str = "Kubernetes documentation, \"Version Skew Policy\": drain a node before its kubelet's minor changes";

static IN_PLACE: Entry = Entry {
    name: "in-place-no-drain",
    about: "Bad baseline: every node is upgraded where it stands, neither cordoned nor drained.",
    details: "Masters, then workers. With `how = \"reboot\"` a node reboots into the new version and its pods die with \
              it; their endpoints leave only when the node has not been heard of for its grace period. With `how = \
              \"kubelet\"` packages are installed and the kubelet restarts, on a master with its static pods, and pods \
              run on. The next node has its turn when this one is Ready.",
    settings: &IN_PLACE_SETTINGS,
    sources: &[SKEW],
};

static IN_PLACE_SETTINGS: [Setting; 3] = [
    START,
    setting("how", Kind::Choice(&["reboot", "kubelet"]), "\"reboot\"", "What restarts on a node.", OURS),
    count("at_once", (1, 5000), "1", "nodes", "Workers at a time.", OURS),
];

static BANG: Entry = Entry {
    name: "big-bang",
    about: "Bad baseline: all machines of a group are terminated at once, then their group launches new ones.",
    details: "The masters together, then each group of workers together, without cordon, drain or look. etcd loses its \
              quorum for as long as the masters' machines take; its data survives on its volumes.",
    settings: &BANG_SETTINGS,
    sources: &["kops issue 7315: masters replaced a second apart, without drains or validation"],
};

static BANG_SETTINGS: [Setting; 2] = [
    START,
    setting("include_control_plane", Kind::Bool, "true", "Whether the masters go, too; else workers alone.", OURS),
];

static PARALLEL: Entry = Entry {
    name: "masters-parallel",
    about: "Bad baseline: masters are replaced several at a time, workers one after another.",
    details: "Each machine is cordoned, drained, terminated, and its replacement must be Ready. With three masters two at \
              a time leave etcd without its quorum by construction.",
    settings: &PARALLEL_SETTINGS,
    sources: &["etcd documentation, FAQ: \"What is failure tolerance?\""],
};

static PARALLEL_SETTINGS: [Setting; 2] =
    [START, count("masters_at_once", (1, 9), "2", "masters", "Masters at a time.", OURS)];

static DELETE: Entry = Entry {
    name: "delete-drain",
    about: "Bad baseline: drains delete pods instead of evicting them, past all budgets.",
    details: "kubectl drain --disable-eviction on each machine, one after another, masters first; then it is \
              terminated, and its replacement must be Ready.",
    settings: &DELETE_SETTINGS,
    sources: &["kubectl pkg/cmd/drain/drain.go, --disable-eviction"],
};

static DELETE_SETTINGS: [Setting; 2] =
    [START, setting("post_drain_delay", SPAN, "\"5s\"", "Wait after a drain, as kops has it.", OURS)];

fn in_place(values: &Values) -> Plan {
    let ready = Gate::of(vec![Condition::NodeReady, Condition::StaticPods], SCRIPT_LOOKS);
    let (masters, workers) = match values.choice("how") {
        "kubelet" => {
            let processes = MasterProcess::ALL.to_vec();
            let swap = Swap {
                processes,
                together: true,
                one_process: false,
                every: Span::secs(1),
                deadline: None,
                rollback: false,
            };
            let kubelet = Step::Transition(Transition::Kubelet);
            (vec![Step::Swap(swap), kubelet.clone(), Step::Gate(ready.clone())], vec![kubelet, Step::Gate(ready)])
        }
        _ => {
            let steps = vec![Step::Transition(Transition::Upgrade), Step::Gate(ready)];
            (steps.clone(), steps)
        }
    };
    let at_once = Amount::count(u32::try_from(values.count("at_once")).unwrap_or(u32::MAX));
    Plan::of(
        values.span("start"),
        vec![
            Stage { template: false, ..Stage::of("masters", Groups::Masters, masters) },
            Stage { template: false, ..Stage::of("workers", Groups::Workers, workers) }.at_once(at_once),
        ],
    )
}

fn big_bang(values: &Values) -> Plan {
    let everything = Amount::count(u32::MAX);
    let steps = vec![Step::Transition(Transition::Terminate), Step::Gate(node_ready(SCRIPT_LOOKS))];
    let workers = Stage::of("workers", Groups::Workers, steps.clone()).at_once(everything);
    let masters = Stage::of("masters", Groups::Masters, steps).at_once(everything);
    let stages = if values.flag("include_control_plane") { vec![masters, workers] } else { vec![workers] };
    Plan::of(values.span("start"), stages)
}

fn masters_parallel(values: &Values) -> Plan {
    let at_once = Amount::count(u32::try_from(values.count("masters_at_once")).unwrap_or(u32::MAX));
    let workers = replaced(drain_within(Span::mins(15)), Span::secs(5));
    let workers = Stage::of("workers", Groups::Workers, workers);
    Plan::of(values.span("start"), vec![replaced_masters(at_once), workers])
}

fn delete_drain(values: &Values) -> Plan {
    let how = DrainSettings { past_budgets: true, ..DrainSettings::new() };
    let drain = Step::Drain(Drain { how, on_deadline: OnDeadline::Fail });
    let replace = replaced(drain, values.span("post_drain_delay"));
    let masters = Stage::of("masters", Groups::Masters, replace.clone());
    Plan::of(values.span("start"), vec![masters, Stage::of("workers", Groups::Workers, replace)])
}
