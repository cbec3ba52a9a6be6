//! Keeps a run's whole history: facts, and which event scheduled which.

use std::collections::BTreeMap;

use crate::base::{IdVec, Rate, Span, Time};
use crate::observe::Heard;
use crate::observe::trace::{Names, Trace};
use crate::world::cluster::World;
use crate::world::components::etcd::Etcd;
use crate::world::fact::Fact;
use crate::world::ids::{NodeId, PodId};

/// A history under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder {
    records: Vec<Heard>,
    /// By which event each event was pushed; itself, where nobody did. Events pushed by one step have consecutive numbers.
    parents: Vec<u32>,
    /// Places of rules that were older than the slices when they were programmed, and by how many changes.
    behind: BTreeMap<u32, u32>,
    /// Term and last entry of each etcd member, now and then.
    logs: Vec<(Time, Vec<(u64, u64)>)>,
    /// When they are looked at next.
    look_from: Time,
}

/// Members' logs grow with every write; a picture needs to know them this often.
const LOGS_EVERY: Span = Span::secs(1);

impl Recorder {
    pub(super) fn scheduled(&mut self, by: u64, first: u64, end: u64) {
        let nobody = self.parents.len() as u32..first as u32;
        self.parents.extend(nobody);
        self.parents.resize(end as usize, by as u32);
    }

    pub(super) fn hear(&mut self, heard: Heard, world: &World) {
        if let Fact::RulesProgrammed { node, app } = heard.fact {
            let behind = world.slices_missed(node, app);
            if behind > 0 {
                self.behind.insert(self.records.len() as u32, behind);
            }
        }
        if let Fact::MemberLeads { .. } = heard.fact {
            self.look_from = heard.at;
        }
        self.records.push(heard);
    }

    /// A look at the members' logs, if it is time for one.
    pub(super) fn look(&mut self, now: Time, etcd: &Etcd) {
        if now < self.look_from {
            return;
        }
        self.look_from = now + LOGS_EVERY;
        let logs: Vec<(u64, u64)> = etcd.logs(now).collect();
        if self.logs.last().is_none_or(|(_, before)| *before != logs) {
            self.logs.push((now, logs));
        }
    }

    /// The history with labels for people.
    pub(super) fn trace(self, world: &World, faults: Vec<String>) -> Trace {
        let event = |place: usize| self.records[place].event;
        let begins = |place: &usize| *place == 0 || event(place - 1) != event(*place);
        let mut by_event: Vec<u32> = (0..self.records.len()).filter(begins).map(|place| place as u32).collect();
        by_event.sort_unstable_by_key(|place| event(*place as usize));
        let instances = world.cloud().instances();
        Trace {
            records: self.records,
            parents: self.parents,
            by_event,
            names: Names { faults, ..names(world) },
            end: world.now(),
            versions: instances.iter().map(|instance| instance.version).collect(),
            hosts: world.store().pods().ids().map(|pod| world.store().pods().now(pod).node).collect(),
            masters: world.spec().control_plane.replicas,
            behind: self.behind,
            logs: self.logs,
            rates: rates(world),
        }
    }
}

/// Changes of the users' rates that are kept; a wave of many days has more, which no picture could show.
const RATES_MAX: usize = 10_000;

/// Requests a second that all users send, from each moment on.
fn rates(world: &World) -> Vec<(Time, Rate)> {
    let groups = &world.spec().groups;
    let all = |at: Time| groups.iter().fold(0_u64, |sum, group| sum.saturating_add(group.rate_at(at).micros()));
    let next = |at: Time| groups.iter().filter_map(|group| group.next_change(at)).min();
    let moments = std::iter::successors(Some(Time::ZERO), |at| next(*at).filter(|at| *at < world.now()));
    moments.take(RATES_MAX).map(|at| (at, Rate::from_micros(all(at)))).collect()
}

fn names(world: &World) -> Names {
    let (spec, store, instances) = (world.spec(), world.store(), world.cloud().instances());
    let nodes: IdVec<NodeId, String> = instances.iter().map(|instance| instance.label.clone()).collect();
    let pods: IdVec<PodId, String> = store.pods().ids().map(|pod| store.pod_label(pod, spec)).collect();
    let group = |group: &crate::world::spec::GroupSpec| {
        let name = format!("{}/{}", spec.apps[group.app].name, group.name);
        group.via.map_or(name.clone(), |via| format!("{name} via {}", spec.apps[via].name))
    };
    debug_assert!(pods.len() <= u32::MAX as usize && nodes.len() == instances.ids().count());
    Names {
        nodes,
        master_of: instances.iter().map(|instance| instance.master).collect(),
        app_of: store.pods().ids().map(|pod| store.pods().app(pod)).collect(),
        pods,
        apps: spec.apps.iter().map(|app| app.name.clone()).collect(),
        groups: spec.groups.iter().map(group).collect(),
        webhooks: spec.webhooks.iter().map(|webhook| webhook.name.clone()).collect(),
        faults: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_kept_with_the_one_that_pushed_it() {
        let mut recorder = Recorder::default();
        recorder.scheduled(0, 1, 4);
        recorder.scheduled(2, 4, 4);
        recorder.scheduled(3, 4, 5);
        assert_eq!(recorder.parents, [0, 0, 0, 0, 3]);
    }
}
