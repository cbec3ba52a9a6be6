//! What measuring clients saw, for the page.

use super::figures::{count, counted, length};
use super::page::Page;
use super::safe::escaped;
use crate::sim::Outcome;
use crate::sim::outcome::ProbeFigures;

/// Targets of one probe shown.
const TARGETS: usize = 9;

/// A section on measuring clients, where there are any.
pub(super) fn section(page: &mut Page, outcome: &Outcome) {
    if outcome.probes.is_empty() {
        return;
    }
    page.heading("PROBES", &counted(outcome.probes.len() as u64, "measuring client"));
    for (name, targets) in &outcome.probes {
        for (target, figures) in targets.iter().take(TARGETS) {
            page.paragraph("  ", &line(&format!("{} to {}", escaped(name), escaped(target)), figures));
        }
        page.more("  ", targets.len().saturating_sub(TARGETS), " targets");
    }
}

fn line(head: &str, figures: &ProbeFigures) -> String {
    let mut said = format!("{head}: {} sent, {} failed", count(figures.sent), count(figures.failed));
    if let Some([first, last]) = figures.failed_sent_s {
        let after = length(figures.fail_after_s);
        said.push_str(&format!(" (sent from {first:.3} s to {last:.3} s, after up to {after})"));
    }
    said.push_str(&format!(", {} slow", count(figures.slow)));
    if let Some([gap, since]) = figures.longest_ok_gap_s {
        said.push_str(&format!(", longest gap {gap:.3} s from {since:.3} s"));
    }
    said
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::report::sample;
    use crate::report::text::{Style, render};

    #[test]
    fn probes_have_a_section_where_there_are_any() {
        let mut outcome = sample::holds();
        assert!(!render(&outcome, None, &Style::default()).contains("PROBES"));
        let figures = ProbeFigures {
            sent: 150,
            ok: 98,
            failed: 52,
            longest_ok_gap_s: Some([1.1503, 19.999]),
            failed_sent_s: Some([20.016, 21.123]),
            fail_after_s: 7.0002,
            ..ProbeFigures::default()
        };
        let targets = BTreeMap::from([("master-1".to_owned(), figures)]);
        outcome.probes = BTreeMap::from([("puts".to_owned(), targets)]);
        let page = render(&outcome, None, &Style::default());
        let section = "PROBES  1 measuring client\n  puts to master-1: 150 sent, 52 failed";
        assert!(page.contains(section), "{page}");
        assert!(page.contains("longest gap 1.150 s from 19.999 s"), "{page}");
    }
}
