//! A baseline in a repository: a change that makes a plan worse fails, one that does not passes.

use std::path::Path;
use std::process::Command;

/// A small proof of the book's plan with these changes, held against `base.json` in the folder.
fn prove(home: &Path, more: &[&str]) -> (Option<i32>, String) {
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/flaws/no-pre-stop-repaired.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollproof"));
    command.arg("prove").arg(plan).args(["--faults", "0", "--seeds", "30", "--bound", "0.2", "--no-static"]);
    command.args(["--baseline", "base.json", "--out", "out"]).args(more).current_dir(home);
    let ran = command.output().expect("it runs");
    let text = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    (ran.status.code(), text)
}

const WORSE: [&str; 2] = ["--set", "app.web.pre_stop=\"0s\""];

#[test]
fn what_is_worse_than_accepted_fails_and_says_what_it_was() {
    let home = tempfile::tempdir().expect("there is room");
    let (code, text) = prove(home.path(), &[]);
    assert!(code == Some(2) && text.contains("--update-baseline makes one"), "{text}");
    assert_eq!(prove(home.path(), &["--update-baseline"]).0, Some(0));
    let (code, text) = prove(home.path(), &[]);
    assert!(code == Some(0) && text.contains("BASELINE  as the baseline has it"), "{text}");
    let (code, text) = prove(home.path(), &WORSE);
    assert!(code == Some(1) && text.contains("worse: requests lost in the worst run: was 0, now "), "{text}");
    assert!(text.contains("worse: the plan: held, now refuted"), "{text}");
}

#[test]
fn what_was_refuted_and_accepted_passes_until_it_gets_worse() {
    let home = tempfile::tempdir().expect("there is room");
    assert_eq!(prove(home.path(), &[&WORSE[..], &["--update-baseline"]].concat()).0, Some(0));
    assert_eq!(prove(home.path(), &WORSE).0, Some(0));
    let (code, text) = prove(home.path(), &[]);
    assert!(code == Some(0) && text.contains("better somewhere"), "{text}");
    let later = ["--set", "app.web.pre_stop=\"0s\"", "--set", "app.web.traffic.new.rps=500"];
    assert_eq!(prove(home.path(), &later).0, Some(1));
}

#[test]
fn figures_of_another_question_are_not_compared_and_a_broken_file_is_refused() {
    let home = tempfile::tempdir().expect("there is room");
    assert_eq!(prove(home.path(), &["--update-baseline"]).0, Some(0));
    let (code, text) = prove(home.path(), &["--laws", "no-loss"]);
    assert!(code == Some(2) && text.contains("answers another question"), "{text}");
    std::fs::write(home.path().join("base.json"), "{").expect("it can be written");
    let (code, text) = prove(home.path(), &[]);
    assert!(code == Some(2) && text.contains("it is no baseline"), "{text}");
}
