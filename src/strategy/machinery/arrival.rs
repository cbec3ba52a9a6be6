//! The machine that a unit is about, through its replacement or its restart.

use crate::base::{Id, Time};
use crate::world::fact::{StepPhase, Unit};
use crate::world::ids::{MasterId, NodeId, PoolId};
use crate::world::reported::{Instance, Reported};
use crate::world::store::NodeReady;

/// A group of machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The masters.
    Masters,
    /// A group of workers.
    Workers(PoolId),
    /// The masters and all workers that the scenario upgrades.
    Everything,
}

impl Group {
    /// Whether a machine belongs to it, detached or not.
    pub fn has(self, machine: &Instance, seen: &Reported<'_>) -> bool {
        match self {
            Group::Masters => machine.master.is_some(),
            Group::Workers(pool) => machine.pool == Some(pool),
            Group::Everything => machine.pool.is_none_or(|pool| seen.spec.pools[pool].upgrade),
        }
    }
    /// Its running machines.
    pub fn machines<'a, 's>(
        self,
        seen: &'s Reported<'a>,
    ) -> impl Iterator<Item = (NodeId, &'a Instance)> + use<'a, 's> {
        seen.instances().filter(move |(_, machine)| machine.running && self.has(machine, seen))
    }
    /// In facts.
    pub fn unit(self) -> Unit {
        match self {
            Group::Masters => Unit::Masters,
            Group::Workers(pool) => Unit::Pool(pool),
            Group::Everything => Unit::Cluster,
        }
    }
    /// In words.
    pub fn name(self, seen: &Reported<'_>) -> String {
        match self {
            Group::Masters => "masters".to_owned(),
            Group::Workers(pool) => seen.spec.pools[pool].name.clone(),
            Group::Everything => "cluster".to_owned(),
        }
    }
    /// Zones that its machines are spread over; at least one.
    pub fn zones(self, seen: &Reported<'_>) -> u32 {
        match self {
            Group::Masters => seen.spec.control_plane.zones.max(1),
            Group::Workers(pool) => seen.spec.pools[pool].zones.max(1),
            Group::Everything => 1,
        }
    }
}

/// A place in a group, which machines take one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pool: Option<PoolId>,
    master: Option<MasterId>,
    slot: u32,
}

impl Place {
    /// Of a machine.
    pub fn of(machine: &Instance) -> Place {
        Place { pool: machine.pool, master: machine.master, slot: machine.slot }
    }
    /// Whether it is this one of this group.
    pub fn is(self, pool: Option<PoolId>, slot: u32) -> bool {
        self.pool == pool && self.slot == slot
    }
    /// That of a master that is launched beside those that are there: whoever comes in this slot.
    pub fn of_new_master(slot: u32) -> Place {
        Place { pool: None, master: None, slot }
    }
    fn is_taken_by(self, machine: &Instance) -> bool {
        let same = machine.pool == self.pool && machine.slot == self.slot;
        same && (self.master.is_none() || machine.master == self.master)
    }
    /// A worker's.
    pub fn in_pool(pool: PoolId, slot: u32) -> Place {
        Place { pool: Some(pool), master: None, slot }
    }
}

/// Which machine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// This one, as it is.
    Here(NodeId),
    /// This one, which was restarted, or its kubelet, at this moment.
    Restarted(NodeId, Time),
    /// The newest of those from this index on that take the place.
    Coming(Place, usize),
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Not launched yet.
    Awaited,
    /// Launched, or restarting; its kubelet has not registered since.
    Booting,
    /// Registered, not Ready.
    Joining,
    /// Ready, as the API says.
    Ready,
}

impl Standing {
    /// The phase that stands for it.
    pub fn phase(self) -> StepPhase {
        match self {
            Standing::Awaited => StepPhase::Transition,
            Standing::Booting => StepPhase::Booting,
            Standing::Joining => StepPhase::Joining,
            Standing::Ready => StepPhase::Gate,
        }
    }
}

impl Machine {
    /// The machine, if there is one by now.
    pub fn node(self, seen: &Reported<'_>) -> Option<NodeId> {
        match self {
            Machine::Here(node) | Machine::Restarted(node, _) => Some(node),
            Machine::Coming(place, from) => {
                let takes = |node: &NodeId| {
                    let machine = seen.instance(*node);
                    machine.running && place.is_taken_by(machine)
                };
                (from..seen.machines()).rev().map(NodeId::from_index).find(takes)
            }
        }
    }

    /// How far it is.
    pub fn standing(self, seen: &Reported<'_>) -> Standing {
        let Some(node) = self.node(seen) else { return Standing::Awaited };
        let since = match self {
            Machine::Here(_) | Machine::Coming(..) => Time::ZERO,
            Machine::Restarted(_, since) => since,
        };
        match seen.node(node) {
            Some(object) if object.registered >= since => match object.ready {
                NodeReady::True => Standing::Ready,
                NodeReady::False | NodeReady::Unknown => Standing::Joining,
            },
            Some(_) | None => Standing::Booting,
        }
    }
}
