//! Heartbeats without events: when each node's lease was last renewed follows from phase and period.

use crate::base::{IdVec, Span, Time};
use crate::world::ids::NodeId;

/// How often a kubelet renews its node's lease: a quarter of `nodeLeaseDurationSeconds` (40 s).
/// Source: kubelet `pkg/kubelet/kubelet.go`, `component-helpers/apimachinery/lease`.
pub const LEASE_RENEW: Span = Span::secs(10);

/// The renewals of one node's lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulse {
    /// Renewals fall on `phase + k * LEASE_RENEW`.
    pub phase: Time,
    /// Whether they go on.
    pub beating: bool,
    /// While beating: no renewal before this counts. Otherwise: the last renewal.
    pub mark: Time,
}

/// The renewals of all nodes' leases.
#[derive(Clone, Debug, Default)]
pub struct Pulses {
    nodes: IdVec<NodeId, Pulse>,
}

impl Pulses {
    /// Adds a machine whose renewals have not begun.
    pub fn add(&mut self, phase: Time) -> NodeId {
        self.nodes.push(Pulse { phase, beating: false, mark: Time::ZERO })
    }
    /// Renewals go on, or stop, from `now`.
    pub fn set(&mut self, node: NodeId, beating: bool, now: Time) {
        let last = self.last(node, now);
        let pulse = &mut self.nodes[node];
        if pulse.beating != beating {
            *pulse = Pulse { phase: pulse.phase, beating, mark: if beating { now } else { last } };
        }
    }
    /// A renewal that is a write of its own was stored.
    pub fn renewed(&mut self, node: NodeId, now: Time) {
        self.nodes[node].mark = now;
    }
    /// Whether renewals go on.
    pub fn is_beating(&self, node: NodeId) -> bool {
        self.nodes[node].beating
    }
    /// The next renewal that is due at `now` or later, whether renewals go on or fail.
    pub fn next(&self, node: NodeId, now: Time) -> Time {
        now.next_tick(self.nodes[node].phase, LEASE_RENEW)
    }
    /// The last renewal at or before `now`; the beginning of a run counts as one.
    pub fn last(&self, node: NodeId, now: Time) -> Time {
        let pulse = self.nodes[node];
        match pulse.beating {
            true => now.last_tick(pulse.phase, LEASE_RENEW).map_or(pulse.mark, |tick| tick.max(pulse.mark)),
            false => pulse.mark,
        }
    }
}
