//! `rollproof check`: what is wrong with a scenario, without running it.

use super::args::Check;
use super::exit::{Exit, Failure};
use super::floors::scenario;
use super::run::load;
use super::terminal::Terminal;

/// Reads the scenario; with `--resolved` prints it with every default filled in.
pub(crate) fn check(check: &Check, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let plan = load(&check.plan)?;
    let resolved =
        scenario::resolved(&plan).map_err(|message| Failure::Internal { message: message.to_string(), seed: None })?;
    if check.resolved {
        terminal.print(&resolved)?;
    } else {
        terminal.print(&format!("{}: no problem found\n", rollproof::report::safe::escaped(&plan.name)))?;
    }
    Ok(Exit::Holds)
}
