//! The comparison with a measured cluster: what fits is let through, what does not is refused, in both directions.

use rollproof::fidelity::experiments::{CATALOG, find};
use rollproof::fidelity::judge::{FAMILY_ERROR, Measured, Sample, judge};
use rollproof::fidelity::line::{Line, Unreadable, read};
use rollproof::fidelity::report::{Fidelity, Figure, Verdict};
use rollproof::fidelity::row::{Aspect, Unit};
use rollproof::fidelity::{MEASURED, Work, cases, compare};
use serde_json::Value;

/// Seeds of each setting: enough for rows of four repetitions to be refused, and fast.
const SEEDS: u64 = 60;

fn lines(files: &[&str]) -> Vec<Line> {
    let texts = MEASURED.iter().filter(|(name, _)| files.contains(name));
    texts.flat_map(|(name, text)| read(name, text).expect("it reads")).collect()
}

fn found(lines: Vec<Line>, seeds: u64, jobs: usize) -> Fidelity {
    let cases = cases(lines).unwrap_or_else(|problems| panic!("{problems}"));
    compare(&cases, false, Work { seeds, jobs, progress: &|_, _| {}, stop: None })
        .unwrap_or_else(|failed| panic!("{failed}"))
}

fn rows(found: &Fidelity) -> impl Iterator<Item = &Figure> {
    found.families.iter().flat_map(|family| &family.settings).flat_map(|setting| &setting.rows)
}

/// The smallest p-value of rows of this name.
fn least_p(found: &Fidelity, name: &str) -> f64 {
    rows(found).filter(|row| row.name == name).filter_map(|row| row.p).fold(1.0, f64::min)
}

/// Every time of a result three times as late or as long; counts stay.
fn tripled(value: &mut Value, inside: &str) {
    /// What counts things.
    const COUNTS: [&str; 9] =
        ["counts", "sent", "pods_drained", "retries429", "failed", "slow", "api_sent", "api_failed", "api_slow"];
    match value {
        Value::Number(number) if !COUNTS.contains(&inside) => {
            *value = serde_json::json!(number.as_f64().expect("a number") * 3.0);
        }
        Value::Array(items) => items.iter_mut().for_each(|item| tripled(item, inside)),
        Value::Object(entries) => {
            let drained = entries.contains_key("retries429");
            for (key, item) in entries.iter_mut().filter(|(key, _)| !COUNTS.contains(&key.as_str())) {
                // A drain's `pods` is their number.
                if !(drained && key == "pods") && key != "endpoints" && key != "api_bad" {
                    tripled(item, key);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Requests of two kinds change their names.
fn swapped(line: &mut Line, one: &str, other: &str) {
    let Some(load) = line.result.get_mut("load").and_then(Value::as_object_mut) else { return };
    for part in ["counts", "first", "last"] {
        let Some(kinds) = load.get_mut(part).and_then(Value::as_object_mut) else { continue };
        let (first, second) = (kinds.remove(one), kinds.remove(other));
        kinds.extend(first.map(|value| (other.to_owned(), value)));
        kinds.extend(second.map(|value| (one.to_owned(), value)));
    }
}

#[test]
fn every_line_that_comes_with_the_program_is_read_and_every_experiment_has_some() {
    let all = lines(&MEASURED.map(|(name, _)| name));
    assert_eq!(all.len(), 56);
    for experiment in CATALOG {
        assert!(all.iter().any(|line| line.experiment == experiment.name), "{}", experiment.name);
    }
    assert_eq!(cases(all).map(|cases| cases.len()).map_err(|problems| problems.to_string()), Ok(12));
    assert!(find("rollout").is_some() && find("rolout").is_none());
}

#[test]
fn the_measured_fail_over_fits_and_three_times_as_late_it_is_refused() {
    let measured = lines(&["leasekill.jsonl"]);
    assert!(found(measured.clone(), SEEDS, 2).fits);
    let mut late = measured;
    for line in &mut late {
        line.result.iter_mut().for_each(|(key, value)| tripled(value, key));
    }
    let late = found(late, SEEDS, 2);
    assert!(!late.fits);
    assert!(late.first.is_some_and(|first| first.starts_with("leasekill: \"fail-over\"")));
}

#[test]
fn files_with_times_tripled_are_refused_whatever_the_experiment() {
    for (name, _) in MEASURED {
        let mut late = lines(&[name]);
        for line in &mut late {
            line.result.iter_mut().for_each(|(key, value)| tripled(value, key));
        }
        let late = found(late, 10 * SEEDS, 0);
        let off = rows(&late).filter(|row| row.verdict == Verdict::Off).count();
        assert!(!late.fits && off > 0, "{name}: {off} rows refused");
    }
}

#[test]
fn swapped_causes_are_refused_by_the_very_rows_that_were_swapped() {
    let honest = found(lines(&["drainone.jsonl"]), 200, 0);
    let mut wrong = lines(&["drainone.jsonl"]);
    wrong.iter_mut().for_each(|line| swapped(line, "refused", "timeout"));
    let wrong = found(wrong, 200, 0);
    for name in ["refused", "black hole"] {
        let (before, after) = (least_p(&honest, name), least_p(&wrong, name));
        assert!(before > 1e-4 && after < 1e-6, "{name}: {before} before, {after} after");
    }
    let mut wrong = lines(&["rollout.jsonl"]);
    wrong.iter_mut().for_each(|line| swapped(line, "refused", "reset"));
    assert!(!found(wrong, 200, 0).fits);
}

/// Rows of a law that is known: `simulated` uniform over 10 s wide by `wide`, two repetitions measured of the true one.
fn known(wide: f64, count: usize) -> Vec<Sample> {
    let row = |number: usize| {
        let value = |place: f64| 20.0 + (place - 0.5) * 10.0;
        let measured = (0..3).map(|rep| Measured {
            repetition: number * 3 + rep,
            judged: true,
            // Places spread evenly over all rows, in no order.
            value: Some(value(((number * 3 + rep) * 37 % (3 * count)) as f64 / (3 * count) as f64)),
        });
        let simulated = (0..400).map(|seed| Some(20.0 + (value(f64::from(seed) / 400.0) - 20.0) * wide));
        Sample {
            name: format!("row {number}"),
            unit: Unit::Seconds,
            aspect: Aspect::Pods,
            fitted: None,
            act: None,
            measured: measured.collect(),
            simulated: simulated.collect(),
        }
    };
    (0..count).map(row).collect()
}

#[test]
fn a_model_too_wide_is_refused_by_coverage_and_beyond_measure_by_each_row() {
    let (true_model, wide, endless) = (judge(&known(1.0, 20)), judge(&known(2.5, 20)), judge(&known(10.0, 20)));
    assert!(true_model.figures.iter().all(|row| row.verdict == Verdict::Fits));
    assert!(true_model.coverage.iter().all(|test| test.fits), "{:?}", true_model.coverage);
    // Two and a half times as wide: no row is off, each may be as wide, and yet far too much lies inside.
    assert!(wide.figures.iter().all(|row| row.verdict == Verdict::Fits));
    let half = wide.coverage.iter().find(|test| test.percent == 50).expect("it is tested");
    assert!(!half.fits && half.p_many < FAMILY_ERROR && half.p_few > 0.5, "{half:?}");
    assert!(endless.figures.iter().all(|row| row.verdict == Verdict::TooWide));
}

#[test]
fn a_model_too_narrow_is_refused_by_coverage() {
    let narrow = judge(&known(0.3, 20));
    let most = narrow.coverage.iter().find(|test| test.percent == 90).expect("it is tested");
    assert!(!most.fits && most.p_few < FAMILY_ERROR, "{most:?}");
}

/// Timers that fire late by `late`, in a model that is exact to a tenth of it.
fn late_timers(late: f64) -> Vec<Sample> {
    let mut samples = known(1.0, 20);
    for sample in &mut samples {
        sample.simulated = (0..400).map(|seed| Some(7.0 + f64::from(seed % 4) / 4000.0)).collect();
        sample.measured.iter_mut().for_each(|measured| measured.value = Some(7.0 + late));
    }
    samples
}

#[test]
fn values_that_are_late_by_what_the_instrument_cannot_tell_are_not_outside() {
    let within = judge(&late_timers(0.05));
    assert!(within.coverage.iter().all(|test| test.fits && test.inside == 0 && test.near == test.of), "{within:?}");
    let beyond = judge(&late_timers(0.06));
    assert!(beyond.coverage.iter().all(|test| !test.fits && test.near == 0), "{beyond:?}");
}

#[test]
fn rows_of_busy_repetitions_and_rows_that_set_a_parameter_are_shown_and_not_judged() {
    let mut samples = known(10.0, 2);
    samples[0].measured.iter_mut().for_each(|value| value.judged = false);
    samples[1].fitted = Some("a parameter");
    let judged = judge(&samples);
    let verdicts: Vec<Verdict> = judged.figures.iter().map(|row| row.verdict).collect();
    assert_eq!(verdicts, [Verdict::NotJudged, Verdict::Fitted]);
    assert!(judged.coverage.is_empty());
}

#[test]
fn threads_and_the_order_of_experiments_change_nothing() {
    let all = || lines(&["rollout.jsonl", "leasekill.jsonl"]);
    let mut turned = all();
    turned.reverse();
    turned.sort_by_key(|line| line.experiment != "rollout");
    let one = found(all(), 20, 1);
    assert_eq!(one, found(all(), 20, 3));
    let names = |found: &Fidelity| found.families.iter().map(|family| family.name).collect::<Vec<_>>();
    assert_eq!(names(&one), names(&found(turned, 20, 2)));
}

/// The simulated median of rows of an experiment under these parameters.
fn medians<const N: usize>(experiment: &str, params: &str, names: [&str; N]) -> [f64; N] {
    let result = r#"{"load": {"counts": {"ok": 1, "refused": 0, "reset": 0, "timeout": 0}, "sent": 1},
        "members": {"m1": {"longest_ok_gap": [1.0, 0.0], "failed": 1, "failed_sent": [0.0, 1.0], "fail_after": 7}}}"#;
    let line = format!(r#"{{"experiment": "{experiment}", "params": {params}, "result": {result}}}"#);
    let found = found(read("x", &line.replace('\n', " ")).expect("it reads"), 60, 2);
    names.map(|name| rows(&found).find(|row| row.name == name).and_then(|row| row.median).expect(name))
}

/// Parameters of a rolling restart.
fn rollout(prestop: u32, keepalive: bool, mode: &str) -> String {
    format!(
        r#"{{"rps": 200, "secs": 28, "replicas": 4, "mode": "{mode}", "keepalive": {keepalive}, "prestop": {prestop}}}"#
    )
}

#[test]
fn other_values_of_parameters_are_honoured() {
    let slow = r#"{"rps": 50, "secs": 20, "replicas": 4, "keepalive": false, "pdb": "maxUnavailable:25%"}"#;
    let [ok] = medians("rollout", slow, ["ok"]);
    assert!((900.0..=1000.0).contains(&ok), "{ok} of 1000");
}

// The measured pairs: 21 to 38 refused and 48 to 140 into black holes without a hook, none with one of 5 s.
#[test]
fn a_hook_of_five_seconds_saves_what_a_rolling_restart_loses() {
    let names = ["ok", "refused", "black hole"];
    let [ok, refused, hole] = medians("rollout", &rollout(0, false, "abrupt"), names);
    assert!((15.0..=40.0).contains(&refused) && (40.0..=150.0).contains(&hole) && ok < 5550.0);
    assert_eq!(medians("rollout", &rollout(5, false, "abrupt"), names), [5600.0, 0.0, 0.0]);
}

// Measured: 2 to 6 refused and none into black holes on kept-alive connections, against 21 to 38 and 48 to 140.
#[test]
fn new_connections_lose_ten_times_as_much_as_kept_alive_ones() {
    let names = ["refused", "cut", "black hole"];
    let kept = medians("rollout", &rollout(0, true, "abrupt"), names);
    let new = medians("rollout", &rollout(0, false, "abrupt"), names);
    assert!(kept[0] <= 10.0 && kept[2] == 0.0 && new[0] >= 15.0 && new[2] >= 40.0, "{kept:?} against {new:?}");
    assert!(kept.iter().sum::<f64>() * 5.0 < new.iter().sum::<f64>(), "{kept:?} against {new:?}");
}

// Measured: 2 to 5 cut when a process exits at once, none when it finishes what it has; refused are as many.
#[test]
fn a_graceful_exit_cuts_nothing_and_refuses_as_many() {
    let names = ["refused", "cut"];
    let abrupt = medians("rollout", &rollout(0, false, "abrupt"), names);
    let graceful = medians("rollout", &rollout(0, false, "graceful"), names);
    assert!(abrupt[1] >= 2.0 && graceful[1] == 0.0, "{abrupt:?} against {graceful:?}");
    assert!((graceful[0] / abrupt[0] - 1.0).abs() < 0.35, "{abrupt:?} against {graceful:?}");
}

// Measured: 1.05 to 1.59 s after SIGKILL, 0.04 to 0.07 s after SIGTERM. That pre-vote shortens the longest: probes.rs.
#[test]
fn sigterm_of_the_etcd_leader_costs_a_twentieth_of_what_sigkill_costs() {
    let names = ["longest gap", "puts failed"];
    let kill = medians("etcdkill", r#"{"sig": "kill"}"#, names);
    let term = medians("etcdkill", r#"{"sig": "term"}"#, names);
    assert!((1.0..1.6).contains(&kill[0]) && (40.0..80.0).contains(&kill[1]), "{kill:?}");
    assert!((0.02..0.08).contains(&term[0]) && term[1] <= 1.0, "{term:?}");
}

#[test]
fn results_with_nothing_in_their_parts_are_read() {
    let lines = [
        r#"{"experiment":"rollout","params":{},"result":{}}"#,
        r#"{"experiment":"rollout","params":{},"result":{"load":null,"pods":null,"rollout_secs":null}}"#,
        r#"{"experiment":"rollout","params":{},"result":{"pods":[],"load":{}}}"#,
        r#"{"experiment":"rollout","params":{},"result":{"load":{"counts":{"ok":5,"strange":2},"first":{},"last":{}}}}"#,
        r#"{"experiment":"drainone","params":{},"result":{"drain":{"secs":null},"pods":[{"node":"w1"}]}}"#,
        r#"{"experiment":"upgradeworkers","params":{},"result":{"steps":[{"node":"w1","drain":null}]}}"#,
        r#"{"experiment":"masters","params":{},"result":{"api_bad":[],"etcd_leader_at_start":[]}}"#,
        r#"{"experiment":"nodekill","params":{},"result":{"notready":null,"endpoints":[]}}"#,
        r#"{"experiment":"leasekill","params":{},"result":{"failover_secs":null}}"#,
        r#"{"experiment":"etcdkill","params":{},"result":{"members":{"m1":{"fail_after":null,"longest_ok_gap":null}}}}"#,
        r#"{"experiment":"etcdkill","params":{},"result":{"members":{}}}"#,
    ];
    let found = found(read("x", &lines.join("\n")).expect("it is JSON"), 3, 2);
    assert_eq!(found.families.len(), CATALOG.len());
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name_with_its_place() {
    let bad = [
        (r#"{"experiment":"rollout","params":{"prestopp":5},"result":{}}"#, "no parameter `prestopp`"),
        (r#"{"experiment":"rollout","params":{"mode":"rude"},"result":{}}"#, "`mode` cannot be \"rude\""),
        (r#"{"experiment":"drainone","params":{"pdb":"5"},"result":{}}"#, "`pdb` cannot be \"5\""),
        (r#"{"experiment":"drainone","params":{"node":"x"},"result":{}}"#, "`node` cannot be \"x\""),
        (r#"{"experiment":"leasekill","params":{"what":"etcd"},"result":{}}"#, "`what` cannot be \"etcd\""),
        (r#"{"experiment":"etcdkil","result":{}}"#, "did you mean \"etcdkill\"?"),
        (
            r#"{"experiment":"rollout","params":{},"result":{"load":{"counts":{"ok":-1}}}}"#,
            "`result.load` cannot be read",
        ),
    ];
    let text: String = bad.iter().map(|(line, _)| format!("{line}\n")).collect();
    let Err(Unreadable(problems)) = cases(read("x.jsonl", &text).expect("it is JSON")) else { panic!("all are bad") };
    assert_eq!(problems.len(), bad.len());
    for (number, (problem, (_, says))) in problems.iter().zip(bad).enumerate() {
        assert_eq!(problem.place, format!("x.jsonl:{}", number + 1));
        let told = format!("{}; {}", problem.what, problem.help);
        assert!(told.contains(says), "{told}");
    }
}

#[cfg(feature = "cli")]
mod page {
    use super::{found, lines};
    use rollproof::fidelity::judge::judge;
    use rollproof::fidelity::report::{Family, Fidelity, PublicCase, Repetition, Setting, Totals};
    use rollproof::report::{fidelity_plot, fidelity_text, json};

    /// A page whose figures no model can change: rows of a known law, as measured and as judged.
    fn fixed() -> Fidelity {
        let mut samples = super::known(1.0, 3);
        samples[1].simulated.iter_mut().for_each(|value| *value = value.map(|value| value - 15.0));
        samples[2].measured.iter_mut().for_each(|value| value.judged = false);
        let judged = judge(&samples);
        let repetition = |rep| Repetition { rep, place: format!("x.jsonl:{rep}"), load: Some(1.5), judged: true };
        let setting = Setting {
            params: "mode abrupt, replicas 4".to_owned(),
            repetitions: (0..3).map(repetition).collect(),
            rows: judged.figures,
        };
        Fidelity {
            schema: 1,
            model_version: "1",
            seeds: 400,
            fits: false,
            first: Some("rollout: \"row 1\" is elsewhere than measured (mode abrupt, replicas 4)".to_owned()),
            rows: Totals { judged: 2, fit: 1, off: 1, not_judged: 1, ..Totals::default() },
            coverage: judged.coverage,
            families: vec![Family { name: "rollout", about: "A rolling restart.", settings: vec![setting] }],
            public_cases: vec![PublicCase {
                name: "a process that ignores SIGTERM".to_owned(),
                expected: "killed after 30 s".to_owned(),
                source: "Kubernetes documentation, \"Pod Lifecycle\"".to_owned(),
                simulated: "30.0 s".to_owned(),
                asked: "29 to 31 s".to_owned(),
                fits: true,
            }],
        }
    }

    #[test]
    fn the_page_reads_as_agreed() {
        let page = fidelity_text::render(&fixed(), false);
        insta::assert_snapshot!(page);
        let colored = fidelity_text::render(&fixed(), true);
        assert!(colored.contains("\u{1b}[") && colored.len() > page.len());
    }

    #[test]
    fn pages_of_all_experiments_stay_within_eighty_columns_and_cut_nothing() {
        let all = lines(&rollproof::fidelity::MEASURED.map(|(name, _)| name));
        let page = fidelity_text::render(&found(all, 20, 0), false);
        assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
        assert!(!page.contains('…'), "nothing is cut:\n{page}");
    }

    #[test]
    fn the_json_has_its_agreed_keys() {
        let found = found(lines(&["leasekill.jsonl"]), 20, 1);
        let value: serde_json::Value = serde_json::from_str(&json::render(&found)).expect("it is JSON");
        let keys =
            |value: &serde_json::Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
        let mut all =
            vec!["schema", "model_version", "seeds", "fits", "first", "rows", "coverage", "families", "public_cases"];
        all.sort_unstable();
        assert_eq!(keys(&value), all);
        let row = &value["families"][0]["settings"][0]["rows"][0];
        assert_eq!(
            (&row["name"], &row["unit"], &row["verdict"]),
            (&"fail-over".into(), &"seconds".into(), &"fits".into())
        );
        assert_eq!((row["measured"].as_array().map(Vec::len), &row["judged"][3]), (Some(5), &false.into()));
    }

    #[test]
    fn the_drawing_states_its_finding_and_is_the_same_twice() {
        let found = found(lines(&["leasekill.jsonl"]), 20, 1);
        let svg = fidelity_plot::svg(&found.families[0]).expect("it draws");
        assert!(svg.contains("leasekill: all 1 row fit") && svg.contains("fail-over"), "{svg}");
        assert_eq!(svg, fidelity_plot::svg(&found.families[0]).expect("it draws"));
        assert!(fidelity_plot::png(&found.families[0]).expect("it draws").starts_with(b"\x89PNG"));
    }
}
