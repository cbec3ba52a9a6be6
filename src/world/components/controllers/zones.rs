//! Zones of the node lifecycle controller: how disturbed each is, and how fast its nodes get NoExecute taints.
//!
//! Source: `pkg/controller/nodelifecycle/node_lifecycle_controller.go` `ComputeZoneState`, `handleDisruption`,
//! `setLimiterInZone`; `scheduler/rate_limited_queue.go`.

use std::collections::VecDeque;

use crate::base::{Span, Time};
use crate::world::ids::NodeId;

/// `--node-eviction-rate` 0.1 nodes a second, as the time between two nodes; burst 1.
const EVICTION_GAP: Span = Span::secs(10);
/// `--secondary-node-eviction-rate` 0.01, of large zones that are partly disturbed.
const SECONDARY_GAP: Span = Span::secs(100);
/// `--large-cluster-size-threshold`: smaller zones that are partly disturbed stop altogether.
const LARGE_ZONE: u32 = 50;
/// `--unhealthy-zone-threshold` 0.55, in percent.
const UNHEALTHY_PERCENT: u32 = 55;
/// More nodes than this must be not Ready for a partly disturbed zone. Source: `ComputeZoneState`.
const UNHEALTHY_NODES: u32 = 2;
/// The queues are looked at this often. Source: `scheduler.NodeEvictionPeriod`.
pub(super) const PASS_PERIOD: Span = Span::millis(100);

/// How disturbed a zone is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ZoneState {
    /// Hardly.
    #[default]
    Normal,
    /// Many nodes are not Ready.
    Partial,
    /// No node is Ready.
    Full,
}

/// The state of a zone with this many nodes Ready and not.
pub(super) fn state(ready: u32, not_ready: u32) -> ZoneState {
    if ready == 0 && not_ready > 0 {
        ZoneState::Full
    } else if not_ready > UNHEALTHY_NODES && not_ready * 100 >= UNHEALTHY_PERCENT * (ready + not_ready) {
        ZoneState::Partial
    } else {
        ZoneState::Normal
    }
}

/// A zone and its queue.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    pub(super) state: ZoneState,
    /// Nodes that wait for a NoExecute taint.
    pub(super) queue: VecDeque<NodeId>,
    /// Time between two taints; `None`: none at all.
    gap: Option<Span>,
    /// When the bucket holds a token again.
    next_free: Time,
    /// The pending look at the queue.
    pub(super) pass: Time,
}

impl Zone {
    /// A quiet zone with a full bucket.
    pub(super) fn new() -> Zone {
        Zone {
            state: ZoneState::Normal,
            queue: VecDeque::new(),
            gap: Some(EVICTION_GAP),
            next_free: Time::ZERO,
            pass: Time::NEVER,
        }
    }
    /// Sets the pace for a state of a zone of `size` nodes.
    pub(super) fn pace(&mut self, state: ZoneState, size: u32, now: Time) {
        self.state = state;
        let gap = match state {
            ZoneState::Normal | ZoneState::Full => Some(EVICTION_GAP),
            ZoneState::Partial if size > LARGE_ZONE => Some(SECONDARY_GAP),
            ZoneState::Partial => None,
        };
        self.swap(gap, now);
    }
    /// No taints from now on: all zones are fully disturbed.
    pub(super) fn halt(&mut self, now: Time) {
        self.state = ZoneState::Full;
        self.swap(None, now);
    }
    /// A new bucket is full unless the old one was being waited for. Source: `SwapLimiter`.
    fn swap(&mut self, gap: Option<Span>, now: Time) {
        if self.gap == gap {
            return;
        }
        let waiting = self.gap.is_none() || now < self.next_free;
        self.next_free = if waiting { now + gap.unwrap_or(Span::ZERO) } else { now };
        self.gap = gap;
    }
    /// When the head of the queue may pass.
    pub(super) fn next_pass(&self, now: Time) -> Option<Time> {
        self.gap?;
        (!self.queue.is_empty()).then(|| now.max(self.next_free))
    }
    /// Takes the head of the queue if a token is there.
    pub(super) fn pop(&mut self, now: Time) -> Option<NodeId> {
        let gap = self.gap?;
        if now < self.next_free {
            return None;
        }
        let node = self.queue.pop_front()?;
        self.next_free = now + gap;
        Some(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_states_agree_with_a_literal_second_version() {
        // `ComputeZoneState`, with the documented threshold as a fraction.
        for ready in 0..80_u32 {
            for not_ready in 0..80_u32 {
                let share = f64::from(not_ready) / f64::from(ready + not_ready).max(1.0);
                let want = match () {
                    () if ready == 0 && not_ready > 0 => ZoneState::Full,
                    () if not_ready > 2 && share >= 0.55 => ZoneState::Partial,
                    () => ZoneState::Normal,
                };
                assert_eq!(state(ready, not_ready), want, "{ready} {not_ready}");
            }
        }
    }

    #[test]
    fn a_normal_zone_lets_one_node_pass_every_ten_seconds() {
        let mut zone = Zone::new();
        zone.queue.extend([NodeId(0), NodeId(1)]);
        let now = Time::ZERO + Span::secs(100);
        assert_eq!(zone.pop(now), Some(NodeId(0)));
        assert_eq!(zone.pop(now), None);
        assert_eq!(zone.next_pass(now), Some(now + Span::secs(10)));
        assert_eq!(zone.pop(now + Span::secs(10)), Some(NodeId(1)));
    }

    #[test]
    fn a_small_zone_that_is_partly_disturbed_stops_and_a_large_one_slows_down() {
        let now = Time::ZERO + Span::secs(100);
        let mut zone = Zone::new();
        zone.queue.push_back(NodeId(0));
        zone.pace(ZoneState::Partial, 50, now);
        assert_eq!(zone.next_pass(now), None);
        zone.pace(ZoneState::Normal, 50, now);
        assert_eq!(zone.next_pass(now), Some(now + Span::secs(10)), "a bucket that was waited for starts empty");
        let mut large = Zone::new();
        large.queue.extend([NodeId(0), NodeId(1)]);
        large.pace(ZoneState::Partial, 51, now);
        assert_eq!(large.pop(now), Some(NodeId(0)));
        assert_eq!(large.next_pass(now), Some(now + Span::secs(100)));
    }
}
