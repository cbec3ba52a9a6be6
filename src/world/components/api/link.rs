//! Connections: dialled through the load balancer or to the local server, pinned until they break.

use super::client::{DIAL_TIMEOUT, Link, Parked, Route, SILENCE_NOTICED};
use super::{Api, ApiEvent, skew};
use crate::base::{Span, Version};
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::fact::Fact;
use crate::world::ids::{ClientId, MasterId};
use crate::world::purpose::Purpose;
use crate::world::store::ApiError;
use crate::world::watch::ClientKind;

impl Api {
    /// A client's process starts: it connects.
    pub fn client_starts(&mut self, client: ClientId, version: Version, ctx: &mut Ctx<'_>) {
        self.catch_up(client, ctx);
        self.awaits(client, ctx);
        let who = &mut self.clients[client];
        who.adopt(version);
        who.running = true;
        who.failures = 0;
        who.gave_up = false;
        who.generation += 1;
        who.link = Link::Broken;
        who.unserved_since = ctx.now;
        self.redials(client, ctx);
        self.tell_observers(client, ctx);
    }

    /// At the start of a run: the client's process runs and is connected already.
    pub fn client_began(&mut self, client: ClientId, ctx: &mut Ctx<'_>) {
        self.clients[client].running = true;
        if let Ok(master) = self.pick(client, ctx) {
            self.clients[client].link = Link::To(master);
            self.clients[client].served = true;
        }
        self.tell_observers(client, ctx);
    }

    /// Tells observers whether a client is served, when that has changed. Operators' tools connect only to ask.
    fn tell_observers(&mut self, client: ClientId, ctx: &mut Ctx<'_>) {
        let served = self.clients[client].served && matches!(self.clients[client].link, Link::To(_));
        let who = &mut self.clients[client];
        if who.told != served && !matches!(who.kind, ClientKind::Operator(_)) {
            who.told = served;
            ctx.note(Fact::ClientServed { client: who.kind, served });
        }
    }

    /// A client's process ends; its connection with it.
    pub fn client_stops(&mut self, client: ClientId, ctx: &mut Ctx<'_>) {
        self.catch_up(client, ctx);
        self.awaits(client, ctx);
        let who = &mut self.clients[client];
        who.running = false;
        who.served = false;
        who.link = Link::Broken;
        who.generation += 1;
    }

    /// Which server a new connection of this client reaches, or how it fails.
    fn pick(&mut self, client: ClientId, ctx: &Ctx<'_>) -> Result<MasterId, ApiError> {
        let who = &mut self.clients[client];
        who.dials += 1;
        let master = match who.route {
            Route::Local(master) => master,
            Route::Balanced if ctx.net.api_cut || !is_linked(who.kind, ctx) => return Err(ApiError::Timeout),
            Route::Balanced => {
                let draw = || ctx.draw(Purpose::ServerPick, who.name, u64::from(who.dials));
                match self.rotation.pick(&ctx.spec.control_plane.load_balancer, draw) {
                    Some(master) => master,
                    None => return Err(ApiError::Refused),
                }
            }
        };
        let server = &self.servers[master];
        match (ctx.net.reaches(server.node) || matches!(who.route, Route::Local(_)), server.accepts()) {
            (false, _) => Err(ApiError::Timeout),
            (true, true) => Ok(master),
            (true, false) => Err(ApiError::Refused),
        }
    }

    /// Makes a connection now, or says how that fails and after how long.
    pub(super) fn dial(&mut self, client: ClientId, ctx: &mut Ctx<'_>) -> Result<MasterId, (ApiError, Span)> {
        self.catch_up(client, ctx);
        match self.pick(client, ctx) {
            Ok(master) => {
                self.connected(client, master, ctx);
                Ok(master)
            }
            Err(ApiError::Timeout) => Err((ApiError::Timeout, DIAL_TIMEOUT)),
            Err(error) => {
                let retries = match self.clients[client].route {
                    Route::Local(_) => Span::ZERO,
                    Route::Balanced => ctx.spec.control_plane.load_balancer.connect_retry,
                };
                Err((error, retries + self.one_way(client, ctx) * 2))
            }
        }
    }

    fn connected(&mut self, client: ClientId, master: MasterId, ctx: &mut Ctx<'_>) {
        let who = &mut self.clients[client];
        who.link = Link::To(master);
        who.failures = 0;
        who.generation += 1;
        let (client_version, server) = (who.version, self.servers[master].version);
        if !skew::allows(who.kind, client_version, server) {
            ctx.note(Fact::SkewBroken { master, server, client: client_version });
        }
        self.tell_clients_state(client, ctx);
        self.resume_watch(client, ctx);
    }

    /// A client without a connection tries again.
    pub(super) fn redials(&mut self, client: ClientId, ctx: &mut Ctx<'_>) {
        let who = &self.clients[client];
        if !who.running || who.link != Link::Broken {
            return;
        }
        if let Err((_, wasted)) = self.dial(client, ctx) {
            let who = &mut self.clients[client];
            who.failures += 1;
            let long = ctx.now.since(who.unserved_since) >= SILENCE_NOTICED;
            if long {
                self.tell_served(client, false, ctx);
            }
            let who = &self.clients[client];
            match who.route {
                Route::Local(master) if !who.served && !self.servers[master].accepts() => {
                    let (next, generation) = (ctx.now + self.wait_to_redial(client, wasted, ctx), who.generation);
                    self.clients[client].parked = Some(Parked { next, generation });
                }
                Route::Local(_) | Route::Balanced => self.redial_later(client, wasted, ctx),
            }
        }
    }

    fn redial_later(&mut self, client: ClientId, wasted: Span, ctx: &mut Ctx<'_>) {
        let (wait, generation) = (self.wait_to_redial(client, wasted, ctx), self.clients[client].generation);
        ctx.after(wait, Event::Api(ApiEvent::Redials { client, generation }));
    }

    fn wait_to_redial(&self, client: ClientId, wasted: Span, ctx: &Ctx<'_>) -> Span {
        let who = &self.clients[client];
        let mut draw = ctx.draw(Purpose::Backoff, who.name, u64::from(who.dials));
        let retry = ctx.spec.control_plane.controllers.retry_period;
        who.redial_wait(wasted, retry, |base| draw.span_below(base))
    }

    /// The attempts that a parked client has made up to now.
    pub(super) fn catch_up(&mut self, client: ClientId, ctx: &Ctx<'_>) {
        while let Some(parked) = self.clients[client].parked.filter(|parked| parked.next < ctx.now) {
            let who = &mut self.clients[client];
            if parked.generation != who.generation {
                who.parked = None;
                return;
            }
            (who.dials, who.failures) = (who.dials + 1, who.failures + 1);
            let wasted = self.one_way(client, ctx) * 2;
            let next = parked.next + self.wait_to_redial(client, wasted, ctx);
            self.clients[client].parked = Some(Parked { next, ..parked });
        }
    }

    /// A master's server listens: its own clients find it at their next attempt.
    pub(super) fn unpark(&mut self, master: MasterId, ctx: &mut Ctx<'_>) {
        for client in self.clients.ids() {
            if self.clients[client].route != Route::Local(master) {
                continue;
            }
            self.catch_up(client, ctx);
            let who = &mut self.clients[client];
            let (parked, generation) = (who.parked.take(), who.generation);
            if let Some(parked) = parked.filter(|parked| parked.generation == generation && who.running) {
                ctx.at(parked.next, Event::Api(ApiEvent::Redials { client, generation }));
            }
        }
    }

    /// A connection closes under its client, who knows at once.
    pub(super) fn breaks(&mut self, client: ClientId, ctx: &mut Ctx<'_>) {
        let who = &mut self.clients[client];
        if who.link == Link::Broken {
            return;
        }
        self.awaits(client, ctx);
        let who = &mut self.clients[client];
        if matches!(who.link, Link::To(_)) && who.served {
            who.unserved_since = ctx.now;
        }
        who.link = Link::Broken;
        who.generation += 1;
        if !who.running {
            return;
        }
        self.tell_observers(client, ctx);
        for request in self.requests.matching(|pending| pending.client == client && pending.taken) {
            self.fails(request, ApiError::Reset, ctx);
        }
        let who = &self.clients[client];
        if matches!(who.kind, ClientKind::Elected(..)) {
            self.tell_served(client, false, ctx);
        }
        if self.clients[client].watches() {
            self.redial_later(client, Span::ZERO, ctx);
        }
    }

    /// A server's connections end: closed, or (not `closed`) silent.
    pub(super) fn cut_clients_of(&mut self, master: MasterId, closed: bool, ctx: &mut Ctx<'_>) {
        for client in self.clients.ids() {
            match self.clients[client].link {
                Link::To(server) | Link::Hung(server) if server == master && closed => self.breaks(client, ctx),
                Link::To(server) if server == master => self.hangs(client, ctx),
                Link::To(_) | Link::Hung(_) | Link::Broken => {}
            }
        }
    }

    /// A client's peer falls silent; it finds out after its pings, or after TCP has given up.
    pub(super) fn hangs(&mut self, client: ClientId, ctx: &mut Ctx<'_>) {
        let Link::To(master) = self.clients[client].link else { return };
        self.awaits(client, ctx);
        let who = &mut self.clients[client];
        who.link = Link::Hung(master);
        who.generation += 1;
        if who.served {
            who.unserved_since = ctx.now;
        }
        let (generation, silent) = (who.generation, ctx.now + who.notices_silence_after());
        let at = self.clients[client].heartbeat_gives_up(ctx).map_or(silent, |at| at.min(silent));
        ctx.at(at, Event::Api(ApiEvent::FindsSilence { client, generation }));
        self.tell_served(client, false, ctx);
        self.tell_observers(client, ctx);
    }

    /// A silent peer is heard again before its client gave up.
    fn thaws(&mut self, client: ClientId, ctx: &mut Ctx<'_>) {
        if let Link::Hung(master) = self.clients[client].link {
            let node = self.servers[master].node;
            let whole = !ctx.net.api_cut && ctx.net.reaches(node) && is_linked(self.clients[client].kind, ctx);
            if !whole {
                return;
            }
            match self.servers[master].accepts() {
                true => self.connected(client, master, ctx),
                false => self.breaks(client, ctx),
            }
        }
    }

    /// Tells a client's component whether its writes are stored.
    fn tell_clients_state(&mut self, client: ClientId, ctx: &mut Ctx<'_>) {
        let who = &self.clients[client];
        let served = match who.link {
            Link::To(master) => who.running && self.servers[master].etcd && !ctx.net.etcd_cut && !self.etcd_full,
            Link::Hung(_) | Link::Broken => false,
        };
        let who = &mut self.clients[client];
        if matches!(who.link, Link::To(_)) && who.running {
            // What an earlier want of service would have led to no longer counts.
            who.generation += 1;
            who.gave_up &= !served;
            let generation = who.generation;
            if !served && let Some(at) = who.heartbeat_gives_up(ctx) {
                ctx.at(at, Event::Api(ApiEvent::FindsSilence { client, generation }));
            }
        }
        self.tell_served(client, served, ctx);
        self.tell_observers(client, ctx);
    }

    /// A client gives up a connection whose other side does not answer.
    pub(super) fn finds_silence(&mut self, client: ClientId, ctx: &mut Ctx<'_>) {
        self.clients[client].gave_up = true;
        self.breaks(client, ctx);
    }

    /// Tells all clients of a server whether their writes are stored.
    pub(super) fn tell_clients_of(&mut self, master: MasterId, ctx: &mut Ctx<'_>) {
        for client in self.clients.ids() {
            if self.clients[client].link == Link::To(master) {
                self.tell_clients_state(client, ctx);
            }
        }
    }

    /// The same for leaders' processes alone, which must renew every two seconds.
    pub(super) fn tell_elected_of(&mut self, master: MasterId, ctx: &mut Ctx<'_>) {
        for client in self.clients.ids() {
            let who = &self.clients[client];
            if who.link == Link::To(master) && matches!(who.kind, ClientKind::Elected(..)) {
                self.tell_clients_state(client, ctx);
            }
        }
    }

    /// Clients and servers lose each other, or find each other again (the network table says which).
    pub fn path_changed(&mut self, ctx: &mut Ctx<'_>) {
        for client in self.clients.ids() {
            if self.clients[client].route != Route::Balanced {
                continue;
            }
            match ctx.net.api_cut {
                true => self.hangs(client, ctx),
                false => self.thaws(client, ctx),
            }
        }
        for master in self.servers.ids() {
            self.check_health(master, ctx);
        }
    }

    /// A host's power or link has changed: its server's peers, and its own clients.
    pub fn host_changed(&mut self, node: crate::world::ids::NodeId, ctx: &mut Ctx<'_>) {
        let reaches = ctx.net.reaches(node);
        // Who is connected to a master may stand anywhere.
        let concerned: Vec<ClientId> = match self.servers.iter().any(|server| server.node == node) {
            true => self.clients.ids().collect(),
            false => self.followers.on_host(node).collect(),
        };
        for client in concerned {
            let on_host = match self.clients[client].kind {
                ClientKind::Kubelet(at) | ClientKind::Proxy(at) | ClientKind::Router(_, at) => at == node,
                ClientKind::Elected(..) | ClientKind::Operator(_) => false,
            };
            let to_host = match self.clients[client].link {
                Link::To(master) | Link::Hung(master) => {
                    self.servers[master].node == node && self.clients[client].route == Route::Balanced
                }
                Link::Broken => false,
            };
            if (on_host && self.clients[client].route == Route::Balanced) || to_host {
                match reaches {
                    true => self.thaws(client, ctx),
                    false => self.hangs(client, ctx),
                }
            }
        }
        for master in self.servers.ids() {
            if self.servers[master].node == node {
                self.check_health(master, ctx);
            }
        }
    }

    /// Whether a client whose request has failed may be answered at its next try, though nothing changes until then: it
    /// dials anew, and another server may take it.
    pub fn may_answer(&self, client: ClientId, ctx: &Ctx<'_>) -> bool {
        let hangs = matches!(self.clients[client].link, Link::Hung(_));
        let takes = |master: MasterId| {
            let server = &self.servers[master];
            self.rotation.backends[master].used && server.accepts() && server.etcd && ctx.net.reaches(server.node)
        };
        !hangs && !ctx.net.etcd_cut && !ctx.net.api_cut && self.servers.ids().any(takes)
    }

    /// Whether an operator's request would be answered now; it dials if it has no connection.
    ///
    /// # Errors
    /// How the request would fail.
    pub fn probe(&mut self, client: ClientId, ctx: &mut Ctx<'_>) -> Result<(), ApiError> {
        let master = match self.clients[client].link {
            Link::To(master) => master,
            Link::Hung(_) => return Err(ApiError::Timeout),
            Link::Broken => self.dial(client, ctx).map_err(|(error, _)| error)?,
        };
        match self.servers[master].etcd && !ctx.net.etcd_cut {
            true => Ok(()),
            false => Err(ApiError::Unavailable),
        }
    }
}

/// Whether packets leave the host of a client.
fn is_linked(kind: ClientKind, ctx: &Ctx<'_>) -> bool {
    match kind {
        ClientKind::Kubelet(node) | ClientKind::Proxy(node) | ClientKind::Router(_, node) => ctx.net.reaches(node),
        ClientKind::Elected(..) | ClientKind::Operator(_) => true,
    }
}
