//! Requests under way: each in its place from the moment it is sent until etcd has done with it.

use std::collections::VecDeque;

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
    /// Whether etcd has it: it must stay until etcd says how it ended, even if nobody waits any more.
    pub proposed: bool,
}

/// All requests under way. Ids are never used twice: an event of a request that is done finds nothing.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    first: u32,
    items: VecDeque<Option<Pending>>,
}

impl Requests {
    /// Adds a request.
    pub fn add(&mut self, pending: Pending) -> RequestId {
        self.items.push_back(Some(pending));
        RequestId(self.first + self.items.len() as u32 - 1)
    }
    /// A request, unless it is done.
    pub fn get_mut(&mut self, id: RequestId) -> Option<&mut Pending> {
        let index = id.0.checked_sub(self.first)?;
        self.items.get_mut(index as usize)?.as_mut()
    }
    /// Ends a request.
    pub fn remove(&mut self, id: RequestId) -> Option<Pending> {
        let index = id.0.checked_sub(self.first)?;
        let pending = self.items.get_mut(index as usize)?.take();
        while matches!(self.items.front(), Some(None)) {
            self.items.pop_front();
            self.first += 1;
        }
        pending
    }
    /// Requests under way that match, in order.
    pub fn matching(&self, wanted: impl Fn(&Pending) -> bool) -> Vec<RequestId> {
        let all = self.items.iter().enumerate();
        let found = all.filter(|(_, item)| item.as_ref().is_some_and(&wanted));
        found.map(|(index, _)| RequestId(self.first + index as u32)).collect()
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
            proposed: false,
        };
        let first = requests.add(pending.clone());
        assert!(requests.remove(first).is_some());
        let second = requests.add(pending);
        assert_ne!(first, second);
        assert!(requests.get_mut(first).is_none());
        assert!(requests.get_mut(second).is_some());
    }
}
