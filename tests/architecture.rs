//! The shape of the code, as a test: floors import only downward, components never import one another, functions fit a
//! screen, files hold one idea.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Floors from the lowest up. Folders on one line are walls that never import one another.
const FLOORS: &[&[&str]] = &[
    &["base"],
    &["engine"],
    &["config", "statistics"],
    &["world"],
    &["strategy", "fault", "observe"],
    &["scenario", "import"],
    &["sim"],
    &["prove", "fidelity"],
    &["api", "lab", "guide"],
    &["report"],
    &["cli", "main"],
];

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 600;

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("src is readable") {
            let path = entry.expect("entry is readable").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &mut found);
    found.sort();
    let text = |path: &PathBuf| fs::read_to_string(path).expect("source is UTF-8");
    found.iter().map(|path| (path.strip_prefix(&root).expect("under src").to_owned(), text(path))).collect()
}

/// The part of a file before its unit tests.
fn without_tests(text: &str) -> &str {
    text.find("\n#[cfg(test)]\nmod ").map_or(text, |end| &text[..end])
}

fn is_test_file(path: &Path, all: &[(PathBuf, String)]) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    all.iter().any(|(_, text)| text.contains(&format!("#[cfg(test)]\nmod {stem};")))
        || all.iter().any(|(_, text)| text.contains(&format!("#[cfg(test)]\npub(crate) mod {stem};")))
}

fn floor_of(package: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&package))
}

/// The packages (first folder, or file name) that a piece of code names by `crate::...` or `rollproof::...`.
fn packages_named(text: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for prefix in ["crate::", "rollproof::"] {
            for (at, _) in line.match_indices(prefix) {
                let rest = &line[at + prefix.len()..];
                named.extend(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned));
            }
        }
    }
    named
}

fn package_of(path: &Path) -> String {
    let first = path.components().next().expect("a path has a part").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

#[test]
fn every_package_stands_on_a_floor() {
    for (path, _) in sources() {
        let package = package_of(&path);
        assert!(package == "lib" || floor_of(&package).is_some(), "{} stands on no floor", path.display());
    }
}

#[test]
fn imports_run_only_downward() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let package = package_of(&path);
        let Some(floor) = floor_of(&package) else { continue };
        for named in packages_named(&text) {
            let Some(below) = floor_of(&named) else { continue };
            if named != package && below >= floor {
                wrong.push(format!("{}: imports {named}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that run up or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn no_component_imports_another() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Ok(inside) = path.strip_prefix("world/components") else { continue };
        let own = package_of(inside);
        for (at, _) in text.match_indices("components::") {
            let rest = &text[at + "components::".len()..];
            let named: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if named != own {
                wrong.push(format!("{}: names components::{named}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn packages_form_no_circle() {
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, text) in sources() {
        let package = package_of(&path);
        let mut others = packages_named(&text);
        others.retain(|named| *named != package && floor_of(named).is_some());
        names.entry(package).or_default().extend(others);
    }
    fn reaches(from: &str, to: &str, names: &BTreeMap<String, BTreeSet<String>>, seen: &mut BTreeSet<String>) -> bool {
        let next = names.get(from).into_iter().flatten();
        next.into_iter().any(|named| named == to || (seen.insert(named.clone()) && reaches(named, to, names, seen)))
    }
    for package in names.keys() {
        assert!(!reaches(package, package, &names, &mut BTreeSet::new()), "{package} stands on itself");
    }
}

#[test]
fn functions_fit_a_screen() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let mut open: Option<(usize, usize, String)> = None;
        for (number, line) in text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let code = line.trim_start();
            let starts = ["fn ", "pub fn ", "pub(super) fn ", "pub(crate) fn ", "pub const fn ", "const fn "];
            if starts.iter().any(|start| code.starts_with(start)) && !line.trim_end().ends_with(';') {
                open = Some((indent, number, code.chars().take(60).collect()));
            }
            let closes = open.as_ref().is_some_and(|(at, ..)| indent == *at && code.starts_with('}'));
            if let Some((_, start, name)) = open.take_if(|_| closes) {
                let lines = number - start + 1;
                if lines > FUNCTION_LINES_MAX {
                    wrong.push(format!("{}:{}: {lines} lines: {name}", path.display(), start + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "functions over {FUNCTION_LINES_MAX} lines:\n{}", wrong.join("\n"));
}

#[test]
fn files_hold_one_idea() {
    let all = sources();
    let mut wrong = Vec::new();
    for (path, text) in &all {
        let lines = without_tests(text).lines().count();
        if lines > FILE_LINES_MAX && !is_test_file(path, &all) {
            wrong.push(format!("{}: {lines} lines without tests", path.display()));
        }
    }
    assert!(wrong.is_empty(), "files over {FILE_LINES_MAX} lines:\n{}", wrong.join("\n"));
}
