//! A run's whole history: facts with their times and causes, for drawings and explanations.

use std::collections::BTreeMap;

use crate::base::{IdVec, Rate, Time};
use crate::world::ids::{AppId, GroupId, MasterId, NodeId, PodId, WebhookId};

/// A fact and where it came from.
pub use super::Heard as Record;

/// Labels of everything in a run, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// `master-1`, `workers-2`, `workers-2.1` for its first replacement.
    pub nodes: IdVec<NodeId, String>,
    /// For each machine the master whose place it takes, if any.
    pub master_of: IdVec<NodeId, Option<MasterId>>,
    /// `web-7`.
    pub pods: IdVec<PodId, String>,
    /// App of each pod.
    pub app_of: IdVec<PodId, AppId>,
    /// `web`.
    pub apps: IdVec<AppId, String>,
    /// Admission webhooks.
    pub webhooks: IdVec<WebhookId, String>,
    /// `web/new`.
    pub groups: IdVec<GroupId, String>,
    /// `etcd-member-stop at master-2`.
    pub faults: Vec<String>,
}

/// A run's whole history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// Facts in order.
    pub records: Vec<Record>,
    /// For each event its cause: the event that scheduled it; an event that is its own cause is a root.
    pub parents: Vec<u32>,
    /// Where each event's facts begin in `records`, in order of the events.
    pub by_event: Vec<u32>,
    /// Labels.
    pub names: Names,
    /// The end of the run.
    pub end: Time,
    /// Version of each machine (`1.14.10`), by node.
    pub versions: IdVec<NodeId, crate::base::Version>,
    /// The machine that each pod was bound to, if it was.
    pub hosts: IdVec<PodId, Option<NodeId>>,
    /// Masters.
    pub masters: u32,
    /// Places of `RulesProgrammed` in `records` where the slices of the app had moved on meanwhile, and by how many
    /// changes.
    pub behind: BTreeMap<u32, u32>,
    /// Term and last log entry of each etcd member, looked at once a second at most, where they have changed.
    pub logs: Vec<(Time, Vec<(u64, u64)>)>,
    /// Requests a second that all users send, from each moment on.
    pub rates: Vec<(Time, Rate)>,
}

impl Trace {
    /// The event that scheduled this one; roots have none.
    pub fn parent(&self, event: u64) -> Option<u64> {
        let parent = *self.parents.get(usize::try_from(event).ok()?)?;
        (u64::from(parent) != event).then_some(u64::from(parent))
    }

    /// The facts of one event, with their places in `records`.
    pub fn facts_of(&self, event: u64) -> impl Iterator<Item = (usize, &Record)> {
        let found = self.by_event.binary_search_by_key(&event, |place| self.records[*place as usize].event);
        let start = found.map_or(self.records.len(), |found| self.by_event[found] as usize);
        let own = self.records[start..].iter().take_while(move |record| record.event == event);
        own.enumerate().map(move |(offset, record)| (start + offset, record))
    }
}
