//! Whether the cloud grants a group a machine: quota, room in a zone, failures; and when a group asks again.
//!
//! Sources: Amazon EC2 Auto Scaling, "Troubleshoot: instance launch failure" (InsufficientInstanceCapacity,
//! InstanceLimitExceeded) and "Availability Zone distribution" (another zone when one fails); Compute Engine, "Creating
//! managed instances" (a group retries a creation that failed, with growing pauses).

use super::{Cloud, CloudEvent, group};
use crate::world::disturbance::Trouble;
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::fact::{Fact, Refusal};
use crate::world::ids::{NodeId, PoolId, ZoneId};
use crate::world::reported::RefusedLaunch;

/// A machine that a group wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// In place of this one.
    Replace(NodeId),
    /// One more, in this place; no pool: a master.
    Grow(Option<PoolId>, u32),
}

/// Launches of all groups: what keeps them, and which wait.
#[derive(Clone, Debug, Default)]
pub(super) struct Launches {
    troubles: Vec<Trouble>,
    /// Machines that were told to stop and are not off yet: they count for quota and room.
    stopping: Vec<NodeId>,
    /// Orders that were refused, and how often; `refused` says the same to actors, in the same order.
    waiting: Vec<(Order, u32)>,
    refused: Vec<RefusedLaunch>,
    /// Orders that were taken back before they were carried out.
    forgone: Vec<Order>,
}

impl Launches {
    pub(super) fn refused(&self) -> &[RefusedLaunch] {
        &self.refused
    }
    pub(super) fn stopping(&mut self, node: NodeId) {
        self.stopping.push(node);
    }
    pub(super) fn gone(&mut self, node: NodeId) {
        self.stopping.retain(|other| *other != node);
    }
    fn forget(&mut self, order: Order) {
        if let Some(at) = self.waiting.iter().position(|(waiting, _)| *waiting == order) {
            self.waiting.remove(at);
            self.refused.remove(at);
        }
    }
}

/// Failure domains of a group, the masters' without one.
fn zones_of(pool: Option<PoolId>, ctx: &Ctx<'_>) -> u32 {
    pool.map_or(ctx.spec.control_plane.zones, |pool| ctx.spec.pools[pool].zones)
}

impl Cloud {
    /// A trouble begins.
    pub fn trouble_begins(&mut self, trouble: Trouble) {
        self.launches.troubles.push(trouble);
    }
    /// It is over.
    pub fn trouble_ends(&mut self, trouble: Trouble) {
        if let Some(at) = self.launches.troubles.iter().position(|other| *other == trouble) {
            self.launches.troubles.remove(at);
        }
    }
    /// A machine that was wanted for this place is wanted no longer; one that was launched meanwhile stays.
    pub fn forgo(&mut self, pool: PoolId, slot: u32) {
        self.launches.forget(Order::Grow(Some(pool), slot));
        self.launches.forgone.push(Order::Grow(Some(pool), slot));
    }

    /// The zone in which an order is carried out now; without one it is given again after a pause.
    pub(super) fn granted(&mut self, order: Order, ctx: &mut Ctx<'_>) -> Option<ZoneId> {
        let (pool, slot) = match order {
            Order::Replace(node) => (self.instances[node].pool, self.instances[node].slot),
            Order::Grow(pool, slot) => (pool, slot),
        };
        let zone = match order {
            Order::Replace(node) => self.instances[node].zone,
            Order::Grow(pool, slot) => ZoneId(slot % zones_of(pool, ctx).max(1)),
        };
        if let Some(at) = self.launches.forgone.iter().position(|other| *other == order) {
            self.launches.forgone.remove(at);
            return None;
        }
        let at = self.launches.waiting.iter().position(|(waiting, _)| *waiting == order);
        match self.place(pool, zone, ctx) {
            Ok(zone) => {
                self.launches.forget(order);
                Some(zone)
            }
            Err(why) => {
                let tries = at.map_or(0, |at| self.launches.waiting[at].1);
                let (first, longest) = group(pool, ctx).retry;
                let wait = (first * (1 << tries.min(20))).min(longest);
                match at {
                    Some(at) => {
                        self.launches.waiting[at].1 += 1;
                        self.launches.refused[at].why = why;
                    }
                    None => {
                        self.launches.waiting.push((order, 1));
                        self.launches.refused.push(RefusedLaunch { pool, slot, zone, why });
                    }
                }
                ctx.note(Fact::LaunchRefused { pool, slot, why });
                let event = match order {
                    Order::Replace(node) => CloudEvent::Launches(node),
                    Order::Grow(Some(pool), slot) => CloudEvent::Grows { pool, slot },
                    Order::Grow(None, slot) => CloudEvent::GrowsMasters { slot },
                };
                ctx.after(wait, Event::Cloud(event));
                None
            }
        }
    }

    /// Where a machine of this group finds room, in its own zone if it can.
    fn place(&self, pool: Option<PoolId>, zone: ZoneId, ctx: &Ctx<'_>) -> Result<ZoneId, Refusal> {
        let launches = &self.launches;
        let machines = || self.instances.iter().filter(|machine| machine.running).count() + launches.stopping.len();
        let spent = ctx.spec.quota.is_some_and(|quota| machines() >= quota as usize);
        if spent || launches.troubles.contains(&Trouble::Quota) {
            return Err(Refusal::Quota);
        }
        if launches.troubles.contains(&Trouble::Group(pool)) {
            return Err(Refusal::Failed);
        }
        let asked = group(pool, ctx);
        let has_room = |zone: ZoneId| {
            let full = asked.zone_capacity.is_some_and(|most| self.standing(pool, zone) >= most);
            !full && !launches.troubles.contains(&Trouble::Zone(zone))
        };
        if has_room(zone) {
            return Ok(zone);
        }
        let others = (0..zones_of(pool, ctx))
            .map(ZoneId)
            .filter(|other| asked.zone_fallback && *other != zone && has_room(*other));
        others.min_by_key(|other| (self.standing(pool, *other), *other)).ok_or(Refusal::Zone)
    }

    /// Machines of a group in a zone, those that are not off yet among them.
    fn standing(&self, pool: Option<PoolId>, zone: ZoneId) -> u32 {
        let here = |node: NodeId| self.instances[node].pool == pool && self.instances[node].zone == zone;
        let running = self.instances.entries().filter(|(node, machine)| machine.running && here(*node)).count();
        (running + self.launches.stopping.iter().filter(|node| here(**node)).count()) as u32
    }
}
