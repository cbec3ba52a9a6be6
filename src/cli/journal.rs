//! Finished batches of a proof in a file, so that a proof that was interrupted or killed goes on where it was.
//!
//! The file's first line says what was asked, and a proof of anything else begins anew. Each further line is one batch
//! behind the checksum of its text; a line that was cut off by a kill is left out, and so is all behind it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use rollproof::prove::Journal;
use rollproof::prove::tally::Tally;

use super::exit::Failure;

/// The file in the proof's folder.
pub(crate) const NAME: &str = "state.jsonl";

/// Finished batches in a file.
pub(crate) struct FileJournal {
    known: BTreeMap<String, Tally>,
    file: File,
    path: PathBuf,
}

impl FileJournal {
    /// Opens the file of a proof; `asked` is what was asked, on one line.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn open(folder: &Path, asked: &str) -> Result<FileJournal, Failure> {
        let path = folder.join(NAME);
        if path.is_symlink() {
            return Err(Failure::output(path, &"it is a symbolic link"));
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let (known, sound) = read(&text, asked);
        let failed = |error: std::io::Error| Failure::output(&path, &error);
        let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        file.set_len(sound as u64).map_err(failed)?;
        std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).map_err(failed)?;
        if sound == 0 {
            writeln!(file, "{asked}").map_err(failed)?;
        }
        Ok(FileJournal { known, file, path })
    }

    /// How many batches are known.
    pub(crate) fn known_batches(&self) -> usize {
        self.known.len()
    }
}

/// The batches of a file's text, and how many of its bytes are sound.
fn read(text: &str, asked: &str) -> (BTreeMap<String, Tally>, usize) {
    let mut known = BTreeMap::new();
    let mut lines = text.split_inclusive('\n');
    let Some(head) = lines.next().filter(|head| head.strip_suffix('\n') == Some(asked)) else { return (known, 0) };
    let mut sound = head.len();
    for line in lines {
        let Some((name, tally)) = line.strip_suffix('\n').and_then(batch) else { break };
        known.insert(name, tally);
        sound += line.len();
    }
    (known, sound)
}

fn batch(line: &str) -> Option<(String, Tally)> {
    let (sum, text) = line.split_once(' ')?;
    (sum == checksum(text)).then_some(())?;
    serde_json::from_str(text).ok()
}

fn checksum(text: &str) -> String {
    format!(
        "{:08x}",
        text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    )
}

impl Journal for FileJournal {
    fn known(&self, batch: &str) -> Option<Tally> {
        self.known.get(batch).cloned()
    }

    fn keep(&mut self, batch: &str, tally: &Tally) -> Result<(), String> {
        let text = serde_json::to_string(&(batch, tally)).map_err(|error| error.to_string())?;
        let line = format!("{} {text}\n", checksum(&text));
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.flush());
        written.map_err(|error| format!("cannot write `{}`: {error}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(folder: &Path, runs: u64) {
        let mut journal = FileJournal::open(folder, "{}").expect("it opens");
        journal.keep(&format!("batch/{runs}"), &Tally { runs, ..Tally::default() }).expect("it is written");
    }

    #[test]
    fn batches_are_found_again_and_a_torn_line_is_left_out() {
        let folder = tempfile::tempdir().expect("there is room");
        kept(folder.path(), 1);
        kept(folder.path(), 2);
        let path = folder.path().join(NAME);
        let whole = std::fs::read(&path).expect("it is there");
        std::fs::write(&path, &whole[..whole.len() - 3]).expect("it can be cut");
        let journal = FileJournal::open(folder.path(), "{}").expect("it opens");
        assert_eq!(journal.known("batch/1").map(|tally| tally.runs), Some(1));
        assert_eq!(journal.known("batch/2"), None);
        drop(journal);
        kept(folder.path(), 2);
        assert_eq!(std::fs::read(&path).expect("it is there"), whole);
    }

    #[test]
    fn another_question_begins_anew() {
        let folder = tempfile::tempdir().expect("there is room");
        kept(folder.path(), 1);
        let other = FileJournal::open(folder.path(), "{\"faults\":2}").expect("it opens");
        assert_eq!(other.known_batches(), 0);
    }
}
