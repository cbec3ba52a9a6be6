//! Each form for other programs, read back by a reader that is not ours; names are text in all of them.

mod common;

use std::process::Command;

use common::{finished, load};
use rollproof::observe::trace::Trace;
use rollproof::report::formats::{self, Found, Origin};
use rollproof::scenario::Scenario;
use rollproof::sim::Outcome;
use rollproof::sim::outcome::Share;

const ORIGIN: Origin<'_> =
    Origin { path: "plans/no pre stop.toml", command: "rollproof run 'no pre stop.toml' --seed 2" };

/// Every form of a run.
fn rendered(scenario: &Scenario, seed: u64) -> Vec<(&'static str, String)> {
    let finished = finished(scenario, seed, true);
    let found = Found::Run(&finished.outcome, finished.trace.as_ref());
    let one = |format: &&formats::Format| (format.name, (format.render)(found, ORIGIN).expect("all runs have it"));
    formats::CATALOG.iter().map(one).collect()
}

fn form(name: &str) -> String {
    let all = rendered(&load("no-prestop", &[]), 2);
    all.into_iter().find(|(form, _)| *form == name).expect("it is in the catalogue").1
}

#[test]
fn junit_has_a_case_for_each_law_and_fails_the_broken_ones() {
    let read = junit_parser::from_reader(form("junit").as_bytes()).expect("it is JUnit's XML");
    let suite = &read.suites[0];
    assert_eq!((suite.name.as_str(), suite.tests, suite.failures), ("no-prestop", suite.cases.len() as u64, 2));
    let failed: Vec<&str> = suite
        .cases
        .iter()
        .filter(|case| case.status.is_failure())
        .filter_map(|case| case.name.strip_prefix("no-prestop.seed-2::"))
        .collect();
    assert_eq!(failed, ["no-exposure", "no-loss"]);
}

#[test]
fn sarif_has_a_result_for_each_broken_law_at_the_scenarios_file() {
    let read: serde_sarif::sarif::Sarif = serde_json::from_str(&form("sarif")).expect("it is SARIF 2.1.0");
    let run = &read.runs[0];
    let results = run.results.as_ref().expect("there are some");
    let rules: Vec<&str> = results.iter().filter_map(|result| result.rule_id.as_deref()).collect();
    // One for each way in which requests were lost.
    assert_eq!(rules, ["no-exposure", "no-loss", "no-loss", "no-loss"]);
    let known = run.tool.driver.rules.as_ref().expect("laws are rules");
    assert!(rules.iter().all(|rule| known.iter().any(|known| known.id == *rule)));
    let text = form("sarif");
    assert!(text.contains("\"uri\": \"plans/no%20pre%20stop.toml\""), "{text}");
}

#[test]
fn tables_have_as_many_cells_in_each_row_and_add_up() {
    let rows = |name| {
        let text = form(name);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        reader.records().map(|row| row.expect("a row like the head")).collect::<Vec<_>>()
    };
    let steps = rows("csv-steps");
    assert!(steps.iter().any(|row| &row[0] == "master-1" && &row[1] == "transition"));
    let requests = rows("csv-requests");
    let lost = |row: &csv::StringRecord| row[3].parse::<u64>().expect("a count");
    let (whole, parts): (Vec<_>, Vec<_>) = requests.iter().partition(|row| row[1].is_empty());
    assert!(whole.iter().map(|row| lost(row)).sum::<u64>() > 0);
    assert_eq!(whole.iter().map(|row| lost(row)).sum::<u64>(), parts.iter().map(|row| lost(row)).sum::<u64>());
}

/// Source: "Trace Event Format": a phase of one letter, a process, and microseconds for all but metadata.
#[test]
fn a_trace_has_a_slice_for_each_phase_and_times_that_fit() {
    let read: serde_json::Value = serde_json::from_str(&form("trace")).expect("it is JSON");
    let events = read["traceEvents"].as_array().expect("a list");
    let of = |phase: &str| events.iter().filter(|event| event["ph"] == phase).count();
    assert!(
        of("X") > 20 && of("C") > 20 && of("i") > 0 && of("M") > 6,
        "{} {} {} {}",
        of("X"),
        of("C"),
        of("i"),
        of("M")
    );
    for event in events.iter().filter(|event| event["ph"] != "M") {
        assert!(event["ts"].as_i64().is_some_and(|at| at >= 0), "{event}");
        assert!(event["ph"] != "X" || event["dur"].as_i64().is_some_and(|lasting| lasting >= 0), "{event}");
    }
}

#[test]
fn metrics_are_read_back_with_the_runs_figures() {
    let text = form("openmetrics");
    assert!(text.ends_with("\n# EOF\n"));
    let lines = text.lines().map(|line| Ok(line.to_owned()));
    let read = prometheus_parse::Scrape::parse(lines).expect("it is metrics text");
    let outcome = finished(&load("no-prestop", &[]), 2, false).outcome;
    let value = |sample: &prometheus_parse::Sample| match sample.value {
        prometheus_parse::Value::Counter(value)
        | prometheus_parse::Value::Gauge(value)
        | prometheus_parse::Value::Untyped(value) => value,
        _ => panic!("{sample:?}"),
    };
    let sum = |name: &str| read.samples.iter().filter(|one| one.metric == name).map(value).sum::<f64>();
    assert_eq!(sum("rollproof_requests_total"), outcome.requests.sent as f64);
    assert_eq!(sum("rollproof_requests_lost_total"), outcome.requests.lost as f64);
    assert!(read.samples.iter().any(|one| one.metric == "rollproof_ready_pods" && value(one) == 4.0));
}

#[test]
fn a_summary_for_a_pull_request_says_what_broke_and_how_to_see_it() {
    let text = form("markdown");
    assert!(text.starts_with("### no-prestop: ❌ refuted\n"), "{text}");
    assert!(
        text.contains("- **no-loss** at ") && text.ends_with("    rollproof run 'no pre stop.toml' --seed 2\n"),
        "{text}"
    );
}

/// What a spreadsheet, a browser, a terminal or a Markdown page would act on.
const HOSTILE: [&str; 7] =
    ["=cmd()", "+1|x", "<script>alert(1)</script>", "a|b`*[x](http://x)", "@everyone", "\u{1b}[31mred", "\"'&"];

/// A run as a scenario with this name for everything would leave it. The reader of scenarios refuses most such names;
/// nothing here relies on that.
fn named(name: &str) -> (Outcome, Trace) {
    let finished = finished(&load("no-prestop", &[]), 2, true);
    let (mut outcome, mut trace) = (finished.outcome, finished.trace.expect("it was asked for"));
    let whose = |share: &Share| std::iter::once((name.to_owned(), share.clone())).collect();
    outcome.scenario.name = name.to_owned();
    outcome.requests.by_app = outcome.requests.by_app.values().map(whose).next().expect("an app");
    outcome.requests.by_client = outcome.requests.by_client.values().map(whose).next().expect("a client");
    outcome.upgrade.steps.iter_mut().for_each(|step| step.unit = name.to_owned());
    outcome.reasons.iter_mut().for_each(|reason| {
        reason.message = name.to_owned();
        reason.cause.iter_mut().for_each(|line| *line = name.to_owned());
    });
    let names = &mut trace.names;
    let all = names.nodes.iter_mut().chain(names.pods.iter_mut()).chain(names.apps.iter_mut());
    all.chain(names.groups.iter_mut()).for_each(|one| *one = name.to_owned());
    (outcome, trace)
}

#[test]
fn names_are_text_in_every_form() {
    for name in HOSTILE {
        let (outcome, trace) = named(name);
        let origin = Origin { path: name, command: name };
        let render = |format: &formats::Format| (format.render)(Found::Run(&outcome, Some(&trace)), origin);
        let all: Vec<_> =
            formats::CATALOG.iter().map(|one| (one.name, render(one).expect("all runs have it"))).collect();
        for (form, text) in &all {
            assert!(!text.contains('\u{1b}'), "{form}: {text}");
            let acts =
                |line: &str| form.starts_with("csv") && (line.starts_with(['=', '+', '@']) || line.contains(",="));
            assert!(!text.lines().any(acts), "{form}: {text}");
        }
        let of = |name: &str| &all.iter().find(|(form, _)| *form == name).expect("it is there").1;
        let junit = junit_parser::from_reader(of("junit").as_bytes()).expect("it is XML");
        assert!(name.contains('\u{1b}') || junit.suites[0].name == name, "{}", junit.suites[0].name);
        let (page, _) = of("markdown").split_once("Reproduce:\n\n").expect("it ends with the command");
        assert!(!page.contains("<script>") && !page.contains("[x](") && !page.contains(" @everyone"), "{page}");
        assert!(!of("html").contains("<script>alert"), "{name}");
        for json in ["sarif", "trace"] {
            let read: serde_json::Value = serde_json::from_str(of(json)).expect("it is JSON");
            let safe = name.replace('\u{1b}', "\\u{1b}");
            assert!(strings(&read).iter().any(|text| text.contains(name) || text.contains(&safe)), "{json}: {name}");
        }
    }
}

/// Every text of a value.
fn strings(value: &serde_json::Value) -> Vec<&str> {
    match value {
        serde_json::Value::String(text) => vec![text],
        serde_json::Value::Array(all) => all.iter().flat_map(strings).collect(),
        serde_json::Value::Object(all) => all.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn the_command_writes_what_is_asked_for_and_refuses_what_there_is_not() {
    let out = tempfile::tempdir().expect("there is room");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rollproof"));
        command.args(arguments).args(["--out", &out.path().to_string_lossy()]);
        command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("it runs")
    };
    let names: Vec<&str> = formats::CATALOG.iter().map(|format| format.name).collect();
    let ran = run(&["run", "scenarios/book-ch18.toml", "--write", &names.join(",")]);
    assert_eq!(ran.status.code(), Some(0));
    let folder = std::fs::read_dir(out.path().join("book-ch18")).expect("it is there").next().expect("one run");
    let folder = folder.expect("it can be read").path();
    assert!(formats::CATALOG.iter().all(|format| folder.join(format.file).is_file()));
    let refused = run(&["prove", "scenarios/book-ch18.toml", "--write", "trace"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("formats are markdown, junit, sarif"), "{said}");
    let proved = ["prove", "scenarios/book-ch18.toml", "--faults", "0", "--seeds", "20", "--bound", "0.3"];
    let ran = run(&[&proved[..], &["--write", "markdown,junit,sarif"]].concat());
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
}
