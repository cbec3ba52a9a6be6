//! Clients of the API: one connection each, pinned to the server it was made to.

use crate::base::{Name, Span, Time, Version};
use crate::world::behaviour::Behaviour;
use crate::world::bucket::Bucket;
use crate::world::effects::Ctx;
use crate::world::ids::MasterId;
use crate::world::pulse::LEASE_RENEW;
use crate::world::store::{Change, Component};
use crate::world::watch::ClientKind;

/// A silently dead connection is found by HTTP/2 pings: 30 s idle and 15 s without an answer.
/// Source: apimachinery `pkg/util/net/http.go` (`ReadIdleTimeout`, `PingTimeout`), since 1.20.
pub const PING_FINDS_DEAD: Span = Span::secs(45);
/// Without pings TCP gives up after its retransmissions: about 15 minutes with `tcp_retries2` = 15.
/// Source: Linux `ip-sysctl` (924.6 s).
pub const TCP_GIVES_UP: Span = Span::millis(924_600);
/// A connection attempt into silence fails after this long. Source: client-go `transport/cache.go`.
pub(super) const DIAL_TIMEOUT: Span = Span::secs(30);
/// A reflector's first back-off, doubled each time, with up to as much jitter. Source: client-go `tools/cache/reflector.go`.
const REDIAL_BASE: Span = Span::millis(800);
/// The longest.
const REDIAL_MAX: Span = Span::secs(30);
/// Every wait of a reflector before 1.18. Source: client-go `tools/cache/reflector.go`, `period`.
const REDIAL_PLAIN: Span = Span::secs(1);
/// One try of a kubelet's heartbeat. Source: kubelet `cmd/kubelet/app/server.go` (timeout of the heartbeat client, the
/// status update frequency).
const HEARTBEAT_TIMEOUT: Span = Span::secs(10);
/// Tries of one heartbeat that must fail before the kubelet closes its connections. Source: kubernetes PR 63492.
const HEARTBEATS_FAILED: u64 = 2;
/// A request without an answer fails after this long: the server's `--request-timeout`, and what tools set.
pub(super) const REQUEST_TIMEOUT: Span = Span::secs(60);
/// A server that has too much to do sends its clients away for this long; client-go honours it.
/// Source: apiserver `maxinflight.go` (`Retry-After: 1`), client-go `rest/with_retry.go`.
pub(super) const RETRY_AFTER: Span = Span::secs(1);
/// A kubelet or proxy without a server this long counts as not served: less than one lease renewal takes.
pub(super) const SILENCE_NOTICED: Span = Span::secs(5);

/// How a client reaches a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// The server of its own master.
    Local(MasterId),
    /// Whichever the load balancer picks for a new connection.
    Balanced,
}

/// A client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// Stands.
    To(MasterId),
    /// Stands for the client; the other side has fallen silent.
    Hung(MasterId),
    /// None.
    Broken,
}

/// A client that dials a server which is down: its attempts are no events, and are counted when the server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parked {
    /// Its next attempt.
    pub(super) next: Time,
    /// Of which generation; a later one has other plans.
    pub(super) generation: u32,
}

/// One process that talks to the API.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) kind: ClientKind,
    pub(super) name: Name,
    pub(super) route: Route,
    pub(super) link: Link,
    /// Whether the process runs.
    pub(super) running: bool,
    /// Whether the component knows its writes to be stored.
    pub(super) served: bool,
    /// Since when they are not.
    pub(super) unserved_since: Time,
    /// What observers were last told of it.
    pub(super) told: bool,
    /// Connection attempts so far: the ordinal of its draws.
    pub(super) dials: u32,
    /// Failed attempts in a row.
    pub(super) failures: u32,
    /// It dials in vain until its own master's server listens again.
    pub(super) parked: Option<Parked>,
    /// Redials and hung-peer alarms of an older link do not count.
    pub(super) generation: u32,
    /// Requests so far: the ordinal of its draws.
    pub(super) sent: u32,
    /// Its version.
    pub(super) version: Version,
    /// Whether it has HTTP/2 pings.
    pings: bool,
    /// Whether its reflectors back off.
    backs_off: bool,
    /// Whether failed heartbeats of a kubelet close its connections.
    heartbeat_closes: bool,
    /// Whether they have, and none has succeeded since.
    pub(super) gave_up: bool,
    /// GET before PATCH in status updates.
    status_needs_get: bool,
    /// Rate and burst of its token buckets; controllers have one each.
    rate: (u32, u32),
    /// What was sent so far, lane by lane; most clients use one lane, or none.
    lanes: Vec<Lane>,
}

/// What passes a token bucket of its own.
#[derive(Clone, Debug)]
struct Lane {
    number: u8,
    bucket: Bucket,
    /// When the last request reaches its server: what is sent over one connection arrives in order.
    arrival: Time,
}

/// The lane without a limit.
const UNLIMITED: u8 = 8;

/// How long a process of this version takes to find that a peer of its connections has fallen silent.
pub(super) fn silence_found_after(version: Version) -> Span {
    if Behaviour::of(version).http2_ping { PING_FINDS_DEAD } else { TCP_GIVES_UP }
}

impl Client {
    pub(super) fn new(kind: ClientKind, name: Name, route: Route, version: Version) -> Client {
        let mut client = Client {
            kind,
            name,
            route,
            link: Link::Broken,
            running: false,
            served: false,
            unserved_since: Time::ZERO,
            told: false,
            dials: 0,
            failures: 0,
            parked: None,
            generation: 0,
            sent: 0,
            version,
            pings: false,
            backs_off: false,
            heartbeat_closes: false,
            gave_up: false,
            status_needs_get: false,
            rate: (0, 0),
            lanes: Vec::new(),
        };
        client.adopt(version);
        client
    }

    /// The process has started with this version.
    pub(super) fn adopt(&mut self, version: Version) {
        let behaviour = Behaviour::of(version);
        self.version = version;
        self.pings = behaviour.http2_ping;
        self.backs_off = behaviour.reflector_backoff;
        self.heartbeat_closes = behaviour.heartbeat_closes;
        self.status_needs_get = behaviour.status_needs_get;
        let rate = match self.kind {
            ClientKind::Kubelet(_) => behaviour.kubelet_qps,
            // kube-controller-manager: 20/30 per controller; kube-scheduler: 50/100. Source: component configs.
            ClientKind::Elected(Component::ControllerManager, _) => (20, 30),
            ClientKind::Elected(Component::Scheduler, _) => (50, 100),
            // ingress-nginx cmd/nginx/main.go sets 1e6; Envoy control planes as much.
            ClientKind::Router(..) => (0, 0),
            ClientKind::Proxy(_) => (5, 10),
            // Until it is told its own.
            ClientKind::Operator(_) => (0, 0),
        };
        self.set_rate(rate);
    }

    /// The rate and burst of a client that chooses them itself.
    pub(super) fn set_rate(&mut self, rate: (u32, u32)) {
        self.rate = rate;
        let full = Bucket::new(rate.0, rate.1);
        self.lanes.iter_mut().filter(|lane| lane.number != UNLIMITED).for_each(|lane| lane.bucket = full);
    }

    fn lane(&mut self, number: u8) -> &mut Lane {
        let place = self.lanes.iter().position(|lane| lane.number == number).unwrap_or_else(|| {
            let (qps, burst) = if number == UNLIMITED { (0, 0) } else { self.rate };
            let bucket = Bucket::new(qps, burst);
            self.lanes.reserve_exact(1);
            self.lanes.push(Lane { number, bucket, arrival: Time::ZERO });
            self.lanes.len() - 1
        });
        &mut self.lanes[place]
    }

    /// When a request of this kind leaves, and when it arrives after `one_way` on the wire.
    pub(super) fn sends(&mut self, change: &Change, now: Time, one_way: Span) -> (Time, Time) {
        let (lane, tokens) = match change {
            Change::PodStatus { .. } if self.status_needs_get => (0, 2),
            Change::PodStatus { .. } => (0, 1),
            // The heartbeat client of a kubelet has no limit; a lease update of a leader has its own client.
            Change::NodeStatus { .. } | Change::RegisterNode { .. } | Change::Renew { .. } | Change::Lease { .. } => {
                (UNLIMITED, 1)
            }
            Change::NodeTaints { .. } | Change::DeleteNode { .. } => (1, 1),
            Change::CreatePod { .. } | Change::CreatePodAt { .. } | Change::DeletePod { .. } => (2, 1),
            Change::Endpoints { .. } => (3, 1),
            Change::BudgetStatus { .. } => (4, 1),
            Change::CreateSet { .. }
            | Change::ScaleSet { .. }
            | Change::Scale { .. }
            | Change::NewTemplate { .. }
            | Change::RolloutStalls { .. } => (5, 1),
            Change::Deliver { .. } => (7, 1),
            Change::RemovePod { .. } => (0, 1),
            Change::Bind { .. } | Change::Preempt { .. } => (6, 1),
            Change::AttachVolume { .. } | Change::DetachVolume { .. } => (7, 1),
            Change::Evict { .. }
            | Change::Cordon { .. }
            | Change::PreferNoSchedule { .. }
            | Change::ExcludeFromBalancers { .. } => (7, 1),
        };
        let lane = self.lane(lane);
        let departs = lane.bucket.take(tokens, now);
        lane.arrival = lane.arrival.max(departs + one_way);
        (departs, lane.arrival)
    }

    /// How long it takes to notice that its peer has fallen silent.
    pub(super) fn notices_silence_after(&self) -> Span {
        if self.pings { PING_FINDS_DEAD } else { TCP_GIVES_UP }
    }

    /// Whether it keeps a watch, and so dials again by itself.
    pub(super) fn watches(&self) -> bool {
        !matches!(self.kind, ClientKind::Operator(_))
    }

    /// When a kubelet without service closes its connection: its next heartbeat has failed twice, or, if its last
    /// connection ended so, that heartbeat's next try. `None` where heartbeats close nothing.
    pub(super) fn heartbeat_gives_up(&self, ctx: &Ctx<'_>) -> Option<Time> {
        match self.kind {
            ClientKind::Kubelet(_) if self.heartbeat_closes && self.gave_up => Some(ctx.now + HEARTBEAT_TIMEOUT),
            ClientKind::Kubelet(node) if self.heartbeat_closes => {
                let tries = HEARTBEAT_TIMEOUT * HEARTBEATS_FAILED;
                Some((ctx.pulses.next(node, self.unserved_since) + tries).max(ctx.now))
            }
            ClientKind::Kubelet(_)
            | ClientKind::Proxy(_)
            | ClientKind::Router(..)
            | ClientKind::Elected(..)
            | ClientKind::Operator(_) => None,
        }
    }

    /// From an attempt that wasted so long until the next one; `jitter` in [0, 1).
    /// `retry` is how often a leader renews its lease.
    pub(super) fn redial_wait(&self, wasted: Span, retry: Span, jitter: impl FnOnce(Span) -> Span) -> Span {
        let wait = match self.backs_off {
            true => {
                let base = (REDIAL_BASE * (1 << self.failures.min(6))).min(REDIAL_MAX);
                base + jitter(base)
            }
            false => REDIAL_PLAIN,
        };
        match self.kind {
            // Its next lease renewal dials, too, whatever the reflectors wait for.
            ClientKind::Kubelet(_) => (wasted + wait).min(LEASE_RENEW),
            ClientKind::Elected(..) => wasted + wait.min(retry),
            ClientKind::Proxy(_) | ClientKind::Router(..) | ClientKind::Operator(_) => wasted + wait,
        }
    }
}
