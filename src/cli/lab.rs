//! `rollproof lab`: lists exercises, starts one in a folder, checks it, gives hints, says how far one has come.

use std::fs;
use std::path::{Path, PathBuf};

use rollproof::lab::{self, Checked, Lab};
use rollproof::report::lab_text;
use rollproof::report::safe::escaped;
use rollproof::scenario::{self, Scenario};

use super::args::{LabAction, Labs};
use super::exit::{Exit, Failure};
use super::files::RunFolder;
use super::prove::failure;
use super::terminal::Terminal;

/// The student's plan, and answers where something is asked.
const PLAN: &str = "plan.toml";
const ANSWERS: &str = "answers.toml";
/// How many hints were given, and that the check has passed.
const HINTS: &str = ".hints";
const PASSED: &str = ".passed";

/// A student's folder.
struct Desk {
    dir: PathBuf,
    number: usize,
    lab: &'static Lab,
    text: String,
    plan: Scenario,
}

/// Does what was asked for.
pub(crate) fn lab(asked: &Labs, terminal: &mut Terminal) -> Result<Exit, Failure> {
    match &asked.action {
        None => terminal.print(&lab_text::list(terminal.color()))?,
        Some(LabAction::Start { number, dir }) => start(*number, dir, terminal)?,
        Some(LabAction::Check { dir }) => return check(&Desk::at(dir)?, terminal),
        Some(LabAction::Hint { dir }) => hint(&Desk::at(dir)?, terminal)?,
        Some(LabAction::Status { dir }) => status(dir, terminal)?,
    }
    Ok(Exit::Holds)
}

fn start(number: usize, dir: &Path, terminal: &mut Terminal) -> Result<(), Failure> {
    let lab = lab::find(number).ok_or_else(|| {
        Failure::Input(format!("error: there is no lab {number}\n  help: `rollproof lab` lists the labs"))
    })?;
    // A student's work is never written over.
    if let Some(there) = [PLAN, ANSWERS].into_iter().find(|file| dir.join(file).symlink_metadata().is_ok()) {
        let shown = dir.join(there);
        let help = "help: give another folder, or delete that file to begin anew";
        return Err(Failure::Input(format!(
            "error: `{}` is there already\n  {help}",
            escaped(&shown.to_string_lossy())
        )));
    }
    fs::create_dir_all(dir).map_err(|error| Failure::output(dir, &error))?;
    let folder = RunFolder::existing(dir);
    folder.write(PLAN, lab.start.as_bytes())?;
    if let Some(answers) = lab.answers() {
        folder.write(ANSWERS, answers.as_bytes())?;
    }
    let edit = if lab.questions.is_empty() { PLAN } else { ANSWERS };
    let (color, shown) = (terminal.color(), dir.to_string_lossy());
    terminal.print(&lab_text::begin((number, lab), &shown, edit, color))
}

fn check(desk: &Desk, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let answers = fs::read_to_string(desk.dir.join(ANSWERS)).unwrap_or_default();
    let stop = terminal.interrupt().flag();
    let checked = lab::check(desk.lab, (&desk.text, &desk.plan), &answers, stop).map_err(failure)?;
    let (shown, color) = (desk.dir.to_string_lossy(), terminal.color());
    terminal.print(&lab_text::checked((desk.number, desk.lab), &checked, &shown, color))?;
    match checked {
        Checked::Passed => {
            RunFolder::existing(&desk.dir).write(PASSED, b"")?;
            Ok(Exit::Holds)
        }
        Checked::Changed(_) | Checked::Unanswered(_) | Checked::Fails(..) => Ok(Exit::Refuted),
    }
}

fn hint(desk: &Desk, terminal: &mut Terminal) -> Result<(), Failure> {
    let hints = desk.lab.hints;
    // After the last hint comes the last hint.
    let next = hints_given(&desk.dir).min(hints.len().saturating_sub(1));
    if let Some(hint) = hints.get(next) {
        terminal.print(&format!("Hint {} of {}: {hint}\n", next + 1, hints.len()))?;
    }
    RunFolder::existing(&desk.dir).write(HINTS, format!("{}\n", next + 1).as_bytes())
}

/// The lab of a folder, or those of all folders inside it.
fn status(dir: &Path, terminal: &mut Terminal) -> Result<(), Failure> {
    let mut folders = vec![dir.to_owned()];
    if !dir.join(PLAN).is_file() {
        let inside = fs::read_dir(dir).map_err(|error| {
            Failure::Input(format!("error: cannot read `{}`: {error}", escaped(&dir.to_string_lossy())))
        })?;
        folders =
            inside.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.join(PLAN).is_file()).collect();
    }
    let mut rows: Vec<(usize, String)> = Vec::new();
    for folder in folders {
        let Ok(desk) = Desk::at(&folder) else { continue };
        let done = if folder.join(PASSED).is_file() { "passed" } else { "not yet" };
        let hints = hints_given(&folder).min(desk.lab.hints.len());
        rows.push((desk.number, format!("  {:>2}  {:<46} {done:<8} hints: {hints}\n", desk.number, desk.lab.title)));
    }
    rows.sort();
    let none = || "no lab here: `rollproof lab start 1 DIR` begins one\n".to_owned();
    let page: String = rows.iter().map(|(_, row)| row.as_str()).collect();
    terminal.print(&if page.is_empty() { none() } else { page })
}

fn hints_given(dir: &Path) -> usize {
    fs::read_to_string(dir.join(HINTS)).ok().and_then(|given| given.trim().parse().ok()).unwrap_or(0)
}

impl Desk {
    /// The lab of a folder, the student's text and the plan that it says.
    fn at(dir: &Path) -> Result<Desk, Failure> {
        let path = dir.join(PLAN);
        let shown = path.to_string_lossy();
        let text = fs::read_to_string(&path).map_err(|error| {
            let help = "help: `rollproof lab start N DIR` puts one there";
            Failure::Input(format!("error: cannot read `{}`: {error}\n  {help}", escaped(&shown)))
        })?;
        let plan = scenario::load(&path, &[], None).map_err(|problems| Failure::Input(format!("{problems:#}")))?;
        let (number, lab) = lab::of_plan(&plan.name).ok_or_else(|| {
            let help = "help: its `name` says which lab it is; `rollproof lab start` makes a fresh one";
            Failure::Input(format!("error: `{}` is no plan of a lab\n  {help}", escaped(&shown)))
        })?;
        Ok(Desk { dir: dir.to_owned(), number, lab, text, plan })
    }
}
