//! A node as the scheduler sees it: what its machine offers, and what is requested of it.

use super::unschedulable::Filter;
use crate::world::ids::{PoolId, ZoneId};
use crate::world::spec::AppSpec;

/// A machine and what it offers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    /// `None`: a master.
    pub(super) pool: Option<PoolId>,
    pub(super) zone: ZoneId,
    /// Millicores.
    pub(super) cpu: u32,
    /// MiB.
    pub(super) memory: u32,
    pub(super) max_pods: u32,
    /// Whether apps without a pool of their own may run here.
    pub(super) runs_apps: bool,
}

/// What is requested of a node, and its Node object as heard.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) zone: ZoneId,
    pub(super) cpu: u32,
    pub(super) memory: u32,
    pub(super) pods: u32,
    pub(super) exists: bool,
    pub(super) cordoned: bool,
    pub(super) tainted: bool,
    pub(super) avoided: bool,
}

impl Record {
    /// A machine of which nothing was heard yet.
    pub(super) fn of(zone: ZoneId) -> Record {
        let (exists, cordoned, tainted, avoided) = (false, false, false, false);
        Record { zone, cpu: 0, memory: 0, pods: 0, exists, cordoned, tainted, avoided }
    }
}

/// Whether the machine is of the app's own pool, or one for all.
pub(super) fn suits_pool(app: &AppSpec, machine: &Machine) -> bool {
    match app.pool {
        Some(pool) => machine.pool == Some(pool),
        None => machine.runs_apps,
    }
}

/// Whether a node has enough of everything.
pub(super) fn has_room(app: &AppSpec, record: &Record, machine: &Machine) -> bool {
    short_of(app, record, machine).is_none()
}

/// What a node has too little of.
pub(super) fn short_of(app: &AppSpec, record: &Record, machine: &Machine) -> Option<Filter> {
    if record.cpu + app.cpu > machine.cpu {
        Some(Filter::Cpu)
    } else if record.memory + app.memory > machine.memory {
        Some(Filter::Memory)
    } else if record.pods >= machine.max_pods {
        Some(Filter::Pods)
    } else {
        None
    }
}
