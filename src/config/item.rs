//! One value read as a type: what is wrong with it is reported, and a usable answer comes back.

use std::fmt::Display;
use std::ops::RangeInclusive;

use super::diagnostic::{Diagnostics, Place, Problem, code};
use super::nearest::nearest;
use super::quantity;
use super::reader::{Reader, listed};
use super::value::{Key, Value, ValueKind};
use crate::base::{IntOrPercent, Rate, Ratio, Span, Version};
use crate::engine::Dist;

/// The value of a key, if there is one. Every getter gives `None` both when the key is absent and when its
/// value is wrong; the latter has then been reported, so a default may simply take its place.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    value: Option<&'a Value>,
    parent: Place,
    path: String,
    problems: &'a Diagnostics,
}

/// The forms of a distribution, as keys of its table.
const DIST_FORMS: [&str; 4] = ["fixed", "uniform", "exponential", "lognormal"];

impl<'a> Item<'a> {
    pub(super) const fn new(
        value: Option<&'a Value>,
        parent: Place,
        path: String,
        problems: &'a Diagnostics,
    ) -> Item<'a> {
        Item { value, parent, path, problems }
    }

    /// Whether the key is there, whatever its value.
    pub const fn is_given(&self) -> bool {
        self.value.is_some()
    }

    /// The raw value.
    pub const fn value(&self) -> Option<&'a Value> {
        self.value
    }

    /// Where the value stands, or its table if there is none.
    pub fn place(&self) -> Place {
        self.value.map_or(self.parent, |value| value.place)
    }

    /// The dotted path from the root, as messages name it.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether the value is a table, for keys that take a table or something simpler.
    pub fn is_table(&self) -> bool {
        self.value.is_some_and(|value| matches!(value.kind, ValueKind::Table(_)))
    }

    /// Whether the value is text, for keys that take text or something else.
    pub fn is_string(&self) -> bool {
        self.value.is_some_and(|value| matches!(value.kind, ValueKind::String(_)))
    }

    /// Reports an error at the value.
    pub fn error(&self, code: &'static str, message: impl Into<String>) {
        self.problems.report(Problem::error(code, message, self.place()));
    }

    /// Text.
    pub fn string(&self) -> Option<&'a str> {
        let ValueKind::String(text) = &self.value?.kind else { return self.wrong("text in quotes") };
        Some(text)
    }

    /// True or false.
    pub fn bool(&self) -> Option<bool> {
        let ValueKind::Bool(flag) = self.value?.kind else { return self.wrong("`true` or `false`") };
        Some(flag)
    }

    /// A whole number within the range.
    pub fn u32(&self, range: RangeInclusive<u32>) -> Option<u32> {
        self.u64(u64::from(*range.start())..=u64::from(*range.end())).and_then(|number| u32::try_from(number).ok())
    }

    /// A whole number within the range. No more than 2^63 - 1 can be written in TOML.
    pub fn u64(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let wanted = || match *range.end() {
            0..=0x7fff_ffff_ffff_fffe => format!("a whole number from {} to {}", range.start(), range.end()),
            _ => format!("a whole number of at least {}", range.start()),
        };
        let ValueKind::Integer(number) = self.value?.kind else { return self.wrong(&wanted()) };
        match u64::try_from(number) {
            Ok(number) if range.contains(&number) => Some(number),
            Ok(_) | Err(_) => self.wrong_value(&wanted()),
        }
    }

    /// A duration of at most 100 years, such as `"1h30m"`.
    pub fn span(&self) -> Option<Span> {
        let kind = &self.value?.kind;
        if let ValueKind::Integer(number @ 0..) = kind {
            let message = format!("`{}` has no unit", self.path);
            return self.report(Problem::error(code::TYPE, message, self.place()), format!("write \"{number}s\""));
        }
        let ValueKind::String(text) = kind else { return self.wrong("a duration such as \"90s\"") };
        self.checked(quantity::span(text))
    }

    /// A duration within the range.
    pub fn span_within(&self, range: RangeInclusive<Span>) -> Option<Span> {
        let span = self.span()?;
        if range.contains(&span) {
            return Some(span);
        }
        let wanted = match *range.end() {
            end if end >= quantity::LONGEST => format!("a duration of at least {}", range.start()),
            end => format!("a duration from {} to {end}", range.start()),
        };
        self.wrong_value(&wanted)
    }

    /// A share: a percentage such as `"25%"`, or a number in [0, 1].
    pub fn ratio(&self) -> Option<Ratio> {
        let kind = &self.value?.kind;
        if let ValueKind::String(text) = kind {
            return self.checked(quantity::percentage(text));
        }
        let Some(number) = number_of(kind) else {
            return self.wrong("a share: a number in [0, 1] or a percentage such as \"25%\"");
        };
        self.checked(quantity::fraction(number))
    }

    /// A count, or a whole percentage such as `"25%"`, as `maxUnavailable` is in Kubernetes.
    pub fn int_or_percent(&self) -> Option<IntOrPercent> {
        let wanted = "a count or a whole percentage such as \"25%\"";
        let kind = &self.value?.kind;
        if let ValueKind::String(text) = kind {
            return self.checked(quantity::whole_percentage(text));
        }
        let ValueKind::Integer(number) = kind else { return self.wrong(wanted) };
        // Kubernetes keeps it in 32 bits with a sign.
        match i32::try_from(*number).map(u32::try_from) {
            Ok(Ok(count)) => Some(IntOrPercent::Int(count)),
            Ok(Err(_)) | Err(_) => self.wrong_value(wanted),
        }
    }

    /// A rate a second, from 0 to a billion, to the millionth.
    pub fn rate(&self) -> Option<Rate> {
        let Some(number) = number_of(&self.value?.kind) else { return self.wrong("a number of times a second") };
        self.checked(quantity::rate(number))
    }

    /// A version of three numbers, such as `"1.14.10"`.
    pub fn version(&self) -> Option<Version> {
        let ValueKind::String(text) = &self.value?.kind else {
            return self.wrong("a version in quotes, such as \"1.14.10\"");
        };
        self.checked(text.parse::<Version>())
    }

    /// An RFC 1123 label, as names in Kubernetes are.
    pub fn name(&self) -> Option<&'a str> {
        let text = self.string()?;
        if quantity::is_label(text) {
            return Some(text);
        }
        self.report(
            Problem::error(code::VALUE, format!("`{}` is not a name: \"{text}\"", self.path), self.place()),
            "a name has at most 63 lower-case letters, digits and `-`, and begins and ends with a letter or digit",
        )
    }

    /// One of the names offered, as the value it stands for.
    pub fn choice<T: Clone>(&self, offered: &[(&str, T)]) -> Option<T> {
        let names: Vec<&str> = offered.iter().map(|(name, _)| *name).collect();
        let ValueKind::String(text) = &self.value?.kind else {
            return self.wrong(&format!("one of {}", listed(&names)));
        };
        if let Some((_, chosen)) = offered.iter().find(|(name, _)| name == text) {
            return Some(chosen.clone());
        }
        let message = format!("`{}` cannot be \"{}\"", self.path, super::value::shortened(text));
        let help = match nearest(text, names.iter().copied()) {
            Some(meant) => format!("did you mean \"{meant}\"? Offered: {}", listed(&names)),
            None => format!("write one of {}", listed(&names)),
        };
        self.report(Problem::error(code::UNKNOWN_CHOICE, message, self.place()), help)
    }

    /// A distribution of durations: `"40s"`, or a table with one of `fixed = "40s"`,
    /// `uniform = ["1s", "2s"]`, `exponential = { mean = "2s", base = "1s" }` (base is `"0s"` unless given) and
    /// `lognormal = { median = "30s", p99 = "60s" }`.
    pub fn dist(&self) -> Option<Dist> {
        let kind = &self.value?.kind;
        if matches!(kind, ValueKind::String(_) | ValueKind::Integer(_)) {
            return self.span().map(Dist::Fixed);
        }
        let ValueKind::Table(table) = kind else {
            return self.wrong("a duration such as \"40s\" or a distribution such as { uniform = [\"1s\", \"2s\"] }");
        };
        let mut reader = Reader::within(table, self.path.clone(), self.problems);
        let form = reader.one_of(&DIST_FORMS);
        reader.finish();
        let (form, item) = form?;
        match form {
            "uniform" => item.uniform(),
            "exponential" => item.exponential(),
            "lognormal" => item.lognormal(),
            _ => item.span().map(Dist::Fixed),
        }
    }

    fn uniform(&self) -> Option<Dist> {
        let wanted = "an array of two durations, the lower one first";
        if !self.value.is_some_and(|value| matches!(value.kind, ValueKind::Array(_))) {
            return self.wrong(wanted);
        }
        let ends = self.items();
        let [low, high] = ends.as_slice() else {
            return self.unfit(&format!("wanted is {wanted}, found are {}", ends.len()));
        };
        let (low, high) = (low.span(), high.span());
        let (low, high) = (low?, high?);
        if low > high {
            return self.unfit("the first duration exceeds the second");
        }
        Some(Dist::Uniform { low, high })
    }

    fn exponential(&self) -> Option<Dist> {
        let mut reader = self.table()?;
        let mean = reader.required("mean").span();
        let base = reader.optional("base");
        let base = if base.is_given() { base.span() } else { Some(Span::ZERO) };
        reader.finish();
        Some(Dist::Exponential { base: base?, mean: mean? })
    }

    fn lognormal(&self) -> Option<Dist> {
        let mut reader = self.table()?;
        // Its logarithm must exist.
        let median = reader.required("median").span_within(Span::nanos(1)..=quantity::LONGEST);
        let p99 = reader.required("p99").span();
        reader.finish();
        let (median, p99) = (median?, p99?);
        if p99 < median {
            return self.unfit("`p99` is below `median`");
        }
        Some(Dist::LogNormal { median, p99 })
    }

    /// The elements of an array; none when it is absent or no array.
    pub fn items(&self) -> Vec<Item<'a>> {
        let Some(value) = self.value else { return Vec::new() };
        let ValueKind::Array(values) = &value.kind else {
            let _: Option<()> = self.wrong("an array");
            return Vec::new();
        };
        let item =
            |(index, element)| Item::new(Some(element), value.place, format!("{}[{index}]", self.path), self.problems);
        values.iter().enumerate().map(item).collect()
    }

    /// A reader of the table.
    pub fn table(&self) -> Option<Reader<'a>> {
        let ValueKind::Table(table) = &self.value?.kind else { return self.wrong("a table") };
        Some(Reader::within(table, self.path.clone(), self.problems))
    }

    /// A reader of the table that stands where a word could, which the caller has looked for: `pdb = "none"`.
    pub fn table_or(&self, word: &str) -> Option<Reader<'a>> {
        match &self.value?.kind {
            ValueKind::Table(_) => self.table(),
            _ => self.wrong(&format!("a table or \"{word}\"")),
        }
    }

    /// Readers of an array of tables, such as `[[node_pool]]`; none when it is absent.
    pub fn tables(&self) -> Vec<Reader<'a>> {
        self.items().iter().filter_map(Item::table).collect()
    }

    /// The entries of a table whose keys are names of the user's choosing, such as `[app.NAME]`; none when it
    /// is absent.
    pub fn entries(&self) -> Vec<(&'a Key, Item<'a>)> {
        self.table().map_or_else(Vec::new, |mut reader| reader.entries())
    }

    /// Reports that the value has the wrong type; says nothing of a value that was never understood.
    fn wrong<T>(&self, wanted: &str) -> Option<T> {
        self.mismatch(code::TYPE, wanted)
    }

    fn wrong_value<T>(&self, wanted: &str) -> Option<T> {
        self.mismatch(code::VALUE, wanted)
    }

    fn mismatch<T>(&self, code: &'static str, wanted: &str) -> Option<T> {
        let value = self.value.filter(|value| value.kind != ValueKind::Invalid)?;
        self.error(code, format!("`{}` must be {wanted}, found {}", self.path, value.described()));
        None
    }

    fn unfit<T>(&self, what: &str) -> Option<T> {
        self.error(code::VALUE, format!("`{}`: {what}", self.path));
        None
    }

    fn checked<T>(&self, result: Result<T, impl Display>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(reason) => {
                self.error(code::VALUE, format!("`{}`: {reason}", self.path));
                None
            }
        }
    }

    fn report<T>(&self, problem: Problem, help: impl Into<String>) -> Option<T> {
        self.problems.report(problem.help(help));
        None
    }
}

/// A number as a float. Integers are exact below 2^53, which is above every limit they are held to.
fn number_of(kind: &ValueKind) -> Option<f64> {
    if let ValueKind::Integer(number) = kind {
        return Some(*number as f64);
    }
    let ValueKind::Float(number) = kind else { return None };
    Some(*number)
}
