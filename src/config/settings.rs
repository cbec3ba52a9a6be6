//! Settings declared once: the typed reader here, schema and manual in `manual.rs`, all from the same record.

use super::diagnostic::{Diagnostics, Place};
use super::item::Item;
use super::printed::printed_value;
use super::quantity;
use super::reader::Reader;
use super::source::Sources;
use super::table::parse;
use super::value::Table;
use crate::base::{IntOrPercent, Rate, Ratio, Span};
use crate::engine::Dist;

/// A named thing that can be configured: a strategy, a fault, a metric.
#[derive(Debug)]
pub struct Entry {
    /// The name that scenarios and the command line use.
    pub name: &'static str,
    /// What it does, in one line.
    pub about: &'static str,
    /// How it does it, in a few sentences.
    pub details: &'static str,
    /// Everything that can be set, in the order of the manual.
    pub settings: &'static [Setting],
    /// Where its behaviour is taken from: documentation, source files, issues.
    pub sources: &'static [&'static str],
}

/// One thing that can be set.
#[derive(Debug)]
pub struct Setting {
    /// The key in TOML.
    pub key: &'static str,
    /// What it sets, in one sentence.
    pub about: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// Its value when the scenario does not give it, as TOML text: `"\"10s\""`, `"3"`.
    pub default: &'static str,
    /// What a plain number counts, such as `nodes`; empty where the value carries its own unit.
    pub unit: &'static str,
    /// Where the default comes from.
    pub source: &'static str,
}

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A duration, `"90s"`, from `min` to `max`.
    Duration {
        /// Shortest.
        min: Span,
        /// Longest.
        max: Span,
    },
    /// A whole number from `min` to `max`.
    Count {
        /// Least.
        min: u64,
        /// Most.
        max: u64,
    },
    /// A count or a whole percentage, `"25%"`.
    IntOrPercent,
    /// True or false.
    Bool,
    /// Any text.
    Text,
    /// One of these names.
    Choice(&'static [&'static str]),
    /// A share, `"25%"` or 0.25.
    Ratio,
    /// Times a second.
    Rate,
    /// A distribution of durations.
    Dist,
}

/// A value of some kind.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Read {
    Duration(Span),
    Count(u64),
    IntOrPercent(IntOrPercent),
    Bool(bool),
    Text(String),
    Choice(&'static str),
    Ratio(Ratio),
    Rate(Rate),
    Dist(Dist),
}

impl Kind {
    fn read(self, item: &Item<'_>) -> Option<Read> {
        match self {
            Kind::Duration { min, max } => item.span_within(min..=max).map(Read::Duration),
            Kind::Count { min, max } => item.u64(min..=max).map(Read::Count),
            Kind::IntOrPercent => item.int_or_percent().map(Read::IntOrPercent),
            Kind::Bool => item.bool().map(Read::Bool),
            Kind::Text => item.string().map(|text| Read::Text(text.to_owned())),
            Kind::Choice(names) => {
                let offered: Vec<(&str, &'static str)> = names.iter().map(|&name| (name, name)).collect();
                item.choice(&offered).map(Read::Choice)
            }
            Kind::Ratio => item.ratio().map(Read::Ratio),
            Kind::Rate => item.rate().map(Read::Rate),
            Kind::Dist => item.dist().map(Read::Dist),
        }
    }

    /// What stands in for a default that is itself wrong, which the tests of a catalogue exclude.
    fn nothing(self) -> Read {
        match self {
            Kind::Duration { min, .. } => Read::Duration(min),
            Kind::Count { min, .. } => Read::Count(min),
            Kind::IntOrPercent => Read::IntOrPercent(IntOrPercent::Int(0)),
            Kind::Bool => Read::Bool(false),
            Kind::Text => Read::Text(String::new()),
            Kind::Choice(names) => Read::Choice(names.first().copied().unwrap_or_default()),
            Kind::Ratio => Read::Ratio(Ratio::ZERO),
            Kind::Rate => Read::Rate(Rate::ZERO),
            Kind::Dist => Read::Dist(Dist::Fixed(Span::ZERO)),
        }
    }

    /// The range in words: `a duration from 0s to 1h`.
    pub(super) fn described(self) -> String {
        match self {
            Kind::Duration { min, max } if max >= quantity::LONGEST => format!("a duration of at least {min}"),
            Kind::Duration { min, max } => format!("a duration from {min} to {max}"),
            Kind::Count { min, max } if max >= i64::MAX as u64 => format!("a whole number of at least {min}"),
            Kind::Count { min, max } => format!("a whole number from {min} to {max}"),
            Kind::IntOrPercent => "a count, or a whole percentage such as \"25%\"".to_owned(),
            Kind::Bool => "true or false".to_owned(),
            Kind::Text => "text".to_owned(),
            Kind::Choice(names) => {
                format!("one of {}", names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "))
            }
            Kind::Ratio => "a share: a percentage such as \"25%\", or a number in [0, 1]".to_owned(),
            Kind::Rate => "a rate in times a second, from 0 to 1000000000".to_owned(),
            Kind::Dist => "a duration, or a distribution such as { uniform = [\"1s\", \"2s\"] }".to_owned(),
        }
    }
}

/// The settings of one entry with their values, given or default.
#[derive(Clone, Debug)]
pub struct Values {
    entry: &'static Entry,
    fields: Vec<Field>,
}

/// The value of one setting.
#[derive(Clone, Debug)]
pub(super) struct Field {
    read: Read,
    /// As TOML.
    pub(super) text: String,
    /// Where it stands, if the scenario gives it.
    pub(super) given: Option<Place>,
}

/// Reads every setting of the entry from the table; absent and wrong ones get their default. The caller
/// finishes the reader, having read what else the table may hold.
pub fn read(entry: &'static Entry, reader: &mut Reader<'_>) -> Values {
    let field = |setting: &'static Setting| {
        let item = reader.optional(setting.key);
        match (setting.kind.read(&item), item.value()) {
            (Some(read), Some(value)) => Field { read, text: printed_value(value), given: Some(value.place) },
            (Some(_) | None, _) => setting.default_field(),
        }
    };
    Values { entry, fields: entry.settings.iter().map(field).collect() }
}

impl Setting {
    /// A table that holds the default alone, and what is wrong with it.
    pub(super) fn default_table(&self) -> (Table, Diagnostics) {
        let (mut sources, problems) = (Sources::new(), Diagnostics::new());
        let id = sources.add("default", &format!("{} = {}", self.key, self.default));
        (parse(&sources, id, &problems), problems)
    }

    fn default_field(&self) -> Field {
        let (table, problems) = self.default_table();
        let mut reader = Reader::new(&table, &problems);
        let read = self.kind.read(&reader.optional(self.key));
        reader.abandon();
        debug_assert!(read.is_some(), "the default of `{}` is wrong: {:?}", self.key, problems.sorted());
        Field { read: read.unwrap_or_else(|| self.kind.nothing()), text: self.default.to_owned(), given: None }
    }
}

impl Entry {
    /// The values when the scenario gives none.
    pub fn defaults(&'static self) -> Values {
        Values { entry: self, fields: self.settings.iter().map(Setting::default_field).collect() }
    }

    /// What is wrong with the record itself: a default of another kind than its own, a key or name of bad
    /// form, a key declared twice, a source or description that is missing. Empty for a sound record; every
    /// catalogue tests this.
    pub fn mistakes(&'static self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let snake = |key: &str| {
            !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        // A version's dot may stand in a name: `kops-1.15`.
        if !self.name.split('.').all(quantity::is_label) {
            mistakes.push(format!("`{}` is no name", self.name));
        }
        if self.about.is_empty() || self.sources.is_empty() {
            mistakes.push(format!("`{}` lacks a description or its sources", self.name));
        }
        for (index, setting) in self.settings.iter().enumerate() {
            let mut wrong = |what: &str| mistakes.push(format!("`{}.{}`: {what}", self.name, setting.key));
            if !snake(setting.key) {
                wrong("the key is not in snake case");
            }
            if self.settings[..index].iter().any(|other| other.key == setting.key) {
                wrong("declared twice");
            }
            if setting.about.is_empty() || setting.source.is_empty() {
                wrong("lacks a description or a source");
            }
            let (table, problems) = setting.default_table();
            let mut reader = Reader::new(&table, &problems);
            let _ = setting.kind.read(&reader.required(setting.key));
            reader.finish();
            for problem in problems.sorted() {
                wrong(&format!("its default: {}", problem.message));
            }
        }
        mistakes
    }
}

/// Declares a lookup of one kind. A key of no setting or of one of another kind is a mistake in the program.
macro_rules! lookups {
    ($($(#[$doc:meta])* $name:ident, $kind:ident, $out:ty, $fallback:expr, |$value:ident| $give:expr;)+) => {$(
        $(#[$doc])*
        ///
        /// # Panics
        /// In debug builds, if the entry declares no such setting of this kind.
        pub fn $name(&self, key: &str) -> $out {
            if let Some(Read::$kind($value)) = self.field(key).map(|field| &field.read) {
                return $give;
            }
            debug_assert!(false, "`{}` declares no `{key}` of this kind", self.entry.name);
            $fallback
        }
    )+};
}

impl Values {
    lookups! {
        /// A duration.
        span, Duration, Span, Span::ZERO, |value| *value;
        /// A whole number.
        count, Count, u64, 0, |value| *value;
        /// A count or a percentage.
        int_or_percent, IntOrPercent, IntOrPercent, IntOrPercent::Int(0), |value| *value;
        /// True or false.
        flag, Bool, bool, false, |value| *value;
        /// Text.
        text, Text, &str, "", |value| value;
        /// The chosen name.
        choice, Choice, &'static str, "", |value| value;
        /// A share.
        ratio, Ratio, Ratio, Ratio::ZERO, |value| *value;
        /// A rate.
        rate, Rate, Rate, Rate::ZERO, |value| *value;
        /// A distribution.
        dist, Dist, Dist, Dist::Fixed(Span::ZERO), |value| *value;
    }

    /// The entry whose settings these are.
    pub const fn entry(&self) -> &'static Entry {
        self.entry
    }

    /// Where the scenario gives this setting; `None` when the default holds.
    pub fn given(&self, key: &str) -> Option<Place> {
        self.field(key).and_then(|field| field.given)
    }

    /// The settings that the scenario gives, each with its value as TOML.
    pub fn changed(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.pairs()
            .filter(|(_, field)| field.given.is_some())
            .map(|(setting, field)| (setting.key, field.text.as_str()))
    }

    /// Each setting with its value.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'static Setting, &Field)> {
        self.entry.settings.iter().zip(&self.fields)
    }

    fn field(&self, key: &str) -> Option<&Field> {
        self.pairs().find(|(setting, _)| setting.key == key).map(|(_, field)| field)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::config::render;

    const fn setting(key: &'static str, kind: Kind, default: &'static str) -> Setting {
        Setting { key, about: "A thing that can be set.", kind, default, unit: "", source: "kubectl drain --help" }
    }

    pub(in super::super) static SOUND: Entry = Entry {
        name: "rolling",
        about: "Replaces one node after another.",
        details: "It drains a node, replaces it, and waits until its successor is ready before it goes on with \
                  the next one. Nothing runs twice at the same time.",
        settings: &[
            Setting {
                unit: "nodes",
                about: "How many nodes are replaced at once.",
                ..setting("batch", Kind::Count { min: 1, max: 100 }, "1")
            },
            setting("drain_timeout", Kind::Duration { min: Span::ZERO, max: Span::secs(86_400) }, "\"10m\""),
            setting("surge", Kind::IntOrPercent, "\"25%\""),
            setting("force", Kind::Bool, "false"),
            setting("note", Kind::Text, "\"\""),
            setting("order", Kind::Choice(&["oldest", "random"]), "\"oldest\""),
            setting("share", Kind::Ratio, "0.5"),
            setting("attempts", Kind::Rate, "2"),
            setting("boot", Kind::Dist, "{ uniform = [\"30s\", \"60s\"] }"),
        ],
        sources: &["kubernetes/kubectl pkg/drain/drain.go"],
    };

    static UNSOUND: Entry = Entry {
        name: "Un sound",
        about: "",
        details: "",
        settings: &[
            setting("wait", Kind::Duration { min: Span::secs(1), max: Span::secs(9) }, "\"10s\""),
            setting("wait", Kind::Bool, "true"),
            setting("Order", Kind::Choice(&["a"]), "\"b\""),
            setting("share", Kind::Ratio, "\"half"),
        ],
        sources: &[],
    };

    #[test]
    fn every_default_parses_as_its_own_kind() {
        assert_eq!(SOUND.mistakes(), Vec::<String>::new());
        let values = SOUND.defaults();
        assert_eq!(values.count("batch"), 1);
        assert_eq!(values.span("drain_timeout"), Span::mins(10));
        assert_eq!(values.int_or_percent("surge"), IntOrPercent::Percent(25));
        assert!(!values.flag("force"));
        assert_eq!(values.text("note"), "");
        assert_eq!(values.choice("order"), "oldest");
        assert_eq!(values.ratio("share"), Ratio::from_ppm(500_000));
        assert_eq!(values.rate("attempts"), Rate::per_sec(2));
        assert_eq!(values.dist("boot"), Dist::Uniform { low: Span::secs(30), high: Span::secs(60) });
    }

    #[test]
    fn a_record_with_mistakes_is_told_all_of_them() {
        let said = UNSOUND.mistakes().join("\n");
        for wanted in
            ["is no name", "lacks a description", "from 1s to 9s", "declared twice", "snake case", "cannot be \"b\""]
        {
            assert!(said.contains(wanted), "{wanted} in:\n{said}");
        }
        assert!(said.contains("`Un sound.share`: its default:"), "{said}");
    }

    #[test]
    fn wrong_values_are_reported_and_the_default_holds() {
        let (mut sources, problems) = (Sources::new(), Diagnostics::new());
        let id = sources.add("x", "batch = 0\norder = \"oldst\"\ndrain_timeout = \"90s\"\nsurg = 1\n");
        let table = parse(&sources, id, &problems);
        let mut reader = Reader::new(&table, &problems);
        let values = read(&SOUND, &mut reader);
        reader.finish();
        assert_eq!((values.count("batch"), values.choice("order")), (1, "oldest"));
        assert_eq!(values.span("drain_timeout"), Span::secs(90));
        assert!(values.given("drain_timeout").is_some() && values.given("batch").is_none());
        let said = render(&sources, &problems);
        assert!(
            said.contains("x:1:9: error[E0202]: `batch` must be a whole number from 1 to 100, found the integer 0"),
            "{said}"
        );
        assert!(said.contains("x:2:9: error[E0205]: `order` cannot be \"oldst\""), "{said}");
        assert!(said.contains("x:4:1: error[E0204]: unknown key `surg`"), "{said}");
        assert!(said.contains("did you mean `surge`?"), "{said}");
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "declares no `bach`")]
    fn asking_for_an_undeclared_key_is_a_mistake_in_the_program() {
        SOUND.defaults().count("bach");
    }
}
