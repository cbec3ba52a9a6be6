//! Values printed back as TOML.

use std::fmt::Write;

use super::escape::push_escaped;
use super::value::{Table, Value, ValueKind};

/// The entries of the table, one line each, tables within as inline tables. Parsing it gives an equal table.
pub fn printed(table: &Table) -> String {
    let mut text = String::new();
    for (key, value) in &table.entries {
        push_key(&mut text, &key.name);
        text.push_str(" = ");
        push_value(&mut text, value);
        text.push('\n');
    }
    text
}

/// The table as a file for people: tables under headers of their own, small ones on one line. Parsing it gives an
/// equal table but for the order of keys.
pub fn document(table: &Table) -> String {
    let mut text = String::new();
    push_section(&mut text, &[], table);
    text
}

/// Tables with no more entries stand on one line, below the second level.
const INLINE: usize = 4;

/// Whether a value of the table at this depth gets a header.
fn has_header(value: &Value, depth: usize) -> bool {
    match &value.kind {
        ValueKind::Table(table) => {
            let small = table.entries.len() <= INLINE && !table.entries.iter().any(|(_, inner)| is_table(inner));
            depth < 2 || !small
        }
        ValueKind::Array(items) => depth == 0 && !items.is_empty() && items.iter().all(is_table),
        ValueKind::String(_)
        | ValueKind::Integer(_)
        | ValueKind::Float(_)
        | ValueKind::Bool(_)
        | ValueKind::Datetime(_)
        | ValueKind::Invalid => false,
    }
}

fn is_table(value: &Value) -> bool {
    matches!(value.kind, ValueKind::Table(_))
}

fn push_section(text: &mut String, path: &[&str], table: &Table) {
    let (below, plain): (Vec<_>, Vec<_>) = table.entries.iter().partition(|(_, value)| has_header(value, path.len()));
    for (key, value) in plain {
        push_key(text, &key.name);
        text.push_str(" = ");
        push_value(text, value);
        text.push('\n');
    }
    for (key, value) in below {
        let mut inner = path.to_vec();
        inner.push(&key.name);
        match &value.kind {
            ValueKind::Table(table) => {
                // A header that holds only further headers says nothing.
                if table.entries.is_empty() || table.entries.iter().any(|(_, value)| !has_header(value, inner.len())) {
                    push_header(text, &inner, ("[", "]"));
                }
                push_section(text, &inner, table);
            }
            ValueKind::Array(items) => {
                for item in items {
                    push_header(text, &inner, ("[[", "]]"));
                    if let ValueKind::Table(table) = &item.kind {
                        push_section(text, &inner, table);
                    }
                }
            }
            ValueKind::String(_)
            | ValueKind::Integer(_)
            | ValueKind::Float(_)
            | ValueKind::Bool(_)
            | ValueKind::Datetime(_)
            | ValueKind::Invalid => {}
        }
    }
}

fn push_header(text: &mut String, path: &[&str], (open, close): (&str, &str)) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(open);
    for (index, key) in path.iter().enumerate() {
        text.push_str(if index == 0 { "" } else { "." });
        push_key(text, key);
    }
    text.push_str(close);
    text.push('\n');
}

/// The value on one line. A value that was not understood prints as `"?"`.
pub fn printed_value(value: &Value) -> String {
    let mut text = String::new();
    push_value(&mut text, value);
    text
}

/// The key, quoted where it must be.
pub fn printed_key(name: &str) -> String {
    let mut text = String::new();
    push_key(&mut text, name);
    text
}

fn push_key(text: &mut String, name: &str) {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { text.push_str(name) } else { push_string(text, name) }
}

fn push_value(text: &mut String, value: &Value) {
    match &value.kind {
        ValueKind::String(string) => push_string(text, string),
        ValueKind::Integer(number) => {
            let _ = write!(text, "{number}");
        }
        ValueKind::Float(number) => {
            // Debug prints the shortest digits that read back equal, and always a point or an exponent.
            let _ = write!(text, "{number:?}");
        }
        ValueKind::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        ValueKind::Datetime(date) => text.push_str(date),
        ValueKind::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                push_value(text, item);
            }
            text.push(']');
        }
        ValueKind::Table(table) => {
            text.push('{');
            for (index, (key, item)) in table.entries.iter().enumerate() {
                text.push_str(if index == 0 { " " } else { ", " });
                push_key(text, &key.name);
                text.push_str(" = ");
                push_value(text, item);
            }
            text.push_str(if table.entries.is_empty() { "}" } else { " }" });
        }
        ValueKind::Invalid => text.push_str("\"?\""),
    }
}

fn push_string(text: &mut String, string: &str) {
    text.push('"');
    for c in string.chars() {
        let mut safe = String::new();
        push_escaped(&mut safe, c);
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' | '\t' | '\r' => text.push_str(&safe),
            // TOML writes eight hexadecimal digits where Rust writes braces.
            _ if safe.starts_with("\\u") => {
                let _ = write!(text, "\\U{:08X}", u32::from(c));
            }
            _ => text.push(c),
        }
    }
    text.push('"');
}
