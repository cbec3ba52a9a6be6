//! The published schema of a run's JSON: what runs write is valid by it, and what is not a result is not.

mod common;

use std::process::Command;

use common::{finished, load};
use rollproof::report::json;
use serde_json::Value as Json;

/// As `rollproof schema result` prints it.
fn schema() -> Json {
    let ran = Command::new(env!("CARGO_BIN_EXE_rollproof")).args(["schema", "result"]).output().expect("it runs");
    serde_json::from_slice(&ran.stdout).expect("it is JSON")
}

fn result(name: &str, overrides: &[&str]) -> Json {
    serde_json::from_str(&json::render(&finished(&load(name, overrides), 2, false).outcome)).expect("it is JSON")
}

#[test]
fn what_runs_write_is_valid_by_the_schema() {
    let schema = jsonschema::validator_for(&schema()).expect("it is a JSON Schema");
    let hidden = ["strategy={ name = \"gke-surge\" }"];
    let refuted = ["app.web.pre_stop=\"0s\"", "app.web.on_sigterm=\"exit\""];
    let runs =
        [("book-ch18", &[][..]), ("book-ch18", &refuted), ("book-ch18", &hidden), ("stuck-pdb", &[]), ("restore", &[])];
    for (name, overrides) in runs {
        let result = result(name, overrides);
        let wrong: Vec<String> =
            schema.iter_errors(&result).map(|error| format!("{error} at {}", error.instance_path())).collect();
        assert!(wrong.is_empty(), "{name} {overrides:?}: {wrong:?}");
    }
}

#[test]
fn what_lacks_a_key_or_has_a_wrong_verdict_is_no_result() {
    let schema = jsonschema::validator_for(&schema()).expect("it is a JSON Schema");
    let sound = result("book-ch18", &[]);
    for key in sound.as_object().expect("an object").keys() {
        let mut lacks = sound.clone();
        lacks.as_object_mut().expect("an object").remove(key);
        // Where etcd is hidden the key is there, and null.
        assert!(!schema.is_valid(&lacks) || key == "etcd", "without {key}");
    }
    let mut wrong = sound.clone();
    wrong["verdict"] = "perhaps".into();
    assert!(!schema.is_valid(&wrong));
    wrong = sound;
    wrong["requests"]["sent"] = (-1).into();
    assert!(!schema.is_valid(&wrong));
}
