//! Cloud node lifecycle controller: deletes Node objects whose machine the cloud has removed.
//!
//! Source: `staging/src/k8s.io/cloud-provider/controllers/nodelifecycle/node_lifecycle_controller.go`: every
//! `--node-monitor-period`, of the nodes that are not Ready. It leads with the controller manager here.

use super::ControllersEvent;
use super::desk::{Desk, Errand};
use crate::base::{Span, Time};
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::ids::NodeId;
use crate::world::store::{Change, NodeReady};

/// The controller.
#[derive(Clone, Debug)]
pub(super) struct CloudNodes {
    phase: Time,
}

impl CloudNodes {
    /// A controller whose checks stand at `phase + k * period`.
    pub(super) fn new(phase: Time) -> CloudNodes {
        CloudNodes { phase }
    }
    /// A Node object was heard of, or a machine removed: the check that will see it.
    pub(super) fn check(&self, node: NodeId, from: Time, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        if is_due(node, desk, ctx) {
            let period = ctx.spec.control_plane.controllers.node_monitor_period;
            let check = ControllersEvent::InstanceCheck { master: desk.master, node };
            ctx.at(from.next_tick(self.phase, period), Event::Controllers(check));
        }
    }
    /// A check.
    pub(super) fn look(&self, node: NodeId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        if is_due(node, desk, ctx) {
            desk.run(Errand::NodeDeletion, node, Change::DeleteNode { node }, ctx);
        }
    }
    /// The deletion failed: again at the next check.
    pub(super) fn failed(&self, node: NodeId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        self.check(node, ctx.now + Span::nanos(1), desk, ctx);
    }
}

fn is_due(node: NodeId, desk: &Desk<'_>, ctx: &Ctx<'_>) -> bool {
    desk.machines[node].gone && desk.node(node, ctx).is_some_and(|object| object.ready != NodeReady::True)
}
