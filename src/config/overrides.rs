//! Overrides from the command line: `--set path=value`.

use super::diagnostic::{Diagnostics, Place, Problem, code};
use super::nearest::nearest;
use super::reader::listed;
use super::source::{SourceId, Sources};
use super::table::{parse_value, shifted};
use super::value::{Key, Table, Value, ValueKind};

/// Longest path, in segments.
const MAX_SEGMENTS: usize = 32;

/// One parsed override: where to put which value.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    path: Vec<Segment>,
    value: Value,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
struct Segment {
    /// The key, or the `name` of an element of an array of tables.
    key: Key,
    /// Whether it is the number of an element: `[0]`.
    is_index: bool,
}

impl Override {
    /// Parses `path=value`. The argument becomes a source of its own, called `name` (such as `--set #2`), which
    /// the places of the value point into. `None` when it is wrong, which is reported.
    ///
    /// A path is keys joined by dots, quoted where they hold anything but letters, digits, `_` and `-`;
    /// `node_pool[0]` is an element by number from 0, `node_pool.workers` one by its `name`. The value is TOML.
    pub fn parse(argument: &str, name: &str, sources: &mut Sources, problems: &Diagnostics) -> Option<Override> {
        let id = sources.add(name, argument);
        let text = sources.text(id);
        match path_of(text, id) {
            Ok((path, value_at)) => {
                let value = parse_value(sources, id, value_at, problems)?;
                Some(Override { path, value })
            }
            Err(problem) => {
                problems.report(problem.help("write a path, `=` and a TOML value, as in --set 'app.web.replicas=3'"));
                None
            }
        }
    }

    /// Puts the value into the table, making the tables on the way. What it replaces is gone; of several
    /// overrides the last one wins.
    ///
    /// `exclusive` lists groups of keys of which one table can have only one, so that setting one, or anything
    /// within it, removes its siblings of the group. A key may be given with the end of the path that leads
    /// to it: `pdb.min_available`.
    pub fn apply(&self, root: &mut Table, exclusive: &[&[&str]], problems: &Diagnostics) -> bool {
        match self.place_into(root, exclusive) {
            Ok(()) => true,
            Err(problem) => {
                problems.report(problem);
                false
            }
        }
    }

    fn place_into(&self, root: &mut Table, exclusive: &[&[&str]]) -> Result<(), Problem> {
        let mut table = root;
        let mut names: Vec<&str> = Vec::new();
        let mut rest = self.path.as_slice();
        loop {
            let Some((segment, further)) = rest.split_first() else { return Ok(()) };
            names.push(&segment.key.name);
            remove_excluded(table, &names, exclusive);
            let at = index_of(table, &segment.key);
            let slot = &mut table.entries[at].1;
            rest = further;
            if rest.is_empty() {
                *slot = self.value.clone();
                return Ok(());
            }
            let slot = self.descend_arrays(slot, &mut rest)?;
            if rest.is_empty() {
                *slot = self.value.clone();
                return Ok(());
            }
            if !matches!(slot.kind, ValueKind::Table(_)) {
                // A simpler form of the same setting gives way to the table.
                *slot = Value { kind: ValueKind::Table(Table::empty(segment.key.place)), place: segment.key.place };
            }
            let ValueKind::Table(within) = &mut slot.kind else { return Ok(()) };
            table = within;
        }
    }

    /// Follows the segments that choose elements of arrays.
    fn descend_arrays<'t>(&self, mut slot: &'t mut Value, rest: &mut &[Segment]) -> Result<&'t mut Value, Problem> {
        while let Some((segment, further)) = rest.split_first() {
            let wrong = |message: String| Problem::error(code::OVERRIDE, message, segment.key.place);
            let Value { kind: ValueKind::Array(items), .. } = slot else {
                if segment.is_index {
                    return Err(wrong(format!("`[{}]` chooses an element, but here is no array", segment.key.name)));
                }
                return Ok(slot);
            };
            let count = items.len();
            let found = match segment.is_index {
                true => segment.key.name.parse::<usize>().ok().filter(|&index| index < count),
                false => items.iter().position(|item| name_of(item) == Some(segment.key.name.as_str())),
            };
            let Some(index) = found else {
                let names: Vec<&str> = items.iter().filter_map(name_of).collect();
                let key = &segment.key.name;
                let message = match segment.is_index {
                    true => format!("there is no element [{key}]; the array has {count}, counted from 0"),
                    false => format!("no element has the name `{key}`"),
                };
                let help = match nearest(key, names.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None if names.is_empty() => "choose an element by its number, as in `[0]`".to_owned(),
                    None => format!("elements: {}", listed(&names)),
                };
                return Err(wrong(message).help(help));
            };
            slot = &mut items[index];
            *rest = further;
        }
        Ok(slot)
    }
}

/// The `name` of a table.
fn name_of(item: &Value) -> Option<&str> {
    let ValueKind::Table(table) = &item.kind else { return None };
    let ValueKind::String(name) = &table.get("name")?.kind else { return None };
    Some(name)
}

/// The index of this key's entry, made if there is none.
fn index_of(table: &mut Table, key: &Key) -> usize {
    if let Some(at) = table.entries.iter().position(|(known, _)| known.name == key.name) {
        return at;
    }
    let empty = ValueKind::Table(Table::empty(key.place));
    table.entries.push((key.clone(), Value { kind: empty, place: key.place }));
    table.entries.len() - 1
}

/// Removes from the table the keys that cannot stand beside the last of `path`.
fn remove_excluded(table: &mut Table, path: &[&str], exclusive: &[&[&str]]) {
    let Some((last, parents)) = path.split_last() else { return };
    for group in exclusive {
        // The siblings of a member share its parents, so their own prefix need not be looked at.
        let belongs = group.iter().any(|member| {
            let mut steps = member.rsplit('.');
            steps.next() == Some(last)
                && steps.zip(parents.iter().rev()).all(|(step, parent)| step == *parent)
                && member.matches('.').count() <= parents.len()
        });
        if belongs {
            let sibling = |name: &str| group.iter().any(|member| member.rsplit('.').next() == Some(name));
            table.entries.retain(|(key, _)| key.name == *last || !sibling(&key.name));
        }
    }
}

/// The path of an argument, and the byte at which its value begins.
fn path_of(text: &str, id: SourceId) -> Result<(Vec<Segment>, usize), Problem> {
    let wrong = |at: usize, message: &str| {
        let at = text.floor_char_boundary(at);
        let width = text[at..].chars().next().map_or(0, char::len_utf8);
        Problem::error(code::OVERRIDE, message, shifted(id, 0, at..at + width))
    };
    let mut path: Vec<Segment> = Vec::new();
    let mut at = 0;
    loop {
        at += blanks(&text[at..]);
        let (name, end) = key_at(text, at).ok_or_else(|| wrong(at, "a key is expected here"))?;
        path.push(Segment { key: Key { name, place: shifted(id, 0, at..end) }, is_index: false });
        at = end + blanks(&text[end..]);
        while text[at..].starts_with('[') {
            let digits = text[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
            let close = at + 1 + digits;
            if digits == 0 || !text[close..].starts_with(']') {
                return Err(wrong(at, "an element is chosen by its number, as in `[0]`"));
            }
            let key = Key { name: text[at + 1..close].to_owned(), place: shifted(id, 0, at..close + 1) };
            path.push(Segment { key, is_index: true });
            at = close + 1 + blanks(&text[close + 1..]);
        }
        if path.len() > MAX_SEGMENTS {
            return Err(wrong(at, "the path is longer than 32 steps"));
        }
        match text[at..].bytes().next() {
            Some(b'=') => return Ok((path, at + 1)),
            Some(b'.') => at += 1,
            Some(_) => return Err(wrong(at, "`.` or `=` is expected here")),
            None => return Err(wrong(at, "`=` and a value are missing")),
        }
    }
}

fn blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t']).len()
}

/// The key at byte `start`, and where it ends.
fn key_at(text: &str, start: usize) -> Option<(String, usize)> {
    let rest = &text[start..];
    let quote = rest.bytes().next().filter(|byte| matches!(byte, b'"' | b'\''));
    let Some(quote) = quote else {
        let bare = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_' || *b == b'-';
        let length = rest.bytes().take_while(bare).count();
        return (length > 0).then(|| (rest[..length].to_owned(), start + length));
    };
    let mut escaped = false;
    let close = rest.bytes().skip(1).position(|byte| {
        let closes = byte == quote && !escaped;
        escaped = quote == b'"' && byte == b'\\' && !escaped;
        closes
    })?;
    let end = start + close + 2;
    let name = super::syntax::key_name(&text[start..end])?;
    Some((name, end))
}

/// Whether a value came from an override and not from the file.
pub fn is_overridden(value: &Value, file: SourceId) -> bool {
    matches!(value.place, Place::At(source, _) if source != file)
}
