//! Measuring clients: open-loop requests to etcd members or API servers, each request an event, each end a fact.
//!
//! A probe is an instrument, present only where a scenario asks for it. Its loop is that of a script: start a request,
//! sleep, start the next, whatever has become of the first. It goes the way that real clients go: a put through Raft as
//! any proposal, an API write through load balancer, server and etcd. So it also loads what it measures: its entries
//! stand in etcd's log, its writes count among a server's requests in flight.

use std::collections::BTreeMap;

use crate::base::{IdVec, Name, Span, Time};
use crate::world::effects::{Ctx, Outcome};
use crate::world::event::Event;
use crate::world::fact::Fact;
use crate::world::ids::{MasterId, ProbeId, RequestId};
use crate::world::purpose::Purpose;
use crate::world::store::ApiError;

/// Ids of probes' requests begin here; those of the API's own clients count up from zero.
const FIRST_ID: u32 = 1 << 31;

/// Inside measuring clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeEvent {
    /// A probe's next request is due.
    Sends(ProbeId),
    /// A request reaches the process that it is for.
    Arrives(RequestId),
    /// A request fails before it has reached anybody.
    Fails {
        /// Which.
        request: RequestId,
        /// How.
        error: ApiError,
    },
    /// The oldest request of a probe may have waited as long as it may.
    TimesOut(ProbeId),
}

/// A request under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flight {
    /// Whose.
    pub probe: ProbeId,
    /// Whom it was sent to; `None`: to the load balancer.
    pub target: Option<MasterId>,
    /// The master whose process it has been connected to.
    pub server: Option<MasterId>,
    /// When it was sent.
    pub sent: Time,
    /// An API server counts it among its requests in flight.
    pub taken: bool,
    /// The name and ordinal of its draws.
    pub key: (Name, u64),
}

/// One probe.
#[derive(Clone, Debug)]
struct Client {
    name: Name,
    /// Requests so far: the ordinal of their draws.
    sent: u64,
    in_flight: u32,
    /// It is at its limit and sends when a request ends.
    waits: bool,
    /// The alarm of its oldest request is set.
    timed: bool,
}

/// All measuring clients.
#[derive(Clone, Debug, Default)]
pub struct Probes {
    clients: IdVec<ProbeId, Client>,
    /// By number, so in the order of sending.
    flights: BTreeMap<u32, Flight>,
    next: u32,
}

impl Probes {
    /// The probes of the scenario, with the alarms of their first requests set. A probe's phase has nothing to do with
    /// anybody else's.
    pub fn begin(ctx: &mut Ctx<'_>) -> Probes {
        let mut probes = Probes::default();
        for (probe, spec) in ctx.spec.probes.entries() {
            let name = Name::new("probe").with(Name::new(&spec.name));
            probes.clients.push(Client { name, sent: 0, in_flight: 0, waits: false, timed: false });
            let phase = ctx.draw(Purpose::Phase, name, 0).span_below(spec.interval);
            ctx.at(Time::ZERO + spec.from + phase, Event::Probe(ProbeEvent::Sends(probe)));
        }
        probes
    }

    /// Whether a request is a probe's.
    pub fn owns(&self, request: RequestId) -> bool {
        request.0 >= FIRST_ID
    }

    /// A request, unless it has ended.
    pub fn flight(&self, request: RequestId) -> Option<Flight> {
        self.flights.get(&request.0).copied()
    }

    /// A request is connected to this master's process; `taken`: the API server there works on it.
    pub fn goes_to(&mut self, request: RequestId, server: MasterId, taken: bool) {
        if let Some(flight) = self.flights.get_mut(&request.0) {
            flight.server = Some(server);
            flight.taken = taken;
        }
    }

    /// Requests under way that match, in the order of sending.
    pub fn matching(&self, wanted: impl Fn(&Flight) -> bool) -> Vec<RequestId> {
        self.flights.iter().filter(|(_, flight)| wanted(flight)).map(|(id, _)| RequestId(*id)).collect()
    }

    /// Requests of a probe to this target that are under way.
    pub fn in_flight(&self, probe: ProbeId, target: Option<MasterId>) -> u64 {
        self.flights.values().filter(|flight| flight.probe == probe && flight.target == target).count() as u64
    }

    /// One delay on the wire of a request: 0 there, 1 back.
    pub fn wire(flight: &Flight, leg: u64, ctx: &Ctx<'_>) -> Span {
        let (name, ordinal) = flight.key;
        ctx.spec.timings.network.sample(&mut ctx.draw(Purpose::Network, name.part(leg), ordinal))
    }

    /// A probe's turn: its new requests, none at its limit or after its end.
    pub fn sends(&mut self, probe: ProbeId, ctx: &mut Ctx<'_>) -> Vec<RequestId> {
        let spec = &ctx.spec.probes[probe];
        if spec.until.is_some_and(|until| ctx.now >= Time::ZERO + until) {
            return Vec::new();
        }
        let client = &mut self.clients[probe];
        client.waits = spec.in_flight_max.is_some_and(|max| client.in_flight >= max);
        if client.waits {
            return Vec::new();
        }
        let overhead = spec.overhead.sample(&mut ctx.draw(Purpose::ProbeOverhead, client.name, client.sent));
        ctx.after(spec.interval + overhead, Event::Probe(ProbeEvent::Sends(probe)));
        let sent = spec.targets(ctx.spec.control_plane.replicas).into_iter().map(|target| self.add(probe, target, ctx));
        let sent = sent.collect();
        self.times(probe, ctx);
        sent
    }

    fn add(&mut self, probe: ProbeId, target: Option<MasterId>, ctx: &Ctx<'_>) -> RequestId {
        let client = &mut self.clients[probe];
        let key = (client.name, client.sent);
        client.sent += 1;
        client.in_flight += 1;
        let id = FIRST_ID | self.next;
        self.next = (self.next + 1) & !FIRST_ID;
        self.flights.insert(id, Flight { probe, target, server: None, sent: ctx.now, taken: false, key });
        RequestId(id)
    }

    /// Sets the alarm of a probe's oldest request, unless it is set.
    fn times(&mut self, probe: ProbeId, ctx: &mut Ctx<'_>) {
        let oldest = self.flights.values().find(|flight| flight.probe == probe);
        let client = &mut self.clients[probe];
        if let Some(flight) = oldest.filter(|_| !client.timed) {
            client.timed = true;
            ctx.at(flight.sent + ctx.spec.probes[probe].timeout, Event::Probe(ProbeEvent::TimesOut(probe)));
        }
    }

    /// The alarm of a probe's oldest request: those that have waited long enough. The alarm of the next is set.
    pub fn overdue(&mut self, probe: ProbeId, ctx: &mut Ctx<'_>) -> Vec<RequestId> {
        let limit = ctx.spec.probes[probe].timeout;
        let due = |flight: &Flight| flight.probe == probe && flight.sent + limit <= ctx.now;
        let overdue = self.matching(due);
        self.clients[probe].timed = false;
        let rest = self.flights.values().find(|flight| flight.probe == probe && !due(flight));
        if let Some(at) = rest.map(|flight| flight.sent + limit) {
            self.clients[probe].timed = true;
            ctx.at(at, Event::Probe(ProbeEvent::TimesOut(probe)));
        }
        overdue
    }

    /// A request has ended; its client knows `back` from now. Returns it, unless it had ended before.
    pub fn ends(&mut self, request: RequestId, result: Outcome, back: Span, ctx: &mut Ctx<'_>) -> Option<Flight> {
        let flight = self.flights.remove(&request.0)?;
        let Flight { probe, target, sent, .. } = flight;
        let spec = &ctx.spec.probes[probe];
        let (mut result, mut took) = (result, ctx.now.since(sent) + back);
        if took > spec.timeout {
            (result, took) = (Err(ApiError::Timeout), spec.timeout);
        }
        ctx.note(Fact::Probed { probe, target, sent, result, took });
        let client = &mut self.clients[probe];
        client.in_flight -= 1;
        if client.waits {
            client.waits = false;
            ctx.after(Span::ZERO, Event::Probe(ProbeEvent::Sends(probe)));
        }
        Some(flight)
    }
}
