//! Talos: Kubernetes component by component without a reboot, and the operating system node by node with one.

use super::catalog::{StrategyEntry, Target};
use super::machinery::parts::{SERVERS, WATCHES, node_ready};
use super::machinery::*;
use super::start::START;
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::drain::DrainSettings;
use crate::world::fact::StepPhase;

/// `talosctl upgrade-k8s`.
pub static TALOS_K8S: StrategyEntry = StrategyEntry {
    entry: &K8S,
    build: |values| Box::new(Run::new(kubernetes(values))),
    target: Target::Needed,
    hides_etcd: false,
};

/// `talosctl upgrade`.
pub static TALOS_OS: StrategyEntry = StrategyEntry {
    entry: &OS,
    build: |values| Box::new(Run::new(system(values))),
    target: Target::Ignored,
    hides_etcd: false,
};

static K8S: Entry = Entry {
    name: "talos-k8s",
    about: "talosctl upgrade-k8s: one component on all masters before the next, then every kubelet; nothing is drained.",
    details: "Images are pulled. The API server is patched on each master in turn, each pod Ready within the limit, then \
              the controller manager on each, then the scheduler: no component is ever newer than an API server it may \
              reach. Then kubelets restart one by one, masters first, pods run on, each node Ready at the new version \
              within the limit. The first error ends the command; nothing is rolled back. etcd is not part of it.",
    settings: &K8S_SETTINGS,
    sources: &[
        "siderolabs/talos pkg/cluster/kubernetes/{talos_managed,kubelet}.go",
        "siderolabs/talos cmd/talosctl/cmd/talos/upgrade-k8s.go",
    ],
};

const UPGRADE_K8S: &str = "siderolabs/talos cmd/talosctl/cmd/talos/upgrade-k8s.go";
const MANAGED: &str = "siderolabs/talos pkg/cluster/kubernetes/talos_managed.go";

static K8S_SETTINGS: [Setting; 5] = [
    START,
    setting("upgrade_kubelet", Kind::Bool, "true", "Whether kubelets are upgraded, too.", UPGRADE_K8S),
    setting("pre_pull", SPAN, "\"1m\"", "Time to pull all images first; 0s: not first.", UPGRADE_K8S),
    setting("static_pod_wait", SPAN, "\"5m\"", "A patched static pod must be Ready by then.", MANAGED),
    setting(
        "kubelet_wait",
        SPAN,
        "\"3m\"",
        "A node must show the new version by then; looked at every 10 s.",
        "siderolabs/talos pkg/cluster/kubernetes/kubelet.go",
    ),
];

static OS: Entry = Entry {
    name: "talos-os",
    about: "talosctl upgrade: a new image on each node, drained and rebooted one by one; no Kubernetes version changes.",
    details: "Masters, then workers, as many at a time as are named together. On a master every etcd member must serve, \
              or the command aborts. Today the client drains and a failed drain aborts before the reboot, the node left \
              cordoned; up to 1.13 (`legacy`) the node drains itself with a grace of 60 s, for five minutes at most, \
              and reboots whatever came of it. No etcd leader is moved; the check does not cover nodes that are \
              upgraded in parallel.",
    settings: &OS_SETTINGS,
    sources: &[
        "siderolabs/talos cmd/talosctl/cmd/talos/upgrade.go",
        "siderolabs/talos internal/pkg/etcd/etcd.go",
        "siderolabs/talos pkg/kubernetes/kubernetes.go",
    ],
};

const UPGRADE: &str = "siderolabs/talos cmd/talosctl/cmd/talos/upgrade.go";

static OS_SETTINGS: [Setting; 6] = [
    START,
    setting("drain", Kind::Bool, "true", "Whether nodes are drained (--drain).", UPGRADE),
    setting("drain_timeout", SPAN, "\"5m\"", "Deadline of a drain (--drain-timeout).", UPGRADE),
    setting("legacy", Kind::Bool, "false", "The path up to Talos 1.13: reboots whatever comes of the drain.", UPGRADE),
    setting("install", SPAN, "\"1m\"", "Time to pull and install the image.", "rollproof: an estimate"),
    count(
        "nodes_at_once",
        (1, 5000),
        "1",
        "nodes",
        "Nodes named in one command, which handles them together.",
        UPGRADE,
    ),
];

fn kubernetes(values: &Values) -> Plan {
    let deadline = unless_zero(values, "static_pod_wait");
    let mut stages: Vec<Stage> = SERVERS
        .map(|process| {
            let swap = Swap {
                processes: vec![process],
                together: false,
                one_process: false,
                every: WATCHES,
                deadline,
                rollback: false,
            };
            Stage { template: false, ..Stage::of(process.name(), Groups::Masters, vec![Step::Swap(swap)]) }
        })
        .into();
    stages[0].steps.insert(0, Step::Gate(Gate::of(vec![Condition::ControlPlane], WATCHES)));
    stages[0].delay = values.span("pre_pull");
    if values.flag("upgrade_kubelet") {
        let shown = node_ready(Span::secs(10)).within(values.span("kubelet_wait"));
        let steps =
            vec![Step::Gate(node_ready(Span::secs(10))), Step::Transition(Transition::Kubelet), Step::Gate(shown)];
        stages.push(Stage { template: false, ..Stage::of("kubelets", Groups::All, steps) });
    }
    Plan::of(values.span("start"), stages)
}

fn system(values: &Values) -> Plan {
    let legacy = values.flag("legacy");
    let timeout = unless_zero(values, "drain_timeout");
    let grace = legacy.then_some(Span::secs(60));
    let how = DrainSettings { timeout, grace, ..DrainSettings::new() };
    let on_deadline = if legacy { OnDeadline::GoOn } else { OnDeadline::Fail };
    let mut node = vec![Step::Wait(StepPhase::Premarked, values.span("install"))];
    if values.flag("drain") {
        node.extend([Step::Cordon, Step::Drain(Drain { how, on_deadline })]);
    }
    let back = Gate::of(vec![Condition::NodeReady, Condition::StaticPods], WATCHES);
    node.extend([Step::Transition(Transition::Reboot), Step::Gate(back), Step::Uncordon]);
    let mut master =
        vec![Step::Gate(Gate { deadline: Some(Span::ZERO), ..Gate::of(vec![Condition::EtcdSpare], WATCHES) })];
    master.extend(node.clone());
    let most = Amount::count(u32::try_from(values.count("nodes_at_once")).unwrap_or(u32::MAX));
    let drain = if legacy { Action::Ignore } else { Action::StopRun };
    let stage = |name, groups, steps| {
        let on_error = OnError { drain, ..OnError::all(Action::StopRun) };
        Stage { template: false, select: Select::All, on_error, ..Stage::of(name, groups, steps) }.at_once(most)
    };
    let stages = vec![stage("masters", Groups::Masters, master), stage("workers", Groups::Workers, node)];
    Plan::of(values.span("start"), stages)
}
