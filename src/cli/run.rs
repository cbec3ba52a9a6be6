//! `rollproof run`: one seed of a scenario, its report, its folder.

use std::path::Path;

use rollproof::report::text::Style;
use rollproof::report::{json, text, timeline};
use rollproof::sim::Outcome;

use super::args::{Args, Form, Plan, Run};
use super::catalogue;
use super::exit::{Exit, Failure};
use super::files::RunFolder;
use super::floors::{scenario, sim};
use super::progress::Progress;
use super::terminal::Terminal;

/// Runs the seed, writes the run's folder, prints the result.
pub(crate) fn run(args: &Args, run: &Run, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let plan = load(&run.plan)?;
    // Before the run: nobody should wait for a result that cannot be kept.
    let folder = RunFolder::prepare(&run.out, &plan.name, &plan.hash, run.seed)?;
    if args.verbose {
        terminal.note(&format!("scenario {} {}, seed {}", text_of(&plan.name), text_of(&plan.hash), run.seed));
        terminal.note(&format!("threads: one, as for every single seed ({} asked for)", run.jobs.unwrap_or(1)));
    }
    let progress = Progress::new("simulating", terminal.shows_progress());
    let report = |seconds: f64| progress.set(seconds);
    let watch = sim::Watch { trace: true, progress: Some(&report) };
    let finished = sim::run(&plan, run.seed, watch)
        .map_err(|error| Failure::Internal { message: error.to_string(), seed: Some(run.seed) })?;
    drop(progress);
    keep(&folder, &finished)?;
    if args.verbose {
        let outcome = &finished.outcome;
        terminal.note(&format!("{} events, digest {}", outcome.events, outcome.digest));
    }
    terminal.note(&format!("written: {}", text_of(&folder.path().to_string_lossy())));
    show(args, run, terminal, &finished)?;
    Ok(finished.outcome.verdict.into())
}

/// The scenario with what the command line changes in it.
pub(crate) fn load(plan: &Plan) -> Result<scenario::Scenario, Failure> {
    if let Some(name) = &plan.strategy {
        catalogue::known_strategy(name)?;
    }
    scenario::load(&plan.scenario, &plan.overrides, plan.strategy.as_deref())
        .map_err(|problems| Failure::Input(problems.to_string()))
}

/// Writes the files of the run; `result.json` last, so that it is there only if all the others are.
fn keep(folder: &RunFolder, finished: &sim::Finished) -> Result<(), Failure> {
    let (outcome, trace) = (&finished.outcome, finished.trace.as_ref());
    folder.write("report.txt", text::render(outcome, trace, &Style::default()).as_bytes())?;
    if let Some(trace) = trace {
        let defect =
            |error: timeline::DrawError| Failure::Internal { message: error.to_string(), seed: Some(outcome.seed) };
        folder.write("timeline.svg", timeline::svg(outcome, trace).map_err(defect)?.as_bytes())?;
        folder.write("timeline.png", &timeline::png(outcome, trace).map_err(defect)?)?;
    }
    folder.write("result.json", json::render(outcome).as_bytes())
}

/// Prints the result.
fn show(args: &Args, run: &Run, terminal: &mut Terminal, finished: &sim::Finished) -> Result<(), Failure> {
    let outcome = &finished.outcome;
    if args.output == Form::Json {
        return terminal.print(&json::render(outcome));
    }
    let style = Style { color: terminal.color(), command: command(&run.plan, outcome) };
    let page = text::render(outcome, finished.trace.as_ref(), &style);
    let verdict = page.split_inclusive('\n').next().unwrap_or_default();
    terminal.print(if terminal.is_quiet() { verdict } else { &page })
}

/// The words that make this run again.
fn command(plan: &Plan, outcome: &Outcome) -> Vec<String> {
    let path: &Path = &plan.scenario;
    let mut words = vec!["rollproof".to_owned(), "run".to_owned(), path.to_string_lossy().into_owned()];
    for setting in &plan.overrides {
        words.extend(["--set".to_owned(), setting.clone()]);
    }
    if let Some(strategy) = &plan.strategy {
        words.extend(["--strategy".to_owned(), strategy.clone()]);
    }
    words.extend(["--seed".to_owned(), outcome.seed.to_string()]);
    words
}

fn text_of(text: &str) -> std::borrow::Cow<'_, str> {
    rollproof::report::safe::escaped(text)
}
