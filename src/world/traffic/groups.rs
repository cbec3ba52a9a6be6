//! A client group: who its clients are, what they can meet, what they hold.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use super::TrafficEvent;
use super::arrivals::Clock;
use super::busy::Busy;
use super::calls::Calls;
use super::connections::Pool;
use super::conntrack::Stale;
use super::exposure::{Exposure, Peril};
use super::fronts::Tier;
use super::land::{Land, Life};
use super::ledger::Ledger;
use super::picks::Picks;
use super::service_time::ServiceTimes;
use super::settle::{Flow, Past};
use super::tally::{Part, Tally};
use super::view::Views;
use crate::base::{Name, Rate, Span, Time};
use crate::engine::Timer;
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::ids::{AppId, GroupId, NodeId, PodId};
use crate::world::purpose::Purpose;
use crate::world::spec::{Connections, GroupSpec, Place, Settling};
use crate::world::targets::Target;

/// A client group in a run.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) id: GroupId,
    pub(super) name: Name,
    /// The app that its clients connect to: the one that it asks, or the tier in front of it.
    pub(super) app: AppId,
    /// The tier that its requests pass.
    pub(super) tier: Option<Box<Tier>>,
    pub(super) manner: Manner,
    /// Clients in order of their seats, each with the same share of the rate.
    pub(super) clients: Vec<Client>,
    pub(super) clock: Clock,
    /// All requests sent before are settled.
    pub(super) settled: Time,
    /// Intervals settled; keys their draws.
    pub(super) interval: u64,
    /// Cuts suffered; keys their draws.
    pub(super) cuts: u64,
    /// Where answered requests go now.
    pub(super) shares: Arc<[Share]>,
    /// The ways to be lost after the pick, as shares of what the picks bring to pods.
    pub(super) beyond: Arc<[(Peril, f64)]>,
    /// What all clients meet, added up.
    pub(super) tally: Tally,
    /// The clients have what stood before the run.
    stood: bool,
    /// What pools without a limit follow: for which rate and number of clients, with processors at rest or at
    /// work, and the law.
    need: Option<((Rate, usize, bool), Arc<Busy>)>,
    /// Requests sent over kept-alive connections, and their mean.
    pub(super) sent: (u64, f64),
    /// Answered requests that may still be under way.
    pub(super) past: VecDeque<Past>,
    /// Failed tries that wait for their retry.
    pub(super) retries: Vec<Flow>,
    /// The longest time from sending a request to its answer.
    pub(super) reach: Span,
    /// The share of requests that clients give up: from a pod that warms up, and from a warm one; processors at rest,
    /// and at work.
    pub(super) given_up: [[f64; 2]; 2],
    pub(super) exposure: Exposure,
    /// Since when every request fails.
    outage: Option<Time>,
    pub(super) calls: Calls,
    stale_alarm: Timer,
}

/// How a group's requests are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// As counts per interval.
    Counts,
    /// One by one.
    Calls,
    /// Long streams.
    Streams,
}

/// Where a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Seat {
    Node(NodeId),
    Pod(PodId, NodeId),
    Outside,
}

/// One client of a group.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) seat: Seat,
    name: Name,
    pub(super) picks: Picks,
    /// The pods among its picks that nobody answers for, with their shares.
    pub(super) holes: Arc<[(PodId, f64)]>,
    pub(super) pool: Pool,
    pub(super) stale: Stale,
    /// The state of `stale` that its part was last counted with.
    counted: u64,
    /// What it adds to the group's tally.
    part: Part,
    /// What the group had sent when this client's pool was last brought up to date, while it opens connections again.
    mark: (u64, f64),
}

/// The share of a group's answered requests that goes to a pod, by the load balancer's target if there is one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    pub(super) target: Option<NodeId>,
    /// The pod of the tier in front that they pass.
    pub(super) front: Option<PodId>,
    pub(super) pod: PodId,
    pub(super) part: f64,
}

impl Share {
    /// Whether these requests pass a pod, or are answered by it.
    pub(super) fn passes(&self, pod: PodId) -> bool {
        self.pod == pod || self.front == Some(pod)
    }
}

impl Seat {
    pub(super) fn node(self) -> Option<NodeId> {
        match self {
            Seat::Node(node) | Seat::Pod(_, node) => Some(node),
            Seat::Outside => None,
        }
    }
}

impl Client {
    /// Whether it opens connections again, and cannot lose a request meanwhile.
    pub(super) fn refills(&self) -> bool {
        self.part.refills
    }
    /// What the group has sent since this was asked last, and its mean.
    pub(super) fn since_mark(&mut self, sent: (u64, f64)) -> (u64, f64) {
        let (count, mean) = std::mem::replace(&mut self.mark, sent);
        (sent.0 - count, sent.1 - mean)
    }
    /// What its connections meet that are opened from `from` to `to`.
    pub(super) fn picks_between(&self, from: Time, to: Time, land: &Land) -> Cow<'_, Picks> {
        let Some(node) = self.seat.node() else { return Cow::Borrowed(&self.picks) };
        let met = self.stale.shares(from, to);
        match met.is_empty() {
            true => Cow::Borrowed(&self.picks),
            false => Cow::Owned(self.picks.with_stale(&met, node, land)),
        }
    }
}

impl Group {
    pub(super) fn new(id: GroupId, ctx: &mut Ctx<'_>) -> Group {
        let spec = &ctx.spec.groups[id];
        let app = &ctx.spec.apps[spec.app];
        let name = Name::new(&app.name).with(Name::new(&spec.name));
        let tier = spec.via.map(|front| Box::new(Tier::new(front, spec.app, spec.timeout, ctx)));
        let delay = Group::delay(ctx);
        let head = tier.as_ref().map_or(Span::ZERO, |tier| tier.adds(delay));
        let time = |warm| ServiceTimes::new(app, warm, spec.timeout).delayed(head);
        let group = Group {
            id,
            name,
            app: spec.via.unwrap_or(spec.app),
            tier,
            manner: manner(spec, app.concurrency.is_some()),
            clients: Vec::new(),
            clock: Clock::new(spec, name, ctx.draws, ctx.now),
            settled: ctx.now,
            interval: 0,
            cuts: 0,
            shares: Arc::new([]),
            beyond: Arc::new([]),
            tally: Tally::default(),
            stood: false,
            need: None,
            sent: (0, 0.0),
            past: VecDeque::new(),
            retries: Vec::new(),
            reach: time(app.warm_up.is_zero()).slowed(app.flaw.slower).longest() + delay,
            given_up: [false, true].map(|work| [false, true].map(|warm| time(warm).when(work).too_long())),
            exposure: Exposure::default(),
            outage: None,
            calls: Calls::default(),
            stale_alarm: Timer::default(),
        };
        if let Some(at) = spec.next_change(ctx.now) {
            ctx.at(at, Event::Traffic(TrafficEvent::RateTurns { group: id }));
        }
        group
    }

    /// Whether a change of this pod matters to it.
    pub(super) fn sees(&self, pod: PodId) -> bool {
        self.past.iter().any(|past| past.shares.iter().any(|share| share.passes(pod)))
            || self.clients.iter().any(|client| {
                client.picks.names(pod)
                    || client.pool.open.iter().any(|open| open.path.pod == pod)
                    || client.stale.leads_to(pod)
            })
            || self.tier.as_ref().is_some_and(|tier| tier.names(pod))
            || self.calls.any_at(pod)
    }
    /// Whether what a machine with these pods loses or gains can matter to it.
    pub(super) fn minds_host(&self, node: NodeId, pods: &[PodId], land: &Land, ctx: &Ctx<'_>) -> bool {
        let place = match ctx.spec.groups[self.id].place {
            Place::Outside => true,
            Place::Pool(pool) => land.is_of(node, pool),
            Place::App(_) => false,
        };
        place
            || self.tier.is_some()
            || self.manner == Manner::Streams
            || self.clients.iter().any(|client| client.seat.node() == Some(node))
            || pods.iter().any(|pod| self.asks(land.app(*pod)) && self.sees(*pod))
    }
    /// Whether its requests go to pods of this app, at the end of their way or on it.
    pub(super) fn asks(&self, app: AppId) -> bool {
        self.app == app || self.end() == app
    }
    /// The app whose pods answer.
    pub(super) fn end(&self) -> AppId {
        self.tier.as_ref().map_or(self.app, |tier| tier.end)
    }
    /// What passing a tier adds to a request's time.
    pub(super) fn head(&self, ctx: &Ctx<'_>) -> Span {
        self.tier.as_ref().map_or(Span::ZERO, |tier| tier.adds(Group::delay(ctx)))
    }
    /// Looks at the cluster anew, after everything up to now was settled. Where only node `at` has changed, or its
    /// rules, clients of other nodes find what they found before.
    pub(super) fn refresh(
        &mut self,
        at: Option<NodeId>,
        land: &Land,
        views: &mut Views,
        ledger: &mut Ledger,
        ctx: &mut Ctx<'_>,
    ) {
        let changed = match at {
            Some(node) => {
                self.enlist_at(node, land, views, ledger, ctx);
                self.places_at(node)
            }
            None => {
                self.enlist(land, views, ledger, ctx);
                (0..self.clients.len()).collect()
            }
        };
        let changed =
            if self.stood && self.learn_need(land, ctx) { (0..self.clients.len()).collect() } else { changed };
        let app = self.app;
        for place in changed.iter().copied() {
            let client = &mut self.clients[place];
            client.picks = match client.seat {
                Seat::Node(node) | Seat::Pod(_, node) => Picks::from_node(node, app, views, land),
                Seat::Outside => Picks::from_outside(app, views, land, ctx),
            };
            client.holes = client.picks.holes();
            if ctx.now == Time::ZERO && self.manner != Manner::Streams {
                let mut draw = ctx.draws.at(Purpose::Placement as u16, self.name.with(client.name), 0);
                client.pool.stand(&client.picks, land, &mut draw);
            }
        }
        if self.manner == Manner::Streams {
            self.reopen_streams(land, ledger, ctx);
        }
        for place in changed {
            self.count(place, land, ctx);
        }
        self.arm_stale(ctx);
        self.count_restless(land, ctx);
        if let Some(tier) = &mut self.tier {
            tier.look(&self.clients, self.id, land, views, ctx);
        }
        self.share_out(land);
        self.exposure.set(self.id, self.perils(), ctx.now, &mut ctx.out.facts);
        self.set_outage(ledger, ctx.now);
        self.start_calls(ctx);
    }
    /// Pools without a limit follow the rate of each client and the time of a request; whether the need is another now.
    fn learn_need(&mut self, land: &Land, ctx: &Ctx<'_>) -> bool {
        let spec = &ctx.spec.groups[self.id];
        if spec.connections != Connections::LastUsed {
            return false;
        }
        let of = (self.clock.rate, self.clients.len(), land.works);
        if self.need.as_ref().is_some_and(|(known, _)| *known == of) {
            return false;
        }
        let time = ServiceTimes::new(&ctx.spec.apps[self.end()], true, spec.timeout).when(land.works);
        let time = time.delayed(self.head(ctx));
        let busy = Arc::new(Busy::new(spec.arrivals, of.0, of.1, time, Group::delay(ctx)));
        self.clients.iter_mut().for_each(|client| client.pool.busy = Some(busy.clone()));
        self.need = Some((of, busy));
        true
    }
    /// Connections of pools without a limit that stood before the run, opened when all clients are known.
    pub(super) fn stand(&mut self, land: &Land, ctx: &Ctx<'_>) {
        if std::mem::replace(&mut self.stood, true) || !self.learn_need(land, ctx) {
            return;
        }
        for client in &mut self.clients {
            let mut draw = ctx.draws.at(Purpose::Placement as u16, self.name.with(client.name), 0);
            client.pool.stand(&client.picks, land, &mut draw);
        }
        for place in 0..self.clients.len() {
            self.count(place, land, ctx);
        }
        self.share_out(land);
    }
    /// The rate, or the time that requests take, is another than it was.
    pub(super) fn follow_need(&mut self, land: &Land, ctx: &Ctx<'_>) {
        if self.stood && self.learn_need(land, ctx) {
            for place in 0..self.clients.len() {
                self.count(place, land, ctx);
            }
            self.share_out(land);
        }
    }
    /// The clients that what has changed at a node concerns.
    fn places_at(&self, node: NodeId) -> Vec<usize> {
        if let Ok(place) = self.place_of(Seat::Node(node)) {
            return vec![place];
        }
        let concerned = |client: &Client| match client.seat {
            Seat::Node(_) => false,
            Seat::Pod(_, on) => on == node,
            Seat::Outside => true,
        };
        if matches!(self.clients.first(), Some(Client { seat: Seat::Node(_), .. })) {
            return Vec::new();
        }
        (0..self.clients.len()).filter(|place| concerned(&self.clients[*place])).collect()
    }
    /// A client's place, or where it would be.
    pub(super) fn place_of(&self, seat: Seat) -> Result<usize, usize> {
        self.clients.binary_search_by_key(&seat, |client| client.seat)
    }
    /// Counts a client's part as it is now.
    pub(super) fn count(&mut self, place: usize, land: &Land, ctx: &Ctx<'_>) {
        let client = &mut self.clients[place];
        let part = Part::of(client, self.manner, ctx.spec.groups[self.id].idempotent, land);
        self.tally.replace(client.seat, &client.part, &part);
        if part.refills && !client.part.refills {
            client.mark = self.sent;
        }
        client.part = part;
        client.counted = client.stale.version();
    }
    /// Counts the parts anew of the clients whose entries of connection tracking lead elsewhere by now. What requests do
    /// to a pool is counted with them, unless they are held one by one.
    fn count_restless(&mut self, land: &Land, ctx: &Ctx<'_>) {
        for seat in self.tally.restless() {
            let Ok(place) = self.place_of(seat) else { continue };
            let client = &self.clients[place];
            if self.manner == Manner::Calls || client.counted != client.stale.version() {
                self.count(place, land, ctx);
            }
        }
    }

    /// Follows who the clients are.
    fn enlist(&mut self, land: &Land, views: &mut Views, ledger: &mut Ledger, ctx: &mut Ctx<'_>) {
        let mut seats = self.seats(land, views, ctx);
        seats.sort_unstable();
        let here = self.clients.iter().map(|client| client.seat);
        let gone: Vec<Seat> = here.filter(|seat| seats.binary_search(seat).is_err()).collect();
        for seat in gone {
            self.dismiss(seat, land, ledger, ctx);
        }
        for seat in seats {
            self.admit(seat, land, ctx);
        }
    }
    /// Follows whether a node's client is one.
    fn enlist_at(&mut self, node: NodeId, land: &Land, views: &mut Views, ledger: &mut Ledger, ctx: &mut Ctx<'_>) {
        match ctx.spec.groups[self.id].place {
            Place::Pool(pool) => {
                if land.runs_in(node, pool) && self.has_rules(node, views, ctx) {
                    self.admit(Seat::Node(node), land, ctx);
                } else {
                    self.dismiss(Seat::Node(node), land, ledger, ctx);
                }
            }
            // Who stands in an app's pods or outside does not depend on a node's rules.
            Place::App(_) | Place::Outside => {}
        }
    }
    fn admit(&mut self, seat: Seat, land: &Land, ctx: &Ctx<'_>) {
        let Err(place) = self.place_of(seat) else { return };
        let name = match seat {
            Seat::Node(node) => land.machine_name(node),
            Seat::Pod(pod, _) => ctx.store.pods().name(pod),
            Seat::Outside => Name::new("outside"),
        };
        let size = match ctx.spec.groups[self.id].connections {
            Connections::KeptAlive { pool } => u64::from(pool.max(1)),
            Connections::New | Connections::LastUsed | Connections::Stream { .. } => 0,
        };
        let (picks, mut pool, stale, part) = (Picks::default(), Pool::new(size), Stale::default(), Part::default());
        let holes = Arc::new([]);
        pool.busy = self.need.as_ref().map(|(_, busy)| busy.clone());
        self.clients.insert(place, Client { seat, name, picks, holes, pool, stale, counted: 0, part, mark: self.sent });
    }
    /// Whether a node's kernel has rules; from now on those for the group's app are followed.
    fn has_rules(&self, node: NodeId, views: &mut Views, ctx: &Ctx<'_>) -> bool {
        views.want(node, self.app, self.id, ctx);
        views.get(node, self.app).is_some_and(|view| view.is_synced())
    }
    fn seats(&self, land: &Land, views: &mut Views, ctx: &Ctx<'_>) -> Vec<Seat> {
        match ctx.spec.groups[self.id].place {
            Place::Pool(pool) => {
                land.running(pool).filter(|node| self.has_rules(*node, views, ctx)).map(Seat::Node).collect()
            }
            Place::App(app) => {
                let seat = |pod: &PodId| land.pods[*pod].node().map(|node| Seat::Pod(*pod, node));
                let seats: Vec<Seat> = land.open_pods(app).iter().filter_map(seat).collect();
                for node in seats.iter().filter_map(|seat| seat.node()) {
                    self.has_rules(node, views, ctx);
                }
                seats
            }
            Place::Outside => {
                for target in ctx.targets.of(self.app) {
                    match *target {
                        Target::Node(node) => drop(self.has_rules(node, views, ctx)),
                        Target::Pod(_) => {}
                    }
                }
                vec![Seat::Outside]
            }
        }
    }
    /// A client is gone: with its machine or killed, nobody waits for its answers any more; on its way out, it waits.
    fn dismiss(&mut self, seat: Seat, land: &Land, ledger: &mut Ledger, ctx: &mut Ctx<'_>) {
        let finishes = match seat {
            Seat::Pod(pod, node) => {
                land.host(node).powered && matches!(land.pods[pod].life, Life::Announcing | Life::Closing)
            }
            Seat::Node(_) | Seat::Outside => false,
        };
        let Ok(place) = self.place_of(seat) else { return };
        if !finishes {
            self.abandon(seat, land, ledger, ctx);
        }
        let client = self.clients.remove(place);
        self.tally.remove(seat, &client.part);
        if self.manner == Manner::Streams {
            let streams: u64 = client.pool.open.iter().map(|open| open.count).sum();
            ledger.in_flight -= streams;
            if finishes { ledger.ok += streams } else { ledger.abandoned += streams }
        }
    }

    /// Opens the streams that are missing, where a client finds a pod that serves.
    fn reopen_streams(&mut self, land: &Land, ledger: &mut Ledger, ctx: &mut Ctx<'_>) {
        let Connections::Stream { count } = ctx.spec.groups[self.id].connections else { return };
        let open = |client: &Client| client.pool.open.iter().map(|open| open.count).sum::<u64>();
        let missing = u64::from(count).saturating_sub(self.clients.iter().map(open).sum());
        let places: Vec<(usize, f64)> =
            self.clients.iter().enumerate().map(|(i, c)| (i, c.picks.keeping(land))).collect();
        let mut willing = places.iter().filter(|(_, keeps)| *keeps > 0.0).count() as u64;
        if missing == 0 || willing == 0 {
            return;
        }
        let mut draw = ctx.draw(Purpose::Connections, self.name, self.interval);
        self.interval += 1;
        let mut left = missing;
        for (place, _) in places.into_iter().filter(|(_, keeps)| *keeps > 0.0) {
            let part = draw.binomial(left, 1.0 / willing as f64);
            (left, willing) = (left - part, willing - 1);
            let client = &mut self.clients[place];
            client.pool.size = open(client) + part;
            client.pool.stand(&client.picks, land, &mut draw);
        }
        ledger.sent += missing;
        ledger.attempts += missing;
        ledger.in_flight += missing;
    }

    pub(super) fn set_outage(&mut self, ledger: &mut Ledger, now: Time) {
        if let Some(since) = self.outage {
            ledger.longest_outage = ledger.longest_outage.max(now.since(since));
        }
        let all_fail = self.tally.all_fail(self.clients.len()) || self.all_lost_beyond();
        self.outage = if all_fail { self.outage.or(Some(now)) } else { None };
    }

    /// An alarm for when requests begin or cease to meet stale entries of connection tracking, while there are any.
    fn arm_stale(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.now;
        let restless = self.tally.restless();
        let places: Vec<usize> = restless.into_iter().filter_map(|seat| self.place_of(seat).ok()).collect();
        let last = places.iter().filter_map(|place| self.clients[*place].stale.expire(now)).max();
        let next = places.iter().filter_map(|place| self.clients[*place].stale.next_turn(now)).min();
        let Some(end) = next.or(last) else { return };
        let generation = self.stale_alarm.arm();
        ctx.at(end, Event::Traffic(TrafficEvent::StaleEnds { group: self.id, generation }));
    }
    pub(super) fn awaits_stale(&self, generation: crate::engine::Generation) -> bool {
        self.stale_alarm.is_current(generation)
    }

    /// Requests a second that are answered by a pod.
    pub(super) fn rate_to(&self, pod: PodId) -> f64 {
        if self.manner == Manner::Streams {
            return 0.0;
        }
        let part: f64 = self.shares.iter().filter(|share| share.passes(pod)).map(|share| share.part).sum();
        part * self.clock.rate.as_f64()
    }
    /// Kept-alive connections to a pod, client by client, with the requests a second on each of them.
    pub(super) fn held(&self, pod: PodId) -> impl Iterator<Item = (u64, f64)> + '_ {
        let rate = self.clock.rate.as_f64() / self.clients.len().max(1) as f64;
        let kept = self.clients.iter().filter(|_| self.manner != Manner::Streams);
        kept.flat_map(move |client| client.pool.held(pod)).map(move |(count, share)| (count, share * rate))
    }
    /// Streams to a pod.
    pub(super) fn streams(&self, pod: PodId) -> u64 {
        if self.manner != Manner::Streams { 0 } else { self.clients.iter().map(|client| client.pool.to(pod)).sum() }
    }
    /// One-way delay between client and pod.
    pub(super) fn delay(ctx: &Ctx<'_>) -> Span {
        ctx.spec.timings.network.median()
    }
}

/// Where requests change what later ones meet (a queue, a retry budget), they are held one by one.
fn manner(spec: &GroupSpec, queues: bool) -> Manner {
    match (spec.connections, spec.settling) {
        (Connections::Stream { .. }, _) => Manner::Streams,
        (Connections::New | Connections::KeptAlive { .. } | Connections::LastUsed, Settling::PerRequest) => {
            Manner::Calls
        }
        (Connections::New | Connections::KeptAlive { .. } | Connections::LastUsed, Settling::Interval) => {
            let budget = spec.retries > 0 && spec.retry_budget.is_some();
            if queues || budget { Manner::Calls } else { Manner::Counts }
        }
    }
}
