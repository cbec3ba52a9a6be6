//! The parts of a lab's plan that the student has to leave as they are.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::printed::printed;
use crate::config::{Diagnostics, Place, Sources, Table, Value, ValueKind, parse};

/// The paths that differ between two plans, outside the open ones, in order. Order and layout of a file do not count.
pub fn changed(start: &str, edited: &str, open: &[&str]) -> Vec<String> {
    let (start, edited) = (values(start, open), values(edited, open));
    let paths: BTreeSet<&String> = start.keys().chain(edited.keys()).collect();
    paths.into_iter().filter(|path| start.get(*path) != edited.get(*path)).cloned().collect()
}

/// Each value by its path, but for the open ones. Syntax errors are told by whoever reads the scenario.
fn values(text: &str, open: &[&str]) -> BTreeMap<String, String> {
    let (mut sources, problems) = (Sources::new(), Diagnostics::new());
    let id = sources.add("plan", text);
    let mut found = BTreeMap::new();
    collect(&parse(&sources, id, &problems), "", open, &mut found);
    found
}

fn collect(table: &Table, above: &str, open: &[&str], found: &mut BTreeMap<String, String>) {
    for (key, value) in &table.entries {
        let path = if above.is_empty() { key.name.clone() } else { format!("{above}.{}", key.name) };
        if open.contains(&path.as_str()) {
            continue;
        }
        if let ValueKind::Table(inner) = &value.kind {
            collect(inner, &path, open, found);
        } else if let Some(tables) = named_tables(value) {
            for (name, inner) in tables {
                collect(inner, &format!("{path}.{name}"), open, found);
            }
        } else {
            let alone = Table { entries: vec![(key.clone(), value.clone())], place: Place::Nowhere };
            found.insert(path, printed(&alone));
        }
    }
}

/// The tables of an array by their names, as overrides call them; none where some have no name.
fn named_tables(value: &Value) -> Option<Vec<(&str, &Table)>> {
    let ValueKind::Array(items) = &value.kind else { return None };
    items.iter().map(named).collect()
}

fn named(item: &Value) -> Option<(&str, &Table)> {
    let ValueKind::Table(table) = &item.kind else { return None };
    let (_, name) = table.entries.iter().find(|(key, _)| key.name == "name")?;
    let ValueKind::String(name) = &name.kind else { return None };
    Some((name.as_str(), table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_or_only_laid_out_anew_is_no_change() {
        let start = "a = 1\n[b]\nc = 2\nd = 3\n";
        assert!(changed(start, "b = { d = 3, c = 9 } # mine\na = 1\n", &["b.c"]).is_empty());
    }

    #[test]
    fn tables_of_an_array_are_told_by_their_names() {
        let start = "[[pool]]\nname = \"a\"\ncount = 1\n[[pool]]\nname = \"b\"\ncount = 1\n";
        let edited = start.replace("count = 1\n[[", "count = 2\n[[");
        assert!(changed(start, &edited, &["pool.a.count"]).is_empty());
        assert_eq!(changed(start, &edited, &["pool.b.count"]), ["pool.a.count"]);
    }

    #[test]
    fn a_changed_an_added_and_a_lost_key_are_each_named() {
        let start = "a = 1\n[b]\nc = 2\nd = 3\n";
        assert_eq!(changed(start, "a = 2\nx = 1\n[b]\nc = 2\n", &["b.c"]), ["a", "b.d", "x"]);
    }
}
