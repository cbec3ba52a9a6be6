//! The leader of the controller managers or of the schedulers ends; two standbys wait for its lease.

use super::super::line::{Line, Problem};
use super::super::params::Params;
use super::super::row::{Aspect, Rows};
use super::{ACT, Experiment, Plan, cluster, part};
use crate::base::Span;
use crate::observe::trace::Record;
use crate::sim::Finished;
use crate::world::fact::Fact;

/// See its fields.
pub static EXPERIMENT: Experiment = Experiment {
    name: "leasekill",
    about: "The leader of the controller managers or schedulers ends.",
    details: "The fail-over ends when another holds the lease.",
    plan,
    measured,
    simulated,
    fitted: &[],
};

/// A standby takes over within less than this.
const LONGEST: Span = Span::secs(60);

fn plan(params: &Params<'_>, _: &Line) -> Plan {
    let (kind, target) = match params.choice("what", &["kcm", "scheduler"]) {
        "scheduler" => ("scheduler-crash", "scheduler-leader"),
        _ => ("controller-manager-crash", "kcm-leader"),
    };
    let signal = params.choice("sig", &["kill", "term"]);
    let at = cluster::millis(cluster::before_act());
    let fault =
        format!("fault=[{{kind=\"{kind}\",target=\"{target}\",at=\"{at}ms\",signal=\"{signal}\",lasting=\"never\"}}]");
    let overrides = vec![fault, cluster::ends(LONGEST)];
    let text = include_str!("../../../scenarios/measured/leasekill.toml");
    Plan { name: "leasekill", text, overrides, ..Plan::default() }
}

fn measured(line: &Line) -> Result<Rows, Problem> {
    let mut rows = Rows::default();
    if line.result.contains_key("failover_secs") {
        rows.seconds(Aspect::Course, "fail-over", part(line, "failover_secs")?);
    }
    Ok(rows)
}

fn simulated(finished: &Finished, _: &Plan) -> Rows {
    let mut rows = Rows::default();
    let Some(trace) = &finished.trace else { return rows };
    // Only one lease is ever lost in such a run.
    let taken = |record: &&Record| matches!(record.fact, Fact::LeaseTaken { .. }) && record.at > ACT;
    let struck = trace.records.iter().find(taken);
    let after = |record: &Record| record.at.since(ACT).as_secs_f64();
    rows.seconds(Aspect::Course, "fail-over", struck.map(after));
    rows
}
