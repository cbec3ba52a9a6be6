//! The list of events: what happened, in words, each with what caused it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::super::safe::escaped;
use super::changes::seconds;
use crate::observe::tell;
use crate::observe::trace::{Record, Trace};
use crate::world::fact::{Fact, Unit};
use crate::world::ids::NodeId;

/// More events than this are not listed: those of single pods are left out first; of many machines, the stories of some
/// are told whole.
const LISTED_MAX: usize = 20_000;
/// Losses and exposures whose whole chain is kept.
const CHAINS_MAX: usize = 300;

/// What an event is about, in the order in which room is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Loss,
    Exposure,
    Fault,
    Master,
    Plan,
    Node,
    Pod,
    Rules,
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Kind::Loss => "loss",
            Kind::Exposure => "exposure",
            Kind::Fault => "fault",
            Kind::Master => "master",
            Kind::Plan => "plan",
            Kind::Node => "node",
            Kind::Pod => "pod",
            Kind::Rules => "rules",
        }
    }

    fn of(fact: &Fact) -> Kind {
        match fact {
            Fact::RequestsLost { .. } => Kind::Loss,
            Fact::Exposed { .. } | Fact::ExposureBegan { .. } | Fact::ExposureEnded { .. } => Kind::Exposure,
            Fact::FaultStruck { .. } | Fact::FaultRepaired { .. } => Kind::Fault,
            Fact::StepBegan { .. } | Fact::StepEnded { .. } | Fact::PlanEnded { .. } => Kind::Plan,
            Fact::RolloutIs { .. } | Fact::RolloutStalled { .. } | Fact::AppScaled { .. } => Kind::Plan,
            Fact::LaunchRefused { .. }
            | Fact::MachineLaunched { .. }
            | Fact::MachineStopping { .. }
            | Fact::MachineOff { .. }
            | Fact::MachineUp { .. }
            | Fact::NodeRegistered { .. }
            | Fact::NodeReadyIs { .. }
            | Fact::NodeCordoned { .. }
            | Fact::NodeDeleted { .. } => Kind::Node,
            Fact::RulesProgrammed { .. } | Fact::RouterFollows { .. } => Kind::Rules,
            Fact::SnapshotTaken
            | Fact::Restored { .. }
            | Fact::ServerReady { .. }
            | Fact::ServerStopping { .. }
            | Fact::ServerStopped { .. }
            | Fact::ServerInRotation { .. }
            | Fact::ApiServes { .. }
            | Fact::ClientServed { .. }
            | Fact::ApiFailed { .. }
            | Fact::SkewBroken { .. }
            | Fact::LeaseTaken { .. }
            | Fact::LeaseLost { .. }
            | Fact::WebhookFailed { .. }
            | Fact::Probed { .. } => Kind::Master,
            fact if is_of_etcd(fact) => Kind::Master,
            _ => Kind::Pod,
        }
    }
}

/// Whether a fact is of etcd's members, which a managed control plane hides.
pub(super) fn is_of_etcd(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::MemberStarted { .. }
            | Fact::MemberStopped { .. }
            | Fact::MemberLeads { .. }
            | Fact::MemberYields { .. }
            | Fact::MemberIs { .. }
            | Fact::MemberRefused { .. }
            | Fact::MemberCorrupt { .. }
            | Fact::QuorumIs { .. }
    )
}

/// The list, the chains of some, and how many were left out.
pub(super) struct Listed {
    /// Time, kind, words, place of its cause or -1.
    pub(super) events: Vec<Json>,
    /// By place in the list: the places of all that led to it.
    pub(super) chains: BTreeMap<usize, Vec<usize>>,
    pub(super) left: usize,
}

/// The events of a run; with `detail`, those of single pods, too.
pub(super) fn listed(trace: &Trace, detail: bool, etcd: bool) -> Listed {
    let words = |record: &Record| match etcd || !is_of_etcd(&record.fact) {
        true => tell::fact(&record.fact, &trace.names),
        false => String::new(),
    };
    // Of millions of facts a few thousand are listed: the words of the others are not kept.
    let told: Vec<bool> = trace.records.iter().map(|record| !words(record).is_empty()).collect();
    let chained = chained(trace);
    let wanted = wanted(trace, &told, detail, &chained);
    let places: BTreeMap<usize, usize> = wanted.iter().enumerate().map(|(place, record)| (*record, place)).collect();
    let nearest = nearest(trace, &places);
    let event = |record: &usize| {
        let of = &trace.records[*record];
        let cause = match above(of.event, &nearest, trace) {
            NOTHING => -1,
            place => i64::from(place),
        };
        json!([seconds(of.at.secs_f64()), Kind::of(&of.fact).name(), escaped(&words(of)), cause])
    };
    let told = told.into_iter().filter(|told| *told).count();
    Listed {
        events: wanted.iter().map(event).collect(),
        chains: chained
            .into_iter()
            .filter_map(|(record, chain)| {
                let chain = chain.iter().filter_map(|record| places.get(record).copied()).collect();
                Some((*places.get(&record)?, chain))
            })
            .collect(),
        left: told - wanted.len(),
    }
}

/// The chains, by record, of the first losses and exposures.
fn chained(trace: &Trace) -> BTreeMap<usize, Vec<usize>> {
    let of_users = |(_, record): &(usize, &crate::observe::trace::Record)| {
        matches!(record.fact, Fact::RequestsLost { .. } | Fact::Exposed { .. } | Fact::ExposureBegan { .. })
    };
    let all = trace.records.iter().enumerate().filter(of_users).take(CHAINS_MAX);
    all.map(|(place, _)| (place, tell::leading_to(trace, place))).collect()
}

/// The records that are listed, in order.
fn wanted(trace: &Trace, told: &[bool], detail: bool, chained: &BTreeMap<usize, Vec<usize>>) -> BTreeSet<usize> {
    let mut wanted: BTreeSet<usize> = chained.values().flatten().copied().collect();
    wanted.retain(|record| told[*record]);
    let mut by_kind: BTreeMap<Kind, Vec<usize>> = BTreeMap::new();
    for (place, record) in trace.records.iter().enumerate().filter(|(place, _)| told[*place]) {
        // What one of thousands of clients does tells nothing, and would leave no room for what does.
        if !detail && matches!(record.fact, Fact::ClientServed { .. }) {
            continue;
        }
        by_kind.entry(Kind::of(&record.fact)).or_default().push(place);
    }
    for (kind, records) in by_kind {
        let single = matches!(kind, Kind::Pod | Kind::Rules);
        // The plan's steps leave room for what became of the machines.
        let room = LISTED_MAX.saturating_sub(wanted.len()) / if kind == Kind::Plan { 2 } else { 1 };
        if detail || !single {
            let stride = records.len().div_ceil(room.max(1)).max(1) as u32;
            let near =
                |place: &usize| machine(&trace.records[*place].fact).is_none_or(|node| node.0.is_multiple_of(stride));
            wanted.extend(records.into_iter().filter(near).take(room));
        }
    }
    wanted
}

/// The machine that a fact is about.
fn machine(fact: &Fact) -> Option<NodeId> {
    match *fact {
        Fact::StepBegan { unit: Unit::Node(node), .. }
        | Fact::StepEnded { unit: Unit::Node(node), .. }
        | Fact::MachineLaunched { node }
        | Fact::MachineStopping { node }
        | Fact::MachineOff { node }
        | Fact::MachineUp { node }
        | Fact::NodeRegistered { node, .. }
        | Fact::NodeReadyIs { node, .. }
        | Fact::NodeCordoned { node, .. }
        | Fact::NodeDeleted { node } => Some(node),
        _ => None,
    }
}

/// Marks an event that no listed fact led to.
const NOTHING: u32 = u32::MAX;

/// For each event of the run the listed place of the last listed fact of its own, or of the nearest event before it.
fn nearest(trace: &Trace, places: &BTreeMap<usize, usize>) -> Vec<u32> {
    // Facts come in order of time: the last of an event's own stays.
    let own: BTreeMap<u64, usize> =
        places.iter().map(|(record, place)| (trace.records[*record].event, *place)).collect();
    let mut nearest = vec![NOTHING; trace.parents.len()];
    let mut own = own.into_iter().peekable();
    // An event's number is higher than that of the one that scheduled it.
    for event in 0..nearest.len() {
        nearest[event] = match own.next_if(|(listed, _)| *listed == event as u64) {
            Some((_, place)) => place as u32,
            None => above(event as u64, &nearest, trace),
        };
    }
    nearest
}

/// The listed place of what caused an event.
fn above(event: u64, nearest: &[u32], trace: &Trace) -> u32 {
    trace.parent(event).and_then(|parent| nearest.get(parent as usize).copied()).unwrap_or(NOTHING)
}
