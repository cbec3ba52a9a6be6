//! What all whole-run tests share: a shipped scenario, some overrides, a seed.

#![allow(dead_code, reason = "each test file uses its part")]

use std::path::PathBuf;

use rollproof::scenario::{self, Scenario};
use rollproof::sim::{self, Finished, Outcome, Watch};

/// The path of a shipped scenario.
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(format!("{name}.toml"))
}

/// A shipped scenario with overrides, as `--set` takes them.
pub fn load(name: &str, overrides: &[&str]) -> Scenario {
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    match scenario::load(&path(name), &overrides, None) {
        Ok(scenario) => scenario,
        Err(refused) => panic!("{name} does not load:\n{refused}"),
    }
}

/// One run without its history.
pub fn run(scenario: &Scenario, seed: u64) -> Outcome {
    finished(scenario, seed, false).outcome
}

/// One run, with its history if asked for.
pub fn finished(scenario: &Scenario, seed: u64, trace: bool) -> Finished {
    match sim::run(scenario, seed, Watch { trace, ..Watch::default() }) {
        Ok(finished) => finished,
        Err(error) => panic!("seed {seed}: {error}"),
    }
}

/// Checks that every request is accounted for, in all and in each part.
pub fn assert_conserved(outcome: &Outcome) {
    let all = &outcome.requests;
    assert_eq!(all.sent, all.ok + all.lost + all.abandoned + all.in_flight, "seed {}", outcome.seed);
    assert_eq!(all.lost, all.by_cause.values().sum::<u64>(), "seed {}", outcome.seed);
    for (name, part) in all.by_app.iter().chain(&all.by_client) {
        let accounted = part.ok + part.lost + part.abandoned + part.in_flight;
        assert_eq!(part.sent, accounted, "{name}, seed {}", outcome.seed);
    }
    assert_eq!(all.sent, all.by_client.values().map(|part| part.sent).sum::<u64>());
}
