//! The scenario printed back, every default filled in: built while it is read, so that it says what was read.

use std::fmt::Write;

/// Tables of TOML, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    /// Begins a table: `[cluster.etcd]`, `[[node_pool]]`.
    pub(super) fn header(&mut self, header: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.line(header);
    }

    /// One line.
    pub(super) fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{line}");
    }

    /// Several lines.
    pub(super) fn lines(&mut self, lines: &[String]) {
        for line in lines {
            self.line(line);
        }
    }

    /// A whole table.
    pub(super) fn table(&mut self, header: &str, lines: &[String]) {
        self.header(header);
        self.lines(lines);
    }

    /// The text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}
