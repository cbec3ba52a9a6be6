//! The command as its users meet it: as a process.
#![cfg(feature = "cli")]

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Output, Stdio};

fn rollproof(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollproof"));
    command.args(arguments).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    for name in ["OUTPUT", "COLOR", "SEED", "OUT", "JOBS", "STRATEGY"] {
        command.env_remove(format!("ROLLPROOF_{name}"));
    }
    command
}

fn output(arguments: &[&str]) -> Output {
    rollproof(arguments).output().expect("the command starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

/// The least that a scenario needs.
const PLAN: &str = r#"
schema = 1
[cluster]
version = { from = "1.14.10", to = "1.15.7" }
[[node_pool]]
name = "workers"
count = 1
[app.web]
replicas = 1
[strategy]
name = "kops-1.15"
"#;

/// A scenario file in a folder of its own.
fn plan() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("plan.toml");
    std::fs::write(&path, PLAN).expect("it can be written");
    let path = path.to_string_lossy().into_owned();
    (folder, path)
}

#[test]
fn help_names_every_command_and_every_exit_code_within_80_columns() {
    let help = output(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let shown = text(&help.stdout);
    for word in ["run", "check", "list", "show", "schema", "--output", "--color", "refuted", "70  internal", "130"] {
        assert!(shown.contains(word), "{word} in:\n{shown}");
    }
    for arguments in [&["--help"][..], &["run", "--help"], &["check", "--help"], &["list", "--help"]] {
        let shown = text(&output(arguments).stdout);
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    }
    let run = text(&output(&["run", "--help"]).stdout);
    for word in ["--seed", "ROLLPROOF_SEED", "--set", "--strategy", "--out", "--jobs"] {
        assert!(run.contains(word), "{word} in:\n{run}");
    }
}

#[test]
fn bad_usage_ends_with_2_and_says_so_on_stderr_only() {
    for arguments in [&["run"][..], &["explode"], &["run", "x.toml", "--seed", "minus"], &[]] {
        let ended = output(arguments);
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}");
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{arguments:?}");
    }
    let mut command = rollproof(&["run", "x.toml"]);
    let ended = command.env("ROLLPROOF_SEED", "many").output().expect("the command starts");
    assert_eq!(ended.status.code(), Some(2), "the environment is read as the flag is");
}

#[test]
fn a_missing_scenario_ends_with_2_and_names_the_file() {
    let ended = output(&["run", "no/such\u{1b}[31m.toml"]);
    assert_eq!(ended.status.code(), Some(2));
    let said = text(&ended.stderr);
    assert!(said.contains("no/such\\u{1b}[31m.toml") && !said.contains('\u{1b}'), "{said}");
    // A name that `rollproof list scenarios` shows is not yet a file.
    let mut command = rollproof(&["run", "book-ch18"]);
    let said = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("the command starts").stderr;
    assert!(text(&said).contains("did you mean `scenarios/book-ch18.toml`?"), "{}", text(&said));
}

#[test]
fn an_unknown_strategy_ends_with_2_and_a_suggestion() {
    let (_folder, plan) = plan();
    let ended = output(&["run", &plan, "--strategy", "kops-1.51"]);
    assert_eq!(ended.status.code(), Some(2));
    let said = text(&ended.stderr);
    assert!(said.contains("no strategy is called `kops-1.51`") && said.contains("did you mean `kops-1.15`?"), "{said}");
    let ended = output(&["show", "kobs"]);
    assert_eq!((ended.status.code(), text(&ended.stderr).contains("did you mean `kops`?")), (Some(2), true));
}

#[test]
fn every_listed_strategy_can_be_shown() {
    let listed = text(&output(&["list", "strategies", "-o", "json"]).stdout);
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("it is JSON");
    let strategies = listed["strategies"].as_array().expect("a list").clone();
    assert!(!strategies.is_empty());
    for strategy in strategies {
        let name = strategy["name"].as_str().expect("a name");
        let shown = output(&["show", name]);
        assert_eq!(shown.status.code(), Some(0));
        assert!(text(&shown.stdout).starts_with(name), "{name}");
    }
}

#[test]
fn every_command_with_a_result_can_say_it_in_json() {
    let (_folder, plan) = plan();
    for (arguments, key) in
        [(&["check", &plan][..], "scenario"), (&["show", "kops"], "manual"), (&["list"], "laws"), (&["schema"], "type")]
    {
        let ended = rollproof(arguments).args(["-o", "json"]).output().expect("the command starts");
        let said: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("it is JSON");
        assert!(said.get(key).is_some(), "{arguments:?}: {said}");
    }
}

#[test]
fn a_scenarios_opening_fits_into_80_columns() {
    let mut command = rollproof(&["show", "book-ch18"]);
    let said = text(&command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("the command starts").stdout);
    assert!(said.contains("Question: ") && said.contains("\n- Machines: "), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
}

#[test]
fn an_output_folder_that_cannot_be_written_ends_with_5_and_names_it() {
    let (folder, plan) = plan();
    let file = folder.path().join("taken");
    std::fs::write(&file, "").expect("it can be written");
    let ended = output(&["run", &plan, "--out", &file.to_string_lossy()]);
    assert_eq!(ended.status.code(), Some(5), "{}", text(&ended.stderr));
    assert!(text(&ended.stderr).contains("taken"), "{}", text(&ended.stderr));
    assert!(ended.stdout.is_empty());
}

#[test]
#[cfg(unix)]
fn a_reader_that_goes_away_ends_it_quietly() {
    for arguments in [&["list"][..], &["show", "kops"], &["--help"]] {
        let mut child =
            rollproof(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
        // The pipe is closed before, or while, anything is written.
        drop(child.stdout.take());
        let ended = child.wait_with_output().expect("it ends");
        assert_eq!((ended.status.code(), text(&ended.stderr)), (Some(0), String::new()), "{arguments:?}");
    }
    let line = format!("{} list | head -1", env!("CARGO_BIN_EXE_rollproof"));
    let ended = Command::new("sh").args(["-c", &line]).output().expect("there is a shell");
    assert_eq!((text(&ended.stdout).as_str(), text(&ended.stderr).as_str()), ("STRATEGIES\n", ""));
}

#[test]
#[cfg(target_os = "linux")]
fn a_result_that_does_not_reach_a_full_disk_ends_with_5() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let ended = rollproof(&["list"]).stdout(full).stderr(Stdio::piped()).output().expect("the command starts");
    assert_eq!(ended.status.code(), Some(5));
    assert!(text(&ended.stderr).contains("<stdout>"), "{}", text(&ended.stderr));
}

/// A run that would go on for long: an operator who never comes, and each request an event of its own.
#[test]
#[cfg(unix)]
fn an_interrupted_run_ends_with_130_and_leaves_nothing_half_written() {
    let (folder, plan) = plan();
    let (out, endless) = (
        folder.path().join("out"),
        "app.web.traffic.u={ from = \"pool:workers\", rps = 100000, mode = \"per-request\" }",
    );
    let arguments = ["run", &plan, "-v", "--set", endless, "--set", "strategy.start=\"20h\"", "--out"];
    let mut command = rollproof(&arguments);
    let command = command.arg(&out).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    let mut said = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut line = String::new();
    // It has begun once it says which seed it runs.
    while !line.contains("seed 1") {
        line.clear();
        assert!(said.read_line(&mut line).expect("it is UTF-8") > 0, "it ended before it began");
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("there is a kill");
    assert!(killed.success());
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("it is UTF-8");
    let ended = child.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(130), "{rest}");
    assert!(rest.contains("interrupted: seed 1 had come to"), "{rest}");
    assert!(ended.stdout.is_empty() && !out.exists());
}

/// Measured fail-overs in a file of their own.
fn measured(folder: &std::path::Path, name: &str, seconds: &[f64], params: &str) -> String {
    let line = |(rep, secs): (usize, &f64)| {
        format!(
            "{{\"experiment\":\"leasekill\",\"params\":{params},\"rep\":{rep},\"result\":{{\"failover_secs\":{secs}}}}}\n"
        )
    };
    let path = folder.join(name);
    std::fs::write(&path, seconds.iter().enumerate().map(line).collect::<String>()).expect("it can be written");
    path.to_string_lossy().into_owned()
}

#[test]
fn measurements_of_ones_own_are_compared_and_the_exit_code_says_whether_they_fit() {
    let folder = tempfile::tempdir().expect("there is room");
    let out = folder.path().join("out").to_string_lossy().into_owned();
    let compare = |file: &str, more: &[&str]| {
        output(&[&["fidelity", "--measured", file, "--seeds", "100", "--out", &out], more].concat())
    };
    let seconds = [15.4, 17.4, 15.5, 14.5];
    let fits = compare(&measured(folder.path(), "own.jsonl", &seconds, "{\"what\":\"scheduler\"}"), &[]);
    assert_eq!(fits.status.code(), Some(0), "{}{}", text(&fits.stdout), text(&fits.stderr));
    let tripled = seconds.map(|secs| secs * 3.0);
    let late = compare(&measured(folder.path(), "late.jsonl", &tripled, "{}"), &["--quiet"]);
    assert_eq!((late.status.code(), text(&late.stdout).contains("DOES NOT FIT")), (Some(1), true));
    let bad = compare(&measured(folder.path(), "bad.jsonl", &seconds, "{\"wat\":1}"), &[]);
    let told = text(&bad.stderr);
    assert!(bad.status.code() == Some(2) && bad.stdout.is_empty(), "{told}");
    assert!(told.contains("bad.jsonl:4") && told.contains("did you mean `what`?"), "{told}");
    assert_eq!(compare("nowhere.jsonl", &[]).status.code(), Some(2));
}

#[test]
fn a_comparison_is_the_same_to_the_byte_twice_and_for_any_number_of_threads() {
    let folder = tempfile::tempdir().expect("there is room");
    let run = |name: &str, jobs: &str| {
        let out = folder.path().join(name).to_string_lossy().into_owned();
        let ended =
            output(&["fidelity", "--only", "rollout", "--seeds", "30", "--jobs", jobs, "-o", "json", "--out", &out]);
        let kept = std::fs::read_dir(folder.path().join(name).join("fidelity")).expect("it is there");
        let mut files: Vec<_> = kept.map(|file| file.expect("it can be read").path()).collect();
        files.sort();
        let names: Vec<_> = files.iter().map(|path| path.file_name().map(std::ffi::OsStr::to_owned)).collect();
        let bytes: Vec<Vec<u8>> = files.iter().map(|path| std::fs::read(path).expect("it can be read")).collect();
        (ended.stdout, names, bytes)
    };
    let one = run("a", "1");
    assert!(one.1.len() == 4 && one.0.starts_with(b"{"), "{:?}", one.1);
    assert_eq!(one, run("b", "1"));
    assert_eq!(one, run("c", "3"));
}
