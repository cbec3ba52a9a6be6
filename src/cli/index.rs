//! The index of a folder of results: each result's folder with the first line of its report.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use rollproof::report::safe::escaped;

use super::exit::Failure;
use super::files::RunFolder;

/// The index's file, beside the scenarios' folders.
const INDEX: &str = "index.md";
/// What stands first in each result's folder.
const REPORT: &str = "report.txt";

/// How it begins; a file of this name that begins otherwise is somebody else's.
const HEAD: &str = "# Results of rollproof\n";

/// Writes the index of this folder anew, from what lies there. A file that is not ours stays.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn keep(out: &Path) -> Result<(), Failure> {
    if fs::read_to_string(out.join(INDEX)).is_ok_and(|text| !text.starts_with(HEAD)) {
        return Ok(());
    }
    let mut text = format!("{HEAD}\n| result | what was found |\n|---|---|\n");
    for scenario in folders(out) {
        for result in folders(&scenario).into_iter().filter(|folder| is_result(folder)) {
            let Some(found) = first_line(&result.join(REPORT)) else { continue };
            let place = result.strip_prefix(out).unwrap_or(&result).to_string_lossy().replace('\\', "/");
            text.push_str(&format!("| [{place}]({place}/) | {} |\n", cell(&found)));
        }
    }
    RunFolder::existing(out).write(INDEX, text.as_bytes())
}

/// The folders inside one, by name; none where it cannot be read.
fn folders(of: &Path) -> Vec<PathBuf> {
    let inside = fs::read_dir(of).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<PathBuf> = inside.filter(|path| path.is_dir() && !path.is_symlink()).collect();
    found.sort();
    found
}

/// Whether a folder is called as those of results are: a hash, a dash, and what was asked.
fn is_result(folder: &Path) -> bool {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.split_once('-').is_some_and(|(hash, _)| hash.len() == 12 && hash.chars().all(|c| c.is_ascii_hexdigit()))
}

fn first_line(file: &Path) -> Option<String> {
    let mut line = String::new();
    BufReader::new(fs::File::open(file).ok()?).read_line(&mut line).ok()?;
    Some(line.trim_end().to_owned())
}

/// Text in a cell of a Markdown table.
fn cell(text: &str) -> String {
    let mut cell = String::new();
    for c in escaped(text).chars() {
        if matches!(c, '|' | '<' | '>' | '[' | ']' | '`' | '*' | '_' | '\\') {
            cell.push('\\');
        }
        cell.push(c);
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_names_each_result_with_what_was_found_and_is_the_same_again() {
        let out = tempfile::tempdir().expect("there is room");
        for (folder, report) in [
            ("b/0123456789ab-seed1", "✓ HOLDS\n  more"),
            ("a/ba9876543210-prove-1", "✗ REFUTED: a|b\n"),
            ("a/other", "mine"),
        ] {
            let folder = out.path().join(folder);
            fs::create_dir_all(&folder).expect("it can be made");
            fs::write(folder.join(REPORT), report).expect("it can be written");
        }
        fs::create_dir_all(out.path().join("c/empty")).expect("it can be made");
        keep(out.path()).expect("it can be written");
        let first = fs::read_to_string(out.path().join(INDEX)).expect("it is there");
        let rows: Vec<&str> = first.lines().skip(4).collect();
        let want = [
            "| [a/ba9876543210-prove-1](a/ba9876543210-prove-1/) | ✗ REFUTED: a\\|b |",
            "| [b/0123456789ab-seed1](b/0123456789ab-seed1/) | ✓ HOLDS |",
        ];
        assert_eq!(rows, want);
        keep(out.path()).expect("it can be written again");
        assert_eq!(first, fs::read_to_string(out.path().join(INDEX)).expect("it is there"));
        fs::write(out.path().join(INDEX), "my own page").expect("it can be written");
        keep(out.path()).expect("it is left alone");
        assert_eq!(fs::read_to_string(out.path().join(INDEX)).expect("it is there"), "my own page");
    }
}
