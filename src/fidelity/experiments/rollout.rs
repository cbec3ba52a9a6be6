//! `kubectl rollout restart` of the app's Deployment.

use super::super::line::{Line, Problem};
use super::super::params::Params;
use super::super::pods::{self, PodTimes};
use super::super::requests::{self, Load};
use super::super::row::{Aspect, Rows, most};
use super::{ACT, Experiment, Plan, cluster, part};
use crate::base::Span;
use crate::sim::Finished;

/// See its fields.
pub static EXPERIMENT: Experiment = Experiment {
    name: "rollout",
    about: "A rolling restart of the Deployment.",
    details: "The rollout is complete when the last old pod is marked for deletion and the last new one is Ready; the \
              Deployment's own status says so a moment later.",
    plan,
    measured,
    simulated,
    fitted: &[
        ("scheduled to ready (mid)", "cluster.timings.sandbox and container_start of scenarios/measured"),
        ("scheduled to ready (max)", "cluster.timings.sandbox and container_start of scenarios/measured"),
        ("deleted to scheduled (mid)", "cluster.etcd.fsync_busy of scenarios/measured"),
        ("deleted to scheduled (max)", "cluster.etcd.fsync_busy of scenarios/measured"),
        ("first pod scheduled", "cluster.timings.watch and reconcile of scenarios/measured"),
        ("cut", "app.web.latency_busy of scenarios/measured"),
    ],
};

/// New pods that come before the first old one goes: the measured Deployment's maxSurge.
const SURGE: usize = 1;
/// The slowest pods take less than this to go, after the last deletion.
const SLOWEST: Span = Span::secs(90);

fn plan(params: &Params<'_>, line: &Line) -> Plan {
    let (clients, sending) = cluster::clients(params, line);
    let mut overrides = cluster::app(params);
    overrides.extend(clients);
    overrides.push(cluster::ends(cluster::end_of(&sending) + SLOWEST));
    Plan {
        name: "rollout",
        text: include_str!("../../../scenarios/measured/rollout.toml"),
        overrides,
        ..Plan::default()
    }
}

fn measured(line: &Line) -> Result<Rows, Problem> {
    let mut rows = Rows::default();
    if let Some(load) = part::<Load>(line, "load")? {
        requests::measured(&load, &mut rows);
    }
    if let Some(seconds) = part(line, "rollout_secs")? {
        rows.seconds(Aspect::Course, "rollout complete", Some(seconds));
    }
    if let Some(seconds) = part(line, "all_gone_secs")? {
        rows.seconds(Aspect::Course, "old pods gone", Some(seconds));
    }
    if let Some(times) = part::<Vec<PodTimes>>(line, "pods")? {
        pods::rows(&times, SURGE, &mut rows);
    }
    Ok(rows)
}

fn simulated(finished: &Finished, _: &Plan) -> Rows {
    let mut rows = Rows::default();
    let Some(trace) = &finished.trace else { return rows };
    requests::simulated(&finished.outcome, trace, ACT, &mut rows);
    let times = pods::simulated(trace, ACT);
    let complete = most(times.iter().flat_map(|pod| [pod.deleting, pod.ready]).flatten());
    rows.seconds(Aspect::Course, "rollout complete", complete);
    rows.seconds(Aspect::Course, "old pods gone", most(times.iter().filter_map(|pod| pod.gone)));
    pods::rows(&times, SURGE, &mut rows);
    rows
}
