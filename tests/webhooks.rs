//! Admission webhooks on the write path: who is refused what when their backends are gone.
//!
//! Source: `k8s.io/apiserver pkg/admission/plugin/webhook`; kubernetes docs, "Avoiding deadlocks in self-hosted webhooks".

mod common;

use common::{assert_conserved, finished, load, run};
use rollproof::scenario::{self, Scenario};
use rollproof::sim::outcome::UpgradeResult;
use rollproof::world::fact::{Fact, Loss};
use rollproof::world::store::NodeReady;

#[test]
fn a_webhook_that_must_be_asked_about_its_own_pods_deadlocks_the_roll_and_is_named() {
    for seed in 1..=5 {
        let outcome = run(&load("webhook-deadlock", &[]), seed);
        assert_conserved(&outcome);
        assert_eq!(outcome.upgrade.result, UpgradeResult::Stalled, "seed {seed}");
        let blocker = outcome.upgrade.blocker.expect("a stall has one");
        assert!(
            blocker.contains("webhook policy (failurePolicy Fail) refuses CREATE pods: no pod of policy is ready"),
            "seed {seed}: {blocker}"
        );
        assert!(blocker.contains("budget web"), "seed {seed}: {blocker}");
    }
}

#[test]
fn a_webhook_that_leaves_its_own_pods_out_or_may_be_ignored_lets_the_roll_complete() {
    for change in ["webhook[0].exempt=[\"policy\"]", "webhook[0].failure_policy=\"Ignore\""] {
        for seed in 1..=5 {
            let outcome = run(&load("webhook-deadlock", &[change]), seed);
            assert_eq!(outcome.upgrade.result, UpgradeResult::Completed, "{change}, seed {seed}");
            assert_eq!(outcome.requests.lost, 0, "{change}, seed {seed}: {:?}", outcome.reasons);
            assert_eq!(outcome.skew_violations, 0, "{change}, seed {seed}");
        }
    }
}

/// A webhook on evictions whose pod is on a node that loses its power.
fn evictions_text(policy: &str, timeout: &str) -> String {
    format!(
        r#"
schema = 1
cluster.version = {{ from = "1.30.2", to = "1.30.2" }}
strategy = {{ name = "kubectl-drain", start = "2m" }}
objective = {{ completion = "may-stop-safely", max_lost = "any", max_exposed = "any" }}
limits = {{ horizon = "1h" }}

[[node_pool]]
name = "workers"
count = 2

[[node_pool]]
name = "edge"
count = 1
upgrade = false

[app.web]
replicas = 4
pool = "workers"

[app.policy]
replicas = 1
pool = "edge"

[[webhook]]
name = "guard"
app = "policy"
rules = ["CREATE pods/eviction"]
failure_policy = "{policy}"
timeout = "{timeout}"

[[fault]]
kind = "node-power-off"
target = "edge-1"
at = "1m50s"
lasting = "never"
"#
    )
}

fn on_evictions(policy: &str, timeout: &str) -> Scenario {
    let text = evictions_text(policy, timeout);
    scenario::parse("evictions", &text, &[], None).unwrap_or_else(|refused| panic!("{refused}"))
}

/// The ReplicaSet controller replaces a pod as soon as its deletion is asked for, when it still answers.
#[test]
fn a_drain_of_the_backend_alone_deadlocks_nothing() {
    let moved = ["app.policy.pool=\"workers\"", "fault=[]"];
    for seed in 1..=3 {
        let outcome = run(&load("webhook-deadlock", &moved), seed);
        assert_eq!(outcome.upgrade.result, UpgradeResult::Completed, "seed {seed}: {:?}", outcome.upgrade.blocker);
    }
}

#[test]
fn a_silent_backend_holds_each_write_for_its_time_out_and_then_refuses_it() {
    let failed = |policy: &str, timeout: &str| {
        let finished = finished(&on_evictions(policy, timeout), 1, true);
        let trace = finished.trace.expect("it was asked for");
        let of = |record: &rollproof::observe::trace::Record| match record.fact {
            Fact::WebhookFailed { loss, ignored, .. } => Some((record.at.secs_f64(), loss, ignored)),
            _ => None,
        };
        (trace.records.iter().filter_map(of).collect::<Vec<_>>(), finished.outcome)
    };
    let (refused, outcome) = failed("Fail", "10s");
    assert!(!refused.is_empty() && refused.iter().all(|(_, loss, ignored)| *loss == Loss::BlackHole && !ignored));
    assert_ne!(outcome.upgrade.result, UpgradeResult::Completed, "{:?}", outcome.upgrade);
    let (passed, outcome) = failed("Ignore", "5s");
    assert!(passed.iter().all(|(_, _, ignored)| *ignored));
    assert_eq!(outcome.upgrade.result, UpgradeResult::Completed, "{:?}", outcome.upgrade);
    assert!(refused[0].0 - passed[0].0 > 4.9, "10 s and 5 s: {refused:?} {passed:?}");
}

/// All validating webhooks are asked at once, and each that fails is an event of its own.
#[test]
fn two_webhooks_that_fail_one_write_are_both_told() {
    let second = "[[webhook]]\nname = \"second\"\napp = \"policy\"\nrules = [\"CREATE pods/eviction\"]\nfailure_policy = \"Ignore\"\n";
    let both = evictions_text("Fail", "10s").replace("[[fault]]", &format!("{second}\n[[fault]]"));
    let scenario = scenario::parse("evictions", &both, &[], None).unwrap_or_else(|refused| panic!("{refused}"));
    let trace = finished(&scenario, 1, true).trace.expect("it was asked for");
    let told = |wanted: bool| {
        let of = |record: &&rollproof::observe::trace::Record| match record.fact {
            Fact::WebhookFailed { ignored, .. } => ignored == wanted,
            _ => false,
        };
        trace.records.iter().filter(of).map(|record| record.at).collect::<Vec<_>>()
    };
    assert!(!told(false).is_empty());
    assert_eq!(told(false), told(true));
}

#[test]
fn a_cluster_whose_webhooks_match_nothing_runs_as_one_without() {
    for seed in 1..=5 {
        let with = run(&load("webhook-deadlock", &["webhook[0].rules=[\"DELETE nodes/status\"]"]), seed);
        let without = run(&load("webhook-deadlock", &["webhook=[]"]), seed);
        assert_eq!(with.upgrade.result, UpgradeResult::Completed, "seed {seed}: {:?}", with.upgrade.blocker);
        // Its API servers' machines have rules, which costs events and changes nothing.
        assert_eq!(with.requests, without.requests, "seed {seed}");
        assert_eq!(with.upgrade, without.upgrade, "seed {seed}");
    }
}

/// A webhook on leases whose pod, on a node of its own, is drained and finds no other.
fn on_leases(policy: &str) -> Scenario {
    let text = evictions_text(policy, "10s").replace("\"CREATE pods/eviction\"", "\"UPDATE leases\"");
    let text = text.split("[[fault]]").next().expect("all before it").replace("start = \"2m\"", "nodes = \"edge-1\"");
    scenario::parse("leases", &text, &[], None).unwrap_or_else(|refused| panic!("{refused}"))
}

/// Source: `pkg/controller/nodelifecycle`, node-monitor-grace-period 40 s and node-monitor-period 5 s; the kubelet renews
/// each 10 s.
#[test]
fn nodes_whose_renewals_are_refused_are_lost_after_their_grace() {
    for (policy, lost) in [("Fail", true), ("Ignore", false)] {
        let finished = finished(&on_leases(policy), 1, true);
        let trace = finished.trace.expect("it was asked for");
        let at = |wanted: fn(&Fact) -> bool| {
            trace.records.iter().find(|record| wanted(&record.fact)).map(|record| record.at.secs_f64())
        };
        let unheard = at(|fact| matches!(fact, Fact::NodeReadyIs { ready: NodeReady::Unknown, .. }));
        assert_eq!(unheard.is_some(), lost, "{policy}: {unheard:?}");
        if let Some(unheard) = unheard {
            let refused = at(|fact| matches!(fact, Fact::WebhookFailed { .. })).expect("renewals are refused");
            assert!((30.0..=50.0).contains(&(unheard - refused)), "refused at {refused}, lost at {unheard}");
        }
    }
}

#[test]
fn nobody_is_lost_while_a_webhook_on_leases_answers() {
    let text = evictions_text("Fail", "10s").replace("\"CREATE pods/eviction\"", "\"UPDATE leases\"");
    let text = text.split("[[fault]]").next().expect("all before it").to_owned();
    let scenario = scenario::parse("leases", &text, &[], None).unwrap_or_else(|refused| panic!("{refused}"));
    let finished = finished(&scenario, 1, true);
    assert_eq!(finished.outcome.upgrade.result, UpgradeResult::Completed, "{:?}", finished.outcome.upgrade.blocker);
    let unheard = |fact: &Fact| matches!(fact, Fact::NodeReadyIs { ready: NodeReady::Unknown, .. });
    let trace = finished.trace.expect("it was asked for");
    assert!(!trace.records.iter().any(|record| unheard(&record.fact)));
}
