//! Workers in turn: drained, their processes stopped and started, uncordoned.

use serde::Deserialize;

use super::super::line::{Line, Problem};
use super::super::params::Params;
use super::super::pods::{self, PodTimes};
use super::super::requests::{self, Load};
use super::super::row::{Aspect, Rows};
use super::drain::{self, Drain};
use super::{ACT, Experiment, Plan, cluster, part};
use crate::base::Span;
use crate::sim::Finished;

/// See its fields.
pub static EXPERIMENT: Experiment = Experiment {
    name: "upgradeworkers",
    about: "Workers in turn: drain, stop, start, Ready, uncordon.",
    details: "Rows of a worker begin with its name. A drain's rows as in drainone.",
    plan,
    measured,
    simulated,
    fitted: &[
        ("scheduled to ready (mid)", "cluster.timings.kubelet_start of scenarios/measured"),
        ("scheduled to ready (max)", "cluster.timings.kubelet_start of scenarios/measured"),
    ],
};

/// The slowest pods take less than this to go.
const SLOWEST: Span = Span::secs(90);

/// One worker's turn in a measured result.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Step {
    node: String,
    start: Option<f64>,
    drain: Option<Drain>,
    ready_after: Option<f64>,
}

fn plan(params: &Params<'_>, line: &Line) -> Plan {
    let (clients, sending) = cluster::clients(params, line);
    let mut overrides = cluster::app(params);
    overrides.extend(clients);
    let down = params.span("down", Span::secs(5));
    overrides.push(format!("strategy.worker_down=\"{}ms\"", cluster::millis(down)));
    let tail = cluster::millis(cluster::end_of(&sending));
    overrides.push(format!("limits.tail=\"{tail}ms\""));
    overrides.push(cluster::ends(cluster::end_of(&sending) + SLOWEST * 3));
    let text = include_str!("../../../scenarios/measured/upgradeworkers.toml");
    Plan { name: "upgradeworkers", text, overrides, ..Plan::default() }
}

fn measured(line: &Line) -> Result<Rows, Problem> {
    let mut rows = Rows::default();
    if let Some(load) = part::<Load>(line, "load")? {
        requests::measured(&load, &mut rows);
    }
    if let Some(seconds) = part(line, "secs")? {
        rows.seconds(Aspect::Course, "whole upgrade", Some(seconds));
    }
    for step in part::<Vec<Step>>(line, "steps")?.unwrap_or_default() {
        let of = format!("{}: ", step.node);
        if let Some(start) = step.start {
            rows.seconds(Aspect::Course, format!("{of}begins"), Some(start));
        }
        step.drain.unwrap_or_default().rows(&of, &mut rows);
        if let Some(seconds) = step.ready_after {
            rows.seconds(Aspect::Course, format!("{of}ready after start"), Some(seconds));
        }
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
    let steps = &finished.outcome.upgrade.steps;
    let end = steps.iter().map(|step| step.end_s).try_fold(0.0_f64, |last, end| Some(last.max(end?)));
    rows.seconds(Aspect::Course, "whole upgrade", end.map(|end| end - ACT.secs_f64()));
    for drained in drain::simulated(finished, trace) {
        let of = format!("{}: ", cluster::short(&drained.unit));
        rows.seconds(Aspect::Course, format!("{of}begins"), Some(drained.start));
        drained.drain.rows(&of, &mut rows);
        // From the last service's start until the node was found Ready.
        let joining = steps.iter().find(|step| step.unit == drained.unit && step.phase == "joining");
        let lasted = joining.and_then(|step| Some(step.end_s? - step.start_s));
        rows.seconds(Aspect::Course, format!("{of}ready after start"), lasted);
    }
    pods::rows(&pods::simulated(trace, ACT), 0, &mut rows);
    rows
}
