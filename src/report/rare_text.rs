//! The probability of something rare, for a person at a terminal.

use super::figures::{count, counted};
use super::page::{Page, Tone};
use crate::prove::rare::RareFound;
use crate::sim::outcome::Verdict;

/// The page: at most 80 columns, one line break at the end of each line.
pub fn render(found: &RareFound, color: bool) -> String {
    let mut page = Page::new(color);
    let [low, high] = found.interval;
    let percent = found.confidence * 100.0;
    let figure = format!("{:.2e} ({percent} %: {low:.2e} to {high:.2e})", found.probability);
    match (found.bound, found.verdict) {
        (_, Verdict::Undecided) if found.probability == 0.0 => {
            page.toned(Tone::Doubt, "? NO FIGURE: ", "no run came to it")
        }
        (None, _) => page.toned(Tone::Good, "", &figure),
        (Some(bound), Verdict::Holds) => page.toned(Tone::Good, &format!("✓ BELOW {bound}: "), &figure),
        (Some(bound), Verdict::Refuted) => page.toned(Tone::Bad, &format!("✗ ABOVE {bound}: "), &figure),
        (Some(bound), Verdict::Undecided) => page.toned(Tone::Doubt, &format!("? {bound} IS OPEN: "), &figure),
    }
    page.paragraph("  ", &found.of);
    page.paragraph("  ", &format!("{}; before the plan, or the horizon, has ended", found.scenario.name));
    page.heading("LEVELS", &format!("{}, each from its start", counted(found.replicates, "replicate")));
    for level in &found.levels {
        let share = level.reached as f64 / level.runs.max(1) as f64;
        let share = if share < 0.001 && share > 0.0 { format!("{share:.2e}") } else { format!("{share:.4}") };
        let line =
            format!("  {:<22} {:>10} of {:>10} runs  {share}", level.what, count(level.reached), count(level.runs));
        page.line(&line);
    }
    page.paragraph(
        "  ",
        "The runs of a level begin where those that reached the level before stood, with new luck for the faults that \
         come by a rate. The interval is approximate: by Student's distribution over the replicates.",
    );
    page.finish()
}
