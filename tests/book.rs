//! The main job: the book's upgrade, seed by seed, and what its variations show.

mod common;

use common::{assert_conserved, finished, load, run};
use rollproof::sim::outcome::{Outcome, UpgradeResult, Verdict};

/// Units in the order in which they were drained or replaced.
fn order(outcome: &Outcome) -> Vec<&str> {
    let mut units: Vec<&str> = Vec::new();
    for step in outcome.upgrade.steps.iter().filter(|step| step.phase == "transition") {
        if !units.contains(&step.unit.as_str()) {
            units.push(&step.unit);
        }
    }
    units
}

#[test]
fn the_books_upgrade_loses_nothing_on_two_hundred_seeds() {
    let book = load("book-ch18", &[]);
    for seed in 1..=200 {
        let outcome = run(&book, seed);
        assert_eq!(outcome.verdict, Verdict::Holds, "seed {seed}: {:?}", outcome.reasons);
        assert_eq!(outcome.upgrade.result, UpgradeResult::Completed, "seed {seed}");
        assert_eq!((outcome.requests.lost, outcome.requests.exposed_s), (0, 0.0), "seed {seed}");
        let etcd = outcome.etcd.as_ref().expect("etcd is observable");
        assert!(etcd.min_members >= 2 && etcd.quorum_breaks == 0, "seed {seed}: {etcd:?}");
        assert_eq!((outcome.skew_violations, outcome.pdb_violations), (0, 0), "seed {seed}");
        assert_conserved(&outcome);
    }
}

#[test]
fn masters_go_one_at_a_time_before_any_worker() {
    let outcome = run(&load("book-ch18", &[]), 1);
    let units = order(&outcome);
    let masters = units.iter().take_while(|unit| unit.starts_with("master-")).count();
    assert_eq!(masters, 3, "{units:?}");
    assert!(units[3..].iter().all(|unit| unit.starts_with("workers-")) && units.len() == 6, "{units:?}");
    let spans = |unit: &str| {
        let steps = outcome.upgrade.steps.iter().filter(|step| step.unit == unit && step.phase != "premarked");
        let (mut start, mut end) = (f64::MAX, 0.0_f64);
        for step in steps {
            start = start.min(step.start_s);
            end = end.max(step.end_s.expect("it ended"));
        }
        (start, end)
    };
    let mut last = 0.0;
    for unit in &units {
        let (start, end) = spans(unit);
        assert!(start >= last, "{unit} begins at {start} before the one before it ends at {last}");
        last = end;
    }
}

#[test]
fn one_master_leaves_the_api_gone_for_minutes() {
    let outcome = run(&load("book-ch18", &["cluster.control_plane.replicas=1"]), 1);
    assert!(outcome.api.unavailable_s > 120.0, "{:?}", outcome.api);
    assert!(outcome.api.longest_gap_s > 60.0, "{:?}", outcome.api);
    assert_eq!(outcome.verdict, Verdict::Refuted);
}

#[test]
fn two_masters_break_their_quorum_at_the_first() {
    let outcome = run(&load("book-ch18", &["cluster.control_plane.replicas=2"]), 1);
    assert_eq!(outcome.verdict, Verdict::Refuted);
    let reason = outcome.reasons.first().expect("a reason");
    assert_eq!(reason.law, "etcd-quorum");
    assert!(reason.message.contains("quorum"), "{}", reason.message);
    assert!(outcome.etcd.is_some_and(|etcd| etcd.quorum_breaks >= 1 && etcd.min_margin < 0));
}

#[test]
fn five_masters_keep_a_margin_of_one() {
    for seed in 1..=5 {
        let outcome = run(&load("book-ch18", &["cluster.control_plane.replicas=5"]), seed);
        assert_eq!(outcome.verdict, Verdict::Holds, "{:?}", outcome.reasons);
        assert!(outcome.etcd.is_some_and(|etcd| etcd.min_margin >= 1));
    }
}

#[test]
fn an_app_that_exits_at_once_without_pre_stop_loses_requests_in_three_ways() {
    let overrides = ["app.web.pre_stop=\"0s\"", "app.web.on_sigterm=\"exit\""];
    let book = load("book-ch18", &overrides);
    let mut causes: std::collections::BTreeMap<String, u64> = Default::default();
    for seed in 1..=20 {
        let outcome = run(&book, seed);
        assert_eq!(outcome.verdict, Verdict::Refuted, "seed {seed}");
        assert_conserved(&outcome);
        for (cause, count) in outcome.requests.by_cause {
            *causes.entry(cause).or_default() += count;
        }
    }
    for cause in ["refused", "reset", "black-hole"] {
        assert!(causes.get(cause).is_some_and(|count| *count > 0), "{causes:?}");
    }
}

#[test]
fn every_loss_has_its_chain_back_to_the_drain() {
    let overrides = ["app.web.pre_stop=\"0s\"", "app.web.on_sigterm=\"exit\""];
    let outcome = finished(&load("book-ch18", &overrides), 1, true).outcome;
    let exposure = outcome.reasons.iter().find(|reason| reason.law == "no-exposure").expect("exposed");
    let chain = exposure.cause.join("\n");
    assert!(chain.contains("evicted") && chain.contains("SIGTERM"), "{chain}");
}

#[test]
fn a_pre_stop_of_ten_seconds_leaves_new_connections_unexposed() {
    let overrides = ["app.web.pre_stop=\"10s\"", "app.web.on_sigterm=\"exit\""];
    for seed in 1..=20 {
        let outcome = run(&load("book-ch18", &overrides), seed);
        assert_eq!(outcome.requests.by_client["web/new"].exposed_s, 0.0, "seed {seed}");
    }
}

#[test]
fn a_single_replica_is_out_from_its_deletion_until_its_successor_is_ready() {
    let overrides = ["app.web.replicas=1", "app.web.pdb=\"none\""];
    let outcome = run(&load("book-ch18", &overrides), 1);
    assert_eq!(outcome.upgrade.result, UpgradeResult::Completed);
    let outage = outcome.requests.longest_outage_s;
    assert!((1.0..60.0).contains(&outage), "{outage}");
    assert_eq!(outcome.pods.min_ready["web"], 0);
}

#[test]
fn a_budget_equal_to_a_single_replica_blocks_the_drain_in_each_presets_own_way() {
    let overrides = ["app.web.replicas=1", "app.web.pdb.min_available=1"];
    let stalled = run(&load("book-ch18", &overrides), 1);
    assert_eq!(stalled.upgrade.result, UpgradeResult::Stalled);
    let blocker = stalled.upgrade.blocker.expect("a blocker");
    assert!(blocker.contains("web"), "{blocker}");
    let texts: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    let modern = rollproof::scenario::load(&common::path("book-ch18"), &texts, Some("kops")).expect("loads");
    let failed = run(&modern, 1);
    assert_eq!(failed.upgrade.result, UpgradeResult::Failed);
    let drains = failed.upgrade.steps.iter().filter(|step| step.phase == "draining");
    let longest = drains.filter_map(|step| Some(step.end_s? - step.start_s)).fold(0.0, f64::max);
    assert!((900.0..906.0).contains(&longest), "{longest}");
}
