//! The experiments that can be compared: one file and one line of [`CATALOG`] each.

mod cluster;
mod drain;
mod drainone;
mod etcdkill;
mod leasekill;
mod masters;
mod nodekill;
mod rollout;
mod upgradeworkers;

use super::line::{Line, Problem};
use super::params::Params;
use super::row::Rows;
use crate::base::{Span, Time};
use crate::sim::Finished;

/// The moment of the act in every simulated run: the cluster has been in steady state for a minute then, and probes,
/// leases and heartbeats have phases of their own, so that it falls at a random moment of each.
const ACT: Time = Time::from_nanos(60_000_000_000);

/// A kind of experiment.
pub struct Experiment {
    /// Its name in measured lines.
    pub name: &'static str,
    /// What was done.
    pub about: &'static str,
    /// What its rows mean where a name alone may not say it, and what was done to make both sides comparable.
    pub details: &'static str,
    /// The scenario of a line.
    pub(super) plan: fn(&Params<'_>, &Line) -> Plan,
    /// The rows of a measured line.
    pub(super) measured: fn(&Line) -> Result<Rows, Problem>,
    /// The rows of a simulated run.
    pub(super) simulated: fn(&Finished, &Plan) -> Rows,
    /// Rows that a parameter of the model was set by, and which: they do not count.
    pub fitted: &'static [(&'static str, &'static str)],
}

/// What is simulated for a line.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Plan {
    /// The scenario's name.
    pub name: &'static str,
    /// The scenario.
    pub text: &'static str,
    /// What the line's parameters change in it.
    pub overrides: Vec<String>,
    /// From one machine's act to the next, for experiments that walk masters.
    pub step: Span,
}

/// All experiments, in the order of reports.
pub static CATALOG: &[&Experiment] = &[
    &etcdkill::EXPERIMENT,
    &leasekill::EXPERIMENT,
    &masters::EXPERIMENT,
    &nodekill::EXPERIMENT,
    &rollout::EXPERIMENT,
    &drainone::EXPERIMENT,
    &upgradeworkers::EXPERIMENT,
];

/// The experiment of this name.
pub fn find(name: &str) -> Option<&'static Experiment> {
    CATALOG.iter().find(|experiment| experiment.name == name).copied()
}

/// A part of a measured result, read into its type; `None` where it is not there or null.
fn part<T: serde::de::DeserializeOwned>(line: &Line, key: &str) -> Result<Option<T>, Problem> {
    let Some(value) = line.result.get(key).filter(|value| !value.is_null()) else { return Ok(None) };
    serde_json::from_value(value.clone()).map(Some).map_err(|error| {
        let help = "tests/measured/README.md describes its form";
        Problem::new(&line.place, format!("`result.{key}` cannot be read: {error}"), help)
    })
}
