//! Properties of parsing and printing over random trees, bytes and tokens.

use proptest::prelude::*;

use super::*;
use crate::base::cases;
use crate::config::printed::printed;

fn tree() -> impl Strategy<Value = ValueKind> {
    let leaf = prop_oneof![
        any::<String>().prop_map(ValueKind::String),
        any::<i64>().prop_map(ValueKind::Integer),
        any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(|x| ValueKind::Float(if x == 0.0 {
            0.0
        } else {
            x
        })),
        any::<bool>().prop_map(ValueKind::Bool),
        Just(ValueKind::Datetime("2026-06-30T23:59:59Z".to_owned())),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|items| {
                let value = |kind| Value { kind, place: Place::Nowhere };
                ValueKind::Array(items.into_iter().map(value).collect())
            }),
            prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(table_of),
        ]
    })
}

fn table_of(entries: std::collections::BTreeMap<String, ValueKind>) -> ValueKind {
    let entry = |(name, kind)| (Key { name, place: Place::Nowhere }, Value { kind, place: Place::Nowhere });
    ValueKind::Table(Table { entries: entries.into_iter().map(entry).collect(), place: Place::Nowhere })
}

/// The same tree without places.
fn unplaced(value: &Value) -> Value {
    let kind = match &value.kind {
        ValueKind::Array(items) => ValueKind::Array(items.iter().map(unplaced).collect()),
        ValueKind::Table(table) => {
            table_of(table.entries.iter().map(|(key, value)| (key.name.clone(), unplaced(value).kind)).collect())
        }
        kind @ (ValueKind::String(_)
        | ValueKind::Integer(_)
        | ValueKind::Float(_)
        | ValueKind::Bool(_)
        | ValueKind::Datetime(_)
        | ValueKind::Invalid) => kind.clone(),
    };
    Value { kind, place: Place::Nowhere }
}

/// Reads the bytes as a file and checks that every problem has a place within it and can be shown.
fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let (mut sources, problems) = (Sources::new(), Diagnostics::new());
    let read = sources.add_bytes("soup".to_owned(), bytes, &problems);
    let table = read.map(|id| parse(&sources, id, &problems));
    if let Some(table) = &table {
        let mut reader = Reader::new(table, &problems);
        for key in ["a", "b", "c"] {
            let _ = (reader.optional(key).dist(), reader.optional(key).items());
        }
        reader.finish();
        prop_assert!(has_no_invalid(table) || problems.has_errors());
    }
    for problem in problems.sorted() {
        let Place::At(id, span) = problem.place else {
            return Err(TestCaseError::fail(format!("no place: {problem:?}")));
        };
        let text = sources.text(id);
        prop_assert!(span.start <= span.end && span.end <= text.len(), "{problem:?}");
        prop_assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end), "{problem:?}");
    }
    let shown = render(&sources, &problems);
    prop_assert!(shown.split('\n').all(|line| escaped(line) == line), "{shown:?}");
    Ok(())
}

fn has_no_invalid(table: &Table) -> bool {
    table.entries.iter().all(|(_, value)| value.kind != ValueKind::Invalid)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(1500), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_printed_tree_parses_back_equal(entries in prop::collection::btree_map(any::<String>(), tree(), 0..6)) {
        let ValueKind::Table(table) = table_of(entries) else { unreachable!("a table was made") };
        let (mut sources, problems) = (Sources::new(), Diagnostics::new());
        let id = sources.add("x", &printed(&table));
        let again = parse(&sources, id, &problems);
        prop_assert!(problems.is_empty(), "{}", render(&sources, &problems));
        let root = Value { kind: ValueKind::Table(again.clone()), place: Place::Nowhere };
        prop_assert_eq!(unplaced(&root).kind, ValueKind::Table(table.clone()));
        prop_assert_eq!(again.fingerprint(), table.fingerprint());
    }

    #[test]
    fn any_bytes_are_read_or_refused_with_a_place(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        check(&bytes)?;
    }

    #[test]
    fn any_soup_of_tokens_is_read_or_refused_with_a_place(tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..60)) {
        check(tokens.concat().as_bytes())?;
    }

    #[test]
    fn any_override_is_applied_or_refused_with_a_place(tokens in prop::collection::vec(prop::sample::select(TOKENS), 0..14)) {
        let (mut sources, problems) = (Sources::new(), Diagnostics::new());
        let id = sources.add("file", "a = 1\nb.c = 2\n[[c]]\nname = \"a\"\n");
        let mut root = parse(&sources, id, &problems);
        let argument = tokens.concat();
        let applied = Override::parse(&argument, "--set #1", &mut sources, &problems)
            .is_some_and(|change| change.apply(&mut root, &[&["a", "b"]], &problems));
        prop_assert_eq!(applied, !problems.has_errors(), "{}", argument);
        for problem in problems.sorted() {
            let Place::At(id, span) = problem.place else {
                return Err(TestCaseError::fail(format!("no place: {problem:?}")));
            };
            prop_assert!(sources.text(id).get(span.start..span.end).is_some(), "{problem:?} in {argument:?}");
        }
        let _ = render(&sources, &problems);
    }
}

const TOKENS: &[&str] = &[
    "a",
    "b",
    "c",
    "=",
    " = ",
    ".",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    ",",
    "\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "#",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "1",
    "-1",
    "1.5",
    "nan",
    "inf",
    "true",
    "2026-06-30",
    "\"x\"",
    "\\",
    "é",
    "\u{feff}",
    "\u{202e}",
    "\u{1b}",
    "a.b",
    "a = 1\n",
    "[a]\n",
    "[[a]]\n",
    "c = [",
    "b = {",
    "_",
    "+",
    "0x",
    "[0]",
    "name",
    "0",
];
