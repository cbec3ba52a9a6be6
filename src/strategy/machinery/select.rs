//! Which machines of a group have a turn, and what an earlier run of the same plan has left behind: orchestrators keep
//! nothing between two runs but what the cluster shows (an older version, a cordon, a machine too many).

use super::arrival::Group;
use super::order::put_in_order;
use super::plan::{Select, Stage, Step};
use crate::base::Time;
use crate::strategy::turn::Turn;
use crate::world::ids::{NodeId, PoolId};
use crate::world::reported::{Instance, Reported};

/// Machines whose turn comes, in order, and those of them that an earlier run has brought past their transition, with
/// the step that is next for them.
pub(super) struct Selected {
    pub(super) nodes: Vec<NodeId>,
    pub(super) half_way: Vec<(NodeId, usize)>,
    /// Size of the group.
    pub(super) size: usize,
}

/// Selects; `start` is when the plan's first run began.
pub(super) fn select(group: Group, stage: &Stage, start: Time, seen: &Reported<'_>) -> Selected {
    let machines: Vec<(NodeId, &Instance)> = group.machines(seen).collect();
    let done = |node: NodeId, machine: &Instance| match stage.select {
        // What a reboot is for is done by a boot since the plan began.
        Select::All => seen.node(node).is_some_and(|object| object.registered > start),
        Select::Outdated | Select::First(_) => machine.version == seen.target(machine.pool),
    };
    let cordoned = |node: NodeId| seen.node(node).is_some_and(|object| object.unschedulable);
    let (finished, mut nodes): (Vec<NodeId>, Vec<NodeId>) = {
        let (done, left): (Vec<_>, Vec<_>) = machines.iter().partition(|(node, machine)| done(*node, machine));
        (done.into_iter().map(|(node, _)| node).collect(), left.into_iter().map(|(node, _)| node).collect())
    };
    put_in_order(&mut nodes, stage.order, seen);
    if let Select::First(amount) = stage.select {
        nodes.truncate(amount.of(machines.len()).max(1));
    }
    let next = after_transition(&stage.steps);
    let half_way: Vec<(NodeId, usize)> = next.map_or_else(Vec::new, |next| {
        finished.into_iter().filter(|node| cordoned(*node)).map(|node| (node, next)).collect()
    });
    nodes.splice(0..0, half_way.iter().map(|(node, _)| *node));
    Selected { nodes, half_way, size: machines.len() }
}

/// The step after a unit's last transition, of a unit that goes back to work on the same machine.
fn after_transition(steps: &[Step]) -> Option<usize> {
    let last = steps.iter().rposition(|step| matches!(step, Step::Transition(_)))?;
    steps[last..].contains(&Step::Uncordon).then_some(last + 1)
}

/// How many machines a group has, or has been promised in place of terminated ones, beyond its size.
pub(super) fn surplus(group: Group, seen: &Reported<'_>) -> usize {
    let (pool, size) = match group {
        Group::Workers(pool) => (Some(pool), seen.spec.pools[pool].count),
        Group::Masters => (None, seen.spec.control_plane.replicas),
        Group::Everything => return 0,
    };
    (group.machines(seen).count() + promised(pool, seen).count()).saturating_sub(size as usize)
}

/// Terminated machines of a pool, or of the masters, whose successors are not launched yet.
pub(super) fn promised<'a>(pool: Option<PoolId>, seen: &'a Reported<'_>) -> impl Iterator<Item = NodeId> + 'a {
    let later = move |node: NodeId, slot: u32| {
        seen.instances().any(|(other, machine)| other > node && machine.pool == pool && machine.slot == slot)
    };
    let gone =
        seen.instances().filter(move |(_, machine)| !machine.running && !machine.detached && machine.pool == pool);
    gone.filter(move |(node, machine)| !later(*node, machine.slot)).map(|(node, _)| node)
}

/// Machines of groups that an earlier run launched ahead, and that nobody's place was given to: so many at
/// the version after as the group has too many, the newest.
pub(super) fn left_over(turn: &Turn<'_, '_>) -> Vec<NodeId> {
    let seen = turn.seen;
    let of_group = |group: Group| {
        let surplus = surplus(group, seen);
        let new = group.machines(seen).filter(|(_, machine)| machine.version == seen.target(machine.pool));
        let mut new: Vec<NodeId> = new.map(|(node, _)| node).collect();
        new.split_off(new.len().saturating_sub(surplus))
    };
    let pools = seen.spec.pools.ids().filter(|pool| seen.spec.pools[*pool].upgrade).map(Group::Workers);
    std::iter::once(Group::Masters).chain(pools).flat_map(of_group).collect()
}
