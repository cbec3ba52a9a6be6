//! `rollproof explain`: the causal chain of what a run or a proof found.

use std::fs;
use std::path::{Path, PathBuf};

use rollproof::prove::explain::steps;
use rollproof::report::explain_text;
use rollproof::report::safe::escaped;
use rollproof::sim::outcome::LIMIT;
use rollproof::{scenario, sim};
use serde_json::{Value as Json, json};

use super::args::{Args, Explain, Form};
use super::exit::{Exit, Failure};
use super::run::failure;
use super::terminal::Terminal;

/// Replays what the folder tells of, and prints its chains.
pub(crate) fn explain(args: &Args, asked: &Explain, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let folder = if asked.result.is_dir() { asked.result.clone() } else { parent(&asked.result) };
    let result = read(&folder.join("result.json"))?;
    let found: Json = serde_json::from_str(&result).map_err(|error| unusable(&folder, &error.to_string()))?;
    let (file, at) = match found.get("counterexample") {
        Some(Json::Object(_)) => ("counterexample.toml", &found["counterexample"]),
        Some(_) => return Err(unusable(&folder, "this proof has no counterexample, so there is nothing to explain")),
        None => ("scenario.toml", &found),
    };
    let (Some(seed), Some(digest)) = (at["seed"].as_u64(), at["digest"].as_str()) else {
        return Err(unusable(&folder, "result.json has no seed or no digest"));
    };
    let plan =
        scenario::load(&folder.join(file), &[], None).map_err(|refused| Failure::Input(format!("{refused:#}")))?;
    let watch = sim::Watch { trace: true, progress: None, stop: Some(terminal.interrupt().flag()) };
    let finished = sim::run(&plan, seed, watch).map_err(|error| failure(&error, seed))?;
    if finished.outcome.digest != digest {
        let help = "another version of the program made it; run it again";
        return Err(unusable(
            &folder,
            &format!("the replay has digest {}, the result {digest}: {help}", finished.outcome.digest),
        ));
    }
    let mut reasons = finished.outcome.reasons.clone();
    // A counterexample's horizon is short: that it came first explains nothing, where a law broke.
    if reasons.iter().any(|reason| reason.law != LIMIT) {
        reasons.retain(|reason| reason.law != LIMIT);
    }
    let chains: Vec<_> = reasons
        .into_iter()
        .map(|reason| {
            let steps = steps(&finished, &reason);
            (reason, steps)
        })
        .collect();
    let page = match args.output {
        Form::Text => explain_text::render(&finished.outcome, &chains, terminal.color()),
        Form::Json => {
            let step = |step: &rollproof::prove::explain::Step| json!({ "depth": step.depth, "text": step.text, "reference": step.reference });
            let chain = |(reason, steps): &(sim::outcome::Reason, Vec<_>)| {
                let steps: Vec<Json> = steps.iter().map(step).collect();
                json!({ "law": reason.law, "at_s": reason.at_s, "message": reason.message, "steps": steps })
            };
            let all: Vec<Json> = chains.iter().map(chain).collect();
            format!("{:#}\n", json!({ "schema": 1, "seed": seed, "digest": digest, "chains": all }))
        }
    };
    terminal.print(&page)?;
    Ok(Exit::Holds)
}

fn parent(path: &Path) -> PathBuf {
    path.parent().map_or_else(PathBuf::new, Path::to_owned)
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| unusable(path, &error.to_string()))
}

fn unusable(path: &Path, why: &str) -> Failure {
    let help = "give a folder that `rollproof run` or `rollproof prove` has written";
    Failure::Input(format!("error: `{}`: {}\n  help: {help}", escaped(&path.to_string_lossy()), escaped(why)))
}
