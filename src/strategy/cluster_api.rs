//! Cluster API: KubeadmControlPlane, then MachineDeployments.

use super::catalog::{StrategyEntry, Target};
use super::machinery::parts::{WATCHES, node_ready, surge_and, surge_first};
use super::machinery::*;
use super::start::START;
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::drain::{DrainSettings, SkipWait};

/// Cluster API.
pub static CLUSTER_API: StrategyEntry = StrategyEntry {
    entry: &ENTRY,
    build: |values| Box::new(Run::new(plan(values))),
    target: Target::Needed,
    hides_etcd: false,
};

/// Between two passes of a drain. Source: cluster-api core/reconcilers/machine/machine_controller.go, drainRetryInterval.
const DRAIN_PASS: Span = Span::secs(20);
/// On a node that is not heard of, pods deleted so long ago are gone for the drain. Source: cluster-api
/// core/reconcilers/machine/machine_controller.go, drainNode.
const UNREACHABLE: Span = Span::secs(1);
/// Between two preflight checks. Source: cluster-api controlplane/kubeadm, preflightFailedRequeueAfter.
const PREFLIGHT: Span = Span::secs(15);
/// Retry of a reconcile that failed. Ours: controller-runtime's exponential back-off at about its middle.
const RECONCILE: Span = Span::secs(10);

static ENTRY: Entry = Entry {
    name: "cluster-api",
    about: "Cluster API: masters one at a time behind preflight checks without a deadline, then surge rolls of workers.",
    details: "A master is replaced only while every master's machine, static pods and etcd member are healthy, looked at \
              every 15 s, for ever; one that leads etcd hands over first; it is drained in passes 20 s apart, and goes. \
              Here its replacement takes over its disk and so its etcd membership: that is maxSurge 0, two of three \
              members up meanwhile; a fourth master, learners and removed members are not modelled. Then each \
              MachineDeployment, by the arithmetic of a Deployment: machines of max_surge first, Ready for \
              min_ready_seconds, an old one cordoned and drained, no deadline unless node_drain_timeout sets one, at \
              which the drain is left as it is and the machine goes. Nothing is aborted or rolled back; it waits.",
    settings: &SETTINGS,
    sources: &[
        "cluster-api core/reconcilers/machinedeployment, machine, machineset",
        "cluster-api controlplane/kubeadm/reconcilers/kubeadmcontrolplane",
    ],
};

const MD: &str = "cluster-api core/reconcilers/machinedeployment/machinedeployment_rollout_rollingupdate.go";
const MACHINE: &str = "cluster-api core/reconcilers/machine/machine_controller.go";

static SETTINGS: [Setting; 5] = [
    START,
    setting("max_surge", Kind::IntOrPercent, "1", "Machines that may run ahead; shares round up.", MD),
    setting("max_unavailable", Kind::IntOrPercent, "0", "Machines that go before others come; shares round down.", MD),
    setting("min_ready_seconds", SPAN, "\"0s\"", "A machine counts once it has been Ready for so long.", MD),
    setting(
        "node_drain_timeout",
        SPAN,
        "\"0s\"",
        "After this a drain is left as it is and the machine goes; 0s: never.",
        MACHINE,
    ),
];

fn plan(values: &Values) -> Plan {
    let timeout = unless_zero(values, "node_drain_timeout");
    let skip_wait = Some(SkipWait { after: UNREACHABLE, unreachable: true });
    let how = DrainSettings { retry: DRAIN_PASS, look: DRAIN_PASS, timeout, skip_wait, ..DrainSettings::new() };
    let drain = Step::Drain(Drain { how, on_deadline: OnDeadline::GoOn });
    let preflight = Gate::of(vec![Condition::ControlPlane], PREFLIGHT);
    let masters = vec![
        Step::Gate(preflight.clone()),
        Step::MoveLeader,
        Step::Cordon,
        drain.clone(),
        Step::Transition(Transition::Terminate),
        Step::Gate(Gate::of(vec![Condition::NodeReady, Condition::ControlPlane], PREFLIGHT)),
    ];
    let (surge, unavailable) = (values.int_or_percent("max_surge"), values.int_or_percent("max_unavailable"));
    let min_ready = values.span("min_ready_seconds");
    // Ready now, and still so that much later.
    let times = if min_ready.is_zero() { 1 } else { 2 };
    let ready = Gate { times, again: min_ready, ..node_ready(WATCHES) };
    let workers = vec![
        surge_first(surge, ready.clone()),
        Step::Cordon,
        drain,
        Step::Transition(Transition::Replace),
        Step::Gate(ready),
    ];
    let masters =
        Stage { on_error: OnError::retries(RECONCILE), ..Stage::of("control plane", Groups::Masters, masters) };
    let workers = Stage {
        before: Some(preflight),
        pace: surge_and(surge, unavailable),
        on_error: OnError::retries(RECONCILE),
        ..Stage::of("machine deployments", Groups::Workers, workers)
    };
    Plan::of(values.span("start"), vec![masters, workers])
}
