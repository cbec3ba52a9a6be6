//! `rollproof check`: what is wrong with a scenario, without running it.

use rollproof::{scenario, sim};

use super::args::Check;
use super::exit::{Exit, Failure};
use super::run::{failure, load};
use super::terminal::Terminal;

/// Reads the scenario; with `--resolved` prints it with every default filled in.
pub(crate) fn check(check: &Check, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let plan = load(&check.plan)?;
    if !plan.warnings.is_empty() {
        terminal.note(&plan.warnings.to_string());
    }
    // Seed 1 stands for all: whether the pods fit at all hardly depends on luck.
    sim::Simulation::new(&plan, 1, false).map_err(|error| failure(&error, 1))?;
    if check.resolved {
        terminal.print(scenario::resolved(&plan))?;
    } else {
        terminal.print(&format!("{}: no problem found\n", rollproof::report::safe::escaped(&plan.name)))?;
    }
    Ok(Exit::Holds)
}
