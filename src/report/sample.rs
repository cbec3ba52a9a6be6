//! Runs made up for tests: one at the book's size, one of 500 nodes. Their figures are plausible, not simulated.

use std::collections::BTreeMap;

use crate::base::{Id, Span, Time, Version};
use crate::observe::trace::{Record, Trace};
use crate::sim::Outcome;
use crate::sim::outcome::*;
use crate::world::fact::{Fact, Loss};
use crate::world::ids::{AppId, GroupId, MasterId, NodeId, PodId};
use crate::world::store::NodeReady;

const OLD: Version = Version::new(1, 14, 10);
const NEW: Version = Version::new(1, 15, 7);

/// A unit's phases with their lengths in seconds.
const MASTER: [(&str, f64); 6] =
    [("cordoned", 1.0), ("draining", 8.0), ("transition", 46.0), ("booting", 118.0), ("joining", 64.0), ("gate", 34.0)];
const WORKER: [(&str, f64); 7] = [
    ("cordoned", 1.0),
    ("draining", 72.0),
    ("detaching", 14.0),
    ("transition", 44.0),
    ("booting", 112.0),
    ("joining", 38.0),
    ("gate", 21.0),
];

/// Start of each unit of the book's cluster, seconds.
const STARTS: [f64; 6] = [30.0, 331.0, 632.0, 934.0, 1247.0, 1560.0];

fn steps(unit: &str, start: f64, phases: &[(&str, f64)]) -> Vec<Step> {
    let mut at = start;
    let mut steps = Vec::new();
    for &(phase, length) in phases {
        let (unit, phase) = (unit.to_owned(), phase.to_owned());
        steps.push(Step { unit, phase, start_s: at, end_s: Some(at + length) });
        at += length;
    }
    steps
}

fn book_steps() -> Vec<Step> {
    let labels = ["master-1", "master-2", "master-3", "nodes-1", "nodes-2", "nodes-3"];
    let unit = |(index, label): (usize, &&str)| steps(label, STARTS[index], if index < 3 { &MASTER } else { &WORKER });
    labels.iter().enumerate().flat_map(unit).collect()
}

/// A run in which all went well.
pub(super) fn holds() -> Outcome {
    let sent = 1_204_331;
    Outcome {
        schema: 1,
        scenario: ScenarioId { name: "book-ch18".to_owned(), hash: "3f9a52c07be14d88".to_owned() },
        model_version: "1".to_owned(),
        seed: 1,
        strategy: "kops-1.15".to_owned(),
        verdict: Verdict::Holds,
        reasons: Vec::new(),
        upgrade: Upgrade {
            result: UpgradeResult::Completed,
            seconds: 1832.0,
            blocker: None,
            steps: book_steps(),
            remarks: Vec::new(),
        },
        requests: Requests {
            sent,
            ok: sent - 3,
            in_flight: 3,
            attempts: sent,
            by_app: BTreeMap::from([(
                "web".to_owned(),
                Share { sent, ok: sent - 3, in_flight: 3, ..Share::default() },
            )]),
            latency_s: Latency { p50: 0.021, p99: 0.094, max: 0.61 },
            ..Requests::default()
        },
        etcd: Some(EtcdFigures { leader_changes: 2, no_leader_s: 2.4, min_members: 2, ..EtcdFigures::default() }),
        restores: Vec::new(),
        api: ApiFigures { degraded_s: 31.0, errors: 14, ..ApiFigures::default() },
        probes: BTreeMap::new(),
        pods: PodFigures {
            moves: 9,
            max_moves_of_one: 2,
            min_ready: BTreeMap::from([("web".to_owned(), 4), ("db".to_owned(), 2)]),
        },
        cost: Cost::default(),
        skew_violations: 0,
        pdb_violations: 0,
        events: 48_211,
        sim_seconds: 1900.0,
        digest: "0123456789abcdef0123456789abcdef".to_owned(),
    }
}

/// The same plan without a preStop.
pub(super) fn refuted() -> Outcome {
    let mut outcome = holds();
    let by_cause = BTreeMap::from([("refused".to_owned(), 38), ("reset".to_owned(), 3)]);
    outcome.verdict = Verdict::Refuted;
    outcome.reasons = vec![Reason {
        law: "no-exposure".to_owned(),
        at_s: 963.31,
        message: "Requests of web/new could be refused by web-2 for 1.204 s: its process had closed its port, and \
                  nodes-2 and nodes-3 still sent to it."
            .to_owned(),
        cause: [
            "934.000 s drain of nodes-1",
            "935.000 s evict web-2",
            "935.012 s web-2: SIGTERM",
            "935.013 s web-2: port closed",
            "935.310 s first refused request",
        ]
        .map(str::to_owned)
        .into(),
    }];
    let requests = &mut outcome.requests;
    requests.lost = 41;
    requests.ok -= 41;
    requests.expected_lost = 40.2;
    requests.exposed_s = 12.3;
    requests.longest_outage_s = 0.4;
    requests.by_cause = by_cause.clone();
    let web = requests.by_app.get_mut("web").expect("there is such an app");
    *web = Share { ok: web.ok - 41, lost: 41, exposed_s: 12.3, by_cause, ..web.clone() };
    outcome
}

/// A drain that a budget blocks for ever.
pub(super) fn stalled() -> Outcome {
    let mut outcome = holds();
    outcome.verdict = Verdict::Refuted;
    outcome.upgrade.result = UpgradeResult::Stalled;
    outcome.upgrade.blocker = Some("the budget of db allows no eviction of db-0 (1 of 1 healthy, 1 needed)".to_owned());
    let text = "error when evicting pod \"db-0\" (will retry after 5s)".to_owned();
    outcome.upgrade.remarks =
        (0..30_u32).map(|n| Remark { at_s: 966.0 + 5.0 * f64::from(n), text: text.clone() }).collect();
    outcome.upgrade.steps.truncate(20);
    if let Some(last) = outcome.upgrade.steps.last_mut() {
        last.end_s = None;
    }
    let (law, message) = ("completion".to_owned(), "The drain of nodes-1 waits for a budget for ever.".to_owned());
    outcome.reasons = vec![Reason { law, at_s: 1534.0, message, cause: vec!["935.000 s drain of nodes-1".to_owned()] }];
    outcome
}

/// A trace under construction.
struct Sketch {
    trace: Trace,
}

impl Sketch {
    fn at(&mut self, seconds: f64, fact: Fact) {
        let at = Time::from_nanos((seconds * 1e9) as u64);
        self.trace.records.push(Record { at, event: 0, fact });
    }

    fn node(&mut self, label: String, master: Option<MasterId>, version: Version) -> NodeId {
        self.trace.names.master_of.push(master);
        self.trace.versions.push(version);
        self.trace.names.nodes.push(label)
    }

    fn pod(&mut self, app: AppId, ordinal: usize) -> PodId {
        let label = format!("{}-{ordinal}", self.trace.names.apps[app]);
        self.trace.names.app_of.push(app);
        self.trace.names.pods.push(label)
    }

    /// A machine goes and its successor comes; times of the phases in seconds.
    fn replace(&mut self, old: NodeId, start: f64, phases: &[(&str, f64)]) {
        let end = |name: &str| {
            let at = phases.iter().position(|&(phase, _)| phase == name).unwrap_or_default();
            start + phases[..=at].iter().map(|&(_, length)| length).sum::<f64>()
        };
        let label = format!("{}.1", self.trace.names.nodes[old]);
        let new = self.node(label, self.trace.names.master_of[old], NEW);
        let transition = end("transition");
        self.at(transition - 30.0, Fact::MachineStopping { node: old });
        self.at(transition - 12.0, Fact::NodeReadyIs { node: old, ready: NodeReady::False });
        self.at(transition - 10.0, Fact::MachineOff { node: old });
        self.at(transition - 2.0, Fact::NodeDeleted { node: old });
        self.at(transition, Fact::MachineLaunched { node: new });
        self.at(end("booting"), Fact::MachineUp { node: new });
        self.at(end("booting") + 2.0, Fact::NodeRegistered { node: new, version: NEW });
        self.at(end("booting") + 2.0, Fact::NodeReadyIs { node: new, ready: NodeReady::False });
        self.at(end("joining"), Fact::NodeReadyIs { node: new, ready: NodeReady::True });
        if self.trace.names.master_of[old].is_some() {
            self.at(transition - 12.0, Fact::QuorumIs { up: 2, voters: 3 });
            self.at(transition - 14.0, Fact::ApiServes { answering: 2, in_rotation: 3 });
            self.at(transition - 4.0, Fact::ApiServes { answering: 2, in_rotation: 2 });
            self.at(end("joining") - 20.0, Fact::QuorumIs { up: 3, voters: 3 });
            self.at(end("joining") - 5.0, Fact::ApiServes { answering: 3, in_rotation: 3 });
        }
    }

    /// A pod is evicted and another takes its place.
    fn move_pod(&mut self, old: PodId, at: f64) {
        let app = self.trace.names.app_of[old];
        let new = self.pod(app, self.trace.names.pods.len());
        self.at(at, Fact::PodDeleting { pod: old });
        self.at(at + 0.1, Fact::PodCreated { pod: new });
        self.at(at + 24.0, Fact::PodReady { pod: new, ready: true });
        self.at(at + 31.0, Fact::PodGone { pod: old });
    }

    fn finish(mut self, end: f64) -> Trace {
        self.trace.records.sort_by_key(|record| record.at);
        self.trace.end = Time::from_nanos((end * 1e9) as u64);
        self.trace
    }
}

fn book(lossy: bool) -> Trace {
    let mut sketch = Sketch { trace: Trace { masters: 3, ..Trace::default() } };
    let mut nodes = Vec::new();
    for index in 0..3 {
        nodes.push(sketch.node(format!("master-{}", index + 1), Some(MasterId(index)), OLD));
    }
    for index in 0..3 {
        nodes.push(sketch.node(format!("nodes-{}", index + 1), None, OLD));
    }
    let web = sketch.trace.names.apps.push("web".to_owned());
    let db = sketch.trace.names.apps.push("db".to_owned());
    let group = sketch.trace.names.groups.push("web/new".to_owned());
    let pods: Vec<PodId> = (0..6).map(|ordinal| sketch.pod(web, ordinal)).collect();
    let stores: Vec<PodId> = (0..3).map(|ordinal| sketch.pod(db, ordinal)).collect();
    for (index, &node) in nodes.iter().enumerate() {
        sketch.replace(node, STARTS[index], if index < 3 { &MASTER } else { &WORKER });
    }
    for (index, pair) in pods.chunks(2).enumerate() {
        let start = STARTS[index + 3];
        sketch.move_pod(pair[0], start + 1.0);
        sketch.move_pod(pair[1], start + 12.0);
        sketch.move_pod(stores[index], start + 30.0);
        if lossy {
            lose(&mut sketch, group, pair[0], start + 1.3, Loss::Refused, 14 + 2 * index as u64);
            lose(&mut sketch, group, pair[1], start + 12.4, Loss::Reset, 3);
        }
    }
    if lossy {
        sketch.at(690.0, Fact::QuorumIs { up: 1, voters: 3 });
        sketch.at(712.0, Fact::ApiServes { answering: 0, in_rotation: 2 });
        sketch.at(744.0, Fact::QuorumIs { up: 2, voters: 3 });
        sketch.at(746.0, Fact::ApiServes { answering: 2, in_rotation: 2 });
        lose(&mut sketch, group, stores[0], 1010.0, Loss::BlackHole, 22);
    }
    sketch.finish(1900.0)
}

fn lose(sketch: &mut Sketch, group: GroupId, pod: PodId, at: f64, loss: Loss, count: u64) {
    let pod = Some(pod);
    let since = Time::from_nanos((at * 1e9) as u64);
    sketch.at(at + 1.0, Fact::RequestsLost { group, pod, loss, count, since });
    sketch.at(at + 1.2, Fact::Exposed { group, pod, loss, lasting: Span::millis(1_200) });
}

/// Three masters and three nodes, replaced one after another; nothing lost.
pub(super) fn book_trace() -> Trace {
    book(false)
}

/// The same, with losses, and with etcd's quorum broken for a while.
pub(super) fn lossy_trace() -> Trace {
    book(true)
}

/// Three masters and 500 nodes in two pools, five nodes at a time, and its outcome.
pub(super) fn fleet() -> (Outcome, Trace) {
    let mut sketch = Sketch { trace: Trace { masters: 3, ..Trace::default() } };
    let mut outcome = refuted();
    outcome.scenario.name = "fleet-500".to_owned();
    outcome.upgrade.steps.truncate(18);
    let masters: Vec<NodeId> =
        (0..3).map(|index| sketch.node(format!("master-{}", index + 1), Some(MasterId(index)), OLD)).collect();
    let label =
        |index: usize| if index < 380 { format!("web-{}", index + 1) } else { format!("batch-{}", index - 379) };
    let nodes: Vec<NodeId> = (0..500).map(|index| sketch.node(label(index), None, OLD)).collect();
    for (index, &node) in masters.iter().enumerate() {
        sketch.replace(node, STARTS[index], &MASTER);
    }
    let apps: Vec<AppId> =
        ["web", "search", "cart", "mail", "login"].map(|app| sketch.trace.names.apps.push(app.to_owned())).into();
    let group = sketch.trace.names.groups.push("web/new".to_owned());
    let pods: Vec<PodId> = (0..1000).map(|index| sketch.pod(apps[index % 5], index)).collect();
    for (index, &node) in nodes.iter().enumerate() {
        let start = 934.0 + (index / 5) as f64 * 310.0 + (index % 5) as f64 * 7.0;
        sketch.replace(node, start, &WORKER);
        outcome.upgrade.steps.extend(steps(&label(index), start, &WORKER));
        sketch.move_pod(pods[2 * index], start + 1.0);
        sketch.move_pod(pods[2 * index + 1], start + 12.0);
        if index % 60 == 7 {
            lose(&mut sketch, group, pods[2 * index], start + 1.3, Loss::Refused, 3 + index as u64 % 11);
        }
    }
    outcome.upgrade.seconds = 31_900.0;
    outcome.sim_seconds = 32_000.0;
    debug_assert_eq!(nodes[0].index(), 3);
    (outcome, sketch.finish(32_000.0))
}
