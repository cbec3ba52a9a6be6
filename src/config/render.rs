//! Problems as plain text for an 80-column terminal.

use std::fmt::Write;

use super::diagnostic::{Diagnostics, Place, Problem, Severity};
use super::escape::{escaped, push_escaped};
use super::source::{Source, Sources, TextSpan, boundary};

/// Problems shown at most; the rest are counted.
pub const SHOWN: usize = 50;

/// Width of the source lines with their numbers, in characters.
const WIDTH: usize = 80;

/// Bytes of a line that are looked at on either side of a place; more than a terminal's width of any characters.
const NEAR: usize = 6 * WIDTH;

/// All problems, in the order of the text, as
///
/// ```text
/// plan.toml:12:1: error[E0204]: unknown key `replicsa`
///    12 | replicsa = 3
///       | ^^^^^^^^
///   help: did you mean `replicas`?
/// ```
///
/// At most [`SHOWN`] of them. Text from the input is escaped, so the output holds no control but `\n`. A message is one
/// line, for editors and other programs.
pub fn render(sources: &Sources, problems: &Diagnostics) -> String {
    rendered(sources, problems, usize::MAX)
}

/// As [`render`], with long messages broken for a terminal of 80 columns.
pub fn render_wrapped(sources: &Sources, problems: &Diagnostics) -> String {
    rendered(sources, problems, WIDTH - 4)
}

fn rendered(sources: &Sources, problems: &Diagnostics, width: usize) -> String {
    let all = problems.sorted();
    let mut text = String::new();
    for (index, problem) in all.iter().take(SHOWN).enumerate() {
        if index > 0 {
            text.push('\n');
        }
        push_problem(&mut text, sources, problem, width);
    }
    let more = all.len().saturating_sub(SHOWN) + problems.left_out();
    if more > 0 {
        let _ = writeln!(text, "\nand {more} more");
    }
    text
}

fn push_problem(text: &mut String, sources: &Sources, problem: &Problem, width: usize) {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut head = String::new();
    push_location(&mut head, sources, problem.place);
    let _ = write!(head, "{severity}[{}]: {}", problem.code, escaped(&problem.message));
    push_wrapped(text, "", &head, width);
    push_excerpt(text, sources, problem.place, '^', "");
    for label in &problem.labels {
        if !same_source(problem.place, label.place) {
            text.push_str("  at ");
            push_location(text, sources, label.place);
            text.push('\n');
        }
        push_excerpt(text, sources, label.place, '-', &label.text);
    }
    if let Some(help) = &problem.help {
        push_wrapped(text, "  ", &format!("help: {}", escaped(help)), WIDTH - 4);
    }
}

fn same_source(a: Place, b: Place) -> bool {
    match (a, b) {
        (Place::At(a, _), Place::At(b, _)) => a == b,
        (_, Place::Nowhere) => true,
        (Place::At(..) | Place::Whole(_) | Place::Nowhere, Place::At(..) | Place::Whole(_)) => false,
    }
}

/// `name:line:column: `, as much of it as is known.
fn push_location(text: &mut String, sources: &Sources, place: Place) {
    match place {
        Place::At(id, span) => {
            if let Some(source) = sources.get(id) {
                let (line, column) = source.line_column(span.start);
                let _ = write!(text, "{}:{line}:{column}: ", escaped(&source.name));
            }
        }
        Place::Whole(id) => {
            if let Some(source) = sources.get(id) {
                let _ = write!(text, "{}: ", escaped(&source.name));
            }
        }
        Place::Nowhere => {}
    }
}

/// The line of the place and its underline.
fn push_excerpt(text: &mut String, sources: &Sources, place: Place, mark: char, label: &str) {
    let Place::At(id, span) = place else { return };
    let Some(source) = sources.get(id).filter(|source| !source.text.is_empty()) else { return };
    let excerpt = Excerpt::of(source, span);
    let (line, _) = source.line_column(span.start);
    let number = format!("{line:>5}");
    let _ = writeln!(text, "{number} | {}", excerpt.line);
    let underline: String = std::iter::repeat_n(mark, excerpt.marked).collect();
    let _ = write!(text, "{:width$} | {:indent$}{underline}", "", "", width = number.len(), indent = excerpt.indent);
    if !label.is_empty() {
        let _ = write!(text, " {}", escaped(label));
    }
    text.push('\n');
}

/// The part of one line around a span, ready to print.
struct Excerpt {
    line: String,
    indent: usize,
    marked: usize,
}

impl Excerpt {
    fn of(source: &Source, span: TextSpan) -> Excerpt {
        let start = boundary(&source.text, span.start);
        let line_start = source.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = source.text[start..].find('\n').map_or(source.text.len(), |length| start + length);
        // What is far from the place is cut off anyway.
        let line_start = line_start.max(boundary(&source.text, start.saturating_sub(NEAR)));
        let line_end = line_end.min(boundary(&source.text, start + NEAR));
        let line = source.text[line_start..line_end].trim_end_matches('\r');
        let (from, to) = (start - line_start, span.end.saturating_sub(line_start));
        // Printed width of each character, to find the window and where the underline goes.
        let mut cells: Vec<(usize, String)> = Vec::new();
        let mut indenting = true;
        for (at, c) in line.char_indices() {
            let mut cell = String::new();
            indenting &= c == '\t' || c == ' ';
            if indenting && c == '\t' {
                cell.push_str("    ")
            } else {
                push_escaped(&mut cell, c)
            }
            cells.push((at, cell));
        }
        window(&cells, from, to)
    }
}

/// Cuts the cells to the width of the terminal, around the bytes `from..to`.
fn window(cells: &[(usize, String)], from: usize, to: usize) -> Excerpt {
    const GUTTER: usize = 8;
    const BEFORE: usize = 30;
    let room = WIDTH - GUTTER - 2;
    let width = |cell: &(usize, String)| cell.1.chars().count();
    let first_marked = cells.partition_point(|cell| cell.0 < from);
    let whole: usize = cells.iter().map(width).sum();
    let mut first = 0;
    if whole > room {
        let mut before = 0;
        first = first_marked;
        while first > 0 && before + width(&cells[first - 1]) <= BEFORE {
            first -= 1;
            before += width(&cells[first]);
        }
    }
    let mut excerpt = Excerpt { line: String::new(), indent: 0, marked: 0 };
    if first > 0 {
        excerpt.line.push('…');
        excerpt.indent = 1;
    }
    let mut printed = 0;
    for cell in &cells[first..] {
        if printed + width(cell) > room {
            excerpt.line.push('…');
            break;
        }
        printed += width(cell);
        excerpt.line.push_str(&cell.1);
        if cell.0 < from {
            excerpt.indent += width(cell);
        } else if cell.0 < to {
            excerpt.marked += width(cell);
        }
    }
    excerpt.marked = excerpt.marked.max(1);
    excerpt
}

/// Appends the text wrapped between words, its first line indented by `indent`, the others by four.
fn push_wrapped(text: &mut String, indent: &str, paragraph: &str, width: usize) {
    for (index, line) in wrapped(paragraph, width).iter().enumerate() {
        let _ = writeln!(text, "{}{line}", if index == 0 { indent } else { "    " });
    }
}

/// The text in lines of at most `width` characters, broken between words where there is a space.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let size = word.chars().count();
        if length > 0 && length + 1 + size > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        } else if length > 0 {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += size;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SourceId;

    fn shown(text: &str, problem: impl Fn(SourceId) -> Problem) -> String {
        let (mut sources, problems) = (Sources::new(), Diagnostics::new());
        let id = sources.add("plan.toml", text);
        problems.report(problem(id));
        render(&sources, &problems)
    }

    #[test]
    fn a_problem_shows_file_line_column_caret_label_and_help() {
        let said = shown("[app]\nweb = 1\nweb = 2\n", |id| {
            Problem::error("E0104", "duplicate key `web`", Place::At(id, TextSpan::new(14, 17)))
                .label(Place::At(id, TextSpan::new(6, 9)), "first defined here")
                .help("drop one of them")
        });
        let wanted = "plan.toml:3:1: error[E0104]: duplicate key `web`
    3 | web = 2
      | ^^^
    2 | web = 1
      | --- first defined here
  help: drop one of them
";
        assert_eq!(said, wanted);
    }

    #[test]
    fn nothing_from_the_file_reaches_the_terminal_raw() {
        let said = shown("\ta\t= \"\u{1b}[31m\u{202e}\" # \u{9b}", |id| {
            Problem::error("E1", "bad \u{1b}[0m", Place::At(id, TextSpan::new(1, 2))).help("\u{2066}x")
        });
        assert!(said.chars().all(|c| c == '\n' || escaped(&c.to_string()) == c.to_string()), "{said:?}");
        assert!(said.contains("    1 |     a\\t= \"\\u{1b}[31m\\u{202e}\" # \\u{9b}\n      |     ^\n"), "{said}");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let text = format!("a = \"{}\"; b = 1 # {}", "x".repeat(500), "y".repeat(500));
        let at = text.find("b = 1").expect("it is there");
        let said = shown(&text, |id| Problem::error("E1", "m", Place::At(id, TextSpan::new(at, at + 1))));
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH), "{said}");
        let column = lines[2].chars().position(|c| c == '^').expect("a caret");
        assert_eq!(lines[1].chars().nth(column), Some('b'), "{said}");
    }

    #[test]
    fn more_than_fifty_problems_are_counted() {
        let problems = Diagnostics::new();
        for n in 0..53 {
            problems.report(Problem::error("E1", format!("problem {n}"), Place::Nowhere));
        }
        let said = render(&Sources::new(), &problems);
        assert!(said.contains("problem 49") && !said.contains("problem 50"));
        assert!(said.ends_with("\nand 3 more\n"));
    }

    #[test]
    fn message_and_help_are_wrapped_between_words() {
        let words = "word ".repeat(60);
        let (mut sources, problems) = (Sources::new(), Diagnostics::new());
        let place = Place::At(sources.add("plan.toml", "a = 1"), TextSpan::new(0, 1));
        problems.report(Problem::error("E1", words.trim(), place).help(words.trim()));
        let said = render_wrapped(&sources, &problems);
        assert!(said.lines().all(|line| line.chars().count() <= WIDTH), "{said}");
        assert_eq!(said.matches("word").count(), 120);
        let first = render(&sources, &problems).lines().next().map(str::len);
        assert!(first.is_some_and(|first| first > 300), "the message is one line where no terminal is");
    }
}
