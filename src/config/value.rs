//! The tree of values that a text means, each with its place.

use super::diagnostic::Place;

/// A key and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The name, unquoted.
    pub name: String,
    /// Where.
    pub place: Place,
}

/// Keys and values, in the order of the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// The entries; no name occurs twice.
    pub entries: Vec<(Key, Value)>,
    /// The header, the braces, or the start of the text.
    pub place: Place,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// What it is.
    pub kind: ValueKind,
    /// Where.
    pub place: Place,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueKind {
    /// Text.
    String(String),
    /// A whole number.
    Integer(i64),
    /// A finite number; never negative zero.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// A date, a time, or both, as RFC 3339 writes them.
    Datetime(String),
    /// Values in order.
    Array(Vec<Value>),
    /// A table within.
    Table(Table),
    /// It was not understood, and that was reported: nobody need complain again.
    Invalid,
}

impl Value {
    /// The value and its type, as messages say it: `the string "a"`, `a table`.
    pub fn described(&self) -> String {
        match &self.kind {
            ValueKind::String(text) => format!("the string \"{}\"", shortened(text)),
            ValueKind::Integer(number) => format!("the integer {number}"),
            ValueKind::Float(number) => format!("the float {number:?}"),
            ValueKind::Bool(flag) => format!("the boolean {flag}"),
            ValueKind::Datetime(text) => format!("the date {text}"),
            ValueKind::Array(_) => "an array".to_owned(),
            ValueKind::Table(_) => "a table".to_owned(),
            ValueKind::Invalid => "nothing that can be read".to_owned(),
        }
    }
}

/// At most 40 characters of the text.
pub(super) fn shortened(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl Table {
    /// A table without entries.
    pub const fn empty(place: Place) -> Table {
        Table { entries: Vec::new(), place }
    }

    /// The entry of this name.
    pub fn entry(&self, name: &str) -> Option<&(Key, Value)> {
        self.entries.iter().find(|(key, _)| key.name == name)
    }

    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entry(name).map(|(_, value)| value)
    }

    /// The value of this name, to change.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.entries.iter_mut().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    /// All names, in the order of the text.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(key, _)| key.name.as_str())
    }

    /// A 128-bit hash of what the table means: the same whatever the line ends, comments, spaces, the order of
    /// keys and the way values are written; another when any key, value or type differs.
    pub fn fingerprint(&self) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new();
        hash_table(&mut hasher, self);
        let mut short = [0; 16];
        short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        short
    }
}

// Each value is hashed as a tag, then a length where it has one, then its content: no two trees give the same
// bytes. Recursion is bounded by the depth that parsing allows.
fn hash_table(hasher: &mut blake3::Hasher, table: &Table) {
    let mut entries: Vec<&(Key, Value)> = table.entries.iter().collect();
    entries.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    hasher.update(b"t").update(&(entries.len() as u64).to_le_bytes());
    for (key, value) in entries {
        hash_text(hasher, &key.name);
        hash_value(hasher, value);
    }
}

fn hash_text(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
}

fn hash_value(hasher: &mut blake3::Hasher, value: &Value) {
    match &value.kind {
        ValueKind::String(text) => {
            hasher.update(b"s");
            hash_text(hasher, text);
        }
        ValueKind::Integer(number) => {
            hasher.update(b"i").update(&number.to_le_bytes());
        }
        ValueKind::Float(number) => {
            hasher.update(b"f").update(&number.to_bits().to_le_bytes());
        }
        ValueKind::Bool(flag) => {
            hasher.update(if *flag { b"1" } else { b"0" });
        }
        ValueKind::Datetime(text) => {
            hasher.update(b"d");
            hash_text(hasher, text);
        }
        ValueKind::Array(items) => {
            hasher.update(b"a").update(&(items.len() as u64).to_le_bytes());
            for item in items {
                hash_value(hasher, item);
            }
        }
        ValueKind::Table(table) => hash_table(hasher, table),
        ValueKind::Invalid => {
            hasher.update(b"x");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Diagnostics, Sources, parse};

    fn fingerprint(text: &str) -> [u8; 16] {
        let (mut sources, problems) = (Sources::new(), Diagnostics::new());
        let id = sources.add("x", text);
        let table = parse(&sources, id, &problems);
        assert!(problems.is_empty(), "{text}");
        table.fingerprint()
    }

    #[test]
    fn the_hash_goes_by_meaning_not_by_spelling() {
        let plain = fingerprint("[a]\nb = 1000\nc = \"x\"\n[d]\ne = [0.0, true]\n");
        for same in [
            "[a]\r\nb = 1000\r\nc = \"x\"\r\n[d]\r\ne = [0.0, true]\r\n",
            "\u{feff}d.e = [ -0.0, # zero\n true ]\na = { c = 'x', b = 1_000 }",
        ] {
            assert_eq!(fingerprint(same), plain, "{same}");
        }
        for other in [
            "[a]\nb = 1000\nc = \"y\"\n[d]\ne = [0.0, true]\n",
            "[a]\nb = 1000.0\nc = \"x\"\n[d]\ne = [0.0, true]\n",
            "[a]\nb = 1000\nc = \"x\"\n[d]\ne = [true, 0.0]\n",
            "[a]\nb = 1000\nc = \"x\"\n",
        ] {
            assert_ne!(fingerprint(other), plain, "{other}");
        }
    }
}
