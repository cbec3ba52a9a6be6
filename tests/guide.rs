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

#[test]
fn the_strategy_that_the_guide_shows_is_the_one_that_there_is() {
    let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/strategy/none.rs"));
    let source = source.expect("it is there");
    let shown = PAGES.iter().flat_map(blocks).find(|block| block.kind.starts_with("rust")).expect("one is shown");
    assert!(source.contains(&shown.lines.join("\n")));
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
