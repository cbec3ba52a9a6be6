//! NoExecute taint manager: deletes the pods of a tainted node when their toleration has run out, past all budgets.
//!
//! Source: `pkg/controller/nodelifecycle/scheduler/taint_manager.go`; the tolerations are those that the
//! DefaultTolerationSeconds admission plugin adds. A new leader's clock starts when it first sees the taint.

use super::ControllersEvent;
use super::cache::has_ended;
use super::desk::{Desk, Errand};
use super::node_lifecycle::pods_on;
use crate::base::{Id, Span, Time};
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::ids::NodeId;
use crate::world::store::Change;

/// A deletion that failed is tried again after this. Source: `taint_manager.go` `retries` 5, 10 ms apart; ours goes on.
const RETRY: Span = Span::millis(10);

/// The controller: when each tainted node's pods go.
#[derive(Clone, Debug, Default)]
pub(super) struct TaintEviction {
    due: Vec<Option<Time>>,
}

impl TaintEviction {
    /// A Node object was heard of: its clock starts or stops.
    pub(super) fn node_changed(&mut self, node: NodeId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let tainted = desk.node(node, ctx).is_some_and(|object| object.no_execute.is_some());
        let toleration = ctx.spec.control_plane.controllers.toleration;
        let due = self.due(node);
        match (tainted, *due) {
            (true, None) => self.arm(node, ctx.now + toleration, desk, ctx),
            (false, Some(_)) => *due = None,
            (true, Some(_)) | (false, None) => {}
        }
    }
    /// The toleration has run out.
    pub(super) fn evict(&mut self, node: NodeId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        if *self.due(node) != Some(ctx.now) {
            return;
        }
        for (pod, object) in pods_on(node, desk, ctx) {
            // The DaemonSet controller's tolerations have no end (`util/daemonset_util.go`).
            if object.is_live() && !has_ended(object.phase) && !ctx.spec.apps[object.app].is_daemon() {
                desk.run(Errand::TaintEviction, node, Change::DeletePod { pod, grace: None }, ctx);
            }
        }
    }
    /// A deletion failed.
    pub(super) fn failed(&mut self, node: NodeId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let at = ctx.now + RETRY;
        if self.due(node).is_some_and(|due| due <= ctx.now) {
            self.arm(node, at, desk, ctx);
        }
    }
    fn arm(&mut self, node: NodeId, at: Time, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        *self.due(node) = Some(at);
        ctx.at(at, Event::Controllers(ControllersEvent::EvictFrom { master: desk.master, node }));
    }
    fn due(&mut self, node: NodeId) -> &mut Option<Time> {
        if self.due.len() <= node.index() {
            self.due.resize(node.index() + 1, None);
        }
        &mut self.due[node.index()]
    }
}
