//! `rollproof prove` and what comes after it as their users meet them: as processes.
#![cfg(feature = "cli")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const MASTERS: &str = r#"schema = 1
name = "masters"
[cluster]
version = { from = "1.14.10", to = "1.15.7" }
[cluster.control_plane]
replicas = 3
zones = 3
[strategy]
name = "kops-1.15"
"#;

fn command(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rollproof"));
    std::fs::write(folder.join("masters.toml"), MASTERS).expect("there is room");
    command.args(arguments.split(' ')).current_dir(folder).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    for name in ["OUTPUT", "COLOR", "SEED", "SEEDS", "OUT", "JOBS", "STRATEGY"] {
        command.env_remove(format!("ROLLPROOF_{name}"));
    }
    command
}

fn output(folder: &Path, arguments: &str) -> Output {
    command(folder, arguments).output().expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is UTF-8")
}

const QUORUM: &str = "prove masters.toml --laws etcd-quorum --bound 0.1 --seeds 50";

#[test]
fn every_answer_has_its_exit_code() {
    let folder = tempfile::tempdir().expect("there is room");
    let ends = |arguments: &str| output(folder.path(), arguments).status.code();
    assert_eq!(ends(&format!("{QUORUM} --faults 0")), Some(0));
    assert_eq!(ends(&format!("{QUORUM} --kinds etcd-member-stop")), Some(1));
    assert_eq!(ends("prove masters.toml --faults 0 --seeds 3"), Some(3));
    std::fs::write(folder.path().join("file"), "").expect("there is room");
    assert_eq!(ends(&format!("{QUORUM} --faults 0 --out file")), Some(5));
    let slip = output(folder.path(), "prove masters.toml --kinds etcd-member-stopp");
    assert_eq!(slip.status.code(), Some(2));
    assert!(text(&slip.stderr).contains("did you mean `etcd-member-stop`?"), "{}", text(&slip.stderr));
    assert_eq!(ends("prove masters.toml --laws quorum"), Some(2));
}

#[test]
fn a_refutation_leaves_a_file_that_replays_a_certificate_that_holds_and_a_chain_to_explain() {
    let folder = tempfile::tempdir().expect("there is room");
    let proof = output(folder.path(), &format!("{QUORUM} --kinds etcd-member-stop"));
    let page = text(&proof.stdout);
    assert!(page.starts_with("✗ REFUTED: masters"), "{page}");
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    let (_, words) = page.split_once("reproduce: ").expect("it says how to see it again");
    let words = words.replace("\\\n", "").replace("rollproof ", "");
    assert_eq!(output(folder.path(), words.trim()).status.code(), Some(1), "{words}");
    let home = words.split(' ').nth(1).and_then(|file| Path::new(file).parent()).expect("a folder").to_owned();
    let home = home.to_string_lossy();
    let verified = output(folder.path(), &format!("verify {home}/certificate.json --every 2"));
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified.stdout));
    let chain = text(&output(folder.path(), &format!("explain {home}")).stdout);
    assert!(chain.contains("etcd-member-stop") && chain.contains("[etcd documentation"), "{chain}");
    assert!(!chain.contains("limit"), "its horizon is short, which explains nothing: {chain}");
}

#[test]
fn weighed_numbers_of_faults_stand_on_the_page_and_in_a_certificate_that_holds() {
    let folder = tempfile::tempdir().expect("there is room");
    let asked = "prove masters.toml --kinds etcd-member-stop --bound 0.05 --seeds 200 --faults-per-hour 0.5";
    let page = text(&output(folder.path(), asked).stdout);
    assert!(page.contains("\nWEIGHED  ") && page.lines().all(|line| line.chars().count() <= 80), "{page}");
    let (_, words) = page.split_once("reproduce: ").expect("one fault refutes it");
    let words = words.replace("\\\n", "");
    let home = words.split(' ').nth(2).and_then(|file| Path::new(file).parent()).expect("a folder").to_owned();
    let verified = output(folder.path(), &format!("verify {}/certificate.json", home.to_string_lossy()));
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified.stdout));
    for wrong in [asked.replace("0.5", "-1"), format!("{asked} --faults 0")] {
        assert_eq!(output(folder.path(), &wrong).status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn a_proof_that_is_interrupted_ends_with_130_and_keeps_what_was_finished() {
    let folder = tempfile::tempdir().expect("there is room");
    let long = "prove masters.toml --faults 0 --bound 0.000001 --seeds 100000000";
    let mut child =
        command(folder.path(), long).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let finished = || {
        let names = std::fs::read_dir(folder.path().join("output/masters")).into_iter().flatten().flatten();
        let states = names.filter_map(|home| std::fs::read_to_string(home.path().join("state.jsonl")).ok());
        states.map(|state| state.lines().count()).max().unwrap_or_default()
    };
    while finished() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert!(child.try_wait().expect("it can be asked").is_none(), "it has not ended by itself");
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill is there");
    assert!(killed.success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert!(finished() >= 2);
}

/// The checksum of a line of `state.jsonl`: FNV-1a of 32 bits.
fn checksum(text: &str) -> String {
    format!("{:08x}", text.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193)))
}

/// The only folder of the only scenario below `output`.
fn home(folder: &Path, output: &str) -> PathBuf {
    let mut homes = std::fs::read_dir(folder.join(output).join("masters")).expect("it is there").flatten();
    homes.next().expect("a folder").path()
}

#[test]
fn a_finished_batch_that_no_run_repeats_is_an_internal_error_with_its_seed_and_faults() {
    let folder = tempfile::tempdir().expect("there is room");
    let arguments = format!("{QUORUM} --kinds etcd-member-stop");
    assert_eq!(output(folder.path(), &arguments).status.code(), Some(1));
    let path = home(folder.path(), "output").join("state.jsonl");
    let state = std::fs::read_to_string(&path).expect("it is there");
    let forged = state.lines().map(|line| match line.split_once(' ') {
        Some((sum, text)) if sum.len() == 8 => {
            let text = text.replace("\"law\":\"etcd-quorum\"", "\"law\":\"version-skew\"");
            format!("{} {text}\n", checksum(&text))
        }
        _ => format!("{line}\n"),
    });
    std::fs::write(&path, forged.collect::<String>()).expect("it can be written");
    let ended = output(folder.path(), &arguments);
    let told = text(&ended.stderr);
    assert_eq!(ended.status.code(), Some(70), "{told}");
    assert!(told.contains("seed 1") && told.contains("etcd-member-stop") && ended.stdout.is_empty(), "{told}");
}

#[test]
fn a_certificate_whose_run_nobody_can_repeat_does_not_hold_whichever_batches_are_run_again() {
    let folder = tempfile::tempdir().expect("there is room");
    assert_eq!(output(folder.path(), &format!("{QUORUM} --kinds etcd-member-stop")).status.code(), Some(1));
    let path = home(folder.path(), "output").join("certificate.json");
    let sound = std::fs::read_to_string(&path).expect("it is there");
    let forged = sound.replace("\"law\": \"etcd-quorum\"", "\"law\": \"version-skew\"");
    assert_ne!(sound, forged);
    std::fs::write(folder.path().join("forged.json"), forged).expect("it can be written");
    for every in ["1", "2", "100"] {
        let ended = output(folder.path(), &format!("verify forged.json --every {every}"));
        assert_eq!(ended.status.code(), Some(1), "every {every}: {}{}", text(&ended.stdout), text(&ended.stderr));
    }
}

#[test]
fn a_proof_gives_the_same_bytes_for_any_number_of_threads_and_after_a_kill() {
    const LONG: &str = "prove masters.toml --laws etcd-quorum --kinds scheduler-crash --bound 0.01 -o json";
    let folder = tempfile::tempdir().expect("there is room");
    let proved = |out: &str, jobs: u32| {
        let ended = output(folder.path(), &format!("{LONG} --out {out} --jobs {jobs}"));
        assert_eq!(ended.status.code(), Some(0), "{}", text(&ended.stderr));
        let home = home(folder.path(), out);
        let bytes = |name: &str| std::fs::read(home.join(name)).expect("it is written");
        (ended.stdout, bytes("certificate.json"), bytes("result.json"), bytes("report.txt"))
    };
    let whole = proved("one", 1);
    for jobs in [2, 8] {
        assert_eq!(proved(&format!("with-{jobs}"), jobs), whole, "{jobs} threads");
    }
    let mut child = command(folder.path(), &format!("{LONG} --out killed --jobs 2"));
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let finished = || {
        let homes = std::fs::read_dir(folder.path().join("killed/masters")).into_iter().flatten().flatten();
        let states = homes.filter_map(|home| std::fs::read_to_string(home.path().join("state.jsonl")).ok());
        states.map(|state| state.lines().count()).max().unwrap_or_default()
    };
    while finished() < 3 {
        assert!(child.try_wait().expect("it can be asked").is_none(), "it has not ended by itself");
        std::thread::yield_now();
    }
    // SIGKILL: nothing can be tidied up.
    child.kill().expect("it is killed");
    assert_eq!(child.wait().expect("it ends").code(), None, "it was killed before it ended");
    let kept = finished();
    assert!(!home(folder.path(), "killed").join("result.json").exists(), "a result is written when all is done");
    assert_eq!(proved("killed", 2), whole);
    assert!(finished() > kept, "it went on");
}

#[test]
fn comparisons_of_other_plans_or_more_seeds_have_folders_of_their_own() {
    let folder = tempfile::tempdir().expect("there is room");
    for what in ["3,5 --seeds 4", "3,5 --seeds 8", "1,3 --seeds 4", "3,5 --seeds 4"] {
        let arguments = format!("compare masters.toml --vary cluster.control_plane.replicas={what}");
        assert_eq!(output(folder.path(), &arguments).status.code(), Some(0));
    }
    let homes = std::fs::read_dir(folder.path().join("output/masters")).expect("it is there").flatten();
    assert_eq!(homes.count(), 3, "the fourth is the first again");
}

#[test]
fn two_plans_are_compared_on_the_same_seeds() {
    let folder = tempfile::tempdir().expect("there is room");
    let vary = "compare masters.toml --vary cluster.control_plane.replicas=3,5 --seeds 8";
    let found = output(folder.path(), vary);
    let page = text(&found.stdout);
    assert_eq!(found.status.code(), Some(0), "{}", text(&found.stderr));
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    assert!(page.contains("cluster.control_plane") && page.contains("+1"), "{page}");
    let drawn = folder.path().join("output/masters");
    let homes = std::fs::read_dir(drawn).expect("a folder").flatten();
    assert!(homes.map(|home| home.path().join("compare.png")).any(|file| file.is_file()));
    assert_eq!(output(folder.path(), "compare masters.toml --strategies kops").status.code(), Some(2));
}
