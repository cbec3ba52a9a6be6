//! Schedulers: one on each master, one of them leading.

use crate::world::disturbance::Signal;
use crate::world::effects::{Ctx, Outcome};
use crate::world::ids::{ClientId, MasterId};
use crate::world::lease::LeaseEvent;
use crate::world::store::Revision;

/// Inside a scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchedulerEvent {
    /// Leader election.
    Lease(LeaseEvent),
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

/// All schedulers.
#[derive(Clone, Debug)]
pub struct Schedulers {}

impl Schedulers {
    /// One on each master, none running yet.
    pub fn new(_clients: Vec<ClientId>) -> Schedulers {
        Schedulers {}
    }
    /// The start of a run: all run, `leader` leads with its caches filled; pods are placed already.
    pub fn begin(&mut self, _leader: MasterId, _ctx: &mut Ctx<'_>) {}
    /// One of their own events.
    pub fn step(&mut self, _event: SchedulerEvent, _ctx: &mut Ctx<'_>) {}
    /// The watch of this master's process has moved. Only the leader's is delivered.
    pub fn heard(&mut self, _master: MasterId, _from: Revision, _to: Revision, _ctx: &mut Ctx<'_>) {}
    /// Everything is listed anew, at this revision.
    pub fn listed(&mut self, _master: MasterId, _at: Revision, _ctx: &mut Ctx<'_>) {}
    /// The process's writes are stored again, or no longer.
    pub fn served(&mut self, _master: MasterId, _served: bool, _ctx: &mut Ctx<'_>) {}
    /// The process gets a signal.
    pub fn signal(&mut self, _master: MasterId, _signal: Signal, _ctx: &mut Ctx<'_>) {}
    /// The process starts.
    pub fn start(&mut self, _master: MasterId, _version: crate::base::Version, _ctx: &mut Ctx<'_>) {}
}
