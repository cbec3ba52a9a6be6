//! Files, written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::exit::Failure;

/// Longest part of a folder's name that comes from a scenario, in bytes.
const SLUG: usize = 60;

/// The folder of one run, ready to be written to.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes `out/<scenario>/<hash12>-seed<N>/`, and finds out that it can be written to.
    ///
    /// # Errors
    /// The path that cannot be made or written, or that is a symbolic link and so leads elsewhere.
    pub(crate) fn prepare(out: &Path, scenario: &str, hash: &str, seed: u64) -> Result<RunFolder, Failure> {
        let hash: String = hash.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
        let parent = out.join(slug(scenario));
        let path = parent.join(format!("{hash}-seed{seed}"));
        RunFolder::made(out, &[&parent, &path])
    }

    /// Makes `out/<scenario>/<hash12>-<name>/`, for many runs, and finds out that it can be written to. The name holds a
    /// hash of what was asked, so that other questions have other folders.
    ///
    /// # Errors
    /// As [`RunFolder::prepare`].
    pub(crate) fn prepare_search(out: &Path, scenario: &str, hash: &str, name: &str) -> Result<RunFolder, Failure> {
        let hash: String = hash.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
        let parent = out.join(slug(scenario));
        let path = parent.join(format!("{hash}-{}", slug(name)));
        RunFolder::made(out, &[&parent, &path])
    }

    /// Makes `out/<name>/`, for what is no single run, and finds out that it can be written to.
    ///
    /// # Errors
    /// As [`RunFolder::prepare`].
    pub(crate) fn plain(out: &Path, name: &str) -> Result<RunFolder, Failure> {
        RunFolder::made(out, &[&out.join(slug(name))])
    }

    /// A folder that is there, whatever it is called.
    pub(crate) fn existing(path: &Path) -> RunFolder {
        RunFolder { path: path.to_owned() }
    }

    /// Makes the folders, each inside the one before, and keeps the last.
    fn made(out: &Path, folders: &[&PathBuf]) -> Result<RunFolder, Failure> {
        fs::create_dir_all(out).map_err(|error| Failure::output(out, &error))?;
        for folder in folders {
            if folder.is_symlink() {
                return Err(Failure::output(*folder, &"it is a symbolic link"));
            }
            fs::create_dir_all(folder).map_err(|error| Failure::output(*folder, &error))?;
        }
        let path = folders.last().map_or_else(|| out.to_owned(), |last| last.to_path_buf());
        let folder = RunFolder { path };
        let (temp, file) = folder.temporary("result.json")?;
        drop(file);
        fs::remove_file(&temp).map_err(|error| Failure::output(temp, &error))?;
        Ok(folder)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file: afterwards it is there with all of these bytes and they are on the disk, or what was there
    /// before is unchanged.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        self.write_with(name, |file| file.write_all(bytes))
    }

    fn write_with(&self, name: &str, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<(), Failure> {
        let (temp, mut file) = self.temporary(name)?;
        let target = self.path.join(name);
        let written = fill(&mut file)
            .and_then(|()| file.flush())
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&temp, &target))
            .and_then(|()| sync_folder(&self.path));
        written.map_err(|error| {
            // Nothing more can be done if this fails too; the name says what it is.
            let _ = fs::remove_file(&temp);
            Failure::output(target, &error)
        })
    }

    /// A new file beside its target, so that a rename stays on one file system.
    fn temporary(&self, name: &str) -> Result<(PathBuf, File), Failure> {
        let temp = self.path.join(format!(".{name}.{}.tmp", std::process::id()));
        let create = || OpenOptions::new().write(true).create_new(true).open(&temp);
        let file = match create() {
            // Left by a process of the same number that was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&temp).and_then(|()| create())
            }
            other => other,
        };
        match file {
            Ok(file) => Ok((temp, file)),
            Err(error) => Err(Failure::output(temp, &error)),
        }
    }
}

/// Makes a rename last through a power cut. Only Unix can open a folder for that.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// A folder's name from a scenario's: lower case letters, digits and single dashes.
///
/// Different scenarios may share one; their runs are told apart by the hash.
pub(crate) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if slug.len() >= SLUG {
            break;
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let kept = slug.trim_end_matches('-').len();
    slug.truncate(kept);
    match slug.as_str() {
        "" => "scenario".to_owned(),
        // Names of devices under Windows.
        "con" | "prn" | "aux" | "nul" => format!("{slug}-scenario"),
        device if device.len() == 4 && (device.starts_with("com") || device.starts_with("lpt")) => {
            format!("{slug}-scenario")
        }
        _ => slug,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .expect("it is there")
            .map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_write_that_fails_leaves_what_was_there() {
        let out = tempfile::tempdir().expect("there is room");
        let run = RunFolder::prepare(out.path(), "book ch18", "3f9a52c07be14d88", 7).expect("it can be made");
        assert!(run.path().ends_with("book-ch18/3f9a52c07be1-seed7"), "{:?}", run.path());
        run.write("result.json", b"first").expect("it can be written");
        let failed = run.write_with("result.json", |file| {
            file.write_all(b"sec")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(matches!(failed, Err(Failure::Output { ref path, .. }) if path.ends_with("result.json")), "{failed:?}");
        assert_eq!(fs::read(run.path().join("result.json")).expect("it is there"), b"first");
        assert_eq!(names(run.path()), ["result.json"], "no temporary file is left");
        run.write("result.json", b"second").expect("it can be written");
        assert_eq!(fs::read(run.path().join("result.json")).expect("it is there"), b"second");
    }

    #[test]
    fn an_output_folder_that_cannot_be_made_names_its_path() {
        let out = tempfile::tempdir().expect("there is room");
        let file = out.path().join("file");
        fs::write(&file, b"").expect("it can be written");
        let failed = RunFolder::prepare(&file, "a", "b", 1).expect_err("a file is no folder");
        assert!(failed.to_string().contains("file"), "{failed}");
    }

    #[test]
    #[cfg(unix)]
    fn a_symbolic_link_is_not_followed_out_of_the_output_folder() {
        let (out, elsewhere) = (tempfile::tempdir().expect("room"), tempfile::tempdir().expect("room"));
        std::os::unix::fs::symlink(elsewhere.path(), out.path().join("plan")).expect("links work");
        assert!(RunFolder::prepare(out.path(), "plan", "abc", 1).is_err());
        assert_eq!(names(elsewhere.path()), Vec::<String>::new());
    }

    #[test]
    fn names_of_folders_are_tame_whatever_the_scenario_is_called() {
        let slugs = ["../../etc/passwd", "\u{1b}[31m", "", "..", "NUL", "Größe 3", "a\u{202e}b", "com1"].map(slug);
        let tame = ["etc-passwd", "31m", "scenario", "scenario", "nul-scenario", "gr-e-3", "a-b", "com1-scenario"];
        assert_eq!(slugs, tame);
        assert_eq!(slug(&"x".repeat(500)).len(), SLUG);
    }
}
