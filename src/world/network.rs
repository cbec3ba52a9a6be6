//! Hosts and links: who is on, who can be reached.

use crate::base::IdVec;
use crate::world::ids::NodeId;

/// A host's state, as the wire sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// Power is on and the kernel runs.
    pub powered: bool,
    /// The link is up.
    pub linked: bool,
    /// Its etcd member and the others may reach each other (the peers' port).
    pub peers: bool,
}

/// All hosts.
#[derive(Clone, Debug, Default)]
pub struct Network {
    hosts: IdVec<NodeId, Host>,
    /// Clients cannot reach API servers.
    pub api_cut: bool,
    /// API servers cannot reach etcd.
    pub etcd_cut: bool,
}

impl Network {
    /// Adds a host.
    pub fn add(&mut self, powered: bool) -> NodeId {
        self.hosts.push(Host { powered, linked: true, peers: true })
    }
    /// Whether packets reach the host.
    pub fn reaches(&self, node: NodeId) -> bool {
        self.hosts[node].powered && self.hosts[node].linked
    }
    /// The host.
    pub fn host(&self, node: NodeId) -> Host {
        self.hosts[node]
    }
    /// The host, to change it.
    pub fn host_mut(&mut self, node: NodeId) -> &mut Host {
        &mut self.hosts[node]
    }
    /// Number of hosts ever.
    pub fn len(&self) -> usize {
        self.hosts.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }
}
