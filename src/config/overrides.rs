//! Overrides from the command line: `--set path=value`.

use super::diagnostic::{Diagnostics, Place, Problem, code};
use super::nearest::nearest;
use super::reader::listed;
use super::source::{SourceId, Sources, boundary};
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
        let at = boundary(text, at);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::printed::printed;
    use crate::config::{parse, render};

    const FILE: &str = "[cluster]\nversion = \"1.14.10\"\n[[node_pool]]\nname = \"masters\"\ncount = 3\n[[node_pool]]\nname = \
                        \"workers\"\ncount = 6\n[app.web]\nreplicas = 3\npdb = { max_unavailable = 1 }\n";
    const EXCLUSIVE: &[&[&str]] = &[&["pdb.min_available", "pdb.max_unavailable"], &["fixed", "lognormal"]];

    /// The file after these overrides, printed; or what is wrong.
    fn set(arguments: &[&str]) -> Result<String, String> {
        let (mut sources, problems) = (Sources::new(), Diagnostics::new());
        let id = sources.add("plan.toml", FILE);
        let mut root = parse(&sources, id, &problems);
        for (index, argument) in arguments.iter().enumerate() {
            let name = format!("--set #{}", index + 1);
            if let Some(change) = Override::parse(argument, &name, &mut sources, &problems) {
                change.apply(&mut root, EXCLUSIVE, &problems);
            }
        }
        if problems.has_errors() { Err(render(&sources, &problems)) } else { Ok(printed(&root)) }
    }

    fn web(arguments: &[&str]) -> String {
        let text = set(arguments).expect("sound overrides");
        text.lines().find(|line| line.starts_with("app")).expect("the app is there").to_owned()
    }

    #[test]
    fn the_last_of_several_overrides_wins() {
        let wanted = "app = { web = { replicas = 5, pdb = { max_unavailable = 1 } } }";
        assert_eq!(web(&["app.web.replicas=4", "app.web.replicas = 5"]), wanted);
    }

    #[test]
    fn elements_are_chosen_by_number_or_by_name() {
        let text = set(&["node_pool[0].count=5", "node_pool.workers.count=9"]).expect("sound overrides");
        assert!(text.contains("{ name = \"masters\", count = 5 }, { name = \"workers\", count = 9 }"), "{text}");
        let replaced = set(&["node_pool[1]={ name = \"x\" }"]).expect("sound overrides");
        assert!(replaced.contains("count = 3 }, { name = \"x\" }]"), "{replaced}");
    }

    #[test]
    fn missing_tables_are_made_and_quoted_keys_are_one_step() {
        let text = set(&["app.\"my app\".traffic.rps=100", "app.'a.b'.x=true"]).expect("sound overrides");
        assert!(text.contains("\"my app\" = { traffic = { rps = 100 } }, \"a.b\" = { x = true }"), "{text}");
    }

    #[test]
    fn setting_one_form_of_a_choice_replaces_the_other() {
        let min = "app = { web = { replicas = 3, pdb = { min_available = 1 } } }";
        assert_eq!(web(&["app.web.pdb.min_available=1"]), min);
        assert_eq!(web(&["app.web.pdb=\"none\""]), "app = { web = { replicas = 3, pdb = \"none\" } }");
        assert_eq!(web(&["app.web.pdb='none'", "app.web.pdb.min_available=1"]), min);
        // The group names its parent, so elsewhere the same keys may stand together.
        assert!(
            web(&["app.web.x.max_unavailable=1", "app.web.x.min_available=1"])
                .contains("x = { max_unavailable = 1, min_")
        );
        // What lies within a member counts as setting it.
        let boot = web(&["app.web.boot.fixed='1s'", "app.web.boot.lognormal.median='1s'"]);
        assert!(boot.contains("boot = { lognormal = { median = \"1s\" } }"), "{boot}");
    }

    #[test]
    fn what_is_wrong_is_shown_within_the_argument() {
        for (argument, said) in [
            ("app.web.mode=drain", "--set #1:1:14: error[E0103]: `drain` is not a value"),
            ("app.web.mode=drain", "help: text stands in quotes: \"drain\""),
            ("app.web.replicas", "--set #1:1:17: error[E0107]: `=` and a value are missing"),
            ("app.web.replicas=", "--set #1:1:18: error[E0103]: a value is missing"),
            ("=3", "--set #1:1:1: error[E0107]: a key is expected here"),
            ("app..x=3", "--set #1:1:5: error[E0107]: a key is expected here"),
            ("app x=3", "--set #1:1:5: error[E0107]: `.` or `=` is expected here"),
            ("node_pool[x]=3", "--set #1:1:10: error[E0107]: an element is chosen by its number"),
            ("node_pool[2].count=3", "--set #1:1:10: error[E0107]: there is no element [2]; the array has 2"),
            ("node_pool.worker.count=3", "--set #1:1:11: error[E0107]: no element has the name `worker`"),
            ("node_pool.worker.count=3", "help: did you mean `workers`?"),
            ("cluster[0].x=3", "--set #1:1:8: error[E0107]: `[0]` chooses an element, but here is no array"),
            ("a=nan", "--set #1:1:3: error[E0105]: `nan` is not accepted"),
            ("a=1\nb=2", "--set #1:2:3: error[E0107]: more than one value"),
        ] {
            let rendered = set(&[argument]).expect_err(argument);
            assert!(rendered.contains(said), "{argument}: {rendered}");
        }
        let long = format!("{}a=1", "a.".repeat(100));
        assert!(set(&[&long]).expect_err("too long").contains("longer than 32 steps"));
    }

    #[test]
    fn places_of_the_value_point_into_the_argument() {
        let (mut sources, problems) = (Sources::new(), Diagnostics::new());
        let file = sources.add("plan.toml", FILE);
        let mut root = parse(&sources, file, &problems);
        let change =
            Override::parse("app.web.wait = 10", "--set #1", &mut sources, &problems).expect("a sound override");
        assert!(change.apply(&mut root, &[], &problems));
        let app = crate::config::Item::new(root.get("app"), Place::Nowhere, "app".to_owned(), &problems);
        let (_, web) = app.entries().remove(0);
        let mut web = web.table().expect("a table");
        let wait = web.optional("wait");
        assert!(wait.span().is_none() && wait.value().is_some_and(|value| is_overridden(value, file)));
        web.abandon();
        let said = render(&sources, &problems);
        let wanted = "--set #1:1:16: error[E0201]: `app.web.wait` has no unit
    1 | app.web.wait = 10
      |                ^^
  help: write \"10s\"
";
        assert_eq!(said, wanted);
    }
}
