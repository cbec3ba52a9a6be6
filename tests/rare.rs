//! Faults that come by a rate, and the probability of what they do together.

mod common;

use std::process::Command;
use std::sync::atomic::AtomicBool;

use common::run;
use rollproof::prove::rare::{Distance, RareAsk, RareFound, rare};
use rollproof::prove::{NoJournal, Work};
use rollproof::scenario::{self, Scenario};

/// Masters whose etcd members crash by a rate while nobody does anything for an hour; `lasting` until they are back.
fn crashing(masters: u32, every: &str, lasting: &str) -> Scenario {
    let text = format!(
        r#"
schema = 1
cluster.version = {{ from = "1.27.3", to = "1.27.3" }}
cluster.control_plane.replicas = {masters}
strategy.name = "none"
objective = {{ max_lost = "any", max_exposed = "any", quorum_breaks = "any", completion = "may-stop-safely" }}
limits = {{ horizon = "1h" }}

[[node_pool]]
name = "workers"
count = 1

[[fault]]
kind = "etcd-member-stop"
target = "each"
every = "{every}"
lasting = "{lasting}"
"#
    );
    scenario::parse("crashing", &text, &[], None).unwrap_or_else(|refused| panic!("{refused}"))
}

fn estimated(plan: &Scenario, effort: u64, replicates: u64, jobs: usize) -> RareFound {
    let ask = RareAsk { distance: Distance::EtcdQuorum, effort, replicates, confidence: 0.999, bound: None };
    let stop = AtomicBool::new(false);
    let mut work = Work { jobs, progress: &|_, _, _| {}, stop: &stop, over: &|| false, journal: &mut NoJournal };
    rare(plan, &ask, &mut work).unwrap_or_else(|failed| panic!("{failed}"))
}

/// Never repaired, each of seven members is down by the end with probability 1 - exp(-1/50) by itself; the quorum is
/// lost with the fourth: a binomial tail of 5.3e-6, of which two hundred thousand plain runs would show one.
#[test]
fn a_loss_of_quorum_of_five_in_a_million_is_found_with_its_known_probability() {
    let found = estimated(&crashing(7, "50h", "never"), 60, 40, 2);
    let down = -libm::expm1(-1.0 / 50.0);
    let term = |(choose, n): (f64, f64)| choose * libm::pow(down, n) * libm::pow(1.0 - down, 7.0 - n);
    let known: f64 = [(35.0, 4.0), (21.0, 5.0), (7.0, 6.0), (1.0, 7.0)].into_iter().map(term).sum();
    let [low, high] = found.interval;
    assert!(low <= known && known <= high, "{known:e}: {found:?}");
    assert!(found.probability > known / 3.0 && found.probability < known * 3.0, "{known:e}: {found:?}");
    assert_eq!(found.levels.len(), 4);
}

#[test]
fn the_estimate_does_not_depend_on_the_number_of_threads() {
    let plan = crashing(3, "20h", "10m");
    let [one, three] = [1, 3].map(|jobs| estimated(&plan, 40, 7, jobs));
    assert_eq!(one, three);
    assert!(one.levels[0].reached > 0, "{one:?}");
}

/// A member that crashes once in 10 min, and is back after a minute, crashes 60 / 11 times an hour on average.
#[test]
fn a_fault_comes_as_often_as_its_rate_says_and_mends_in_between() {
    let mut text = scenario::resolved(&crashing(1, "10m", "1m")).to_owned();
    text = text.replace("target = \"each\"", "target = \"master-1\"");
    let plan = scenario::parse("crashing", &text, &[], None).unwrap_or_else(|refused| panic!("{refused}"));
    let breaks: u64 = (1..=200).map(|seed| run(&plan, seed).etcd.expect("it is shown").quorum_breaks).sum();
    // 1,091 expected of a renewal process whose count has a deviation of about 30 over 200 hours.
    assert!(breaks.abs_diff(1_091) < 130, "{breaks}");
}

#[test]
fn each_has_a_luck_of_its_own_and_one_moment_strikes_all() {
    let rated = crashing(3, "20h", "10m");
    assert_eq!(rated.faults.len(), 3);
    let at_once = scenario::resolved(&rated).replace("every = \"20h\"", "at = \"10m\"");
    let plan = scenario::parse("at once", &at_once, &[], None).unwrap_or_else(|refused| panic!("{refused}"));
    let etcd = run(&plan, 1).etcd.expect("it is shown");
    assert_eq!((etcd.quorum_breaks, etcd.min_margin), (1, -2));
}

#[test]
fn a_rate_and_a_moment_exclude_each_other_and_say_so() {
    let text =
        scenario::resolved(&crashing(3, "20h", "10m")).replace("every = \"20h\"", "every = \"20h\"\nat = \"5m\"");
    let refused = scenario::parse("both", &text, &[], None).expect_err("both");
    assert!(refused.to_string().contains("a fault that comes by a rate has no moment"), "{refused}");
}

#[test]
fn the_command_answers_by_its_exit_code_against_a_bound() {
    let exit = |arguments: &[&str]| {
        let ran = Command::new(env!("CARGO_BIN_EXE_rollproof")).args(["rare"]).args(arguments).output();
        let ran = ran.unwrap_or_else(|error| panic!("{error}"));
        (ran.status.code(), String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr))
    };
    let directory = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let path = directory.path().join("crashing.toml");
    let text = scenario::resolved(&crashing(1, "1h", "1m")).to_owned();
    std::fs::write(&path, text).unwrap_or_else(|error| panic!("{error}"));
    let path = path.to_string_lossy().into_owned();
    let small = ["--effort", "50", "--replicates", "8"];
    let with = |more: &[&str]| exit(&[&[path.as_str()], &small[..], more].concat());
    // 1 - exp(-1) = 0.63.
    assert_eq!(with(&[]).0, Some(0));
    assert_eq!(with(&["--bound", "0.99"]).0, Some(0));
    assert_eq!(with(&["--bound", "0.1"]).0, Some(1));
    assert_eq!(with(&["--of", "ready:web"]).0, Some(2));
    let (code, said) = exit(&["scenarios/book-ch18.toml"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("no fault of this scenario comes by a rate"), "{said}");
}

/// What a rate does is drawn by its place among those that are alike: else two would strike as one.
#[test]
fn two_rates_of_one_kind_at_one_target_have_each_a_luck_of_their_own() {
    let one = scenario::resolved(&crashing(1, "10m", "1s")).replace("target = \"each\"", "target = \"master-1\"");
    let fault = one.find("[[fault]]").expect("there is one");
    let end = one[fault + 9..].find("\n[").map_or(one.len(), |end| fault + 9 + end);
    let two = format!("{}\n{}", one, &one[fault..end]);
    let breaks = |text: &str| {
        let plan = scenario::parse("crashing", text, &[], None).unwrap_or_else(|refused| panic!("{refused}"));
        (1..=20).map(|seed| run(&plan, seed).etcd.expect("it is shown").quorum_breaks).sum::<u64>()
    };
    let (one, two) = (breaks(&one), breaks(&two));
    assert!(two > one * 3 / 2, "{one} crashes of one, {two} of two");
}

#[test]
fn an_etcd_that_nobody_sees_has_no_probability() {
    let text = scenario::resolved(&crashing(3, "20h", "10m")).to_owned();
    let plan = scenario::parse("hidden", &text, &[], Some("gke-surge")).unwrap_or_else(|refused| panic!("{refused}"));
    let refused = Distance::named("etcd-quorum", &plan).expect_err("hidden");
    assert!(refused.to_string().contains("hides its etcd"), "{refused}");
}
