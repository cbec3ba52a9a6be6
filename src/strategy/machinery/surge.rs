//! Machines launched ahead of a group's first unit.

use super::arrival::{Group, Machine, Place};
use super::condition::{free_slot, launched};
use super::plan::SurgeBy;
use crate::strategy::turn::Turn;
use crate::world::command::Command;

/// How many, of a group of this size.
pub(super) fn count(by: SurgeBy, size: usize, zones: u32) -> usize {
    match by {
        SurgeBy::Amount(amount) => amount.of(size),
        SurgeBy::PerZone { each, least } => ((each * zones) as usize).max(least.of(size)),
    }
}

/// Orders so many machines, spread over the zones in turn.
pub(super) fn launch(group: Group, count: usize, claimed: &mut Vec<u32>, turn: &mut Turn<'_, '_>) -> Vec<Machine> {
    let Group::Workers(pool) = group else { return Vec::new() };
    let zones = group.zones(turn.seen);
    let mut machines = Vec::new();
    for (_, zone) in (0..count).zip((0..zones).cycle()) {
        let slot = free_slot(group, zone, claimed, turn.seen);
        claimed.push(slot);
        machines.push(Machine::Coming(Place::in_pool(pool, slot), launched(turn.seen)));
        turn.give(Command::Grow { pool, slot });
    }
    machines
}
