//! Where external load balancers send new connections: part of the third clock of truth.

use crate::base::IdVec;
use crate::world::ids::{AppId, NodeId, PodId};

/// A target of an external load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A node, whose rules choose the pod.
    Node(NodeId),
    /// A pod.
    Pod(PodId),
}

/// The targets in use, by app; empty for apps without a load balancer.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    apps: IdVec<AppId, Vec<Target>>,
}

impl Targets {
    /// No targets for any of `apps` apps.
    pub fn new(apps: usize) -> Targets {
        Targets { apps: (0..apps).map(|_| Vec::new()).collect() }
    }
    /// Targets that new connections go to, each with the same share.
    pub fn of(&self, app: AppId) -> &[Target] {
        &self.apps[app]
    }
    /// The targets, to change; only the load balancer does.
    pub fn of_mut(&mut self, app: AppId) -> &mut Vec<Target> {
        &mut self.apps[app]
    }
}
