//! JUnit's XML, which every CI system reads: a case for each law of a run, or for each stage of a proof.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::{Format, Found, Origin};
use crate::observe::laws;
use crate::prove::Proof;
use crate::sim::Outcome;
use crate::sim::outcome::Reason;

/// The line of the catalogue.
pub static FORMAT: Format = Format {
    name: "junit",
    file: "junit.xml",
    about: "JUnit's XML: a test case for each law of a run, for each stage of a proof",
    of_proofs: true,
    render,
};

fn render(found: Found<'_>, origin: Origin<'_>) -> Option<String> {
    let (name, cases) = match found {
        Found::Run(outcome, _) => (&outcome.scenario.name, run(outcome)),
        Found::Proof(proof) => (&proof.scenario.name, proven(proof)),
    };
    let mut suite = TestSuite::new(name.as_str());
    suite.add_test_cases(cases);
    suite.add_property(("scenario", origin.path));
    suite.add_property(("reproduce", origin.command));
    let mut report = Report::new("rollproof");
    report.add_test_suite(suite);
    report.to_string().ok()
}

fn run(outcome: &Outcome) -> Vec<TestCase> {
    let class = format!("{}.seed-{}", outcome.scenario.name, outcome.seed);
    let mut names: Vec<&str> = laws::CATALOG.iter().map(laws::Law::name).collect();
    // A limit is no law.
    names.extend(outcome.reasons.iter().map(|reason| reason.law.as_str()).filter(|law| laws::find(law).is_none()));
    names.dedup();
    let case = |name: &str| {
        let broken: Vec<&Reason> = outcome.reasons.iter().filter(|reason| reason.law == name).collect();
        let messages: Vec<&str> = broken.iter().map(|reason| reason.message.as_str()).collect();
        let causes: Vec<String> = broken.iter().map(|reason| reason.cause.join("\n")).collect();
        let mut case = TestCase::new(name, status(&messages.join("; "), &causes.join("\n\n")));
        case.set_classname(class.as_str());
        case
    };
    names.into_iter().map(case).collect()
}

fn proven(proof: &Proof) -> Vec<TestCase> {
    let class = format!("{}.proof", proof.scenario.name);
    let stage = |stage: &crate::prove::report::Stage| {
        let name = format!("{} faults, {}", stage.faults, stage.method.name());
        let refuted = if stage.tally.refuted > 0 { proof.finding.as_str() } else { "" };
        let mut case = TestCase::new(name, status(refuted, ""));
        case.set_classname(class.as_str());
        case
    };
    let mut cases: Vec<TestCase> = proof.stages.iter().map(stage).collect();
    if !proof.undecided.is_empty() {
        let mut open = TestCaseStatus::non_success(NonSuccessKind::Error);
        open.set_message(proof.undecided.join("; "));
        let mut case = TestCase::new("an answer", open);
        case.set_classname(class.as_str());
        cases.push(case);
    }
    cases
}

/// A failure with this message; a success where it is empty.
fn status(message: &str, cause: &str) -> TestCaseStatus {
    if message.is_empty() {
        return TestCaseStatus::success();
    }
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_message(message);
    status.set_description(cause);
    status
}
