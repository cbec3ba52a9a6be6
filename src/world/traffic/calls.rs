//! Requests held one by one: where they queue, where retries have a budget, and as the oracle of the counts.

use std::collections::{BTreeMap, VecDeque};

use super::TrafficEvent;
use super::cuts::{Blow, Fate, Zone, fate};
use super::exposure::Peril;
use super::groups::{Group, Manner, Seat};
use super::land::Land;
use super::last_used::Got;
use super::ledger::Ledger;
use super::picks::Path;
use super::service_time::law;
use super::settle::notice_after;
use crate::base::{Ratio, Span, Time};
use crate::engine::{Draw, Timer};
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::fact::{Fact, Loss};
use crate::world::ids::{GroupId, NodeId, PodId};
use crate::world::purpose::Purpose;
use crate::world::spec::Connections;

/// A group's requests that are under way or wait for their retry.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    all: Vec<Slab>,
    free: Vec<u32>,
    /// Requests ever sent; keys their draws.
    sent: u64,
    /// Requests sent since the rate changed.
    since_turn: u64,
    /// Retries ever made.
    retried: u64,
    alarm: Timer,
    armed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Slab {
    generation: u32,
    call: Option<Call>,
}

/// One request.
#[derive(Clone, Copy, Debug)]
struct Call {
    number: u64,
    seat: Seat,
    begun: Time,
    tries: u32,
    state: State,
    /// The pod of the tier in front that it passes.
    front: Option<PodId>,
    /// The connection that it holds, which goes back to a pool without limit.
    path: Option<Path>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A pod works on it.
    Served(PodId),
    /// It waits in a pod's queue.
    Queued(PodId),
    /// It waits for its connection to open, which it will not do, or for one that comes free.
    Opening(Option<PodId>),
    /// It waits for its retry.
    Failed,
}

/// A call by name: which group's, where, and which use of that place.
pub(super) type CallId = (GroupId, u32, u32);

/// A pod that works on a limited number of requests at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Desk {
    pub(super) busy: u32,
    queue: VecDeque<CallId>,
}

/// The desks of all pods with a limit.
pub(super) type Desks = BTreeMap<PodId, Desk>;

impl Calls {
    fn put(&mut self, call: Call) -> (u32, u32) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.all.push(Slab { generation: 0, call: None });
            self.all.len() as u32 - 1
        });
        let slab = &mut self.all[place as usize];
        slab.generation = slab.generation.wrapping_add(1);
        slab.call = Some(call);
        (place, slab.generation)
    }
    fn get(&self, place: u32, generation: u32) -> Option<Call> {
        self.all.get(place as usize).filter(|slab| slab.generation == generation).and_then(|slab| slab.call)
    }
    fn remove(&mut self, place: u32) {
        let slab = &mut self.all[place as usize];
        slab.call = None;
        slab.generation = slab.generation.wrapping_add(1);
        self.free.push(place);
    }
    fn take_where(&mut self, taken: impl Fn(&Call) -> bool) -> Vec<Call> {
        let of = |slab: &Slab| slab.call.filter(|call| taken(call));
        let found: Vec<(u32, Call)> =
            self.all.iter().enumerate().filter_map(|(place, slab)| Some((place as u32, of(slab)?))).collect();
        found.iter().for_each(|(place, _)| self.remove(*place));
        found.into_iter().map(|(_, call)| call).collect()
    }
    /// Whether a pod has one of them.
    pub(super) fn any_at(&self, pod: PodId) -> bool {
        let at = |call: &Call| match call.state {
            State::Served(on) | State::Queued(on) | State::Opening(Some(on)) if on == pod => true,
            State::Failed => false,
            State::Served(_) | State::Queued(_) | State::Opening(_) => call.front == Some(pod),
        };
        self.all.iter().any(|slab| slab.call.as_ref().is_some_and(at))
    }
    /// Whether some request of a client holds a connection.
    fn holds(&self, seat: Seat) -> bool {
        let holds = |call: &Call| call.seat == seat && call.path.is_some() && call.state != State::Failed;
        self.all.iter().any(|slab| slab.call.as_ref().is_some_and(holds))
    }
    /// The oldest of a client's requests that waits for its connection to open.
    fn take_opening(&mut self, seat: Seat) -> Option<Call> {
        let opening = |slab: &Slab| slab.call.filter(|it| it.seat == seat && matches!(it.state, State::Opening(_)));
        let found = self.all.iter().enumerate().filter_map(|(place, slab)| Some((opening(slab)?, place as u32)));
        let (call, place) = found.min_by_key(|(call, _)| call.number)?;
        self.remove(place);
        Some(call)
    }
    /// Forgets a client's calls; their number.
    pub(super) fn abandon(&mut self, seat: Seat) -> u64 {
        self.take_where(|call| call.seat == seat).len() as u64
    }
}

impl Group {
    /// Sees to it that requests come, if they are held one by one.
    pub(super) fn start_calls(&mut self, ctx: &mut Ctx<'_>) {
        if self.manner == Manner::Calls && !self.calls.armed {
            self.next_call(ctx);
        }
    }
    /// The rate has changed.
    pub(super) fn turn_calls(&mut self, ctx: &mut Ctx<'_>) {
        if self.manner == Manner::Calls {
            self.calls.since_turn = 0;
            self.next_call(ctx);
        }
    }
    fn next_call(&mut self, ctx: &mut Ctx<'_>) {
        let mut draw = ctx.draw(Purpose::Arrivals, self.name, self.calls.sent + 1);
        let arrivals = ctx.spec.groups[self.id].arrivals;
        let next = self.clock.next(arrivals, ctx.now, self.calls.since_turn, &mut draw);
        self.calls.armed = next.is_some();
        let generation = self.calls.alarm.arm();
        if let Some(at) = next {
            ctx.at(at, Event::Traffic(TrafficEvent::Arrives { group: self.id, generation }));
        }
    }

    /// A request is sent.
    pub(super) fn arrive(
        &mut self,
        generation: crate::engine::Generation,
        (land, desks): (&Land, &mut Desks),
        ledger: &mut Ledger,
        ctx: &mut Ctx<'_>,
    ) {
        if !self.calls.alarm.is_current(generation) {
            return;
        }
        self.calls.sent += 1;
        self.calls.since_turn += 1;
        let number = self.calls.sent;
        self.next_call(ctx);
        if self.clients.is_empty() {
            return;
        }
        ledger.sent += 1;
        ledger.in_flight += 1;
        self.attempt(number, ctx.spec.groups[self.id].retries, (land, desks), ledger, ctx);
    }

    /// One try of a request that is counted as in flight.
    fn attempt(
        &mut self,
        number: u64,
        tries: u32,
        (land, desks): (&Land, &mut Desks),
        ledger: &mut Ledger,
        ctx: &mut Ctx<'_>,
    ) {
        self.stand(land, ctx);
        ledger.attempts += 1;
        let mut draw = ctx.draw(Purpose::Outcomes, self.name.part(u64::from(tries)), number);
        let place = draw.below(self.clients.len() as u64) as usize;
        let idempotent = ctx.spec.groups[self.id].idempotent;
        let connects = self.connects(ctx);
        let client = &mut self.clients[place];
        let picks = client.picks_between(ctx.now, ctx.now + SAMPLING, land).into_owned();
        let seat = client.seat;
        // Connections of other manners are not held by calls: no need to look through all of them.
        let last_used = ctx.spec.groups[self.id].connections == Connections::LastUsed;
        let holds = last_used && self.calls.holds(seat);
        let (got, chance) = client.pool.take_one(&picks, land, (idempotent, holds), &mut draw);
        if let (Got::Lost((Some(pod), Loss::BlackHole)) | Got::Waits((Some(pod), _)), Some(_)) = (got, seat.node()) {
            client.stale.add_one(pod, ctx.now, connects);
        }
        self.count(place, land, ctx);
        self.share_out(land);
        if tries == 0 {
            ledger.expected_lost += chance + (1.0 - chance) * self.lost_beyond();
        }
        let call = Call { number, seat, begun: ctx.now, tries, state: State::Failed, front: None, path: None };
        match got {
            Got::Lost(peril) => self.call_fails(peril, call, ledger, ctx),
            Got::Served(path) => match self.end_of(path.pod, land, &mut draw) {
                Err(peril) => self.call_fails(peril, call, ledger, ctx),
                Ok(pod) => self.begin_service((path, pod), call, (land, desks), ledger, ctx),
            },
            Got::Waits((pod, _)) => {
                let (place, generation) = self.calls.put(Call { state: State::Opening(pod), ..call });
                let timeout = ctx.spec.groups[self.id].timeout;
                let gives_up = TrafficEvent::GivesUp { group: self.id, call: place, generation };
                ctx.after(timeout, Event::Traffic(gives_up));
            }
        }
    }

    /// Connections that each client opens a second, but for kept-alive ones, which are few.
    fn connects(&self, ctx: &Ctx<'_>) -> f64 {
        match ctx.spec.groups[self.id].connections {
            Connections::New => self.clock.rate.as_f64() / self.clients.len() as f64,
            Connections::KeptAlive { .. } | Connections::LastUsed | Connections::Stream { .. } => 0.0,
        }
    }

    fn begin_service(
        &mut self,
        (path, pod): (Path, PodId),
        call: Call,
        (land, desks): (&Land, &mut Desks),
        ledger: &mut Ledger,
        ctx: &mut Ctx<'_>,
    ) {
        let spec = &ctx.spec.groups[self.id];
        let timeout = spec.timeout;
        let front = self.tier.is_some().then_some(path.pod);
        let call = Call { path: (spec.connections == Connections::LastUsed).then_some(path), front, ..call };
        let Some(limit) = ctx.spec.apps[self.end()].concurrency else {
            let lasting = self.sample_service(pod, call, land, ctx) + self.head(ctx);
            if lasting > timeout {
                ledger.in_flight -= 1;
                ledger.abandoned += 1;
                return;
            }
            let (place, generation) = self.calls.put(Call { state: State::Served(pod), ..call });
            let answered = TrafficEvent::Answered { group: self.id, call: place, generation };
            return ctx.after(lasting + Group::delay(ctx), Event::Traffic(answered));
        };
        let (place, generation) = self.calls.put(Call { state: State::Queued(pod), ..call });
        ctx.after(timeout, Event::Traffic(TrafficEvent::GivesUp { group: self.id, call: place, generation }));
        let desk = desks.entry(pod).or_default();
        if desk.busy < limit.max(1) {
            desk.busy += 1;
            self.work(pod, place, generation, land, ctx);
        } else {
            desk.queue.push_back((self.id, place, generation));
        }
    }
    fn sample_service(&self, pod: PodId, call: Call, land: &Land, ctx: &Ctx<'_>) -> Span {
        let mut draw: Draw = ctx.draw(Purpose::ServiceTime, self.name.part(u64::from(call.tries)), call.number);
        let lasting = law(&ctx.spec.apps[self.end()], land.works).sample(&mut draw);
        let process = &land.pods[pod];
        lasting * (u64::from(land.sort(pod).slower) * if process.is_warm() { 1 } else { 2 })
    }
    /// A pod begins to work on a call; false if nobody waits for it any more.
    pub(super) fn work(&mut self, pod: PodId, place: u32, generation: u32, land: &Land, ctx: &mut Ctx<'_>) -> bool {
        let Some(call) = self.calls.get(place, generation) else { return false };
        let lasting = self.sample_service(pod, call, land, ctx);
        let in_time = ctx.now + lasting < call.begun + ctx.spec.groups[self.id].timeout;
        if let Some(slab) = self.calls.all.get_mut(place as usize)
            && (in_time || call.begun == ctx.now)
        {
            slab.call = Some(Call { state: State::Served(pod), ..call });
        }
        if in_time {
            let answered = TrafficEvent::Answered { group: self.id, call: place, generation };
            ctx.after(lasting, Event::Traffic(answered));
        }
        let process = land.pods[pod].number();
        ctx.after(lasting, Event::Traffic(TrafficEvent::Frees { pod, process }));
        true
    }

    /// A call is answered, and its connection is free.
    pub(super) fn answered(
        &mut self,
        place: u32,
        generation: u32,
        (land, desks): (&Land, &mut Desks),
        ledger: &mut Ledger,
        ctx: &mut Ctx<'_>,
    ) {
        let Some(call) = self.calls.get(place, generation) else { return };
        self.calls.remove(place);
        ledger.in_flight -= 1;
        ledger.ok += 1;
        let (Some(path), Ok(client)) = (call.path, self.place_of(call.seat)) else { return };
        if !self.clients[client].pool.give_back(path, land) {
            return;
        }
        if let Some(waiting) = self.calls.take_opening(call.seat)
            && let Some(path) = self.clients[client].pool.take_back()
        {
            let name = self.name.part(u64::from(waiting.tries)).part(1);
            let mut draw = ctx.draw(Purpose::Outcomes, name, waiting.number);
            return match self.end_of(path.pod, land, &mut draw) {
                Ok(pod) => self.begin_service((path, pod), waiting, (land, desks), ledger, ctx),
                Err(peril) => self.call_fails(peril, waiting, ledger, ctx),
            };
        }
        self.count(client, land, ctx);
    }
    /// A call's time is over: it has queued for too long, or is slow by itself.
    pub(super) fn gives_up(&mut self, place: u32, generation: u32, ledger: &mut Ledger, ctx: &mut Ctx<'_>) {
        let Some(call) = self.calls.get(place, generation) else { return };
        self.calls.remove(place);
        match call.state {
            State::Queued(pod) => {
                // Which queues grow too long is the rate's doing; exposure to it is what was lived through.
                self.exposure.add(call.begun, ctx.now);
                let (group, lasting) = (self.id, ctx.now.since(call.begun));
                ctx.note(Fact::Exposed { group, pod: Some(pod), loss: Loss::Overload, lasting });
                if call.tries == 0 {
                    ledger.expected_lost += 1.0;
                }
                self.call_fails((Some(pod), Loss::Overload), call, ledger, ctx);
            }
            State::Opening(pod) => {
                if call.tries == 0 {
                    ledger.expected_lost += 1.0;
                }
                self.call_fails((pod, Loss::BlackHole), call, ledger, ctx);
            }
            State::Served(_) | State::Failed => {
                ledger.in_flight -= 1;
                ledger.abandoned += 1;
            }
        }
    }
    /// A call is tried again.
    pub(super) fn retry(
        &mut self,
        place: u32,
        generation: u32,
        (land, desks): (&Land, &mut Desks),
        ledger: &mut Ledger,
        ctx: &mut Ctx<'_>,
    ) {
        let Some(call) = self.calls.get(place, generation) else { return };
        if self.clients.is_empty() {
            return;
        }
        self.calls.remove(place);
        self.attempt(call.number, call.tries, (land, desks), ledger, ctx);
    }

    /// A try has failed: it is made again later, or the request is lost.
    fn call_fails(&mut self, peril: Peril, call: Call, ledger: &mut Ledger, ctx: &mut Ctx<'_>) {
        let spec = &ctx.spec.groups[self.id];
        let (pod, loss) = peril;
        if call.tries > 0 && within(spec.retry_budget, self.calls.retried, self.calls.sent) {
            self.calls.retried += 1;
            // Who has queued for the whole time-out knows already.
            let known = if loss == Loss::Overload { Span::ZERO } else { notice_after(loss, spec.timeout) };
            let wait = known + spec.retry_backoff;
            let again = Call { tries: call.tries - 1, state: State::Failed, ..call };
            let (place, generation) = self.calls.put(again);
            let retries = TrafficEvent::Retries { group: self.id, call: place, generation };
            return ctx.after(wait, Event::Traffic(retries));
        }
        if call.tries > 0 {
            ledger.expected_lost += 1.0;
        }
        ledger.in_flight -= 1;
        ledger.lost[loss as usize] += 1;
        ctx.note(Fact::RequestsLost { group: self.id, pod, loss, count: 1, since: call.begun });
    }

    /// A blow by a pod meets the calls that it has. What it costs on average is what it costs.
    pub(super) fn strike_calls(&mut self, pod: PodId, blow: Blow, ledger: &mut Ledger, ctx: &mut Ctx<'_>) {
        let spec = &ctx.spec.groups[self.id];
        let (delay, now, tier) = (Group::delay(ctx), ctx.now, self.tier.clone());
        let fate_of = |call: &Call| {
            let zone = |delay| if now.since(call.begun) < delay { Zone::Wire } else { Zone::Service };
            match &tier {
                Some(tier) if call.front != Some(pod) => tier.fate(blow, zone(tier.reaches_after), spec.idempotent),
                Some(_) | None => fate(blow, zone(delay), spec.connections, spec.idempotent),
            }
        };
        let front = |call: &Call| call.front == Some(pod) && call.state != State::Failed;
        let here = |call: &Call| match call.state {
            State::Served(on) | State::Queued(on) => on == pod,
            State::Opening(_) | State::Failed => false,
        };
        for call in self.calls.take_where(|call| (here(call) || front(call)) && fate_of(call) != Fate::Spared) {
            match fate_of(&call) {
                Fate::Spared => {}
                Fate::Repeated => {
                    let (place, generation) = self.calls.put(Call { state: State::Failed, ..call });
                    ledger.attempts -= 1;
                    let again = TrafficEvent::Retries { group: self.id, call: place, generation };
                    ctx.after(Span::ZERO, Event::Traffic(again));
                }
                Fate::Lost(loss) => {
                    if call.tries == 0 {
                        ledger.expected_lost += 1.0;
                    }
                    self.call_fails((Some(pod), loss), call, ledger, ctx);
                }
            }
        }
    }
    /// A client's calls get no answer any more.
    pub(super) fn silence_calls(&mut self, node: NodeId, ledger: &mut Ledger, ctx: &mut Ctx<'_>) {
        for call in self.calls.take_where(|call| call.seat.node() == Some(node) && call.state != State::Failed) {
            if call.tries == 0 {
                ledger.expected_lost += 1.0;
            }
            self.call_fails((None, Loss::BlackHole), call, ledger, ctx);
        }
    }
    /// The next call in a pod's queue.
    pub(super) fn next_in_queue(desks: &mut Desks, pod: PodId) -> Option<CallId> {
        desks.get_mut(&pod)?.queue.pop_front()
    }
}

/// Over which stale entries are averaged for one request.
const SAMPLING: Span = Span::millis(10);

/// Whether one more retry keeps within a share of the requests.
fn within(budget: Option<Ratio>, retried: u64, sent: u64) -> bool {
    budget.is_none_or(|share| u128::from(retried + 1) * 1_000_000 <= u128::from(sent) * u128::from(share.ppm()))
}
