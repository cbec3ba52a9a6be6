//! What a pod's worker has the container runtime do: heard of by those that share its disk, or its processors.

use super::Kubelets;
use super::worker::Stage;
use crate::base::Time;
use crate::world::effects::{Ctx, Notice};
use crate::world::ids::NodeId;

/// Whether a stage is, all of it, an operation of the runtime that writes to its disk: sandboxes, snapshots and layers,
/// the state of containers. Reclaiming is one in part (`Kubelets::reclaim_after`). A hook and a signal write next to
/// nothing.
fn operates(stage: Stage) -> bool {
    match stage {
        Stage::Sandbox | Stage::Pulling | Stage::Starting | Stage::Removing => true,
        Stage::Waiting
        | Stage::Running
        | Stage::Exited
        | Stage::Backoff
        | Stage::Told
        | Stage::Hook
        | Stage::Stopping
        | Stage::Reclaiming
        | Stage::Done => false,
    }
}

impl Kubelets {
    /// The worker of a pod on this node enters a stage that ends at `until`.
    pub(super) fn stage_operates(&mut self, node: NodeId, stage: Stage, until: Time, ctx: &mut Ctx<'_>) {
        if operates(stage) {
            self.runtime_works(node, until, ctx);
        }
        // To kill a container the runtime starts a process; next to nothing for a disk.
        if self.share_processors && stage == Stage::Told {
            ctx.notify(Notice::ProcessorsWork(until));
        }
    }

    /// The runtime is at work until then. What it was asked for it ends, whether or not the kubelet still waits: the
    /// worker has turned to its pod's end, or the kubelet's process has.
    pub(super) fn runtime_works(&mut self, node: NodeId, until: Time, ctx: &mut Ctx<'_>) {
        if self.share_processors {
            ctx.notify(Notice::ProcessorsWork(until));
        }
        let kubelet = &mut self.nodes[node];
        if ctx.spec.control_plane.etcd.fsync_busy.is_some() && until > kubelet.works_until {
            kubelet.works_until = until;
            ctx.notify(Notice::RuntimeWorks(node, until));
        }
    }

    /// The runtime ends with its machine.
    pub(super) fn runtime_ends(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let kubelet = &mut self.nodes[node];
        if kubelet.works_until > ctx.now {
            kubelet.works_until = ctx.now;
            ctx.notify(Notice::RuntimeWorks(node, ctx.now));
        }
    }
}
