//! `rollproof prove`: many runs for one answer, its report, its counterexample.

use std::path::Path;
use std::time::Instant;

use rollproof::prove::{self, Ask, Failed, Proof, Work, ask, certificate};
use rollproof::report::formats::{self, Found, Origin};
use rollproof::report::safe::escaped;
use rollproof::report::sweep_plot::{DrawError, Pictures};
use rollproof::report::text::Style;
use rollproof::report::{json, prove_text};
use rollproof::scenario::Scenario;
use rollproof::sim::MODEL_VERSION;
use serde_json::json;

use super::args::{Args, Form, Prove};
use super::baseline;
use super::exit::{Exit, Failure};
use super::files::RunFolder;
use super::index;
use super::journal::FileJournal;
use super::progress::Told;
use super::run::{also, load};
use super::terminal::Terminal;

/// The counterexample's file.
const COUNTEREXAMPLE: &str = "counterexample.toml";

/// Proves, writes the folder, prints the result.
pub(crate) fn prove(args: &Args, asked: &Prove, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let ask = ask(asked)?;
    let plan = load(&asked.plan)?;
    if !plan.warnings.is_empty() {
        terminal.note(&format!("{:#}", plan.warnings));
    }
    let question = question(&plan, &ask);
    let name = format!("prove-{}", &blake3::hash(question.as_bytes()).to_hex()[..8]);
    let folder = RunFolder::prepare_search(&asked.out, &plan.name, &plan.hash, &name)?;
    let mut journal = FileJournal::open(folder.path(), &question)?;
    if journal.known_batches() > 0 {
        terminal.note(&format!("goes on where an earlier proof was: {} batches are known", journal.known_batches()));
    }
    let proof = search(&plan, &ask, asked, terminal, &mut journal)?;
    let style = Style { color: terminal.color(), command: reproduce(&folder, &proof) };
    let certificate = certificate::certificate(&plan, &ask, &proof);
    folder.write("certificate.json", json::render(&certificate).as_bytes())?;
    let (path, command) = (asked.plan.scenario.to_string_lossy(), formats::reproduce(&again(asked)));
    let origin = Origin { path: &path, command: &command };
    also(&folder, &asked.write, Found::Proof(&proof), origin)?;
    keep(&folder, &proof, &style)?;
    index::keep(&asked.out)?;
    terminal.note(&format!("written: {}", escaped(&folder.path().to_string_lossy())));
    show(args, terminal, &proof, &style)?;
    let Some(file) = &asked.baseline else { return Ok(proof.verdict.into()) };
    let judged = if asked.update_baseline { baseline::accept(file, &proof) } else { baseline::judge(file, &proof) }?;
    for line in &judged.lines {
        match args.output {
            Form::Text => terminal.print(&format!("BASELINE  {line}\n"))?,
            Form::Json => terminal.note(line),
        }
    }
    Ok(judged.exit)
}

fn ask(asked: &Prove) -> Result<Ask, Failure> {
    let unknown = |error: &dyn std::fmt::Display, nearest: Option<&str>, list: &str| {
        let help = nearest.map_or_else(
            || format!("`rollproof list {list}` shows what there is"),
            |name| format!("did you mean `{name}`?"),
        );
        Failure::Input(format!("error: {}\n  help: {help}", escaped(&error.to_string())))
    };
    let kinds = ask::kinds(&asked.kinds).map_err(|error| unknown(&error, error.nearest, "faults"))?;
    let laws = ask::laws(&asked.laws).map_err(|error| unknown(&error, error.nearest, "laws"))?;
    let ask = Ask {
        faults: asked.faults,
        kinds,
        laws: (!laws.is_empty()).then_some(laws),
        seeds: asked.seeds,
        bound: asked.bound,
        confidence: asked.confidence,
        statics: !asked.no_static,
        faults_per_hour: asked.faults_per_hour,
    };
    match ask.mistake() {
        Some(mistake) => Err(Failure::Input(format!("error: {mistake}"))),
        None => Ok(ask),
    }
}

/// Everything that the answer depends on, on one line.
fn question(plan: &Scenario, ask: &Ask) -> String {
    let kinds: Vec<&str> = ask.kinds.iter().map(|kind| kind.entry.name).collect();
    json!({
        "scenario": plan.hash, "model": MODEL_VERSION, "program": env!("CARGO_PKG_VERSION"),
        "faults": ask.faults, "kinds": kinds, "laws": ask.laws, "seeds": ask.seeds, "bound": ask.bound,
        "confidence": ask.confidence, "static": ask.statics,
        "faults_per_hour": ask.faults_per_hour,
    })
    .to_string()
}

#[expect(clippy::disallowed_methods, reason = "people wait by the wall clock; what is missing then is said")]
fn search(
    plan: &Scenario,
    ask: &Ask,
    asked: &Prove,
    terminal: &Terminal,
    journal: &mut FileJournal,
) -> Result<Proof, Failure> {
    let progress = Told::new(terminal.shows_progress());
    let told = |what: &str, done, of| progress.set(what, done, of);
    let begun = Instant::now();
    let over = || asked.time_budget.is_some_and(|budget| begun.elapsed() >= budget);
    let jobs = asked.jobs.unwrap_or_default() as usize;
    let mut work = Work { jobs, progress: &told, stop: terminal.interrupt().flag(), over: &over, journal };
    prove::prove(plan, ask, &mut work).map_err(failure)
}

pub(crate) fn failure(failed: Failed) -> Failure {
    match failed {
        Failed::Broken { why, never_healthy: true, .. } => {
            let help = "help: give the nodes more room, or the pods less to ask for";
            Failure::Input(format!("error: {}\n  {help}", escaped(&why)))
        }
        Failed::Broken { why, seed, faults, .. } => {
            let fault = |keys: &Vec<(String, String)>| {
                keys.iter().map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
            };
            let with: Vec<String> = faults.iter().map(fault).collect();
            let with = if with.is_empty() { String::new() } else { format!(" with [[fault]] {}", with.join("; ")) };
            Failure::Internal { message: format!("{why}{with}"), seed: Some(seed) }
        }
        Failed::Limit { .. } => Failure::Undecided(failed.to_string()),
        Failed::Stopped => {
            Failure::Interrupted("finished batches are kept; the same command goes on from there".to_owned())
        }
        Failed::Journal(why) => Failure::Output { path: super::journal::NAME.into(), reason: why },
        _ => Failure::Internal { message: failed.to_string(), seed: None },
    }
}

/// The words that replay the counterexample; none where there is none.
fn reproduce(folder: &RunFolder, proof: &Proof) -> Vec<String> {
    let Some(found) = &proof.counterexample else { return Vec::new() };
    let file: &Path = &folder.path().join(COUNTEREXAMPLE);
    ["rollproof", "run", &file.to_string_lossy(), "--seed", &found.seed.to_string()].map(str::to_owned).to_vec()
}

/// The words that make this proof again.
fn again(asked: &Prove) -> Vec<String> {
    let mut words =
        vec!["rollproof".to_owned(), "prove".to_owned(), asked.plan.scenario.to_string_lossy().into_owned()];
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    asked.plan.overrides.iter().for_each(|setting| option("--set", setting.clone()));
    asked.plan.strategy.iter().for_each(|strategy| option("--strategy", strategy.clone()));
    option("--faults", asked.faults.to_string());
    option("--kinds", asked.kinds.join(","));
    if !asked.laws.is_empty() {
        option("--laws", asked.laws.join(","));
    }
    option("--seeds", asked.seeds.to_string());
    option("--bound", asked.bound.to_string());
    option("--confidence", asked.confidence.to_string());
    asked.faults_per_hour.iter().for_each(|rate| option("--faults-per-hour", rate.to_string()));
    if asked.no_static {
        words.push("--no-static".to_owned());
    }
    words
}

/// Writes the files; `result.json` last, so that it is there only if all the others are.
fn keep(folder: &RunFolder, proof: &Proof, style: &Style) -> Result<(), Failure> {
    if let Some(found) = &proof.counterexample {
        folder.write(COUNTEREXAMPLE, found.scenario.as_bytes())?;
    }
    let plain = Style { color: false, command: style.command.clone() };
    folder.write("report.txt", prove_text::render(proof, &plain).as_bytes())?;
    if let Some(pictures) = Pictures::of_proof(proof) {
        let defect = |error: DrawError| Failure::Internal { message: error.to_string(), seed: None };
        folder.write("sweep.svg", pictures.svg().map_err(defect)?.as_bytes())?;
        folder.write("sweep.png", &pictures.png().map_err(defect)?)?;
    }
    folder.write("result.json", json::render(proof).as_bytes())
}

/// Prints the result.
fn show(args: &Args, terminal: &mut Terminal, proof: &Proof, style: &Style) -> Result<(), Failure> {
    if args.output == Form::Json {
        return terminal.print(&json::render(proof));
    }
    let page = prove_text::render(proof, style);
    let verdict = page.split_inclusive('\n').next().unwrap_or_default();
    terminal.print(if terminal.is_quiet() { verdict } else { &page })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_invariant_is_ours_and_a_cluster_that_was_never_healthy_is_not() {
        let broken = |never_healthy| {
            let faults = vec![vec![("kind".to_owned(), "\"api-cut\"".to_owned())]];
            failure(Failed::Broken { why: "two leaders".to_owned(), seed: 3, faults, never_healthy })
        };
        assert_eq!(broken(false).exit() as u8, 70);
        assert!(broken(false).to_string().contains("seed 3") && broken(false).to_string().contains("api-cut"));
        assert_eq!(broken(true).exit() as u8, 2);
        assert_eq!(failure(Failed::Stopped).exit() as u8, 130);
        assert_eq!(failure(Failed::Journal("full".to_owned())).exit() as u8, 5);
    }
}
