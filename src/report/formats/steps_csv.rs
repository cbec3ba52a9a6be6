//! The upgrade's steps as a table.

use super::table::{Cell, table};
use super::{Format, Found, Origin};

/// The line of the catalogue.
pub static FORMAT: Format = Format {
    name: "csv-steps",
    file: "steps.csv",
    about: "every unit's phases: unit, phase, start and end in seconds",
    of_proofs: false,
    render,
};

fn render(found: Found<'_>, _: Origin<'_>) -> Option<String> {
    let Found::Run(outcome, _) = found else { return None };
    let rows = outcome.upgrade.steps.iter().map(|step| {
        let (start, end) = (Cell::seconds(Some(step.start_s)), Cell::seconds(step.end_s));
        [Cell::text(&step.unit), Cell::text(&step.phase), start, end]
    });
    table(["unit", "phase", "start_s", "end_s"], rows)
}
