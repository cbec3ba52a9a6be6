//! Controller managers: one on each master, one of them leading.

use crate::world::disturbance::Signal;
use crate::world::effects::{Ctx, Outcome};
use crate::world::ids::{ClientId, MasterId, NodeId};
use crate::world::store::Revision;

/// Inside a controller manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControllersEvent {
    /// The API's answer to a request.
    Answer {
        /// The master.
        master: MasterId,
        /// The token it gave.
        token: u32,
        /// How it went.
        result: Outcome,
    },
}

/// All controller managers.
#[derive(Clone, Debug)]
pub struct Controllers {}

impl Controllers {
    /// One on each master, none running yet.
    pub fn new(_clients: Vec<ClientId>) -> Controllers {
        Controllers {}
    }
    /// The start of a run: all run, `leader` leads with its caches filled and nothing to do.
    pub fn begin(&mut self, _leader: MasterId, _ctx: &mut Ctx<'_>) {}
    /// One of their own events.
    pub fn step(&mut self, _event: ControllersEvent, _ctx: &mut Ctx<'_>) {}
    /// The watch of this master's process has moved. Only the leader's is delivered.
    pub fn heard(&mut self, _master: MasterId, _from: Revision, _to: Revision, _ctx: &mut Ctx<'_>) {}
    /// Everything is listed anew, at this revision.
    pub fn listed(&mut self, _master: MasterId, _at: Revision, _ctx: &mut Ctx<'_>) {}
    /// The process's writes are stored again, or no longer.
    pub fn served(&mut self, _master: MasterId, _served: bool, _ctx: &mut Ctx<'_>) {}
    /// A node's lease renewals go on, or have stopped.
    pub fn pulse(&mut self, _node: NodeId, _beating: bool, _ctx: &mut Ctx<'_>) {}
    /// The process gets a signal.
    pub fn signal(&mut self, _master: MasterId, _signal: Signal, _ctx: &mut Ctx<'_>) {}
    /// The process starts.
    pub fn start(&mut self, _master: MasterId, _version: crate::base::Version, _ctx: &mut Ctx<'_>) {}
}
