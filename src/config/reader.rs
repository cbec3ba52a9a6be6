//! Reading a table key by key: every problem is reported, none stops the reading.

use super::diagnostic::{Diagnostics, Place, Problem, code};
use super::item::Item;
use super::nearest::nearest;
use super::printed::printed_key;
use super::value::{Key, Table};

/// Unknown keys of one table that are compared with the known ones.
const SUGGESTED: usize = 50;

/// Reads one table. Ask for every key it may have, then call [`Reader::finish`], which reports the keys that
/// nobody asked for.
///
/// ```
/// use rollproof::config::{Diagnostics, Reader, Sources, parse, render};
///
/// let (mut sources, problems) = (Sources::new(), Diagnostics::new());
/// let id = sources.add("plan.toml", "[app.web]\nreplicas = 0\ngrase = \"30s\"\n");
/// let root = parse(&sources, id, &problems);
///
/// let mut plan = Reader::new(&root, &problems);
/// for (_name, app) in plan.required("app").entries() {
///     if let Some(mut app) = app.table() {
///         let _replicas = app.required("replicas").u32(1..=100_000).unwrap_or(1);
///         let _grace = app.optional("grace").span();
///         app.finish();
///     }
/// }
/// plan.finish();
/// assert_eq!(
///     render(&sources, &problems),
///     "plan.toml:2:12: error[E0202]: `app.web.replicas` must be a whole number from 1 to 100000, found the integer 0
///     2 | replicas = 0
///       |            ^
///
/// plan.toml:3:1: error[E0204]: unknown key `grase` in `app.web`
///     3 | grase = \"30s\"
///       | ^^^^^
///   help: did you mean `grace`?
/// "
/// );
/// ```
#[must_use = "ask it for every key, then call `finish`"]
pub struct Reader<'a> {
    table: &'a Table,
    path: String,
    known: Vec<&'static str>,
    problems: &'a Diagnostics,
    finished: bool,
}

impl<'a> Reader<'a> {
    /// A reader of the outermost table.
    pub const fn new(root: &'a Table, problems: &'a Diagnostics) -> Reader<'a> {
        Reader::within(root, String::new(), problems)
    }

    pub(super) const fn within(table: &'a Table, path: String, problems: &'a Diagnostics) -> Reader<'a> {
        Reader { table, path, known: Vec::new(), problems, finished: false }
    }

    /// The value of a key that must be there. If it is not, that is reported here, and every getter of the
    /// item gives `None`.
    pub fn required(&mut self, key: &'static str) -> Item<'a> {
        let item = self.optional(key);
        // Where keys may have been lost, a missing one proves nothing.
        if !item.is_given() && !self.problems.is_damaged() {
            let message = format!("`{}` is missing", item.path());
            self.problems.report(Problem::error(code::MISSING, message, self.table.place));
        }
        item
    }

    /// The value of a key that may be there. If it is not, every getter of the item gives `None`.
    pub fn optional(&mut self, key: &'static str) -> Item<'a> {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
        Item::new(self.table.get(key), self.table.place, self.path_of(key), self.problems)
    }

    /// The one of these keys that is there, with its value. None or several are reported.
    pub fn one_of(&mut self, keys: &[&'static str]) -> Option<(&'static str, Item<'a>)> {
        let mut given = Vec::new();
        for &key in keys {
            let item = self.optional(key);
            if item.is_given() {
                given.push((key, item));
            }
        }
        let offered = listed(keys);
        match given.as_slice() {
            [] => {
                // A key that is misspelt is reported by `finish`, with the one that was meant.
                if !self.problems.is_damaged() && self.table.entries.is_empty() {
                    self.error(code::MISSING, format!("{} needs one of {offered}", self.described()));
                }
                None
            }
            [_] => given.pop(),
            [(first, item), (second, other), ..] => {
                let message = format!("`{first}` and `{second}` exclude each other in {}", self.described());
                let problem = Problem::error(code::VALUE, message, other.place());
                self.problems
                    .report(problem.label(item.place(), "the other one").help(format!("keep one of {offered}")));
                given.truncate(1);
                given.pop()
            }
        }
    }

    /// All entries, for a table whose keys are names of the user's choosing. All of them count as read.
    pub fn entries(&mut self) -> Vec<(&'a Key, Item<'a>)> {
        self.finished = true;
        let item = |(key, value): &'a (Key, super::Value)| {
            (key, Item::new(Some(value), self.table.place, self.path_of(&key.name), self.problems))
        };
        self.table.entries.iter().map(item).collect()
    }

    /// Where the table stands.
    pub const fn place(&self) -> Place {
        self.table.place
    }

    /// Where the key stands, or the table if it has no such key.
    pub fn place_of(&self, key: &str) -> Place {
        self.table.entry(key).map_or(self.table.place, |(key, _)| key.place)
    }

    /// The dotted path from the root; empty for the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The sink that all readers of this input share.
    pub const fn problems(&self) -> &'a Diagnostics {
        self.problems
    }

    /// Reports an error at the table.
    pub fn error(&self, code: &'static str, message: impl Into<String>) {
        self.problems.report(Problem::error(code, message, self.table.place));
    }

    /// Reports every key that nobody asked for, with the known key that was probably meant, or all of them.
    pub fn finish(mut self) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let mut suggested = 0;
        for (key, _) in &self.table.entries {
            if self.known.contains(&key.name.as_str()) || self.problems.is_after_damage(key.place) {
                continue;
            }
            let message = match self.path.is_empty() {
                true => format!("unknown key `{}`", key.name),
                false => format!("unknown key `{}` in `{}`", key.name, self.path),
            };
            let mut problem = Problem::error(code::UNKNOWN_KEY, message, key.place);
            suggested += 1;
            if suggested <= SUGGESTED {
                problem = problem.help(self.suggestion(&key.name));
            }
            self.problems.report(problem);
        }
    }

    /// Leaves the remaining keys unread on purpose, when an earlier problem took away their meaning.
    pub fn abandon(mut self) {
        self.finished = true;
    }

    fn suggestion(&self, name: &str) -> String {
        match nearest(name, self.known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if self.known.is_empty() => "no key is known here".to_owned(),
            None => format!("known keys: {}", self.known.join(", ")),
        }
    }

    fn described(&self) -> String {
        if self.path.is_empty() { "the file".to_owned() } else { format!("`{}`", self.path) }
    }

    fn path_of(&self, key: &str) -> String {
        let key = printed_key(key);
        if self.path.is_empty() { key } else { format!("{}.{key}", self.path) }
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        // Otherwise an unknown key would pass in silence. A mistake of ours, never of the input's.
        debug_assert!(self.finished || std::thread::panicking(), "`{}` was read but not finished", self.path);
    }
}

/// The names in quotes, separated by commas.
pub(super) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
