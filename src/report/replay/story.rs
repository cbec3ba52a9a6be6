//! Everything that the page's script is given.

use serde::Serialize;
use serde_json::Value as Json;

use super::super::figures::{clock, count};
use super::super::finding::{title, versions};
use super::super::lanes::lanes;
use super::super::palette::{self, PHASES};
use super::super::safe::escaped;
use super::super::series;
use super::changes::{self, phase_place, seconds};
use super::events;
use crate::base::Id;
use crate::observe::trace::Trace;
use crate::sim::Outcome;
use crate::sim::outcome::{Share, UpgradeResult, Verdict};
use crate::world::fact::{Fact, Loss};
use crate::world::ids::NodeId;

/// Pods of more runs than this are counted by machine, not shown one by one.
const PODS_MAX: usize = 3_000;

/// The page's data; keys are those of the script.
#[derive(Serialize)]
pub(super) struct Story {
    pub(super) head: Head,
    reasons: Vec<Reason>,
    tables: Vec<Table>,
    phases: Vec<&'static str>,
    #[serde(rename = "phaseColors")]
    phase_colors: Vec<String>,
    losses: Vec<&'static str>,
    start: f64,
    end: f64,
    masters: u32,
    etcd: bool,
    detail: bool,
    nodes: Vec<Node>,
    pods: Vec<Pod>,
    apps: Vec<App>,
    groups: Vec<String>,
    faults: Vec<String>,
    lanes: Vec<Vec<(f64, f64, usize)>>,
    exposures: Vec<(f64, f64)>,
    #[serde(rename = "lossTimes")]
    loss_times: Vec<(f64, u64)>,
    changes: Vec<Json>,
    events: Vec<Json>,
    chains: std::collections::BTreeMap<usize, Vec<usize>>,
    left: usize,
}

/// What the page opens with.
#[derive(Serialize)]
pub(super) struct Head {
    pub(super) title: String,
    verdict: &'static str,
    about: String,
    command: String,
    identity: String,
}

#[derive(Serialize)]
struct Reason {
    law: String,
    at: f64,
    message: String,
    /// Time, words, and no event: the instant is where it leads.
    chain: Vec<(f64, String, i64)>,
}

#[derive(Serialize)]
struct Table {
    title: &'static str,
    /// Whether the first row names the columns.
    head: bool,
    rows: Vec<Vec<String>>,
}

#[derive(Serialize)]
struct Node {
    name: String,
    /// Its pool; empty for masters.
    pool: String,
    /// Whose place it takes, or -1.
    master: i64,
    /// At the start.
    version: String,
    /// There from the start.
    first: bool,
    /// Ready pods at the start.
    pods: usize,
}

#[derive(Serialize)]
struct Pod {
    name: String,
    app: u32,
    node: i64,
    first: bool,
}

#[derive(Serialize)]
struct App {
    name: String,
    ready: i64,
    /// Nodes whose rules for it are told of.
    proxies: Vec<u32>,
}

/// The story of a run.
pub(super) fn of(outcome: &Outcome, trace: &Trace, command: &str) -> Story {
    let detail = trace.names.pods.len() <= PODS_MAX;
    let lanes = lanes(outcome, trace);
    let starts = lanes.iter().flat_map(|lane| &lane.phases).map(|&((from, _), _)| from);
    let end = trace.end.secs_f64();
    let first = starts.fold(end, f64::min);
    let etcd = outcome.etcd.is_some();
    let listed = events::listed(trace, detail, etcd);
    let color = |phase| {
        let (r, g, b) = palette::phase(phase).rgb;
        format!("#{r:02x}{g:02x}{b:02x}")
    };
    Story {
        head: head(outcome, trace, command),
        reasons: outcome.reasons.iter().map(reason).collect(),
        tables: tables(outcome),
        phases: PHASES.iter().map(|phase| phase.name()).collect(),
        phase_colors: PHASES.iter().map(|phase| color(*phase)).collect(),
        losses: Loss::ALL.iter().map(|loss| loss.name()).collect(),
        start: if first < end { seconds((first - (end - first) * 0.02).max(0.0)) } else { 0.0 },
        end: seconds(end),
        masters: trace.masters,
        etcd,
        detail,
        nodes: nodes(trace),
        pods: if detail { pods(trace) } else { Vec::new() },
        apps: apps(trace),
        groups: trace.names.groups.iter().map(|name| text(name)).collect(),
        faults: trace.names.faults.iter().map(|name| text(name)).collect(),
        lanes: lanes
            .iter()
            .map(|lane| lane.phases.iter().map(|((a, b), phase)| (seconds(*a), seconds(*b), phase_place(*phase))))
            .map(Iterator::collect)
            .collect(),
        exposures: series::exposures(trace).into_iter().map(|(a, b)| (seconds(a), seconds(b))).collect(),
        loss_times: series::losses(trace).iter().map(|mark| (seconds(mark.to), mark.count)).collect(),
        changes: changes::all(trace, detail, etcd),
        events: listed.events,
        chains: listed.chains,
        left: listed.left,
    }
}

fn text(text: &str) -> String {
    escaped(text).into_owned()
}

fn head(outcome: &Outcome, trace: &Trace, command: &str) -> Head {
    let between = versions(trace).map_or(String::new(), |(from, to)| format!(", {from} to {to}"));
    Head {
        title: text(&title(outcome, Some(trace))),
        verdict: match outcome.verdict {
            Verdict::Holds => "holds",
            Verdict::Refuted => "refuted",
            Verdict::Undecided => "undecided",
        },
        about: text(&format!(
            "{}: strategy {}{between}, seed {}",
            outcome.scenario.name, outcome.strategy, outcome.seed
        )),
        command: text(command),
        identity: text(&format!(
            "scenario {}, model {}, {} events, digest {}",
            outcome.scenario.hash,
            outcome.model_version,
            count(outcome.events),
            outcome.digest
        )),
    }
}

fn reason(reason: &crate::sim::outcome::Reason) -> Reason {
    let step = |line: &String| match line.split_once(" s ").map(|(at, words)| (at.trim().parse::<f64>(), words)) {
        Some((Ok(at), words)) => (at, text(words), -1),
        Some((Err(_), _)) | None => (reason.at_s, text(line), -1),
    };
    Reason {
        law: text(&reason.law),
        at: reason.at_s,
        message: text(&reason.message),
        chain: reason.cause.iter().map(step).collect(),
    }
}

/// A pool by a machine's label: that of `workers-2.1` is `workers`.
fn pool_of(label: &str) -> &str {
    let digits = |c: char| c.is_ascii_digit();
    let place = label.rsplit_once('.').filter(|(_, count)| count.chars().all(digits)).map_or(label, |(place, _)| place);
    place.rsplit_once('-').map_or(place, |(pool, _)| pool)
}

fn nodes(trace: &Trace) -> Vec<Node> {
    let (mut launched, mut registers) = (vec![false; trace.names.nodes.len()], vec![false; trace.names.nodes.len()]);
    for record in &trace.records {
        match record.fact {
            Fact::MachineLaunched { node } => mark(&mut launched, node),
            Fact::NodeRegistered { node, .. } => mark(&mut registers, node),
            _ => {}
        }
    }
    let from = versions(trace).map(|(from, _)| from);
    let mut ready = vec![0; trace.names.nodes.len()];
    for (place, _) in series::ready_at_start(trace).iter().enumerate().filter(|(_, ready)| **ready) {
        if let Some(Some(node)) = trace.hosts.get(crate::world::ids::PodId::from_index(place))
            && let Some(count) = ready.get_mut(node.index())
        {
            *count += 1;
        }
    }
    let node = |(node, name): (NodeId, &String)| {
        let master = trace.names.master_of.get(node).copied().flatten();
        let at_end = trace.versions.get(node).copied();
        // What registers again in its place was of the older version before.
        let version = if registers[node.index()] && !launched[node.index()] { from.or(at_end) } else { at_end };
        Node {
            name: text(name),
            pool: if master.is_some() { String::new() } else { text(pool_of(name)) },
            master: master.map_or(-1, |master| i64::from(master.0)),
            version: version.map_or(String::new(), |version| version.to_string()),
            first: !launched[node.index()],
            pods: ready[node.index()],
        }
    };
    trace.names.nodes.entries().map(node).collect()
}

fn mark(marks: &mut [bool], node: NodeId) {
    if let Some(marked) = marks.get_mut(node.index()) {
        *marked = true;
    }
}

fn pods(trace: &Trace) -> Vec<Pod> {
    let first = series::ready_at_start(trace);
    let pod = |(pod, name): (crate::world::ids::PodId, &String)| Pod {
        name: text(name),
        app: trace.names.app_of.get(pod).map_or(0, |app| app.0),
        node: trace.hosts.get(pod).copied().flatten().map_or(-1, |node| i64::from(node.0)),
        first: first[pod.index()],
    };
    trace.names.pods.entries().map(pod).collect()
}

fn apps(trace: &Trace) -> Vec<App> {
    let mut proxies: Vec<Vec<u32>> = vec![Vec::new(); trace.names.apps.len()];
    for record in &trace.records {
        if let Fact::RulesProgrammed { node, app } = record.fact
            && let Some(nodes) = proxies.get_mut(app.index())
            && !nodes.contains(&node.0)
        {
            nodes.push(node.0);
        }
    }
    let ready = series::ready(trace, 0.0);
    let app = |(ready, proxies): (series::Ready, Vec<u32>)| App {
        name: text(&ready.app),
        ready: ready.steps.first().map_or(0, |(_, count)| *count),
        proxies,
    };
    ready.into_iter().zip(proxies).map(app).collect()
}

fn tables(outcome: &Outcome) -> Vec<Table> {
    let row = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
    let share = |(name, share): (&String, &Share)| {
        vec![text(name), count(share.sent), count(share.lost), format!("{:.3} s", share.exposed_s)]
    };
    let requests = &outcome.requests;
    let mut users = vec![row(&["client", "sent", "lost", "exposed"])];
    users.extend(requests.by_client.iter().map(share));
    let mut causes = vec![row(&["lost by", "requests"])];
    causes.extend(requests.by_cause.iter().map(|(cause, lost)| vec![text(cause), count(*lost)]));
    if causes.len() == 1 {
        causes.push(row(&["none", "0"]));
    }
    let upgrade = &outcome.upgrade;
    let ended = match upgrade.result {
        UpgradeResult::Completed => "completed",
        UpgradeResult::Failed => "failed",
        UpgradeResult::Stalled => "stalled",
        UpgradeResult::Horizon => "had not ended",
    };
    let mut plan = vec![vec!["it".to_owned(), ended.to_owned()]];
    plan.push(vec!["after".to_owned(), clock(upgrade.seconds)]);
    plan.extend(upgrade.blocker.iter().map(|why| vec!["blocked by".to_owned(), text(why)]));
    plan.push(vec!["pods moved".to_owned(), count(outcome.pods.moves)]);
    plan.push(vec!["extra node hours".to_owned(), format!("{:.2}", outcome.cost.extra_node_hours)]);
    let mut control = Vec::new();
    if let Some(etcd) = &outcome.etcd {
        control.push(vec!["fewest etcd members to spare".to_owned(), etcd.min_margin.to_string()]);
        control.push(vec!["quorum lost".to_owned(), format!("{:.3} s", etcd.quorum_lost_s)]);
        control.push(vec!["leader changes".to_owned(), count(etcd.leader_changes)]);
    } else {
        control.push(row(&["etcd", "not observable"]));
    }
    control.push(vec!["API unavailable".to_owned(), format!("{:.3} s", outcome.api.unavailable_s)]);
    control.push(vec!["longest API gap".to_owned(), format!("{:.3} s", outcome.api.longest_gap_s)]);
    let table = |title, head, rows| Table { title, head, rows };
    vec![
        table("Requests", true, users),
        table("Losses", true, causes),
        table("Upgrade", false, plan),
        table("Control plane", false, control),
    ]
}
