//! Chains of causes for a person at a terminal: each effect below its cause, with the reference behind its rule.

use super::page::{Page, Tone};
use crate::prove::explain::Step;
use crate::sim::Outcome;
use crate::sim::outcome::Reason;

/// The page: at most 80 columns, one line break at the end of each line.
pub fn render(outcome: &Outcome, chains: &[(Reason, Vec<Step>)], color: bool) -> String {
    let mut page = Page::new(color);
    let about = format!("{}, {}, seed {}", outcome.scenario.name, outcome.strategy, outcome.seed);
    if chains.is_empty() {
        page.toned(Tone::Good, "nothing to explain: ", &format!("no law was broken ({about})"));
    }
    for (index, (reason, steps)) in chains.iter().enumerate() {
        if index > 0 {
            page.gap();
        }
        page.toned(Tone::Bad, &format!("{}: ", reason.law), "");
        page.paragraph("  ", &format!("{} ({about})", reason.message));
        for step in steps {
            let margin = "  ".repeat(step.depth + 1);
            page.paragraph(&margin, &step.text);
            if let Some(reference) = step.reference {
                page.toned(Tone::Dim, &format!("{margin}    [{reference}]"), "");
            }
        }
    }
    page.finish()
}
