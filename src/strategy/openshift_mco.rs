//! OpenShift: the cluster version operator's control plane, then the machine config operator's pools.

use super::catalog::{StrategyEntry, Target};
use super::machinery::parts::WATCHES;
use super::machinery::*;
use super::start::START;
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::strategy::drain::{Attempts, DrainSettings};
use crate::world::disturbance::MasterProcess;

/// OpenShift.
pub static OPENSHIFT_MCO: StrategyEntry = StrategyEntry {
    entry: &ENTRY,
    build: |values| Box::new(Run::new(plan(values))),
    target: Target::Needed,
    hides_etcd: false,
};

/// Attempts of the drain controller. Source: machine-config-operator pkg/controller/drain/drain_controller.go.
const ATTEMPTS: Attempts =
    Attempts { length: Span::secs(90), pause: Span::mins(1), slow_after: Span::mins(10), slow_pause: Span::mins(5) };

/// From a drain's start until the alert. Source: the same file, drainTimeoutDuration.
const ALERT: Span = Span::mins(60);

static ENTRY: Entry = Entry {
    name: "openshift-mco",
    about: "OpenShift: static pods master by master, then machine config pools reboot node by node; drains never give up.",
    details: "The cluster version operator rolls etcd, API server, controller manager and scheduler, each over all \
              masters, one master at a time. Then the pools, masters and workers together: nodes that are not Ready \
              take a place of max_unavailable; zone by zone, oldest first; cordoned, drained in attempts of 90 s, a \
              minute apart in the first ten minutes and five minutes apart after, for ever (an alert is raised after \
              an hour); rebooted into the new image, Ready, uncordoned. etcd's quorum guard lets one master go at a time, \
              whatever max_unavailable says. The operator's own node is not put last here.",
    settings: &SETTINGS,
    sources: &[
        "openshift/machine-config-operator pkg/controller/{node,drain}",
        "OpenShift documentation, \"Understanding OpenShift updates\"",
    ],
};

static SETTINGS: [Setting; 4] = [
    START,
    setting(
        "max_unavailable",
        Kind::IntOrPercent,
        "1",
        "Nodes of a pool out of service at a time; shares round down, at least one.",
        "openshift/machine-config-operator pkg/controller/node/node_controller.go",
    ),
    setting(
        "paused",
        Kind::Bool,
        "false",
        "Whether the worker pools are paused: then masters alone are upgraded.",
        DOC,
    ),
    setting(
        "reboot",
        Kind::Bool,
        "true",
        "Whether the new configuration needs a reboot; else only the kubelet restarts (node disruption policy).",
        DOC,
    ),
];

const DOC: &str = "openshift/machine-config-operator docs/MachineConfigController.md";

fn plan(values: &Values) -> Plan {
    let rolled = |process: MasterProcess| {
        let swap = Swap {
            processes: vec![process],
            together: false,
            one_process: false,
            every: WATCHES,
            deadline: None,
            rollback: false,
        };
        let whole = Gate::of(vec![Condition::ControlPlane], WATCHES);
        let steps = vec![Step::Gate(whole.clone()), Step::Swap(swap), Step::Gate(whole)];
        Stage { template: false, ..Stage::of(process.name(), Groups::Masters, steps) }
    };
    let how = DrainSettings { attempts: Some(ATTEMPTS), alert: Some(ALERT), ..DrainSettings::new() };
    let restart = if values.flag("reboot") { Transition::Upgrade } else { Transition::Kubelet };
    let steps = vec![
        Step::Taint,
        Step::Cordon,
        Step::QuorumGuard,
        Step::Drain(Drain { how, on_deadline: OnDeadline::Fail }),
        Step::Transition(restart),
        Step::Gate(Gate::of(vec![Condition::NodeReady, Condition::StaticPods], WATCHES)),
        Step::Uncordon,
        Step::Untaint,
    ];
    let pools = if values.flag("paused") { Groups::Masters } else { Groups::All };
    let pools = Stage {
        together: true,
        template: false,
        order: Order::Zones,
        pace: Pace::Window { most: Amount::down(values.int_or_percent("max_unavailable")), brake: true },
        on_error: OnError::retries(Span::mins(1)),
        ..Stage::of("machine config pools", pools, steps)
    };
    let mut stages: Vec<Stage> = MasterProcess::ALL.map(rolled).into();
    stages.push(pools);
    Plan::of(values.span("start"), stages)
}
