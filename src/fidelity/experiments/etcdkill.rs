//! The etcd leader is killed, or asked to go, while each survivor is written to.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::line::{Line, Problem};
use super::super::params::Params;
use super::super::row::{Aspect, Rows, least, most};
use super::{ACT, Experiment, Plan, cluster, part};
use crate::sim::Finished;
use crate::sim::outcome::ProbeFigures;
use crate::world::fact::Fact;

/// See its fields.
pub static EXPERIMENT: Experiment = Experiment {
    name: "etcdkill",
    about: "The etcd leader is killed or stopped; puts to each survivor.",
    details: "Both survivors' figures say the same, so a repetition has one value: the longer gap, the mean number of \
              failed and slow puts, the first and last failed put of either. API servers do not run: their open watches \
              would hold a leader that is asked to go for 7 s, and the measured hand-overs were immediate. The measuring \
              script sleeps 20 ms between two puts and needs some time more, which is read off the failed puts.",
    plan,
    measured,
    simulated,
    fitted: &[("puts failed", "pace of the measuring script: `probe.puts.overhead`")],
};

/// Masters of the cluster.
const MASTERS: u32 = 3;

fn plan(params: &Params<'_>, _: &Line) -> Plan {
    let signal = params.choice("sig", &["kill", "term"]);
    let at = cluster::millis(cluster::before_act());
    let mut faults = vec![format!(
        "{{kind=\"etcd-member-stop\",target=\"etcd-leader\",at=\"{at}ms\",signal=\"{signal}\",lasting=\"never\"}}"
    )];
    for master in 1..=MASTERS {
        faults.push(format!("{{kind=\"api-server-crash\",target=\"master-{master}\",at=\"1s\",lasting=\"never\"}}"));
    }
    let puts = "probe=[{name=\"puts\",kind=\"etcd-put\",target=\"each-member\",interval=\"20ms\",\
                overhead={uniform=[\"1ms\",\"2ms\"]},from=\"57s\",until=\"66s\"}]";
    let overrides = vec![format!("fault=[{}]", faults.join(",")), puts.to_owned()];
    let text = include_str!("../../../scenarios/measured/etcdkill.toml");
    Plan { name: "etcdkill", text, overrides, ..Plan::default() }
}

/// What one survivor's client saw.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Member {
    longest_ok_gap: Option<(f64, f64)>,
    failed: u64,
    failed_sent: Option<(f64, f64)>,
    fail_after: Option<f64>,
    slow: u64,
}

impl From<&ProbeFigures> for Member {
    fn from(figures: &ProbeFigures) -> Member {
        let from_act = |at: f64| at - ACT.secs_f64();
        Member {
            longest_ok_gap: figures.longest_ok_gap_s.map(|[length, start]| (length, from_act(start))),
            failed: figures.failed,
            failed_sent: figures.failed_sent_s.map(|[first, last]| (from_act(first), from_act(last))),
            fail_after: Some(figures.fail_after_s),
            slow: figures.slow,
        }
    }
}

fn measured(line: &Line) -> Result<Rows, Problem> {
    let members = part::<BTreeMap<String, Member>>(line, "members")?;
    Ok(members.map(|members| rows(&members.into_values().collect::<Vec<_>>())).unwrap_or_default())
}

fn simulated(finished: &Finished, _: &Plan) -> Rows {
    let Some(trace) = &finished.trace else { return Rows::default() };
    let stopped = trace.records.iter().find_map(|record| match record.fact {
        Fact::MemberStopped { member } if record.at >= ACT => Some(format!("master-{}", member.0 + 1)),
        _ => None,
    });
    let probed = finished.outcome.probes.values().flatten();
    let survivors = probed.filter(|(label, _)| Some(*label) != stopped.as_ref());
    rows(&survivors.map(|(_, figures)| Member::from(figures)).collect::<Vec<_>>())
}

fn rows(members: &[Member]) -> Rows {
    let mut rows = Rows::default();
    let mean = |of: fn(&Member) -> u64| {
        let sum: u64 = members.iter().map(of).sum();
        (!members.is_empty()).then(|| sum as f64 / members.len() as f64)
    };
    let sent = || members.iter().filter_map(|member| member.failed_sent);
    let failing = members.iter().filter(|member| member.failed > 0);
    rows.seconds(Aspect::Writes, "longest gap", most(members.iter().filter_map(|m| m.longest_ok_gap).map(|gap| gap.0)));
    rows.mean_count(Aspect::Writes, "puts failed", mean(|member| member.failed));
    rows.seconds(Aspect::Writes, "first failed put", least(sent().map(|(first, _)| first)));
    rows.seconds(Aspect::Writes, "last failed put", most(sent().map(|(_, last)| last)));
    rows.seconds(Aspect::Writes, "failed after", most(failing.filter_map(|member| member.fail_after)));
    rows.mean_count(Aspect::Writes, "puts slow", mean(|member| member.slow));
    rows
}
