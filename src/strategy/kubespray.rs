//! Kubespray: Ansible's playbook `upgrade_cluster.yml`.

use super::catalog::{StrategyEntry, Target};
use super::drain::{Attempts, DrainSettings};
use super::machinery::parts::{FORCED, SCRIPT_LOOKS, SERVERS, node_ready};
use super::machinery::*;
use super::start::START;
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::world::disturbance::MasterProcess;
use crate::world::fact::StepPhase;

/// Kubespray.
pub static KUBESPRAY: StrategyEntry = StrategyEntry {
    entry: &ENTRY,
    build: |values| Box::new(Run::new(plan(values))),
    target: Target::Needed,
    hides_etcd: false,
};

/// Time between two looks at a static pod. Source: kubeadm `app/constants`, KubernetesAPICallRetryInterval.
const POD_LOOKS: Span = Span::millis(500);
/// A swapped static pod must be Ready by then. Source: kubeadm API v1beta4, Timeouts, upgradeManifests.
const MANIFESTS: Span = Span::mins(5);

static ENTRY: Entry = Entry {
    name: "kubespray",
    about: "Kubespray's upgrade playbook: masters one by one, then workers in batches, each node drained for all its parts.",
    details: "Each master is cordoned and drained; its kubelet restarts in the new version, and only then kubeadm replaces \
              the manifests of its API server, controller manager and scheduler: between the two the kubelet is newer \
              than the API server it talks to, which the skew policy forbids where the minor changes. After a play of \
              network plugins, which takes time and changes nothing here, workers follow in batches, each finished before the next. A drain that fails is tried again, each attempt with its own \
              time-out and a grace period of its own in place of the pods'; the first node that fails for good is \
              uncordoned and ends the playbook for all (any_errors_fatal), or goes on undrained. etcd, which \
              the playbook restarts on all members at once where its own version changes, the container engine, network \
              plugins and hooks are left as they are.",
    settings: &SETTINGS,
    sources: &[
        "kubespray playbooks/upgrade_cluster.yml",
        "kubespray roles/upgrade/pre-upgrade/tasks/main.yml, defaults/main.yml",
        "kubespray roles/kubernetes/node/tasks/kubelet.yml (flush_handlers)",
    ],
};

const DEFAULTS: &str = "kubespray roles/upgrade/pre-upgrade/defaults/main.yml";

static SETTINGS: [Setting; 13] = [
    START,
    setting(
        "serial",
        Kind::IntOrPercent,
        "\"20%\"",
        "Workers of a batch, of all workers of a pool.",
        "kubespray playbooks/upgrade_cluster.yml",
    ),
    setting("drain_nodes", Kind::Bool, "true", "Whether nodes are drained; else only cordoned.", DEFAULTS),
    setting("drain_grace_period", SPAN, "\"300s\"", "Grace period of evicted pods, whatever theirs is.", DEFAULTS),
    setting("drain_timeout", SPAN, "\"360s\"", "Deadline of one attempt to drain.", DEFAULTS),
    count("drain_retries", (0, 1000), "3", "attempts", "Attempts after the first that fails.", DEFAULTS),
    setting("drain_retry_delay", SPAN, "\"10s\"", "Between two attempts (drain_retry_delay_seconds).", DEFAULTS),
    setting(
        "drain_fallback_enabled",
        Kind::Bool,
        "false",
        "Whether pods that are left after the last attempt are deleted past their budgets.",
        DEFAULTS,
    ),
    setting(
        "upgrade_node_uncordon_after_drain_failure",
        Kind::Bool,
        "true",
        "Whether a node whose drain has failed for good is uncordoned.",
        DEFAULTS,
    ),
    setting(
        "upgrade_node_fail_if_drain_fails",
        Kind::Bool,
        "true",
        "Whether such a node ends the playbook; else it is upgraded with its pods.",
        DEFAULTS,
    ),
    setting("upgrade_node_pause", SPAN, "\"0s\"", "Wait before each node (upgrade_node_pause_seconds).", DEFAULTS),
    setting(
        "install",
        SPAN,
        "\"60s\"",
        "Time that the tasks of a node take before its kubelet restarts.",
        "rollproof: an estimate",
    ),
    setting(
        "between_plays",
        SPAN,
        "\"2m\"",
        "Time that the play of network plugins takes on all nodes, between masters and workers.",
        "rollproof: an estimate of kubespray playbooks/upgrade_cluster.yml, roles network_plugin and policy_controller",
    ),
];

fn plan(values: &Values) -> Plan {
    let mut master = node(values);
    master.extend(SERVERS.map(swap));
    master.push(Step::Uncordon);
    let mut worker = node(values);
    worker.push(Step::Uncordon);
    let batch = Pace::Batches { size: Amount::down(values.int_or_percent("serial")), soak: Span::ZERO };
    let delay = values.span("between_plays");
    let mut on_error = OnError::all(Action::StopRun);
    if !values.flag("upgrade_node_fail_if_drain_fails") {
        on_error.drain = Action::Ignore;
    }
    let workers =
        Stage { template: false, pace: batch, delay, on_error, ..Stage::of("workers", Groups::Workers, worker) };
    let masters = Stage { template: false, on_error, ..Stage::of("control plane", Groups::Masters, master) };
    Plan::of(values.span("start"), vec![masters, workers])
}

/// The same on every node: drained, a new kubelet, Ready.
fn node(values: &Values) -> Vec<Step> {
    let mut steps = vec![Step::Wait(StepPhase::Premarked, values.span("upgrade_node_pause")), Step::Cordon];
    if values.flag("drain_nodes") {
        steps.push(Step::Drain(drain(values)));
    }
    steps.extend([
        Step::Wait(StepPhase::Transition, values.span("install")),
        Step::Transition(Transition::Kubelet),
        Step::Gate(node_ready(SCRIPT_LOOKS)),
    ]);
    steps
}

fn drain(values: &Values) -> Drain {
    let (length, pause) = (values.span("drain_timeout"), values.span("drain_retry_delay"));
    let retries = values.count("drain_retries");
    let all = length * (retries + 1) + pause * retries;
    let attempts = Attempts { length, pause, slow_after: all, slow_pause: pause };
    let how = DrainSettings {
        timeout: Some(all),
        grace: Some(values.span("drain_grace_period")),
        attempts: Some(attempts).filter(|_| retries > 0 && !length.is_zero()),
        ignore_daemonsets: true,
        ..DrainSettings::new()
    };
    let on_deadline = match values.flag("drain_fallback_enabled") {
        true => OnDeadline::Force(FORCED),
        false if values.flag("upgrade_node_uncordon_after_drain_failure") => OnDeadline::Uncordon,
        false => OnDeadline::Fail,
    };
    Drain { how, on_deadline }
}

fn swap(process: MasterProcess) -> Step {
    Step::Swap(Swap {
        processes: vec![process],
        together: false,
        one_process: false,
        every: POD_LOOKS,
        deadline: Some(MANIFESTS),
        rollback: true,
    })
}
