//! Which revision of the EndpointSlices each node's kernel follows: part of the third clock of truth.

use crate::base::IdVec;
use crate::world::ids::NodeId;
use crate::world::store::Revision;

/// The kernel rules of all nodes. Only nodes that user traffic passes are kept up; others stay at revision 0.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    nodes: IdVec<NodeId, Revision>,
}

impl Rules {
    /// Adds a machine without rules.
    pub fn add(&mut self) -> NodeId {
        self.nodes.push(Revision(0))
    }
    /// The revision that a node's rules follow; 0: it has none.
    pub fn revision(&self, node: NodeId) -> Revision {
        self.nodes[node]
    }
    /// Sets it; only kube-proxy does, by its notice.
    pub fn set(&mut self, node: NodeId, revision: Revision) {
        self.nodes[node] = revision;
    }
}
