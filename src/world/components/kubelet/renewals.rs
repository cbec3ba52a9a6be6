//! Renewals of nodes' leases as writes of their own: only where an admission webhook is asked about them, since then
//! each may fare differently. Elsewhere they follow from phase and period (`pulse`).

use super::{KubeletEvent, Kubelets};
use crate::base::{Span, Time};
use crate::world::effects::{Ctx, Reply};
use crate::world::event::Event;
use crate::world::ids::NodeId;
use crate::world::store::Change;

impl Kubelets {
    /// A kubelet renews its node's lease from this moment on.
    pub fn renews(&mut self, node: NodeId, from: Time, ctx: &mut Ctx<'_>) {
        self.renews_no_more(node);
        let generation = self.nodes[node].renewals;
        ctx.at(from, Event::Kubelet(KubeletEvent::Renews { node, generation }));
    }

    /// It does no longer.
    pub fn renews_no_more(&mut self, node: NodeId) {
        self.nodes[node].renewals += 1;
    }

    /// One renewal. A refused one is tried again up to five times at once, which would be refused alike, and then at the
    /// next tick. Source: component-helpers `apimachinery/lease/controller.go`, `sync`, `retryUpdateLease`.
    pub(super) fn renew(&mut self, node: NodeId, generation: u32, ctx: &mut Ctx<'_>) {
        let kubelet = &self.nodes[node];
        if kubelet.renewals != generation {
            return;
        }
        ctx.write(kubelet.client, Change::Renew { node }, Reply::Never);
        // Its status follows a clock of the same period, and the API's is read each time.
        // Source: kubelet `pkg/kubelet/kubelet_node_status.go`, `syncNodeStatus`, nodeStatusUpdateFrequency.
        if self.nodes[node].is_acting() && self.node_differs(node, ctx.store.revision(), ctx) {
            self.post_node(node, ctx);
        }
        let next = ctx.pulses.next(node, ctx.now + Span::nanos(1));
        ctx.at(next, Event::Kubelet(KubeletEvent::Renews { node, generation }));
    }
}
