//! T3, T4, T7 and T9: how a drain that a budget blocks, and a gate that never passes, end in each tool's own way.

use rollproof::sim::outcome::{Outcome, UpgradeResult};

use super::{load, longest, run};

/// A worker whose kubelet is dead from the first worker's turn on: a node of the same group that is never Ready.
const DEAD_WORKER: &str =
    "fault=[{ kind = \"node-power-off\", target = \"workers-3\", at = \"workers-1:soak\", lasting = \"never\" }]";

fn seconds_of(outcome: &Outcome, unit: &str, phase: &str) -> f64 {
    let of = outcome.upgrade.steps.iter().filter(|step| step.unit == unit && step.phase == phase);
    of.map(|step| step.end_s.unwrap_or(outcome.sim_seconds) - step.start_s).fold(0.0, f64::max)
}

#[test]
fn t3_a_blocked_drain_ends_a_kops_group_after_fifteen_minutes_and_the_next_group_begins() {
    // Source: kops pkg/instancegroups/instancegroups.go, rollingupdate.go: a drain error is no exitable error.
    let second = "node_pool=[{ name = \"clients\", count = 2, upgrade = false, runs_apps = false, in_load_balancer = false }, \
                  { name = \"a\", count = 1 }, { name = \"b\", count = 1, runs_apps = false }]";
    let outcome = run(&load("stuck-pdb", "kops", &[second]), 1);
    assert_eq!(outcome.upgrade.result, UpgradeResult::Failed, "{:?}", outcome.upgrade.blocker);
    let drained = seconds_of(&outcome, "a-1", "draining");
    assert!((900.0..=905.1).contains(&drained), "fifteen minutes and at most one sleep: {drained}");
    let begins = |unit: &str| {
        let step = outcome.upgrade.steps.iter().find(|step| step.unit == unit);
        step.unwrap_or_else(|| panic!("{unit} has its turn: {:?}", outcome.upgrade.steps)).start_s
    };
    assert!(begins("b-1") > begins("a-1") + 900.0, "the next group is started after it");
    assert_eq!(outcome.requests.lost, 0, "the node stays cordoned and alive");
    let ignored = run(&load("stuck-pdb", "kops", &["strategy.fail_on_drain_error=false"]), 1);
    assert_eq!(ignored.upgrade.result, UpgradeResult::Completed, "the machine goes all the same");
}

#[test]
fn t4_a_kops_gate_that_never_passes_stops_the_run_within_half_a_minute_of_its_time_out() {
    // Source: kops pkg/instancegroups/instancegroups.go, validateClusterWithTimeout.
    let outcome = run(&load("book-ch18", "kops", &[DEAD_WORKER]), 1);
    assert_eq!(outcome.upgrade.result, UpgradeResult::Failed, "{:?}", outcome.upgrade.blocker);
    let gate = longest(&outcome, "gate");
    assert!((900.0..=930.0).contains(&gate), "{gate} s");
    // A worker of another group that is dead is none of this group's business.
    let other = "node_pool=[{ name = \"a\", count = 1 }, { name = \"workers\", count = 3 }, \
                 { name = \"z\", count = 1, upgrade = false, runs_apps = false }, \
                 { name = \"clients\", count = 2, upgrade = false, runs_apps = false, in_load_balancer = false }]";
    let dead = DEAD_WORKER.replace("workers-3", "z-1");
    let outcome = run(&load("book-ch18", "kops", &[other, &dead]), 1);
    assert_eq!(outcome.upgrade.result, UpgradeResult::Completed, "{:?}", outcome.upgrade.blocker);
}

/// How a drain ends that a budget never lets through: the tool, its settings, what becomes of the plan, and after how
/// many seconds of draining; none where it goes on for ever. Sources: those of the strategies, `rollproof show NAME`.
const BLOCKED: [(&str, &[&str], UpgradeResult, Option<f64>); 25] = [
    ("talos-os", &[], UpgradeResult::Failed, Some(300.0)),
    ("talos-os", &["strategy.legacy=true"], UpgradeResult::Completed, Some(300.0)),
    ("kops", &[], UpgradeResult::Failed, Some(900.0)),
    ("eks-managed", &[], UpgradeResult::Failed, Some(900.0)),
    ("eks-managed", &["strategy.force=true"], UpgradeResult::Completed, Some(900.0)),
    ("canary-pool", &[], UpgradeResult::Failed, Some(900.0)),
    ("system-upgrade-controller", &[], UpgradeResult::Stalled, Some(900.0)),
    // Four attempts of 360 s, 10 s apart.
    ("kubespray", &[], UpgradeResult::Failed, Some(1470.0)),
    ("kubespray", &["strategy.drain_fallback_enabled=true"], UpgradeResult::Completed, Some(1470.0)),
    ("kubespray", &["strategy.upgrade_node_fail_if_drain_fails=false"], UpgradeResult::Completed, Some(1470.0)),
    ("aks-rolling", &[], UpgradeResult::Failed, Some(1800.0)),
    ("aks-rolling", &["strategy.undrainable_node_behavior=\"Cordon\""], UpgradeResult::Completed, Some(1800.0)),
    ("aks-blue-green", &[], UpgradeResult::Failed, Some(1800.0)),
    ("karpenter-drift", &["strategy.termination_grace_period=\"30m\""], UpgradeResult::Completed, Some(1740.0)),
    ("gke-surge", &[], UpgradeResult::Completed, Some(3600.0)),
    ("gke-blue-green", &[], UpgradeResult::Completed, Some(3600.0)),
    ("gardener-mcm", &[], UpgradeResult::Completed, Some(7200.0)),
    ("kops-1.15", &[], UpgradeResult::Stalled, None),
    ("kubeadm", &[], UpgradeResult::Stalled, None),
    ("kubectl-drain", &[], UpgradeResult::Stalled, None),
    ("cluster-api", &[], UpgradeResult::Stalled, None),
    ("karpenter-drift", &[], UpgradeResult::Stalled, None),
    ("kured", &[], UpgradeResult::Stalled, None),
    ("openshift-mco", &[], UpgradeResult::Stalled, None),
    ("blue-green-manual", &[], UpgradeResult::Stalled, None),
];

#[test]
fn t7_a_blocked_drain_ends_in_each_tools_own_way_at_its_own_time() {
    for (name, settings, result, after) in BLOCKED {
        let mut settings = settings.to_vec();
        if name == "kubectl-drain" {
            settings.push("strategy.nodes=\"workers-3\"");
        }
        let outcome = run(&load("stuck-pdb", name, &settings), 1);
        let drained = longest(&outcome, "draining");
        assert_eq!(outcome.upgrade.result, result, "{name} {settings:?}: {:?}", outcome.upgrade.blocker);
        match after {
            // A refused eviction sleeps up to 20 s; what is deleted past the budget takes up to its grace to go.
            Some(after) => {
                let slack = if result == UpgradeResult::Completed { 20.0 + 61.0 } else { 20.0 };
                assert!((after - 1e-6..=after + slack).contains(&drained), "{name} {settings:?}: {drained} s");
            }
            None => {
                let blocker = outcome.upgrade.blocker.as_deref().unwrap_or_default();
                assert!(blocker.contains("budget web allows no eviction"), "{name}: {blocker}");
                assert!(outcome.events < 3_000, "{name}: a plan that is blocked makes no events: {}", outcome.events);
            }
        }
    }
}

#[test]
fn t7_openshift_alone_raises_an_alert_after_an_hour_and_goes_on() {
    for name in ["openshift-mco", "cluster-api", "karpenter-drift"] {
        let outcome = run(&load("stuck-pdb", name, &[]), 1);
        let alert = outcome.upgrade.remarks.iter().find(|remark| remark.text.starts_with("alert"));
        assert_eq!(alert.is_some(), name == "openshift-mco", "{name}");
        let begins =
            |step: &&rollproof::sim::outcome::Step| step.phase == "draining" && step.unit.starts_with("workers");
        let begun = outcome.upgrade.steps.iter().filter(begins).map(|step| step.start_s).fold(0.0, f64::max);
        if let Some(alert) = alert {
            assert!((3600.0..3601.0).contains(&(alert.at_s - begun)), "{} s after {begun} s", alert.at_s);
        }
    }
}

#[test]
fn t9_two_budgets_on_a_pod_defeat_every_eviction_and_no_deletion() {
    // Source: kubernetes pkg/registry/core/pod/storage/eviction.go.
    let second = "budget=[{ name = \"web-too\", apps = [\"web\"], min_available = 1 }]";
    let ends = [
        (
            UpgradeResult::Failed,
            &[
                "kops",
                "kops-1.15",
                "kubeadm",
                "eks-managed",
                "aks-rolling",
                "aks-blue-green",
                "talos-os",
                "canary-pool",
            ][..],
        ),
        (
            UpgradeResult::Stalled,
            &[
                "cluster-api",
                "gke-surge",
                "karpenter-drift",
                "openshift-mco",
                "gardener-mcm",
                "system-upgrade-controller",
            ],
        ),
        (UpgradeResult::Completed, &["delete-drain"]),
    ];
    for (result, names) in ends {
        for name in names {
            let outcome = run(&load("book-ch18", name, &[second]), 1);
            assert_eq!(outcome.upgrade.result, result, "{name}: {:?}", outcome.upgrade.blocker);
        }
    }
}
