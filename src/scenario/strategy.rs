//! `[strategy]`: which strategy, with which settings; and `--strategy`, which replaces it.

use super::hops::{self, Hops};
use super::lower::{Lower, quoted};
use super::own::Own;
use super::pool::ReadPool;
use crate::base::Span;
use crate::config::printed::printed_value;
use crate::config::{
    Diagnostics, Entry, Item, Override, Place, Problem, Sources, Table, ValueKind, Values, code, resolved,
};
use crate::strategy::catalog::{CATALOG, StrategyEntry};
use crate::strategy::machinery::{Plan, Run, toml};
use crate::strategy::start::START;
use crate::strategy::{Actor, Hops as Walk, own_plan};
use crate::world::reported::Goal;

/// The strategy of a scenario.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Its entry in the catalogue, which builds the actor.
    pub entry: &'static StrategyEntry,
    /// Its settings.
    pub values: Values,
    /// The user's own plan, where the strategy is one.
    pub plan: Option<Plan>,
    /// How it walks several minors.
    pub hops: Hops,
    /// Where each hop goes; none where there is one.
    pub goals: Vec<Goal>,
}

impl Chosen {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.entry.entry.name
    }

    /// From when on its time is counted: its setting `start`; a strategy that has none begins at once.
    pub fn start(&self) -> Span {
        let has = self.entry.entry.settings.iter().any(|setting| setting.key == START.key);
        if has { self.values.span(START.key) } else { Span::ZERO }
    }

    /// Its actor, before the first call.
    pub fn actor(&self) -> Box<dyn Actor> {
        let actor = match &self.plan {
            Some(plan) => Box::new(Run::new(plan.clone())) as Box<dyn Actor>,
            None => (self.entry.build)(&self.values),
        };
        if self.goals.is_empty() { actor } else { Box::new(Walk::new(actor, self.goals.clone())) }
    }
}

/// Reads the table.
pub(super) fn read(lower: &mut Lower<'_>, item: &Item<'_>, pools: &[ReadPool]) -> Chosen {
    let first = || {
        let (hops, goals) = (Hops::default(), Vec::new());
        Chosen { entry: CATALOG[0], values: CATALOG[0].entry.defaults(), plan: None, hops, goals }
    };
    let Some(mut reader) = item.table() else { return first() };
    let name_item = reader.required("name");
    let name = name_item.string();
    let Some(entry) = name.and_then(|name| known(lower, name_item.place(), name)) else {
        // Without it nobody knows which settings there are.
        reader.abandon();
        return first();
    };
    let values = crate::config::read(entry.entry, &mut reader);
    let stages = std::ptr::eq(entry, &own_plan::PLAN).then(|| reader.required(STAGES));
    lower.page.header("[strategy]");
    lower.page.line(&format!("name = {}", quoted(entry.entry.name)));
    let hops = hops::read(lower, &mut reader);
    reader.finish();
    lower.page.lines(&resolved(&values));
    let plan = stages.map(|stages| {
        if let Some(given) = stages.value() {
            lower.page.line(&format!("{STAGES} = {}", printed_value(given)));
        }
        let pools: Vec<&str> = pools.iter().map(|pool| pool.spec.name.as_str()).collect();
        toml::plan(&values, &stages, &pools)
    });
    Chosen { entry, values, plan, hops, goals: Vec::new() }
}

/// The key of an own plan's stages.
const STAGES: &str = "stage";

fn known(lower: &Lower<'_>, place: Place, name: &str) -> Option<&'static StrategyEntry> {
    match lower.own.find_strategy(name) {
        Ok(entry) => Some(entry),
        Err(unknown) => {
            let help = match unknown.nearest {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => {
                    let all = lower.own.all_strategies();
                    let names: Vec<String> = all.map(|entry| format!("`{}`", entry.entry.name)).collect();
                    format!("strategies are {}", names.join(", "))
                }
            };
            lower.problems.report(Problem::error(code::UNKNOWN_CHOICE, unknown.to_string(), place).help(help));
            None
        }
    }
}

/// Puts another strategy in place of the file's: its settings stay where the new one has them, too; the others are
/// dropped, and a warning says so.
pub(super) fn replace(root: &mut Table, name: &str, own: &Own, (sources, problems): (&mut Sources, &Diagnostics)) {
    let argument = format!("strategy.name={}", quoted(name));
    let Some(change) = Override::parse(&argument, "--strategy", sources, problems) else { return };
    if let (Ok(entry), Some(ValueKind::Table(table))) =
        (own.find_strategy(name), root.get_mut("strategy").map(|value| &mut value.kind))
    {
        let all: Vec<&Entry> = own.all_strategies().map(|strategy| strategy.entry).collect();
        table.entries.retain(|(key, _)| {
            let ignored = is_foreign(&key.name, entry.entry, &all);
            if ignored {
                let message = format!("`strategy.{}` is ignored: `{name}` has no such setting", key.name);
                problems.report(Problem::warning(code::UNKNOWN_KEY, message, key.place));
            }
            !ignored
        });
    }
    change.apply(root, &[], problems);
}

/// Whether a key is a setting of other strategies only. One that no strategy has is a mistake, and left for the
/// reader to report.
fn is_foreign(key: &str, own: &Entry, all: &[&Entry]) -> bool {
    let has = |entry: &Entry| entry.settings.iter().any(|setting| setting.key == key);
    let foreign = all.iter().any(|entry| has(entry)) || key == STAGES;
    key != "name" && !has(own) && foreign && !(key == STAGES && own.name == own_plan::PLAN.entry.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Kind, Setting};

    static SURGE: [Setting; 1] =
        [Setting { key: "surge", about: "", kind: Kind::Bool, default: "true", unit: "", source: "" }];
    static WITH: Entry = Entry { name: "with", about: "", details: "", settings: &SURGE, sources: &[] };
    static WITHOUT: Entry = Entry { name: "without", about: "", details: "", settings: &[], sources: &[] };

    #[test]
    fn only_what_another_strategy_would_read_is_ignored() {
        let all = [&WITH, &WITHOUT];
        assert!(is_foreign("surge", &WITHOUT, &all));
        assert!(!is_foreign("surge", &WITH, &all));
        assert!(!is_foreign("surgee", &WITHOUT, &all), "a slip is the reader's to report");
        assert!(!is_foreign("name", &WITHOUT, &all));
    }
}
