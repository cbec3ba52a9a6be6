//! Exercises for a person at a terminal: the list, how one begins, what a check found.

use super::page::{Page, Tone};
use super::safe::escaped;
use crate::lab::{CATALOG, Checked, Lab};

/// All exercises.
pub fn list(color: bool) -> String {
    let mut page = Page::new(color);
    for (place, lab) in CATALOG.iter().enumerate() {
        page.line(&format!("{:>4}  {}", place + 1, lab.title));
    }
    page.gap();
    page.line("Begin with `rollproof lab start 1 lab-1`.");
    page.finish()
}

/// How an exercise begins, in this folder, with this file to edit.
pub fn begin((number, lab): (usize, &Lab), folder: &str, file: &str, color: bool) -> String {
    let mut page = Page::new(color);
    page.toned(Tone::Head, &format!("Lab {number}: {}", lab.title), "");
    page.gap();
    for line in lab.text.lines() {
        page.line(line);
    }
    let folder = escaped(folder);
    page.gap();
    page.paragraph("", &format!("Edit {folder}/{file}, then: rollproof lab check {folder}"));
    page.paragraph("", &format!("Stuck? rollproof lab hint {folder}"));
    page.finish()
}

/// What a check found.
pub fn checked((number, lab): (usize, &Lab), checked: &Checked, folder: &str, color: bool) -> String {
    let mut page = Page::new(color);
    match checked {
        Checked::Passed => page.toned(Tone::Good, &format!("✓ lab {number} passes: "), lab.title),
        Checked::Changed(paths) => {
            page.toned(Tone::Bad, &format!("✗ lab {number}: "), "these keys must stay as they were");
            paths.iter().for_each(|path| page.paragraph("    ", path));
            let open = if lab.open.is_empty() { "nothing of the plan".to_owned() } else { lab.open.join(", ") };
            page.paragraph("  ", &format!("You may change: {open}."));
        }
        Checked::Unanswered(questions) => {
            page.toned(Tone::Bad, &format!("✗ lab {number}: "), "not answered yet, or not so");
            for question in questions {
                page.paragraph("    ", &format!("{}: {}", question.key, question.asks));
            }
        }
        Checked::Fails(why, found) => {
            page.toned(Tone::Bad, &format!("✗ lab {number} still fails: "), "the goal is not met");
            page.paragraph("  ", why);
            for line in found.iter().flat_map(|found| &found.chain) {
                page.paragraph("    ", line);
            }
        }
    }
    if !matches!(checked, Checked::Passed) {
        page.paragraph("  ", &format!("A hint: rollproof lab hint {}", escaped(folder)));
    }
    page.finish()
}
