//! The report as one page that replays the run: HTML with its style, script and data inside, and nothing from elsewhere.
//!
//! The data are JSON in an element that no browser runs; the script writes text, never markup. The page forbids itself
//! every connection.

mod changes;
mod events;
mod story;

use super::safe::escaped;
use super::timeline;
use crate::observe::trace::Trace;
use crate::sim::Outcome;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page of a run; `command` makes the run again. `None` by a defect only: everything is in memory.
pub fn render(outcome: &Outcome, trace: &Trace, command: &str) -> Option<String> {
    let story = story::of(outcome, trace, command);
    let picture = timeline::svg(outcome, trace).ok()?;
    let parts = [
        ("title", markup(&story.head.title)),
        ("style", STYLE.to_owned()),
        ("picture", picture),
        ("data", inert(&serde_json::to_string(&story).ok()?)),
        ("script", SCRIPT.to_owned()),
    ];
    Some(filled(PAGE, &parts))
}

/// The page with its parts in their places; what a part holds is not looked at again.
fn filled(page: &str, parts: &[(&str, String)]) -> String {
    let mut pieces = page.split("{{");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").unwrap_or(("", piece));
        text.extend(parts.iter().filter(|(part, _)| *part == name).map(|(_, part)| part.as_str()));
        text.push_str(rest);
    }
    text
}

/// Text as HTML shows it.
fn markup(text: &str) -> String {
    escaped(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// JSON that ends no element and begins none.
fn inert(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_names_another_part_is_left_as_it_is() {
        let parts = [("a", "{{b}}".to_owned()), ("b", "B".to_owned())];
        assert_eq!(filled("<{{a}}|{{b}}|{{c}}>", &parts), "<{{b}}|B|>");
    }

    #[test]
    fn data_end_no_element() {
        assert_eq!(inert("\"</script>&\u{2028}\""), "\"\\u003c/script\\u003e\\u0026\\u2028\"");
    }
}
