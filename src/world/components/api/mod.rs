//! The API path: clients' connections, the load balancer, API servers, requests under way, watch deliveries.
//!
//! ```text
//! client --token bucket--> connection (pinned) --> API server --> its etcd member --> commit
//!    ^                        via load balancer                                          |
//!    +------------- answer, and a delivery to every watch that follows the kind ---------+
//! ```

mod admission;
mod client;
mod faults;
mod knock;
mod link;
mod publish;
mod request;
mod rotation;
mod serve;
mod server;
mod skew;

pub use admission::Refusing;
pub use client::{PING_FINDS_DEAD, Route, TCP_GIVES_UP};

use admission::Admission;
use client::Client;
use request::Requests;
use rotation::Rotation;
use server::Server;

use crate::base::{Id, IdVec, Name, Pages, Span, Time, Version};
use crate::world::effects::{Ctx, Notice};
use crate::world::fact::Fact;
use crate::world::ids::{ClientId, MasterId, NodeId, RequestId};
use crate::world::purpose::Purpose;
use crate::world::store::Revision;
use crate::world::watch::ClientKind;

/// Inside the API path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiEvent {
    /// A request reaches its server.
    Arrives(RequestId),
    /// The webhooks that were asked about a request have answered, or have not in time.
    Admitted(RequestId),
    /// A request's client stops waiting for an answer.
    TimesOut(RequestId),
    /// A watch delivers everything up to a revision. The world moves the cursor and tells the component.
    Delivers {
        /// To whom.
        client: ClientId,
        /// Up to here.
        revision: Revision,
    },
    /// A client without a connection tries again.
    Redials {
        /// Which.
        client: ClientId,
        /// Of which link.
        generation: u32,
    },
    /// A client finds out that its peer has fallen silent, or does not answer.
    FindsSilence {
        /// Which.
        client: ClientId,
        /// Of which link.
        generation: u32,
    },
    /// A starting server opens its listener.
    Listens {
        /// Which.
        master: MasterId,
        /// Of which life.
        generation: u32,
    },
    /// A listening server is ready.
    Readies {
        /// Which.
        master: MasterId,
        /// Of which life.
        generation: u32,
    },
    /// A leaving server closes its listener.
    StopsListening {
        /// Which.
        master: MasterId,
        /// Of which life.
        generation: u32,
    },
    /// A closing server is killed at the end of its grace.
    Killed {
        /// Which.
        master: MasterId,
        /// Of which life.
        generation: u32,
    },
    /// The kubelet gives up on a server whose etcd is gone.
    LivenessFails {
        /// Which.
        master: MasterId,
        /// Of which alarm.
        generation: u32,
    },
    /// A server that was restarted starts.
    Starts {
        /// Which.
        master: MasterId,
        /// Of which life.
        generation: u32,
    },
    /// A server's etcd has been gone for longer than a lease renewal takes: its clients notice.
    StallNoticed {
        /// Which.
        master: MasterId,
        /// Of which stall.
        generation: u32,
    },
    /// The wish to take a target out of the load balancer has taken effect.
    Deregistered {
        /// Which.
        master: MasterId,
        /// Of which registration.
        generation: u32,
    },
    /// The load balancer's checks of a server that flaps begin to fail, or to pass.
    Flaps {
        /// Which.
        master: MasterId,
        /// Of which flap.
        generation: u32,
    },
    /// The load balancer's checks have changed a target's standing.
    Marked {
        /// Which.
        master: MasterId,
        /// Of which finding.
        generation: u32,
        /// Whether it is in use from now on.
        used: bool,
    },
}

/// The API path's state.
#[derive(Clone, Debug)]
pub struct Api {
    clients: Pages<ClientId, Client>,
    servers: IdVec<MasterId, Server>,
    rotation: Rotation,
    requests: Requests,
    admission: Admission,
    /// Whose watches follow what.
    followers: publish::Followers,
    /// What was last told of how many servers answer.
    told: (u32, u32),
    /// etcd has no space: it takes deletions only.
    etcd_full: bool,
}

impl Api {
    /// The servers of these machines, down, and their load balancer without targets.
    pub fn new(machines: &[NodeId], version: Version, ctx: &Ctx<'_>) -> Api {
        let mut api = Api {
            clients: Pages::new(),
            servers: IdVec::new(),
            rotation: Rotation::default(),
            requests: Requests::default(),
            admission: Admission::default(),
            followers: publish::Followers::default(),
            told: (0, 0),
            etcd_full: false,
        };
        machines.iter().for_each(|node| api.add_server(*node, version, true, ctx));
        api
    }

    /// The server of one master more, down, and its target, which may not belong to the load balancer yet.
    pub fn add_server(&mut self, node: NodeId, version: Version, registered: bool, ctx: &Ctx<'_>) {
        let index = self.servers.len() as u64;
        let interval = ctx.spec.control_plane.load_balancer.interval;
        let phase = ctx.draw(Purpose::Phase, Name::new("api-balancer").part(index), 0).span_below(interval);
        self.servers.push(Server::new(Name::new("apiserver").part(index), node, version));
        self.rotation.backends.push(rotation::Backend {
            phase: Time::ZERO + phase,
            registered,
            used: false,
            passes: false,
            generation: 0,
            registration: 0,
        });
    }

    /// A client whose process does not run yet. Its id must be the watch table's.
    pub fn add_client(&mut self, kind: ClientKind, name: Name, route: Route, version: Version) -> ClientId {
        let client = self.clients.push(Client::new(kind, name, route, version));
        self.followers.add(kind, client);
        client
    }

    /// The rate (requests a second) and burst that an operator's tool sets for its client.
    pub fn set_rate(&mut self, client: ClientId, rate: (u32, u32)) {
        self.clients[client].set_rate(rate);
    }

    /// The start of a run: all servers are ready and in use, all running clients connected.
    pub fn begin(&mut self, ctx: &mut Ctx<'_>) {
        for master in self.servers.ids() {
            let server = &mut self.servers[master];
            server.stage = server::Stage::Ready;
            server.etcd = true;
            server.starts = 1;
            let backend = &mut self.rotation.backends[master];
            (backend.used, backend.passes) = (true, true);
        }
        self.tell_availability(ctx);
    }

    /// One of its own events; `Delivers` is the world's.
    pub fn step(&mut self, event: ApiEvent, ctx: &mut Ctx<'_>) {
        match event {
            ApiEvent::Arrives(request) => self.arrives(request, ctx),
            ApiEvent::Admitted(request) => self.admitted(request, ctx),
            ApiEvent::TimesOut(request) => self.fails(request, crate::world::store::ApiError::Timeout, ctx),
            ApiEvent::Delivers { .. } => {}
            ApiEvent::Redials { client, generation } => {
                if self.clients[client].generation == generation {
                    self.redials(client, ctx);
                }
            }
            ApiEvent::FindsSilence { client, generation } => {
                if self.clients[client].generation == generation {
                    self.finds_silence(client, ctx);
                }
            }
            ApiEvent::Listens { master, generation } if self.is_current(master, generation) => {
                self.listens(master, ctx)
            }
            ApiEvent::Readies { master, generation } if self.is_current(master, generation) => {
                self.readies(master, ctx)
            }
            ApiEvent::StopsListening { master, generation } if self.is_current(master, generation) => {
                self.stops_listening(master, ctx);
            }
            ApiEvent::Killed { master, generation } if self.is_current(master, generation) => self.exits(master, ctx),
            ApiEvent::Starts { master, generation } if self.is_current(master, generation) => {
                let (node, version) = (self.servers[master].node, self.servers[master].version);
                self.start(master, node, version, ctx);
            }
            ApiEvent::LivenessFails { master, generation } => {
                if self.servers[master].liveness == generation {
                    self.liveness_fails(master, ctx);
                }
            }
            ApiEvent::StallNoticed { master, generation } => {
                if self.servers[master].liveness == generation {
                    self.tell_clients_of(master, ctx);
                }
            }
            ApiEvent::Deregistered { master, generation } => {
                let backend = &self.rotation.backends[master];
                if backend.registration == generation && backend.used {
                    self.marked(master, false, ctx);
                }
            }
            ApiEvent::Marked { master, generation, used } => {
                let backend = &self.rotation.backends[master];
                if backend.generation == generation && backend.used != used && (backend.registered || !used) {
                    self.marked(master, used, ctx);
                }
            }
            ApiEvent::Flaps { master, generation } => self.flap_turns(master, generation, ctx),
            ApiEvent::Listens { .. }
            | ApiEvent::Readies { .. }
            | ApiEvent::StopsListening { .. }
            | ApiEvent::Killed { .. }
            | ApiEvent::Starts { .. } => {}
        }
    }

    fn is_current(&self, master: MasterId, generation: u32) -> bool {
        self.servers[master].generation == generation
    }

    /// Whether a new request to this server would be answered.
    fn answers(&self, master: MasterId, ctx: &Ctx<'_>) -> bool {
        let server = &self.servers[master];
        server.accepts() && server.etcd && !ctx.net.etcd_cut && ctx.net.reaches(server.node)
    }

    /// Tells observers how many servers in rotation answer, when that has changed.
    fn tell_availability(&mut self, ctx: &mut Ctx<'_>) {
        let candidates = match ctx.net.api_cut {
            true => Vec::new(),
            false => self.rotation.candidates(ctx.spec.control_plane.load_balancer.fail_open),
        };
        let answering = candidates.iter().filter(|master| self.answers(**master, ctx)).count() as u32;
        let told = (answering, candidates.len() as u32);
        if self.told != told {
            self.told = told;
            ctx.note(Fact::ApiServes { answering: told.0, in_rotation: told.1 });
        }
    }

    /// One network delay of a client's request.
    fn one_way(&self, client: ClientId, ctx: &Ctx<'_>) -> Span {
        let client = &self.clients[client];
        ctx.spec.timings.network.sample(&mut ctx.draw(Purpose::Network, client.name, u64::from(client.sent)))
    }

    /// Whether a master's API server process runs, listening or not.
    pub fn is_running(&self, master: MasterId) -> bool {
        self.servers[master].runs()
    }

    /// Whether a master's API server is ready; for the master's static pods.
    pub fn is_ready(&self, master: MasterId) -> bool {
        self.servers[master].stage == server::Stage::Ready
    }

    /// The version of a master's API server, and whether it accepts requests.
    pub fn server(&self, master: MasterId) -> (Version, bool) {
        (self.servers[master].version, self.servers[master].accepts())
    }

    /// All servers that accept requests now: their versions.
    pub fn live_versions(&self) -> impl Iterator<Item = Version> + '_ {
        self.servers.iter().filter(|server| server.accepts()).map(|server| server.version)
    }

    /// The server that a client is connected to.
    pub fn connected_to(&self, client: ClientId) -> Option<MasterId> {
        match self.clients[client].link {
            client::Link::To(master) | client::Link::Hung(master) => Some(master),
            client::Link::Broken => None,
        }
    }

    /// Since when a client's writes have not been stored; `None` while they are.
    pub fn unserved_since(&self, client: ClientId) -> Option<Time> {
        let client = &self.clients[client];
        let served = client.served && matches!(client.link, client::Link::To(_));
        (!served).then_some(client.unserved_since)
    }

    /// A new machine has a master's place: the load balancer's target again.
    pub fn register(&mut self, master: MasterId) {
        let backend = &mut self.rotation.backends[master];
        backend.registered = true;
        backend.registration += 1;
    }

    /// What health checks of a server would find has changed: the mark follows when enough of them have found it.
    fn check_health(&mut self, master: MasterId, ctx: &mut Ctx<'_>) {
        let balancer = &ctx.spec.control_plane.load_balancer;
        let server = &self.servers[master];
        let reachable = ctx.net.reaches(server.node) && !ctx.net.api_cut;
        let passes = reachable
            && !server.unseen
            && match balancer.check {
                crate::world::spec::HealthCheck::Tcp => server.accepts(),
                crate::world::spec::HealthCheck::Healthz => server.accepts() && server.etcd,
                crate::world::spec::HealthCheck::Readyz => server.stage == server::Stage::Ready && server.etcd,
            };
        let backend = &mut self.rotation.backends[master];
        if backend.passes != passes {
            backend.passes = passes;
            backend.generation += 1;
            let generation = backend.generation;
            if backend.used != passes {
                let name = Name::new("api-balancer").part(master.index() as u64);
                let lag = balancer.propagation.sample(&mut ctx.draw(Purpose::Balancer, name, u64::from(generation)));
                let at = self.rotation.marked_at(master, balancer, ctx.now, !reachable) + lag + self.rotation.lag;
                ctx.at(at, crate::world::event::Event::Api(ApiEvent::Marked { master, generation, used: passes }));
            }
        }
        self.tell_availability(ctx);
    }

    fn marked(&mut self, master: MasterId, used: bool, ctx: &mut Ctx<'_>) {
        self.rotation.backends[master].used = used;
        ctx.note(Fact::ServerInRotation { master, used });
        if !used && ctx.spec.control_plane.load_balancer.on_down == crate::world::spec::OnDown::Cut {
            self.cut_clients_of(master, true, ctx);
            ctx.notify(Notice::BalancerCuts(master));
        }
        self.tell_availability(ctx);
    }

    /// The operator takes a master out of the load balancer; new connections avoid it a lag later.
    pub fn deregister(&mut self, master: MasterId, ctx: &mut Ctx<'_>) {
        let backend = &mut self.rotation.backends[master];
        backend.registered = false;
        backend.registration += 1;
        let generation = backend.registration;
        let name = Name::new("api-balancer").part(master.index() as u64);
        let mut draw = ctx.draw(Purpose::Balancer, name.part(1), u64::from(generation));
        let lag = ctx.spec.control_plane.load_balancer.deregistration.sample(&mut draw);
        let lag = lag + self.rotation.lag;
        ctx.after(lag, crate::world::event::Event::Api(ApiEvent::Deregistered { master, generation }));
    }

    fn tell_served(&mut self, client: ClientId, served: bool, ctx: &mut Ctx<'_>) {
        if self.clients[client].served != served {
            self.clients[client].served = served;
            ctx.notify(Notice::ClientServed(client, served));
        }
    }
}
