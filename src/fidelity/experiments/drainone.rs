//! `kubectl drain` of one worker.

use super::super::line::{Line, Problem};
use super::super::params::Params;
use super::super::pods::{self, PodTimes};
use super::super::requests::{self, Load};
use super::super::row::Rows;
use super::drain::{self, Drain};
use super::{ACT, Experiment, Plan, cluster, part};
use crate::base::Span;
use crate::sim::Finished;

/// See its fields.
pub static EXPERIMENT: Experiment = Experiment {
    name: "drainone",
    about: "Cordon and eviction of all pods of one worker.",
    details: "A drain is over when the last of its pods is gone from the API, looked at once a second.",
    plan,
    measured,
    simulated,
    fitted: &[
        ("first deletion", "strategy.command_time of scenarios/measured"),
        ("last deletion", "strategy.retry_time of scenarios/measured"),
    ],
};

/// The slowest pods take less than this to go.
const SLOWEST: Span = Span::secs(90);

fn plan(params: &Params<'_>, line: &Line) -> Plan {
    let (clients, sending) = cluster::clients(params, line);
    let mut overrides = cluster::app(params);
    overrides.extend(clients);
    // The first worker had the pods in every measurement that does not say which; the model's may be another.
    let nodes = match params.text("node") {
        "" | "auto" | "w1" => "busiest".to_owned(),
        node => match node.strip_prefix('w').filter(|number| number.parse::<u8>().is_ok()) {
            Some(number) => format!("workers-{number}"),
            None => {
                params.refuse_text("node", node, "give \"auto\" or a worker such as \"w1\"");
                "busiest".to_owned()
            }
        },
    };
    overrides.push(format!("strategy.nodes=\"{nodes}\""));
    // The plan ends with the drain, the run a tail after: not before the client has stopped.
    let tail = cluster::millis(cluster::end_of(&sending));
    overrides.push(format!("limits.tail=\"{tail}ms\""));
    overrides.push(cluster::ends(cluster::end_of(&sending) + SLOWEST));
    Plan {
        name: "drainone",
        text: include_str!("../../../scenarios/measured/drainone.toml"),
        overrides,
        ..Plan::default()
    }
}

fn measured(line: &Line) -> Result<Rows, Problem> {
    let mut rows = Rows::default();
    if let Some(load) = part::<Load>(line, "load")? {
        requests::measured(&load, &mut rows);
    }
    if let Some(drain) = part::<Drain>(line, "drain")? {
        drain.rows("", &mut rows);
    }
    if let Some(times) = part::<Vec<PodTimes>>(line, "pods")? {
        pods::rows(&times, 0, &mut rows);
    }
    Ok(rows)
}

fn simulated(finished: &Finished, _: &Plan) -> Rows {
    let mut rows = Rows::default();
    let Some(trace) = &finished.trace else { return rows };
    requests::simulated(&finished.outcome, trace, ACT, &mut rows);
    if let Some(drained) = drain::simulated(finished, trace).first() {
        drained.drain.rows("", &mut rows);
    }
    pods::rows(&pods::simulated(trace, ACT), 0, &mut rows);
    rows
}
