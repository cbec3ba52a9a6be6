//! The link of a worker goes down; its pods run on.

use super::super::line::{Line, Problem};
use super::super::params::Params;
use super::super::requests::{self, Load};
use super::super::row::{Aspect, Rows};
use super::{ACT, Experiment, Plan, cluster, part};
use crate::base::{Span, Time};
use crate::observe::trace::Trace;
use crate::sim::Finished;
use crate::world::fact::Fact;
use crate::world::store::{Endpoint, NodeReady};

/// See its fields.
pub static EXPERIMENT: Experiment = Experiment {
    name: "nodekill",
    about: "The link of a worker goes down; its pods run on.",
    details: "The node's pods leave the slices when the node's Ready condition is unknown.",
    plan,
    measured,
    simulated,
    fitted: &[],
};

/// A run lasts at least this long after the act: longer than the node's grace.
const LEAST: Span = Span::secs(75);
/// Places of endpoint changes that are rows of their own.
const CHANGES: [&str; 2] = ["first endpoint change", "second endpoint change"];

fn plan(params: &Params<'_>, line: &Line) -> Plan {
    let (clients, sending) = cluster::clients(params, line);
    let mut overrides = cluster::app(params);
    overrides.extend(clients);
    overrides.push(cluster::ends(cluster::end_of(&sending).max(LEAST)));
    let text = include_str!("../../../scenarios/measured/nodekill.toml");
    Plan { name: "nodekill", text, overrides, ..Plan::default() }
}

fn measured(line: &Line) -> Result<Rows, Problem> {
    let mut rows = Rows::default();
    if let Some(load) = part::<Load>(line, "load")? {
        requests::measured(&load, &mut rows);
    }
    if line.result.contains_key("notready") {
        rows.seconds(Aspect::Course, "node not ready", part(line, "notready")?);
    }
    // Where all changes were noted, they tell of the first one, too.
    let changes: Option<Vec<(f64, serde_json::Value)>> = part(line, "endpoints")?;
    match changes {
        Some(changes) => {
            for (place, name) in CHANGES.into_iter().enumerate() {
                rows.seconds(Aspect::Pods, name, changes.get(place).map(|(at, _)| *at));
            }
        }
        None if line.result.contains_key("endpoints_first_change") => {
            rows.seconds(Aspect::Pods, CHANGES[0], part(line, "endpoints_first_change")?);
        }
        None => {}
    }
    if line.result.contains_key("first_eviction") {
        rows.seconds(Aspect::Pods, "first eviction", part(line, "first_eviction")?);
    }
    Ok(rows)
}

fn simulated(finished: &Finished, _: &Plan) -> Rows {
    let mut rows = Rows::default();
    let Some(trace) = &finished.trace else { return rows };
    requests::simulated(&finished.outcome, trace, ACT, &mut rows);
    let unknown = |fact: &Fact| matches!(fact, Fact::NodeReadyIs { ready: NodeReady::Unknown, .. });
    rows.seconds(Aspect::Course, "node not ready", times(trace, unknown).next());
    let left = |fact: &Fact| matches!(fact, Fact::EndpointSet { endpoint: Endpoint::Absent, .. });
    let mut changes = times(trace, left);
    for name in CHANGES {
        rows.seconds(Aspect::Pods, name, changes.next());
    }
    let deleting = |fact: &Fact| matches!(fact, Fact::PodDeleting { .. });
    rows.seconds(Aspect::Pods, "first eviction", times(trace, deleting).next());
    rows
}

/// When such facts happened, in seconds from the act.
fn times<'t>(trace: &'t Trace, wanted: impl Fn(&Fact) -> bool + 't) -> impl Iterator<Item = f64> + 't {
    let after = |at: Time| at.since(ACT).as_secs_f64();
    trace.records.iter().filter(move |record| record.at >= ACT && wanted(&record.fact)).map(move |r| after(r.at))
}
