//! The upgrade as one line a unit: label, start, length, and a bar whose letters are the phases.

use super::figures::{clock, short_length};
use super::overlap::uncovered;
use super::safe::padded;
use crate::sim::outcome::Step;

/// Columns of the bar.
pub(super) const BAR: usize = 46;
/// Columns of the label.
pub(super) const LABEL: usize = 14;

/// The phases with their letters, in the order a unit goes through them. The names are those of `StepPhase`.
pub(super) const LETTERS: [(&str, char); 10] = [
    ("premarked", 'p'),
    ("surge-wait", 'w'),
    ("cordoned", 'c'),
    ("draining", 'd'),
    ("detaching", 'x'),
    ("transition", 't'),
    ("booting", 'b'),
    ("joining", 'j'),
    ("gate", 'g'),
    ("soak", 's'),
];

/// One unit with its phases.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct UnitBar<'a> {
    /// Its label.
    pub(super) unit: &'a str,
    /// Its phases as (name, start, end) in seconds; a phase that never ended goes to the end of the run.
    pub(super) phases: Vec<(&'a str, f64, f64)>,
    /// Whether it was still in a phase at the end.
    pub(super) open: bool,
}

impl UnitBar<'_> {
    /// Start of its first phase, seconds.
    pub(super) fn start(&self) -> f64 {
        self.phases.iter().map(|&(_, start, _)| start).fold(f64::INFINITY, f64::min)
    }
    /// End of its last phase, seconds.
    pub(super) fn end(&self) -> f64 {
        self.phases.iter().map(|&(_, _, end)| end).fold(0.0, f64::max)
    }

    /// The line, at most 80 columns: label, start, length, bar over the time from `from` to `to`.
    pub(super) fn line(&self, from: f64, to: f64) -> String {
        format!(
            "  {} {:>7} {:>7}  {}",
            padded(self.unit, LABEL),
            clock(self.start()),
            short_length(self.end() - self.start()),
            self.bar(from, to)
        )
    }

    /// The bar: each cell shows the phase that takes most of its time; a phase of any length shows in at least one
    /// cell unless a longer one has it.
    fn bar(&self, from: f64, to: f64) -> String {
        let step = ((to - from) / BAR as f64).max(1e-9);
        let mut bar: String = (0..BAR).map(|cell| self.cell(from + step * cell as f64, step)).collect();
        let kept = bar.trim_end_matches('·').len();
        bar.truncate(kept);
        bar
    }

    fn cell(&self, start: f64, step: f64) -> char {
        let mut best = ('·', 0.0);
        for &(phase, from, to) in &self.phases {
            let shared = to.min(start + step) - from.max(start);
            // An instant counts where it falls.
            let instant = from == to && (start..start + step).contains(&from);
            let shared = if instant { step * 1e-6 } else { shared };
            if shared > best.1 {
                best = (letter(phase), shared);
            }
        }
        best.0
    }
}

/// The letter of a phase; `?` for one this version does not know.
pub(super) fn letter(phase: &str) -> char {
    LETTERS.iter().find(|(name, _)| *name == phase).map_or('?', |&(_, letter)| letter)
}

/// The units in the order of their first phase.
pub(super) fn units(steps: &[Step], end: f64) -> Vec<UnitBar<'_>> {
    let mut index: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    let mut units: Vec<UnitBar<'_>> = Vec::new();
    for step in steps {
        let place = *index.entry(&step.unit).or_insert_with(|| {
            units.push(UnitBar { unit: &step.unit, phases: Vec::new(), open: false });
            units.len() - 1
        });
        units[place].phases.push((&step.phase, step.start_s, step.end_s.unwrap_or(end)));
        units[place].open |= step.end_s.is_none();
    }
    for unit in &mut units {
        let phases: Vec<_> = unit.phases.iter().map(|&(phase, from, to)| ((from, to), phase)).collect();
        unit.phases = uncovered(&phases).into_iter().map(|((from, to), phase)| (phase, from, to)).collect();
    }
    // A gate that passed at once before a whole pool is no line worth.
    units.retain(|unit| unit.open || unit.end() > unit.start());
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(unit: &str, phase: &str, start_s: f64, end_s: Option<f64>) -> Step {
        Step { unit: unit.to_owned(), phase: phase.to_owned(), start_s, end_s }
    }

    #[test]
    fn a_cell_shows_the_phase_that_takes_most_of_it() {
        let steps = [
            step("n1", "draining", 0.0, Some(20.0)),
            step("n1", "booting", 20.0, Some(46.0)),
            step("n2", "draining", 40.0, None),
        ];
        let units = units(&steps, 46.0);
        assert_eq!(units.len(), 2);
        assert_eq!(units[0].bar(0.0, 46.0), format!("{}{}", "d".repeat(20), "b".repeat(26)));
        assert_eq!(units[1].bar(0.0, 46.0), format!("{}{}", "·".repeat(40), "d".repeat(6)));
        assert!(units[1].open && !units[0].open);
    }

    #[test]
    fn letters_differ() {
        let mut letters: Vec<char> = LETTERS.iter().map(|&(_, letter)| letter).collect();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), LETTERS.len());
        assert_eq!(letter("unheard-of"), '?');
    }
}
