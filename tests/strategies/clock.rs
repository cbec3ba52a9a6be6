//! T12: one seed, one log of events; and what a poll's period may move.

use rollproof::scenario;

use super::{finished, load, names, path, run};

#[test]
fn t12_a_seed_gives_one_log_of_events_with_every_strategy() {
    for name in names() {
        let scenario = load("book-ch18", name, &[]);
        let (one, other) = (finished(&scenario, 7, true), finished(&scenario, 7, true));
        assert_eq!(one.outcome.digest, other.outcome.digest, "{name}");
        assert_eq!(one.trace.map(|trace| trace.records), other.trace.map(|trace| trace.records), "{name}");
        assert_eq!(run(&scenario, 7).digest, one.outcome.digest, "{name}: kept or not");
    }
}

/// A plan of one gate for each of three masters, which looks this often.
fn ends(every: &str, start: &str) -> f64 {
    let text = std::fs::read_to_string(path("own-plan")).expect("it is shipped").replace("every = \"15s\"", every);
    let own = &[format!("strategy.start=\"{start}\"")];
    let scenario = scenario::parse("own-plan.toml", &text, own, None).unwrap_or_else(|refused| panic!("{refused}"));
    let outcome = run(&scenario, 1);
    let last = |step: &&rollproof::sim::outcome::Step| step.unit.starts_with("master") && step.phase == "gate";
    outcome.upgrade.steps.iter().filter(last).filter_map(|step| step.end_s).fold(0.0, f64::max)
}

#[test]
fn t12_a_gates_period_moves_its_end_by_less_than_itself_a_gate() {
    let quick = ends("every = \"1s\"", "1m");
    for (period, every) in [(7.0, "every = \"7s\""), (15.0, "every = \"15s\""), (40.0, "every = \"40s\"")] {
        let slow = ends(every, "1m");
        // Each gate asks for two successes; its first failure begins the grid, each later one a new one.
        let moved = slow - quick;
        assert!((0.0..3.0 * period).contains(&moved), "{every}: {slow} s and {quick} s");
    }
}
