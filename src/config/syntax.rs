//! The parser's errors as problems: worded for people, one a line, followers of one mistake left out.

use std::ops::Range;

use toml::de::{DeTable, DeValue, Error};

use super::diagnostic::{Diagnostics, Problem, code};
use super::nesting;
use super::source::SourceId;
use super::table::shifted;
use super::value::shortened;

/// Duplicates whose first place is looked for; each costs another parse.
const TRACED_DUPLICATES: usize = 16;

/// Largest text in which the first place of more than one duplicate is looked for, in bytes.
const TRACED_BYTES: usize = 64 << 10;

/// Where the text is not TOML.
pub(super) struct Syntax {
    errors: Vec<Found>,
}

struct Found {
    range: Range<usize>,
    message: String,
    help: Option<String>,
    label: Option<(Range<usize>, &'static str)>,
    code: &'static str,
    /// Keys may be lost or misplaced from here on.
    damage: bool,
    /// Its line, from 0.
    line: usize,
}

impl Syntax {
    pub(super) fn of(text: &str, errors: &[Error]) -> Syntax {
        let mut found: Vec<Found> = errors.iter().map(|error| Found::of(text, error)).collect();
        found.sort_by_key(|error| (error.range.start, error.range.end));
        let (mut line, mut counted) = (0, 0);
        for error in &mut found {
            line += text[counted..error.range.start].matches('\n').count();
            counted = error.range.start;
            error.line = line;
        }
        let mut traces = if text.len() > TRACED_BYTES { 1 } else { TRACED_DUPLICATES };
        for error in found.iter_mut().filter(|error| error.code == code::DUPLICATE) {
            if traces == 0 {
                break;
            }
            traces -= 1;
            error.trace_duplicate(text);
        }
        Syntax { errors: found }
    }

    /// Whether an error lies in or next to this range, so that the value there is only a guess.
    pub(super) fn touches(&self, range: &Range<usize>) -> bool {
        let next = self.errors.partition_point(|error| error.range.start < range.start);
        let before = next.checked_sub(1).and_then(|index| self.errors.get(index));
        before.is_some_and(|error| error.range.end > range.start)
            || self.errors.get(next).is_some_and(|error| error.range.start <= range.end)
    }

    /// Reports the errors that are not mere followers of others.
    pub(super) fn report(&self, id: SourceId, offset: isize, problems: &Diagnostics) {
        // From an unclosed bracket to where the parser gave up, everything else is a follower.
        let unclosed = self.errors.iter().filter(|error| error.label.is_some() && error.damage);
        let swallowed: Vec<(Range<usize>, usize)> = unclosed
            .filter_map(|error| error.label.as_ref().map(|(gave_up, _)| (error.range.clone(), gave_up.end)))
            .collect();
        let mut last: Option<&Found> = None;
        for error in &self.errors {
            if error.damage {
                problems.note_damage(id, error.range.start.saturating_add_signed(offset));
            }
            let start = error.range.start;
            let follower = swallowed.iter().any(|(open, end)| start > open.start && start <= *end);
            if follower || last.is_some_and(|last| last.is_followed_by(error)) {
                continue;
            }
            last = Some(error);
            let place = shifted(id, offset, error.range.clone());
            let mut problem = Problem::error(error.code, error.message.clone(), place);
            problem.help.clone_from(&error.help);
            if let Some((range, text)) = &error.label {
                problem = problem.label(shifted(id, offset, range.clone()), *text);
            }
            problems.report(problem);
        }
    }
}

impl Found {
    fn of(text: &str, error: &Error) -> Found {
        // Only a path that is too long comes without a place, and those are refused before parsing.
        let range = error.span().unwrap_or(text.len()..text.len());
        let start = text.floor_char_boundary(range.start);
        let range = start..text.floor_char_boundary(range.end).max(start);
        let said = error.message();
        let mut found = Found {
            range,
            message: said.strip_suffix(", expected nothing").unwrap_or(said).to_owned(),
            help: None,
            label: None,
            code: code::SYNTAX,
            damage: true,
            line: 0,
        };
        found.word(text);
        found
    }

    /// Says it better where the parser's words mislead.
    fn word(&mut self, text: &str) {
        let written = &text[self.range.clone()];
        if self.message.starts_with("string values must be quoted") {
            self.damage = false;
            if written.is_empty() {
                self.message = "a value is missing".to_owned();
            } else {
                let written = shortened(written);
                self.message = format!("`{written}` is not a value");
                self.help = Some(format!("text stands in quotes: {}", quoted(&written)));
            }
        } else if self.message.starts_with("duplicate key") {
            self.damage = false;
            self.code = code::DUPLICATE;
            self.message = format!("duplicate key `{}`", shortened(written));
        } else if self.message.starts_with("cannot extend value of type") {
            self.damage = false;
            self.code = code::DUPLICATE;
            let kind = self.message.split(' ').nth(5).unwrap_or("another type");
            self.message = format!("`{}` is no table: it was given a value of type {kind}", shortened(written));
        } else if self.message.starts_with("invalid boolean") {
            self.damage = false;
            self.help = Some("write `true` or `false`".to_owned());
        } else if self.message.starts_with("invalid float") || self.message.starts_with("invalid integer") {
            self.damage = false;
            self.help = Some("text, a version among it, stands in quotes: \"1.14.10\"".to_owned());
        } else if self.message.starts_with("unclosed array") || self.message.starts_with("unclosed inline table") {
            if let Some(open) = nesting::open_before(text, self.range.start) {
                let bracket = &text[open..open + 1];
                self.message = format!("`{bracket}` is never closed");
                self.label = Some((self.range.clone(), "still open here"));
                self.range = open..open + 1;
            }
        } else if self.message.contains("carriage return") {
            self.help = Some("end lines with LF or CRLF".to_owned());
        }
    }

    /// Whether `other`, later in the text, is likely a consequence of this one: once the structure is broken,
    /// the parser goes on guessing until the end of the line.
    fn is_followed_by(&self, other: &Found) -> bool {
        let guessed = self.line == other.line && other.code == code::SYNTAX && (self.damage || other.damage);
        guessed || (self.range == other.range && self.message == other.message)
    }

    /// Finds where a duplicate key stood first: with the second one renamed, the text parses, and the renamed
    /// key's neighbour of the old name is the first one.
    fn trace_duplicate(&mut self, text: &str) {
        let written = &text[self.range.clone()];
        let Some(name) = key_name(written) else { return };
        let without = format!("{}{RENAMED}{}", &text[..self.range.start], &text[self.range.end..]);
        let (tree, _) = DeTable::parse_recoverable(&without);
        let first = first_place(tree.get_ref(), self.range.start, &name);
        if let Some(range) = first.filter(|range| range.end <= self.range.start) {
            self.label = Some((range, "first defined here"));
        }
    }
}

/// A key that nobody writes.
const RENAMED: &str = "\"\\u0000\"";

/// The name that a key as written means.
pub(super) fn key_name(written: &str) -> Option<String> {
    let line = format!("{written} = 0");
    let (tree, errors) = DeTable::parse_recoverable(&line);
    let key = tree.get_ref().keys().next().filter(|_| errors.is_empty())?;
    Some(key.get_ref().clone().into_owned())
}

/// The place of the key `name` in the table that has the renamed key at byte `at`.
fn first_place(root: &DeTable<'_>, at: usize, name: &str) -> Option<Range<usize>> {
    let mut tables = vec![root];
    let mut arrays = Vec::new();
    while let Some(table) = tables.pop() {
        if table.keys().any(|key| key.span().start == at && key.get_ref() == "\0") {
            return table.keys().find(|key| key.get_ref() == name).map(|key| key.span());
        }
        let mut values: Vec<&DeValue<'_>> = table.values().map(|value| value.get_ref()).collect();
        while let Some(value) = values.pop().or_else(|| arrays.pop()) {
            match value {
                DeValue::Table(table) => tables.push(table),
                DeValue::Array(items) => arrays.extend(items.iter().map(|item| item.get_ref())),
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_) => {}
            }
        }
    }
    None
}

/// `text` as a TOML string, for help.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
