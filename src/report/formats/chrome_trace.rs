//! The trace event format, which Perfetto and `chrome://tracing` open: the plan's steps as slices, ready pods, etcd's
//! margin and losses as counters, faults as marks.
//!
//! Source: "Trace Event Format" (Google, 2016). Times are microseconds.

use serde_json::{Value as Json, json};

use super::{Format, Found, Origin};
use crate::observe::trace::Trace;
use crate::report::{json, series};
use crate::sim::Outcome;
use crate::world::fact::Fact;

/// The line of the catalogue.
pub static FORMAT: Format = Format {
    name: "trace",
    file: "trace.json",
    about: "a trace that Perfetto and chrome://tracing open: steps, faults, ready pods, etcd's margin, losses",
    of_proofs: false,
    render,
};

/// The rows of the plan, and those of the cluster.
const PLAN: u32 = 1;
const CLUSTER: u32 = 2;

fn render(found: Found<'_>, _: Origin<'_>) -> Option<String> {
    let Found::Run(outcome, trace) = found else { return None };
    let mut events = vec![named(PLAN, &outcome.strategy), named(CLUSTER, "cluster")];
    events.extend(steps(outcome));
    if let Some(trace) = trace {
        events.extend(counters(trace));
        events.extend(marks(trace));
    }
    Some(json::render(&json!({ "displayTimeUnit": "ms", "traceEvents": events })))
}

fn named(process: u32, name: &str) -> Json {
    json!({ "ph": "M", "name": "process_name", "pid": process, "tid": 0, "args": { "name": name } })
}

fn micros(seconds: f64) -> i64 {
    (seconds * 1e6).round() as i64
}

/// A row for each unit, a slice for each phase.
fn steps(outcome: &Outcome) -> Vec<Json> {
    let mut units: Vec<&str> = Vec::new();
    let mut events = Vec::new();
    for step in &outcome.upgrade.steps {
        let row = units.iter().position(|unit| *unit == step.unit).unwrap_or_else(|| {
            units.push(&step.unit);
            let row = units.len();
            events.push(json!({
                "ph": "M", "name": "thread_name", "pid": PLAN, "tid": row, "args": { "name": step.unit },
            }));
            row - 1
        });
        let (start, end) = (micros(step.start_s), micros(step.end_s.unwrap_or(outcome.sim_seconds)));
        events.push(json!({
            "ph": "X", "name": step.phase, "pid": PLAN, "tid": row + 1, "ts": start, "dur": end - start,
        }));
    }
    events
}

fn counters(trace: &Trace) -> Vec<Json> {
    let counter = |name: &str, at: f64, value: Json| json!({ "ph": "C", "name": name, "pid": CLUSTER, "tid": 0, "ts": micros(at), "args": { "value": value } });
    let mut events = Vec::new();
    for app in series::ready(trace, 0.0) {
        events.extend(app.steps.iter().map(|(at, ready)| counter(&format!("ready: {}", app.app), *at, json!(ready))));
    }
    events.extend(series::etcd_margin(trace).iter().map(|(at, margin)| counter("etcd: to spare", *at, json!(margin))));
    events
}

fn marks(trace: &Trace) -> Vec<Json> {
    let mark = |name: String, at: f64| json!({ "ph": "i", "s": "g", "name": name, "pid": CLUSTER, "tid": 0, "ts": micros(at) });
    let of = |record: &crate::observe::trace::Record| {
        let at = record.at.secs_f64();
        let fault = |fault: crate::world::ids::FaultId| trace.names.faults.get(fault.0 as usize).cloned();
        match record.fact {
            Fact::FaultStruck { fault: id } => Some(mark(format!("fault: {}", fault(id)?), at)),
            Fact::FaultRepaired { fault: id } => Some(mark(format!("repaired: {}", fault(id)?), at)),
            Fact::RequestsLost { loss, count, .. } => Some(mark(format!("{count} lost: {}", loss.name()), at)),
            _ => None,
        }
    };
    trace.records.iter().filter_map(of).collect()
}
