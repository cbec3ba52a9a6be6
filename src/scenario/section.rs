//! A table of a scenario as one record: its settings, those among them that a word can switch off, and presets.

use crate::config::{Diagnostics, Entry, Item, Place, Problem, Reader, Table, Values, code, nearest, resolved};

/// A table of a scenario.
#[derive(Debug)]
pub(super) struct Section {
    /// Settings that always have a value.
    pub(super) entry: &'static Entry,
    /// Settings that can have none.
    pub(super) optionals: &'static [&'static Optional],
}

/// A setting that can have no value, said by a word: `restart = "never"`.
#[derive(Debug)]
pub(super) struct Optional {
    /// A record of this one setting.
    pub(super) entry: Entry,
    /// The word.
    pub(super) word: &'static str,
    /// Whether the word holds when the key is absent.
    pub(super) absent: bool,
}

impl Optional {
    /// The key.
    pub(super) fn key(&self) -> &'static str {
        self.entry.settings.first().map_or("", |setting| setting.key)
    }

    fn source(&self) -> &'static str {
        self.entry.settings.first().map_or("", |setting| setting.source)
    }

    /// The value; `None` when the word holds.
    pub(super) fn read(&'static self, reader: &mut Reader<'_>) -> OptionalField {
        let item = reader.optional(self.key());
        if !item.is_given() && self.absent {
            return OptionalField { optional: self, values: None, given: None };
        }
        if item.is_string() && item.string() == Some(self.word) {
            return OptionalField { optional: self, values: None, given: Some(item.place()) };
        }
        let given = item.is_given().then(|| item.place());
        OptionalField { optional: self, values: Some(crate::config::read(&self.entry, reader)), given }
    }
}

/// The value of a setting that can have none.
#[derive(Clone, Debug)]
pub(super) struct OptionalField {
    optional: &'static Optional,
    /// `None`: the word holds.
    pub(super) values: Option<Values>,
    given: Option<Place>,
}

impl OptionalField {
    /// As a line of TOML.
    pub(super) fn line(&self) -> String {
        match (&self.values, self.given) {
            (Some(values), _) => resolved(values).concat(),
            (None, Some(_)) => format!("{} = \"{}\"", self.optional.key(), self.optional.word),
            (None, None) => {
                format!("{} = \"{}\"  # default: {}", self.optional.key(), self.optional.word, self.optional.source())
            }
        }
    }
}

/// The values of a table's settings.
#[derive(Clone, Debug)]
pub(super) struct Fields {
    /// Those that always have one.
    pub(super) values: Values,
    optionals: Vec<OptionalField>,
}

impl Fields {
    /// Reads every setting; the caller finishes the reader.
    pub(super) fn read(section: &'static Section, reader: &mut Reader<'_>) -> Fields {
        let values = crate::config::read(section.entry, reader);
        let optionals = section.optionals.iter().map(|optional| optional.read(reader)).collect();
        Fields { values, optionals }
    }

    /// The table within an item; all defaults when it is absent or no table.
    pub(super) fn within(section: &'static Section, item: &Item<'_>) -> Fields {
        item.table().map_or_else(|| Fields::defaults(section), |reader| Fields::whole(section, reader))
    }

    /// A table that has nothing else in it.
    pub(super) fn whole(section: &'static Section, mut reader: Reader<'_>) -> Fields {
        let fields = Fields::read(section, &mut reader);
        reader.finish();
        fields
    }

    /// All defaults.
    pub(super) fn defaults(section: &'static Section) -> Fields {
        let (table, problems) = (Table::empty(Place::Nowhere), Diagnostics::new());
        let mut reader = Reader::new(&table, &problems);
        let fields = Fields::read(section, &mut reader);
        reader.finish();
        fields
    }

    /// The setting that can have none; `None` when it has none.
    pub(super) fn optional(&self, key: &str) -> Option<&Values> {
        let field = self.optionals.iter().find(|field| field.optional.key() == key);
        debug_assert!(field.is_some(), "`{}` declares no optional `{key}`", self.values.entry().name);
        field.and_then(|field| field.values.as_ref())
    }

    /// Where the scenario gives this key.
    pub(super) fn given(&self, key: &str) -> Option<Place> {
        let optional = self.optionals.iter().find(|field| field.optional.key() == key);
        optional.map_or_else(|| self.values.given(key), |field| field.given)
    }

    /// Each setting as a line of TOML, defaults with their source.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = resolved(&self.values);
        lines.extend(self.optionals.iter().map(OptionalField::line));
        lines
    }
}

/// Tables of the same keys with different defaults, one of which is chosen by name.
#[derive(Debug)]
pub(super) struct Presets {
    /// What they are presets of, for the manual.
    pub(super) about: &'static str,
    /// The presets; the first holds unless another is named.
    pub(super) all: &'static [&'static Section],
    /// Why the first holds.
    pub(super) source: &'static str,
}

/// A preset's values, some of them perhaps changed.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    /// The preset's name.
    pub(super) preset: &'static str,
    /// The values.
    pub(super) fields: Fields,
    named: bool,
    source: &'static str,
}

impl Presets {
    /// Reads a preset's name, or a table with `preset` and the keys that differ from it.
    pub(super) fn read(&'static self, item: &Item<'_>) -> Chosen {
        if item.is_string() {
            let section = self.named(item);
            return self.chosen(section.unwrap_or(self.all[0]), None, section.is_some());
        }
        let Some(mut reader) = item.table() else { return self.chosen(self.all[0], None, false) };
        let preset = reader.optional("preset");
        let (section, named) = match preset.is_given() {
            true => (self.named(&preset).unwrap_or(self.all[0]), true),
            false => (self.all[0], false),
        };
        let fields = Fields::read(section, &mut reader);
        reader.finish();
        self.chosen(section, Some(fields), named)
    }

    fn chosen(&self, section: &'static Section, fields: Option<Fields>, named: bool) -> Chosen {
        let fields = fields.unwrap_or_else(|| Fields::defaults(section));
        Chosen { preset: section.entry.name, fields, named, source: self.source }
    }

    fn named(&self, item: &Item<'_>) -> Option<&'static Section> {
        let names: Vec<(&str, &'static Section)> =
            self.all.iter().map(|section| (section.entry.name, *section)).collect();
        item.choice(&names)
    }
}

impl Chosen {
    /// The lines of its table.
    pub(super) fn lines(&self) -> Vec<String> {
        let comment = if self.named { String::new() } else { format!("  # default: {}", self.source) };
        let mut lines = vec![format!("preset = \"{}\"{comment}", self.preset)];
        lines.extend(self.fields.lines());
        lines
    }
}

/// A reference by name to one of `known`; what is wrong is reported with the nearest name.
pub(super) fn reference<'n>(
    problems: &Diagnostics,
    item: &Item<'_>,
    name: &str,
    what: &str,
    known: impl Iterator<Item = &'n str> + Clone,
) -> Option<usize> {
    let found = known.clone().position(|candidate| candidate == name);
    if found.is_none() {
        let message = format!("`{}`: there is no {what} `{name}`", item.path());
        let help = match nearest(name, known.clone()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => match known.take(6).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ") {
                none if none.is_empty() => format!("the scenario has no {what}"),
                names => format!("there are {names}"),
            },
        };
        problems.report(Problem::error(code::UNKNOWN_CHOICE, message, item.place()).help(help));
    }
    found
}
