//! Requests under way: each in its place from the moment it is sent until etcd has done with it.

use std::collections::BTreeMap;

use super::admission::Failed;
use crate::world::effects::Reply;
use crate::world::ids::{ClientId, MasterId, RequestId};
use crate::world::store::Change;

/// A request under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// Who asked.
    pub client: ClientId,
    /// The server that it went to.
    pub server: MasterId,
    /// What it asks.
    pub change: Change,
    /// Who wants to know how it went; `Reply::Never` once that is answered.
    pub reply: Reply,
    /// Whether a server has taken it up (and so counts it among its requests in flight).
    pub taken: bool,
    /// Whether it has waited its turn at a server that is overloaded.
    pub queued: bool,
    /// Whether etcd has it: it must stay until etcd says how it ended, even if nobody waits any more.
    pub proposed: bool,
    /// Whether admission webhooks are being asked about it.
    pub admitting: bool,
    /// Which of them have failed.
    pub failed: Vec<Failed>,
}

/// All requests under way. Ids are never used twice: an event of a request that is done finds nothing.
///
/// A request that failed for its client stays until etcd has committed it, which for a few never happens.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    next: u32,
    items: BTreeMap<u32, Pending>,
}

impl Requests {
    /// Adds a request.
    pub fn add(&mut self, pending: Pending) -> RequestId {
        let id = self.next;
        self.next += 1;
        self.items.insert(id, pending);
        RequestId(id)
    }
    /// A request, unless it is done.
    pub fn get_mut(&mut self, id: RequestId) -> Option<&mut Pending> {
        self.items.get_mut(&id.0)
    }
    /// Ends a request.
    pub fn remove(&mut self, id: RequestId) -> Option<Pending> {
        self.items.remove(&id.0)
    }
    /// Requests under way that match, in order.
    pub fn matching(&self, wanted: impl Fn(&Pending) -> bool) -> Vec<RequestId> {
        self.items.iter().filter(|(_, item)| wanted(item)).map(|(id, _)| RequestId(*id)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::ids::PodId;

    #[test]
    fn a_request_that_is_done_is_never_found_again() {
        let mut requests = Requests::default();
        let pending = Pending {
            client: ClientId(0),
            server: MasterId(0),
            change: Change::RemovePod { pod: PodId(0) },
            reply: Reply::Never,
            taken: false,
            queued: false,
            proposed: false,
            admitting: false,
            failed: Vec::new(),
        };
        let first = requests.add(pending.clone());
        assert!(requests.remove(first).is_some());
        let second = requests.add(pending);
        assert_ne!(first, second);
        assert!(requests.get_mut(first).is_none());
        assert!(requests.get_mut(second).is_some());
    }
}
