//! What a run of a fixed seed leaves behind, as files that a reviewer can read: the text, the JSON, the drawing.
//!
//! `INSTA_UPDATE=always cargo test --test golden` writes them anew.

use std::path::Path;
use std::process::Command;

#[test]
fn a_run_of_a_fixed_seed_leaves_the_same_text_json_and_drawing() {
    let out = tempfile::tempdir().expect("there is room");
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/single-replica.toml");
    let ran = Command::new(env!("CARGO_BIN_EXE_rollproof"))
        .args(["run", "--seed", "1", "--quiet", "--out"])
        .arg(out.path())
        .arg(scenario)
        .output()
        .expect("it runs");
    assert_eq!(ran.status.code(), Some(1), "one replica is refuted: {}", String::from_utf8_lossy(&ran.stderr));
    let runs = std::fs::read_dir(out.path().join("single-replica")).expect("its folder").flatten();
    let folder = runs.map(|entry| entry.path()).find(|path| path.is_dir()).expect("the run's folder");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("it is written");
    insta::assert_snapshot!("text", read("report.txt"));
    insta::assert_snapshot!("json", read("result.json"));
    insta::assert_snapshot!("svg", read("timeline.svg"));
}
