//! The report as one page that replays the run, for a browser.

use super::{Format, Found, Origin};
use crate::report::replay;

/// The line of the catalogue.
pub static FORMAT: Format = Format {
    name: "html",
    file: "report.html",
    about: "one page that replays the run in a browser: cluster, events and their causes, figures; nothing is loaded",
    of_proofs: false,
    render,
};

fn render(found: Found<'_>, origin: Origin<'_>) -> Option<String> {
    let Found::Run(outcome, Some(trace)) = found else { return None };
    replay::render(outcome, trace, origin.command)
}
