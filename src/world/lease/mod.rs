//! Leader election by a lease: which of the masters' processes acts, and when another takes over.
//!
//! Source: client-go `tools/leaderelection/leaderelection.go`. A follower notes when it *observes*, by its own clock,
//! that the record has changed, and may take over at a poll one lease duration after that. A leader that cannot renew
//! for the renew deadline ends its process. In steady state neither renewals nor polls are events: the one poll that
//! matters follows from phases when renewals stop.

mod polls;
#[cfg(test)]
mod tests;

use crate::base::{Id, IdVec, Name, Span, Time, Version};
use crate::world::behaviour::Behaviour;
use crate::world::components::controllers::ControllersEvent;
use crate::world::components::scheduler::SchedulerEvent;
use crate::world::disturbance::Signal;
use crate::world::effects::{Ctx, Notice, Outcome, Reply, ReplyTo};
use crate::world::event::Event;
use crate::world::fact::Fact;
use crate::world::ids::{ClientId, MasterId};
use crate::world::purpose::Purpose;
use crate::world::store::{Change, Component, LeaseObject, Revision};
use polls::Polls;

/// First back-off of a process that keeps ending: 10 s, doubled each time.
/// Source: kubelet `pkg/kubelet/kubelet.go` `backOffPeriod`; the first restart is immediate (`doBackOff`).
const CRASH_BACKOFF: Span = Span::secs(10);
/// Longest back-off. Source: kubelet `MaxContainerBackOff`.
const CRASH_BACKOFF_MAX: Span = Span::secs(300);
/// A process that ran this long starts its back-off over: twice the longest. Source: client-go `util/flowcontrol`.
const CRASH_FORGIVEN: Span = Span::secs(600);

/// The pace of a clock that neither gains nor loses, in percent of time.
const EXACT: u32 = 100;

/// Inside an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseEvent {
    /// A follower polls the lease.
    Poll {
        /// Its master.
        master: MasterId,
        /// Only the newest alarm counts.
        alarm: u32,
    },
    /// A leader has not renewed for its deadline: its process ends.
    Expires {
        /// Its master.
        master: MasterId,
        /// Only the newest alarm counts.
        alarm: u32,
    },
    /// The kubelet starts the ended process again.
    Returns {
        /// Its master.
        master: MasterId,
        /// Only the newest alarm counts.
        alarm: u32,
    },
}

/// What a step of an election means for the process behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// This master's process leads from now on.
    Leads(MasterId),
    /// This master's process, which led, has ended.
    Yields(MasterId),
}

/// What a leader's renewals look like: ticks of `phase + k * retry`, but none within (`before`, `from`).
#[derive(Clone, Copy, Debug)]
struct Term {
    phase: Time,
    from: Time,
    before: Time,
    /// Renewals fail since after this last one.
    stopped: Option<Time>,
}

impl Term {
    fn last_renewal(&self, now: Time, retry: Span) -> Time {
        let tick = now.last_tick(self.phase, retry).filter(|tick| *tick >= self.from);
        self.stopped.unwrap_or(tick.unwrap_or(self.before))
    }
}

/// What a follower has observed: the record as of `record` and renewed at `renewal`, seen first at `at`.
#[derive(Clone, Copy, Debug)]
struct Seen {
    record: Revision,
    renewal: Time,
    at: Time,
}

/// One master's process.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    name: Name,
    running: bool,
    incarnation: u32,
    version: Version,
    /// Its writes are stored.
    served: bool,
    served_since: Time,
    started: Option<Time>,
    alarm: u32,
    seen: Option<Seen>,
    term: Option<Term>,
    acquiring: bool,
    /// Times it ended itself in a row, and when last.
    exits: u32,
    last_exit: Time,
    /// How fast its clock runs, in percent of time.
    pace: u32,
}

/// The record as it stands in the store: since which revision, and its last renewal while nobody renews it.
#[derive(Clone, Copy, Debug)]
struct Record {
    since: Revision,
    renewing: Option<MasterId>,
    renewed: Time,
    /// A release is on its way.
    releasing: bool,
}

impl Candidate {
    /// How long a span of its own clock lasts.
    fn measures(&self, span: Span) -> Span {
        if self.pace == EXACT { span } else { span * u64::from(EXACT) / u64::from(self.pace) }
    }
    /// Of this master's place; no process.
    fn absent(component: Component, slot: usize) -> Candidate {
        let process = Name::new(match component {
            Component::ControllerManager => "kube-controller-manager",
            Component::Scheduler => "kube-scheduler",
        });
        Candidate {
            name: Name::new("master").part(slot as u64).with(process),
            running: false,
            incarnation: 0,
            version: Version::default(),
            served: true,
            served_since: Time::ZERO,
            started: None,
            alarm: 0,
            seen: None,
            term: None,
            acquiring: false,
            exits: 0,
            last_exit: Time::ZERO,
            pace: EXACT,
        }
    }
}

/// The election of one component's leader among the masters.
#[derive(Clone, Debug)]
pub(crate) struct Election {
    component: Component,
    clients: Vec<ClientId>,
    candidates: IdVec<MasterId, Candidate>,
    record: Record,
    /// Every poll is an event. For tests: outcomes must be the same.
    eager: bool,
}

impl Election {
    /// One candidate on each master, none running.
    pub(crate) fn new(component: Component, clients: Vec<ClientId>) -> Election {
        let candidates = (0..clients.len()).map(|slot| Candidate::absent(component, slot)).collect();
        let record = Record { since: Revision(0), renewing: None, renewed: Time::ZERO, releasing: false };
        Election { component, clients, candidates, record, eager: false }
    }

    /// One candidate more, not running.
    pub(crate) fn add(&mut self, client: ClientId) {
        self.candidates.push(Candidate::absent(self.component, self.clients.len()));
        self.clients.push(client);
    }

    /// The start of a run: all processes run for a long time already, as incarnation 0, and `leader` renews the lease
    /// that the store has given it.
    pub(crate) fn begin(&mut self, leader: MasterId, ctx: &mut Ctx<'_>) {
        let retry = ctx.spec.control_plane.controllers.retry_period;
        for candidate in self.candidates.iter_mut() {
            candidate.running = true;
            candidate.version = ctx.spec.control_plane.from;
        }
        let phase = ctx.draw(Purpose::Phase, self.candidates[leader].name, 0).span_below(retry);
        let phase = Time::ZERO + phase;
        self.candidates[leader].term = Some(Term { phase, from: phase, before: Time::ZERO, stopped: None });
        let since = ctx.store.lease(self.component).1;
        self.record = Record { since, renewing: Some(leader), renewed: Time::ZERO, releasing: false };
        self.arm_followers(ctx);
    }

    /// This master's clock runs at another pace from now on, in percent of time, above 0; what it has begun to measure
    /// it measures to the end.
    pub(crate) fn set_pace(&mut self, master: MasterId, pace: u32) {
        self.candidates[master].pace = pace.max(1);
    }

    /// The leader, if one acts.
    pub(crate) fn leader(&self) -> Option<MasterId> {
        self.record.renewing.or_else(|| self.candidates.ids().find(|master| self.candidates[*master].term.is_some()))
    }
    /// Whether this master's process leads.
    #[cfg(test)]
    pub(crate) fn leads(&self, master: MasterId) -> bool {
        self.candidates[master].term.is_some()
    }
    /// Whether this master's process runs.
    pub(crate) fn is_running(&self, master: MasterId) -> bool {
        self.candidates[master].running
    }
    /// How often this master's process has been started since the run began.
    pub(crate) fn incarnation(&self, master: MasterId) -> u32 {
        self.candidates[master].incarnation
    }
    /// The process's version.
    pub(crate) fn version(&self, master: MasterId) -> Version {
        self.candidates[master].version
    }
    /// The process's name, its incarnation included.
    pub(crate) fn name(&self, master: MasterId) -> Name {
        let candidate = &self.candidates[master];
        candidate.name.part(u64::from(candidate.incarnation))
    }

    /// The process starts; without effect on one that runs.
    pub(crate) fn start(&mut self, master: MasterId, version: Version, ctx: &mut Ctx<'_>) {
        let candidate = &mut self.candidates[master];
        if candidate.running {
            return;
        }
        candidate.running = true;
        candidate.incarnation += 1;
        candidate.version = version;
        candidate.started = Some(ctx.now);
        candidate.seen = None;
        self.arm(master, ctx.now, ctx);
    }

    /// The process gets a signal. It stays down until [`Election::start`].
    pub(crate) fn signal(&mut self, master: MasterId, signal: Signal, ctx: &mut Ctx<'_>) -> Option<Turn> {
        let candidate = &mut self.candidates[master];
        candidate.alarm += 1;
        if !candidate.running {
            return None;
        }
        let releases = match self.component {
            Component::ControllerManager => false,
            Component::Scheduler => Behaviour::of(candidate.version).scheduler_releases_lease,
        };
        if signal == Signal::Term && releases && self.record.renewing == Some(master) {
            let change = Change::Lease { component: self.component, holder: None, known: self.record.since };
            ctx.write(self.clients[master.index()], change, Reply::Never);
            self.record.releasing = true;
        }
        self.stop(master, ctx)
    }

    /// The process's writes are stored again, or no longer.
    pub(crate) fn served(&mut self, master: MasterId, served: bool, ctx: &mut Ctx<'_>) {
        if self.candidates[master].served == served {
            return;
        }
        if !served {
            self.observe(master, ctx);
        }
        self.candidates[master].served = served;
        if served {
            self.candidates[master].served_since = ctx.now;
        }
        match (self.candidates[master].term, served) {
            (Some(_), false) => self.renewals_stop(master, ctx),
            (Some(term), true) => self.renewals_resume(master, term, ctx),
            (None, _) => self.arm(master, ctx.now, ctx),
        }
    }

    /// One of its events.
    pub(crate) fn step(&mut self, event: LeaseEvent, ctx: &mut Ctx<'_>) -> Option<Turn> {
        match event {
            LeaseEvent::Poll { master, alarm } if self.candidates[master].alarm == alarm => self.poll(master, ctx),
            LeaseEvent::Expires { master, alarm } if self.candidates[master].alarm == alarm => {
                let turn = self.stop(master, ctx);
                self.come_back(master, ctx);
                turn
            }
            LeaseEvent::Returns { master, alarm } if self.candidates[master].alarm == alarm => {
                self.start(master, self.candidates[master].version, ctx);
                None
            }
            LeaseEvent::Poll { .. } | LeaseEvent::Expires { .. } | LeaseEvent::Returns { .. } => None,
        }
    }

    /// The API's answer to an attempt of the present incarnation to acquire the lease.
    pub(crate) fn answer(&mut self, master: MasterId, result: Outcome, ctx: &mut Ctx<'_>) -> Option<Turn> {
        let candidate = &mut self.candidates[master];
        if !candidate.acquiring {
            return None;
        }
        candidate.acquiring = false;
        if result.is_ok() {
            return self.lead(master, ctx);
        }
        self.arm(master, ctx.now + Span::nanos(1), ctx);
        None
    }

    fn poll(&mut self, master: MasterId, ctx: &mut Ctx<'_>) -> Option<Turn> {
        let later = ctx.now + Span::nanos(1);
        let (lease, since) = ctx.store.lease(self.component);
        if lease.holder == Some((master, self.candidates[master].incarnation)) {
            return self.lead(master, ctx);
        }
        self.observe(master, ctx);
        let duration = self.candidates[master].measures(ctx.spec.control_plane.controllers.lease_duration);
        let stale = self.candidates[master].seen.is_some_and(|seen| ctx.now >= seen.at + duration);
        if stale || self.is_released(lease, since) {
            let candidate = &mut self.candidates[master];
            candidate.acquiring = true;
            let holder = Some((master, candidate.incarnation));
            let change = Change::Lease { component: self.component, holder, known: since };
            let to = token(self.component, master, candidate.incarnation);
            ctx.write(self.clients[master.index()], change, Reply::Always(to));
        } else {
            self.arm(master, later, ctx);
        }
        None
    }

    /// An empty holder; a run whose world never wrote the first holder does not count as released.
    fn is_released(&self, lease: LeaseObject, since: Revision) -> bool {
        lease.holder.is_none() && since != self.record.since
    }

    fn lead(&mut self, master: MasterId, ctx: &mut Ctx<'_>) -> Option<Turn> {
        let now = ctx.now;
        let since = ctx.store.lease(self.component).1;
        let candidate = &mut self.candidates[master];
        candidate.alarm += 1;
        candidate.acquiring = false;
        candidate.seen = None;
        candidate.term = Some(Term { phase: now, from: now, before: now, stopped: None });
        self.record = Record { since, renewing: Some(master), renewed: now, releasing: false };
        ctx.note(Fact::LeaseTaken { component: self.component, master });
        ctx.notify(Notice::Leads(self.component, master, true));
        self.arm_followers(ctx);
        if !self.candidates[master].served {
            self.renewals_stop(master, ctx);
        }
        Some(Turn::Leads(master))
    }

    fn stop(&mut self, master: MasterId, ctx: &mut Ctx<'_>) -> Option<Turn> {
        let retry = ctx.spec.control_plane.controllers.retry_period;
        let candidate = &mut self.candidates[master];
        candidate.running = false;
        candidate.acquiring = false;
        candidate.alarm += 1;
        let term = candidate.term.take()?;
        if self.record.renewing == Some(master) {
            self.record.renewing = None;
            self.record.renewed = term.last_renewal(ctx.now, retry);
        }
        ctx.note(Fact::LeaseLost { component: self.component, master });
        ctx.notify(Notice::Leads(self.component, master, false));
        self.arm_followers(ctx);
        Some(Turn::Yields(master))
    }

    /// The leader's next renewals fail. It tries again each retry period; the deadline counts from the first failure.
    fn renewals_stop(&mut self, master: MasterId, ctx: &mut Ctx<'_>) {
        let asked = &ctx.spec.control_plane.controllers;
        let (retry, deadline) = (asked.retry_period, asked.renew_deadline);
        let candidate = &mut self.candidates[master];
        let Some(term) = &mut candidate.term else { return };
        if term.stopped.is_some() {
            return;
        }
        let last = term.last_renewal(ctx.now, retry);
        term.stopped = Some(last);
        candidate.alarm += 1;
        let expires = LeaseEvent::Expires { master, alarm: candidate.alarm };
        let deadline = candidate.measures(deadline);
        ctx.at(last + retry + deadline, event(self.component, expires));
        if self.record.renewing == Some(master) {
            self.record.renewing = None;
            self.record.renewed = last;
            self.arm_followers(ctx);
        }
    }

    /// Served again: the next try succeeds if it comes before the deadline and the lease is still its own.
    fn renewals_resume(&mut self, master: MasterId, term: Term, ctx: &mut Ctx<'_>) {
        let asked = &ctx.spec.control_plane.controllers;
        let (retry, deadline) = (asked.retry_period, asked.renew_deadline);
        let Some(last) = term.stopped else { return };
        let next = ctx.now.max(last + retry).next_tick(term.phase, retry);
        let deadline = self.candidates[master].measures(deadline);
        let mine = self.record.since == ctx.store.lease(self.component).1;
        if !mine || next >= last + retry + deadline {
            return;
        }
        let candidate = &mut self.candidates[master];
        candidate.alarm += 1;
        candidate.term = Some(Term { phase: term.phase, from: next, before: last, stopped: None });
        self.record.renewing = Some(master);
        self.arm_followers(ctx);
    }

    fn come_back(&mut self, master: MasterId, ctx: &mut Ctx<'_>) {
        let Some(restart) = ctx.spec.control_plane.controllers.restart else { return };
        let name = self.name(master);
        let candidate = &mut self.candidates[master];
        if candidate.exits > 0 && ctx.now.since(candidate.last_exit) > CRASH_FORGIVEN {
            candidate.exits = 0;
        }
        let backoff = crash_backoff(candidate.exits);
        candidate.exits += 1;
        candidate.last_exit = ctx.now;
        let wait = backoff + restart.sample(&mut ctx.draw(Purpose::ProcessStart, name, 0));
        let returns = LeaseEvent::Returns { master, alarm: candidate.alarm };
        ctx.after(wait, event(self.component, returns));
    }

    fn arm_followers(&mut self, ctx: &mut Ctx<'_>) {
        for master in self.candidates.ids() {
            let candidate = &self.candidates[master];
            if candidate.running && candidate.term.is_none() {
                self.arm(master, ctx.now, ctx);
            }
        }
    }

    /// Sets a follower's next poll that can matter, not before `from`. A leader, or one whose write is under way,
    /// needs none, and none matters while the leader renews.
    fn arm(&mut self, master: MasterId, from: Time, ctx: &mut Ctx<'_>) {
        let candidate = &mut self.candidates[master];
        if candidate.term.is_some() || candidate.acquiring {
            return;
        }
        if !candidate.running {
            // Its return is due under the alarm it has.
            return;
        }
        candidate.alarm += 1;
        if !candidate.served {
            return;
        }
        let from = from.max(candidate.served_since);
        let (lease, since) = ctx.store.lease(self.component);
        let candidate = self.candidates[master];
        let own = lease.holder == Some((master, candidate.incarnation));
        let at = if self.eager || self.record.releasing || own || self.is_released(lease, since) {
            candidate.polls().next(from, ctx)
        } else if self.record.renewing.is_some() {
            return;
        } else {
            let observed = self.observation(master, ctx).at;
            let duration = candidate.measures(ctx.spec.control_plane.controllers.lease_duration);
            candidate.polls().next(from.max(observed + duration), ctx)
        };
        ctx.at(at, event(self.component, LeaseEvent::Poll { master, alarm: candidate.alarm }));
    }

    /// When this follower first sees, or has seen, the record as it stands, if it stays served.
    fn observation(&self, master: MasterId, ctx: &Ctx<'_>) -> Seen {
        let retry = ctx.spec.control_plane.controllers.retry_period;
        let candidate = &self.candidates[master];
        let record = ctx.store.lease(self.component).1;
        let renewal = match self.record.renewing {
            Some(leader) if record == self.record.since => {
                let term = self.candidates[leader].term;
                term.map_or(self.record.renewed, |term| term.last_renewal(ctx.now, retry))
            }
            // Acquired by a process that has not been heard of since.
            Some(_) | None if record != self.record.since => ctx.now,
            Some(_) | None => self.record.renewed,
        };
        match candidate.seen {
            Some(seen) if seen.record == record && (seen.renewal >= renewal || record != self.record.since) => seen,
            Some(_) | None => {
                let from = renewal.max(candidate.served_since);
                Seen { record, renewal, at: candidate.polls().next(from, ctx) }
            }
        }
    }

    /// Keeps what a served follower has observed by now.
    fn observe(&mut self, master: MasterId, ctx: &Ctx<'_>) {
        let candidate = &self.candidates[master];
        if candidate.running && candidate.served && candidate.term.is_none() {
            let seen = self.observation(master, ctx);
            if seen.at <= ctx.now {
                self.candidates[master].seen = Some(seen);
            }
        }
    }
}

impl Candidate {
    fn polls(&self) -> Polls {
        Polls { name: self.name.part(u64::from(self.incarnation)), first: self.started }
    }
}

/// CrashLoopBackOff before the next start of a process that had ended itself `before` times in a row.
fn crash_backoff(before: u32) -> Span {
    match before {
        0 => Span::ZERO,
        n => (CRASH_BACKOFF * (1 << (n - 1).min(5))).min(CRASH_BACKOFF_MAX),
    }
}

fn event(component: Component, event: LeaseEvent) -> Event {
    match component {
        Component::ControllerManager => Event::Controllers(ControllersEvent::Lease(event)),
        Component::Scheduler => Event::Scheduler(SchedulerEvent::Lease(event)),
    }
}

/// Bits of an answer's token: what was asked, by which incarnation, about which object.
const KIND_SHIFT: u32 = 28;
const INCARNATION_SHIFT: u32 = 23;
const INCARNATION_MASK: u32 = 31;

/// A token of an elected process's write: `kind` below 16 (0 is the election's own), the incarnation modulo 32, and an
/// object's index below 8 million.
pub(crate) fn pack(kind: u32, incarnation: u32, index: usize) -> u32 {
    debug_assert!(index < 1 << INCARNATION_SHIFT, "an object's index fits");
    kind << KIND_SHIFT | (incarnation & INCARNATION_MASK) << INCARNATION_SHIFT | index as u32
}

/// The parts of a token: kind, whether it is of this incarnation, index.
pub(crate) fn unpack(token: u32, incarnation: u32) -> (u32, bool, usize) {
    let same = token >> INCARNATION_SHIFT & INCARNATION_MASK == incarnation & INCARNATION_MASK;
    (token >> KIND_SHIFT, same, (token & ((1 << INCARNATION_SHIFT) - 1)) as usize)
}

fn token(component: Component, master: MasterId, incarnation: u32) -> ReplyTo {
    let token = pack(0, incarnation, 0);
    match component {
        Component::ControllerManager => ReplyTo::Controllers { master, token },
        Component::Scheduler => ReplyTo::Scheduler { master, token },
    }
}
