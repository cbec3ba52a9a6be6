//! Inputs that people and machines get wrong, each with the message, line and column it must give.

use super::*;
use crate::base::Span;

/// Reads a small form that has a key of every type, and returns the problems as
/// `line:column code message | help`.
fn problems_of(text: &str) -> Vec<String> {
    let (mut sources, problems) = (Sources::new(), Diagnostics::new());
    if let Some(id) = sources.add_bytes("plan.toml".to_owned(), text.as_bytes(), &problems) {
        let root = parse(&sources, id, &problems);
        read_form(&root, &problems);
    }
    told(&sources, &problems)
}

fn read_form(root: &Table, problems: &Diagnostics) {
    let mut form = Reader::new(root, problems);
    if let Some(mut cluster) = form.required("cluster").table() {
        let _ = cluster.optional("version").version();
        let _ = cluster.optional("replicas").u32(0..=100_000);
        let _ = cluster.optional("name").name();
        let _ = cluster.optional("about").string();
        let _ = cluster.optional("rps").rate();
        let _ = cluster.optional("p").ratio();
        let _ = cluster.optional("wait").span();
        let _ = cluster.optional("period").span_within(Span::millis(1)..=quantity::LONGEST);
        let _ = cluster.optional("delay").dist();
        let _ = cluster.optional("surge").int_or_percent();
        let _ = cluster.optional("on").bool();
        let _ = cluster.optional("mode").choice(&[("kops", 1), ("kubeadm", 2)]);
        let _ = cluster.optional("list").items();
        cluster.finish();
    }
    form.finish();
}

fn told(sources: &Sources, problems: &Diagnostics) -> Vec<String> {
    let one = |problem: Problem| {
        let place = match problem.place {
            Place::At(id, span) => {
                let source = sources.get(id).expect("the problem's source is known");
                let (line, column) = source.line_column(span.start);
                format!("{line}:{column}")
            }
            Place::Whole(_) => "whole".to_owned(),
            Place::Nowhere => "nowhere".to_owned(),
        };
        let labels: String = problem
            .labels
            .iter()
            .filter_map(|label| {
                let Place::At(id, span) = label.place else { return None };
                let (line, column) = sources.get(id)?.line_column(span.start);
                Some(format!(" + {line}:{column} {}", label.text))
            })
            .collect();
        let help = problem.help.map_or_else(String::new, |help| format!(" | {help}"));
        format!("{place} {} {}{labels}{help}", problem.code, problem.message)
    };
    problems.sorted().into_iter().map(one).collect()
}

/// What must be said of `[cluster]` with this line below it.
fn line(line: &str) -> Vec<String> {
    problems_of(&format!("[cluster]\n{line}"))
}

#[test]
fn a_file_without_content_lacks_its_required_table() {
    for text in ["", "# only a comment\n", "\r\n"] {
        assert_eq!(problems_of(text), ["1:1 E0203 `cluster` is missing"], "{text:?}");
    }
}

#[test]
fn stray_characters_are_named_where_they_stand() {
    let bom = problems_of("[cluster]\np = 1\n\u{feff}surge = 1");
    assert_eq!(
        bom,
        ["3:1 E0103 a byte order mark within the text | remove it; it may only be the first character of a file"]
    );
    let cr = line("p = 1\r surge = 1");
    assert_eq!(
        cr,
        ["2:6 E0103 carriage return must be followed by newline, expected newline | end lines with LF or CRLF"]
    );
    for (text, place) in [("about = \"a\0b\"", "2:11"), ("about = 'a\u{1b}b'", "2:11")] {
        let wanted =
            format!("{place} E0103 a control character within text | write it as an escape, such as \"\\u001b\"");
        assert_eq!(line(text), [wanted]);
    }
    assert_eq!(
        line("name = \"a\\u0000\"")[0].split(" | ").next(),
        Some("2:8 E0202 `cluster.name` is not a name: \"a\0\"")
    );
    assert_eq!(line("about = \"\\u001b[2J\u{202e}\""), Vec::<String>::new());
    assert_eq!(problems_of("\u{feff}[cluster]\r\np = 1\r\n"), Vec::<String>::new());
}

#[test]
fn a_count_of_the_wrong_type_or_size_says_what_was_found() {
    for (value, code, found) in [
        ("-1", "E0202", "the integer -1"),
        ("1.0", "E0201", "the float 1.0"),
        ("\"3\"", "E0201", "the string \"3\""),
        ("true", "E0201", "the boolean true"),
        ("1000000", "E0202", "the integer 1000000"),
        ("2026-06-30", "E0201", "the date 2026-06-30"),
        ("[1]", "E0201", "an array"),
        ("{}", "E0201", "a table"),
    ] {
        let wanted = format!("2:12 {code} `cluster.replicas` must be a whole number from 0 to 100000, found {found}");
        assert_eq!(line(&format!("replicas = {value}")), [wanted]);
    }
    let huge = "`18446744073709551615` does not fit: integers have 64 bits";
    assert_eq!(line("replicas = 18446744073709551615"), [format!("2:12 E0105 {huge}")]);
}

#[test]
fn numbers_that_are_not_finite_are_refused_wherever_they_stand() {
    assert_eq!(line("rps = nan"), ["2:7 E0105 `nan` is not accepted: numbers must be finite"]);
    assert_eq!(line("rps = -inf"), ["2:7 E0105 `-inf` is not accepted: numbers must be finite"]);
    assert_eq!(line("rps = 1e400"), ["2:7 E0105 `1e400` is too large for a number"]);
    assert_eq!(line("list = [1, { a = nan }]"), ["2:18 E0105 `nan` is not accepted: numbers must be finite"]);
    assert_eq!(line("rps = -0.0"), Vec::<String>::new());
    assert!(line("rps = -1")[0].starts_with("2:7 E0202 `cluster.rps`: `-1` is out of range"));
    assert!(line("rps = 2000000000")[0].contains("a rate lies in 0 to 1000000000"));
}

#[test]
fn a_share_lies_between_nothing_and_all() {
    for wrong in ["1.0000001", "-0.1", "2", "-1"] {
        let said = line(&format!("p = {wrong}"));
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with(&format!("2:5 E0202 `cluster.p`: `{wrong}` is not a share")), "{said:?}");
        assert!(said[0].contains("[0, 1]"));
    }
    assert_eq!(line("p = \"25%\""), Vec::<String>::new());
}

#[test]
fn a_duplicate_names_both_places() {
    assert_eq!(line("p = 1\nwait = \"1s\"\np = 0"), ["4:1 E0104 duplicate key `p` + 2:1 first defined here"]);
    assert_eq!(
        problems_of("[cluster]\np = 1\n[cluster]\n"),
        ["3:2 E0104 duplicate key `cluster` + 1:2 first defined here"]
    );
    assert_eq!(
        problems_of("cluster = { p = 1, \"p\" = 0 }"),
        ["1:20 E0104 duplicate key `\"p\"` + 1:13 first defined here"]
    );
    let extended = "2:10 E0104 `p` is no table: it was given a value of type integer + 1:9 first defined here";
    assert_eq!(problems_of("cluster.p = 1\n[cluster.p.q]\n"), [extended]);
}

#[test]
fn an_unknown_key_gets_the_nearest_known_one_or_all() {
    assert_eq!(line("replicsa = 3"), ["2:1 E0204 unknown key `replicsa` in `cluster` | did you mean `replicas`?"]);
    let all = "version, replicas, name, about, rps, p, wait, period, delay, surge, on, mode, list";
    assert_eq!(line("foo = 3"), [format!("2:1 E0204 unknown key `foo` in `cluster` | known keys: {all}")]);
    assert_eq!(problems_of("[clutser]\n"), ["1:2 E0204 unknown key `clutser` | did you mean `cluster`?"]);
}

#[test]
fn dates_that_do_not_exist_are_refused() {
    assert_eq!(line("about = 2026-02-30"), ["2:9 E0103 invalid date, expected day between 01 and 28"]);
    let leap = "2:9 E0105 `2026-06-30T23:59:60Z` is a leap second, which is not accepted";
    assert_eq!(line("about = 2026-06-30T23:59:60Z"), [leap]);
}

#[test]
fn a_duration_needs_a_number_a_known_unit_and_a_range() {
    for (value, said) in [
        ("10", "E0201 `cluster.wait` has no unit | write \"10s\""),
        ("\"10\"", "E0202 `cluster.wait`: `10` has no unit; write \"10s\" for seconds"),
        ("\"-5s\"", "E0202 `cluster.wait`: `-5s` is negative; a duration is at least \"0s\""),
        ("-5", "E0201 `cluster.wait` must be a duration such as \"90s\", found the integer -5"),
        ("\"18446744073709551615s\"", "E0202 `cluster.wait`: `18446744073709551615s` is longer than 100 years"),
    ] {
        assert_eq!(line(&format!("wait = {value}")), [format!("2:8 {said}")]);
    }
    assert!(line("wait = \"10 parsecs\"")[0].contains("no unit of time is called `parsecs`"));
    assert!(line("wait = \"1e30s\"")[0].contains("no unit of time is called `e`"));
    let zero = "2:10 E0202 `cluster.period` must be a duration of at least 1ms, found the string \"0s\"";
    assert_eq!(line("period = \"0s\""), [zero]);
}

#[test]
fn choices_versions_and_percentages_say_how_to_write_them() {
    let near = "2:8 E0205 `cluster.mode` cannot be \"kop\" | did you mean \"kops\"? Offered: `kops`, `kubeadm`";
    assert_eq!(line("mode = \"kop\""), [near]);
    let far = "2:8 E0205 `cluster.mode` cannot be \"terraform\" | write one of `kops`, `kubeadm`";
    assert_eq!(line("mode = \"terraform\""), [far]);
    let short = "2:11 E0202 `cluster.version`: `1.14` is not a version; write three numbers, as \"1.14.10\"";
    assert_eq!(line("version = \"1.14\""), [short]);
    let float = "2:11 E0201 `cluster.version` must be a version in quotes, such as \"1.14.10\", found the float 1.14";
    assert_eq!(line("version = 1.14"), [float]);
    assert_eq!(line("surge = \"150%\""), ["2:9 E0202 `cluster.surge`: `150%` is more than \"100%\""]);
    assert!(line("surge = 1.5")[0].ends_with("found the float 1.5"));
}

#[test]
fn a_distribution_has_one_sound_form() {
    for (value, said) in [
        (
            "{ unifrom = [\"1s\", \"2s\"] }",
            "2:11 E0204 unknown key `unifrom` in `cluster.delay` | did you mean `uniform`?",
        ),
        ("{}", "2:9 E0203 `cluster.delay` needs one of `fixed`, `uniform`, `exponential`, `lognormal`"),
        ("{ uniform = [\"2s\", \"1s\"] }", "2:21 E0202 `cluster.delay.uniform`: the first duration exceeds the second"),
        (
            "{ lognormal = { median = \"0s\", p99 = \"1s\" } }",
            "2:34 E0202 `cluster.delay.lognormal.median` must be a duration of at least 1ns, found the string \"0s\"",
        ),
        (
            "{ lognormal = { median = \"2s\", p99 = \"1s\" } }",
            "2:23 E0202 `cluster.delay.lognormal`: `p99` is below `median`",
        ),
        ("{ exponential = { base = \"1s\" } }", "2:25 E0203 `cluster.delay.exponential.mean` is missing"),
    ] {
        assert_eq!(line(&format!("delay = {value}")), [said]);
    }
    assert!(
        line("delay = { fixed = \"1s\", uniform = [\"1s\", \"2s\"] }")[0]
            .starts_with("2:35 E0202 `fixed` and `uniform` exclude")
    );
}

#[test]
fn all_syntax_errors_are_told_in_one_pass_and_none_twice() {
    let said =
        line("wait = 10s\non = yes\nreplicas: 3\nperiod == \"1s\"\nrps = \nabout = \"x\nmode = 'kops\nname = \"A\"\n");
    let wanted = [
        "2:8 E0103 `10s` is not a value | text stands in quotes: \"10s\"",
        "3:6 E0103 `yes` is not a value | text stands in quotes: \"yes\"",
        "4:11 E0103 key with no value, expected `=` | TOML gives values with `=`, not `:`",
        "5:9 E0103 extra `=`",
        "6:7 E0103 a value is missing",
        "7:11 E0103 text is never closed: `\"` is missing",
        "8:13 E0103 text is never closed: `'` is missing",
    ];
    assert_eq!(said[..7], wanted);
    assert!(said[7].starts_with("9:8 E0202 `cluster.name` is not a name: \"A\""), "{said:?}");
    assert_eq!(said.len(), 8);
}

#[test]
fn an_unclosed_bracket_is_shown_where_it_opens_and_its_followers_are_not() {
    let said = line("list = [1, 2\np = 1\nwait = \"1s\"\n");
    assert_eq!(said, ["2:8 E0103 `[` is never closed + 4:12 still open here"]);
    let said = line("delay = { uniform = [\"1s\", \"2s\"\nwait = \"1s\"\n");
    assert_eq!(said, ["2:21 E0103 `[` is never closed + 3:12 still open here"]);
}

#[test]
fn unquoted_text_asks_for_quotes() {
    assert_eq!(line("mode = kops"), ["2:8 E0103 `kops` is not a value | text stands in quotes: \"kops\""]);
    let version = "2:15 E0103 invalid float | text, a version among it, stands in quotes: \"1.14.10\"";
    assert_eq!(line("version = 1.14.10"), [version]);
    assert_eq!(line("on = True"), ["2:6 E0103 `True` is not a value | write `true`"]);
    // Words that begin as a value does.
    for word in ["three", "none", "infinite", "x"] {
        let said = format!("2:6 E0103 `{word}` is not a value | text stands in quotes: \"{word}\"");
        assert_eq!(line(&format!("on = {word}")), [said]);
    }
}

/// Parses, reads, renders and drops on a thread with little stack.
fn on_a_small_stack(text: String) -> String {
    let work = move || {
        let (mut sources, problems) = (Sources::new(), Diagnostics::new());
        let id = sources.add("plan.toml", &text);
        let root = parse(&sources, id, &problems);
        read_form(&root, &problems);
        let _ = (root.fingerprint(), printed::printed(&root));
        render(&sources, &problems)
    };
    let thread = std::thread::Builder::new().stack_size(512 << 10).spawn(work).expect("a thread can be started");
    thread.join().expect("nothing panics")
}

#[test]
fn deep_input_is_an_error_and_no_overflow() {
    let deep = |at: usize| format!("plan.toml:1:{at}: error[E0106]: nested deeper than 64 levels");
    const N: usize = 100_000;
    for (text, said) in [
        (format!("a = {}", "[".repeat(81)), deep(5 + 64)),
        (format!("a = {}", "[".repeat(N)), deep(5 + 64)),
        (format!("a = {}", "{a=".repeat(N)), deep(5 + 3 * 64)),
        (format!("{}a = 1", "a.".repeat(N)), deep(2 + 2 * 64)),
        (format!("[{}a]\nb = 1", "a.".repeat(N)), deep(3 + 2 * 63)),
        (format!("a = {}1", "+-".repeat(N / 2)), "plan.toml:1:6: error[E0103]: ".to_owned()),
        (format!("a = {}", "1".repeat(N)), "plan.toml:1:5: error[E0105]: `1111".to_owned()),
        (format!("a = [{}", "1,".repeat(N)), "plan.toml:1:5: error[E0103]: `[` is never closed".to_owned()),
        (format!("{}a = 1", "[a]\n".repeat(N / 10)), "plan.toml:2:2: error[E0104]: duplicate key `a`".to_owned()),
    ] {
        let start: String = text.chars().take(20).collect();
        let rendered = on_a_small_stack(text);
        assert!(rendered.contains(&said), "{start}: {}", &rendered[..rendered.len().min(300)]);
    }
}

#[test]
fn what_nests_to_the_limit_on_every_way_at_once_is_dropped_safely() {
    // Sixteen braces of four dotted keys each: fewer brackets than the parser's own limit of 80.
    let levels = |n: usize| format!("{}1{}", "{ a.b.c = ".repeat(n), " }".repeat(n));
    let text = format!("a = {}\na = {}\n", levels(20), levels(20));
    assert!(on_a_small_stack(text).contains("duplicate key `a`"));
    assert!(on_a_small_stack(format!("a = {}", levels(70))).contains("nested deeper"));
}

#[test]
fn more_values_than_the_limit_are_refused() {
    let said = on_a_small_stack(format!("a = [{}]", "1,".repeat(table::MAX_VALUES + 1)));
    assert!(said.contains("error[E0106]: more than 100000 values"), "{said:.300}");
    assert_eq!(said.matches("E0106").count(), 1);
}

#[test]
fn a_large_broken_file_is_refused_without_keeping_a_million_problems() {
    for unit in ["a\n", "= 1\n", "a = [ }\n", "x,", "{ a, ", "a = b\n", "'\n", "[a\n", "a.= \"\n"] {
        for opened in ["", "x = {\n", "x = [\n"] {
            let text = format!("{opened}{}", unit.repeat((40 << 10) / unit.len()));
            let said = on_a_small_stack(text);
            assert!(said.starts_with("plan.toml:") && said.matches("error[").count() <= 50, "{unit:?} {said:.200}");
        }
    }
}
