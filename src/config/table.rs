//! Text to a tree of values with places, all syntax errors in one pass.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Diagnostics, Place, Problem, code};
use super::nesting;
use super::source::{SourceId, Sources, TextSpan};
use super::syntax::Syntax;
use super::value::{Key, Table, Value, ValueKind, shortened};

/// Most values, tables and arrays in one text. A scenario has some hundreds.
pub const MAX_VALUES: usize = 100_000;

/// Parses a whole source. What is wrong is reported; what could be read is returned all the same.
pub fn parse(sources: &Sources, id: SourceId, problems: &Diagnostics) -> Table {
    let text = sources.text(id);
    let empty = Table::empty(Place::At(id, TextSpan::default()));
    if report_depth(text, id, 0, problems) {
        return empty;
    }
    let (parsed, errors) = DeTable::parse_recoverable(text);
    let syntax = Syntax::of(text, &errors);
    syntax.report(id, 0, problems);
    let mut convert = Convert { id, offset: 0, text, syntax, problems, left: MAX_VALUES };
    let mut table = convert.table(parsed.into_inner(), empty.place, 1);
    table.place = empty.place;
    table
}

/// Parses the value that stands in a source from byte `offset` to its end. `None` when it is no value; what
/// is wrong is reported.
pub(super) fn parse_value(sources: &Sources, id: SourceId, offset: usize, problems: &Diagnostics) -> Option<Value> {
    let text = sources.text(id).get(offset..)?;
    // As the value of a key, so that it is read by the rules of a file.
    let prefix = "v=";
    let line = format!("{prefix}{text}");
    let shift = offset as isize - prefix.len() as isize;
    if report_depth(&line, id, shift, problems) {
        return None;
    }
    let (parsed, errors) = DeTable::parse_recoverable(&line);
    let syntax = Syntax::of(&line, &errors);
    if !errors.is_empty() {
        syntax.report(id, shift, problems);
        return None;
    }
    let mut convert = Convert { id, offset: shift, text: &line, syntax, problems, left: MAX_VALUES };
    let mut table = convert.table(parsed.into_inner(), Place::Nowhere, 1);
    let (_, value) = table.entries.pop()?;
    if !table.entries.is_empty() {
        let help = "give each override an argument of its own";
        problems.report(Problem::error(code::OVERRIDE, "more than one value", value.place).help(help));
        return None;
    }
    Some(value).filter(|value| value.kind != ValueKind::Invalid)
}

fn report_depth(text: &str, id: SourceId, offset: isize, problems: &Diagnostics) -> bool {
    let Some(at) = nesting::too_deep(text) else { return false };
    let place = shifted(id, offset, at..at + 1);
    let message = format!("nested deeper than {} levels", nesting::MAX_DEPTH);
    problems.note_damage(id, 0);
    problems.report(Problem::error(code::TOO_MUCH, message, place));
    true
}

/// The place of `range` in a text that begins `offset` bytes into its source.
pub(super) fn shifted(id: SourceId, offset: isize, range: std::ops::Range<usize>) -> Place {
    let shift = |at: usize| at.saturating_add_signed(offset);
    Place::At(id, TextSpan::new(shift(range.start), shift(range.end)))
}

/// Turns the parser's tree into ours.
struct Convert<'a> {
    id: SourceId,
    offset: isize,
    text: &'a str,
    syntax: Syntax,
    problems: &'a Diagnostics,
    left: usize,
}

impl Convert<'_> {
    fn place(&self, range: std::ops::Range<usize>) -> Place {
        shifted(self.id, self.offset, range)
    }

    fn refuse(&self, code: &'static str, message: String, place: Place) -> ValueKind {
        self.problems.report(Problem::error(code, message, place));
        ValueKind::Invalid
    }

    fn table(&mut self, parsed: DeTable<'_>, place: Place, depth: usize) -> Table {
        let mut pairs: Vec<_> = parsed.into_iter().collect();
        // The parser sorts by name; people read in the order of the text.
        pairs.sort_by_key(|(key, _)| key.span().start);
        let mut table = Table::empty(place);
        for (key, value) in pairs {
            let key_place = self.place(key.span());
            let mut value = self.value(value, depth);
            if matches!(value.place, Place::At(_, TextSpan { start: 0, end: 0 })) {
                value.place = key_place;
                value.kind = ValueKind::Invalid;
            }
            table.entries.push((Key { name: key.into_inner().into_owned(), place: key_place }, value));
        }
        table
    }

    fn value(&mut self, parsed: Spanned<DeValue<'_>>, depth: usize) -> Value {
        let range = parsed.span();
        let place = self.place(range.clone());
        if self.left == 0 {
            return Value { kind: ValueKind::Invalid, place };
        }
        self.left -= 1;
        let kind = if self.left == 0 {
            self.problems.note_damage(self.id, 0);
            self.refuse(code::TOO_MUCH, format!("more than {MAX_VALUES} values"), place)
        } else if depth > 2 * nesting::MAX_DEPTH {
            // Kept from overflowing the stack even where recovery from an error nests otherwise than counted.
            self.problems.note_damage(self.id, 0);
            self.refuse(code::TOO_MUCH, format!("nested deeper than {} levels", nesting::MAX_DEPTH), place)
        } else {
            match parsed.into_inner() {
                DeValue::Array(items) => {
                    ValueKind::Array(items.into_iter().map(|item| self.value(item, depth + 1)).collect())
                }
                DeValue::Table(table) => ValueKind::Table(self.table(table, place, depth + 1)),
                scalar if self.syntax.touches(&range) => {
                    drop(scalar);
                    ValueKind::Invalid
                }
                DeValue::String(text) => ValueKind::String(text.into_owned()),
                DeValue::Boolean(flag) => ValueKind::Bool(flag),
                DeValue::Integer(digits) => self.integer(digits.as_str(), digits.radix(), place),
                DeValue::Float(digits) => self.float(digits.as_str(), place),
                DeValue::Datetime(date) => self.datetime(&date, &range, place),
            }
        };
        Value { kind, place }
    }

    fn integer(&self, digits: &str, radix: u32, place: Place) -> ValueKind {
        match i64::from_str_radix(digits, radix) {
            Ok(number) => ValueKind::Integer(number),
            Err(_) => {
                let message = format!("`{}` does not fit: integers have 64 bits", shortened(digits));
                self.refuse(code::NUMBER, message, place)
            }
        }
    }

    fn float(&self, digits: &str, place: Place) -> ValueKind {
        match digits.parse::<f64>() {
            Ok(number) if number.is_finite() => ValueKind::Float(if number == 0.0 { 0.0 } else { number }),
            Ok(_) | Err(_) => {
                let message = match digits.bytes().any(|b| b.is_ascii_digit()) {
                    true => format!("`{}` is too large for a number", shortened(digits)),
                    false => format!("`{}` is not accepted: numbers must be finite", shortened(digits)),
                };
                self.refuse(code::NUMBER, message, place)
            }
        }
    }

    fn datetime(&self, date: &toml::value::Datetime, range: &std::ops::Range<usize>, place: Place) -> ValueKind {
        let written = self.text.get(range.clone()).unwrap_or_default();
        if date.time.is_some_and(|time| time.second.is_some_and(|second| second > 59)) {
            let message = format!("`{}` is a leap second, which is not accepted", shortened(written));
            return self.refuse(code::NUMBER, message, place);
        }
        ValueKind::Datetime(date.to_string())
    }
}
