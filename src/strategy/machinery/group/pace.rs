//! The pace of a group: how many units begin now, which, and what those that have not begun wait for.

use std::cell::LazyCell;

use super::GroupRun;
use crate::base::{Span, Time};
use crate::strategy::actor::{NotYet, Poll};
use crate::strategy::machinery::condition::unready;
use crate::strategy::machinery::order::looks;
use crate::strategy::machinery::plan::*;
use crate::strategy::turn::Turn;
use crate::world::ids::NodeId;
use crate::world::reported::Sight;

impl GroupRun {
    /// How many units begin now.
    pub(super) fn begins(&self, stage: &Stage, turn: &Turn<'_, '_>) -> usize {
        let under_way = self.running.len();
        match stage.pace {
            Pace::Window { most, brake } => {
                let unready = match brake {
                    true => self.unready(turn),
                    false => 0,
                };
                most.of(self.size).max(1).saturating_sub(under_way + unready).min(self.pending.len())
            }
            Pace::Surge { surge, unavailable } => {
                let most = (surge.of(self.size) + unavailable.of(self.size)).max(1);
                most.saturating_sub(under_way).min(self.pending.len())
            }
            Pace::Batches { size, .. } if under_way == 0 => size.of(self.size).max(1).min(self.pending.len()),
            Pace::Batches { .. } => 0,
            Pace::Budget { most, during } => {
                let unready = self.unready(turn);
                let allowed = allowed(most, during, self.size, turn.now());
                allowed.saturating_sub(under_way + unready).min(self.pending.len())
            }
            Pace::Lock { capacity, ttl, .. } => {
                let free = self.holders(ttl, turn.now()) < capacity.max(1) as usize;
                usize::from(free && self.next_index(stage, turn).is_some())
            }
        }
    }

    /// Units whose hold of the lock has not expired.
    fn holders(&self, ttl: Option<Span>, now: Time) -> usize {
        self.running.iter().filter(|unit| ttl.is_none_or(|ttl| now < unit.began() + ttl)).count()
    }

    /// How many machines of the group are not Ready, those left out whose unit is under way.
    fn unready(&self, turn: &Turn<'_, '_>) -> usize {
        let own: LazyCell<Vec<NodeId>, _> = LazyCell::new(|| {
            let mut own: Vec<NodeId> = self.running.iter().flat_map(|unit| unit.nodes(turn)).collect();
            own.sort_unstable();
            own
        });
        unready(self.group, |node| own.binary_search(&node).is_ok(), turn.seen)
    }

    /// Which of the pending comes next: with a lock, one whose agent looks now.
    pub(super) fn next_index(&self, stage: &Stage, turn: &Turn<'_, '_>) -> Option<usize> {
        let now = turn.now();
        match (stage.pace, stage.order) {
            (Pace::Lock { .. }, _) => {
                self.pending.iter().position(|node| looks(*node, stage, turn).is_some_and(|poll| poll.ticks_at(now)))
            }
            (_, Order::EmptyFirst) => {
                let empty = |node: &NodeId| turn.seen.pods_to_move(*node) == 0;
                Some(self.pending.iter().position(empty).unwrap_or(0))
            }
            (_, Order::List | Order::Reverse | Order::Random | Order::Hash | Order::Zones) => Some(0),
        }
    }

    /// What units that have not begun wait for beside those under way.
    pub(super) fn arm_pending(&self, stage: &Stage, turn: &mut Turn<'_, '_>) {
        let now = turn.now();
        match stage.pace {
            Pace::Lock { capacity, ttl, .. } => {
                let expires = self.running.iter().filter_map(|unit| ttl.map(|ttl| unit.began() + ttl));
                expires.filter(|at| *at > now).for_each(|at| turn.until(at));
                if self.holders(ttl, now) >= capacity.max(1) as usize {
                    return;
                }
                let looks = self.pending.iter().filter_map(|node| looks(*node, stage, turn));
                if let Some(next) = looks.map(|poll| poll.after(now)).min() {
                    turn.until(next);
                    turn.blocked(NotYet::Pause);
                }
            }
            Pace::Window { brake: true, .. } if !self.pending.is_empty() => {
                turn.poll(Poll { phase: now, period: BRAKE_LOOK }, Sight::Machines);
                if self.running.is_empty() {
                    turn.blocked(NotYet::Gate("machines of the group are not ready".to_owned()));
                }
            }
            Pace::Budget { most, during } if !self.pending.is_empty() => {
                turn.poll(Poll { phase: now, period: BRAKE_LOOK }, Sight::Machines);
                if let Some(closes) = during.and_then(|(window, _)| window.open_until(now)) {
                    turn.until(closes);
                }
                if self.running.is_empty() {
                    let none = allowed(most, during, self.size, now) == 0;
                    let why = if none { "the budget allows no node" } else { "machines of the group are not ready" };
                    turn.blocked(NotYet::Gate(why.to_owned()));
                }
            }
            Pace::Window { .. } | Pace::Budget { .. } | Pace::Surge { .. } | Pace::Batches { .. } => {}
        }
    }
}

/// How many machines a budget allows now.
fn allowed(most: Amount, during: Option<(Window, Amount)>, size: usize, now: Time) -> usize {
    let open = during.filter(|(window, _)| window.open_until(now).is_some());
    open.map_or(most.of(size), |(_, limit)| most.of(size).min(limit.of(size)))
}

/// How often a controller looks whether a machine that braked it is Ready again. Ours: it watches them.
const BRAKE_LOOK: Span = Span::secs(1);
