//! Masters in turn: their processes stopped and started, while the API is written to through its load balancer.

use super::super::line::{Line, Problem};
use super::super::params::Params;
use super::super::requests::{self, LEAD, Load};
use super::super::row::{Aspect, Rows, least, most};
use super::{ACT, Experiment, Plan, cluster, part};
use crate::base::{Span, Time};
use crate::observe::trace::Trace;
use crate::sim::Finished;
use crate::world::fact::Fact;
use crate::world::ids::MasterId;

/// See its fields.
pub static EXPERIMENT: Experiment = Experiment {
    name: "masters",
    about: "Masters in turn: all four processes stopped, down, started.",
    details: "A failed write belongs to the master whose turn it was when it was sent. The measuring script sleeps 50 ms \
              between two writes and needs some time more for each, which is read off the writes sent.",
    plan,
    measured,
    simulated,
    fitted: &[("API writes sent", "pace of the measuring script: `probe.writes.overhead`")],
};

/// Masters of the cluster.
const MASTERS: u32 = 3;
/// A write that is sent just before a turn fails in it.
const BEFORE: f64 = 1.0;
/// A write takes longer than this to be slow, seconds.
const SLOW: f64 = 0.5;

fn plan(params: &Params<'_>, line: &Line) -> Plan {
    let (clients, sending) = cluster::clients(params, line);
    let mut overrides = cluster::app(params);
    overrides.extend(clients);
    let (down, pause) = (params.span("down", Span::secs(10)), params.span("interval", Span::secs(12)));
    let signal = params.choice("sig", &["term", "kill"]);
    let (step, end) = (down + pause, (down + pause) * u64::from(MASTERS));
    let (from, until) = (cluster::before_act().saturating_sub(LEAD), cluster::before_act() + end);
    overrides.extend([
        format!("strategy.master_down=\"{}ms\"", cluster::millis(down)),
        format!("strategy.master_pause=\"{}ms\"", cluster::millis(pause)),
        format!("strategy.signal=\"{signal}\""),
        format!(
            "probe=[{{name=\"writes\",kind=\"api-write\",target=\"load-balancer\",interval=\"50ms\",\
             overhead=\"1600us\",timeout=\"5s\",from=\"{}ms\",until=\"{}ms\"}}]",
            cluster::millis(from),
            cluster::millis(until)
        ),
        cluster::ends((end + Span::secs(10)).max(cluster::end_of(&sending))),
    ]);
    Plan { name: "masters", text: include_str!("../../../scenarios/measured/masters.toml"), overrides, step }
}

/// An API write: when it was sent, how long it took to fail.
type Failed = (f64, f64);

fn measured(line: &Line) -> Result<Rows, Problem> {
    let mut rows = Rows::default();
    if let Some(load) = part::<Load>(line, "load")? {
        requests::measured(&load, &mut rows);
    }
    for (key, name) in [("api_sent", SENT), ("api_failed", FAILED), ("api_slow", SLOW_ONES)] {
        if let Some(count) = part(line, key)? {
            rows.count(Aspect::Writes, name, count);
        }
    }
    if let Some(failed) = part::<Vec<(f64, f64, serde_json::Value)>>(line, "api_bad")? {
        let failed: Vec<Failed> = failed.into_iter().map(|(sent, took, _)| (sent, took)).collect();
        turns(&failed, step_of(line), &mut rows);
    }
    if let Some(leaders) = part::<Vec<String>>(line, "etcd_leader_at_start")? {
        let own = leaders.iter().enumerate().filter(|(turn, leader)| **leader == format!("m{}", turn + 1));
        rows.count(Aspect::Writes, LEADERS, own.count() as u64);
    }
    Ok(rows)
}

const SENT: &str = "API writes sent";
const FAILED: &str = "API writes failed";
const SLOW_ONES: &str = "API writes slow";
const LEADERS: &str = "turns of the etcd leader";

/// From one turn to the next in a measured line; the parameters have been checked by then.
fn step_of(line: &Line) -> f64 {
    let seconds = |key: &str, default: f64| line.params.get(key).and_then(serde_json::Value::as_f64).unwrap_or(default);
    seconds("down", 10.0) + seconds("interval", 12.0)
}

/// Failed writes of each master's turn: how many, when the first and last were sent, how long one took.
fn turns(failed: &[Failed], step: f64, rows: &mut Rows) {
    for turn in 0..MASTERS {
        let begin = f64::from(turn) * step - BEFORE;
        // Whatever fails after the last turn belongs to it.
        let end = if turn + 1 == MASTERS { f64::INFINITY } else { begin + step };
        let sent = || failed.iter().map(|(sent, _)| *sent).filter(|sent| (begin..end).contains(sent));
        let of = format!("m{}: ", turn + 1);
        rows.count(Aspect::Writes, format!("{of}failed writes"), sent().count() as u64);
        rows.seconds(Aspect::Writes, format!("{of}first failed write"), least(sent()));
        rows.seconds(Aspect::Writes, format!("{of}last failed write"), most(sent()));
    }
    rows.seconds(Aspect::Writes, "failed after", most(failed.iter().map(|(_, took)| *took)));
}

fn simulated(finished: &Finished, plan: &Plan) -> Rows {
    let mut rows = Rows::default();
    let Some(trace) = &finished.trace else { return rows };
    requests::simulated(&finished.outcome, trace, ACT, &mut rows);
    let (mut sent, mut slow, mut failed) = (0, 0, Vec::<Failed>::new());
    for record in &trace.records {
        if let Fact::Probed { sent: at, result, took, .. } = record.fact {
            let took = took.as_secs_f64();
            sent += 1;
            match result {
                Ok(()) => slow += u64::from(took > SLOW),
                Err(_) => failed.push((at.secs_f64() - ACT.secs_f64(), took)),
            }
        }
    }
    rows.count(Aspect::Writes, SENT, sent);
    rows.count(Aspect::Writes, FAILED, failed.len() as u64);
    rows.count(Aspect::Writes, SLOW_ONES, slow);
    turns(&failed, plan.step.as_secs_f64(), &mut rows);
    let own = (0..MASTERS).filter(|turn| {
        let begins = ACT + plan.step * u64::from(*turn);
        leader_at(trace, begins) == Some(MasterId(*turn))
    });
    rows.count(Aspect::Writes, LEADERS, own.count() as u64);
    rows
}

/// The etcd member that leads just before this moment.
fn leader_at(trace: &Trace, at: Time) -> Option<MasterId> {
    let wins = trace.records.iter().take_while(|record| record.at < at).filter_map(|record| match record.fact {
        Fact::MemberLeads { member, .. } => Some(member),
        _ => None,
    });
    wins.last()
}
