//! Twins: each scenario of `scenarios/flaws` with its one planted flaw is refuted, by a run whose chain of causes names
//! it; the repaired one holds. Nothing is checked statically here.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use rollproof::prove::{Ask, NoJournal, Proof, Work, ask, prove};
use rollproof::scenario::{self, Scenario};
use rollproof::sim::outcome::Verdict;

/// A flaw: its scenario, how many faults it takes, the law it breaks, and what its chain must say.
struct Flaw {
    name: &'static str,
    faults: u32,
    law: &'static str,
    says: &'static str,
}

const fn flaw(name: &'static str, law: &'static str, says: &'static str) -> Flaw {
    Flaw { name, faults: 0, law, says }
}

const FLAWS: &[Flaw] = &[
    flaw("no-pre-stop", "no-exposure", "(refused)"),
    flaw("too-short-pre-stop", "no-exposure", "(refused)"),
    flaw("pre-stop-fills-grace", "no-exposure", "is killed"),
    flaw("deaf-to-sigterm", "no-exposure", "is killed"),
    flaw("exits-at-sigterm", "no-exposure", "(reset)"),
    flaw("single-replica", "no-exposure", "(no-endpoint)"),
    flaw("all-on-one-node", "no-exposure", "(no-endpoint)"),
    flaw("ready-before-warm", "no-exposure", "joins the endpoints"),
    flaw("no-drain", "no-exposure", "shuts down"),
    flaw("budget-equals-replicas", "completion", "allows no eviction"),
    flaw("one-node-less", "completion", "allows no eviction"),
    flaw("workers-at-once", "no-exposure", "is a terminating endpoint"),
    flaw("kubelets-before-masters", "version-skew", "a client of version 1.15.7 talks to the API server"),
    flaw("masters-at-once", "etcd-quorum", "1 of 3 etcd voters are up"),
    flaw("no-backup", "completion", "the API does not answer"),
    flaw("surge-without-quota", "completion", "the account's quota is spent"),
    flaw("webhook-on-lost-node", "completion", "refuses CREATE pods"),
    flaw("ingress-exits", "no-exposure", "ingress-0 gets SIGTERM"),
    flaw("ingress-on-host-ports", "no-exposure", "shuts down"),
    flaw("recreate", "no-exposure", "is terminating"),
    flaw("masters-without-surge", "etcd-quorum", "fault 1 strikes"),
    flaw("short-post-drain-delay", "no-exposure", "(black-hole)"),
    flaw("metrics-drained", "no-exposure", "(overload)"),
    flaw("leader-killed", "api-path", "no longer leads"),
    flaw("tcp-health-check", "api-path", "shuts down"),
    flaw("drained-without-controllers", "no-exposure", "is drained"),
    flaw("surge-in-another-zone", "completion", "Pending"),
    flaw("pools-share-a-budget", "completion", "error when evicting pod web"),
    Flaw { name: "no-spare-voter", faults: 1, law: "etcd-quorum", says: "etcd-member-stop" },
];

fn load(name: &str) -> Scenario {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/flaws/{name}.toml"));
    scenario::load(&path, &[], None).unwrap_or_else(|refused| panic!("{name}: {refused}"))
}

fn proved(plan: &Scenario, flaw: &Flaw) -> Proof {
    // One kind of fault is enough to show this flaw, and quick.
    let kinds = ask::kinds(&["etcd-member-stop".to_owned()]).expect("a kind");
    let laws = (flaw.faults > 0).then(|| vec![flaw.law]);
    let ask = Ask {
        faults: flaw.faults,
        kinds,
        laws,
        seeds: 50,
        bound: 0.1,
        confidence: 0.95,
        statics: false,
        faults_per_hour: None,
    };
    let stop = AtomicBool::new(false);
    let journal = &mut NoJournal;
    let mut work = Work { jobs: 2, progress: &|_, _, _| {}, stop: &stop, over: &|| false, journal };
    prove(plan, &ask, &mut work).unwrap_or_else(|failed| panic!("{}: {failed}", flaw.name))
}

#[test]
fn every_flaw_is_refuted_by_a_chain_that_names_it_and_every_repaired_twin_holds() {
    for flaw in FLAWS {
        let proof = proved(&load(flaw.name), flaw);
        assert_eq!(proof.verdict, Verdict::Refuted, "{}: {}", flaw.name, proof.finding);
        let found = proof.counterexample.unwrap_or_else(|| panic!("{}: no run shows it", flaw.name));
        assert_eq!(found.law, flaw.law, "{}", flaw.name);
        assert_eq!(found.faults as u32, flaw.faults, "{}", flaw.name);
        assert!(found.chain.iter().any(|line| line.contains(flaw.says)), "{}: {:#?}", flaw.name, found.chain);
        let twin = proved(&load(&format!("{}-repaired", flaw.name)), flaw);
        assert_eq!(twin.verdict, Verdict::Holds, "{}-repaired: {}", flaw.name, twin.finding);
    }
}

/// What looks like a flaw and is none: an app without a hook that itself serves on for a while after SIGTERM, as long as
/// every proxy follows within that while.
#[test]
fn a_pre_stop_of_zero_is_harmless_where_the_app_itself_waits_for_longer_than_the_slowest_proxy() {
    let proof = |changes: &[&str]| {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios/flaws/no-pre-stop.toml");
        let changes: Vec<String> = changes.iter().map(|change| (*change).to_owned()).collect();
        let plan = scenario::load(&path, &changes, None).unwrap_or_else(|refused| panic!("{refused}"));
        proved(&plan, &flaw("no-pre-stop", "no-exposure", "")).verdict
    };
    let waits = "app.web.reaction='2s'";
    assert_eq!(proof(&["app.web.reaction='10s'"]), Verdict::Holds, "slack of seconds");
    assert_eq!(proof(&[waits]), Verdict::Holds, "quick proxies");
    assert_eq!(proof(&[waits, "cluster.timings.proxy_sync='4s'"]), Verdict::Refuted, "slow ones are not");
}

#[test]
fn the_folder_holds_pairs_of_twins_and_nothing_else() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios/flaws");
    let files = std::fs::read_dir(folder).expect("the folder is there").flatten();
    let found: BTreeSet<String> =
        files.filter_map(|file| file.path().file_stem().map(|stem| stem.to_string_lossy().into_owned())).collect();
    let twins = |flaw: &Flaw| [flaw.name.to_owned(), format!("{}-repaired", flaw.name)];
    assert_eq!(found, FLAWS.iter().flat_map(twins).collect());
}

/// A search over plans near a repaired twin finds the flaw of the other, and makes it a short scenario in which nothing
/// else is to blame.
#[cfg(feature = "proptest")]
mod searched {
    use super::*;
    use proptest::prelude::Strategy;
    use proptest::test_runner::TestCaseError;
    use rollproof::api::Search;
    use rollproof::api::cases::{Case, seeds};
    use toml::{Table, Value};

    const CASES: u32 = 1_000;
    /// Lines that a flaw takes at most, empty ones not counted.
    const LINES: usize = 25;

    /// Whether it is searched for here: by itself, and by a scenario that is run in milliseconds. An autoscaler without
    /// its metrics takes 28 lines and a hundred times as long: an app, its load, the app that has the metrics, their nodes.
    fn is_searched(flaw: &Flaw) -> bool {
        flaw.faults == 0 && flaw.name != "metrics-drained"
    }

    /// A key of a scenario with its value; `None`: it is not given.
    type Leaf = (Vec<String>, Option<Value>);

    fn leaves(table: &Table, path: &[String]) -> Vec<Leaf> {
        let within = |(key, value): (&String, &Value)| {
            let path = [path, std::slice::from_ref(key)].concat();
            match value {
                Value::Table(table) => leaves(table, &path),
                value => vec![(path, Some(value.clone()))],
            }
        };
        table.iter().flat_map(within).collect()
    }

    /// What makes one scenario the other: the keys in which they differ, as `to` has them.
    fn changes(from: &Table, to: &Table) -> Vec<Leaf> {
        let (old, new) = (leaves(from, &[]), leaves(to, &[]));
        let gone = old.iter().filter(|(path, _)| new.iter().all(|(other, _)| other != path));
        let gone: Vec<Leaf> = gone.map(|(path, _)| (path.clone(), None)).collect();
        let given = new.into_iter().filter(|leaf| !old.contains(leaf));
        given.chain(gone).filter(|(path, _)| path != &["name"] && path != &["about"]).collect()
    }

    fn change(table: &mut Table, path: &[String], value: Option<&Value>) {
        match (path, value) {
            ([key], Some(value)) => drop(table.insert(key.clone(), value.clone())),
            ([key], None) => drop(table.remove(key)),
            ([key, rest @ ..], _) => {
                let inner = table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new()));
                let Value::Table(inner) = inner else { return };
                change(inner, rest, value);
                if value.is_none() && inner.is_empty() {
                    table.remove(key);
                }
            }
            ([], _) => {}
        }
    }

    fn changed<'l>(table: &Table, leaves: impl IntoIterator<Item = &'l Leaf>) -> Option<Scenario> {
        let mut table = table.clone();
        leaves.into_iter().for_each(|(path, value)| change(&mut table, path, value.as_ref()));
        scenario::parse("near.toml", &table.to_string(), &[], None).ok()
    }

    fn table(name: &str) -> Table {
        scenario::document(&load(name)).parse().expect("it is TOML")
    }

    /// Plans near the repaired twin: any of its keys as the flawed one has them, now and then one as some other flaw has
    /// it, where the plan is valid with it.
    fn near(flaw: &Flaw, all: &[Leaf]) -> impl Strategy<Value = Case> + use<> {
        let repaired = table(&format!("{}-repaired", flaw.name));
        let own = changes(&repaired, &table(flaw.name));
        let others = all.iter().filter(|leaf| !own.contains(leaf) && changed(&repaired, [*leaf]).is_some());
        let chances = own.iter().map(|_| 0.5).chain(others.clone().map(|_| 0.05));
        let which: Vec<_> = chances.map(proptest::bool::weighted).collect();
        let leaves: Vec<Leaf> = own.iter().chain(others).cloned().collect();
        (which, seeds()).prop_filter_map("it is valid", move |(which, seed)| {
            let taken = leaves.iter().zip(which).filter(|(_, taken)| *taken).map(|(leaf, _)| leaf);
            changed(&repaired, taken).map(|scenario| Case { scenario, seed })
        })
    }

    /// Fails where the plan breaks the law, and keeps all of them once the keys of the repaired twin are in their place.
    fn is_not_to_blame(flaw: &Flaw, mends: &[Leaf], case: &Case) -> Result<(), TestCaseError> {
        let breaks = case.run().is_ok_and(|outcome| outcome.reasons.iter().any(|reason| reason.law == flaw.law));
        let whole: Table = case.toml().parse().expect("it is TOML");
        let mended = || changed(&whole, mends).and_then(|scenario| Case { scenario, seed: case.seed }.run().ok());
        match breaks && mended().is_some_and(|outcome| outcome.verdict == Verdict::Holds) {
            true => Err(TestCaseError::fail(format!("{} is to blame", flaw.name))),
            false => Ok(()),
        }
    }

    #[test]
    fn a_search_finds_each_flaw_and_makes_it_a_short_scenario_with_nothing_else_to_blame() {
        let of = |flaw: &Flaw| changes(&table(&format!("{}-repaired", flaw.name)), &table(flaw.name));
        let all: Vec<Leaf> = FLAWS.iter().flat_map(of).collect();
        for flaw in FLAWS.iter().filter(|flaw| is_searched(flaw)) {
            let mends = changes(&table(flaw.name), &table(&format!("{}-repaired", flaw.name)));
            let search = Search::new(flaw.name).cases(CASES).folder(env!("CARGO_TARGET_TMPDIR")).fewest_keys();
            let searched = search.find(&near(flaw, &all), |case| is_not_to_blame(flaw, &mends, case));
            let found = match searched {
                Ok(drawn) => panic!("{}: not found in {drawn} cases", flaw.name),
                Err(unsound) => unsound.found().unwrap_or_else(|| panic!("{}: no case was drawn", flaw.name)),
            };
            let toml = found.case.toml();
            let lines = toml.lines().filter(|line| !line.is_empty()).count();
            assert!(found.drawn <= CASES, "{}", flaw.name);
            assert!(lines <= LINES, "{}: {lines} lines\n{toml}", flaw.name);
        }
    }
}
