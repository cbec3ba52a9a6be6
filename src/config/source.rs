//! The texts that values come from: the scenario file and the arguments that override it.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use super::diagnostic::{Diagnostics, Place, Problem, code};
use super::escape::escaped;

/// Largest file that is read: 4 MiB. A scenario has a few kilobytes; parsing takes about twelve times the size
/// of the text in memory.
pub const MAX_BYTES: u64 = 4 << 20;

/// A range of bytes of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextSpan {
    /// First byte.
    pub start: usize,
    /// One after the last byte.
    pub end: usize,
}

impl TextSpan {
    /// The bytes from `start` up to but not including `end`.
    pub const fn new(start: usize, end: usize) -> TextSpan {
        TextSpan { start, end }
    }
}

/// A name for messages, and the text that spans point into.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path as the user wrote it, or `--set #2`.
    pub name: String,
    /// The text, without byte order mark.
    pub text: String,
}

impl Source {
    /// Line and column of a byte, both from 1; a column is a character. Past the end counts as the end.
    pub fn line_column(&self, at: usize) -> (usize, usize) {
        let before = &self.text[..self.text.floor_char_boundary(at)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// Which source; the first is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u32);

/// All sources of one invocation, in the order they were added.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    all: Vec<Source>,
}

impl Sources {
    /// No source yet.
    pub const fn new() -> Sources {
        Sources { all: Vec::new() }
    }

    /// Adds a text; a byte order mark in front is dropped.
    pub fn add(&mut self, name: impl Into<String>, text: &str) -> SourceId {
        let id = SourceId(self.all.len() as u32);
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        self.all.push(Source { name: name.into(), text: text.to_owned() });
        id
    }

    /// The source with this id.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.all.get(id.0 as usize)
    }

    /// The text of this source; empty for an id of other sources.
    pub fn text(&self, id: SourceId) -> &str {
        self.get(id).map_or("", |source| source.text.as_str())
    }

    /// Reads a file: regular, at most [`MAX_BYTES`], UTF-8. What is wrong with it is reported.
    pub fn read(&mut self, path: &Path, problems: &Diagnostics) -> Option<SourceId> {
        let name = path.display().to_string();
        match bytes_of(path) {
            Ok(bytes) => self.add_bytes(name, &bytes, problems),
            Err(reason) => {
                let id = self.add(name, "");
                problems.report(Problem::error(code::UNREADABLE, reason, Place::Whole(id)));
                None
            }
        }
    }

    /// Adds the bytes of a file, with the checks of [`Sources::read`] on its contents.
    pub fn add_bytes(&mut self, name: String, bytes: &[u8], problems: &Diagnostics) -> Option<SourceId> {
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            let id = self.add(name, "");
            let problem = Problem::error(code::ENCODING, "the file is in UTF-16", Place::At(id, TextSpan::default()));
            problems.report(problem.help("save it as UTF-8"));
            return None;
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Some(self.add(name, text)),
            Err(error) => {
                let at = error.valid_up_to();
                let marked = if bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
                let id = self.add(name, &String::from_utf8_lossy(bytes));
                let message = format!("byte {at} of the file (0x{:02x}) is not valid UTF-8", bytes[at]);
                let start = at - marked.min(at);
                let span = TextSpan::new(start, start + '\u{fffd}'.len_utf8());
                problems.report(Problem::error(code::ENCODING, message, Place::At(id, span)).help("save it as UTF-8"));
                None
            }
        }
    }
}

/// The bytes of a regular file of at most [`MAX_BYTES`], or why not.
fn bytes_of(path: &Path) -> Result<Vec<u8>, String> {
    let because = |error: std::io::Error| format!("cannot read the file: {}", escaped(&error.to_string()));
    let too_large = || format!("the file is larger than {} MiB, the limit for a scenario", MAX_BYTES >> 20);
    // Before opening, because opening a pipe waits for its other end.
    let metadata = fs::metadata(path).map_err(because)?;
    if !metadata.is_file() {
        return Err("not a regular file".to_owned());
    }
    if metadata.len() > MAX_BYTES {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // The size may have changed since, or be reported as nought, as under /proc.
    File::open(path).map_err(because)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(because)?;
    if bytes.len() as u64 > MAX_BYTES { Err(too_large()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::render;

    fn complaint(bytes: &[u8]) -> String {
        let (mut sources, problems) = (Sources::new(), Diagnostics::new());
        assert!(sources.add_bytes("plan.toml".to_owned(), bytes, &problems).is_none());
        render(&sources, &problems)
    }

    #[test]
    fn a_byte_that_is_not_utf8_is_named_with_its_place() {
        let said = complaint(b"a = 1\nb = \"x\xffy\"\n");
        assert!(
            said.starts_with("plan.toml:2:7: error[E0102]: byte 12 of the file (0xff) is not valid UTF-8\n"),
            "{said}"
        );
        let marked = complaint(b"\xef\xbb\xbfb = \"x\xffy\"\n");
        assert!(marked.starts_with("plan.toml:1:7: error[E0102]: byte 9 "), "{marked}");
    }

    #[test]
    fn utf16_is_recognised_by_its_mark() {
        for bytes in [b"\xff\xfea\x00", b"\xfe\xff\x00a"] {
            let said = complaint(bytes);
            assert!(said.starts_with("plan.toml:1:1: error[E0102]: the file is in UTF-16\n"), "{said}");
            assert!(said.contains("help: save it as UTF-8"), "{said}");
        }
    }

    #[test]
    fn a_mark_of_utf8_in_front_is_dropped() {
        let (mut sources, problems) = (Sources::new(), Diagnostics::new());
        let id = sources.add_bytes("x".to_owned(), b"\xef\xbb\xbfa = 1", &problems);
        assert_eq!(id.map(|id| sources.text(id)), Some("a = 1"));
    }

    #[test]
    fn only_regular_files_of_limited_size_are_read() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let large = dir.path().join("large.toml");
        fs::write(&large, vec![b'#'; MAX_BYTES as usize + 1]).expect("room for five megabytes");
        let full = dir.path().join("full.toml");
        fs::write(&full, vec![b'#'; MAX_BYTES as usize]).expect("room for four megabytes");
        let said = |path: &Path| {
            let (mut sources, problems) = (Sources::new(), Diagnostics::new());
            let read = sources.read(path, &problems);
            (read.is_some(), render(&sources, &problems))
        };
        assert!(said(&full).0);
        assert!(said(&large).1.contains("larger than 4 MiB"));
        assert!(said(dir.path()).1.contains("error[E0101]: not a regular file"));
        assert!(said(Path::new("/dev/zero")).1.contains("/dev/zero: error[E0101]: not a regular file"));
        assert!(said(&dir.path().join("none")).1.contains("cannot read the file"));
    }

    #[test]
    fn columns_count_characters_from_one() {
        let source = Source { name: String::new(), text: "ä = 1\nöü x".to_owned() };
        assert_eq!(source.line_column(0), (1, 1));
        assert_eq!(source.line_column("ä".len()), (1, 2));
        assert_eq!(source.line_column("ä = 1\nöü ".len()), (2, 4));
        assert_eq!(source.line_column(10_000), (2, 5));
    }
}
