//! The machines of a run as lanes: one for each place in the cluster, replacements in the lane of what they replace.

use std::collections::BTreeMap;

use super::palette::PHASES;
use crate::base::{Id, Version};
use crate::observe::trace::Trace;
use crate::sim::Outcome;
use crate::world::fact::{Fact, StepPhase};
use crate::world::ids::NodeId;
use crate::world::store::NodeReady;

/// A stretch of time in seconds.
pub(super) type Stretch = (f64, f64);

/// One place in the cluster: `master-1`, `workers-2`, or a step of the plan that is about no machine.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lane {
    /// Its label.
    pub(super) label: String,
    /// What it is part of.
    pub(super) kind: Kind,
    /// Its machines one after another, with the version of each stretch.
    pub(super) lives: Vec<(Stretch, Version)>,
    /// The phases of its steps.
    pub(super) phases: Vec<(Stretch, StepPhase)>,
    /// When a machine was registered and not Ready.
    pub(super) unready: Vec<Stretch>,
}

/// What a lane is part of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The plan itself: steps about a whole pool, all masters, the cluster.
    Plan,
    /// The masters.
    Master,
    /// A pool of workers, by name.
    Pool(String),
}

/// The lanes: the plan's own first, then masters, then pools, each in the order of their machines.
pub(super) fn lanes(outcome: &Outcome, trace: &Trace) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut lane_of: Vec<usize> = Vec::with_capacity(trace.names.nodes.len());
    for (node, label) in trace.names.nodes.entries() {
        let base = place(label);
        let kind = match trace.names.master_of.get(node) {
            Some(Some(_)) => Kind::Master,
            Some(None) | None => Kind::Pool(pool(base).to_owned()),
        };
        let index = *places.entry(base.to_owned()).or_insert_with(|| {
            lanes.push(Lane::empty(base, kind));
            lanes.len() - 1
        });
        lane_of.push(index);
    }
    for (node, life) in lives(trace) {
        lanes[lane_of[node.index()]].lives.extend(life);
    }
    for (node, stretch) in unready(trace) {
        lanes[lane_of[node.index()]].unready.push(stretch);
    }
    for step in &outcome.upgrade.steps {
        let Some(&phase) = PHASES.iter().find(|phase| phase.name() == step.phase) else { continue };
        let base = if places.contains_key(step.unit.as_str()) { step.unit.as_str() } else { place(&step.unit) };
        let index = *places.entry(base.to_owned()).or_insert_with(|| {
            lanes.push(Lane::empty(base, Kind::Plan));
            lanes.len() - 1
        });
        let end = step.end_s.unwrap_or(outcome.sim_seconds);
        lanes[index].phases.push(((step.start_s, end.max(step.start_s)), phase));
    }
    for lane in &mut lanes {
        lane.phases = super::overlap::uncovered(&lane.phases);
    }
    lanes.retain(|lane| lane.kind != Kind::Plan || lane.phases.iter().any(|((from, to), _)| to > from));
    lanes.sort_by(|a, b| a.kind.cmp(&b.kind));
    lanes
}

impl Lane {
    const fn new(label: String, kind: Kind) -> Lane {
        Lane { label, kind, lives: Vec::new(), phases: Vec::new(), unready: Vec::new() }
    }

    fn empty(label: &str, kind: Kind) -> Lane {
        Lane::new(label.to_owned(), kind)
    }
}

/// The place a label names: that of `workers-2.1`, a first replacement, is `workers-2`.
fn place(label: &str) -> &str {
    match label.rsplit_once('.') {
        Some((base, ordinal)) if !base.is_empty() && is_number(ordinal) => base,
        Some(_) | None => label,
    }
}

/// The pool a place names: that of `workers-2` is `workers`.
fn pool(place: &str) -> &str {
    match place.rsplit_once('-') {
        Some((base, ordinal)) if !base.is_empty() && is_number(ordinal) => base,
        Some(_) | None => place,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Each machine's life, cut where its version changes.
fn lives(trace: &Trace) -> Vec<(NodeId, Vec<(Stretch, Version)>)> {
    struct Life {
        from: f64,
        to: Option<f64>,
        changes: Vec<(f64, Version)>,
    }
    let born = |_| Life { from: 0.0, to: None, changes: Vec::new() };
    let mut all: Vec<Life> = trace.names.nodes.ids().map(born).collect();
    for record in &trace.records {
        let at = record.at.secs_f64();
        if let Fact::MachineLaunched { node } = record.fact {
            all[node.index()].from = at;
        } else if let Fact::MachineOff { node } | Fact::NodeDeleted { node } = record.fact {
            all[node.index()].to.get_or_insert(at);
        } else if let Fact::MachineUp { node } = record.fact {
            // It was off for a reboot only.
            all[node.index()].to = None;
        } else if let Fact::NodeRegistered { node, version } = record.fact {
            all[node.index()].changes.push((at, version));
        }
    }
    let end = trace.end.secs_f64();
    let cut = |(index, life): (usize, Life)| {
        let node = NodeId::from_index(index);
        let to = life.to.unwrap_or(end);
        let mut stretches = Vec::new();
        let (mut from, mut version) = (life.from, trace.versions.get(node).copied().unwrap_or_default());
        for (at, next) in life.changes {
            if next != version && at > from && at < to {
                stretches.push(((from, at), version));
                from = at;
            }
            version = next;
        }
        stretches.push(((from, to.max(from)), version));
        (node, stretches)
    };
    all.into_iter().enumerate().map(cut).collect()
}

/// When each registered machine was not Ready.
fn unready(trace: &Trace) -> Vec<(NodeId, Stretch)> {
    let mut since: BTreeMap<NodeId, f64> = BTreeMap::new();
    let mut stretches = Vec::new();
    for record in &trace.records {
        let at = record.at.secs_f64();
        if let Fact::NodeReadyIs { node, ready: NodeReady::False | NodeReady::Unknown } = record.fact {
            since.entry(node).or_insert(at);
        } else if let Fact::NodeReadyIs { node, ready: NodeReady::True } | Fact::NodeDeleted { node } = record.fact
            && let Some(from) = since.remove(&node)
        {
            stretches.push((node, (from, at)));
        }
    }
    let end = trace.end.secs_f64();
    stretches.extend(since.into_iter().map(|(node, from)| (node, (from, end))));
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_replacement_stands_in_the_lane_of_what_it_replaces() {
        let lanes = lanes(&sample::holds(), &sample::book_trace());
        let labels: Vec<&str> = lanes.iter().map(|lane| lane.label.as_str()).collect();
        assert_eq!(labels, ["master-1", "master-2", "master-3", "nodes-1", "nodes-2", "nodes-3"]);
        let versions: Vec<String> = lanes[3].lives.iter().map(|(_, version)| version.to_string()).collect();
        assert_eq!(versions, ["1.14.10", "1.15.7"]);
        assert!(lanes[3].lives[0].0.1 < lanes[3].lives[1].0.0, "a gap between two machines");
    }

    #[test]
    fn a_step_about_no_machine_gets_a_lane_of_its_own() {
        let mut outcome = sample::holds();
        outcome.upgrade.steps.push(crate::sim::outcome::Step {
            unit: "cluster".to_owned(),
            phase: "gate".to_owned(),
            start_s: 1.0,
            end_s: None,
        });
        let lanes = lanes(&outcome, &sample::book_trace());
        assert_eq!((lanes[0].label.as_str(), &lanes[0].kind), ("cluster", &Kind::Plan));
        assert_eq!(lanes[0].phases, [((1.0, outcome.sim_seconds), StepPhase::Gate)]);
    }

    #[test]
    fn only_a_number_after_the_dot_is_an_incarnation() {
        assert_eq!([place("workers-2.1"), place("ip-10.eu"), place("n.")], ["workers-2", "ip-10.eu", "n."]);
        assert_eq!([pool("workers-2"), pool("gpu"), pool("a-b-12")], ["workers", "gpu", "a-b"]);
    }
}
