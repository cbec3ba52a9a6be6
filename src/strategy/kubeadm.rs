//! kubeadm, node by node, as an operator runs it by the book.

use super::catalog::{StrategyEntry, Target};
use super::machinery::parts::{SCRIPT_LOOKS, drain_within, node_ready};
use super::machinery::*;
use super::start::START;
use crate::base::Span;
use crate::config::{Entry, Kind, Setting, Values};
use crate::world::disturbance::MasterProcess;
use crate::world::fact::StepPhase;

/// kubeadm.
pub static KUBEADM: StrategyEntry = StrategyEntry {
    entry: &ENTRY,
    build: |values| Box::new(Run::new(plan(values))),
    target: Target::Needed,
    hides_etcd: false,
};

/// Time between two looks at a static pod. Source: kubeadm `app/constants`, KubernetesAPICallRetryInterval.
const POD_LOOKS: Span = Span::millis(500);
/// Looks at etcd after its swap: ten, 15 s apart. Source: kubeadm `app/phases/upgrade/staticpods.go`.
const ETCD_LOOKS: (Span, Span) = (Span::secs(15), Span::secs(135));

static ENTRY: Entry = Entry {
    name: "kubeadm",
    about: "kubeadm upgrade, master by master and then worker by worker, each drained for its kubelet.",
    details: "On a master: the control plane must be healthy, images are pulled, then the manifests of etcd, API server, \
              controller manager and scheduler are replaced in turn, each pod Ready within upgradeManifests; a failure \
              moves the manifests of this master back and ends the command. Nothing moves etcd's leader first, and \
              the local API server keeps its clients while its etcd is down. Then, on every node: cordon, drain with \
              kubectl's defaults, new kubelet, Ready, uncordon. kube-proxy and cluster DNS, which kubeadm upgrades as \
              add-ons, are left as they are.",
    settings: &SETTINGS,
    sources: &[
        "kubernetes cmd/kubeadm/app/phases/upgrade/staticpods.go, health.go, policy.go",
        "Kubernetes documentation, \"Upgrading kubeadm clusters\"",
    ],
};

const API: &str = "kubeadm API v1beta4, Timeouts";
const DOC: &str = "Kubernetes documentation, \"Upgrading kubeadm clusters\"";

static SETTINGS: [Setting; 8] = [
    START,
    setting("upgrade_manifests", SPAN, "\"5m\"", "A swapped static pod must be Ready by then.", API),
    setting(
        "etcd_upgrade",
        Kind::Bool,
        "true",
        "Whether etcd's manifest is replaced, too (--etcd-upgrade); it is left alone where its version stays.",
        "kubernetes cmd/kubeadm/app/cmd/upgrade/apply.go",
    ),
    setting(
        "pull_images",
        SPAN,
        "\"90s\"",
        "Time to pull the images before the first manifest is replaced; the tool says a minute or two.",
        "kubeadm's own message while it pulls",
    ),
    setting("drain_timeout", SPAN, "\"0s\"", "kubectl drain --timeout; 0s for none.", "kubectl pkg/cmd/drain/drain.go"),
    setting("install", SPAN, "\"20s\"", "Time to install packages on a drained node.", "rollproof: an estimate"),
    setting(
        "kubelet_health_check",
        SPAN,
        "\"4m\"",
        "A node must be Ready within this of its kubelet's restart; then the operator stops.",
        API,
    ),
    count(
        "workers_at_once",
        (1, 5000),
        "1",
        "nodes",
        "Workers upgraded at a time; a few at most, says the manual.",
        DOC,
    ),
];

fn plan(values: &Values) -> Plan {
    let mut master = vec![
        Step::Gate(Gate { deadline: Some(Span::ZERO), ..Gate::of(vec![Condition::ControlPlane], POD_LOOKS) }),
        Step::Wait(StepPhase::Premarked, values.span("pull_images")),
    ];
    if values.flag("etcd_upgrade") {
        let etcd = Gate::of(vec![Condition::Etcd], ETCD_LOOKS.0).within(ETCD_LOOKS.1);
        master.extend([swap(MasterProcess::Etcd, values), Step::Gate(etcd)]);
    }
    master.extend(parts::SERVERS.map(|process| swap(process, values)));
    master.extend(kubelet(values));
    let workers = u32::try_from(values.count("workers_at_once")).unwrap_or(u32::MAX);
    Plan::of(
        values.span("start"),
        vec![
            Stage { template: false, ..Stage::of("control plane", Groups::Masters, master) },
            Stage { template: false, ..Stage::of("workers", Groups::Workers, kubelet(values)) }
                .at_once(Amount::count(workers)),
        ],
    )
}

fn swap(process: MasterProcess, values: &Values) -> Step {
    let deadline = unless_zero(values, "upgrade_manifests");
    Step::Swap(Swap {
        processes: vec![process],
        together: false,
        one_process: false,
        every: POD_LOOKS,
        deadline,
        rollback: true,
    })
}

/// The same on every node: drained, a new kubelet, back to work.
fn kubelet(values: &Values) -> Vec<Step> {
    vec![
        Step::Cordon,
        drain_within(values.span("drain_timeout")),
        Step::Wait(StepPhase::Transition, values.span("install")),
        Step::Transition(Transition::Kubelet),
        Step::Gate(node_ready(SCRIPT_LOOKS).within(values.span("kubelet_health_check"))),
        Step::Uncordon,
    ]
}
