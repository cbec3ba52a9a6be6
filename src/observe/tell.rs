//! Facts in words, and the chain of events that led to one.

use std::collections::BTreeSet;

use super::trace::{Names, Record, Trace};
use crate::base::{Id, Span};
use crate::world::fact::{Fact, RolloutStage, StepPhase, Unit};
use crate::world::ids::{FaultId, MasterId, NodeId, PodId};
use crate::world::store::{Component, Endpoint, NodeReady};
use crate::world::watch::ClientKind;

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

/// A fault's kind and target, where they are known.
fn named(names: &Names, fault: FaultId) -> String {
    names.faults.get(fault.index()).map_or_else(String::new, |name| format!(": {name}"))
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

/// What happens to a pod, after its name; `None` for facts that need more words.
fn of_pod(fact: &Fact) -> Option<(PodId, &'static str)> {
    Some(match *fact {
        Fact::PodCreated { pod } => (pod, "is created"),
        Fact::PodStarted { pod } => (pod, "starts"),
        Fact::PodListens { pod } => (pod, "listens"),
        Fact::ApiMissed { pod } => (pod, "asks for an API version that is served no more, and waits"),
        Fact::PullFailed { pod } => (pod, "cannot pull its image"),
        Fact::PodReady { pod, ready: true } => (pod, "is Ready"),
        Fact::PodReady { pod, ready: false } => (pod, "is no longer Ready"),
        Fact::PodDeleting { pod } => (pod, "is terminating"),
        Fact::PodTerminating { pod } => (pod, "gets SIGTERM"),
        Fact::PodKilled { pod } => (pod, "is killed"),
        Fact::PodExited { pod } => (pod, "has exited"),
        Fact::PodSilent { pod } => (pod, "falls silent: its address is gone"),
        Fact::PodRestarted { pod } => (pod, "is restarted"),
        Fact::PodGone { pod } => (pod, "is gone"),
        Fact::EndpointSet { pod, endpoint: Endpoint::Ready } => (pod, "joins the endpoints"),
        Fact::EndpointSet { pod, endpoint: Endpoint::Terminating } => (pod, "is a terminating endpoint"),
        Fact::EndpointSet { pod, endpoint: Endpoint::Absent } => (pod, "leaves the endpoints"),
        Fact::Evicted { pod } => (pod, "is evicted"),
        Fact::PodPreempted { pod, .. } => (pod, "is preempted: the scheduler makes room for a pod of higher priority"),
        Fact::EvictionRefused { pod, .. } => (pod, "is not evicted: the API refuses"),
        _ => return None,
    })
}

/// What happens to a machine, after its name.
fn of_node(fact: &Fact) -> Option<(NodeId, &'static str)> {
    Some(match *fact {
        Fact::MachineLaunched { node } => (node, "is launched"),
        Fact::MachineStopping { node } => (node, "shuts down"),
        Fact::MachineOff { node } => (node, "is off"),
        Fact::MachineUp { node } => (node, "has booted"),
        Fact::NodeReadyIs { node, ready: NodeReady::True } => (node, "is Ready"),
        Fact::NodeReadyIs { node, ready: NodeReady::False } => (node, "is not Ready"),
        Fact::NodeReadyIs { node, ready: NodeReady::Unknown } => (node, "has not been heard of for its grace period"),
        Fact::NodeCordoned { node, unschedulable: true } => (node, "is cordoned"),
        Fact::NodeCordoned { node, unschedulable: false } => (node, "is uncordoned"),
        Fact::NodeDeleted { node } => (node, "leaves the cluster"),
        Fact::StepBegan { unit: Unit::Node(node), phase: of, .. } => (node, phase(of)),
        _ => return None,
    })
}

/// What happens to a master's process.
fn of_master(fact: &Fact) -> Option<String> {
    let at = |master: MasterId| format!("on master-{}", master.index() + 1);
    Some(match *fact {
        Fact::MemberStarted { member } => format!("etcd {} starts", at(member)),
        Fact::MemberStopped { member } => format!("etcd {} stops", at(member)),
        Fact::MemberLeads { member, term } => format!("etcd {} leads in term {term}", at(member)),
        Fact::MemberYields { member, term } => format!("etcd {} no longer leads (term {term})", at(member)),
        Fact::SnapshotTaken => "a snapshot of etcd is taken".to_owned(),
        Fact::Restored { age, writes, .. } => {
            format!("etcd is put back to a snapshot {age} old: {writes} writes are lost")
        }
        Fact::MemberIs { member, standing } => format!("etcd {} {}", at(member), standing.name()),
        Fact::MemberCorrupt { member } => format!("etcd {} finds its data corrupt and does not start", at(member)),
        Fact::MemberRefused { member, version, cluster } => {
            format!("etcd {} of version {version} refuses to start in a cluster of {cluster}", at(member))
        }
        Fact::ServerReady { master } => format!("the API server {} is ready", at(master)),
        Fact::ServerStopping { master } => format!("the API server {} shuts down", at(master)),
        Fact::ServerStopped { master } => format!("the API server {} is gone", at(master)),
        Fact::ServerInRotation { master, used: true } => format!("new API connections go to the server {}", at(master)),
        Fact::ServerInRotation { master, used: false } => {
            format!("new API connections avoid the server {}", at(master))
        }
        Fact::SkewBroken { master, server, client } => {
            format!("a client of version {client} talks to the API server {} of version {server}", at(master))
        }
        Fact::LeaseTaken { component: of, master } => format!("the {} {} leads", component(of), at(master)),
        Fact::LeaseLost { component: of, master } => format!("the {} {} leads no longer", component(of), at(master)),
        _ => return None,
    })
}

/// An API client that is served, or no longer.
fn of_client(fact: &Fact, names: &Names) -> Option<String> {
    let Fact::ClientServed { client, served } = *fact else { return None };
    let who = match client {
        ClientKind::Kubelet(at) => format!("the kubelet on {}", node(names, at)),
        ClientKind::Proxy(at) => format!("kube-proxy on {}", node(names, at)),
        ClientKind::Router(of, _) => pod(names, of).to_owned(),
        ClientKind::Elected(of, on) => format!("the {} on master-{}", component(of), on.index() + 1),
        ClientKind::Operator(_) => "an operator's tool".to_owned(),
    };
    Some(if served { format!("the API serves {who}") } else { format!("{who} is cut off from the API") })
}

/// How far an app's rollout has come.
fn rollout(app: &str, stage: RolloutStage, percent: u32) -> String {
    match stage {
        RolloutStage::Began => format!("a new version of {app} is rolled out"),
        RolloutStage::Weighted => format!("the new version of {app} gets {percent} % of the requests"),
        RolloutStage::Late => format!("the rollout of {app} makes no progress within its deadline"),
        RolloutStage::Promoted => format!("the new version of {app} is promoted"),
        RolloutStage::Aborted => format!("the rollout of {app} is aborted: all requests go to the stable version"),
        RolloutStage::Completed => format!("the rollout of {app} has completed"),
    }
}

/// A launch that was refused.
fn of_cloud(fact: &Fact) -> Option<String> {
    let Fact::LaunchRefused { pool, slot, why } = *fact else { return None };
    let group = pool.map_or("the masters".to_owned(), |pool| format!("pool {}", pool.index() + 1));
    Some(format!("place {} of {group} gets no machine: {}", slot + 1, why.name()))
}

/// What users notice.
fn of_users(fact: &Fact, names: &Names) -> Option<String> {
    let at_pod = |of: Option<PodId>| of.map_or(String::new(), |of| format!(" at {}", pod(names, of)));
    let group = |group| names.groups.get(group).map_or("a group", String::as_str);
    Some(match *fact {
        Fact::RequestsLost { group: of, pod: at, loss, count, .. } => {
            let requests = if count == 1 { "request" } else { "requests" };
            format!("{count} {requests} of {} lost{} ({})", group(of), at_pod(at), loss.name())
        }
        Fact::Exposed { group: of, pod: at, loss, lasting } => {
            let lasting = match lasting < Span::millis(1) {
                true => "less than 1 ms".to_owned(),
                false => format!("{:.3} s", lasting.as_secs_f64()),
            };
            format!("requests of {} could be lost{} for {lasting} ({})", group(of), at_pod(at), loss.name())
        }
        Fact::ExposureBegan { group: of, pod: at, loss } => {
            format!("requests of {} can be lost{} from now on ({})", group(of), at_pod(at), loss.name())
        }
        Fact::ExposureEnded { group: of, pod: at, loss } => {
            format!("requests of {} are safe again{} ({})", group(of), at_pod(at), loss.name())
        }
        _ => return None,
    })
}

/// A fact in words.
pub fn fact(fact: &Fact, names: &Names) -> String {
    if let Some((id, words)) = of_pod(fact) {
        return format!("{} {words}", pod(names, id));
    }
    if let Some((id, words)) = of_node(fact) {
        return format!("{} {words}", node(names, id));
    }
    let rare = || of_cloud(fact).or_else(|| of_client(fact, names));
    if let Some(words) = of_master(fact).or_else(|| of_users(fact, names)).or_else(rare) {
        return words;
    }
    match *fact {
        Fact::PodBound { pod: id, node: to } => format!("{} is bound to {}", pod(names, id), node(names, to)),
        Fact::NodeRegistered { node: at, version } => format!("{} registers with {version}", node(names, at)),
        Fact::RolloutStalled { app } => {
            let app = names.apps.get(app).map_or("an app", String::as_str);
            format!("the rollout of {app} has made no progress for its deadline")
        }
        Fact::RulesProgrammed { node: at, app } => {
            format!(
                "kube-proxy on {} follows {}",
                node(names, at),
                names.apps.get(app).map_or("an app", String::as_str)
            )
        }
        Fact::RouterFollows { pod: id, app } => {
            format!("{} follows {}", pod(names, id), names.apps.get(app).map_or("an app", String::as_str))
        }
        Fact::WebhookFailed { webhook, master, loss, ignored } => {
            let name = names.webhooks.get(webhook).map_or("a webhook", String::as_str);
            let then = if ignored { "the write passes" } else { "the write is refused" };
            let (server, how) = (master.index() + 1, loss.name());
            format!("the API server on master-{server} gets no answer from webhook {name} ({how}): {then}")
        }
        Fact::RolloutIs { app, stage, percent } => {
            rollout(names.apps.get(app).map_or("an app", String::as_str), stage, percent)
        }
        Fact::AppScaled { app, replicas } => {
            format!("{} is scaled to {replicas}", names.apps.get(app).map_or("an app", String::as_str))
        }
        Fact::QuorumIs { up, voters } => format!("{up} of {voters} etcd voters are up"),
        Fact::ApiServes { answering, in_rotation } => {
            format!("{answering} of {in_rotation} API servers in rotation answer")
        }
        Fact::ApiFailed { error } => format!("an API request fails: {}", error.name()),
        Fact::StepBegan { unit: of, phase: into, .. } => format!("{} {}", unit(names, of), phase(into)),
        Fact::StepEnded { unit: of, phase: left, .. } => format!("{}: {} ends", unit(names, of), left.name()),
        Fact::PlanEnded { completed: true, .. } => "the plan has completed".to_owned(),
        Fact::PlanEnded { completed: false, .. } => "the plan has failed".to_owned(),
        Fact::FaultStruck { fault } => format!("fault {} strikes{}", fault.index() + 1, named(names, fault)),
        Fact::FaultRepaired { fault } => format!("fault {} is repaired{}", fault.index() + 1, named(names, fault)),
        Fact::Probed { target, result, took, .. } => {
            let to = target.map_or("the load balancer".to_owned(), |master| format!("master-{}", master.index() + 1));
            let how = result.map_or_else(|why| format!("fails: {}", why.name()), |()| "is answered".to_owned());
            format!("a probe's request to {to} {how}, after {:.3} s", took.as_secs_f64())
        }
        _ => String::new(),
    }
}

/// The pod that a fact is about.
fn subject(fact: &Fact) -> Option<PodId> {
    match *fact {
        Fact::PodCreated { pod }
        | Fact::PodBound { pod, .. }
        | Fact::PodStarted { pod }
        | Fact::PodListens { pod }
        | Fact::ApiMissed { pod }
        | Fact::PullFailed { pod }
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
        | Fact::PodPreempted { pod, .. }
        | Fact::EvictionRefused { pod, .. } => Some(pod),
        Fact::RequestsLost { pod, .. }
        | Fact::Exposed { pod, .. }
        | Fact::ExposureBegan { pod, .. }
        | Fact::ExposureEnded { pod, .. } => pod,
        _ => None,
    }
}

/// Whether a fact is where a chain begins: a step of the plan, or a fault.
fn is_root(fact: &Fact) -> bool {
    matches!(fact, Fact::StepBegan { .. } | Fact::FaultStruck { .. } | Fact::RolloutIs { .. })
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
///
/// Lost requests are told when their interval is settled; their chain also takes in how the exposure began.
pub fn chain(trace: &Trace, wanted: impl Fn(&Record) -> bool) -> Vec<String> {
    let Some(last) = trace.records.iter().position(wanted) else { return Vec::new() };
    let places = leading_to(trace, last);
    let mut lines: Vec<String> = places.iter().map(|place| line(&trace.records[*place], &trace.names)).collect();
    if lines.len() > CHAIN_MAX {
        let cut = lines.len() - CHAIN_MAX;
        lines.splice(1..=cut, [format!("... {cut} steps between")]);
    }
    lines
}

/// The facts, by their places in the history, that led to the one at `last`, which is the last of them.
///
/// Those of a lost request also say how the exposure began.
pub fn leading_to(trace: &Trace, last: usize) -> Vec<usize> {
    let mut places = causes(trace, last);
    if let Some(began) = exposure_of(trace, last) {
        places.extend(causes(trace, began));
        let first = places.first().copied().unwrap_or(began);
        let about = subject(&trace.records[last].fact);
        let between = (first..last).filter(|place| about.is_some() && subject(&trace.records[*place].fact) == about);
        places.extend(between.filter(|place| !is_symptom(&trace.records[*place].fact)));
    }
    let mut places: Vec<usize> = places.into_iter().collect();
    places.push(last);
    places
}

/// Where the exposure began that a loss belongs to.
fn exposure_of(trace: &Trace, lost: usize) -> Option<usize> {
    let Fact::RequestsLost { group, pod, loss, .. } = trace.records[lost].fact else { return None };
    trace.records[..lost].iter().rposition(|record| match record.fact {
        Fact::ExposureBegan { group: g, pod: p, loss: l } | Fact::Exposed { group: g, pod: p, loss: l, .. } => {
            (g, p, l) == (group, pod, loss)
        }
        _ => false,
    })
}

/// The facts, by place, of the events that led to the one at `last`, back to a step of the plan or a fault.
fn causes(trace: &Trace, last: usize) -> BTreeSet<usize> {
    let record = trace.records[last];
    let about = subject(&record.fact);
    let app = about.and_then(|pod| trace.names.app_of.get(pod));
    let concerns = |other: &Record| match (about, subject(&other.fact), other.fact) {
        (Some(about), Some(other), _) => about == other,
        (_, _, Fact::RulesProgrammed { app: followed, .. } | Fact::RouterFollows { app: followed, .. }) => {
            app == Some(&followed)
        }
        (_, None, _) | (None, _, _) => true,
    };
    let mut places = BTreeSet::new();
    let mut event = record.event;
    let mut below = last;
    loop {
        let told = trace.facts_of(event).filter(|(place, _)| *place < below);
        let told: Vec<(usize, &Record)> = told.filter(|(_, r)| concerns(r) && !is_symptom(&r.fact)).collect();
        let root = told.iter().rposition(|(_, record)| is_root(&record.fact));
        places.extend(told[root.unwrap_or(0)..].iter().map(|(place, _)| *place));
        below = usize::MAX;
        match trace.parent(event) {
            Some(parent) if root.is_none() => event = parent,
            _ => return places,
        }
    }
}
