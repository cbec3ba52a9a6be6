//! What follows from the record of an entry besides its reader: JSON Schema, manual, resolved settings.

use std::fmt::Write;

use serde_json::{Map, Value as Json, json};

use super::render::wrapped;
use super::settings::{Entry, Kind, Setting, Values};
use super::value::{Value, ValueKind};

/// Width of the manual, in characters.
const WIDTH: usize = 80;

/// A duration as a pattern of JSON Schema: numbers with units, or nought.
const DURATION: &str = r"^\s*(0|([0-9]+(\.[0-9]+)?\s*[a-zµ]+\s*)+)$";

/// A JSON Schema (draft 2020-12) of the table that holds the entry's settings.
pub fn schema(entry: &Entry) -> Json {
    let mut properties = Map::new();
    for setting in entry.settings {
        properties.insert(setting.key.to_owned(), setting_schema(setting));
    }
    json!({
        "title": entry.name,
        "description": entry.about,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn setting_schema(setting: &Setting) -> Json {
    let mut schema = kind_schema(setting.kind);
    let (table, _) = setting.default_table();
    if let (Some(fields), Some(default)) = (schema.as_object_mut(), table.get(setting.key)) {
        let unit = if setting.unit.is_empty() { String::new() } else { format!(" Unit: {}.", setting.unit) };
        let about =
            format!("{} {}.{unit} Default from: {}", setting.about, capital(&setting.kind.described()), setting.source);
        fields.insert("description".to_owned(), Json::String(about));
        fields.insert("default".to_owned(), json_of(default));
    }
    schema
}

fn kind_schema(kind: Kind) -> Json {
    let duration = || json!({ "type": "string", "pattern": DURATION });
    match kind {
        Kind::Duration { .. } => duration(),
        Kind::Count { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::IntOrPercent => json!({ "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": i32::MAX },
            { "type": "string", "pattern": "^(100|[0-9]{1,2})%$" },
        ] }),
        Kind::Bool => json!({ "type": "boolean" }),
        Kind::Text => json!({ "type": "string" }),
        Kind::Choice(names) => json!({ "type": "string", "enum": names }),
        Kind::Ratio => json!({ "anyOf": [
            { "type": "number", "minimum": 0, "maximum": 1 },
            { "type": "string", "pattern": r"^(100(\.0+)?|[0-9]{1,2}(\.[0-9]{1,4}0*)?)%$" },
        ] }),
        Kind::Rate => json!({ "type": "number", "minimum": 0, "maximum": 1_000_000_000 }),
        Kind::Dist => json!({ "anyOf": [duration(), {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": false,
            "properties": {
                "fixed": duration(),
                "uniform": { "type": "array", "items": duration(), "minItems": 2, "maxItems": 2 },
                "exponential": closed(&json!({ "mean": duration(), "base": duration() }), &["mean"]),
                "lognormal": closed(&json!({ "median": duration(), "p99": duration() }), &["median", "p99"]),
            },
        }] }),
    }
}

fn closed(properties: &Json, required: &[&str]) -> Json {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// The value as JSON; dates as text.
fn json_of(value: &Value) -> Json {
    match &value.kind {
        ValueKind::String(text) | ValueKind::Datetime(text) => json!(text),
        ValueKind::Integer(number) => json!(number),
        ValueKind::Float(number) => json!(number),
        ValueKind::Bool(flag) => json!(flag),
        ValueKind::Array(items) => items.iter().map(json_of).collect(),
        ValueKind::Table(table) => {
            Json::Object(table.entries.iter().map(|(key, value)| (key.name.clone(), json_of(value))).collect())
        }
        ValueKind::Invalid => Json::Null,
    }
}

/// The entry's manual as plain text of 80 columns: what it does, every setting with default, unit, range and
/// source, and where its behaviour comes from.
pub fn manual(entry: &Entry) -> String {
    let mut text = String::new();
    push_paragraph(&mut text, 0, &format!("{}: {}", entry.name, entry.about));
    if !entry.details.is_empty() {
        text.push('\n');
        for part in entry.details.split('\n') {
            let words = part.trim_start_matches(' ');
            push_paragraph(&mut text, part.len() - words.len(), words);
        }
    }
    text.push_str(if entry.settings.is_empty() { "\nNo settings.\n" } else { "\nSettings, with their defaults:\n" });
    for setting in entry.settings {
        text.push('\n');
        push_paragraph(&mut text, 2, &format!("{} = {}", setting.key, setting.default));
        push_paragraph(&mut text, 6, setting.about);
        let unit = if setting.unit.is_empty() { String::new() } else { format!(" Unit: {}.", setting.unit) };
        push_paragraph(&mut text, 6, &format!("{}.{unit}", capital(&setting.kind.described())));
        push_paragraph(&mut text, 6, &format!("Default from: {}", setting.source));
    }
    if !entry.sources.is_empty() {
        text.push_str("\nSources:\n\n");
        for source in entry.sources {
            push_paragraph(&mut text, 2, source);
        }
    }
    text
}

/// Each setting as a line of TOML; a default carries its source as a comment.
pub fn resolved(values: &Values) -> Vec<String> {
    let line = |(setting, field): (&'static Setting, &super::settings::Field)| {
        let line = format!("{} = {}", setting.key, field.text);
        match field.given {
            Some(_) => line,
            None => format!("{line}  # default: {}", setting.source),
        }
    };
    values.pairs().map(line).collect()
}

/// An empty paragraph is an empty line.
fn push_paragraph(text: &mut String, indent: usize, paragraph: &str) {
    if paragraph.is_empty() {
        text.push('\n');
    }
    for line in wrapped(paragraph, WIDTH - indent) {
        let _ = writeln!(text, "{:indent$}{line}", "");
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::super::settings::tests::SOUND;
    use super::*;
    use crate::config::{Diagnostics, Reader, Sources, parse, read};

    #[test]
    fn the_manual_names_every_setting_with_default_range_unit_and_source() {
        let text = manual(&SOUND);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        for setting in SOUND.settings {
            assert!(text.contains(&format!("  {} = {}\n", setting.key, setting.default)), "{text}");
        }
        let first = "  batch = 1
      How many nodes are replaced at once.
      A whole number from 1 to 100. Unit: nodes.
      Default from: kubectl drain --help
";
        assert!(text.contains(first), "{text}");
        assert!(text.ends_with("Sources:\n\n  kubernetes/kubectl pkg/drain/drain.go\n"), "{text}");
    }

    #[test]
    fn the_schema_closes_the_table_and_gives_every_default() {
        let schema = schema(&SOUND);
        assert_eq!(schema["additionalProperties"], json!(false));
        assert_eq!(schema["properties"].as_object().map(Map::len), Some(SOUND.settings.len()));
        assert_eq!(schema["properties"]["batch"]["maximum"], json!(100));
        assert_eq!(schema["properties"]["order"]["enum"], json!(["oldest", "random"]));
        assert_eq!(schema["properties"]["boot"]["default"], json!({ "uniform": ["30s", "60s"] }));
    }

    #[test]
    fn resolved_settings_read_back_equal() {
        let lines = resolved(&SOUND.defaults());
        assert_eq!(lines[1], "drain_timeout = \"10m\"  # default: kubectl drain --help");
        let (mut sources, problems) = (Sources::new(), Diagnostics::new());
        let id = sources.add("x", &lines.join("\n"));
        let table = parse(&sources, id, &problems);
        let mut reader = Reader::new(&table, &problems);
        let again = read(&SOUND, &mut reader);
        reader.finish();
        assert!(problems.is_empty());
        let given = resolved(&again);
        assert_eq!(given[1], "drain_timeout = \"10m\"");
        assert_eq!(given.len(), SOUND.settings.len());
    }
}
