//! Many seeds of every shipped scenario: for `.ci/soak sweeps`.

mod common;

use common::{assert_conserved, load, run};
use rollproof::sim::outcome::Verdict;

/// Scenarios that hold at every seed, and some that do not: their runs must break no invariant of the simulator.
const SCENARIOS: &[(&str, bool)] = &[
    ("book-ch18", true),
    ("five-masters", true),
    ("book-ch18-external", false),
    ("book-ch18-manifest", false),
    ("single-master", false),
    ("single-replica", false),
    ("no-prestop", false),
    ("all-on-one-node", false),
    ("stuck-pdb", false),
];

#[test]
#[ignore = "takes minutes: .ci/soak sweeps"]
fn no_seed_breaks_an_invariant_or_refutes_a_plan_that_holds() {
    let seeds: u64 = std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(1_000);
    for (name, holds) in SCENARIOS {
        let scenario = load(name, &[]);
        for seed in 1..=seeds {
            // A broken invariant ends the run with an error, which `run` does not forgive.
            let outcome = run(&scenario, seed);
            assert_conserved(&outcome);
            if *holds {
                assert_eq!(outcome.verdict, Verdict::Holds, "{name}, seed {seed}: {:?}", outcome.reasons);
            }
        }
        println!("{name}: {seeds} seeds");
    }
}
