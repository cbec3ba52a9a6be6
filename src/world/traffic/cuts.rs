//! Cuts: requests that were counted as answered and will not be.
//!
//! A request belongs to the interval that sent it. A cut takes from each recent interval those that are still under
//! way, by what is left of their service time, and never draws the interval again.

use super::exposure::Peril;
use super::groups::{Group, Manner, Seat, Share};
use super::land::Land;
use super::ledger::{Latency, Ledger};
use super::service_time::{ServiceTime, ServiceTimes};
use super::settle::{Flow, Past};
use crate::base::{Span, Time};
use crate::engine::Draw;
use crate::world::effects::Ctx;
use crate::world::fact::{Fact, Loss};
use crate::world::ids::{NodeId, PodId};
use crate::world::purpose::Purpose;
use crate::world::spec::Connections;

/// What a pod does to its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blow {
    /// The process is gone: all are cut.
    Cut,
    /// It goes on, and tells its clients to go elsewhere: streams at once, others with their next answer.
    Announce,
    /// It stops accepting, closes the idle ones and finishes the requests it has.
    Close,
    /// It stops accepting; all kept-alive clients were told before.
    CloseTold,
    /// Silence.
    Vanish,
}

/// Which requests of an interval: those on their way to the pod, or those that it works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// Sent less than one network delay ago.
    Wire,
    /// Arrived, and not answered yet.
    Service,
}

/// What becomes of requests that a blow meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Spared,
    /// The client library repeats it on a new connection.
    Repeated,
    Lost(Loss),
}

/// What a blow does to requests of a zone. A closed connection that has a request on the wire is the idle-close race:
/// only idempotent requests are repeated (Go `net/http` Transport `shouldRetryRequest`, RFC 9110 section 9.2.2).
pub(super) fn fate(blow: Blow, zone: Zone, connections: Connections, idempotent: bool) -> Fate {
    let kept = match connections {
        Connections::New => false,
        Connections::KeptAlive { .. } | Connections::LastUsed | Connections::Stream { .. } => true,
    };
    match (blow, zone) {
        (Blow::Vanish, Zone::Wire | Zone::Service) => Fate::Lost(Loss::BlackHole),
        (Blow::Cut, Zone::Service) => Fate::Lost(Loss::Reset),
        (Blow::Announce, Zone::Wire | Zone::Service) => Fate::Spared,
        (Blow::Close | Blow::CloseTold, Zone::Service) => Fate::Spared,
        (Blow::Cut | Blow::Close | Blow::CloseTold, Zone::Wire) if !kept => Fate::Lost(Loss::Refused),
        (Blow::CloseTold, Zone::Wire) => Fate::Spared,
        (Blow::Cut | Blow::Close, Zone::Wire) if idempotent => Fate::Repeated,
        (Blow::Cut | Blow::Close, Zone::Wire) => Fate::Lost(Loss::Reset),
    }
}

impl Group {
    /// A blow by a pod, everything up to now being settled and the land still as it was.
    pub(super) fn strike(&mut self, pod: PodId, blow: Blow, land: &Land, ledger: &mut Ledger, ctx: &mut Ctx<'_>) {
        if self.manner == Manner::Streams {
            return self.strike_streams(pod, blow, ledger, ctx);
        }
        let at_end = self.tier.is_some() && land.app(pod) == self.end();
        let (time, delay) = self.times_at(pod, land, ctx);
        let part = move |past: &Past| {
            past.shares.iter().filter(|share| share.passes(pod)).map(|share| share.part).sum::<f64>()
        };
        for zone in [Zone::Wire, Zone::Service] {
            let spec = &ctx.spec.groups[self.id];
            let fate = match &self.tier {
                Some(tier) if at_end => tier.fate(blow, zone, spec.idempotent),
                Some(_) | None => fate(blow, zone, spec.connections, spec.idempotent),
            };
            self.befall(Some(pod), fate, (zone, delay), time, &part, ledger, ctx);
        }
        self.strike_calls(pod, blow, ledger, ctx);
        if matches!(blow, Blow::Cut | Blow::Vanish) {
            // None of these is under way any more; a later blow must not meet them.
            for past in self.past.iter_mut().filter(|past| past.shares.iter().any(|share| share.passes(pod))) {
                past.shares = past.shares.iter().filter(|share| !share.passes(pod)).copied().collect();
            }
        }
        if !at_end && !matches!(blow, Blow::Vanish | Blow::Announce) {
            self.clients.iter_mut().for_each(|client| client.pool.close(pod, land));
        }
    }

    /// How long requests are under way at a pod, and for how long before they are on their way to it.
    fn times_at(&self, pod: PodId, land: &Land, ctx: &Ctx<'_>) -> (ServiceTimes, Span) {
        let delay = Group::delay(ctx);
        match &self.tier {
            Some(tier) if land.app(pod) == tier.end => {
                (self.service_times(pod, land, ctx).after(tier.adds(delay)), tier.reaches_after)
            }
            Some(_) => {
                let behind = self.shares.iter().find(|share| share.front == Some(pod)).map_or(pod, |share| share.pod);
                (self.whole_times(behind, land, ctx), delay)
            }
            None => (self.service_times(pod, land, ctx), delay),
        }
    }

    /// Answers no longer come through this load balancer target.
    pub(super) fn strike_target(&mut self, node: NodeId, land: &Land, ledger: &mut Ledger, ctx: &mut Ctx<'_>) {
        let through = move |share: &&Share| share.target == Some(node);
        let Some(share) = self.shares.iter().find(through) else { return };
        let time = self.whole_times(share.pod, land, ctx);
        let part = move |past: &Past| past.shares.iter().filter(through).map(|share| share.part).sum::<f64>();
        for zone in [Zone::Wire, Zone::Service] {
            self.befall(None, Fate::Lost(Loss::BlackHole), (zone, Group::delay(ctx)), time, &part, ledger, ctx);
        }
        for past in &mut self.past {
            past.shares = past.shares.iter().filter(|share| !through(share)).copied().collect();
        }
    }

    /// A client no longer hears anything.
    pub(super) fn strike_client(&mut self, node: NodeId, land: &Land, ledger: &mut Ledger, ctx: &mut Ctx<'_>) {
        let on_node = self.clients.iter().filter(|client| client.seat.node() == Some(node)).count();
        let Some(time) = self.shares.first().map(|share| self.whole_times(share.pod, land, ctx)) else { return };
        if on_node == 0 || self.manner == Manner::Streams {
            return;
        }
        let part = move |past: &Past| (on_node as f64 / past.clients as f64).min(1.0);
        for zone in [Zone::Wire, Zone::Service] {
            self.befall(None, Fate::Lost(Loss::BlackHole), (zone, Group::delay(ctx)), time, &part, ledger, ctx);
        }
        self.silence_calls(node, ledger, ctx);
    }

    /// Nobody waits any longer for the answers to a client's requests.
    pub(super) fn abandon(&mut self, seat: Seat, land: &Land, ledger: &mut Ledger, ctx: &mut Ctx<'_>) {
        let Some(time) = self.shares.first().map(|share| self.whole_times(share.pod, land, ctx)) else { return };
        let part = |past: &Past| (1.0 / past.clients as f64).min(1.0);
        for zone in [Zone::Wire, Zone::Service] {
            let gone: u64 = self.thin((zone, Group::delay(ctx)), time, &part, ctx).iter().map(|flow| flow.count).sum();
            ledger.ok -= gone;
            ledger.abandoned += gone;
        }
        let gone = self.calls.abandon(seat);
        ledger.in_flight -= gone;
        ledger.abandoned += gone;
    }

    /// The run ends: what is under way is neither answered nor lost.
    fn leave_open(&mut self, land: &Land, ledger: &mut Ledger, ctx: &Ctx<'_>) {
        let mut pods: Vec<PodId> = self.past.iter().flat_map(|p| p.shares.iter().map(|share| share.pod)).collect();
        pods.sort_unstable();
        pods.dedup();
        for pod in pods {
            let time = self.whole_times(pod, land, ctx);
            let part = move |past: &Past| {
                past.shares.iter().filter(|share| share.pod == pod).map(|share| share.part).sum::<f64>()
            };
            for zone in [Zone::Wire, Zone::Service] {
                let open: u64 =
                    self.thin((zone, Group::delay(ctx)), time, &part, ctx).iter().map(|flow| flow.count).sum();
                ledger.ok -= open;
                ledger.in_flight += open;
            }
        }
        self.past.clear();
    }

    /// The run ends: the last totals.
    pub(super) fn close_books(&mut self, land: &Land, ledger: &mut Ledger, ctx: &Ctx<'_>) {
        self.set_outage(ledger, ctx.now);
        self.leave_open(land, ledger, ctx);
        ledger.exposed = self.exposure.length(ctx.now);
        let time = ServiceTime::new(ctx.spec.apps[self.end()].latency, true, ctx.spec.groups[self.id].timeout);
        let time = time.delayed(self.head(ctx));
        if self.manner != Manner::Streams && ledger.ok > 0 {
            let max = time.quantile(1.0 - 1.0 / ledger.ok as f64);
            ledger.latency = Latency { p50: time.quantile(0.5), p99: time.quantile(0.99), max };
        }
    }

    /// The requests of a zone, a `part` of each interval's, meet their fate.
    #[allow(clippy::too_many_arguments)]
    fn befall(
        &mut self,
        pod: Option<PodId>,
        fate: Fate,
        (zone, delay): (Zone, Span),
        time: ServiceTimes,
        part: &dyn Fn(&Past) -> f64,
        ledger: &mut Ledger,
        ctx: &mut Ctx<'_>,
    ) {
        if fate == Fate::Spared {
            return;
        }
        let flows = self.thin((zone, delay), time, part, ctx);
        let began = flows.iter().map(|flow| flow.from).min();
        let busy = flows.iter().any(|flow| flow.busy);
        for flow in flows {
            ledger.ok -= flow.count;
            match fate {
                Fate::Spared => ledger.ok += flow.count,
                Fate::Repeated => {
                    ledger.in_flight += flow.count;
                    self.retries.push(Flow { from: ctx.now, to: ctx.now, repeat: true, ..flow });
                }
                Fate::Lost(loss) => {
                    let since = match zone {
                        Zone::Wire => delay,
                        Zone::Service => time.when(flow.busy).longest() + delay,
                    };
                    let from = flow.from.max(ctx.now - since);
                    self.fail((pod, loss), Flow { from, ..flow }.as_noticed(ctx.now), ledger, ctx);
                }
            }
        }
        if let (Fate::Lost(loss), Some(began)) = (fate, began) {
            self.expose((pod, loss), began, (zone, delay), time.when(busy), ctx);
        }
    }

    /// Backward: requests sent within this time before now could be lost.
    fn expose(&mut self, peril: Peril, began: Time, (zone, delay): (Zone, Span), time: ServiceTime, ctx: &mut Ctx<'_>) {
        let reach = match zone {
            Zone::Wire => delay,
            Zone::Service => delay + time.typical(),
        };
        let from = began.max(ctx.now - reach);
        if from < ctx.now {
            self.exposure.add(from, ctx.now);
            let (pod, loss) = peril;
            ctx.note(Fact::Exposed { group: self.id, pod, loss, lasting: ctx.now.since(from) });
        }
    }

    /// Takes from the recent intervals those of a `part` of their requests that are in a zone now.
    fn thin(
        &mut self,
        (zone, delay): (Zone, Span),
        time: ServiceTimes,
        part: &dyn Fn(&Past) -> f64,
        ctx: &Ctx<'_>,
    ) -> Vec<Flow> {
        let mut draw: Draw = ctx.draw(Purpose::InFlight, self.name, self.cuts);
        self.cuts += 1;
        let mut taken = Vec::new();
        for past in self.past.iter_mut().rev() {
            let share = part(past) * share_in(zone, past.flow, ctx.now, delay, time.when(past.flow.busy));
            if share <= 0.0 {
                continue;
            }
            let of_left = if past.left > 0.0 { (share / past.left).min(1.0) } else { 0.0 };
            past.left = (past.left - share).max(0.0);
            let count = draw.binomial(past.flow.count, of_left);
            let mean = past.flow.mean * of_left;
            past.flow.count -= count;
            past.flow.mean -= mean;
            taken.push(Flow { count, mean, ..past.flow });
        }
        taken
    }

    fn strike_streams(&mut self, pod: PodId, blow: Blow, ledger: &mut Ledger, ctx: &mut Ctx<'_>) {
        let streams = self.streams(pod);
        let lost = match blow {
            Blow::Close => return,
            Blow::Cut | Blow::Vanish => streams,
            Blow::Announce | Blow::CloseTold => 0,
        };
        for client in &mut self.clients {
            client.pool.open.retain(|open| open.path.pod != pod);
        }
        ledger.in_flight -= streams;
        ledger.ok += streams - lost;
        if lost > 0 {
            let flow = Flow {
                from: ctx.now,
                to: ctx.now,
                count: lost,
                mean: lost as f64,
                tries: 0,
                repeat: false,
                busy: false,
            };
            self.fail((Some(pod), Loss::StreamDropped), flow, ledger, ctx);
            let lasting = Group::delay(ctx).max(Span::nanos(1));
            self.exposure.add(ctx.now - lasting, ctx.now);
            ctx.note(Fact::Exposed { group: self.id, pod: Some(pod), loss: Loss::StreamDropped, lasting });
        }
    }
}

impl Flow {
    /// The same tries, their clients knowing now that they failed.
    fn as_noticed(self, now: Time) -> Flow {
        if self.tries > 0 { Flow { from: now, to: now, ..self } } else { self }
    }
}

/// The share of a flow's requests that are in a zone now.
fn share_in(zone: Zone, flow: Flow, now: Time, delay: Span, time: ServiceTime) -> f64 {
    let young = now.since(flow.to);
    let old = now.since(flow.from).max(young + Span::nanos(1));
    let length = (old - young).as_secs_f64();
    match zone {
        Zone::Wire => (old.min(delay) - young.min(delay)).as_secs_f64() / length,
        Zone::Service => time.under_way(young - delay, old - delay) / length,
    }
}
