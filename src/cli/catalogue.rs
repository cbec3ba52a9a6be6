//! `rollproof list`, `show` and `schema`: what is there by name.

use rollproof::config::{Entry, manual, nearest};
use rollproof::report::safe::{escaped, wrapped};
use rollproof::strategy::catalog;
use serde_json::json;

use super::args::{Args, Form, Kind, List, Show};
use super::exit::{Exit, Failure};
use super::floors::scenario;
use super::terminal::Terminal;

/// Columns of a listing.
const COLUMNS: usize = 80;

/// A kind of things, its name and its members.
struct Shelf {
    kind: Kind,
    name: &'static str,
    entries: Vec<&'static Entry>,
}

/// Everything with a name. Scenarios, faults and laws come here with their catalogues.
fn shelves() -> Vec<Shelf> {
    let strategies = catalog::CATALOG.iter().map(|strategy| strategy.entry).collect();
    let shelf = |kind, name, entries| Shelf { kind, name, entries };
    vec![
        shelf(Kind::Strategies, "strategies", strategies),
        shelf(Kind::Scenarios, "scenarios", Vec::new()),
        shelf(Kind::Faults, "faults", Vec::new()),
        shelf(Kind::Laws, "laws", Vec::new()),
    ]
}

/// Prints names with what they stand for.
pub(crate) fn list(args: &Args, list: &List, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let asked = |shelf: &Shelf| list.kind.is_none_or(|kind| kind == shelf.kind);
    let shelves: Vec<Shelf> = shelves().into_iter().filter(asked).collect();
    let page = match args.output {
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
        if shelf.entries.is_empty() {
            page.push_str("  (none in this version)\n");
        }
        let longest = shelf.entries.iter().map(|entry| entry.name.len()).max().unwrap_or_default();
        for entry in &shelf.entries {
            for (index, line) in wrapped(entry.about, COLUMNS - longest - 4).iter().enumerate() {
                let name = if index == 0 { entry.name } else { "" };
                page.push_str(&format!("  {name:<longest$}  {line}\n"));
            }
        }
    }
    page
}

fn as_json(shelves: &[Shelf]) -> String {
    let members = |shelf: &Shelf| -> Vec<serde_json::Value> {
        shelf.entries.iter().map(|entry| json!({ "name": entry.name, "about": entry.about })).collect()
    };
    let all: serde_json::Map<String, serde_json::Value> =
        shelves.iter().map(|shelf| (shelf.name.to_owned(), members(shelf).into())).collect();
    format!("{:#}\n", serde_json::Value::from(all))
}

/// Prints the manual of one thing.
pub(crate) fn show(show: &Show, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let entries: Vec<&'static Entry> = shelves().into_iter().flat_map(|shelf| shelf.entries).collect();
    let Some(entry) = entries.iter().find(|entry| entry.name == show.name) else {
        let meant = nearest(&show.name, entries.iter().map(|entry| entry.name));
        return Err(unknown("nothing", &show.name, meant, "rollproof list"));
    };
    terminal.print(&manual(entry))?;
    Ok(Exit::Holds)
}

/// Prints the JSON Schema of a scenario.
pub(crate) fn schema(terminal: &mut Terminal) -> Result<Exit, Failure> {
    let schema =
        scenario::schema().map_err(|message| Failure::Internal { message: message.to_string(), seed: None })?;
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
