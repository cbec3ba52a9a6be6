//! Each strategy at its best and at its known worst: what the opening comment of a scenario expects is what runs show.
//!
//! The comment is the claim: after `Expected:` stands `holds`, or `refuted` with the laws that break; a quoted phrase
//! is part of what the plan was blocked or ended by.

use std::collections::BTreeSet;
use std::path::PathBuf;

use rollproof::sim::outcome::Verdict;
use rollproof::strategy::CATALOG;

use super::{laws, load_own, run};

/// A strategy's name as part of a scenario's: no dot.
fn as_name(strategy: &str) -> String {
    strategy.replace('.', "-")
}

/// What a scenario's opening comment expects.
struct Expected {
    holds: bool,
    laws: BTreeSet<String>,
    said: Vec<String>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios/strategies")
}

fn shipped() -> Vec<String> {
    let files = std::fs::read_dir(folder()).expect("the folder is there").flatten();
    let mut names: Vec<String> = files.filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}

fn expected(name: &str) -> Expected {
    let text = std::fs::read_to_string(folder().join(format!("{name}.toml"))).expect("it is there");
    let comment: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
    let comment = comment.iter().map(|line| line.trim_start_matches(['#', ' '])).collect::<Vec<_>>().join(" ");
    let (_, claim) = comment.split_once("Expected: ").unwrap_or_else(|| panic!("{name} expects something"));
    let (claim, _) = claim.split_once("Sources:").unwrap_or_else(|| panic!("{name} has sources"));
    let said = claim.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    let listed = claim.strip_prefix("refuted (").and_then(|rest| rest.split_once(')')).map_or("", |(laws, _)| laws);
    let laws = listed.split(", ").filter(|law| !law.is_empty()).map(str::to_owned).collect();
    Expected { holds: claim.starts_with("holds"), laws, said }
}

#[test]
fn each_strategy_is_shown_at_its_best_and_at_its_worst() {
    let names = shipped();
    for strategy in CATALOG.iter().map(|strategy| strategy.entry.name) {
        let is_shown = |end: &str| names.contains(&format!("{}-{end}", as_name(strategy)));
        match strategy {
            // Not orchestrators; the user's own plan has scenarios/own-plan.toml.
            "none" | "by-hand" | "kubectl-drain" | "plan" => {}
            // They have no best.
            "big-bang" => assert!(is_shown("worst"), "{strategy}"),
            _ => assert!(is_shown("best") && is_shown("worst"), "{strategy}"),
        }
    }
}

#[test]
fn every_scenario_of_a_strategy_ends_as_its_comment_says() {
    let mut wrong = String::new();
    for name in shipped() {
        let claim = expected(&name);
        assert!(claim.holds == claim.laws.is_empty(), "{name} expects neither `holds` nor `refuted (LAWS)`");
        let scenario = load_own(&format!("strategies/{name}"), &[]);
        assert!(name.starts_with(&as_name(scenario.strategy.name())), "{name} is about {}", scenario.strategy.name());
        for seed in 1..=2 {
            let outcome = run(&scenario, seed);
            let broken: BTreeSet<String> = laws(&outcome).into_iter().map(str::to_owned).collect();
            let blocker = outcome.upgrade.blocker.clone().unwrap_or_default();
            let remarks: Vec<&str> = outcome.upgrade.remarks.iter().map(|remark| remark.text.as_str()).collect();
            let told = |said: &&String| {
                blocker.contains(said.as_str()) || remarks.iter().any(|remark| remark.contains(said.as_str()))
            };
            let right = broken == claim.laws
                && claim.holds == (outcome.verdict == Verdict::Holds)
                && claim.said.iter().all(|said| told(&said));
            if !right {
                wrong += &format!("{name}, seed {seed}: {:?} {broken:?}; {blocker}; {remarks:?}\n", outcome.verdict);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
