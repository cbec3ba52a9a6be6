//! The library as another program uses it.

use rollproof::api::{App, Fault, Law, Pool, ScenarioBuilder, Traffic, Unanswered};
use rollproof::base::Span;
use rollproof::config::Entry;
use rollproof::fault::{Aim, FaultEntry, FaultSet, Lasting, Strike, Victim};
use rollproof::prove::certificate::certificate;
use rollproof::prove::{Ask, ask};
use rollproof::scenario::{Scenario, document};
use rollproof::sim::outcome::Verdict;
use rollproof::sim::{self, Outcome, Watch};
use rollproof::strategy::machinery::{Plan, Run};
use rollproof::strategy::{StrategyEntry, Target};
use rollproof::world::disturbance::Disturbance;

fn team() -> ScenarioBuilder {
    let users = Traffic::new("users").from("pool:clients").connections("new").rps(50);
    let web = App::new("web").replicas(2).grace("60s").on_sigterm("drain").spread("hosts").max_unavailable(1);
    Scenario::builder("team")
        .version("1.14.10", "1.15.7")
        .masters(3)
        .pool(Pool::new("workers", 3).zones(3))
        .pool(Pool::new("clients", 1).for_clients())
        .app(web.traffic(users))
        .strategy("kops-1.15")
}

#[test]
fn a_built_scenario_is_written_as_a_file_that_runs_alike() {
    let fault = Fault::new("node-power-off").target("host-of:web-0").at("2m").lasting("never");
    let built = team().fault(fault).set("app.web.cpu=250").build().expect("it is valid");
    let read = Scenario::from_toml(&document(&built)).expect("what was built reads back");
    assert_eq!(built.hash, read.hash);
    assert_eq!(built.faults.len(), 1);
    assert_eq!(built.run(3).expect("it runs"), read.run(3).expect("it runs"));
}

#[test]
fn a_builder_reports_all_that_is_wrong_at_once() {
    let wrong = team().app(App::new("web").pre_stop("soon")).strategy("kopps").build().expect_err("two mistakes");
    let said = wrong.to_string();
    assert!(said.contains("soon") && said.contains("kopps"), "{said}");
}

#[test]
fn a_name_that_is_no_bare_key_is_refused_and_never_panics() {
    assert!(team().app(App::new("a\n[x]\u{1b}\"")).build().is_err());
}

#[test]
fn a_question_that_has_no_answer_is_an_error() {
    let plan = team().build().expect("it is valid");
    let (kinds, laws) = (ask::kinds(&[]).expect("none"), None);
    let asked =
        Ask { faults: 0, kinds, laws, seeds: 0, bound: 0.1, confidence: 0.95, statics: false, faults_per_hour: None };
    assert!(matches!(plan.prove(&asked), Err(Unanswered::Mistaken(_))));
    assert!(matches!(plan.compare(&[], 1, 0.95), Err(Unanswered::Mistaken(_))));
}

fn keeps_both() -> Law {
    Law::always("web keeps both pods", |truth| truth.ready("web") >= Some(2))
}

#[test]
fn a_law_of_ones_own_refutes_at_its_moment_with_its_chain_whether_or_not_history_is_kept() {
    let strict = team().build().expect("it is valid").with_law(keeps_both());
    let plain = strict.run(1).expect("it runs");
    let traced = sim::run(&strict, 1, Watch { trace: true, ..Watch::default() }).expect("it runs").outcome;
    let broken = |outcome: &Outcome| {
        let reason = outcome.reasons.iter().find(|reason| reason.law == "web keeps both pods").expect("it is broken");
        (outcome.verdict, reason.at_s, reason.cause.clone())
    };
    let ((refuted, at, untold), (_, same, told)) = (broken(&plain), broken(&traced));
    assert_eq!((refuted, at, plain.digest), (Verdict::Refuted, same, traced.digest));
    assert!(untold.is_empty() && told.iter().any(|line| line.contains("is drained")), "{told:#?}");
}

/// A plan that holds.
fn sound() -> Scenario {
    let ready = "app.web.readiness={period='2s',failure_threshold=2}";
    team().set("app.web.pre_stop='10s'").set(ready).build().expect("it is valid")
}

#[test]
fn what_must_be_so_eventually_refutes_at_the_end_and_what_must_have_been_so_leaves_a_run_undecided() {
    let with = |law| sound().with_law(law).run(1).expect("it runs");
    let never = with(Law::eventually("ten pods", |truth| truth.ready("web") >= Some(10)));
    assert_eq!((never.verdict, never.reasons[0].at_s), (Verdict::Refuted, never.sim_seconds));
    let vacuous = with(Law::sometimes("a broken quorum", |truth| truth.etcd_margin() < 0));
    assert_eq!((vacuous.verdict, vacuous.reasons.len()), (Verdict::Undecided, 1));
    let spare = with(Law::sometimes("no spare voter", |truth| truth.etcd_margin() == 0));
    assert_eq!((spare.verdict, spare.reasons), (Verdict::Holds, vec![]));
    let unknown = with(Law::always("no app of this name", |truth| truth.ready("wob").is_none()));
    assert_eq!(unknown.verdict, Verdict::Holds);
}

#[test]
fn a_proof_goes_by_laws_of_ones_own_and_its_counterexample_breaks_one() {
    let strict = sound().with_law(keeps_both());
    let kinds = ask::kinds(&[]).expect("none");
    let asked = Ask {
        faults: 0,
        kinds,
        laws: Some(vec![]),
        seeds: 5,
        bound: 0.5,
        confidence: 0.9,
        statics: false,
        faults_per_hour: None,
    };
    let proof = strict.prove(&asked).expect("it has an answer");
    let found = proof.counterexample.expect("a run breaks it");
    assert_eq!((proof.verdict, found.law.as_str()), (Verdict::Refuted, "web keeps both pods"));
}

static HANDS: StrategyEntry = StrategyEntry {
    entry: &Entry {
        name: "hands-off",
        about: "Waits, and is done.",
        details: "",
        settings: &[],
        sources: &["this test"],
    },
    build: |_| Box::new(Run::new(Plan::of(Span::mins(5), Vec::new()))),
    target: Target::Ignored,
    hides_etcd: false,
};

static CABLE: FaultEntry = FaultEntry {
    entry: &Entry {
        name: "pulled-cable",
        about: "Somebody pulls a cable.",
        details: "",
        settings: &[],
        sources: &["this test"],
    },
    set: FaultSet::Independent,
    aim: Aim::Node,
    lasting: Some(Lasting { default: Span::secs(20), source: "this test" }),
    strike: |_, victim| {
        let Victim::Node(node) = victim else { return None };
        Some(Strike { disturbance: Disturbance::CutLink(node), repair: Some(Disturbance::MendLink(node)) })
    },
};

#[test]
fn a_strategy_of_ones_own_runs_and_is_known_to_whatever_reads_the_plan_again() {
    let plan = team().own_strategy(&HANDS).build().expect("it is valid");
    let outcome = plan.run(1).expect("it runs");
    assert_eq!((outcome.verdict, outcome.strategy.as_str()), (Verdict::Holds, "hands-off"));
    assert!((outcome.upgrade.seconds - 300.0).abs() < 1e-9, "without a `start` time counts from 0");
    let text = document(&plan);
    let refused = Scenario::from_toml(&text).expect_err("nobody else knows it");
    assert!(refused.to_string().contains("no strategy is called `hands-off`"), "{refused}");
    let again = Scenario::from_toml_with(&text, &plan.own).expect("with it the file reads");
    assert_eq!(again.run(1).expect("it runs"), outcome);
}

#[test]
fn a_kind_of_fault_of_ones_own_is_enumerated_shrunk_and_stands_in_the_certificate() {
    let plan = team().own_fault(&CABLE).law(keeps_both()).own_strategy(&HANDS);
    let plan = plan.set("objective.faults.1={max_lost=0}").build().expect("it is valid");
    let kinds = ask::kinds_with(&["pulled-cable".to_owned()], &plan.own).expect("its kind");
    let laws = Some(vec!["no-loss"]);
    let asked =
        Ask { faults: 1, kinds, laws, seeds: 1, bound: 0.9, confidence: 0.5, statics: false, faults_per_hour: None };
    let proof = plan.prove(&asked).expect("it ends");
    assert_eq!(proof.verdict, Verdict::Refuted);
    let shown = proof.counterexample.as_ref().expect("a plan that is refuted");
    assert!(shown.scenario.contains("kind = \"pulled-cable\""), "{}", shown.scenario);
    let written = certificate(&plan, &asked, &proof);
    assert_eq!(written.asked.own, ["web keeps both pods", "hands-off", "pulled-cable"]);
    let unknown = written.question().expect_err("the command does not know them").to_string();
    assert!(unknown.contains("`web keeps both pods` is known only to the program that made it"), "{unknown}");
    let (again, _) = written.question_with(&plan.own).expect("the program does");
    assert_eq!(again.hash, plan.hash);
}

#[test]
fn entries_that_cannot_be_used_are_mistakes_of_the_plan() {
    static TAKEN: StrategyEntry = StrategyEntry {
        entry: &Entry { name: "kops", about: "Not kops.", details: "", settings: &[], sources: &[] },
        ..HANDS
    };
    let said = team().own_strategy(&TAKEN).build().expect_err("two mistakes").to_string();
    assert!(said.contains("two strategies are called `kops`") && said.contains("lacks a description"), "{said}");
}
