//! `rollproof fidelity`: measured clusters beside simulated ones.

use std::fs;
use std::path::Path;

use rollproof::fidelity::experiments::{self, CATALOG};
use rollproof::fidelity::line::{Line, Problem, Unreadable, read};
use rollproof::fidelity::report::Fidelity as Found;
use rollproof::fidelity::{self, Failed, MEASURED, Work};
use rollproof::report::safe::escaped;
use rollproof::report::{fidelity_plot, fidelity_text, json};

use super::args::{Args, Fidelity, Form};
use super::exit::{Exit, Failure};
use super::files::RunFolder;
use super::progress::Counted;
use super::terminal::Terminal;

/// Compares, writes the folder, prints the result.
pub(crate) fn fidelity(args: &Args, asked: &Fidelity, terminal: &mut Terminal) -> Result<Exit, Failure> {
    if let Some(only) = asked.only.as_deref().filter(|only| experiments::find(only).is_none()) {
        let names: Vec<&str> = CATALOG.iter().map(|experiment| experiment.name).collect();
        let help = format!("known are {}", names.join(", "));
        return Err(Failure::Input(format!("error: no experiment is called `{}`\n  help: {help}", escaped(only))));
    }
    let mut lines = lines(&asked.measured).map_err(|unreadable| unusable(&unreadable))?;
    lines.retain(|line| asked.only.as_ref().is_none_or(|only| line.experiment == *only));
    let cases = fidelity::cases(lines).map_err(|unreadable| unusable(&unreadable))?;
    if cases.is_empty() {
        return Err(Failure::Input("error: no line is of that experiment\n  help: leave --only out".to_owned()));
    }
    let folder = RunFolder::plain(&asked.out, "fidelity")?;
    let progress = Counted::new("simulating", terminal.shows_progress());
    let jobs = asked.jobs.unwrap_or_default() as usize;
    let told = |done, of| progress.set(done, of);
    let stop = Some(terminal.interrupt().flag());
    let work = Work { seeds: asked.seeds, jobs, progress: &told, stop };
    // Public cases belong to the program, not to somebody's files or to one family.
    let public = asked.measured.is_empty() && asked.only.is_none();
    let found = fidelity::compare(&cases, public, work).map_err(failure)?;
    drop(progress);
    keep(&folder, &found)?;
    terminal.note(&format!("written: {}", escaped(&folder.path().to_string_lossy())));
    show(args, terminal, &found)?;
    Ok(if found.fits { Exit::Holds } else { Exit::Refuted })
}

/// The lines of the files, or those that come with the program.
fn lines(files: &[std::path::PathBuf]) -> Result<Vec<Line>, Unreadable> {
    let given = files.iter().map(|path| (name_of(path), text_of(path)));
    let own = MEASURED.iter().map(|(name, text)| ((*name).to_owned(), Ok((*text).to_owned())));
    let texts: Vec<(String, Result<String, Problem>)> = if files.is_empty() { own.collect() } else { given.collect() };
    let (mut lines, mut problems) = (Vec::new(), Vec::new());
    for (name, text) in texts {
        match text.map_err(|problem| Unreadable(vec![problem])).and_then(|text| read(&name, &text)) {
            Ok(more) => lines.extend(more),
            Err(Unreadable(more)) => problems.extend(more),
        }
    }
    if problems.is_empty() { Ok(lines) } else { Err(Unreadable(problems)) }
}

fn name_of(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn text_of(path: &Path) -> Result<String, Problem> {
    let problem = |what: String| Problem::new(&name_of(path), what, "give a readable file in the measured format");
    let bytes = fs::read(path).map_err(|error| problem(format!("it cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|_| problem("it is no UTF-8 text".to_owned()))
}

fn unusable(unreadable: &Unreadable) -> Failure {
    let safe: Vec<String> = unreadable.to_string().lines().map(|line| escaped(line).into_owned()).collect();
    Failure::Input(safe.join("\n"))
}

fn failure(failed: Failed) -> Failure {
    match failed {
        Failed::NoScenario { .. } => Failure::Input(format!("error: {failed}")),
        Failed::Broken { seed, .. } => Failure::Internal { message: failed.to_string(), seed: Some(seed) },
        Failed::Stopped => Failure::Interrupted("nothing was compared".to_owned()),
        Failed::Threads(_) => Failure::Internal { message: failed.to_string(), seed: None },
    }
}

/// Writes the files; `result.json` last, so that it is there only if all the others are.
fn keep(folder: &RunFolder, found: &Found) -> Result<(), Failure> {
    let defect = |error: fidelity_plot::DrawError| Failure::Internal { message: error.to_string(), seed: None };
    for family in &found.families {
        let svg = fidelity_plot::svg(family).map_err(defect)?;
        folder.write(&format!("{}.svg", family.name), svg.as_bytes())?;
        folder.write(&format!("{}.png", family.name), &fidelity_plot::png(family).map_err(defect)?)?;
    }
    folder.write("report.txt", fidelity_text::render(found, false).as_bytes())?;
    folder.write("result.json", json::render(found).as_bytes())
}

/// Prints the result.
fn show(args: &Args, terminal: &mut Terminal, found: &Found) -> Result<(), Failure> {
    if args.output == Form::Json {
        return terminal.print(&json::render(found));
    }
    let page = fidelity_text::render(found, terminal.color());
    let verdict = page.split_inclusive('\n').next().unwrap_or_default();
    terminal.print(if terminal.is_quiet() { verdict } else { &page })
}
