//! An API server's life: start-up, readiness, shutdown in the real order, liveness restarts.

use crate::base::{Name, Span, Time, Version};
use crate::world::ids::NodeId;

/// The kubelet's liveness probe of a static API server pod: period and failures; a server whose etcd is gone is
/// restarted 70 to 80 s later, and after as much again with back-off. Source: kubeadm and kops manifests (`livez`/`healthz`, period 10, failures 8).
pub(super) const LIVENESS_PERIOD: Span = Span::secs(10);
/// Failures in a row that restart it.
pub(super) const LIVENESS_FAILURES: u64 = 8;
/// A restarted process waits 10 s, 20 s, ... 300 s from its second restart on. Source: kubelet `MaxContainerBackOff`.
const BACKOFF_BASE: Span = Span::secs(10);
const BACKOFF_MAX: Span = Span::secs(300);
/// Mutating requests that a server works on at a time. Source: `--max-mutating-requests-inflight`.
pub(super) const IN_FLIGHT_MAX: u32 = 200;

/// Where an API server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// No process.
    Down,
    /// Not listening yet.
    Starting,
    /// Listens; `/readyz` is red until its caches are filled from etcd.
    Listening,
    /// `/readyz` is green.
    Ready,
    /// SIGTERM has come; `/readyz` is red, all else goes on for the shutdown delay.
    Leaving,
    /// The listener is closed; requests in flight are finished.
    Closing,
}

/// One API server.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) name: Name,
    pub(super) node: NodeId,
    pub(super) version: Version,
    pub(super) stage: Stage,
    /// Events of an earlier life, or of a wish given up, do not count.
    pub(super) generation: u32,
    /// The same for the liveness alarm alone.
    pub(super) liveness: u32,
    /// Its etcd member serves.
    pub(super) etcd: bool,
    /// Requests in flight.
    pub(super) in_flight: u32,
    /// Starts so far: the ordinal of its draws.
    pub(super) starts: u32,
    /// Liveness restarts so far.
    pub(super) restarts: u32,
    /// How long a write waits before it is taken up.
    pub(super) queue: Span,
    /// The load balancer's checks of it fail, whatever it answers.
    pub(super) unseen: bool,
    /// For how long they do, and for how long they do not.
    pub(super) turns: Option<(Span, Span)>,
    /// Turns of an older flap do not count.
    pub(super) flap: u32,
}

impl Server {
    pub(super) fn new(name: Name, node: NodeId, version: Version) -> Server {
        let stage = Stage::Down;
        Server {
            name,
            node,
            version,
            stage,
            generation: 0,
            liveness: 0,
            etcd: false,
            in_flight: 0,
            starts: 0,
            restarts: 0,
            queue: Span::ZERO,
            unseen: false,
            turns: None,
            flap: 0,
        }
    }

    /// Whether a connection is accepted.
    pub(super) fn accepts(&self) -> bool {
        match self.stage {
            Stage::Listening | Stage::Ready | Stage::Leaving => true,
            Stage::Down | Stage::Starting | Stage::Closing => false,
        }
    }

    /// Whether its process runs.
    pub(super) fn runs(&self) -> bool {
        self.stage != Stage::Down
    }

    /// How long the kubelet waits before it starts the process again after a liveness kill.
    pub(super) fn restart_wait(&self) -> Span {
        match self.restarts {
            0 | 1 => Span::ZERO,
            n => (BACKOFF_BASE * (1 << (n - 2).min(5))).min(BACKOFF_MAX),
        }
    }

    /// When the liveness probe gives up on a server that fails from `now` on; probes fall on `phase + k * period`.
    pub(super) fn liveness_kill(phase: Time, now: Time) -> Time {
        now.next_tick(phase, LIVENESS_PERIOD) + LIVENESS_PERIOD * (LIVENESS_FAILURES - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: kubeadm static pod manifest of the API server (period 10 s, 8 failures).
    #[test]
    fn a_server_without_etcd_is_restarted_after_70_to_80_seconds() {
        let phase = Time::from_nanos(3);
        for second in 0..30 {
            let now = Time::ZERO + Span::secs(second);
            let wait = Server::liveness_kill(phase, now).since(now);
            assert!(wait >= Span::secs(70) && wait <= Span::secs(80), "{wait}");
        }
    }
}
