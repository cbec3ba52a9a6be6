//! Who has heard what: the second of the three clocks of truth.

use crate::base::IdVec;
use crate::world::ids::{ClientId, MasterId, NodeId, PodId};
use crate::world::store::{Component, Revision};

/// Whose process an API client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// The kubelet of a machine.
    Kubelet(NodeId),
    /// kube-proxy of a machine.
    Proxy(NodeId),
    /// The ingress controller in a pod, and its machine.
    Router(PodId, NodeId),
    /// Controller manager or scheduler of a master.
    Elected(Component, MasterId),
    /// An operator's tool.
    Operator(crate::world::ids::ActorId),
}

/// A watcher's place in the store's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// It has heard everything up to here.
    pub revision: Revision,
    /// Whether its watch stands.
    pub connected: bool,
}

/// The cursors of all API clients.
#[derive(Clone, Debug, Default)]
pub struct Watches {
    cursors: IdVec<ClientId, Cursor>,
}

impl Watches {
    /// Adds a watcher that has heard everything up to `revision`.
    pub fn add(&mut self, revision: Revision) -> ClientId {
        self.cursors.push(Cursor { revision, connected: false })
    }
    /// Up to which revision a client has heard.
    pub fn cursor(&self, client: ClientId) -> Revision {
        self.cursors[client].revision
    }
    /// Whether a client's connection stands.
    pub fn is_connected(&self, client: ClientId) -> bool {
        self.cursors[client].connected
    }
    /// The cursor, to move it; only the API path does.
    pub fn cursor_mut(&mut self, client: ClientId) -> &mut Cursor {
        &mut self.cursors[client]
    }
}
