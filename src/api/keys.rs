//! Keys and values on the way to TOML. They have no place in a text yet: they get one when the text is read.

use crate::config::{Key, Place, Table, Value, ValueKind};

/// A table with nothing in it.
pub(super) const fn empty() -> Table {
    Table { entries: Vec::new(), place: Place::Nowhere }
}

/// Sets the key; what it was before is gone.
pub(super) fn put(table: &mut Table, name: &str, kind: ValueKind) {
    let value = Value { kind, place: Place::Nowhere };
    match table.entries.iter_mut().find(|(key, _)| key.name == name) {
        Some((_, before)) => *before = value,
        None => table.entries.push((Key { name: name.to_owned(), place: Place::Nowhere }, value)),
    }
}

/// Text.
pub(super) fn text(of: &str) -> ValueKind {
    ValueKind::String(of.to_owned())
}

/// A table of tables, by name.
pub(super) fn named(parts: Vec<(String, Table)>) -> ValueKind {
    let mut table = empty();
    for (name, part) in parts {
        put(&mut table, &name, ValueKind::Table(part));
    }
    ValueKind::Table(table)
}

/// An array of tables.
pub(super) fn listed(parts: Vec<Table>) -> ValueKind {
    let value = |part| Value { kind: ValueKind::Table(part), place: Place::Nowhere };
    ValueKind::Array(parts.into_iter().map(value).collect())
}
