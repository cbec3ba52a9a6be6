//! Proofs: what is found, that it replays, and that nothing depends on threads, kills or where a run branched off.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rollproof::base::{Span, Time};
use rollproof::fault::{CATALOG, Trigger, find};
use rollproof::prove::certificate::{Certificate, Verifier, certificate};
use rollproof::prove::compare::{Comparison, Variant, compare};
use rollproof::prove::counterexample::with_faults;
use rollproof::prove::placement::Aimed;
use rollproof::prove::tally::Tally;
use rollproof::prove::{Ask, Failed, Journal, NoJournal, Proof, Work, ask, prove};
use rollproof::scenario::{self, Own, Scenario};
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
        faults_per_hour: None,
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
    let kinds = [
        "orchestrator-crash",
        "node-power-off",
        "etcd-member-stop",
        "api-server-crash",
        "scheduler-crash",
        "node-link-cut",
    ];
    let kinds: Vec<_> = kinds.iter().map(|name| find(name).expect("a kind")).collect();
    let aimed = Aimed::all(&kinds, &plan.spec);
    let mut base = Simulation::new(&plan, 7, false).expect("it begins");
    let mut compared = 0;
    while let Held::Phases(begun) = base.advance(&plan, Time::NEVER).expect("it goes on") {
        for begun in begun {
            let unit = begun.unit.expect("a master");
            let one = &aimed[compared % aimed.len()];
            for offset in [0, 3_217] {
                let offset = Span::millis(offset);
                let fault = one.when(Trigger::Phase { unit, phase: begun.phase, offset });
                let mut branch = base.clone();
                branch.add_fault(fault.clone(), Some(begun.at + offset));
                let branch = branch.complete(&plan, Watch::default()).expect("it ends").outcome;
                let table = with_faults(&plan, &[fault.keys(&plan.spec)]);
                let whole = scenario::from_table("masters", table, &Own::new()).expect("a scenario");
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

/// Whether a certificate holds when all of its batches are run again, as `rollproof verify` asks.
fn checked(certificate: &Certificate) -> Result<(), String> {
    let (plan, ask) = certificate.question().map_err(|unusable| unusable.to_string())?;
    if let Some(why) = certificate.forged(&plan) {
        return Err(why);
    }
    let (stop, looks, mut verifier) = (AtomicBool::new(false), AtomicU64::new(0), Verifier::new(certificate, 1));
    let over = || certificate.was_over(looks.fetch_add(1, Ordering::Relaxed));
    let mut work = Work { jobs: 2, progress: &|_, _, _| {}, stop: &stop, over: &over, journal: &mut verifier };
    let again = prove(&plan, &ask, &mut work).map_err(|failed| failed.to_string())?;
    match (verifier.differing.first(), certificate.disagreement(&again)) {
        (Some(batch), _) => Err(format!("{batch} differs")),
        (None, disagreement) => disagreement.map_or(Ok(()), Err),
    }
}

#[test]
fn a_certificate_holds_until_somebody_changes_it() {
    let (plan, ask) = (masters(3, ""), asked(1, &["scheduler-crash"], &["etcd-quorum"]));
    let proof = proved(&plan, &ask);
    assert_eq!(proof.verdict, Verdict::Holds, "{}", proof.finding);
    let sound = certificate(&plan, &ask, &proof);
    assert_eq!(checked(&sound), Ok(()));
    let refused = |change: &dyn Fn(&mut Certificate), says: &str| {
        let mut changed = sound.clone();
        change(&mut changed);
        let why = checked(&changed).expect_err("it was changed");
        assert!(why.contains(says), "{why}");
    };
    refused(&|it| it.batches[0].1.digest = "0".repeat(32), "differs");
    refused(&|it| it.batches[0].1.runs += 1, "differs");
    refused(&|it| it.batches.push(("singles/99".to_owned(), Tally::default())), "makes no batch singles/99");
    refused(&|it| it.batches.swap(0, 1), "makes no batch");
    refused(&|it| drop(it.batches.pop()), "differs");
    refused(&|it| it.verdict = "refuted".to_owned(), "it says refuted");
    refused(&|it| it.hash = "0".repeat(64), "of hash 0000");
    refused(&|it| it.scenario = it.scenario.replace("zones = 3", "zones = 2"), "the one it holds");
    refused(&|it| it.model_version.push('x'), "model version");
    refused(&|it| it.asked.faults = 5, "more than 4");
    refused(&|it| it.asked.bound = 0.0, "a bound of 0");
    refused(&|it| it.asked.confidence = f64::NAN, "a confidence of NaN");
    refused(&|it| it.asked.seeds = 0, "0 seeds");
    refused(&|it| it.batches[0].1.refuted = u64::MAX, "more answers");
}

#[test]
fn a_proof_that_the_clock_cut_short_says_so_and_its_certificate_holds() {
    let (plan, ask) = (masters(3, ""), asked(1, &["scheduler-crash"], &["etcd-quorum"]));
    let mut whole = false;
    for after in 0..50 {
        let (stop, looks) = (AtomicBool::new(false), AtomicU64::new(0));
        let over = || looks.fetch_add(1, Ordering::Relaxed) >= after;
        let mut work = Work { jobs: 2, progress: &|_, _, _| {}, stop: &stop, over: &over, journal: &mut NoJournal };
        let proof = prove(&plan, &ask, &mut work).expect("a proof");
        assert_eq!(checked(&certificate(&plan, &ask, &proof)), Ok(()), "after {after} looks");
        if proof.verdict == Verdict::Holds {
            whole = true;
            break;
        }
        assert_eq!(proof.verdict, Verdict::Undecided);
        assert!(proof.undecided.iter().all(|why| why.contains("the time was over")), "{:?}", proof.undecided);
    }
    assert!(whole, "with time enough it holds");
}

#[test]
fn every_kind_at_every_target_reads_back_as_it_is_written() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/book-ch18.toml");
    let plan = scenario::load(std::path::Path::new(path), &[], None).unwrap_or_else(|refused| panic!("{refused}"));
    for aimed in Aimed::all(CATALOG, &plan.spec) {
        let mut fault = aimed.when(Trigger::At(Time::ZERO + Span::secs(90)));
        fault.lasting = fault.lasting.map(|lasting| lasting + Span::secs(1));
        let keys = fault.keys(&plan.spec);
        let back = scenario::from_table("back", with_faults(&plan, std::slice::from_ref(&keys)), &Own::new());
        let back = back.unwrap_or_else(|refused| panic!("{keys:?}: {refused}"));
        let read = back.faults.last().expect("it has the fault");
        let name = |fault: &rollproof::fault::FaultSpec| fault.kind.entry.name;
        assert_eq!((name(read), read.target, read.trigger), (name(&fault), fault.target, fault.trigger), "{keys:?}");
        assert_eq!(read.lasting, fault.lasting, "{keys:?}");
    }
}

#[test]
fn a_setting_of_a_fault_that_the_scenario_gives_is_written_with_it() {
    let cut = "[[fault]]\nkind = \"api-cut\"\nat = \"1m\"\nfrom_etcd = true\n";
    let plan = masters(3, cut);
    let keys = plan.faults[0].keys(&plan.spec);
    let back = scenario::from_table("back", with_faults(&masters(3, ""), &[keys]), &Own::new()).expect("it reads");
    assert!(back.faults[0].values.flag("from_etcd"));
}

#[test]
fn a_refutation_by_a_fault_without_a_target_replays() {
    let plan = masters(3, "[objective.faults.1]\ncompletion = \"must-complete\"\n");
    let proof = proved(&plan, &asked(1, &["quota-refused"], &["completion"]));
    assert_eq!(proof.verdict, Verdict::Refuted, "{}", proof.finding);
    let found = proof.counterexample.expect("a refutation has one");
    let again = scenario::parse("counterexample.toml", &found.scenario, &[], None).expect("it is a scenario");
    assert_eq!(run(&again, found.seed, Watch::default()).expect("it runs").outcome.digest, found.digest);
}

#[test]
fn a_proof_that_could_place_no_fault_is_none() {
    let without_target = proved(&masters(3, ""), &asked(1, &["pod-crash"], &["etcd-quorum"]));
    assert_eq!(without_target.verdict, Verdict::Undecided, "{}", without_target.finding);
    assert!(without_target.undecided[0].contains("no fault was placed"), "{:?}", without_target.undecided);
    assert_eq!(without_target.scope.without_target, ["pod-crash"]);
}

fn compared(plans: &[(&str, Scenario)], seeds: u64) -> Comparison {
    let variants: Vec<Variant> =
        plans.iter().map(|(name, plan)| Variant { name: (*name).to_owned(), plan: plan.clone() }).collect();
    let stop = AtomicBool::new(false);
    let journal = &mut NoJournal;
    let mut work = Work { jobs: 2, progress: &|_, _, _| {}, stop: &stop, over: &|| false, journal };
    compare(&plans[0].1, &variants, (seeds, 0.95), &mut work).expect("a comparison")
}

#[test]
fn a_plan_that_never_ends_is_not_the_best_one() {
    let endless = masters(3, "[limits]\nhorizon = \"4m\"\n");
    let found = compared(&[("endless", endless), ("whole", masters(3, ""))], 4);
    assert_eq!((found.rows[0].refuted, found.rows[1].refuted), (0, 0), "neither is refuted");
    assert_eq!((found.rows[0].name.as_str(), found.rows[0].completed, found.rows[1].completed), ("whole", 4, 0));
}

#[test]
fn the_correction_counts_all_pairs_of_plans_not_only_those_with_the_best() {
    let found = compared(&[("one", masters(1, "")), ("three", masters(3, "")), ("two", masters(2, ""))], 8);
    assert_eq!((found.rows[0].name.as_str(), found.rows[1].refuted, found.rows[2].refuted), ("three", 8, 8));
    // Eight of eight differ: 2 / 2^8 each, twice, and 1 for the pair of the losers; Holm multiplies by three.
    assert!(found.pairs.iter().all(|pair| (pair.p - 6.0 / 256.0).abs() < 1e-12), "{:?}", found.pairs);
}

#[test]
fn a_rollout_that_makes_no_progress_can_be_explained() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/recreate.toml");
    let bad = ["app.web.rollout.image=\"never-ready\"".to_owned()];
    let plan = scenario::load(std::path::Path::new(path), &bad, None).unwrap_or_else(|refused| panic!("{refused}"));
    let finished = run(&plan, 1, Watch { trace: true, ..Watch::default() }).expect("it runs");
    let reason = finished.outcome.reasons.iter().find(|reason| reason.law == "rollout-progress").expect("it breaks");
    assert!(!rollproof::prove::explain::reason(&finished, reason).is_empty());
}

#[test]
fn too_few_seeds_leave_the_question_open_and_say_so() {
    let ask = Ask { seeds: 5, ..asked(0, &[], &[]) };
    let proof = proved(&masters(3, ""), &ask);
    assert_eq!(proof.verdict, Verdict::Undecided);
    assert!(proof.undecided[0].contains("5 runs with no fault"), "{:?}", proof.undecided);
    assert!(proof.undecided[0].contains("more --seeds"), "{:?}", proof.undecided);
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

/// Where no app has a volume, none can be stuck: no run is spent on it, and the scope says so.
#[test]
fn a_volume_is_stuck_only_where_there_are_volumes() {
    let proof = proved(&masters(3, ""), &asked(1, &["volume-stuck"], &[]));
    assert_eq!((proof.verdict, proof.scope.without_target), (Verdict::Undecided, vec!["volume-stuck"]));
}

/// Faults at random: the numbers of them weighed by their Poisson probabilities, and a plan that one fault refutes is
/// sampled all the same.
#[test]
fn numbers_of_faults_are_weighed_by_how_likely_they_are() {
    let plan = masters(3, "");
    let asked = |rate| Ask { seeds: 1_000, bound: 0.01, faults_per_hour: rate, ..asked(1, &["etcd-member-stop"], &[]) };
    let rare = proved(&plan, &asked(Some(0.01))).weighed.expect("it was asked for");
    let often = proved(&plan, &asked(Some(2.0))).weighed.expect("it was asked for");
    let chances = |weighed: &rollproof::prove::weighing::Weighed| {
        weighed.parts.iter().map(|part| part.chance).chain([weighed.more]).sum::<f64>()
    };
    for found in [&rare, &often] {
        assert!((chances(found) - 1.0).abs() < 1e-9 && found.parts.len() == 2, "{found:?}");
        assert!(found.fails[0] <= found.fails[1]);
        assert_eq!(found.parts[0].fails[0], 0.0, "without a fault it holds");
        // A crash while another master is away breaks the quorum: a part of the upgrade's time.
        assert!(found.parts[1].fails[0] > 0.2 && found.parts[1].fails[1] < 0.8, "{found:?}");
    }
    assert!(often.fails[0] > 10.0 * rare.fails[0] && rare.fails[1] < 0.01, "{rare:?} {often:?}");
    assert!(proved(&plan, &asked(None)).weighed.is_none());
}
