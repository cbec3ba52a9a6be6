//! What changes in the cluster, change by change, as the page's script moves its state.
//!
//! A crowd of pods is told by counts, now and then: what one of thousands does is not seen there anyway.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::super::clients::{self, Clients};
use super::super::palette::PHASES;
use super::super::series;
use super::events::is_of_etcd;
use crate::base::Id;
use crate::observe::trace::{Record, Trace};
use crate::world::fact::{Fact, Loss, StepPhase, Unit};
use crate::world::ids::{AppId, NodeId, PodId};
use crate::world::store::{Endpoint, NodeReady};
use crate::world::watch::ClientKind;

/// How often the counts of a crowd are told in a run, at most.
const CROWD_TOLD: f64 = 2_000.0;

/// How far a pod has come; numbers as in the script.
const PENDING: u8 = 1;
const BOUND: u8 = 2;
const STARTED: u8 = 3;
const READY: u8 = 4;
const UNREADY: u8 = 5;
const DELETING: u8 = 6;
const SIGTERM: u8 = 7;
const SILENT: u8 = 8;
const GONE: u8 = 9;

/// Seconds, to the microsecond.
pub(super) fn seconds(at: f64) -> f64 {
    (at * 1e6).round() / 1e6
}

/// The place of a phase in the list that the page has.
pub(super) fn phase_place(phase: StepPhase) -> usize {
    PHASES.iter().position(|one| *one == phase).unwrap_or_default()
}

/// The place of a way to lose a request.
fn loss_place(loss: Loss) -> usize {
    Loss::ALL.iter().position(|one| *one == loss).unwrap_or_default()
}

/// All changes in order; with `detail`, pod by pod; without `etcd`, nothing of its members.
pub(super) fn all(trace: &Trace, detail: bool, etcd: bool) -> Vec<Json> {
    let mut phases = Phases::default();
    let mut crowd = Crowd::new(trace);
    let mut changes = Vec::new();
    let seen = |fact: &Fact| etcd || !is_of_etcd(fact);
    for (place, record) in trace.records.iter().enumerate().filter(|(_, record)| seen(&record.fact)) {
        let at = seconds(record.at.secs_f64());
        let told = phases.change(at, record).or_else(|| of_machine(at, &record.fact, trace));
        if detail {
            changes.extend(of_proxy(at, &record.fact, trace.behind.get(&(place as u32)).copied()));
        }
        changes
            .extend(told.or_else(|| of_control_plane(at, &record.fact)).or_else(|| of_users(at, &record.fact, detail)));
        match detail {
            true => changes.extend(of_pod(at, &record.fact)),
            false => crowd.hear(at, &record.fact, &mut changes),
        }
    }
    crowd.tell(seconds(trace.end.secs_f64()), &mut changes);
    changes.extend(clients(trace));
    changes.extend(if etcd { logs(trace) } else { Vec::new() });
    let moment = |change: &Json| change[0].as_f64().unwrap_or_default();
    changes.sort_by(|one, other| moment(one).total_cmp(&moment(other)));
    changes
}

/// What a node's proxy and kubelet know.
fn of_proxy(at: f64, fact: &Fact, behind: Option<u32>) -> Option<Json> {
    let cut = |node: NodeId, bit: u8, served: bool| json!([at, "cut", node.0, bit, u8::from(!served)]);
    Some(match *fact {
        Fact::RulesProgrammed { node, app } => json!([at, "rules", node.0, app.0, behind.unwrap_or_default()]),
        Fact::ClientServed { client: ClientKind::Kubelet(node), served } => cut(node, 1, served),
        Fact::ClientServed { client: ClientKind::Proxy(node), served } => cut(node, 2, served),
        _ => return None,
    })
}

/// What changes all the time is told as it stands at the end of each small part of the run.
fn thinned<T>(steps: Vec<(f64, T)>, trace: &Trace) -> Vec<(f64, T)> {
    let every = trace.end.secs_f64() / CROWD_TOLD;
    let mut kept: Vec<(f64, T)> = Vec::new();
    let many = steps.len() as f64 > CROWD_TOLD;
    for (at, value) in steps {
        match kept.last_mut() {
            Some(last) if many && (at / every).floor() == (last.0 / every).floor() => *last = (at, value),
            Some(_) | None => kept.push((at, value)),
        }
    }
    kept
}

/// Which of the API's standing clients are served.
fn clients(trace: &Trace) -> Vec<Json> {
    let told = |kind: Clients| {
        let name = kind.name;
        let steps = thinned(kind.steps, trace).into_iter();
        steps.map(move |(at, is)| json!([seconds(at), "clients", name, is.served, is.all]))
    };
    clients::over_time(trace).into_iter().flat_map(told).collect()
}

/// The members' logs.
fn logs(trace: &Trace) -> Vec<Json> {
    let steps: Vec<_> = trace.logs.iter().map(|(at, logs)| (at.secs_f64(), logs)).collect();
    thinned(steps, trace).into_iter().map(|(at, logs)| json!([seconds(at), "logs", logs])).collect()
}

fn of_machine(at: f64, fact: &Fact, trace: &Trace) -> Option<Json> {
    Some(match *fact {
        Fact::MachineLaunched { node } => json!([at, "power", node.0, 2]),
        Fact::MachineUp { node } => json!([at, "power", node.0, 3]),
        Fact::MachineStopping { node } => json!([at, "power", node.0, 1]),
        Fact::MachineOff { node } => json!([at, "power", node.0, 0]),
        Fact::NodeRegistered { node, version } => json!([at, "joined", node.0, version.to_string()]),
        Fact::NodeReadyIs { node, ready } => {
            let ready = match ready {
                NodeReady::False => 0,
                NodeReady::True => 1,
                NodeReady::Unknown => 2,
            };
            json!([at, "ready", node.0, ready])
        }
        Fact::NodeCordoned { node, unschedulable } => json!([at, "cordon", node.0, u8::from(unschedulable)]),
        Fact::NodeDeleted { node } => json!([at, "deleted", node.0]),
        Fact::FaultStruck { fault } if fault.index() < trace.names.faults.len() => json!([at, "fault", fault.0, 1]),
        Fact::FaultRepaired { fault } if fault.index() < trace.names.faults.len() => json!([at, "fault", fault.0, 0]),
        _ => return None,
    })
}

fn of_control_plane(at: f64, fact: &Fact) -> Option<Json> {
    Some(match *fact {
        Fact::MemberStarted { member } => json!([at, "member", member.0, 1]),
        Fact::MemberStopped { member } => json!([at, "member", member.0, 0]),
        Fact::MemberLeads { member, term } => json!([at, "leads", member.0, 1, term]),
        Fact::MemberYields { member, term } => json!([at, "leads", member.0, 0, term]),
        Fact::QuorumIs { up, voters } => json!([at, "quorum", up, voters]),
        Fact::ServerReady { master } => json!([at, "server", master.0, 1]),
        Fact::ServerStopping { master } => json!([at, "server", master.0, 2]),
        Fact::ServerStopped { master } => json!([at, "server", master.0, 0]),
        Fact::ServerInRotation { master, used } => json!([at, "used", master.0, u8::from(used)]),
        Fact::ApiServes { answering, in_rotation } => json!([at, "api", answering, in_rotation]),
        _ => return None,
    })
}

fn of_users(at: f64, fact: &Fact, detail: bool) -> Option<Json> {
    let named = |pod: Option<PodId>| pod.filter(|_| detail).map_or(-1, |pod| i64::from(pod.0));
    Some(match *fact {
        Fact::RequestsLost { group, pod, loss, count, .. } => {
            json!([at, "lost", group.0, named(pod), loss_place(loss), count])
        }
        Fact::ExposureBegan { group, pod, loss } => json!([at, "exposed", group.0, named(pod), loss_place(loss), 1]),
        Fact::ExposureEnded { group, pod, loss } => json!([at, "exposed", group.0, named(pod), loss_place(loss), 0]),
        _ => return None,
    })
}

fn of_pod(at: f64, fact: &Fact) -> Option<Json> {
    let (pod, is) = match *fact {
        Fact::PodCreated { pod } => (pod, PENDING),
        Fact::PodBound { pod, .. } => (pod, BOUND),
        Fact::PodStarted { pod } | Fact::PodRestarted { pod } => (pod, STARTED),
        Fact::PodReady { pod, ready: true } => (pod, READY),
        Fact::PodReady { pod, ready: false } => (pod, UNREADY),
        Fact::PodDeleting { pod } => (pod, DELETING),
        Fact::PodTerminating { pod } => (pod, SIGTERM),
        Fact::PodExited { pod } | Fact::PodKilled { pod } | Fact::PodSilent { pod } => (pod, SILENT),
        Fact::PodGone { pod } => (pod, GONE),
        Fact::EndpointSet { pod, endpoint } => {
            let is = match endpoint {
                Endpoint::Absent => 0,
                Endpoint::Ready => 1,
                Endpoint::Terminating => 2,
            };
            return Some(json!([at, "end", pod.0, is]));
        }
        _ => return None,
    };
    Some(json!([at, "pod", pod.0, is]))
}

/// The phases that each unit is in; the last that it entered is shown.
#[derive(Default)]
struct Phases {
    open: BTreeMap<Unit, Vec<StepPhase>>,
}

impl Phases {
    fn change(&mut self, at: f64, record: &Record) -> Option<Json> {
        let unit = match record.fact {
            Fact::StepBegan { unit, phase, .. } => {
                self.open.entry(unit).or_default().push(phase);
                unit
            }
            Fact::StepEnded { unit, phase, .. } => {
                self.open.entry(unit).or_default().retain(|open| *open != phase);
                unit
            }
            _ => return None,
        };
        let shown = self.open.get(&unit).and_then(|open| open.last());
        let shown = shown.map_or(-1, |phase| phase_place(*phase) as i64);
        Some(match unit {
            Unit::Node(node) => json!([at, "phase", node.0, shown]),
            Unit::Pool(pool) => json!([at, "phase", -1, shown, format!("pool {}", pool.0 + 1)]),
            Unit::Masters => json!([at, "phase", -1, shown, "masters"]),
            Unit::Cluster => json!([at, "phase", -1, shown, "cluster"]),
        })
    }
}

/// Ready pods of each machine and of each app.
struct Crowd<'a> {
    trace: &'a Trace,
    ready: Vec<bool>,
    on_node: BTreeMap<NodeId, i64>,
    of_app: BTreeMap<AppId, i64>,
    /// Changed since they were last told.
    changed: (Vec<NodeId>, Vec<AppId>),
    /// How often they are told, seconds, and since when they were not.
    every: f64,
    since: f64,
}

impl<'a> Crowd<'a> {
    fn new(trace: &'a Trace) -> Crowd<'a> {
        let ready = series::ready_at_start(trace);
        let mut crowd = Crowd {
            trace,
            on_node: BTreeMap::new(),
            of_app: BTreeMap::new(),
            changed: (Vec::new(), Vec::new()),
            every: (trace.end.secs_f64() / CROWD_TOLD).max(1.0),
            since: 0.0,
            ready: vec![false; ready.len()],
        };
        for (place, ready) in ready.into_iter().enumerate() {
            crowd.set(PodId::from_index(place), ready);
        }
        crowd.changed = (Vec::new(), Vec::new());
        crowd
    }

    fn hear(&mut self, at: f64, fact: &Fact, changes: &mut Vec<Json>) {
        let (pod, ready) = match *fact {
            Fact::PodReady { pod, ready } => (pod, ready),
            Fact::PodDeleting { pod } | Fact::PodGone { pod } => (pod, false),
            _ => return,
        };
        if at >= self.since + self.every {
            self.tell(at, changes);
        }
        self.set(pod, ready);
    }

    fn set(&mut self, pod: PodId, ready: bool) {
        let Some(known) = self.ready.get_mut(pod.index()).filter(|known| **known != ready) else { return };
        *known = ready;
        let by = if ready { 1 } else { -1 };
        if let Some(Some(node)) = self.trace.hosts.get(pod) {
            *self.on_node.entry(*node).or_default() += by;
            self.changed.0.push(*node);
        }
        if let Some(app) = self.trace.names.app_of.get(pod) {
            *self.of_app.entry(*app).or_default() += by;
            self.changed.1.push(*app);
        }
    }

    fn tell(&mut self, at: f64, changes: &mut Vec<Json>) {
        let (mut nodes, mut apps) = std::mem::take(&mut self.changed);
        nodes.sort_unstable();
        nodes.dedup();
        apps.sort_unstable();
        apps.dedup();
        let on = nodes.into_iter().map(|node| json!([at, "count", node.0, self.on_node.get(&node)]));
        changes.extend(on);
        changes.extend(apps.into_iter().map(|app| json!([at, "readyof", app.0, self.of_app.get(&app)])));
        self.since = at;
    }
}
