//! Every strategy on the book's cluster, and what each tool really does that its neighbours do not.
//!
//! Tests T1 to T12 hold what the orchestrators' sources say of them; kops' own (the end of a blocked drain in each kind
//! of group, gates, eras) are also held on a small stage in `src/strategy/kops/tests.rs`. T11, an app whose new version
//! never gets ready, waits for rollouts of new versions in the model.

mod common;

use std::collections::BTreeMap;

use common::{assert_conserved, path};
use rollproof::scenario::{self, Scenario};
use rollproof::sim::outcome::{Outcome, UpgradeResult, Verdict};
use rollproof::sim::{self, Finished, Watch};
use rollproof::strategy::CATALOG;
use rollproof::world::fact::Fact;

/// A shipped scenario under another strategy, with overrides.
fn load(name: &str, strategy: &str, overrides: &[&str]) -> Scenario {
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    match scenario::load(&path(name), &overrides, Some(strategy)) {
        Ok(scenario) => scenario,
        Err(refused) => panic!("{name} under {strategy} does not load:\n{refused}"),
    }
}

fn finished(scenario: &Scenario, seed: u64, trace: bool) -> Finished {
    match sim::run(scenario, seed, Watch { trace, ..Watch::default() }) {
        Ok(finished) => finished,
        Err(error) => panic!("{}, seed {seed}: {error}", scenario.strategy.name()),
    }
}

fn run(scenario: &Scenario, seed: u64) -> Outcome {
    finished(scenario, seed, false).outcome
}

fn laws(outcome: &Outcome) -> Vec<&str> {
    let mut laws: Vec<&str> = outcome.reasons.iter().map(|reason| reason.law.as_str()).collect();
    laws.dedup();
    laws
}

/// Strategies that need no stages of the user's.
fn names() -> impl Iterator<Item = &'static str> {
    CATALOG.iter().map(|strategy| strategy.entry.name).filter(|name| *name != "plan")
}

/// Laws that the baselines of what not to do break on the book's cluster.
const BROKEN: [(&str, &[&str]); 4] = [
    ("in-place-no-drain", &["no-exposure", "no-loss"]),
    ("big-bang", &["etcd-quorum", "no-exposure", "no-loss"]),
    ("masters-parallel", &["etcd-quorum"]),
    ("delete-drain", &["budget", "no-exposure", "no-loss"]),
];

/// Laws that a tool breaks with some seeds. OpenShift's pools go together: where the master that runs the leading
/// controller manager reboots just as a worker is drained, endpoints stay until another takes the lease, and that may
/// take longer than the pod's hook.
const SOMETIMES: [(&str, &[&str]); 1] = [("openshift-mco", &["no-exposure", "no-loss"])];

fn may_break(name: &str) -> &'static [&'static str] {
    BROKEN.iter().chain(&SOMETIMES).find(|(bad, _)| *bad == name).map_or(&[], |(_, laws)| laws)
}

#[test]
fn every_strategy_ends_on_the_book_with_a_verdict_and_breaks_no_law_but_its_own() {
    for name in names() {
        let scenario = load("book-ch18", name, &[]);
        for seed in 1..=3 {
            let outcome = run(&scenario, seed);
            assert_conserved(&outcome);
            assert_eq!(outcome.upgrade.result, UpgradeResult::Completed, "{name}: {:?}", outcome.upgrade.blocker);
            let found = laws(&outcome);
            assert!(
                found.iter().all(|law| may_break(name).contains(law)),
                "{name}, seed {seed}: {:?}",
                outcome.reasons
            );
            let bad = BROKEN.iter().any(|(bad, _)| *bad == name);
            assert!(!bad || outcome.verdict == Verdict::Refuted, "{name}, seed {seed}");
            assert_eq!(outcome.etcd.is_none(), scenario.strategy.entry.hides_etcd, "{name}");
        }
    }
}

#[test]
#[ignore = "takes minutes: SEEDS=100 cargo test --test strategies -- --ignored --nocapture"]
fn a_hundred_seeds_of_every_strategy_give_a_verdict() {
    let seeds: u64 = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(100);
    for name in names() {
        let scenario = load("book-ch18", name, &[]);
        let mut seen: BTreeMap<String, u64> = BTreeMap::new();
        for seed in 1..=seeds {
            let outcome = run(&scenario, seed);
            assert_conserved(&outcome);
            assert_ne!(outcome.verdict, Verdict::Undecided, "{name}, seed {seed}: {:?}", outcome.reasons);
            let found = laws(&outcome);
            assert!(
                found.iter().all(|law| may_break(name).contains(law)),
                "{name}, seed {seed}: {:?}",
                outcome.reasons
            );
            let result = outcome.upgrade.result;
            *seen.entry(format!("{:?}, {result:?} {}", outcome.verdict, found.join(", "))).or_default() += 1;
        }
        println!("{name}: {seen:?}");
    }
}

/// The longest phase of this name, in seconds.
fn longest(outcome: &Outcome, phase: &str) -> f64 {
    let spans = outcome.upgrade.steps.iter().filter(|step| step.phase == phase);
    spans.map(|step| step.end_s.unwrap_or(outcome.sim_seconds) - step.start_s).fold(0.0, f64::max)
}

#[test]
fn t3_a_drain_that_a_budget_blocks_ends_a_kops_group_after_fifteen_minutes() {
    let outcome = run(&load("stuck-pdb", "kops", &[]), 1);
    assert_eq!(outcome.upgrade.result, UpgradeResult::Failed);
    assert!((900.0..=905.1).contains(&longest(&outcome, "draining")), "{}", longest(&outcome, "draining"));
    let ignored = run(&load("stuck-pdb", "kops", &["strategy.fail_on_drain_error=false"]), 1);
    assert_eq!(ignored.upgrade.result, UpgradeResult::Completed);
}

/// How a drain ends that a budget never lets through: the tool, its settings, what becomes of the plan, and after how
/// many seconds of draining; none where it goes on for ever.
const BLOCKED: [(&str, &[&str], UpgradeResult, Option<f64>); 18] = [
    ("talos-os", &[], UpgradeResult::Failed, Some(300.0)),
    ("talos-os", &["strategy.legacy=true"], UpgradeResult::Completed, Some(300.0)),
    ("kops", &[], UpgradeResult::Failed, Some(900.0)),
    ("eks-managed", &[], UpgradeResult::Failed, Some(900.0)),
    ("eks-managed", &["strategy.force=true"], UpgradeResult::Completed, Some(900.0)),
    ("aks-rolling", &[], UpgradeResult::Failed, Some(1800.0)),
    ("aks-blue-green", &[], UpgradeResult::Failed, Some(1800.0)),
    ("gke-surge", &[], UpgradeResult::Completed, Some(3600.0)),
    ("gke-blue-green", &[], UpgradeResult::Completed, Some(3600.0)),
    ("gardener-mcm", &[], UpgradeResult::Completed, Some(7200.0)),
    ("kops-1.15", &[], UpgradeResult::Stalled, None),
    ("kubeadm", &[], UpgradeResult::Stalled, None),
    ("cluster-api", &[], UpgradeResult::Stalled, None),
    ("karpenter-drift", &[], UpgradeResult::Stalled, None),
    ("kured", &[], UpgradeResult::Stalled, None),
    ("system-upgrade-controller", &[], UpgradeResult::Stalled, None),
    ("openshift-mco", &[], UpgradeResult::Stalled, None),
    ("blue-green-manual", &[], UpgradeResult::Stalled, None),
];

#[test]
fn t7_a_blocked_drain_ends_in_each_tools_own_way_at_its_own_time() {
    for (name, settings, result, after) in BLOCKED {
        let outcome = run(&load("stuck-pdb", name, settings), 1);
        let drained = longest(&outcome, "draining");
        assert_eq!(outcome.upgrade.result, result, "{name} {settings:?}: {:?}", outcome.upgrade.blocker);
        match after {
            // A refused eviction sleeps up to 20 s; what is deleted past the budget takes up to its grace to go.
            Some(after) => {
                let slack = if result == UpgradeResult::Completed { 20.0 + 61.0 } else { 20.0 };
                assert!((after..=after + slack).contains(&drained), "{name} {settings:?}: {drained} s");
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
fn t8_blue_green_goes_back_within_its_soak_without_a_new_machine_and_not_after() {
    for (name, soak) in [
        ("gke-blue-green", "node_pool_soak_duration"),
        ("aks-blue-green", "final_soak_duration"),
        ("blue-green-manual", "soak"),
    ] {
        let soak = format!("strategy.{soak}=\"1h\"");
        let back = finished(&load("book-ch18", name, &[&soak, "strategy.rollback_after=\"10m\""]), 1, true);
        assert_eq!(back.outcome.upgrade.result, UpgradeResult::Failed, "{name}");
        assert!(back.outcome.upgrade.blocker.as_deref().is_some_and(|why| why.contains("rolled back")), "{name}");
        let records = back.trace.expect("it was kept").records;
        let undone = records.iter().rposition(|r| matches!(r.fact, Fact::NodeCordoned { unschedulable: false, .. }));
        let undone = undone.unwrap_or_else(|| panic!("{name} uncordons blue"));
        let launched =
            |record: &&rollproof::observe::trace::Record| matches!(record.fact, Fact::MachineLaunched { .. });
        assert_eq!(records[undone..].iter().filter(launched).count(), 0, "{name}");
        let green =
            records.iter().filter_map(|r| if let Fact::MachineStopping { node } = r.fact { Some(node) } else { None });
        // Three masters, five blue and client machines, three new masters; what goes after that is green.
        assert_eq!(green.filter(|node| node.0 >= 11).count(), 3, "{name}: green goes");
        let too_late = run(&load("book-ch18", name, &[&soak, "strategy.rollback_after=\"2h\""]), 1);
        assert_eq!(too_late.upgrade.result, UpgradeResult::Completed, "{name}");
    }
}

#[test]
fn t9_two_budgets_on_a_pod_defeat_every_eviction_and_no_deletion() {
    let second = "budget=[{ name = \"web-too\", apps = [\"web\"], min_available = 1 }]";
    for name in ["kops", "kubeadm", "eks-managed", "aks-rolling", "talos-os"] {
        let outcome = run(&load("book-ch18", name, &[second]), 1);
        assert_eq!(outcome.upgrade.result, UpgradeResult::Failed, "{name}");
    }
    for name in ["cluster-api", "gke-surge", "karpenter-drift", "openshift-mco", "gardener-mcm"] {
        let outcome = run(&load("book-ch18", name, &[second]), 1);
        assert_eq!(outcome.upgrade.result, UpgradeResult::Stalled, "{name}");
    }
    let deletes = run(&load("book-ch18", "delete-drain", &[second]), 1);
    assert_eq!(deletes.upgrade.result, UpgradeResult::Completed);
}

#[test]
fn t10_one_replica_leaves_a_gap_and_a_hook_longer_than_propagation_leaves_none() {
    let single = run(&load("single-replica", "gke-surge", &[]), 1);
    assert!(single.requests.longest_outage_s > 5.0, "{}", single.requests.longest_outage_s);
    let hasty = run(&load("no-prestop", "gke-surge", &[]), 1);
    assert!(hasty.requests.exposed_s > 0.0 && hasty.requests.longest_outage_s < single.requests.longest_outage_s);
    for name in ["gke-surge", "gke-blue-green"] {
        assert_eq!(run(&load("book-ch18", name, &[]), 1).requests.exposed_s, 0.0, "{name}");
    }
}

#[test]
fn t12_a_seed_gives_one_digest_and_a_gates_period_moves_the_end_by_less_than_itself_a_gate() {
    for name in names() {
        let scenario = load("book-ch18", name, &[]);
        assert_eq!(run(&scenario, 7).digest, run(&scenario, 7).digest, "{name}");
    }
    let seconds = |every: &str| {
        let text = std::fs::read_to_string(path("own-plan")).expect("it is shipped").replace("\"15s\"", every);
        let scenario = scenario::parse("own-plan.toml", &text, &[], None).unwrap_or_else(|refused| panic!("{refused}"));
        run(&scenario, 1).upgrade.seconds
    };
    let (slow, quick) = (seconds("\"15s\""), seconds("\"1s\""));
    // Three masters' gates, each looked at on a grid of 15 s instead of one of 1 s.
    assert!((slow - quick).abs() < 3.0 * 15.0, "{slow} s and {quick} s");
}

#[test]
fn an_own_plan_holds_and_its_mistakes_are_found_where_they_stand() {
    let text = std::fs::read_to_string(path("own-plan")).expect("it is shipped");
    let scenario = scenario::parse("own-plan.toml", &text, &[], None).unwrap_or_else(|refused| panic!("{refused}"));
    for seed in 1..=10 {
        let outcome = run(&scenario, seed);
        assert_eq!(outcome.verdict, Verdict::Holds, "seed {seed}: {:?}", outcome.reasons);
    }
    for (right, wrong, said) in [
        ("\"terminate\"", "\"terminated\"", "terminate"),
        ("[\"node-ready\", \"control-plane\"]", "[\"node-readyy\"]", "node-ready"),
        ("surge = 1\npremark", "surge = 1\nsurgee = 2\npremark", "surgee"),
        ("groups = \"masters\"", "groups = \"master\"", "masters"),
    ] {
        assert!(text.contains(right), "{right}");
        let refused = scenario::parse("own-plan.toml", &text.replacen(right, wrong, 1), &[], None);
        let refused = refused.err().unwrap_or_else(|| panic!("{wrong} is a mistake")).to_string();
        assert!(refused.contains(said), "{wrong}: {refused}");
    }
}
