//! Measuring clients of the control plane.

use crate::base::Span;
use crate::engine::Dist;
use crate::world::ids::MasterId;

/// What a probe asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// A put, sent to an etcd member over a connection of its own.
    EtcdPut,
    /// A write of an object that nobody watches, sent to an API server over a new connection.
    ApiWrite,
}

/// Whom a probe asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeTarget {
    /// Each master, at the same moment.
    EachMember,
    /// One master.
    Master(MasterId),
    /// The load balancer of the API servers.
    LoadBalancer,
}

/// A measuring client: it asks at its own pace, whatever became of earlier requests.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaneProbeSpec {
    /// Name, unique.
    pub name: String,
    /// What it asks for.
    pub kind: ProbeKind,
    /// Whom it asks.
    pub target: ProbeTarget,
    /// How long it sleeps between two requests.
    pub interval: Span,
    /// What starting a request takes it on top of that.
    pub overhead: Dist,
    /// From an answer's arrival until the client has noted its time.
    pub reaction: Dist,
    /// A request without an answer fails after this long.
    pub timeout: Span,
    /// Most requests under way; at the limit it waits for one to end. `None`: no limit.
    pub in_flight_max: Option<u32>,
    /// When it begins, from the start of the run.
    pub from: Span,
    /// When it ends; `None`: with the run.
    pub until: Option<Span>,
}

impl PlaneProbeSpec {
    /// Whom it asks at each turn, in a cluster of so many masters; `None` is the load balancer.
    pub fn targets(&self, masters: u32) -> Vec<Option<MasterId>> {
        match self.target {
            ProbeTarget::EachMember => (0..masters).map(|place| Some(MasterId(place))).collect(),
            ProbeTarget::Master(master) => vec![Some(master)],
            ProbeTarget::LoadBalancer => vec![None],
        }
    }
}
