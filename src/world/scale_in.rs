//! Whom a group terminates when it shrinks by itself.
//!
//! Sources: Amazon EC2 Auto Scaling, "Control which Auto Scaling instances terminate during scale in" (zones are
//! balanced first); Azure, "Use custom scale-in policies" (the same).

use crate::base::IdVec;
use crate::world::ids::{NodeId, PoolId};
use crate::world::reported::Instance;
use crate::world::spec::ScaleIn;

/// The machines that go one after another when a group shrinks by so many.
pub fn leavers(instances: &IdVec<NodeId, Instance>, pool: PoolId, policy: ScaleIn, count: usize) -> Vec<NodeId> {
    let own = |machine: &Instance| machine.running && !machine.detached && machine.pool == Some(pool);
    let mut left: Vec<NodeId> = instances.entries().filter(|(_, machine)| own(machine)).map(|(node, _)| node).collect();
    let mut leavers = Vec::new();
    for _ in 0..count {
        let in_zone = |node: &NodeId| {
            let zone = instances[*node].zone;
            left.iter().filter(|other| instances[**other].zone == zone).count()
        };
        let most = left.iter().map(in_zone).max().unwrap_or(0);
        let crowded = left.iter().copied().filter(|node| in_zone(node) == most);
        let next = match policy {
            ScaleIn::OldestTemplate => crowded.min_by_key(|node| (instances[*node].version, *node)),
            ScaleIn::Oldest => crowded.min(),
            ScaleIn::Newest => crowded.max(),
        };
        let Some(next) = next else { break };
        left.retain(|node| *node != next);
        leavers.push(next);
    }
    leavers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Version;
    use crate::world::ids::ZoneId;

    /// Machines of one group by zone and minor, in order of their launch.
    fn group(machines: &[(u32, u16)]) -> IdVec<NodeId, Instance> {
        let instance = |(slot, (zone, minor)): (usize, &(u32, u16))| Instance {
            pool: Some(PoolId(0)),
            master: None,
            slot: slot as u32,
            zone: ZoneId(*zone),
            version: Version::new(1, *minor, 0),
            detached: false,
            running: true,
            label: String::new(),
        };
        machines.iter().enumerate().map(instance).collect()
    }

    fn gone(machines: &[(u32, u16)], policy: ScaleIn, count: usize) -> Vec<u32> {
        leavers(&group(machines), PoolId(0), policy, count).iter().map(|node| node.0).collect()
    }

    #[test]
    fn the_zone_with_most_machines_gives_one_up_first() {
        let machines = [(0, 31), (1, 31), (1, 31), (2, 31)];
        assert_eq!(gone(&machines, ScaleIn::Newest, 1), [2]);
        assert_eq!(gone(&machines, ScaleIn::Oldest, 1), [1]);
    }

    #[test]
    fn the_oldest_template_goes_before_the_oldest_machine() {
        let machines = [(0, 31), (0, 30), (0, 31)];
        assert_eq!(gone(&machines, ScaleIn::OldestTemplate, 2), [1, 0]);
        assert_eq!(gone(&machines, ScaleIn::Oldest, 2), [0, 1]);
        assert_eq!(gone(&machines, ScaleIn::Newest, 2), [2, 1]);
    }

    #[test]
    fn a_group_shrinks_evenly_and_never_below_none() {
        let machines = [(0, 31), (1, 31), (2, 31), (0, 31), (1, 31), (2, 31)];
        let mut zones: Vec<u32> =
            gone(&machines, ScaleIn::Oldest, 3).iter().map(|at| machines[*at as usize].0).collect();
        zones.sort_unstable();
        assert_eq!(zones, [0, 1, 2]);
        assert_eq!(gone(&machines, ScaleIn::Oldest, 9).len(), 6);
    }
}
