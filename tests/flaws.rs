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
    let ask = Ask { faults: flaw.faults, kinds, laws, seeds: 50, bound: 0.1, confidence: 0.95, statics: false };
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

#[test]
fn the_folder_holds_pairs_of_twins_and_nothing_else() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios/flaws");
    let files = std::fs::read_dir(folder).expect("the folder is there").flatten();
    let found: BTreeSet<String> =
        files.filter_map(|file| file.path().file_stem().map(|stem| stem.to_string_lossy().into_owned())).collect();
    let twins = |flaw: &Flaw| [flaw.name.to_owned(), format!("{}-repaired", flaw.name)];
    assert_eq!(found, FLAWS.iter().flat_map(twins).collect());
}
