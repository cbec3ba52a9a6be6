//! Servers at work: requests taken up, passed to etcd, answered; processes that start, drain and exit.

use super::client::{Link, REQUEST_TIMEOUT, RETRY_AFTER};
use super::faults::needs_no_space;
use super::request::Pending;
use super::server::{IN_FLIGHT_MAX, Server, Stage};
use super::{Api, ApiEvent, skew};
use crate::base::{Span, Time, Version};
use crate::world::disturbance::Signal;
use crate::world::effects::{Ctx, Notice, Outcome, Reply, Request};
use crate::world::event::Event;
use crate::world::fact::Fact;
use crate::world::ids::{MasterId, NodeId, RequestId};
use crate::world::purpose::Purpose;
use crate::world::store::{ApiError, Change};

impl Api {
    /// A component sends a write.
    pub fn submit(&mut self, request: Request, ctx: &mut Ctx<'_>) {
        let Request { client, change, reply } = request;
        if !self.clients[client].running {
            return;
        }
        self.catch_up(client, ctx);
        self.clients[client].sent += 1;
        let one_way = self.one_way(client, ctx);
        let (departs, arrives) = self.clients[client].sends(&change, ctx.now, one_way);
        let link = self.clients[client].link;
        let (server, hung) = match link {
            Link::To(master) => (master, false),
            Link::Hung(master) => (master, true),
            Link::Broken => match self.dial(client, ctx) {
                Ok(master) => (master, false),
                Err((error, wasted)) => {
                    Self::answer(reply, Err(error), departs + wasted, ctx);
                    return;
                }
            },
        };
        let pending = Pending {
            client,
            server,
            change,
            reply,
            taken: false,
            proposed: false,
            queued: false,
            admitting: false,
            failed: Vec::new(),
        };
        let id = self.requests.add(pending);
        match hung {
            true => ctx.at(departs + REQUEST_TIMEOUT, Event::Api(ApiEvent::TimesOut(id))),
            false => ctx.at(arrives, Event::Api(ApiEvent::Arrives(id))),
        }
    }

    pub(super) fn arrives(&mut self, id: RequestId, ctx: &mut Ctx<'_>) {
        let Some(pending) = self.requests.get_mut(id) else { return };
        let (client, master) = (pending.client, pending.server);
        let server = &mut self.servers[master];
        match self.clients[client].link {
            Link::To(to) if to == master => {}
            // It waited for its token, and its client has dialled another server since.
            Link::To(to) => {
                pending.server = to;
                return ctx.at(ctx.now, Event::Api(ApiEvent::Arrives(id)));
            }
            Link::Hung(_) => return ctx.after(REQUEST_TIMEOUT, Event::Api(ApiEvent::TimesOut(id))),
            Link::Broken => return self.fails(id, ApiError::Reset, ctx),
        }
        if !server.runs() {
            return self.fails(id, ApiError::Reset, ctx);
        }
        if server.in_flight >= IN_FLIGHT_MAX {
            return ctx.after(RETRY_AFTER, Event::Api(ApiEvent::Arrives(id)));
        }
        let exempt = matches!(pending.change, Change::Lease { .. } | Change::Renew { .. });
        if server.queue > Span::ZERO && !pending.queued && !exempt {
            pending.queued = true;
            return ctx.after(server.queue, Event::Api(ApiEvent::Arrives(id)));
        }
        server.in_flight += 1;
        pending.taken = true;
        if !self.asks_webhooks(id, ctx) {
            self.proposes(id, ctx);
        }
    }

    /// A request that was admitted goes to its server's etcd.
    pub(super) fn proposes(&mut self, id: RequestId, ctx: &mut Ctx<'_>) {
        let Some(pending) = self.requests.get_mut(id) else { return };
        let master = pending.server;
        if ctx.net.etcd_cut {
            return self.hangs_in_etcd(id, ctx);
        }
        if self.etcd_full && !needs_no_space(&pending.change) {
            return self.fails(id, ApiError::Unavailable, ctx);
        }
        pending.proposed = true;
        ctx.notify(Notice::Propose(master, id));
    }

    /// The server's etcd client waits for an etcd that it can reach; the request's own deadline ends that.
    fn hangs_in_etcd(&mut self, id: RequestId, ctx: &mut Ctx<'_>) {
        ctx.after(REQUEST_TIMEOUT, Event::Api(ApiEvent::TimesOut(id)));
    }

    /// The servers reach etcd again: what hangs there goes on (the etcd client's WaitForReady).
    pub fn etcd_reached(&mut self, ctx: &mut Ctx<'_>) {
        let hanging = self.requests.matching(|pending| pending.taken && !pending.proposed && !pending.admitting);
        for id in hanging {
            let Some(pending) = self.requests.get_mut(id) else { continue };
            if self.servers[pending.server].runs() && self.servers[pending.server].etcd {
                pending.proposed = true;
                ctx.notify(Notice::Propose(pending.server, id));
            }
        }
    }

    /// etcd is done with a request: `Ok` when it is committed. Returns the server that took it up, and the change that
    /// the store must now apply.
    pub fn stored(&mut self, id: RequestId, result: Outcome, ctx: &mut Ctx<'_>) -> Option<(MasterId, Change)> {
        let pending = self.requests.get_mut(id)?;
        match result {
            Ok(()) => {}
            // Its member takes no clients; the etcd client waits until one does (WaitForReady).
            Err(ApiError::Refused) => {
                pending.proposed = false;
                self.hangs_in_etcd(id, ctx);
                return None;
            }
            Err(error) => {
                self.fails(id, error, ctx);
                return None;
            }
        }
        Some((pending.server, pending.change.clone()))
    }

    /// The store has applied a committed change, or refused it: the client hears.
    pub fn applied(&mut self, id: RequestId, result: Outcome, ctx: &mut Ctx<'_>) {
        let Some(pending) = self.requests.remove(id) else { return };
        if pending.taken {
            self.release(pending.server, ctx);
        }
        let back = ctx.now + self.one_way(pending.client, ctx);
        Self::answer(pending.reply, result, back, ctx);
    }

    /// A request fails for its client. etcd may still commit it: then it stays here until that is known.
    pub(super) fn fails(&mut self, id: RequestId, error: ApiError, ctx: &mut Ctx<'_>) {
        let Some(pending) = self.requests.get_mut(id) else { return };
        let (server, reply, taken) = (pending.server, pending.reply, pending.taken);
        if pending.proposed {
            pending.reply = Reply::Never;
            pending.taken = false;
        } else {
            self.requests.remove(id);
        }
        if taken {
            self.release(server, ctx);
        }
        Self::answer(reply, Err(error), ctx.now, ctx);
    }

    pub(super) fn release(&mut self, master: MasterId, ctx: &mut Ctx<'_>) {
        let server = &mut self.servers[master];
        server.in_flight = server.in_flight.saturating_sub(1);
        if server.stage == Stage::Closing && server.in_flight == 0 {
            self.exits(master, ctx);
        }
    }

    fn answer(reply: Reply, result: Outcome, at: Time, ctx: &mut Ctx<'_>) {
        let business = |error| {
            matches!(
                error,
                ApiError::TooManyRequests
                    | ApiError::Conflict
                    | ApiError::NotFound
                    | ApiError::SeveralBudgets
                    | ApiError::Forbidden
                    | ApiError::Webhook
                    | ApiError::Members
            )
        };
        if let Err(error) = result
            && !business(error)
        {
            ctx.note(Fact::ApiFailed { error });
        }
        let to = match (reply, result) {
            (Reply::Always(to), _) | (Reply::OnFailure(to), Err(_)) => to,
            (Reply::OnFailure(_), Ok(())) | (Reply::Never, _) => return,
        };
        ctx.at(at, Event::Answer { to, result });
    }

    /// A server's process starts on this machine.
    pub fn start(&mut self, master: MasterId, node: NodeId, version: Version, ctx: &mut Ctx<'_>) {
        let server = &mut self.servers[master];
        server.node = node;
        server.version = version;
        server.stage = Stage::Starting;
        server.generation += 1;
        server.starts += 1;
        server.in_flight = 0;
        let wait = ctx.spec.control_plane.api_server.listen.sample(&mut self.start_draw(master, 0, ctx));
        let generation = self.servers[master].generation;
        ctx.after(wait, Event::Api(ApiEvent::Listens { master, generation }));
    }

    fn start_draw(&self, master: MasterId, part: u64, ctx: &Ctx<'_>) -> crate::engine::Draw {
        let server = &self.servers[master];
        ctx.draw(Purpose::ProcessStart, server.name, u64::from(server.starts) * 2 + part)
    }

    pub(super) fn listens(&mut self, master: MasterId, ctx: &mut Ctx<'_>) {
        self.servers[master].stage = Stage::Listening;
        let server = self.servers[master].version;
        if let Some(client) = self.live_versions().find(|other| !skew::allows_servers(*other, server)) {
            ctx.note(Fact::SkewBroken { master, server, client });
        }
        match self.servers[master].etcd {
            true => self.fills_caches(master, ctx),
            false => self.watch_liveness(master, ctx),
        }
        self.check_health(master, ctx);
        self.unpark(master, ctx);
        ctx.notify(Notice::ServerChanged(master));
    }

    fn fills_caches(&mut self, master: MasterId, ctx: &mut Ctx<'_>) {
        let wait = ctx.spec.control_plane.api_server.ready.sample(&mut self.start_draw(master, 1, ctx));
        let generation = self.servers[master].generation;
        ctx.after(wait, Event::Api(ApiEvent::Readies { master, generation }));
    }

    pub(super) fn readies(&mut self, master: MasterId, ctx: &mut Ctx<'_>) {
        if self.servers[master].stage == Stage::Listening && self.servers[master].etcd {
            self.servers[master].stage = Stage::Ready;
            ctx.note(Fact::ServerReady { master });
            ctx.notify(Notice::ServerChanged(master));
            self.check_health(master, ctx);
        }
    }

    /// A server's process gets a signal.
    pub fn signal(&mut self, master: MasterId, signal: Signal, ctx: &mut Ctx<'_>) {
        let server = &mut self.servers[master];
        match (server.stage, signal) {
            (Stage::Down | Stage::Closing, Signal::Term) => {}
            (_, Signal::Kill) => self.exits(master, ctx),
            (Stage::Starting, Signal::Term) => self.exits(master, ctx),
            (Stage::Listening | Stage::Ready | Stage::Leaving, Signal::Term) => {
                server.stage = Stage::Leaving;
                server.generation += 1;
                server.liveness += 1;
                let generation = server.generation;
                ctx.note(Fact::ServerStopping { master });
                let flags = &ctx.spec.control_plane.api_server;
                let (delay, grace) = (flags.shutdown_delay.min(flags.grace), flags.grace);
                ctx.after(delay, Event::Api(ApiEvent::StopsListening { master, generation }));
                ctx.after(grace, Event::Api(ApiEvent::Killed { master, generation }));
                self.check_health(master, ctx);
                ctx.notify(Notice::ServerChanged(master));
            }
        }
    }

    pub(super) fn stops_listening(&mut self, master: MasterId, ctx: &mut Ctx<'_>) {
        self.servers[master].stage = Stage::Closing;
        self.check_health(master, ctx);
        ctx.notify(Notice::ServerChanged(master));
        if self.servers[master].in_flight == 0 {
            self.exits(master, ctx);
        }
    }

    /// The process is gone; connections to it close, unless its host has fallen silent before.
    pub(super) fn exits(&mut self, master: MasterId, ctx: &mut Ctx<'_>) {
        let server = &mut self.servers[master];
        // A restart that was due is off, too.
        server.generation += 1;
        server.liveness += 1;
        if server.stage == Stage::Down {
            return;
        }
        server.stage = Stage::Down;
        server.in_flight = 0;
        ctx.note(Fact::ServerStopped { master });
        let heard = ctx.net.reaches(server.node);
        for client in self.clients.ids() {
            let local = matches!(self.clients[client].route, super::Route::Local(_));
            match self.clients[client].link {
                Link::To(to) if to == master && (heard || local) => self.breaks(client, ctx),
                Link::To(to) if to == master => self.hangs(client, ctx),
                Link::To(_) | Link::Hung(_) | Link::Broken => {}
            }
        }
        self.check_health(master, ctx);
        ctx.notify(Notice::ServerChanged(master));
    }

    /// Its etcd member serves again, or no longer.
    pub fn etcd_serves(&mut self, master: MasterId, serves: bool, ctx: &mut Ctx<'_>) {
        let serves = serves && !ctx.net.etcd_cut;
        let server = &mut self.servers[master];
        if server.etcd == serves {
            return;
        }
        server.etcd = serves;
        server.liveness += 1;
        let generation = server.liveness;
        if serves {
            if server.stage == Stage::Listening {
                self.fills_caches(master, ctx);
            }
            self.tell_clients_of(master, ctx);
        } else {
            ctx.after(super::client::SILENCE_NOTICED, Event::Api(ApiEvent::StallNoticed { master, generation }));
            self.watch_liveness(master, ctx);
            self.mark_unserved(master, ctx.now);
            self.tell_elected_of(master, ctx);
        }
        self.check_health(master, ctx);
    }

    /// Without etcd the kubelet's liveness probe fails until it restarts the server.
    fn watch_liveness(&mut self, master: MasterId, ctx: &mut Ctx<'_>) {
        if ctx.spec.control_plane.api_server.liveness {
            let (server, generation) = (&self.servers[master], self.servers[master].liveness);
            let phase = ctx.draw(Purpose::ProbePhase, server.name, 0).span_below(super::server::LIVENESS_PERIOD);
            let at = Server::liveness_kill(Time::ZERO + phase, ctx.now);
            ctx.at(at, Event::Api(ApiEvent::LivenessFails { master, generation }));
        }
    }

    /// The clients of a server are without service from now on, though most will only notice if it lasts.
    pub(super) fn mark_unserved(&mut self, master: MasterId, now: Time) {
        for client in self.clients.iter_mut() {
            if client.link == Link::To(master) && client.served {
                client.unserved_since = now;
            }
        }
    }

    pub(super) fn liveness_fails(&mut self, master: MasterId, ctx: &mut Ctx<'_>) {
        if self.servers[master].stage == Stage::Down {
            return;
        }
        self.exits(master, ctx);
        let server = &mut self.servers[master];
        server.restarts += 1;
        let (generation, wait) = (server.generation, server.restart_wait() + Span::secs(1));
        ctx.after(wait, Event::Api(ApiEvent::Starts { master, generation }));
    }
}
