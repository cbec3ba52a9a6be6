//! etcd: one Raft group, a voter on each master.

use crate::world::disturbance::Signal;
use crate::world::effects::Ctx;
use crate::world::ids::{MasterId, RequestId};
use crate::world::spec::EtcdSpec;

/// Inside etcd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EtcdEvent {}

/// The members and their logs.
#[derive(Clone, Debug)]
pub struct Etcd {}

impl Etcd {
    /// A group of `members` voters in steady state, with a leader that the seed chooses.
    pub fn new(_spec: &EtcdSpec, _members: u32, _ctx: &mut Ctx<'_>) -> Etcd {
        Etcd {}
    }
    /// One of its own events.
    pub fn step(&mut self, event: EtcdEvent, _ctx: &mut Ctx<'_>) {
        match event {}
    }
    /// A write reaches this member. `Notice::Stored` tells how it ends, sooner or later, exactly once.
    pub fn propose(&mut self, _member: MasterId, _request: RequestId, _ctx: &mut Ctx<'_>) {}
    /// The member's process gets a signal.
    pub fn signal(&mut self, _member: MasterId, _signal: Signal, _ctx: &mut Ctx<'_>) {}
    /// The member's process starts, with the data it had.
    pub fn start(&mut self, _member: MasterId, _version: crate::base::Version, _ctx: &mut Ctx<'_>) {}
    /// The member's host has become reachable or unreachable for the other members (link, power).
    pub fn linked(&mut self, _member: MasterId, _linked: bool, _ctx: &mut Ctx<'_>) {}
    /// Whether a request to this member would be served now, through a leader with a quorum.
    pub fn serves(&self, _member: MasterId) -> bool {
        true
    }
}
