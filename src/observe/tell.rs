//! Facts in words, and the chain of events that led to one.

use super::trace::{Names, Record, Trace};
use crate::base::Id;
use crate::world::fact::{Fact, StepPhase, Unit};
use crate::world::ids::{NodeId, PodId};
use crate::world::store::{Component, Endpoint, NodeReady};

/// Most lines of a chain: its root and its last steps are kept.
const CHAIN_MAX: usize = 12;

fn pod(names: &Names, pod: PodId) -> &str {
    names.pods.get(pod).map_or("a pod", String::as_str)
}

fn node(names: &Names, node: NodeId) -> &str {
    names.nodes.get(node).map_or("a machine", String::as_str)
}

fn unit(names: &Names, unit: Unit) -> String {
    match unit {
        Unit::Node(id) => node(names, id).to_owned(),
        Unit::Pool(pool) => format!("pool {}", pool.index() + 1),
        Unit::Masters => "the masters".to_owned(),
        Unit::Cluster => "the cluster".to_owned(),
    }
}

fn component(component: Component) -> &'static str {
    match component {
        Component::ControllerManager => "controller manager",
        Component::Scheduler => "scheduler",
    }
}

fn phase(phase: StepPhase) -> &'static str {
    match phase {
        StepPhase::Premarked => "is marked for its turn",
        StepPhase::SurgeWait => "waits for extra capacity",
        StepPhase::Cordoned => "is cordoned",
        StepPhase::Draining => "is drained",
        StepPhase::Detaching => "leaves its load balancers",
        StepPhase::Transition => "is replaced",
        StepPhase::Booting => "boots",
        StepPhase::Joining => "joins",
        StepPhase::Gate => "waits for the cluster's validation",
        StepPhase::Soak => "waits",
    }
}

/// A fact in words.
pub fn fact(fact: &Fact, names: &Names) -> String {
    let master = |master: crate::world::ids::MasterId| format!("master-{}", master.index() + 1);
    let at_pod = |of: Option<PodId>| of.map_or(String::new(), |of| format!(" at {}", pod(names, of)));
    let group = |group| names.groups.get(group).map_or("a group", String::as_str);
    match *fact {
        Fact::PodCreated { pod: id } => format!("{} created", pod(names, id)),
        Fact::PodBound { pod: id, node: to } => format!("{} bound to {}", pod(names, id), node(names, to)),
        Fact::PodStarted { pod: id } => format!("{} starts", pod(names, id)),
        Fact::PodListens { pod: id } => format!("{} listens", pod(names, id)),
        Fact::PodReady { pod: id, ready: true } => format!("{} is Ready", pod(names, id)),
        Fact::PodReady { pod: id, ready: false } => format!("{} is no longer Ready", pod(names, id)),
        Fact::PodDeleting { pod: id } => format!("{} is terminating", pod(names, id)),
        Fact::PodTerminating { pod: id } => format!("{} gets SIGTERM", pod(names, id)),
        Fact::PodKilled { pod: id } => format!("{} is killed", pod(names, id)),
        Fact::PodExited { pod: id } => format!("{} has exited", pod(names, id)),
        Fact::PodSilent { pod: id } => format!("{}'s address falls silent", pod(names, id)),
        Fact::PodRestarted { pod: id } => format!("{} is restarted", pod(names, id)),
        Fact::PodGone { pod: id } => format!("{} is gone", pod(names, id)),
        Fact::EndpointSet { pod: id, endpoint } => match endpoint {
            Endpoint::Ready => format!("{} joins the endpoints", pod(names, id)),
            Endpoint::Terminating => format!("{} is a terminating endpoint", pod(names, id)),
            Endpoint::Absent => format!("{} leaves the endpoints", pod(names, id)),
        },
        Fact::RulesProgrammed { node: at, app } => {
            format!("kube-proxy on {} follows {}", node(names, at), names.apps.get(app).map_or("an app", String::as_str))
        }
        Fact::MachineLaunched { node: at } => format!("{} launched", node(names, at)),
        Fact::MachineStopping { node: at } => format!("{} shuts down", node(names, at)),
        Fact::MachineOff { node: at } => format!("{} is off", node(names, at)),
        Fact::MachineUp { node: at } => format!("{} has booted", node(names, at)),
        Fact::NodeRegistered { node: at, version } => format!("node {} registers with {version}", node(names, at)),
        Fact::NodeReadyIs { node: at, ready } => match ready {
            NodeReady::True => format!("node {} is Ready", node(names, at)),
            NodeReady::False => format!("node {} is not Ready", node(names, at)),
            NodeReady::Unknown => format!("nothing is heard of node {}", node(names, at)),
        },
        Fact::NodeCordoned { node: at, unschedulable: true } => format!("cordon {}", node(names, at)),
        Fact::NodeCordoned { node: at, unschedulable: false } => format!("uncordon {}", node(names, at)),
        Fact::NodeDeleted { node: at } => format!("node {} is deleted", node(names, at)),
        Fact::Evicted { pod: id } => format!("evict {}", pod(names, id)),
        Fact::EvictionRefused { pod: id, .. } => format!("the eviction of {} is refused", pod(names, id)),
        Fact::MemberStarted { member } => format!("etcd on {} starts", master(member)),
        Fact::MemberStopped { member } => format!("etcd on {} stops", master(member)),
        Fact::MemberLeads { member, term } => format!("etcd on {} leads in term {term}", master(member)),
        Fact::MemberYields { member, term } => format!("etcd on {} no longer leads (term {term})", master(member)),
        Fact::QuorumIs { up, voters } => format!("{up} of {voters} etcd voters are up"),
        Fact::ServerReady { master: at } => format!("the API server on {} is ready", master(at)),
        Fact::ServerStopping { master: at } => format!("the API server on {} shuts down", master(at)),
        Fact::ServerStopped { master: at } => format!("the API server on {} is gone", master(at)),
        Fact::ServerInRotation { master: at, used: true } => format!("new API connections go to {}", master(at)),
        Fact::ServerInRotation { master: at, used: false } => format!("new API connections avoid {}", master(at)),
        Fact::ApiServes { answering, in_rotation } => {
            format!("{answering} of {in_rotation} API servers in rotation answer")
        }
        Fact::ApiFailed { error } => format!("an API request fails: {error:?}"),
        Fact::SkewBroken { master: at, server, client } => {
            format!("a client of version {client} talks to the API server {server} on {}", master(at))
        }
        Fact::LeaseTaken { component: of, master: at } => format!("the {} on {} leads", component(of), master(at)),
        Fact::LeaseLost { component: of, master: at } => {
            format!("the {} on {} leads no longer", component(of), master(at))
        }
        Fact::StepBegan { unit: of, phase: in_phase, .. } => format!("{} {}", unit(names, of), phase(in_phase)),
        Fact::StepEnded { unit: of, phase: in_phase, .. } => format!("{}: {} ends", unit(names, of), in_phase.name()),
        Fact::PlanEnded { completed: true, .. } => "the plan has completed".to_owned(),
        Fact::PlanEnded { completed: false, .. } => "the plan has failed".to_owned(),
        Fact::RequestsLost { group: of, pod: at, loss, count, .. } => {
            format!("{count} request{} of {} lost{} ({})", if count == 1 { "" } else { "s" }, group(of), at_pod(at), loss.name())
        }
        Fact::Exposed { group: of, pod: at, loss, lasting } => {
            format!("requests of {} could be lost{} for {:.3} s ({})", group(of), at_pod(at), lasting.as_secs_f64(), loss.name())
        }
        Fact::ExposureBegan { group: of, pod: at, loss } => {
            format!("requests of {} can be lost{} from now on ({})", group(of), at_pod(at), loss.name())
        }
        Fact::ExposureEnded { group: of, pod: at, loss } => {
            format!("requests of {} are safe again{} ({})", group(of), at_pod(at), loss.name())
        }
        Fact::FaultStruck { fault } => format!("fault {} strikes", fault.index() + 1),
        Fact::FaultRepaired { fault } => format!("fault {} is repaired", fault.index() + 1),
    }
}

/// The pod that a fact is about.
fn subject(fact: &Fact) -> Option<PodId> {
    match *fact {
        Fact::PodCreated { pod }
        | Fact::PodBound { pod, .. }
        | Fact::PodStarted { pod }
        | Fact::PodListens { pod }
        | Fact::PodReady { pod, .. }
        | Fact::PodDeleting { pod }
        | Fact::PodTerminating { pod }
        | Fact::PodKilled { pod }
        | Fact::PodExited { pod }
        | Fact::PodSilent { pod }
        | Fact::PodRestarted { pod }
        | Fact::PodGone { pod }
        | Fact::EndpointSet { pod, .. }
        | Fact::Evicted { pod }
        | Fact::EvictionRefused { pod, .. } => Some(pod),
        Fact::RequestsLost { pod, .. }
        | Fact::Exposed { pod, .. }
        | Fact::ExposureBegan { pod, .. }
        | Fact::ExposureEnded { pod, .. } => pod,
        _ => None,
    }
}

/// Whether a fact only says that users noticed.
fn is_symptom(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::RequestsLost { .. } | Fact::Exposed { .. } | Fact::ExposureBegan { .. } | Fact::ExposureEnded { .. }
    )
}

fn line(record: &Record, names: &Names) -> String {
    format!("{} {}", record.at, fact(&record.fact, names))
}

/// The chain of causes that led to what `wanted` picks out first: one line each, root first.
pub fn chain(trace: &Trace, wanted: impl Fn(&Record) -> bool) -> Vec<String> {
    let Some(index) = trace.records.iter().position(wanted) else { return Vec::new() };
    let last = trace.records[index];
    let about = subject(&last.fact);
    let concerns = |record: &&Record| match (about, subject(&record.fact)) {
        (Some(about), Some(other)) => about == other,
        (_, None) | (None, _) => true,
    };
    let mut lines = vec![line(&last, &trace.names)];
    let mut event = last.event;
    let mut below = index;
    loop {
        let told = trace.facts_of(event);
        let before = told.filter(|(place, _)| *place < below || event != last.event);
        let told: Vec<&Record> = before.map(|(_, record)| record).filter(|r| concerns(r) && !is_symptom(&r.fact)).collect();
        lines.extend(told.iter().rev().map(|record| line(record, &trace.names)));
        below = usize::MAX;
        match trace.parent(event) {
            Some(parent) if parent != event => event = parent,
            _ => break,
        }
    }
    lines.reverse();
    lines.dedup();
    if lines.len() > CHAIN_MAX {
        let cut = lines.len() - CHAIN_MAX;
        lines.splice(1..=cut, [format!("... {cut} steps between")]);
    }
    lines
}
