//! Users: groups of clients, where they stand, how they connect, how often they ask.

use crate::base::{Rate, Ratio, Span};
use crate::world::ids::{AppId, PoolId};

/// How a group connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// A new connection for each request.
    New,
    /// A pool of kept-alive connections per client, always as many, each request on any of them.
    KeptAlive {
        /// Idle connections kept per client; connections per client in steady state.
        pool: u32,
    },
    /// A pool of kept-alive connections per client without limit: each request takes the idle one used last, and a
    /// new one is opened when none is idle.
    LastUsed,
    /// Long streams: each is one request that is lost when its connection breaks, and opened again.
    Stream {
        /// Streams of the group.
        count: u32,
    },
}

/// Where a group's clients stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// One client on each node of a pool.
    Pool(PoolId),
    /// One client in each ready pod of an app.
    App(AppId),
    /// Outside, behind the Service's load balancer.
    Outside,
}

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// At equal gaps, open loop.
    Constant,
    /// Independently of each other.
    Poisson,
}

/// A change of a group's rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateStep {
    /// From this moment of the run.
    pub at: Span,
    /// The whole group's rate.
    pub rate: Rate,
}

/// A daily wave over the base rate, held in sixteen steps a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wave {
    /// Length of one wave.
    pub period: Span,
    /// Height over and depth under the base rate, as a share of it.
    pub amplitude: Ratio,
}

/// How requests are settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settling {
    /// Counts per interval between model changes.
    Interval,
    /// One by one.
    PerRequest,
}

/// A group of equal clients of one app.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupSpec {
    /// Name, unique within its app.
    pub name: String,
    /// The app it asks.
    pub app: AppId,
    /// The app whose pods stand in between: its clients connect to them, and they pass requests on.
    pub via: Option<AppId>,
    /// How it connects.
    pub connections: Connections,
    /// Where its clients stand.
    pub place: Place,
    /// The whole group's rate at the start.
    pub rate: Rate,
    /// Later rates, by time.
    pub steps: Vec<RateStep>,
    /// A wave over the rate.
    pub wave: Option<Wave>,
    /// When requests are sent.
    pub arrivals: Arrivals,
    /// A request or connection attempt without an answer fails after this long.
    pub timeout: Span,
    /// Tries after the first that a failed request gets.
    pub retries: u32,
    /// Wait before a retry.
    pub retry_backoff: Span,
    /// Retries allowed as a share of requests (a retry budget); `None`: no limit.
    pub retry_budget: Option<Ratio>,
    /// Whether the client library may repeat a request whose reused connection turns out closed.
    pub idempotent: bool,
    /// How requests are settled.
    pub settling: Settling,
}
