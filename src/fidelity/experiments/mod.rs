//! The experiments that can be compared: one file and one line of [`CATALOG`] each.

mod cluster;
mod leasekill;
mod nodekill;
mod rollout;

use super::line::{Line, Problem};
use super::params::Params;
use super::row::Rows;
use crate::base::Time;
use crate::sim::Finished;

/// The moment of the act in every simulated run: the cluster has been in steady state for a minute then.
pub(super) const ACT: Time = Time::from_nanos(60_000_000_000);

/// A kind of experiment.
pub struct Experiment {
    /// Its name in measured lines.
    pub name: &'static str,
    /// What was done.
    pub about: &'static str,
    /// What its rows mean where a name alone may not say it, and what was done to make both sides comparable.
    pub details: &'static str,
    /// The scenario of a line.
    pub plan: fn(&Params<'_>, &Line) -> Plan,
    /// The rows of a measured line.
    pub measured: fn(&Line) -> Result<Rows, Problem>,
    /// The rows of a simulated run.
    pub simulated: fn(&Finished) -> Rows,
    /// Rows that a parameter of the model was set by, and which.
    pub fitted: &'static [(&'static str, &'static str)],
}

/// What is simulated for a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Plan {
    /// The scenario's name.
    pub name: &'static str,
    /// The scenario.
    pub text: &'static str,
    /// What the line's parameters change in it.
    pub overrides: Vec<String>,
}

/// All experiments, in the order of reports.
pub static CATALOG: &[&Experiment] =
    &[&leasekill::EXPERIMENT, &rollout::EXPERIMENT, &nodekill::EXPERIMENT];

/// The experiment of this name.
pub fn find(name: &str) -> Option<&'static Experiment> {
    CATALOG.iter().find(|experiment| experiment.name == name).copied()
}

/// A part of a measured result, read into its type.
fn part<T: serde::de::DeserializeOwned>(line: &Line, key: &str) -> Result<Option<T>, Problem> {
    let Some(value) = line.result.get(key).filter(|value| !value.is_null()) else { return Ok(None) };
    serde_json::from_value(value.clone()).map(Some).map_err(|error| {
        Problem::new(&line.place, format!("`result.{key}` cannot be read: {error}"), "see tests/measured/README.md for its form")
    })
}
