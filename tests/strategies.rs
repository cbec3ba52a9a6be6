//! Every strategy on the book's cluster, and what each tool really does that its neighbours do not.

mod common;

use std::collections::BTreeMap;

use common::path;
use rollproof::scenario::{self, Scenario};
use rollproof::sim::outcome::{Outcome, UpgradeResult, Verdict};
use rollproof::sim::{self, Watch};
use rollproof::strategy::CATALOG;

/// A shipped scenario under another strategy.
fn load(name: &str, strategy: &str, overrides: &[&str]) -> Scenario {
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    match scenario::load(&path(name), &overrides, Some(strategy)) {
        Ok(scenario) => scenario,
        Err(refused) => panic!("{name} under {strategy} does not load:\n{refused}"),
    }
}

fn run(scenario: &Scenario, seed: u64) -> Outcome {
    match sim::run(scenario, seed, Watch::default()) {
        Ok(finished) => finished.outcome,
        Err(error) => panic!("{}, seed {seed}: {error}", scenario.strategy.name()),
    }
}

#[test]
#[ignore = "prints; SEEDS=100 cargo test --test strategies -- --ignored --nocapture survey"]
fn survey() {
    let seeds: u64 = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(3);
    let only = std::env::var("ONLY").ok();
    for strategy in CATALOG.iter().map(|strategy| strategy.entry.name) {
        if only.as_ref().is_some_and(|only| only != strategy) {
            continue;
        }
        let scenario = load("book-ch18", strategy, &[]);
        let mut seen: BTreeMap<String, u64> = BTreeMap::new();
        let (mut events, mut seconds, mut moves) = (0, 0.0, 0);
        let mut example = String::new();
        for seed in 1..=seeds {
            let outcome = run(&scenario, seed);
            let laws: Vec<&str> = outcome.reasons.iter().map(|reason| reason.law.as_str()).collect();
            let key = format!("{:?} {:?} {}", outcome.verdict, outcome.upgrade.result, laws.join(","));
            events += outcome.events;
            seconds += outcome.upgrade.seconds;
            moves += outcome.pods.moves;
            if seed == 1 {
                example = outcome
                    .reasons
                    .iter()
                    .map(|reason| format!("      {}: {}\n", reason.law, reason.message))
                    .collect();
                if let Some(blocker) = &outcome.upgrade.blocker {
                    example += &format!("      blocker: {blocker}\n");
                }
            }
            *seen.entry(key).or_default() += 1;
        }
        println!(
            "{strategy}: {seen:?} events {} seconds {:.0} moves {:.1}\n{example}",
            events / seeds,
            seconds / seeds as f64,
            moves as f64 / seeds as f64
        );
    }
}
