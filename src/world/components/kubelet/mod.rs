//! Kubelets: one on each machine.

use crate::world::effects::{Ctx, Outcome};
use crate::world::ids::{ClientId, NodeId, PodId};
use crate::world::store::Revision;

/// Inside a kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KubeletEvent {
    /// The API's answer to a request of this kubelet.
    Answer {
        /// The node.
        node: NodeId,
        /// The token it gave.
        token: u32,
        /// How it went.
        result: Outcome,
    },
}

/// All kubelets.
#[derive(Clone, Debug)]
pub struct Kubelets {}

impl Kubelets {
    /// None yet.
    pub fn new() -> Kubelets {
        Kubelets {}
    }
    /// A machine whose kubelet is not running yet; `client` is its API client.
    pub fn add(&mut self, _node: NodeId, _client: ClientId, _ctx: &mut Ctx<'_>) {}
    /// The start of a run: the kubelet runs, its node is registered and Ready, and these pods run on it and are Ready,
    /// for a long time already.
    pub fn begin(&mut self, _node: NodeId, _pods: &[PodId], _ctx: &mut Ctx<'_>) {}
    /// One of their own events.
    pub fn step(&mut self, _event: KubeletEvent, _ctx: &mut Ctx<'_>) {}
    /// The watch of a node's kubelet has moved from one revision to another.
    pub fn heard(&mut self, _node: NodeId, _from: Revision, _to: Revision, _ctx: &mut Ctx<'_>) {}
    /// The watch could not resume: everything is listed anew, at this revision.
    pub fn listed(&mut self, _node: NodeId, _at: Revision, _ctx: &mut Ctx<'_>) {}
    /// The kubelet's writes are stored again, or no longer.
    pub fn served(&mut self, _node: NodeId, _served: bool, _ctx: &mut Ctx<'_>) {}
    /// The machine has booted: the kubelet starts, registers its node, and makes it Ready.
    pub fn machine_up(&mut self, _node: NodeId, _version: crate::base::Version, _ctx: &mut Ctx<'_>) {}
    /// The machine begins to shut down: processes get SIGTERM.
    pub fn machine_stops(&mut self, _node: NodeId, _ctx: &mut Ctx<'_>) {}
    /// The machine is off, or lost its power.
    pub fn machine_off(&mut self, _node: NodeId, _ctx: &mut Ctx<'_>) {}
    /// The process restarts; containers run on.
    pub fn restart(&mut self, _node: NodeId, _ctx: &mut Ctx<'_>) {}
    /// An app's process has exited by itself.
    pub fn container_exited(&mut self, _pod: PodId, _ctx: &mut Ctx<'_>) {}
    /// What a pod's address answers has changed; its next probes will find that.
    pub fn serving_changed(&mut self, _pod: PodId, _ctx: &mut Ctx<'_>) {}
}

impl Default for Kubelets {
    fn default() -> Self {
        Kubelets::new()
    }
}
