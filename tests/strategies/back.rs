//! T8: ways back; and what a tool that dies in mid-plan leaves and finds again.

use rollproof::observe::trace::Trace;
use rollproof::sim::outcome::{UpgradeResult, Verdict};
use rollproof::world::fact::Fact;
use rollproof::world::ids::NodeId;

use super::{finished, load, run};

/// Tools with two pools, and the setting of the soak before the old one goes.
const TWO_POOLS: [(&str, &str); 3] = [
    ("gke-blue-green", "node_pool_soak_duration"),
    ("aks-blue-green", "final_soak_duration"),
    ("blue-green-manual", "soak"),
];

/// Where each pod stands that was bound and is not gone at the end.
fn hosts(trace: &Trace) -> Vec<NodeId> {
    let mut hosts = std::collections::BTreeMap::new();
    for record in &trace.records {
        match record.fact {
            Fact::PodBound { pod, node } => {
                hosts.insert(pod.0, node);
            }
            Fact::PodDeleting { pod } | Fact::PodGone { pod } => {
                hosts.remove(&pod.0);
            }
            _ => {}
        }
    }
    hosts.into_values().collect()
}

#[test]
fn t8_blue_green_goes_back_in_mid_drain_or_within_its_soak_without_a_new_machine() {
    for (name, soak) in TWO_POOLS {
        let soak = format!("strategy.{soak}=\"1h\"");
        for when in ["strategy.rollback_after=\"10m\"", "strategy.cancel_after=\"1m\""] {
            let back = finished(&load("book-ch18", name, &[&soak, when]), 1, true);
            assert_eq!(back.outcome.upgrade.result, UpgradeResult::Failed, "{name} {when}");
            let blocker = back.outcome.upgrade.blocker.as_deref().unwrap_or_default();
            assert!(blocker.contains("rolled back"), "{name} {when}: {blocker}");
            let trace = back.trace.expect("it was kept");
            let uncordoned = |fact: Fact| matches!(fact, Fact::NodeCordoned { unschedulable: false, .. });
            let undone = trace.records.iter().rposition(|record| uncordoned(record.fact));
            let undone = undone.unwrap_or_else(|| panic!("{name} {when} uncordons blue"));
            let launched = |fact: Fact| matches!(fact, Fact::MachineLaunched { .. });
            let after = trace.records[undone..].iter().filter(|record| launched(record.fact)).count();
            assert_eq!(after, 0, "{name} {when} needs no machine");
            // Three masters, three blue workers, two of the clients; three new masters come before green.
            let hosts = hosts(&trace);
            assert!(!hosts.is_empty() && hosts.iter().all(|node| (3..6).contains(&node.0)), "{name} {when}: {hosts:?}");
            let gone = |fact: Fact| matches!(fact, Fact::MachineStopping { node } if node.0 >= 11);
            assert_eq!(trace.records.iter().filter(|record| gone(record.fact)).count(), 3, "{name} {when}: green goes");
        }
    }
}

#[test]
fn t8_once_blue_is_deleted_there_is_no_way_back() {
    for (name, soak) in TWO_POOLS {
        let soak = format!("strategy.{soak}=\"1h\"");
        for when in ["strategy.rollback_after=\"2h\"", "strategy.cancel_after=\"9h\""] {
            let outcome = run(&load("book-ch18", name, &[&soak, when]), 1);
            assert_eq!(outcome.upgrade.result, UpgradeResult::Completed, "{name} {when}");
        }
    }
}

#[test]
fn t8_gke_rolls_back_past_budgets_unless_it_is_told_to_respect_them() {
    // Source: gcloud container node-pools rollback, --respect-pdb.
    let lost = |respect: &str| {
        let settings = ["strategy.cancel_after=\"4m\"", respect];
        run(&load("book-ch18", "gke-blue-green", &settings), 1).pdb_violations
    };
    assert_eq!(lost("strategy.respect_pdb=true"), 0);
    assert!(lost("strategy.respect_pdb=false") > 0);
}

#[test]
fn an_eks_control_plane_that_does_not_come_back_is_reverted_and_no_node_group_is_touched() {
    // Source: EKS user guide, "Update existing cluster to new Kubernetes version".
    let dead =
        "fault=[{ kind = \"node-power-off\", target = \"master-2\", at = \"master-2:booting\", lasting = \"40m\" }]";
    let back = finished(&load("book-ch18", "eks-managed", &[dead]), 1, true);
    let blocker = back.outcome.upgrade.blocker.as_deref().unwrap_or_default();
    assert!(blocker.contains("masters was rolled back"), "{blocker}");
    let trace = back.trace.expect("it was kept");
    let workers = trace.records.iter().filter(|record| match record.fact {
        Fact::MachineLaunched { node } => trace.names.nodes[node].starts_with("workers"),
        _ => false,
    });
    assert_eq!(workers.count(), 0);
}

#[test]
fn a_tool_that_dies_in_mid_plan_and_is_started_again_finishes_and_loses_nothing() {
    let names = [
        "kops",
        "kops-1.15",
        "kubeadm",
        "cluster-api",
        "gke-surge",
        "gke-blue-green",
        "eks-managed",
        "aks-rolling",
        "karpenter-drift",
        "system-upgrade-controller",
        "talos-k8s",
        "gardener-mcm",
        "blue-green-manual",
    ];
    for name in names {
        for moment in ["3m", "workers-2:draining", "workers-2:transition", "master-2:transition"] {
            let crash = format!("fault=[{{ kind = \"orchestrator-crash\", at = \"{moment}\", offset = \"1s\" }}]");
            let outcome = run(&load("book-ch18", name, &[&crash]), 1);
            let told = (name, moment, &outcome.upgrade.blocker, &outcome.reasons);
            assert_eq!(outcome.upgrade.result, UpgradeResult::Completed, "{told:?}");
            assert_eq!(outcome.verdict, Verdict::Holds, "{told:?}");
        }
    }
}

#[test]
fn a_tool_that_dies_for_good_leaves_the_upgrade_where_it_is() {
    let crash = "fault=[{ kind = \"orchestrator-crash\", at = \"5m\", lasting = \"never\" }]";
    let outcome = run(&load("book-ch18", "kops", &[crash]), 1);
    assert_eq!(outcome.upgrade.result, UpgradeResult::Stalled);
    assert_eq!(outcome.upgrade.blocker.as_deref(), Some("the tool that runs the plan is dead"));
}
