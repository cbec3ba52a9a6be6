//! How long users can be exposed after one machine falls silent: a sum of terms, each with its source.
//!
//! Nobody loses zero requests to a node that loses power. What can be promised is a bound, and it is the sum of what
//! must pass, one after another in the worst case, until no client sends there any more.

use serde::Serialize;

use crate::base::{Ratio, Span};
use crate::engine::Dist;
use crate::scenario::Scenario;
use crate::world::behaviour::Behaviour;
use crate::world::components::api::{PING_FINDS_DEAD, TCP_GIVES_UP};
use crate::world::spec::{Connections, GroupSpec};

/// One term of the sum.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Term {
    /// What must pass.
    pub name: &'static str,
    /// At most so long, seconds.
    pub seconds: f64,
    /// Where that comes from.
    pub source: &'static str,
    #[serde(skip)]
    span: Span,
}

/// How much longer than its period a standby may wait between two tries for a lease: client-go's `JitterFactor` 1.2
/// on top of the period. Source: client-go `tools/leaderelection/leaderelection.go` (acquire, `wait.JitterUntil`).
const RETRY_JITTER_TENTHS: u64 = 22;

/// The longest that a distribution gives, or what it exceeds once in a million.
fn most(dist: &Dist) -> Span {
    dist.max().unwrap_or_else(|| dist.quantile(Ratio::from_ppm(999_999)))
}

/// The terms of a scenario, in the order in which they pass.
pub fn terms(scenario: &Scenario) -> Vec<Term> {
    let spec = &scenario.spec;
    let (plane, timings) = (&spec.control_plane, &spec.timings);
    let controllers = &plane.controllers;
    let versions = [Behaviour::of(plane.from), Behaviour::of(plane.to)];
    let term = |name, span: Span, source| Term { name, seconds: span.as_secs_f64(), source, span };
    let grace = controllers
        .node_monitor_grace
        .unwrap_or_else(|| versions.iter().map(|version| version.node_monitor_grace).max().unwrap_or_default());
    let gate = timings
        .proxy_min_sync
        .unwrap_or_else(|| versions.iter().map(|version| version.proxy_min_sync).max().unwrap_or_default());
    let dead_api = if versions.iter().all(|version| version.http2_ping) { PING_FINDS_DEAD } else { TCP_GIVES_UP };
    let writes = (most(&timings.reconcile) + most(&timings.watch) + most(&timings.network)) * 3;
    let kept = |group: &GroupSpec| match group.connections {
        Connections::New => Span::ZERO,
        Connections::KeptAlive { .. } | Connections::LastUsed | Connections::Stream { .. } => TCP_GIVES_UP,
    };
    vec![
        term(
            "lease fail-over",
            controllers.lease_duration + controllers.retry_period * RETRY_JITTER_TENTHS / 10,
            "client-go leaderelection: LeaseDuration, then RetryPeriod with jitter 1.2",
        ),
        term("cache sync", most(&controllers.cache_sync), "time of a new leader to fill its caches"),
        term("node grace", grace, "--node-monitor-grace-period"),
        term("monitor period", controllers.node_monitor_period, "--node-monitor-period"),
        term(
            "status writes",
            writes,
            "the node's condition, its pods' conditions, the slices: write, watch, reconcile",
        ),
        term("proxy gate", gate + most(&timings.proxy_sync), "--iptables-min-sync-period, and one sync"),
        term("dead API connection", dead_api, "a watcher pinned to the dead machine: HTTP/2 pings from 1.20, else TCP"),
        term(
            "kept connections",
            spec.groups.iter().map(kept).max().unwrap_or_default(),
            "users' connections to the dead machine: TCP's retransmissions (tcp_retries2 = 15)",
        ),
        term(
            "client's time-out",
            spec.groups.iter().map(|group| group.timeout).max().unwrap_or_default(),
            "the last request into the silence",
        ),
    ]
}

/// What the terms come to.
pub fn sum(terms: &[Term]) -> Span {
    terms.iter().map(|term| term.span).sum()
}
