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

/// Retry of a member's removal that is not safe yet. Source: cluster-api controlplane/kubeadm, deleteRequeueAfter.
const REMOVAL: Span = Span::secs(30);

static ENTRY: Entry = Entry {
    name: "cluster-api",
    about: "Cluster API: masters replaced member by member behind preflight checks without a deadline, then surge rolls.",
    details: "With control_plane_max_surge 1 a master more joins first, in the zone of the one that will go: a machine, \
              an etcd member as kubeadm adds it (a voter up to 1.28, a learner that is promoted from 1.29). Preflight \
              checks, looked at every 15 s, for ever, ask that every master's machine, static pods and etcd member are \
              healthy. Then one old master hands over if it leads etcd, to the newest, is cordoned and drained in passes \
              20 s apart; its member is removed once the others have a healthy majority without it, looked at every \
              30 s, for ever; only then its machine goes. So there are never fewer healthy voters than masters. With 0 \
              the old master goes first: one voter fewer until the new one has joined. Then each MachineDeployment, by \
              the arithmetic of a Deployment: machines of max_surge first, Ready for min_ready_seconds, an old one \
              cordoned and drained, no deadline unless node_drain_timeout sets one, at which the drain is left as it is \
              and the machine goes. Nothing is aborted or rolled back; it waits. Remediation by a MachineHealthCheck is \
              not modelled.",
    settings: &SETTINGS,
    sources: &[
        "cluster-api core/reconcilers/machinedeployment, machine, machineset",
        "cluster-api controlplane/kubeadm/reconcilers/kubeadmcontrolplane",
    ],
};

const MD: &str = "cluster-api core/reconcilers/machinedeployment/machinedeployment_rollout_rollingupdate.go";
const MACHINE: &str = "cluster-api core/reconcilers/machine/machine_controller.go";

static SETTINGS: [Setting; 6] = [
    START,
    count(
        "control_plane_max_surge",
        (0, 1),
        "1",
        "masters",
        "Masters that join before an old one goes; 0 needs three masters.",
        "cluster-api controlplane/kubeadm api, rollout.strategy.rollingUpdate.maxSurge",
    ),
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
    let masters = masters(values.count("control_plane_max_surge"), &preflight, &drain);
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
    let on_error = OnError { quorum: Action::Retry(REMOVAL), ..OnError::retries(RECONCILE) };
    let masters = Stage { on_error, ..Stage::of("control plane", Groups::Masters, masters) };
    let workers = Stage {
        before: Some(preflight),
        pace: surge_and(surge, unavailable),
        on_error: OnError::retries(RECONCILE),
        ..Stage::of("machine deployments", Groups::Workers, workers)
    };
    Plan::of(values.span("start"), vec![masters, workers])
}

/// One master's life: the new one joins before it, or after it.
fn masters(surge: u64, preflight: &Gate, drain: &Step) -> Vec<Step> {
    let joins = Step::Surge { most: Amount::count(1), until: node_ready(WATCHES) };
    let others = Gate::of(vec![Condition::OtherMasters], PREFLIGHT);
    let leaves = vec![
        Step::MoveLeader,
        Step::Cordon,
        drain.clone(),
        Step::Gate(Gate::of(vec![Condition::MemberRemovable], REMOVAL)),
        Step::RemoveMember,
        Step::Deregister,
    ];
    let ahead = if surge > 0 { vec![joins.clone(), Step::Gate(others)] } else { Vec::new() };
    let behind = match surge {
        0 => vec![Step::Transition(Transition::Retire), joins],
        _ => vec![Step::Transition(Transition::Replace)],
    };
    let checked = || vec![Step::Gate(preflight.clone())];
    [checked(), ahead, leaves, behind, checked()].concat()
}

/// What the tool's webhook would refuse.
pub fn refused(values: &Values, masters: u32) -> Option<String> {
    let scales_in = values.count("control_plane_max_surge") == 0;
    (scales_in && masters < SCALE_IN_MASTERS).then(|| {
        format!("control_plane_max_surge = 0 needs {SCALE_IN_MASTERS} masters: the cluster would lose one of {masters} first")
    })
}

/// Masters that a roll without a surge needs. Source: cluster-api controlplane/kubeadm webhook, validateRolloutStrategy.
const SCALE_IN_MASTERS: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::stage::{Stage, secs, spec};

    /// When the first order that begins so was given.
    fn first(stage: &Stage, order: &str) -> usize {
        let begins = |(_, line): &(crate::base::Time, String)| line.starts_with(order);
        stage.log.iter().position(begins).unwrap_or_else(|| panic!("no {order}:\n{}", stage.transcript()))
    }

    // cluster-api controlplane/kubeadm/reconcilers/kubeadmcontrolplane: scale up, then scale down, one at a time.
    #[test]
    fn a_master_joins_before_an_old_one_hands_over_and_its_member_goes_before_its_machine() {
        let mut stage = Stage::new(spec(3, 0), (CLUSTER_API.build)(&ENTRY.defaults()));
        stage.run_until(secs(7_200));
        assert_eq!(stage.ended.as_ref().map(|(_, result)| result), Some(&Ok(())), "{}", stage.transcript());
        let order = [
            "order grow masters",
            "order move leader from 1 to 4",
            "order cordon master-1",
            "order remove member 1",
            "order deregister server 1",
            "order retire master-1",
        ];
        assert!(order.map(|order| first(&stage, order)).is_sorted(), "{}", stage.transcript());
        assert_eq!(stage.members.members().map(|member| member.0).collect::<Vec<_>>(), [3, 4, 5]);
        assert_eq!(stage.log.iter().filter(|(_, line)| line.starts_with("order grow masters")).count(), 3);
    }
}
