//! From a file, its overrides and a strategy's name to a scenario, or to all that is wrong.

use std::fmt;
use std::path::Path;

use super::lower::{self, Lowered};
use super::{Limits, Own, presets, strategy};
use crate::config::{
    Diagnostics, Key, Override, Place, Problem, SourceId, Sources, Table, Value, ValueKind, parse as parse_text,
    render, render_wrapped,
};
use crate::fault::FaultSpec;
use crate::observe::laws::Objective;
use crate::strategy::delivery::Rollout;
use crate::world::spec::Spec;
use std::sync::Arc;

/// Keys of which one table has only one, so that an override of one replaces the other.
const EXCLUSIVE: &[&[&str]] =
    &[&["min_available", "max_unavailable"], &["fixed", "uniform", "exponential", "lognormal"]];

/// What was asked for, without a mistake.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name; the file's stem where the file gives none.
    pub name: String,
    /// The question it asks, in a sentence or two; may be empty.
    pub about: String,
    /// 32 hexadecimal digits over what the file means, overrides included: the same whatever comments, line ends and
    /// the order of keys.
    pub hash: String,
    /// The cluster, its apps and its users.
    pub spec: Arc<Spec>,
    /// Who upgrades it, and how.
    pub strategy: strategy::Chosen,
    /// New versions of apps, and who brings them to their users.
    pub rollouts: Vec<Rollout>,
    /// Who else acts on the cluster while the plan runs.
    pub beside: Vec<super::Beside>,
    /// What nature does.
    pub faults: Vec<FaultSpec>,
    /// What the plan is held to.
    pub objective: Objective,
    /// What it is held to with so many faults, where the scenario says so; in order of their number, from 1.
    pub objective_with_faults: Vec<(u32, Objective)>,
    /// What the program adds to the catalogues for it; no file can say it.
    pub own: Own,
    /// How far a run goes.
    pub limits: Limits,
    /// What it may not have meant.
    pub warnings: Warnings,
    /// What the file says, overrides included.
    pub table: Table,
    pub(super) resolved: String,
}

/// What a scenario may not have meant.
#[derive(Clone, Debug)]
pub struct Warnings {
    sources: Sources,
    problems: Vec<Problem>,
}

impl Warnings {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }
    /// What each says, without its place.
    pub fn messages(&self) -> impl Iterator<Item = &str> {
        self.problems.iter().map(|problem| problem.message.as_str())
    }
}

impl fmt::Display for Warnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems = Diagnostics::new();
        self.problems.iter().for_each(|problem| problems.report(problem.clone()));
        f.write_str(&page(&self.sources, &problems, f.alternate()))
    }
}

/// A scenario that cannot be used. Prints everything that is wrong, with its places; `{:#}` breaks long messages for a
/// terminal. Exit code 2.
#[derive(Clone, Debug)]
pub struct Refused {
    sources: Sources,
    problems: Diagnostics,
}

impl Refused {
    /// The texts that the places point into.
    pub const fn sources(&self) -> &Sources {
        &self.sources
    }
    /// Everything that is wrong.
    pub const fn problems(&self) -> &Diagnostics {
        &self.problems
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&page(&self.sources, &self.problems, f.alternate()))
    }
}

impl std::error::Error for Refused {}

/// With `{:#}` for a terminal, with `{}` one line a message.
fn page(sources: &Sources, problems: &Diagnostics, for_terminal: bool) -> String {
    if for_terminal { render_wrapped(sources, problems) } else { render(sources, problems) }
}

/// Reads a scenario's file. `overrides` are `path=value`; `strategy` replaces the file's.
///
/// # Errors
/// With everything that is wrong.
pub fn load(path: &Path, overrides: &[String], strategy: Option<&str>) -> Result<Scenario, Refused> {
    let (mut sources, problems) = (Sources::new(), Diagnostics::new());
    let Some(id) = sources.read(path, &problems) else { return Err(Refused { sources, problems }) };
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
    read(sources, problems, (id, &stem), (overrides, strategy), &Own::default())
}

/// Reads a scenario's text; `name` stands for the file in messages.
///
/// # Errors
/// With everything that is wrong.
pub fn parse(name: &str, text: &str, overrides: &[String], strategy: Option<&str>) -> Result<Scenario, Refused> {
    parse_with(name, text, (overrides, strategy), &Own::default())
}

/// The same with what a program adds to the catalogues: `changes` are the overrides and the strategy.
///
/// # Errors
/// With everything that is wrong.
pub fn parse_with(name: &str, text: &str, changes: (&[String], Option<&str>), own: &Own) -> Result<Scenario, Refused> {
    let (mut sources, problems) = (Sources::new(), Diagnostics::new());
    let id = sources.add(name, text);
    let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or(name).to_owned();
    read(sources, problems, (id, &stem), changes, own)
}

fn read(
    mut sources: Sources,
    problems: Diagnostics,
    (id, stem): (SourceId, &str),
    (overrides, strategy): (&[String], Option<&str>),
    own: &Own,
) -> Result<Scenario, Refused> {
    let mut root = parse_text(&sources, id, &problems);
    presets::expand(&mut root);
    for (index, argument) in overrides.iter().enumerate() {
        let name = format!("--set #{}", index + 1);
        if let Some(change) = Override::parse(argument, &name, &mut sources, &problems) {
            change.apply(&mut root, EXCLUSIVE, &problems);
        }
    }
    presets::expand(&mut root);
    if let Some(name) = strategy {
        strategy::replace(&mut root, name, own, (&mut sources, &problems));
    }
    let lowered = lower::lower(&root, stem, own, &problems);
    if problems.has_errors() {
        return Err(Refused { sources, problems });
    }
    Ok(scenario(lowered, root, own, Warnings { sources, problems: problems.sorted() }))
}

/// The scenario that a table means, such as a changed [`Scenario::table`], with what the program adds to the
/// catalogues; `name` is that of a file that gives none.
///
/// # Errors
/// With everything that is wrong; nothing has a place in a file.
pub fn from_table(name: &str, mut root: Table, own: &Own) -> Result<Scenario, Refused> {
    let (sources, problems) = (Sources::new(), Diagnostics::new());
    presets::expand(&mut root);
    let lowered = lower::lower(&root, name, own, &problems);
    if problems.has_errors() {
        return Err(Refused { sources, problems });
    }
    Ok(scenario(lowered, root, own, Warnings { sources, problems: problems.sorted() }))
}

fn scenario(lowered: Lowered, root: Table, own: &Own, warnings: Warnings) -> Scenario {
    let hash = root.fingerprint().iter().map(|byte| format!("{byte:02x}")).collect();
    Scenario {
        name: lowered.name,
        about: lowered.about,
        hash,
        spec: lowered.spec,
        strategy: lowered.strategy,
        rollouts: lowered.rollouts,
        beside: lowered.beside,
        faults: lowered.faults,
        objective: lowered.objectives.plain,
        objective_with_faults: lowered.objectives.faults,
        own: own.clone(),
        limits: lowered.limits,
        warnings,
        table: root,
        resolved: lowered.resolved,
    }
}

/// What the file says, overrides included, as a file of its own with a name.
pub fn document(scenario: &Scenario) -> String {
    let mut table = scenario.table.clone();
    if table.get("name").is_none() {
        let text = ValueKind::String(scenario.name.clone());
        let value = Value { kind: text, place: Place::Nowhere };
        table.entries.push((Key { name: "name".to_owned(), place: Place::Nowhere }, value));
    }
    crate::config::printed::document(&table)
}

/// The scenario as TOML with every default filled in, and where each comes from. Reading it gives an equal scenario.
pub fn resolved(scenario: &Scenario) -> &str {
    &scenario.resolved
}
