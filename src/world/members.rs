//! Masters that come and members that go: a new master in every table, and who is told how etcd's changes went.

use crate::base::Id;
use crate::world::cluster::{Master, World, ctx};
use crate::world::effects::{Outcome, ReplyTo};
use crate::world::event::Event;
use crate::world::ids::{MasterId, NodeId, RequestId, ZoneId};
use crate::world::membership::{MemberChange, MemberRefusal};
use crate::world::store::ApiError;

/// Ids of requests for other members begin here; probes' have the bit above, the API's clients count up from zero.
const FIRST_ID: u32 = 1 << 30;

/// Who wants etcd's members changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// An operator's tool.
    Operator(ReplyTo),
    /// A master that joins.
    Join(MasterId),
}

/// Requests for other members that etcd has taken.
#[derive(Clone, Debug, Default)]
pub(super) struct MemberOrders {
    next: u32,
    waiting: Vec<(RequestId, Asker)>,
}

impl MemberOrders {
    /// Whether a request is one of these.
    pub(super) fn owns(&self, request: RequestId) -> bool {
        request.0 & FIRST_ID != 0
    }
}

impl World {
    /// The masters' group launches one machine more: a master that is no member of anything yet.
    pub(super) fn grows_masters(&mut self, slot: u32, zone: ZoneId) {
        // A group that may have no more members takes no more masters.
        let Some(master) = self.etcd.add_place(&mut ctx!(self)) else { return };
        debug_assert_eq!(master.index(), self.masters.len(), "masters come in order");
        let (instance, incarnation) = self.cloud.grown_master(master, slot, zone);
        let version = instance.version;
        let elected = self.add_elected(master, version);
        self.masters.push(Master { node: NodeId::from_index(self.cloud.instances().len()), elected });
        self.controllers.add_master(elected[0]);
        self.schedulers.add_master(elected[1]);
        self.static_pods.add_master(version);
        self.api.add_server(self.masters[master].node, version, false, &ctx!(self));
        let node = self.add_machine(instance, incarnation, false);
        self.cloud.surged(node, &ctx!(self));
        self.cloud.launched(node, &mut ctx!(self));
    }

    /// Somebody asks etcd for other members.
    pub(super) fn change_members(&mut self, change: MemberChange, asker: Asker) {
        let request = RequestId(FIRST_ID | self.member_orders.next);
        self.member_orders.next = (self.member_orders.next + 1) & (FIRST_ID - 1);
        // Its answer may come before this call ends.
        self.member_orders.waiting.push((request, asker));
        if let Err(refusal) = self.etcd.reconfigure(change, request, &mut ctx!(self)) {
            // kubeadm takes a member that is there for added.
            let there = refusal == MemberRefusal::Exists && self.etcd.standing(change.member()).is_some();
            let error = match refusal {
                MemberRefusal::NoLeader => ApiError::Unavailable,
                MemberRefusal::NotFound => ApiError::NotFound,
                _ => ApiError::Members,
            };
            self.members_changed(request, if there { Ok(()) } else { Err(error) });
        }
    }

    /// etcd is done with such a request.
    pub(super) fn members_changed(&mut self, request: RequestId, result: Outcome) {
        self.changes.all();
        let waiting = &mut self.member_orders.waiting;
        let Some(place) = waiting.iter().position(|(id, _)| *id == request) else { return };
        match waiting.swap_remove(place).1 {
            Asker::Operator(to) => {
                self.out.queue.push(self.now, Event::Answer { to, result });
            }
            Asker::Join(master) => self.joins.answered(master, result.is_ok(), &mut ctx!(self)),
        }
    }
}
