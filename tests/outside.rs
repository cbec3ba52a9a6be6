//! The packaged crate as a crate outside uses it: packed, unpacked, and built against without a network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn done(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{command:?}\n{said}");
    said
}

fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(folder).env_remove("RUSTFLAGS").env_remove("CARGO_TARGET_DIR").env_remove("RUSTC_WRAPPER");
    command
}

/// The package, unpacked.
fn unpacked(work: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pack = ["package", "--no-verify", "--allow-dirty", "--offline", "--quiet", "--target-dir"];
    done(cargo(root).args(pack).arg(work.join("pack")));
    let name = concat!("rollproof-", env!("CARGO_PKG_VERSION"));
    let archive = work.join("pack/package").join(format!("{name}.crate"));
    // As of now, so that a build of an older package is not taken for one of this.
    done(Command::new("tar").arg("-xmzf").arg(archive).arg("-C").arg(work));
    work.join(name)
}

/// The files of `tests/outside`, with the path of the package in place of the repository's.
fn copied(work: &Path, package: &Path) -> PathBuf {
    let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outside"), work.join("outside"));
    for folder in ["src", "tests"] {
        fs::create_dir_all(to.join(folder)).expect("a folder");
    }
    for file in ["src/lib.rs", "tests/shop.rs"] {
        fs::copy(from.join(file), to.join(file)).expect("it is copied");
    }
    let manifest = fs::read_to_string(from.join("Cargo.toml")).expect("it has a manifest");
    assert!(manifest.contains("path = \"../..\""), "{manifest}");
    let manifest = manifest.replace("\"../..\"", &format!("{:?}", package.display().to_string()));
    fs::write(to.join("Cargo.toml"), manifest).expect("it is written");
    // The versions that are here already: nothing is fetched.
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock"), to.join("Cargo.lock")).expect("it is copied");
    to
}

#[test]
fn a_crate_outside_checks_its_plan_with_the_packaged_library() {
    let work = Path::new(env!("CARGO_TARGET_TMPDIR")).join("outside");
    fs::create_dir_all(&work).expect("a folder");
    let package = unpacked(&work);
    assert!(!package.join("tests/outside").exists(), "the crate outside is no part of the package");
    let outside = copied(&work, &package);
    let said = done(cargo(&outside).args(["test", "--offline", "--target-dir"]).arg(work.join("target")));
    assert!(said.contains("test result: ok. 5 passed"), "{said}");
}
