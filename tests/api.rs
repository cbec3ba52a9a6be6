//! The library as another program uses it.

use rollproof::api::{App, Fault, Pool, ScenarioBuilder, Traffic, Unanswered};
use rollproof::prove::{Ask, ask};
use rollproof::scenario::{Scenario, document};

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
    let asked = Ask { faults: 0, kinds, laws, seeds: 0, bound: 0.1, confidence: 0.95, statics: false };
    assert!(matches!(plan.prove(&asked), Err(Unanswered::Mistaken(_))));
    assert!(matches!(plan.compare(&[], 1, 0.95), Err(Unanswered::Mistaken(_))));
}
