//! Each form for other programs, read back by a reader that is not ours; names are text in all of them.

mod common;

use std::path::Path;
use std::process::Command;

use common::{finished, load};
use rollproof::report::formats::{self, Found, Origin};
use rollproof::scenario::{self, Scenario};

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
#[test]
fn names_are_text_in_every_form() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/no-prestop.toml"));
    let text = text.expect("it is there");
    for name in ["=cmd()", "<script>alert(1)</script>", "a|b`*[x](http://x)", "@everyone", "\u{1b}[31m", "\"'&"] {
        let named = text.replace("name = \"no-prestop\"", &format!("name = {}", serde_json::json!(name)));
        let Ok(scenario) = scenario::parse("named.toml", &named, &[], None) else {
            // Not a name: it reaches no form.
            continue;
        };
        for (form, text) in rendered(&scenario, 2) {
            assert!(!text.contains("<script>") && !text.contains('\u{1b}'), "{form}: {text}");
            assert!(text.lines().all(|line| !line.starts_with('=') && !line.contains(",=")), "{form}: {text}");
        }
        let all = rendered(&scenario, 2);
        let of = |name: &str| &all.iter().find(|(form, _)| *form == name).expect("it is there").1;
        let junit = junit_parser::from_reader(of("junit").as_bytes()).expect("it is XML");
        assert!(name.contains('\u{1b}') || junit.suites[0].name == name, "{}", junit.suites[0].name);
        serde_json::from_str::<serde_json::Value>(of("sarif")).expect("it is JSON");
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
