//! A page of text under construction: lines of at most 80 columns, with colour only where it was asked for.

use anstyle::{AnsiColor, Style as Ink};

use super::safe::{columns, fit, wrapped};

/// Columns of a line.
pub(super) const COLUMNS: usize = 80;

/// What a colour stands for. No tone carries meaning that the words beside it do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    /// All is well.
    Good,
    /// Something is lost or broken.
    Bad,
    /// Look here.
    Doubt,
    /// A heading.
    Head,
    /// Less important.
    Dim,
}

impl Tone {
    fn ink(self) -> Ink {
        match self {
            Tone::Good => AnsiColor::Green.on_default().bold(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Doubt => AnsiColor::Yellow.on_default().bold(),
            Tone::Head => Ink::new().bold(),
            Tone::Dim => Ink::new().dimmed(),
        }
    }
}

/// A page under construction.
#[derive(Debug)]
pub(super) struct Page {
    text: String,
    color: bool,
}

impl Page {
    /// An empty page.
    pub(super) const fn new(color: bool) -> Page {
        Page { text: String::new(), color }
    }

    /// A heading after an empty line, and what it comes to.
    pub(super) fn heading(&mut self, head: &str, sum: &str) {
        self.text.push('\n');
        let gap = if sum.is_empty() { "" } else { "  " };
        self.toned(Tone::Head, head, &format!("{gap}{sum}"));
    }

    /// One line, escaped, cut at the edge of the page.
    pub(super) fn line(&mut self, line: &str) {
        let cut = fit(line, COLUMNS);
        self.text.push_str(cut.trim_end());
        self.text.push('\n');
    }

    /// One line whose head bears a tone.
    pub(super) fn toned(&mut self, tone: Tone, head: &str, rest: &str) {
        let head = fit(head, COLUMNS);
        let rest = fit(rest, COLUMNS - columns(&head));
        let ink = tone.ink();
        if self.color {
            self.text.push_str(&format!("{ink}{head}{ink:#}"));
        } else {
            self.text.push_str(&head);
        }
        self.text.push_str(if rest.is_empty() && !self.color { "" } else { &rest });
        self.text.truncate(self.text.trim_end_matches(' ').len());
        self.text.push('\n');
    }

    /// A text of any length: `first` before its first line, as many spaces before the others.
    pub(super) fn paragraph(&mut self, first: &str, text: &str) {
        let margin = columns(first);
        for (index, line) in wrapped(text, COLUMNS.saturating_sub(margin)).iter().enumerate() {
            let before = if index == 0 { first.to_owned() } else { " ".repeat(margin) };
            self.line(&format!("{before}{line}"));
        }
    }

    /// What a list leaves out: `and 12 more nodes`. Nothing where nothing is left out.
    pub(super) fn more(&mut self, margin: &str, left_out: usize, things: &str) {
        if left_out > 0 {
            self.toned(Tone::Dim, &format!("{margin}and {left_out} more{things}"), "");
        }
    }

    /// Lines that stand as they are: safe already, and broken where they may be.
    pub(super) fn verbatim(&mut self, lines: &[String]) {
        for line in lines {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// An empty line.
    pub(super) fn gap(&mut self) {
        self.text.push('\n');
    }

    /// The finished page.
    pub(super) fn finish(self) -> String {
        self.text
    }
}
