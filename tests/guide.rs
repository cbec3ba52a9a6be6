//! The guide is true: each of its commands is run in a folder of its own, and ends as it says; what it shows is printed.

use std::path::Path;
use std::process::Command;

use rollproof::guide::{PAGES, Page};

/// A block of code of a page.
struct Block<'a> {
    kind: &'a str,
    lines: Vec<&'a str>,
}

fn blocks(page: &Page) -> Vec<Block<'static>> {
    let mut blocks: Vec<Block<'static>> = Vec::new();
    let mut inside = false;
    for line in page.text.lines() {
        match (line.strip_prefix("```"), inside) {
            (Some(kind), false) => blocks.push(Block { kind, lines: Vec::new() }),
            (None, true) => blocks.last_mut().expect("one has begun").lines.push(line),
            (Some(_), true) | (None, false) => {}
        }
        inside ^= line.starts_with("```");
    }
    blocks
}

/// The exit code that a line of a shell's block asks for, and its words.
fn command(line: &str) -> (i32, Vec<&str>) {
    let (words, exit) =
        line.split_once("   # exit ").map_or((line, 0), |(words, exit)| (words, exit.parse().expect("a code")));
    let words: Vec<&str> = words.split_whitespace().collect();
    assert_eq!(words.first(), Some(&"rollproof"), "{line}");
    (exit, words[1..].to_vec())
}

/// A folder with the scenarios and measurements in it.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("there is room");
    for folder in ["scenarios", "tests"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        std::os::unix::fs::symlink(from, home.path().join(folder)).expect("a link can be made");
    }
    home
}

#[test]
fn every_command_ends_as_its_page_says_and_prints_what_it_shows() {
    for page in PAGES {
        let home = home();
        let mut printed = String::new();
        for block in blocks(page) {
            match block.kind {
                "sh" => {
                    printed.clear();
                    for line in block.lines {
                        let (exit, words) = command(line);
                        let mut run = Command::new(env!("CARGO_BIN_EXE_rollproof"));
                        let ran = run
                            .args(&words)
                            .current_dir(home.path())
                            .env_remove("ROLLPROOF_OUT")
                            .output()
                            .expect("it runs");
                        printed.push_str(&String::from_utf8_lossy(&ran.stdout));
                        let said = String::from_utf8_lossy(&ran.stderr);
                        assert_eq!(ran.status.code(), Some(exit), "{}: {line}\n{printed}{said}", page.name);
                    }
                }
                // What follows a shell's block is what it prints; a text on its own is for another program.
                "text" if !block.lines.iter().any(|line| line.starts_with("sh '")) => {
                    for line in block.lines {
                        assert!(printed.contains(line), "{}: `{line}` is not in\n{printed}", page.name);
                    }
                }
                _ => {}
            }
        }
    }
}

/// The first two commands of README that show what they print, with the words of a shell that stand in quotes.
#[test]
fn readme_shows_what_its_commands_print() {
    let text = include_str!("../README.md");
    let page = Page { name: "README", about: "", text };
    let home = home();
    let mut shown = 0;
    let mut printed = String::new();
    for block in blocks(&page) {
        let command = block.lines.iter().find_map(|line| line.strip_prefix("cargo run --release -- "));
        match (block.kind, command) {
            ("sh", Some(words)) => {
                let words = words.split(' ').map(|word| word.trim_matches('\'')).filter(|word| !word.is_empty());
                let mut run = Command::new(env!("CARGO_BIN_EXE_rollproof"));
                let ran =
                    run.args(words).current_dir(home.path()).env_remove("ROLLPROOF_OUT").output().expect("it runs");
                printed = String::from_utf8_lossy(&ran.stdout).into_owned();
            }
            ("text", _) if !printed.is_empty() => {
                for line in block.lines.iter().filter(|line| line.trim() != "...") {
                    assert!(printed.contains(line), "README: `{line}` is not in\n{printed}");
                }
                (shown, printed) = (shown + 1, String::new());
            }
            _ => {}
        }
    }
    assert_eq!(shown, 2);
}

/// A plan that is proved in a moment, in place of a team's.
const TEAMS: &str = "schema = 1\ncluster.version = { from = '1.14.10', to = '1.15.7' }\nstrategy.name = 'kops-1.15'\n";

/// The commands of recipes for other programs: what stands between `rollproof` and the end of the line or a quote.
fn recipes() -> Vec<&'static str> {
    let others = PAGES.iter().flat_map(blocks).filter(|block| block.kind == "yaml" || block.kind == "text");
    let lines = others.flat_map(|block| block.lines);
    lines.filter_map(|line| line.split_once("rollproof prove ").and_then(|(_, rest)| rest.split('\'').next())).collect()
}

#[test]
fn the_commands_of_the_recipes_for_ci_pass_and_write_the_files_that_they_collect() {
    assert_eq!(recipes().len(), 3, "GitHub, GitLab, Jenkins");
    for recipe in recipes() {
        let home = home();
        let folder = home.path();
        std::fs::create_dir(folder.join("plans")).expect("there is room");
        std::fs::write(folder.join("plans/upgrade.toml"), TEAMS).expect("there is room");
        let run = |more: &[&str]| {
            let words = std::iter::once("prove").chain(recipe.split_whitespace()).chain(more.iter().copied());
            let ran = Command::new(env!("CARGO_BIN_EXE_rollproof")).args(words).current_dir(folder).output();
            ran.expect("it runs")
        };
        // The baseline that the repository has: accepted before, whatever it said.
        run(&["--update-baseline"]);
        let ran = run(&[]);
        assert_eq!(ran.status.code(), Some(0), "{recipe}: {}", String::from_utf8_lossy(&ran.stdout));
        let written = |name: &str| {
            let two = |folder: &Path| std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
            two(&folder.join("proofs"))
                .filter(|path| path.is_dir())
                .flat_map(|path| two(&path))
                .any(|path| path.join(name).is_file())
        };
        assert!(written("junit.xml"), "{recipe}");
        assert!(!recipe.contains("markdown") || written("summary.md"), "{recipe}");
    }
}

#[test]
fn pages_fit_a_terminal() {
    for page in PAGES {
        let mut code = false;
        for line in page.text.lines() {
            code ^= line.starts_with("```");
            assert!(code || line.chars().count() <= 80, "{}: {line}", page.name);
        }
    }
}

#[test]
fn the_command_prints_its_pages_and_suggests_one() {
    let run = |words: &[&str]| {
        let ran = Command::new(env!("CARGO_BIN_EXE_rollproof")).args(words).output().expect("it runs");
        (ran.status.code(), String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr))
    };
    let (code, text) = run(&["guide"]);
    assert!(code == Some(0) && PAGES.iter().all(|page| text.contains(page.about)), "{text}");
    assert_eq!(run(&["guide", "model"]), (Some(0), PAGES[0].text.to_owned()));
    let (code, text) = run(&["guide", "verdict"]);
    assert!(code == Some(2) && text.contains("did you mean `verdicts`?"), "{text}");
}
