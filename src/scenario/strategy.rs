//! `[strategy]`: which strategy, with which settings; and `--strategy`, which replaces it.

use super::lower::{Lower, quoted};
use crate::config::{Diagnostics, Item, Override, Place, Problem, Sources, Table, ValueKind, Values, code, resolved};
use crate::strategy::catalog::{CATALOG, StrategyEntry, find};

/// The strategy of a scenario.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Its entry in the catalogue, which builds the actor.
    pub entry: &'static StrategyEntry,
    /// Its settings.
    pub values: Values,
}

impl Chosen {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.entry.entry.name
    }
}

/// Reads the table.
pub(super) fn read(lower: &mut Lower<'_>, item: &Item<'_>) -> Chosen {
    let first = || Chosen { entry: CATALOG[0], values: CATALOG[0].entry.defaults() };
    let Some(mut reader) = item.table() else { return first() };
    let name_item = reader.required("name");
    let name = name_item.string();
    let Some(entry) = name.and_then(|name| known(lower.problems, name_item.place(), name)) else {
        // Without it nobody knows which settings there are.
        reader.abandon();
        return first();
    };
    let values = crate::config::read(entry.entry, &mut reader);
    reader.finish();
    lower.page.header("[strategy]");
    lower.page.line(&format!("name = {}", quoted(entry.entry.name)));
    lower.page.lines(&resolved(&values));
    Chosen { entry, values }
}

fn known(problems: &Diagnostics, place: Place, name: &str) -> Option<&'static StrategyEntry> {
    match find(name) {
        Ok(entry) => Some(entry),
        Err(unknown) => {
            let help = match unknown.nearest {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => {
                    let names: Vec<String> = CATALOG.iter().map(|entry| format!("`{}`", entry.entry.name)).collect();
                    format!("strategies are {}", names.join(", "))
                }
            };
            problems.report(Problem::error(code::UNKNOWN_CHOICE, unknown.to_string(), place).help(help));
            None
        }
    }
}

/// Puts another strategy in place of the file's: its settings stay where the new one has them, too; the others are
/// dropped, and a warning says so.
pub(super) fn replace(root: &mut Table, name: &str, sources: &mut Sources, problems: &Diagnostics) {
    let argument = format!("strategy.name={}", quoted(name));
    let Some(change) = Override::parse(&argument, "--strategy", sources, problems) else { return };
    if let (Ok(entry), Some(ValueKind::Table(table))) =
        (find(name), root.get_mut("strategy").map(|value| &mut value.kind))
    {
        table.entries.retain(|(key, _)| {
            let kept = key.name == "name" || entry.entry.settings.iter().any(|setting| setting.key == key.name);
            // A key that no strategy has is a mistake, and left for the reader to report.
            let misspelt = !CATALOG.iter().any(|other| other.entry.settings.iter().any(|has| has.key == key.name));
            if !kept && !misspelt {
                let message = format!("`strategy.{}` is ignored: `{name}` has no such setting", key.name);
                problems.report(Problem::warning(code::UNKNOWN_KEY, message, key.place));
            }
            kept || misspelt
        });
    }
    change.apply(root, &[], problems);
}
