//! Labs: each start fails for its reason, each solution passes, and a new user's way through two.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use rollproof::lab::{self, Checked, Lab};
use rollproof::scenario::{self, Scenario};

fn parsed(text: &str) -> Scenario {
    scenario::parse("plan.toml", text, &[], None).unwrap_or_else(|refused| panic!("{refused}"))
}

fn checked(lab: &Lab, text: &str, answers: &str) -> Checked {
    lab::check(lab, (text, &parsed(text)), answers, &AtomicBool::new(false)).expect("it runs")
}

fn answered(lab: &Lab) -> String {
    lab.questions.iter().map(|one| format!("{} = \"{}\"\n", one.key, one.answer)).collect()
}

#[test]
fn every_start_fails_for_its_reason() {
    for (place, lab) in lab::CATALOG.iter().enumerate() {
        let plan = parsed(lab.start);
        assert_eq!(lab::of_plan(&plan.name).map(|(number, _)| number), Some(place + 1), "{}", lab.slug);
        match (checked(lab, lab.start, &lab.answers().unwrap_or_default()), lab.law) {
            (Checked::Fails(why, Some(found)), Some(law)) => {
                assert_eq!(found.law, law, "{}: {why}", lab.slug);
                assert!(!found.chain.is_empty() || law == "completion", "{}: {why}", lab.slug);
            }
            (Checked::Unanswered(asked), None) => assert_eq!(asked.len(), lab.questions.len(), "{}", lab.slug),
            (other, _) => panic!("{}: {other:?}", lab.slug),
        }
    }
}

#[test]
fn every_solution_passes_and_changes_only_what_may_be_changed() {
    for lab in lab::CATALOG {
        assert!(matches!(checked(lab, lab.solution, &answered(lab)), Checked::Passed), "{}", lab.slug);
    }
}

#[test]
fn texts_fit_a_terminal_and_every_lab_has_a_goal_and_hints() {
    for lab in lab::CATALOG {
        assert!(lab.text.lines().all(|line| line.chars().count() <= 80), "{}", lab.slug);
        assert!(lab.text.contains("Goal: ") && lab.hints.len() >= 3, "{}", lab.slug);
        assert!(lab.open.is_empty() != lab.questions.is_empty(), "{}: a plan to mend or a question", lab.slug);
    }
}

/// What the labs ask is what the program answers.
#[test]
fn answers_are_what_the_program_says() {
    let run = |words: &[&str]| {
        let home = tempfile::tempdir().expect("there is room");
        let ran = Command::new(env!("CARGO_BIN_EXE_rollproof")).args(words).current_dir(home.path()).output();
        String::from_utf8_lossy(&ran.expect("it runs").stdout).into_owned()
    };
    let home = tempfile::tempdir().expect("there is room");
    let file = |lab: &Lab| {
        let path = home.path().join(format!("{}.toml", lab.slug));
        std::fs::write(&path, lab.start).expect("it can be written");
        path.to_string_lossy().into_owned()
    };
    let flow = run(&["run", &file(&lab::exercises::version_flow::LAB)]);
    assert!(flow.contains("fewest members up 2"), "{flow}");
    let units: Vec<&str> = flow.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    let place = |unit: &str| units.iter().position(|one| *one == unit).expect("a row");
    assert!(place("master-1") < place("master-2") && place("master-3") < place("workers-1"), "{flow}");
    let found = run(&["prove", &file(&lab::exercises::counterexample::LAB), "--faults", "0"]);
    assert!(found.contains("no-exposure") && found.contains("refused") && found.contains("is drained"), "{found}");
    let strategies = "kops,gke-surge,in-place-no-drain";
    let plan = file(&lab::exercises::compare::LAB);
    let compared = run(&["compare", &plan, "--strategies", strategies, "--seeds", "20"]);
    let refuted = |name: &str| compared.lines().any(|line| line.contains(name) && line.contains("20/20    20/20"));
    assert!(refuted("in-place-no-drain") && !refuted("kops"), "{compared}");
    let (_, why) = compared.split_once("  gke-surge\n").expect("its own lines");
    assert!(why.starts_with("    its time goes into surge-wait "), "{compared}");
}

/// Runs a command in a folder: its exit code and what it prints.
fn told(home: &Path, words: &[&str]) -> (Option<i32>, String) {
    let ran = Command::new(env!("CARGO_BIN_EXE_rollproof")).args(words).current_dir(home).output().expect("it runs");
    let text = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    (ran.status.code(), text)
}

#[test]
fn a_new_user_starts_fails_asks_cheats_and_passes() {
    let home = tempfile::tempdir().expect("there is room");
    let plan = home.path().join("mine/plan.toml");
    let mut transcript = String::new();
    let mut says = |words: &[&str]| {
        let (code, text) = told(home.path(), words);
        transcript.push_str(&format!("$ rollproof {}\n{text}[{}]\n\n", words.join(" "), code.unwrap_or(-1)));
        code
    };
    assert_eq!(says(&["lab", "start", "10", "mine"]), Some(0));
    assert_eq!(says(&["lab", "start", "10", "mine"]), Some(2), "work is never written over");
    assert_eq!(says(&["lab", "check", "mine"]), Some(1));
    assert_eq!(says(&["lab", "hint", "mine"]), Some(0));
    let start = std::fs::read_to_string(&plan).expect("it is there");
    std::fs::write(&plan, start.replace("rps = 50", "rps = 1")).expect("it can be written");
    assert_eq!(says(&["lab", "check", "mine"]), Some(1), "users are not sent away");
    std::fs::write(&plan, start.replace("grace = ", "pre_stop = \"1ms\"\ngrace = ")).expect("it can be written");
    assert_eq!(says(&["lab", "check", "mine"]), Some(1));
    std::fs::write(&plan, start.replace("grace = ", "pre_stop = \"10s\"\ngrace = ")).expect("it can be written");
    assert_eq!(says(&["lab", "check", "mine"]), Some(0));
    assert_eq!(says(&["lab", "status"]), Some(0));
    insta::assert_snapshot!(transcript);
}

#[test]
fn questions_are_answered_in_a_file_of_their_own() {
    let home = tempfile::tempdir().expect("there is room");
    let lab = &lab::exercises::version_flow::LAB;
    assert_eq!(told(home.path(), &["lab", "start", "5", "flow"]).0, Some(0));
    let (code, text) = told(home.path(), &["lab", "check", "flow"]);
    assert!(code == Some(1) && text.contains("Which master is replaced first?"), "{text}");
    std::fs::write(home.path().join("flow/answers.toml"), answered(lab)).expect("it can be written");
    assert_eq!(told(home.path(), &["lab", "check", "flow"]).0, Some(0));
}

#[test]
fn bad_folders_and_files_are_refused_with_a_way_out() {
    let home = tempfile::tempdir().expect("there is room");
    for words in [&["lab", "start", "99", "x"][..], &["lab", "check", "nowhere"], &["lab", "hint", "nowhere"]] {
        let (code, text) = told(home.path(), words);
        assert!(code == Some(2) && text.contains("help: "), "{text}");
    }
    assert_eq!(told(home.path(), &["lab", "start", "1", "one"]).0, Some(0));
    std::fs::write(home.path().join("one/plan.toml"), "schema = ").expect("it can be written");
    assert_eq!(told(home.path(), &["lab", "check", "one"]).0, Some(2));
    std::fs::write(home.path().join("one/plan.toml"), lab::CATALOG[0].start.replace("lab-why-ha", "mine")).expect("so");
    let (code, text) = told(home.path(), &["lab", "check", "one"]);
    assert!(code == Some(2) && text.contains("is no plan of a lab"), "{text}");
}
