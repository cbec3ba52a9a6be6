//! Planted flaws: a search over any plans, the same on every machine, finds each, and makes it a short scenario in which
//! nothing but the flaw is to blame: it is refuted, and the same scenario with the flaw mended holds.

use proptest::test_runner::TestCaseError;
use rollproof::api::cases::{Case, cases, cases_with_faults};
use rollproof::api::{Found, Search};
use rollproof::scenario;
use rollproof::sim::outcome::Verdict;

const CASES: u32 = 1_000;
const LINES: usize = 25;

struct Flaw {
    name: &'static str,
    /// Whether the app `web`, in its lines of the scenario, or the strategy has it.
    has: fn(&str) -> bool,
    mended: &'static [&'static str],
}

const FLAWS: &[Flaw] = &[
    Flaw { name: "no-pre-stop", has: |toml| !web(toml).contains("pre_stop"), mended: &["app.web.pre_stop='10s'"] },
    Flaw {
        name: "pre-stop-fills-grace",
        has: |toml| web(toml).contains("pre_stop = \"20s\"\ngrace = \"20s\""),
        mended: &["app.web.grace='60s'"],
    },
    Flaw {
        name: "single-replica",
        has: |toml| web(toml).contains("replicas = 1\n"),
        mended: &["app.web.replicas=2", "app.web.pdb={max_unavailable=1}"],
    },
    Flaw {
        name: "budget-equals-replicas",
        has: |toml| web(toml).contains("min_available"),
        mended: &["app.web.pdb={max_unavailable=1}"],
    },
    Flaw {
        name: "all-on-one-node",
        has: |toml| web(toml).contains("together"),
        mended: &["app.web.spread='hosts'", "app.web.pdb={max_unavailable=1}"],
    },
    Flaw { name: "no-drain", has: |toml| toml.contains("in-place-no-drain"), mended: &["strategy.name='kops-1.15'"] },
    Flaw {
        name: "deaf-to-sigterm",
        has: |toml| web(toml).contains("on_sigterm = \"ignore\""),
        mended: &["app.web.on_sigterm='drain'"],
    },
    Flaw {
        name: "masters-in-parallel",
        has: |toml| toml.contains("masters-parallel"),
        mended: &["strategy.name='kops-1.15'"],
    },
    Flaw {
        name: "exits-at-sigterm",
        has: |toml| web(toml).contains("on_sigterm = \"exit\""),
        mended: &["app.web.on_sigterm='drain'"],
    },
    Flaw {
        name: "no-readiness-probe",
        has: |toml| !web(toml).contains("readiness"),
        mended: &["app.web.readiness={period='2s',failure_threshold=2}"],
    },
];

/// The lines of the app `web`.
fn web(toml: &str) -> &str {
    let from = toml.find("[app.web]").map_or("", |at| &toml[at..]);
    from.find("\n\n").map_or(from, |end| &from[..=end])
}

/// Fails where the flaw alone is to blame.
fn is_not_to_blame(flaw: &Flaw, case: &Case) -> Result<(), TestCaseError> {
    if !(flaw.has)(&case.toml()) || case.run()?.verdict != Verdict::Refuted {
        return Ok(());
    }
    match case.with(flaw.mended)?.run()?.verdict {
        Verdict::Holds => Err(TestCaseError::fail(format!("{} is to blame", flaw.name))),
        Verdict::Refuted | Verdict::Undecided => Ok(()),
    }
}

fn search(flaw: &Flaw) -> Box<Found> {
    let search = Search::new(flaw.name).cases(CASES).folder(env!("CARGO_TARGET_TMPDIR")).fewest_keys();
    match search.find(&cases(), |case| is_not_to_blame(flaw, case)) {
        Ok(drawn) => panic!("{}: not found in {drawn} cases", flaw.name),
        Err(unsound) => unsound.found().unwrap_or_else(|| panic!("{}: no case was drawn", flaw.name)),
    }
}

#[test]
fn every_planted_flaw_is_found_and_made_a_short_scenario_with_nothing_else_to_blame() {
    for flaw in FLAWS {
        let found = search(flaw);
        println!("{}: case {}, seed {}\n{}", flaw.name, found.drawn, found.case.seed, found.case.toml());
        assert!(found.drawn <= CASES, "{}", flaw.name);
        assert!(found.case.toml().lines().count() <= LINES, "{}:\n{}", flaw.name, found.case.toml());
        assert!(is_not_to_blame(flaw, &found.case).is_err(), "{}:\n{}", flaw.name, found.case.toml());
    }
}

#[test]
fn a_counterexample_is_a_file_that_replays_by_the_command_that_is_printed() {
    let found = search(&Flaw { name: "replayed", ..FLAWS[2] });
    let file = found.file.clone().expect("it is written");
    let read = scenario::load(&file, &[], None).unwrap_or_else(|refused| panic!("{refused}"));
    let (here, there) = (found.case.run().expect("it runs"), read.run(found.case.seed).expect("it runs"));
    assert_eq!((here.verdict, &here.digest), (Verdict::Refuted, &there.digest));
    let command = format!("rollproof run {} --seed {}", file.display(), found.case.seed);
    assert!(found.to_string().contains(&command), "{found}");
}

#[test]
fn the_same_search_finds_the_same_case() {
    let (one, other) = (search(&FLAWS[0]), search(&FLAWS[0]));
    assert_eq!((one.drawn, one.case.seed, one.case.toml()), (other.drawn, other.case.seed, other.case.toml()));
}

#[test]
fn a_property_that_holds_passes_all_its_cases() {
    let search = Search::new("reads-back").cases(200);
    let drawn = search.find(&cases(), |case| {
        let read = case.with(&[])?;
        proptest::prop_assert_eq!(&read.scenario.hash, &case.scenario.hash);
        Ok(())
    });
    assert_eq!(drawn.expect("what is drawn is valid and reads back"), 200);
}

#[test]
fn plans_under_faults_are_valid_and_the_fault_to_blame_is_all_that_shrinking_leaves() {
    let search = Search::new("under-faults").cases(CASES).folder(env!("CARGO_TARGET_TMPDIR")).fewest_keys();
    // With three masters, a member that stops while another is replaced breaks the quorum.
    let breaks = |case: &Case| case.run().is_ok_and(|outcome| outcome.etcd.is_some_and(|etcd| etcd.quorum_breaks > 0));
    let found = search.find(&cases_with_faults(2), |case| {
        let sound = case.with(&["fault=[]", "objective.laws=['etcd-quorum']"])?;
        match breaks(case) && !breaks(&sound) {
            true => Err(TestCaseError::fail("a fault breaks the quorum")),
            false => Ok(()),
        }
    });
    let found = found.expect_err("some fault does").found().expect("a case was drawn");
    let toml = found.case.toml();
    assert_eq!(found.case.scenario.faults.len(), 1, "{toml}");
    assert!(toml.lines().count() <= LINES, "{toml}");
}
