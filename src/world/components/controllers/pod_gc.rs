//! Pod garbage collection: removes the pods of a Node object that is gone.
//!
//! Source: `pkg/controller/podgc/gc_controller.go` `gcOrphaned`, `gcCheckPeriod`, `quarantineTime`.

use super::ControllersEvent;
use super::desk::{Desk, Errand};
use super::node_lifecycle::pods_on;
use crate::base::{Id, Span, Time};
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::ids::NodeId;
use crate::world::store::Change;

/// The collector looks this often.
const PERIOD: Span = Span::secs(20);
/// A missing node must stay missing this long before its pods go.
const QUARANTINE: Span = Span::secs(40);

/// The controller: when each missing node's pods go.
#[derive(Clone, Debug)]
pub(super) struct PodGc {
    phase: Time,
    due: Vec<Option<Time>>,
}

impl PodGc {
    /// A collector whose ticks stand at `phase + k * PERIOD`.
    pub(super) fn new(phase: Time) -> PodGc {
        PodGc { phase, due: Vec::new() }
    }
    /// A Node object, or a pod on it, was heard of.
    pub(super) fn check(&mut self, node: NodeId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        let missing = desk.node(node, ctx).is_none() && !ctx.store.pods_on(node).is_empty();
        let found = ctx.now.next_tick(self.phase, PERIOD);
        match (missing, *self.due(node)) {
            (true, None) => self.arm(node, found + QUARANTINE, desk, ctx),
            (false, Some(_)) => *self.due(node) = None,
            (true, Some(_)) | (false, None) => {}
        }
    }
    /// The quarantine is over.
    pub(super) fn collect(&mut self, node: NodeId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        if *self.due(node) != Some(ctx.now) {
            return;
        }
        *self.due(node) = None;
        if desk.node(node, ctx).is_none() {
            for (pod, _) in pods_on(node, desk, ctx) {
                desk.run(Errand::Orphan, node, Change::RemovePod { pod }, ctx);
            }
        }
    }
    /// A removal failed: again at the next tick.
    pub(super) fn failed(&mut self, node: NodeId, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        if self.due(node).is_none() && !ctx.store.pods_on(node).is_empty() {
            let next = (ctx.now + Span::nanos(1)).next_tick(self.phase, PERIOD);
            self.arm(node, next, desk, ctx);
        }
    }
    fn arm(&mut self, node: NodeId, at: Time, desk: &Desk<'_>, ctx: &mut Ctx<'_>) {
        *self.due(node) = Some(at);
        ctx.at(at, Event::Controllers(ControllersEvent::Orphans { master: desk.master, node }));
    }
    fn due(&mut self, node: NodeId) -> &mut Option<Time> {
        if self.due.len() <= node.index() {
            self.due.resize(node.index() + 1, None);
        }
        &mut self.due[node.index()]
    }
}
