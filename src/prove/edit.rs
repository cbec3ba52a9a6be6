//! Changes to a scenario's table: what shrinking tries.

use crate::config::{Diagnostics, Key, Place, Sources, Table, Value, ValueKind, parse};

/// A value that stands nowhere.
pub(super) fn text(text: &str) -> Value {
    Value { kind: ValueKind::String(text.to_owned()), place: Place::Nowhere }
}

/// A whole number that stands nowhere.
pub(super) fn number(number: i64) -> Value {
    Value { kind: ValueKind::Integer(number), place: Place::Nowhere }
}

/// An array that stands nowhere.
pub(super) fn array(items: Vec<Value>) -> Value {
    Value { kind: ValueKind::Array(items), place: Place::Nowhere }
}

/// A table that stands nowhere.
pub(super) fn table(entries: Vec<(&str, Value)>) -> Value {
    let key = |name: &str| Key { name: name.to_owned(), place: Place::Nowhere };
    let entries = entries.into_iter().map(|(name, value)| (key(name), value)).collect();
    Value { kind: ValueKind::Table(Table { entries, place: Place::Nowhere }), place: Place::Nowhere }
}

/// A table of keys whose values are written as TOML, that stands nowhere.
pub(super) fn written_as(keys: &[(String, String)]) -> Value {
    let text: String = keys.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
    let (mut sources, problems) = (Sources::new(), Diagnostics::new());
    let id = sources.add("a fault of a proof", &text);
    let read = parse(&sources, id, &problems);
    nowhere(&Value { kind: ValueKind::Table(read), place: Place::Nowhere })
}

/// The value without its places, which are those of a text that nobody sees.
fn nowhere(value: &Value) -> Value {
    match &value.kind {
        ValueKind::Array(items) => array(items.iter().map(nowhere).collect()),
        ValueKind::Table(inner) => {
            table(inner.entries.iter().map(|(key, value)| (key.name.as_str(), nowhere(value))).collect())
        }
        kind => Value { kind: kind.clone(), place: Place::Nowhere },
    }
}

/// A step into a table or an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

/// A path of keys.
pub(super) fn keys(names: &[&str]) -> Vec<Step> {
    names.iter().map(|name| Step::Key((*name).to_owned())).collect()
}

fn inner<'t>(value: &'t mut Value, step: &Step) -> Option<&'t mut Value> {
    match (&mut value.kind, step) {
        (ValueKind::Table(table), Step::Key(key)) => table.get_mut(key),
        (ValueKind::Array(items), Step::Index(index)) => items.get_mut(*index),
        _ => None,
    }
}

/// The value at a path, to change.
pub(super) fn at<'t>(root: &'t mut Table, path: &[Step]) -> Option<&'t mut Value> {
    let (Step::Key(first), rest) = path.split_first()? else { return None };
    rest.iter().try_fold(root.get_mut(first)?, |value, step| inner(value, step))
}

/// Sets a key of the root.
pub(super) fn set(root: &mut Table, key: &str, value: Value) {
    match root.get_mut(key) {
        Some(old) => *old = value,
        None => root.entries.push((Key { name: key.to_owned(), place: Place::Nowhere }, value)),
    }
}

/// Sets a key of a table at a path; nothing where there is no table.
pub(super) fn set_in(root: &mut Table, path: &[Step], key: &str, value: Value) -> bool {
    if path.is_empty() {
        set(root, key, value);
        return true;
    }
    let Some(ValueKind::Table(table)) = at(root, path).map(|value| &mut value.kind) else { return false };
    set(table, key, value);
    true
}

/// Takes away what stands at a path.
pub(super) fn remove(root: &mut Table, path: &[Step]) -> bool {
    let Some((last, before)) = path.split_last() else { return false };
    let drop_key = |table: &mut Table, key: &str| {
        let count = table.entries.len();
        table.entries.retain(|(name, _)| name.name != key);
        table.entries.len() < count
    };
    match (last, before.is_empty()) {
        (Step::Key(key), true) => drop_key(root, key),
        (step, _) => match (at(root, before).map(|value| &mut value.kind), step) {
            (Some(ValueKind::Table(table)), Step::Key(key)) => drop_key(table, key),
            (Some(ValueKind::Array(items)), Step::Index(index)) if *index < items.len() => {
                items.remove(*index);
                true
            }
            _ => false,
        },
    }
}

/// The paths of all entries of a table or an array at a path.
pub(super) fn below(root: &Table, path: &[Step]) -> Vec<Vec<Step>> {
    let mut copy = root.clone();
    let deeper = |step: Step| path.iter().cloned().chain([step]).collect::<Vec<Step>>();
    match at(&mut copy, path).map(|value| &value.kind) {
        Some(ValueKind::Table(table)) => table.names().map(|name| deeper(Step::Key(name.to_owned()))).collect(),
        Some(ValueKind::Array(items)) => (0..items.len()).map(|index| deeper(Step::Index(index))).collect(),
        Some(_) | None => Vec::new(),
    }
}

/// A path as people write it: `app.web.replicas`, `node_pool[1].count`.
pub(super) fn written(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Key(key) => {
                text.push_str(if text.is_empty() { "" } else { "." });
                text.push_str(key);
            }
            Step::Index(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}
