//! `rollproof check`: what is wrong with a scenario, without running it.

use rollproof::prove::checks;
use rollproof::report::findings_text;
use rollproof::{scenario, sim};
use serde_json::json;

use super::args::{Args, Check, Form};
use super::exit::{Exit, Failure};
use super::run::{failure, load};
use super::terminal::Terminal;

/// Reads the scenario and says what it shows of the plan; with `--resolved` prints it with every default filled in.
pub(crate) fn check(args: &Args, check: &Check, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let plan = load(&check.plan)?;
    if !plan.warnings.is_empty() {
        terminal.note(&format!("{:#}", plan.warnings));
    }
    // Seed 1 stands for all: whether the pods fit at all hardly depends on luck.
    sim::Simulation::new(&plan, 1, false).map_err(|error| failure(&error, 1))?;
    if check.resolved {
        terminal.print(scenario::resolved(&plan))?;
    } else if args.output == Form::Json {
        let warnings: Vec<&str> = plan.warnings.messages().collect();
        let scenario = json!({ "name": plan.name, "hash": plan.hash });
        let findings = checks::all(&plan);
        let found = json!({ "schema": 1, "scenario": scenario, "warnings": warnings, "findings": findings });
        terminal.print(&format!("{found:#}\n"))?;
    } else {
        let found = if plan.warnings.is_empty() { "no problem found" } else { "usable; see the warnings" };
        terminal.print(&format!("{}: {found}\n", rollproof::report::safe::escaped(&plan.name)))?;
        terminal.print(&findings_text::render(&checks::all(&plan)))?;
    }
    Ok(Exit::Holds)
}
