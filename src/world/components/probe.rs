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
        let (name, ordinal) = flight.key;
        let noted = spec.reaction.sample(&mut ctx.draw(Purpose::ProbeOverhead, name.part(1), ordinal));
        let (mut result, mut took) = (result, ctx.now.since(sent) + back + noted);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Dist;
    use crate::world::spec::{PlaneProbeSpec, ProbeKind, ProbeTarget};
    use crate::world::testkit::{Stage, small_spec};

    const ONLY: ProbeId = ProbeId(0);

    fn stage(change: impl FnOnce(&mut PlaneProbeSpec)) -> Stage {
        let mut probe = PlaneProbeSpec {
            name: "puts".to_owned(),
            kind: ProbeKind::EtcdPut,
            target: ProbeTarget::Master(MasterId(1)),
            interval: Span::millis(20),
            overhead: Dist::Fixed(Span::ZERO),
            reaction: Dist::Fixed(Span::ZERO),
            timeout: Span::millis(50),
            in_flight_max: None,
            from: Span::ZERO,
            until: Some(Span::millis(200)),
        };
        change(&mut probe);
        let mut spec = small_spec();
        spec.probes = [probe].into_iter().collect();
        Stage::new(spec, 1)
    }

    /// Runs all events; each request of which `ends` says so ends when it is sent, others wait for their time-out.
    fn run(stage: &mut Stage, ends: impl Fn(u64) -> bool) -> Vec<Fact> {
        let mut probes = Probes::begin(&mut stage.ctx());
        while let Some(popped) = stage.out.queue.pop() {
            stage.now = popped.at;
            let Event::Probe(event) = popped.event else { panic!("only probes are on this stage") };
            let mut ctx = stage.ctx();
            match event {
                ProbeEvent::Sends(probe) => {
                    for request in probes.sends(probe, &mut ctx) {
                        assert!(probes.owns(request) && probes.flight(request).is_some());
                        if ends(u64::from(request.0 - FIRST_ID)) {
                            probes.ends(request, Ok(()), Span::millis(1), &mut ctx);
                        }
                    }
                }
                ProbeEvent::TimesOut(probe) => {
                    for request in probes.overdue(probe, &mut ctx) {
                        probes.ends(request, Err(ApiError::Timeout), Span::ZERO, &mut ctx);
                    }
                }
                ProbeEvent::Arrives(_) | ProbeEvent::Fails { .. } => panic!("nothing is sent here"),
            }
        }
        assert_eq!(probes.in_flight(ONLY, Some(MasterId(1))), 0, "every request ends");
        std::mem::take(&mut stage.out.facts)
    }

    fn sent(facts: &[Fact]) -> Vec<Time> {
        let mut sent: Vec<Time> = facts
            .iter()
            .map(|fact| match *fact {
                Fact::Probed { sent, .. } => sent,
                _ => panic!("only probes are on this stage"),
            })
            .collect();
        sent.sort_unstable();
        sent
    }

    #[test]
    fn an_open_loop_keeps_its_pace_whatever_becomes_of_its_requests_and_each_ends_once() {
        let facts = run(&mut stage(|_| ()), |request| request % 3 != 0);
        let sent = sent(&facts);
        assert_eq!(sent.len(), 10);
        assert!(sent.windows(2).all(|pair| pair[1].since(pair[0]) == Span::millis(20)), "{sent:?}");
        for fact in facts {
            let Fact::Probed { result, took, .. } = fact else { panic!("{fact:?}") };
            assert_eq!(took, if result.is_ok() { Span::millis(1) } else { Span::millis(50) });
        }
    }

    #[test]
    fn what_starting_a_request_takes_slows_the_pace() {
        let facts = run(&mut stage(|probe| probe.overhead = Dist::Fixed(Span::millis(5))), |_| true);
        let sent = sent(&facts);
        assert_eq!(sent.len(), 8);
        assert!(sent.windows(2).all(|pair| pair[1].since(pair[0]) == Span::millis(25)), "{sent:?}");
    }

    #[test]
    fn at_its_limit_a_probe_sends_when_a_request_ends() {
        let facts = run(&mut stage(|probe| probe.in_flight_max = Some(1)), |_| false);
        let sent = sent(&facts);
        assert!(sent.windows(2).all(|pair| pair[1].since(pair[0]) == Span::millis(50)), "{sent:?}");
        assert_eq!(sent.len(), 4);
    }

    #[test]
    fn each_member_is_asked_at_the_same_moment() {
        let facts = run(&mut stage(|probe| probe.target = ProbeTarget::EachMember), |_| true);
        let sent = sent(&facts);
        assert_eq!(sent.len(), 30);
        assert!(sent.chunks(3).all(|turn| turn[0] == turn[2]), "{sent:?}");
    }

    #[test]
    fn an_answer_after_the_time_out_is_none() {
        let mut stage = stage(|probe| probe.reaction = Dist::Fixed(Span::millis(60)));
        let facts = run(&mut stage, |_| true);
        let late = |fact: &Fact| matches!(fact, Fact::Probed { result: Err(ApiError::Timeout), took, .. } if *took == Span::millis(50));
        assert!(facts.iter().all(late), "{facts:?}");
    }
}
