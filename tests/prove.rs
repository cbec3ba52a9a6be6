//! Proofs: what is found, that it replays, and that nothing depends on threads, kills or where a run branched off.

use std::sync::atomic::{AtomicBool, Ordering};

use rollproof::base::Time;
use rollproof::fault::{Trigger, find};
use rollproof::prove::certificate::{Verifier, certificate};
use rollproof::prove::counterexample::with_faults;
use rollproof::prove::placement::Aimed;
use rollproof::prove::tally::Tally;
use rollproof::prove::{Ask, Failed, Journal, NoJournal, Proof, Work, ask, prove};
use rollproof::scenario::{self, Scenario};
use rollproof::sim::outcome::Verdict;
use rollproof::sim::{Held, Simulation, Watch, run};

/// Masters alone: a run takes a fraction of a millisecond.
fn masters(replicas: u32, more: &str) -> Scenario {
    let text = format!(
        "schema = 1\nname = \"masters\"\n[cluster]\nversion = {{ from = \"1.14.10\", to = \"1.15.7\" }}\n\
         [cluster.control_plane]\nreplicas = {replicas}\nzones = 3\n[strategy]\nname = \"kops-1.15\"\n{more}"
    );
    scenario::parse("masters.toml", &text, &[], None).unwrap_or_else(|refused| panic!("{refused}"))
}

fn asked(faults: u32, kinds: &[&str], laws: &[&str]) -> Ask {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let laws = ask::laws(&owned(laws)).expect("laws");
    Ask {
        faults,
        kinds: ask::kinds(&owned(kinds)).expect("kinds"),
        laws: (!laws.is_empty()).then_some(laws),
        seeds: 100,
        bound: 0.1,
        confidence: 0.95,
        statics: false,
    }
}

fn proved_by(plan: &Scenario, ask: &Ask, jobs: usize, journal: &mut dyn Journal) -> Result<Proof, Failed> {
    let stop = AtomicBool::new(false);
    let mut work = Work { jobs, progress: &|_, _, _| {}, stop: &stop, over: &|| false, journal };
    prove(plan, ask, &mut work)
}

fn proved(plan: &Scenario, ask: &Ask) -> Proof {
    proved_by(plan, ask, 2, &mut NoJournal).unwrap_or_else(|failed| panic!("{failed}"))
}

fn as_json(proof: &Proof) -> String {
    rollproof::report::json::render(proof)
}

#[test]
fn with_three_masters_a_crash_of_another_while_one_is_replaced_breaks_quorum_and_the_file_replays_it() {
    let proof = proved(&masters(3, ""), &asked(1, &["core"], &["etcd-quorum"]));
    assert_eq!(proof.verdict, Verdict::Refuted, "{}", proof.finding);
    let found = proof.counterexample.expect("a refutation has one");
    assert_eq!((found.faults, found.law.as_str()), (1, "etcd-quorum"));
    assert!((2..12).contains(&found.chain.len()), "{:#?}", found.chain);
    assert!(found.chain.iter().any(|line| line.contains("etcd-member-stop")), "{:#?}", found.chain);
    let again = scenario::parse("counterexample.toml", &found.scenario, &[], None).expect("it is a scenario");
    assert_eq!(again.faults.len(), 1);
    let outcome = run(&again, found.seed, Watch::default()).expect("it runs").outcome;
    assert_eq!((outcome.verdict, &outcome.digest), (Verdict::Refuted, &found.digest));
    assert_eq!(outcome.reasons[0].law, "etcd-quorum");
}

#[test]
fn five_masters_bear_one_fault_and_neither_two_nor_the_outage_of_a_zone() {
    let plan = masters(5, "");
    let one = proved(&plan, &asked(1, &["core"], &["etcd-quorum"]));
    assert_eq!(one.verdict, Verdict::Holds, "{}", one.finding);
    let two = proved(&plan, &asked(2, &["etcd-member-stop"], &["etcd-quorum"]));
    assert_eq!(two.verdict, Verdict::Refuted, "{}", two.finding);
    assert_eq!(two.counterexample.map(|found| found.faults), Some(2));
    let zone = proved(&plan, &asked(1, &["zone-outage"], &["etcd-quorum"]));
    assert_eq!(zone.verdict, Verdict::Refuted, "{}", zone.finding);
}

#[test]
fn a_branch_is_the_run_that_had_its_fault_from_the_start() {
    let plan = masters(3, "");
    let kinds = ["node-power-off", "etcd-member-stop", "api-server-crash", "scheduler-crash", "node-link-cut"];
    let kinds: Vec<_> = kinds.iter().map(|name| find(name).expect("a kind")).collect();
    let aimed = Aimed::all(&kinds, &plan.spec);
    let mut base = Simulation::new(&plan, 7, false).expect("it begins");
    let mut compared = 0;
    while let Held::Phases(begun) = base.advance(&plan, Time::NEVER).expect("it goes on") {
        for begun in begun {
            let unit = begun.unit.expect("a master");
            let one = &aimed[compared % aimed.len()];
            for offset in [0, 3_217] {
                let offset = rollproof::base::Span::millis(offset);
                let fault = one.when(Trigger::Phase { unit, phase: begun.phase, offset });
                let mut branch = base.clone();
                branch.add_fault(fault.clone(), Some(begun.at + offset));
                let branch = branch.complete(&plan, Watch::default()).expect("it ends").outcome;
                let table = with_faults(&plan, &[fault.keys(&plan.spec)]);
                let whole = scenario::from_table("masters", table).expect("a scenario");
                let whole = run(&whole, 7, Watch::default()).expect("it ends").outcome;
                assert_eq!(branch.digest, whole.digest, "{:?}", fault.keys(&plan.spec));
                assert_eq!(branch.requests, whole.requests);
                compared += 1;
            }
        }
    }
    assert!(compared > 20, "{compared}");
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let (plan, ask) = (masters(3, ""), asked(1, &["etcd-member-stop"], &[]));
    let alone = proved_by(&plan, &ask, 1, &mut NoJournal).expect("a proof");
    for jobs in [2, 8] {
        let more = proved_by(&plan, &ask, jobs, &mut NoJournal).expect("a proof");
        assert_eq!(as_json(&alone), as_json(&more), "{jobs} threads");
    }
}

/// Keeps batches, and stops the work after some.
struct Killed<'s> {
    kept: Vec<(String, Tally)>,
    after: usize,
    stop: &'s AtomicBool,
}

impl Journal for Killed<'_> {
    fn known(&self, batch: &str) -> Option<Tally> {
        self.kept.iter().find(|(name, _)| name == batch).map(|(_, tally)| tally.clone())
    }
    fn keep(&mut self, batch: &str, tally: &Tally) -> Result<(), String> {
        self.kept.push((batch.to_owned(), tally.clone()));
        if self.kept.len() == self.after {
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[test]
fn a_proof_that_was_stopped_and_resumed_gives_the_same_bytes() {
    let (plan, ask) = (masters(3, ""), asked(1, &["scheduler-crash"], &["etcd-quorum"]));
    let whole = proved(&plan, &ask);
    for after in 1..whole.batches.len() {
        let stop = AtomicBool::new(false);
        let mut journal = Killed { kept: Vec::new(), after, stop: &stop };
        let mut work = Work { jobs: 2, progress: &|_, _, _| {}, stop: &stop, over: &|| false, journal: &mut journal };
        assert!(matches!(prove(&plan, &ask, &mut work), Err(Failed::Stopped)), "after {after} batches");
        stop.store(false, Ordering::Relaxed);
        let resumed = proved_by(&plan, &ask, 2, &mut journal).expect("it goes on");
        assert_eq!(as_json(&whole), as_json(&resumed), "after {after} batches");
    }
}

#[test]
fn a_certificate_holds_until_somebody_changes_it() {
    let (plan, ask) = (masters(3, ""), asked(1, &["scheduler-crash"], &["etcd-quorum"]));
    let proof = proved(&plan, &ask);
    assert_eq!(proof.verdict, Verdict::Holds, "{}", proof.finding);
    let sound = certificate(&plan, &ask, &proof);
    let checked = |certificate: &rollproof::prove::certificate::Certificate| {
        let (plan, ask) = certificate.question().expect("it can be checked");
        let mut verifier = Verifier::new(certificate, 1);
        let again = proved_by(&plan, &ask, 2, &mut verifier).expect("it runs");
        verifier.differing.is_empty() && certificate.disagreement(&again).is_none()
    };
    assert!(checked(&sound));
    let mut swapped = sound.clone();
    swapped.batches[0].1.digest = "0".repeat(32);
    assert!(!checked(&swapped));
    let mut other = sound.clone();
    other.verdict = "refuted".to_owned();
    assert!(!checked(&other));
    let mut newer = sound;
    newer.model_version.push('x');
    assert!(newer.question().is_err());
}

#[test]
fn too_few_seeds_leave_the_question_open_and_say_so() {
    let ask = Ask { seeds: 5, ..asked(0, &[], &[]) };
    let proof = proved(&masters(3, ""), &ask);
    assert_eq!(proof.verdict, Verdict::Undecided);
    assert!(proof.undecided[0].contains("5 runs with no fault"), "{:?}", proof.undecided);
}

#[test]
fn an_objective_for_one_fault_is_the_scenarios_own_where_it_has_one() {
    let ask = asked(1, &["etcd-member-stop"], &[]);
    let lenient = masters(3, "[objective.faults.1]\nquorum_breaks = 1\nmax_exposed = \"any\"\n");
    let strict = proved(&masters(3, ""), &ask);
    let lenient = proved(&lenient, &ask);
    assert_eq!((strict.verdict, lenient.verdict), (Verdict::Refuted, Verdict::Refuted));
    assert_eq!((strict.objectives[1].own, lenient.objectives[1].own), (false, true));
    let law = |proof: Proof| proof.counterexample.map(|found| found.law);
    assert_eq!(law(strict).as_deref(), Some("etcd-quorum"));
    assert_ne!(law(lenient).as_deref(), Some("etcd-quorum"));
}
