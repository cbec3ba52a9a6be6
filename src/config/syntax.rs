//! The parser's errors as problems: worded for people, one a line, followers of one mistake left out.

use std::ops::Range;

use toml::de::{DeTable, DeValue, Error};

use super::diagnostic::{Diagnostics, Problem, code};
use super::nearest::nearest;
use super::nesting;
use super::source::{SourceId, boundary};
use super::table::shifted;
use super::value::shortened;

/// Duplicates whose first place is looked for; each costs another parse.
const TRACED_DUPLICATES: usize = 16;

/// Largest text in which the first place of more than one duplicate is looked for, in bytes.
const TRACED_BYTES: usize = 64 << 10;

/// Lines with a key and no value after which reading is taken up again.
const LONE_KEYS: usize = 64;

/// How far back the start of a text is looked for, in bytes: far enough for a line, near enough for a million.
const LOOKED_BACK: usize = 512;

/// Errors within one array that are looked at.
const SEARCHED: usize = 64;

/// Errors of one text that are looked at; further ones are counted.
const KEPT: usize = 10_000;

/// Where the text is not TOML.
pub(super) struct Syntax {
    errors: Vec<Found>,
    left_out: usize,
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
        let start = |error: &Error| error.span().map_or(text.len(), |span| span.start);
        let mut first: Vec<&Error> = errors.iter().collect();
        first.sort_by_key(|error| start(error));
        first.truncate(KEPT);
        let open = nesting::open_before(text, first.iter().map(|error| start(error)));
        let mut found: Vec<Found> = first.iter().zip(open).map(|(error, open)| Found::of(text, error, open)).collect();
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
        Syntax { left_out: errors.len() - found.len(), errors: found }
    }

    /// Whether an error lies in or next to this range, so that the value there is only a guess.
    pub(super) fn touches(&self, range: &Range<usize>) -> bool {
        let next = self.errors.partition_point(|error| error.range.start < range.start);
        let before = next.checked_sub(1).and_then(|index| self.errors.get(index));
        before.is_some_and(|error| error.range.end > range.start)
            || self.errors.get(next).is_some_and(|error| error.range.start <= range.end)
    }

    /// Whether the structure is broken somewhere in this range.
    pub(super) fn breaks(&self, range: &Range<usize>) -> bool {
        let next = self.errors.partition_point(|error| error.range.start < range.start);
        let within = self.errors[next..].iter().take_while(|error| error.range.start < range.end);
        within.take(SEARCHED).any(|error| error.damage)
    }

    /// Reports the errors that are not mere followers of others.
    pub(super) fn report(&self, id: SourceId, offset: isize, problems: &Diagnostics) {
        // From an unclosed bracket to where the parser gave up, everything else is a follower.
        let unclosed = self.errors.iter().filter(|error| error.label.is_some() && error.damage);
        let swallowed: Vec<(Range<usize>, usize)> = unclosed
            .filter_map(|error| error.label.as_ref().map(|(gave_up, _)| (error.range.clone(), gave_up.end)))
            .collect();
        problems.leave_out(self.left_out);
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
    fn of(text: &str, error: &Error, open: Option<usize>) -> Found {
        // Only a path that is too long comes without a place, and those are refused before parsing.
        let range = error.span().unwrap_or(text.len()..text.len());
        let start = boundary(text, range.start);
        let range = start..boundary(text, range.end).max(start);
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
        found.word(text, open);
        found
    }

    /// Says it better where the parser's words mislead.
    fn word(&mut self, text: &str, open: Option<usize>) {
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
        } else if self.message.starts_with("invalid ") && is_word(written) {
            // The parser goes by the first letter: `three` begins as `true` does, `none` as `nan`.
            self.damage = false;
            self.message = format!("`{}` is not a value", shortened(written));
            self.help = Some(match nearest(written, ["true", "false"]) {
                Some(meant) => format!("write `{meant}`"),
                None => format!("text stands in quotes: {}", quoted(&shortened(written))),
            });
        } else if self.message.starts_with("invalid float") || self.message.starts_with("invalid integer") {
            self.damage = false;
            self.help = Some("text, a version among it, stands in quotes: \"1.14.10\"".to_owned());
        } else if self.message.starts_with("unclosed array") || self.message.starts_with("unclosed inline table") {
            if let Some(open) = open {
                let bracket = &text[open..open + 1];
                self.message = format!("`{bracket}` is never closed");
                self.label = Some((self.range.clone(), "still open here"));
                self.range = open..open + 1;
            }
        } else if self.message.starts_with("invalid ") && self.message.contains("string, ") {
            self.word_string(text);
        } else if written.contains('\u{feff}') || text[self.range.start..].starts_with('\u{feff}') {
            self.message = "a byte order mark within the text".to_owned();
            self.help = Some("remove it; it may only be the first character of a file".to_owned());
        } else if self.message.starts_with("key with no value") {
            if text[self.range.start..].trim_start_matches([' ', '\t']).starts_with(':')
                || text[..self.range.start].trim_end().ends_with(':')
            {
                self.help = Some("TOML gives values with `=`, not `:`".to_owned());
            }
        } else if self.message.contains("carriage return") {
            if text[..self.range.start].ends_with('\r') {
                self.range = self.range.start - 1..self.range.start;
            }
            self.help = Some("end lines with LF or CRLF".to_owned());
        }
    }

    /// An error within quotes, or where a value was expected and text is what the parser thought of.
    fn word_string(&mut self, text: &str) {
        let (before, rest) = text.split_at(self.range.start);
        self.damage = self.message.starts_with("invalid multi-line");
        let stray = rest.chars().next().is_some_and(|c| c.is_control() && c != '\n' && c != '\r');
        let mark = self.message.split_once("string, expected ").map_or("", |(_, mark)| mark.trim_matches('`'));
        if stray {
            self.message = "a control character within text".to_owned();
            self.help = Some("write it as an escape, such as \"\\u001b\"".to_owned());
        } else if !matches!(mark, "\"" | "'") {
            // The parser says it well enough.
        } else if self.damage {
            self.message = format!("text is never closed: `{}` is missing", mark.repeat(3));
        } else if recent(before).contains(mark) {
            self.message = format!("text is never closed: `{mark}` is missing");
        } else {
            self.message = "a value is missing".to_owned();
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

/// The text with each line blanked that has a key and no value, because the parser stops reading there; their
/// errors remain in `errors`, all others are dropped, to be found again. `None` when there is no such line.
pub(super) fn without_lone_keys(text: &str, errors: &mut Vec<Error>) -> Option<String> {
    let valueless = errors.iter().filter(|error| error.message().starts_with("key with no value"));
    let mut places: Vec<usize> = valueless.filter_map(Error::span).map(|span| span.start).collect();
    places.sort_unstable();
    let open = nesting::open_before(text, places.iter().copied());
    let outside = places.into_iter().zip(open).filter(|(at, open)| open.is_none() && text.is_char_boundary(*at));
    let lone: Vec<usize> = outside.map(|(at, _)| at).take(LONE_KEYS).collect();
    if lone.is_empty() {
        return None;
    }
    errors.retain(|error| error.span().is_some_and(|span| lone.contains(&span.start)));
    let mut patched = String::with_capacity(text.len());
    for at in lone {
        let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1).max(patched.len());
        let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
        patched.push_str(&text[patched.len()..start]);
        patched.extend(std::iter::repeat_n(' ', end.saturating_sub(start)));
    }
    patched.push_str(&text[patched.len()..]);
    Some(patched)
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

/// The end of the text, back to the last line break or [`LOOKED_BACK`] bytes.
fn recent(text: &str) -> &str {
    let near = &text[boundary(text, text.len().saturating_sub(LOOKED_BACK))..];
    near.rsplit('\n').next().unwrap_or(near)
}

/// Whether this is neither a number nor anything in quotes.
fn is_word(written: &str) -> bool {
    written.starts_with(|c: char| c.is_alphabetic()) && !written.contains(['"', '\''])
}

/// `text` as a TOML string, for help.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
