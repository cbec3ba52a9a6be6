//! Who comes first, and when each machine's own agent looks.

use super::plan::{Order, Pace, Stage};
use crate::base::{Name, Time};
use crate::strategy::actor::Poll;
use crate::strategy::turn::Turn;
use crate::world::ids::NodeId;
use crate::world::purpose::Purpose;
use crate::world::reported::Reported;

/// When a machine's own agent looks.
pub(super) fn looks(node: NodeId, stage: &Stage, turn: &Turn<'_, '_>) -> Option<Poll> {
    let Pace::Lock { period, .. } = stage.pace else { return None };
    let name = Name::new("agent").with(Name::new(&turn.seen.instance(node).label));
    Some(Poll { phase: Time::ZERO + turn.seen.draw(Purpose::Operator, name, 0).span_below(period), period })
}

/// Brings machines into an order.
pub(super) fn put_in_order(nodes: &mut [NodeId], order: Order, seen: &Reported<'_>) {
    let label = |node: &NodeId| Name::new(&seen.instance(*node).label);
    match order {
        Order::List | Order::EmptyFirst => {}
        Order::Reverse => nodes.reverse(),
        Order::Random => {
            nodes.sort_by_key(|node| seen.draw(Purpose::Operator, Name::new("order").with(label(node)), 0).bits())
        }
        Order::Hash => nodes.sort_by_key(|node| label(node).0),
        Order::Zones => {
            nodes.sort_by_key(|node| (seen.instance(*node).zone, *node));
        }
    }
}
