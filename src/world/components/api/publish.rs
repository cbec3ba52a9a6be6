//! Watches: which clients follow what, and when a committed write reaches them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::client::Link;
use super::{Api, ApiEvent};
use crate::base::{IdVec, Pages, Time};
use crate::world::effects::Ctx;
use crate::world::event::Event;
use crate::world::ids::{ClientId, NodeId};
use crate::world::purpose::Purpose;
use crate::world::store::{Component, PodObject, Revision, Touched};
use crate::world::watch::ClientKind;

/// Whose watches follow what.
#[derive(Clone, Debug, Default)]
pub(super) struct Followers {
    /// Each machine's kubelet.
    kubelets: IdVec<NodeId, Option<ClientId>>,
    /// What runs on each machine, in order.
    on_host: BTreeSet<(NodeId, ClientId)>,
    /// kube-proxies that are kept up: those of nodes that user traffic passes.
    proxies: Vec<ClientId>,
    /// The leading process of each component.
    leading: [Option<ClientId>; 2],
    /// When each client's last delivery arrives (events of one watch come in order), and how many it had.
    busy_until: Pages<ClientId, (Time, u64)>,
    /// What comes, and when, to clients at work: they look at it when they are done, and nothing happens before.
    coming: BTreeMap<ClientId, VecDeque<(Time, Revision)>>,
    /// Every delivery is an event. For tests: outcomes must be the same.
    eager: bool,
}

impl Followers {
    pub(super) fn add(&mut self, kind: ClientKind, client: ClientId) {
        self.busy_until.push((Time::ZERO, 0));
        if let ClientKind::Kubelet(node) | ClientKind::Proxy(node) | ClientKind::Router(_, node) = kind {
            self.on_host.insert((node, client));
        }
        match kind {
            ClientKind::Kubelet(node) => {
                while self.kubelets.len() <= crate::base::Id::index(node) {
                    self.kubelets.push(None);
                }
                self.kubelets[node] = Some(client);
            }
            ClientKind::Proxy(_) | ClientKind::Router(..) => self.proxies.push(client),
            ClientKind::Elected(..) | ClientKind::Operator(_) => {}
        }
    }

    pub(super) fn on_host(&self, node: NodeId) -> impl Iterator<Item = ClientId> + '_ {
        let first = (node, ClientId(0));
        self.on_host.range(first..).take_while(move |(host, _)| *host == node).map(|(_, client)| *client)
    }

    pub(super) fn drop_proxy(&mut self, client: ClientId) {
        self.proxies.retain(|other| *other != client);
        self.coming.remove(&client);
    }
}

impl Api {
    /// The process begins to lead, and deliveries go to no other; or it ends.
    pub fn leads(&mut self, component: Component, client: ClientId, leads: bool) {
        let leading = &mut self.followers.leading[component as usize];
        if leads {
            *leading = Some(client);
        } else if *leading == Some(client) {
            *leading = None;
        }
    }

    /// A machine is gone for good: its proxy follows nothing any more.
    pub fn forget_proxy(&mut self, client: ClientId) {
        self.followers.drop_proxy(client);
    }

    /// A write was committed as the newest revision: everyone whose watch follows what it touched will hear. A client
    /// at work looks up only when it is done: until then a delivery is no event.
    pub fn publish(&mut self, at_work: impl Fn(ClientId) -> bool, ctx: &mut Ctx<'_>) {
        let revision = ctx.store.revision();
        let before = Revision(revision.0 - 1);
        let (mut controllers, mut scheduler, mut proxies, mut kubelet) = (false, false, false, None);
        for touched in ctx.store.touched(before, revision).into_iter().flatten() {
            match touched {
                Touched::Pod(pod) => {
                    controllers = true;
                    let now = ctx.store.pods().now(pod);
                    let same = ctx.store.pods().at(pod, before).is_some_and(|old| same_wish(&old, &now));
                    scheduler |= !same;
                    // Where a node can be lost whose kubelet is connected, others write what the kubelet says.
                    if !same || ctx.spec.asks_about_leases() {
                        kubelet = kubelet.or(now.node);
                    }
                }
                Touched::Endpoint(_) => proxies = true,
                Touched::Node(_) => (controllers, scheduler) = (true, true),
                Touched::Budget(_) | Touched::Set(_) | Touched::Deployment(_) => controllers = true,
                Touched::Volume(volume) => {
                    controllers = true;
                    kubelet = kubelet.or(ctx.store.volume(volume).attached);
                }
                Touched::Lease(_) => {}
            }
        }
        let [manager, scheduling] = self.followers.leading;
        let kubelet = kubelet.and_then(|node| self.followers.kubelets.get(node).copied().flatten());
        for client in [manager.filter(|_| controllers), scheduling.filter(|_| scheduler), kubelet] {
            self.deliver(client, revision, false, ctx);
        }
        if proxies {
            for index in 0..self.followers.proxies.len() {
                let client = self.followers.proxies[index];
                self.deliver(Some(client), revision, at_work(client), ctx);
            }
        }
    }

    /// A watch stands again: it hears all it has missed.
    pub(super) fn resume_watch(&mut self, client: ClientId, ctx: &mut Ctx<'_>) {
        let follows = match self.clients[client].kind {
            ClientKind::Kubelet(_) | ClientKind::Proxy(_) | ClientKind::Router(..) => true,
            ClientKind::Elected(component, _) => self.followers.leading[component as usize] == Some(client),
            ClientKind::Operator(_) => false,
        };
        let revision = ctx.store.revision();
        let coming = self.followers.coming.get(&client).into_iter().flatten();
        let arrived = coming.take_while(|(at, _)| *at <= ctx.now).last().map(|(_, revision)| *revision);
        if follows && ctx.cursor(client).max(arrived.unwrap_or_default()) < revision {
            self.deliver(Some(client), revision, false, ctx);
        }
    }

    fn deliver(&mut self, client: Option<ClientId>, revision: Revision, at_work: bool, ctx: &mut Ctx<'_>) {
        let Some(client) = client else { return };
        let who = &self.clients[client];
        if !who.running || !matches!(who.link, Link::To(_)) {
            return;
        }
        let (busy, deliveries) = self.followers.busy_until[client];
        let delay = ctx.spec.timings.watch.sample(&mut ctx.draw(Purpose::WatchDelay, who.name, deliveries));
        let at = busy.max(ctx.now + delay);
        self.followers.busy_until[client] = (at, deliveries + 1);
        match at_work && !self.followers.eager {
            true => self.followers.coming.entry(client).or_default().push_back((at, revision)),
            false => ctx.at(at, Event::Api(ApiEvent::Delivers { client, revision })),
        }
    }

    /// A client at work looks up: what has come meanwhile.
    pub fn looks_up(&mut self, client: ClientId, now: Time) -> Option<Revision> {
        let coming = self.followers.coming.get_mut(&client)?;
        let many = coming.partition_point(|(at, _)| *at <= now);
        coming.drain(..many).next_back().map(|(_, revision)| revision)
    }

    /// A client's work, or its connection, ends: what is still to come to it are events from now on.
    pub fn awaits(&mut self, client: ClientId, ctx: &mut Ctx<'_>) {
        let Some(coming) = self.followers.coming.get_mut(&client) else { return };
        let arrived = coming.partition_point(|(at, _)| *at <= ctx.now);
        for (at, revision) in coming.drain(arrived..) {
            ctx.at(at, Event::Api(ApiEvent::Delivers { client, revision }));
        }
    }

    /// For tests: every delivery is an event.
    #[cfg(test)]
    pub fn delivers_eagerly(&mut self) {
        self.followers.eager = true;
    }

    /// Whether a delivery still reaches its client.
    pub fn is_delivered(&self, client: ClientId) -> bool {
        self.clients[client].running && matches!(self.clients[client].link, Link::To(_))
    }
}

/// Whether a pod changed in nothing that its kubelet or the scheduler acts on: only in what the kubelet itself said.
fn same_wish(old: &PodObject, new: &PodObject) -> bool {
    old.node == new.node && old.deleting == new.deleting && old.grace == new.grace && old.gone == new.gone
}
