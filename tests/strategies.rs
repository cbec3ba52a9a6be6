//! Every strategy on the book's cluster, and what each tool really does that its neighbours do not.
//!
//! Tests T1 to T12 hold what the orchestrators' sources say of them; kops' own (the end of a blocked drain in each kind
//! of group, gates, eras) are also held on a small stage in `src/strategy/kops/tests.rs`. T11, an app whose new version
//! never gets ready, waits for rollouts of new versions in the model.

#[path = "strategies/back.rs"]
mod back;
#[path = "strategies/clock.rs"]
mod clock;
mod common;
#[path = "strategies/drains.rs"]
mod drains;
#[path = "strategies/shipped.rs"]
mod shipped;
#[path = "strategies/table.rs"]
mod table;

use std::collections::BTreeSet;

use common::{assert_conserved, path};
use rollproof::scenario::{self, Scenario};
use rollproof::sim::outcome::{Outcome, UpgradeResult, Verdict};
use rollproof::sim::{self, Finished, Watch};
use rollproof::strategy::CATALOG;

/// A shipped scenario with its own strategy, with overrides.
fn load_own(name: &str, overrides: &[&str]) -> Scenario {
    common::load(name, overrides)
}

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

/// Laws that a strategy breaks on the book's cluster, always or with some seeds, and where it stands that the real tool
/// does so. No other strategy breaks any.
struct Breaks {
    name: &'static str,
    laws: &'static [&'static str],
    always: bool,
    source: &'static str,
}

const BROKEN: [Breaks; 6] = [
    Breaks {
        name: "in-place-no-drain",
        laws: &["no-exposure", "no-loss"],
        always: true,
        source: "kubernetes pkg/controller/nodelifecycle: endpoints stay until a node's grace period is over",
    },
    Breaks {
        name: "big-bang",
        laws: &["etcd-quorum", "no-exposure", "no-loss"],
        always: true,
        source: "etcd FAQ, \"What is failure tolerance?\"; kops issue 7315",
    },
    Breaks {
        name: "masters-parallel",
        laws: &["etcd-quorum"],
        always: true,
        source: "etcd FAQ, \"What is failure tolerance?\": three members spare one",
    },
    Breaks {
        name: "delete-drain",
        laws: &["budget", "no-exposure", "no-loss"],
        always: true,
        source: "kubectl pkg/cmd/drain/drain.go, --disable-eviction: bypasses budgets",
    },
    Breaks {
        name: "kubespray",
        laws: &["version-skew"],
        always: true,
        source: "kubespray playbooks/upgrade_cluster.yml: roles kubernetes/node (flush_handlers), then control-plane",
    },
    // Its pools go together: where the master that runs the leading controller manager reboots just as a worker is
    // drained, endpoints stay until another takes the lease, and that may take longer than the pod's hook.
    Breaks {
        name: "openshift-mco",
        laws: &["no-exposure", "no-loss"],
        always: false,
        source: "machine-config-operator pkg/controller/node: pools have no order among them",
    },
];

fn may_break(name: &str) -> &'static [&'static str] {
    BROKEN.iter().find(|breaks| breaks.name == name).map_or(&[], |breaks| breaks.laws)
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
            let bad = BROKEN.iter().find(|breaks| breaks.name == name);
            assert!(
                bad.is_none_or(|breaks| !breaks.always) || outcome.verdict == Verdict::Refuted,
                "{name}, seed {seed}"
            );
            assert_eq!(outcome.etcd.is_none(), scenario.strategy.entry.hides_etcd, "{name}");
        }
    }
}

/// `SEEDS` asks for another number of them.
#[test]
fn a_hundred_seeds_of_every_strategy_give_a_verdict_and_break_the_laws_that_are_listed_with_a_source() {
    let seeds: u64 = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(100);
    let mut wrong = String::new();
    for name in names() {
        let scenario = load("book-ch18", name, &[]);
        let mut broken = BTreeSet::new();
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
            broken.extend(found.into_iter().map(str::to_owned));
        }
        // A law in the list that no seed breaks would excuse a breach to come.
        if broken.iter().ne(may_break(name)) {
            let source = BROKEN.iter().find(|breaks| breaks.name == name).map_or("no source", |breaks| breaks.source);
            wrong += &format!("{name}: {broken:?}, listed {:?} ({source})\n", may_break(name));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The longest phase of this name, in seconds.
fn longest(outcome: &Outcome, phase: &str) -> f64 {
    let spans = outcome.upgrade.steps.iter().filter(|step| step.phase == phase);
    spans.map(|step| step.end_s.unwrap_or(outcome.sim_seconds) - step.start_s).fold(0.0, f64::max)
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
fn an_own_plan_holds_and_its_mistakes_are_found_where_they_stand() {
    let text = std::fs::read_to_string(path("own-plan")).expect("it is shipped");
    let scenario = scenario::parse("own-plan.toml", &text, &[], None).unwrap_or_else(|refused| panic!("{refused}"));
    for seed in 1..=10 {
        let outcome = run(&scenario, seed);
        assert_eq!(outcome.verdict, Verdict::Holds, "seed {seed}: {:?}", outcome.reasons);
    }
    for (right, wrong, said) in [
        (
            "\"cordon\",\n    \"exclude\"",
            "\"cordon\",\n    \"remove-member\"",
            "workers have no static pods and no etcd",
        ),
        ("\"terminate\"", "\"replace\"", "after `remove-member`"),
        ("order = \"zones\"", "on_error = { quorum = \"roll-back\" }", "nothing to go back to"),
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
