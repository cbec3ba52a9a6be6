//! A summary for a pull request, in GitHub's Markdown.

use super::{Format, Found, Origin};
use crate::prove::Proof;
use crate::report::figures::count;
use crate::report::safe::escaped;
use crate::sim::Outcome;
use crate::sim::outcome::Verdict;

/// The line of the catalogue.
pub static FORMAT: Format = Format {
    name: "markdown",
    file: "summary.md",
    about: "a summary for a pull request or the summary of a CI job",
    of_proofs: true,
    render,
};

/// More reasons than this are counted only.
const REASONS_MAX: usize = 5;

fn render(found: Found<'_>, origin: Origin<'_>) -> Option<String> {
    let mut lines = match found {
        Found::Run(outcome, _) => run(outcome),
        Found::Proof(proof) => proven(proof),
    };
    lines.extend([String::new(), "Reproduce:".to_owned(), String::new()]);
    lines.push(format!("    {}", escaped(origin.command)));
    Some(lines.join("\n") + "\n")
}

fn headline(verdict: Verdict, name: &str) -> String {
    let word = match verdict {
        Verdict::Holds => "✅ holds",
        Verdict::Refuted => "❌ refuted",
        Verdict::Undecided => "❔ undecided",
    };
    format!("### {}: {word}", text(name))
}

fn run(outcome: &Outcome) -> Vec<String> {
    let requests = &outcome.requests;
    let mut lines = vec![headline(outcome.verdict, &outcome.scenario.name), String::new()];
    lines.extend(["| | |".to_owned(), "|---|---|".to_owned()]);
    let mut row = |key: &str, value: String| lines.push(format!("| {key} | {value} |"));
    row("Strategy", text(&outcome.strategy));
    row("Upgrade", format!("{} in {:.0} s", word(outcome.upgrade.result), outcome.upgrade.seconds));
    row("Requests", format!("{} sent, {} lost", count(requests.sent), count(requests.lost)));
    row("Exposed", format!("{:.3} s", requests.exposed_s));
    row("Seed", outcome.seed.to_string());
    for (cause, lost) in &requests.by_cause {
        row(&format!("Lost: {}", text(cause)), count(*lost));
    }
    if !outcome.reasons.is_empty() {
        lines.push(String::new());
    }
    let told = |reason: &crate::sim::outcome::Reason| {
        format!("- **{}** at {:.3} s: {}", text(&reason.law), reason.at_s, text(&reason.message))
    };
    lines.extend(outcome.reasons.iter().take(REASONS_MAX).map(told));
    if let Some(more) = outcome.reasons.len().checked_sub(REASONS_MAX).filter(|more| *more > 0) {
        lines.push(format!("- and {more} more"));
    }
    lines
}

fn word(result: crate::sim::outcome::UpgradeResult) -> &'static str {
    use crate::sim::outcome::UpgradeResult;
    match result {
        UpgradeResult::Completed => "completed",
        UpgradeResult::Failed => "failed",
        UpgradeResult::Stalled => "stalled",
        UpgradeResult::Horizon => "had not ended",
    }
}

fn proven(proof: &Proof) -> Vec<String> {
    let mut lines = vec![headline(proof.verdict, &proof.scenario.name), String::new(), text(&proof.finding)];
    lines.extend([String::new(), "| faults | method | runs | refuted |".to_owned(), "|--:|---|--:|--:|".to_owned()]);
    lines.extend(proof.stages.iter().map(|stage| {
        let (faults, tally) = (stage.faults, &stage.tally);
        format!("| {faults} | {} | {} | {} |", stage.method.name(), count(tally.runs), count(tally.refuted))
    }));
    lines.extend(proof.undecided.iter().map(|why| format!("- {}", text(why))));
    lines
}

/// Text as Markdown shows it: nothing in it is markup, a link, a mention or the end of a cell.
fn text(text: &str) -> String {
    let mut safe = String::new();
    for c in escaped(text).chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '!' | '|' | '~' => {
                safe.push('\\');
                safe.push(c);
            }
            // A zero-width space keeps it from being a mention.
            '@' => safe.push_str("@\u{200b}"),
            _ => safe.push(c),
        }
    }
    safe
}
