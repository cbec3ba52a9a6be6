//! `rollproof run`: one seed of a scenario, its report, its folder.

use std::path::Path;

use rollproof::report::figures::clock;
use rollproof::report::formats::{Format, Found, Origin, reproduce};
use rollproof::report::text::Style;
use rollproof::report::{json, text, timeline};
use rollproof::sim::Outcome;
use rollproof::{scenario, sim};

use super::args::{Args, Form, Plan, Run};
use super::catalogue;
use super::exit::{Exit, Failure};
use super::files::RunFolder;
use super::index;
use super::progress::Progress;
use super::terminal::Terminal;

/// Runs the seed, writes the run's folder, prints the result.
pub(crate) fn run(args: &Args, run: &Run, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let plan = load(&run.plan)?;
    if !plan.warnings.is_empty() {
        terminal.note(&format!("{:#}", plan.warnings));
    }
    if args.verbose {
        terminal.note(&format!("scenario {} {}, seed {}", text_of(&plan.name), text_of(&plan.hash), run.seed));
        terminal.note(&format!("threads: one, as for every single seed ({} asked for)", run.jobs.unwrap_or(1)));
    }
    let progress = Progress::new("simulating", terminal.shows_progress());
    let report = |seconds: f64| progress.set(seconds);
    let watch = sim::Watch { trace: true, progress: Some(&report), stop: Some(terminal.interrupt().flag()) };
    let finished = sim::run(&plan, run.seed, watch).map_err(|error| failure(&error, run.seed))?;
    drop(progress);
    let folder = RunFolder::prepare(&run.out, &plan.name, &plan.hash, run.seed)?;
    let (path, command) = (run.plan.scenario.to_string_lossy(), reproduce(&command(&run.plan, &finished.outcome)));
    let origin = Origin { path: &path, command: &command };
    also(&folder, &run.write, Found::Run(&finished.outcome, finished.trace.as_ref()), origin)?;
    keep(&folder, &finished, &scenario::document(&plan))?;
    index::keep(&run.out)?;
    if args.verbose {
        let outcome = &finished.outcome;
        terminal.note(&format!("{} events, digest {}", outcome.events, outcome.digest));
    }
    terminal.note(&format!("written: {}", text_of(&folder.path().to_string_lossy())));
    show(args, run, terminal, &finished)?;
    Ok(finished.outcome.verdict.into())
}

/// A cluster that was never healthy is the scenario's fault, a broken invariant is ours.
pub(crate) fn failure(error: &sim::InternalError, seed: u64) -> Failure {
    match error {
        sim::InternalError::NeverHealthy(_) => {
            let help = "help: give the nodes more room, or the pods less to ask for";
            Failure::Input(format!("error: {}\n  {help}", text_of(&error.to_string())))
        }
        sim::InternalError::Stopped { at } => {
            let at = clock(at.secs_f64());
            Failure::Interrupted(format!("seed {seed} had come to {at} of simulated time; nothing was written"))
        }
        sim::InternalError::Broken { .. } => Failure::Internal { message: error.to_string(), seed: Some(seed) },
    }
}

/// The scenario with what the command line changes in it.
pub(crate) fn load(plan: &Plan) -> Result<scenario::Scenario, Failure> {
    if let Some(name) = &plan.strategy {
        catalogue::known_strategy(name)?;
    }
    scenario::load(&plan.scenario, &plan.overrides, plan.strategy.as_deref())
        .map_err(|problems| Failure::Input(format!("{problems:#}{}", shipped_name(&plan.scenario))))
}

/// Help for whoever gives the name of a scenario of the folder `scenarios` where its file is wanted.
fn shipped_name(path: &Path) -> String {
    let file = Path::new("scenarios").join(path).with_extension("toml");
    match !path.exists() && file.is_file() {
        true => format!("  help: did you mean `{}`?\n", text_of(&file.to_string_lossy())),
        false => String::new(),
    }
}

/// Writes the files of the run; `result.json` last, so that it is there only if all the others are.
fn keep(folder: &RunFolder, finished: &sim::Finished, document: &str) -> Result<(), Failure> {
    folder.write("scenario.toml", document.as_bytes())?;
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

/// Writes the files that were asked for beside.
pub(crate) fn also(
    folder: &RunFolder,
    asked: &[&'static Format],
    found: Found<'_>,
    origin: Origin<'_>,
) -> Result<(), Failure> {
    for format in asked {
        if let Some(text) = (format.render)(found, origin) {
            folder.write(format.file, text.as_bytes())?;
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use rollproof::observe::trace::Trace;
    use rollproof::scenario::Scenario;
    use rollproof::sim::outcome::*;

    /// The outcome of a run of three masters, under another name, as if its horizon had come.
    fn outcome() -> Outcome {
        let plan = Scenario::builder("plan").version("1.14.10", "1.15.7").strategy("kops-1.15").build();
        let mut outcome = plan.expect("it is valid").run(7).expect("it runs");
        outcome.scenario = ScenarioId { name: "../plan".to_owned(), hash: "abc".to_owned() };
        (outcome.verdict, outcome.upgrade.result) = (Verdict::Undecided, UpgradeResult::Horizon);
        outcome
    }

    #[test]
    fn a_run_leaves_its_files_and_the_same_bytes_again() {
        let out = tempfile::tempdir().expect("there is room");
        let folder = RunFolder::prepare(out.path(), "../plan", "abcdef0123456789", 7).expect("it can be made");
        let finished = sim::Finished { outcome: outcome(), trace: Some(Trace::default()) };
        let read = |name: &str| std::fs::read(folder.path().join(name)).expect("it is there");
        let files = ["result.json", "report.txt", "timeline.svg", "timeline.png", "scenario.toml"];
        keep(&folder, &finished, "schema = 1").expect("it can be written");
        let first = files.map(read);
        keep(&folder, &finished, "schema = 1").expect("it can be written again");
        assert!(first == files.map(read));
        let back: serde_json::Value = serde_json::from_slice(&first[0]).expect("it is JSON");
        assert_eq!((&back["seed"], &back["verdict"]), (&7.into(), &"undecided".into()));
        assert!(first[1].starts_with("? UNDECIDED: ".as_bytes()));
        assert!(first[2].starts_with(b"<svg") && first[3].starts_with(b"\x89PNG"));
        assert!(folder.path().starts_with(out.path().join("plan")), "{:?}", folder.path());
    }

    #[test]
    fn the_command_that_makes_it_again_keeps_overrides_and_strategy() {
        let overrides = vec!["app.web.replicas=3".to_owned()];
        let plan = Plan { scenario: "my plan.toml".into(), overrides, strategy: Some("kops".to_owned()) };
        let words = command(&plan, &outcome());
        let start = ["rollproof", "run", "my plan.toml", "--set", "app.web.replicas=3", "--strategy", "kops"];
        assert_eq!(words, [&start[..], &["--seed", "7"]].concat());
    }
}
