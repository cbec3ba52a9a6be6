//! `rollproof list`, `show` and `schema`: what is there by name.

use std::path::{Path, PathBuf};

use rollproof::config::{Entry, manual, nearest};
use rollproof::observe::laws;
use rollproof::report::formats;
use rollproof::report::safe::{escaped, wrapped};
use rollproof::strategy::{beside, catalog, delivery};
use rollproof::{fault, guide, scenario};
use serde_json::json;

use super::args::{Args, Form, Kind, List, SchemaOf, Show};
use super::exit::{Exit, Failure};
use super::terminal::Terminal;

/// Columns of a listing.
const COLUMNS: usize = 80;

/// What each strategy does that its neighbours do not, as runs show it; `tests/strategies` writes and checks it.
const DIFFERENCES: &str = include_str!("../strategy/differences.md");

/// A kind of things, its name and its members.
struct Shelf {
    kind: Kind,
    name: &'static str,
    things: Vec<Thing>,
}

/// One thing with a name.
struct Thing {
    name: String,
    about: String,
    manual: String,
}

impl Thing {
    fn of(entry: &'static Entry) -> Thing {
        Thing { name: entry.name.to_owned(), about: entry.about.to_owned(), manual: manual(entry) }
    }
}

/// Everything with a name.
fn shelves() -> Vec<Shelf> {
    let shelf = |kind, name, things| Shelf { kind, name, things };
    let strategies = catalog::CATALOG.iter().map(|strategy| Thing::of(strategy.entry));
    let rollouts = delivery::CATALOG.iter().map(|tool| Thing::of(tool.entry));
    let faults = fault::CATALOG.iter().map(|fault| Thing::of(fault.entry));
    let actors = beside::CATALOG.iter().map(|actor| Thing::of(actor.entry));
    let laws = laws::CATALOG.iter().map(|law| Thing::of(&law.entry));
    let formats = formats::CATALOG.iter().map(|format| Thing {
        name: format.name.to_owned(),
        about: format.about.to_owned(),
        manual: format!("{}: {}\n\nWritten to {} by `--write {}`", format.name, format.about, format.file, format.name)
            + if format.of_proofs { ", of runs and of proofs.\n" } else { ", of runs.\n" },
    });
    vec![
        shelf(Kind::Strategies, "strategies", strategies.collect()),
        shelf(Kind::Scenarios, "scenarios", scenarios()),
        shelf(Kind::Rollouts, "rollouts", rollouts.collect()),
        shelf(Kind::Faults, "faults", faults.collect()),
        shelf(Kind::Actors, "actors", actors.collect()),
        shelf(Kind::Laws, "laws", laws.collect()),
        shelf(Kind::Formats, "formats", formats.collect()),
    ]
}

/// The scenarios of the folder `scenarios` here, by name, and one line for each folder in it; none where there is no
/// such folder.
fn scenarios() -> Vec<Thing> {
    let mut things = scenarios_in(Path::new("scenarios"));
    things.extend(folders().iter().filter_map(|folder| {
        let name = format!("{}/", folder.file_name()?.to_string_lossy());
        let inside = scenarios_in(folder);
        let about = format!("{} more scenarios: `rollproof show {}` lists them", inside.len(), escaped(&name));
        let manual = format!("{}\n\n{}", escaped(&folder.to_string_lossy()), lines(&inside));
        (!inside.is_empty()).then(|| Thing { name: escaped(&name).into_owned(), about, manual })
    }));
    things
}

/// The folders of scenarios.
fn folders() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("scenarios").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn scenarios_in(folder: &Path) -> Vec<Thing> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    let thing = |path: &PathBuf| {
        let plan = scenario::load(path, &[], None).ok()?;
        let text = std::fs::read_to_string(path).ok()?;
        let manual = format!("{}\n\n{}", escaped(&path.to_string_lossy()), opening(&text));
        Some(Thing { name: escaped(&plan.name).into_owned(), about: escaped(&plan.about).into_owned(), manual })
    };
    files.iter().filter_map(thing).collect()
}

/// The comment that a scenario begins with, in lines of a terminal: paragraphs, and points that begin with a dash.
fn opening(text: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for line in text.lines().take_while(|line| line.starts_with('#')) {
        let line = line.trim_start_matches(['#', ' ']).trim_end();
        match parts.last_mut() {
            Some(part) if !line.is_empty() && !line.starts_with("- ") && !part.is_empty() => {
                part.push(' ');
                part.push_str(line);
            }
            Some(_) | None => parts.push(line.to_owned()),
        }
    }
    let mut page = String::new();
    for part in parts {
        let point = part.starts_with("- ");
        for (index, line) in wrapped(&part, COLUMNS - 2).iter().enumerate() {
            page.push_str(if point && index > 0 { "  " } else { "" });
            page.push_str(line);
            page.push('\n');
        }
    }
    page
}

/// Prints names with what they stand for.
pub(crate) fn list(args: &Args, list: &List, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let asked = |shelf: &Shelf| list.kind.is_none_or(|kind| kind == shelf.kind);
    let shelves: Vec<Shelf> = shelves().into_iter().filter(asked).collect();
    let differences = args.verbose && list.kind == Some(Kind::Strategies);
    let page = match args.output {
        Form::Text if differences => DIFFERENCES.to_owned(),
        Form::Text => as_text(&shelves, list.kind.is_none()),
        Form::Json => as_json(&shelves),
    };
    terminal.print(&page)?;
    Ok(Exit::Holds)
}

fn as_text(shelves: &[Shelf], heads: bool) -> String {
    let mut page = String::new();
    for shelf in shelves {
        if heads {
            page.push_str(&format!("{}\n", shelf.name.to_uppercase()));
        }
        if shelf.things.is_empty() {
            page.push_str("  (none here)\n");
        }
        page.push_str(&lines(&shelf.things));
    }
    page
}

/// A line or two for each thing.
fn lines(things: &[Thing]) -> String {
    let longest = things.iter().map(|thing| thing.name.len()).max().unwrap_or_default();
    let mut page = String::new();
    for thing in things {
        for (index, line) in wrapped(&thing.about, COLUMNS - longest - 4).iter().enumerate() {
            let name = if index == 0 { thing.name.as_str() } else { "" };
            page.push_str(&format!("  {name:<longest$}  {line}\n"));
        }
    }
    page
}

fn as_json(shelves: &[Shelf]) -> String {
    let members = |shelf: &Shelf| -> Vec<serde_json::Value> {
        shelf.things.iter().map(|thing| json!({ "name": thing.name, "about": thing.about })).collect()
    };
    let all: serde_json::Map<String, serde_json::Value> =
        shelves.iter().map(|shelf| (shelf.name.to_owned(), members(shelf).into())).collect();
    format!("{:#}\n", serde_json::Value::from(all))
}

/// Prints the manual of one thing.
pub(crate) fn show(args: &Args, show: &Show, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let mut things: Vec<Thing> = shelves().into_iter().flat_map(|shelf| shelf.things).collect();
    // A scenario of a folder is shown by the folder's name and its own, or by its own where nothing else has it.
    for (folder, mut thing) in
        folders().iter().flat_map(|folder| scenarios_in(folder).into_iter().map(move |thing| (folder, thing)))
    {
        if things.iter().any(|other| other.name == thing.name) || show.name.contains('/') {
            thing.name = format!("{}/{}", folder.file_name().unwrap_or_default().to_string_lossy(), thing.name);
        }
        things.push(thing);
    }
    let Some(thing) = things.iter().find(|thing| thing.name == show.name) else {
        let meant = nearest(&show.name, things.iter().map(|thing| thing.name.as_str()));
        return Err(unknown("nothing", &show.name, meant, "rollproof list"));
    };
    let page = match args.output {
        Form::Text => thing.manual.clone(),
        Form::Json => {
            let page = json!({ "name": thing.name, "about": thing.about, "manual": thing.manual });
            format!("{page:#}\n")
        }
    };
    terminal.print(&page)?;
    Ok(Exit::Holds)
}

/// Prints a page of the guide, or the list of them.
pub(crate) fn guide(page: Option<&str>, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let text = match page {
        None => {
            let line = |page: &guide::Page| format!("  {:<12} {}\n", page.name, page.about);
            guide::PAGES.iter().map(line).collect::<String>() + "\nRead one by `rollproof guide PAGE`.\n"
        }
        Some(name) => match guide::find(name) {
            Some(page) => page.text.to_owned(),
            None => {
                let meant = nearest(name, guide::PAGES.iter().map(|page| page.name));
                let help = meant
                    .map_or("`rollproof guide` lists the pages".to_owned(), |one| format!("did you mean `{one}`?"));
                return Err(Failure::Input(format!("error: no page is called `{}`\n  help: {help}", escaped(name))));
            }
        },
    };
    terminal.print(&text)?;
    Ok(Exit::Holds)
}

/// Prints a JSON Schema.
pub(crate) fn schema(of: SchemaOf, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let schema = match of {
        SchemaOf::Scenario => scenario::schema(),
        SchemaOf::Result => rollproof::sim::outcome::schema(),
    };
    terminal.print(&format!("{schema:#}\n"))?;
    Ok(Exit::Holds)
}

/// Refuses a strategy that is not there, with the one that was probably meant.
pub(crate) fn known_strategy(name: &str) -> Result<(), Failure> {
    match catalog::find(name) {
        Ok(_) => Ok(()),
        Err(error) => Err(unknown("no strategy", &error.name, error.nearest, "rollproof list strategies")),
    }
}

fn unknown(what: &str, name: &str, meant: Option<&str>, where_to_look: &str) -> Failure {
    let help = match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("`{where_to_look}` shows what there is"),
    };
    Failure::Input(format!("error: {what} is called `{}`\n  help: {help}", escaped(name)))
}
