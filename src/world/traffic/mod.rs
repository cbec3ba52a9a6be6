//! Apps' processes and their users' requests.

use crate::world::effects::Ctx;
use crate::world::ids::{AppId, NodeId, PodId};
use crate::world::serving::Serving;
use crate::world::store::Revision;

/// Inside apps and their clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrafficEvent {}

/// All apps' processes and all client groups.
#[derive(Clone, Debug)]
pub struct Traffic {}

impl Traffic {
    /// The start of a run: every pod given serves, every node's rules follow the slices, connections stand.
    pub fn begin(_ctx: &mut Ctx<'_>) -> Traffic {
        Traffic {}
    }
    /// One of its own events.
    pub fn step(&mut self, event: TrafficEvent, _ctx: &mut Ctx<'_>) {
        match event {}
    }
    /// A container's process was started.
    pub fn container_started(&mut self, _pod: PodId, _ctx: &mut Ctx<'_>) {}
    /// The process gets SIGTERM.
    pub fn sigterm(&mut self, _pod: PodId, _ctx: &mut Ctx<'_>) {}
    /// The process is killed.
    pub fn sigkill(&mut self, _pod: PodId, _ctx: &mut Ctx<'_>) {}
    /// The pod's address is there (`true`) or falls silent.
    pub fn sandbox(&mut self, _pod: PodId, _there: bool, _ctx: &mut Ctx<'_>) {}
    /// A host's power or link has changed.
    pub fn host_changed(&mut self, _node: NodeId, _ctx: &mut Ctx<'_>) {}
    /// A node's rules have moved from one revision of the slices to another.
    pub fn rules_changed(&mut self, _node: NodeId, _from: Revision, _to: Revision, _ctx: &mut Ctx<'_>) {}
    /// An external load balancer's targets have changed.
    pub fn targets_changed(&mut self, _app: AppId, _ctx: &mut Ctx<'_>) {}
    /// The run ends: everything is settled up to now.
    pub fn finish(&mut self, _ctx: &mut Ctx<'_>) {}
    /// What the pod's address answers, as of now.
    pub fn serving(&self, _pod: PodId) -> Serving {
        Serving::Silent
    }
}
