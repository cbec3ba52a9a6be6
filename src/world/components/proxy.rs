//! kube-proxies: each programs its node's kernel from the slices it has heard of, through its version's gate.
//!
//! Only the proxies of nodes that user traffic passes are kept up; nobody would see the others.

use crate::base::{IdVec, Name, Version};
use crate::world::behaviour::Behaviour;
use crate::world::bucket::Bucket;
use crate::world::effects::{Ctx, Notice};
use crate::world::event::Event;
use crate::world::ids::{ClientId, NodeId};
use crate::world::purpose::Purpose;
use crate::world::store::Revision;

/// Inside a kube-proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyEvent {
    /// The gate lets the next sync pass.
    Syncs {
        /// Whose.
        node: NodeId,
        /// Of which life.
        generation: u32,
    },
    /// A sync is done: the kernel follows what was heard when it began.
    Synced {
        /// Whose.
        node: NodeId,
        /// Of which life.
        generation: u32,
        /// What it programmed.
        revision: Revision,
    },
}

impl ProxyEvent {
    /// Whose it is.
    pub fn node(self) -> NodeId {
        match self {
            ProxyEvent::Syncs { node, .. } | ProxyEvent::Synced { node, .. } => node,
        }
    }
}

/// One kube-proxy.
#[derive(Clone, Debug)]
struct Proxy {
    name: Name,
    client: ClientId,
    running: bool,
    /// A sync is under way or waits for the gate.
    busy: bool,
    generation: u32,
    syncs: u32,
    gate: Bucket,
}

/// All kube-proxies that are kept up.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    nodes: IdVec<NodeId, Option<Proxy>>,
}

impl Proxies {
    /// Adds a machine; with a client if user traffic passes it.
    pub fn add(&mut self, name: Name, client: Option<ClientId>) -> NodeId {
        let proxy = |client| Proxy {
            name,
            client,
            running: false,
            busy: false,
            generation: 0,
            syncs: 0,
            gate: Bucket::new(0, 0),
        };
        self.nodes.push(client.map(proxy))
    }

    /// The API client of a node's proxy, if it is kept up.
    pub fn client(&self, node: NodeId) -> Option<ClientId> {
        self.nodes[node].as_ref().map(|proxy| proxy.client)
    }

    /// Whether a kube-proxy that is kept up runs here.
    pub fn is_running(&self, node: NodeId) -> bool {
        self.nodes[node].as_ref().is_some_and(|proxy| proxy.running)
    }

    /// Whether a sync is under way or waits for the gate: then what comes meanwhile is looked at when it begins, or ends.
    pub fn is_busy(&self, node: NodeId) -> bool {
        self.nodes[node].as_ref().is_some_and(|proxy| proxy.running && proxy.busy)
    }

    /// The start of a run: it runs, and the kernel follows the slices as they are.
    pub fn begin(&mut self, node: NodeId, version: Version, ctx: &mut Ctx<'_>) {
        if let Some(proxy) = &mut self.nodes[node] {
            proxy.running = true;
            proxy.gate = gate(version, ctx);
            ctx.notify(Notice::Rules(node, Revision(0), ctx.store.revision()));
        }
    }

    /// One of their own events.
    pub fn step(&mut self, event: ProxyEvent, ctx: &mut Ctx<'_>) {
        match event {
            ProxyEvent::Syncs { node, generation } => {
                if self.is_current(node, generation) {
                    self.syncs(node, ctx);
                }
            }
            ProxyEvent::Synced { node, generation, revision } => {
                if self.is_current(node, generation) {
                    self.synced(node, revision, ctx);
                }
            }
        }
    }

    fn is_current(&self, node: NodeId, generation: u32) -> bool {
        self.nodes[node].as_ref().is_some_and(|proxy| proxy.running && proxy.generation == generation)
    }

    /// Its watch has delivered changes of slices.
    pub fn heard(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        if let Some(proxy) = &mut self.nodes[node]
            && proxy.running
            && !proxy.busy
        {
            self.asks(node, ctx);
        }
    }

    /// Asks the gate for a sync.
    fn asks(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let Some(proxy) = &mut self.nodes[node] else { return };
        proxy.busy = true;
        let (start, generation) = (proxy.gate.take(1, ctx.now), proxy.generation);
        match start <= ctx.now {
            true => self.syncs(node, ctx),
            false => ctx.at(start, Event::Proxy(ProxyEvent::Syncs { node, generation })),
        }
    }

    fn syncs(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let Some(proxy) = &mut self.nodes[node] else { return };
        proxy.syncs += 1;
        let mut draw = ctx.draw(Purpose::ProxySync, proxy.name, u64::from(proxy.syncs));
        let (lasts, generation) = (ctx.spec.timings.proxy_sync.sample(&mut draw), proxy.generation);
        let revision = ctx.cursor(proxy.client);
        ctx.after(lasts, Event::Proxy(ProxyEvent::Synced { node, generation, revision }));
    }

    fn synced(&mut self, node: NodeId, revision: Revision, ctx: &mut Ctx<'_>) {
        let Some(proxy) = &mut self.nodes[node] else { return };
        proxy.busy = false;
        let client = proxy.client;
        ctx.notify(Notice::Rules(node, ctx.rules.revision(node), revision));
        if ctx.cursor(client) > revision {
            self.asks(node, ctx);
        }
    }

    /// The process starts, on a new machine or after a stop; its first sync programs everything.
    pub fn starts(&mut self, node: NodeId, version: Version, ctx: &mut Ctx<'_>) {
        let Some(proxy) = &mut self.nodes[node] else { return };
        proxy.running = true;
        proxy.busy = true;
        proxy.generation += 1;
        proxy.syncs += 1;
        proxy.gate = gate(version, ctx);
        let mut draw = ctx.draw(Purpose::ProxySync, proxy.name, u64::from(proxy.syncs));
        let wait = ctx.spec.timings.proxy_start.sample(&mut draw);
        let generation = proxy.generation;
        ctx.after(wait, Event::Proxy(ProxyEvent::Syncs { node, generation }));
    }

    /// The process, or the whole machine, stops. Kernel rules stay as they are.
    pub fn stops(&mut self, node: NodeId) {
        if let Some(proxy) = &mut self.nodes[node] {
            proxy.running = false;
            proxy.busy = false;
            proxy.generation += 1;
        }
    }
}

/// The gate between two syncs. Source: kube-proxy `BoundedFrequencyRunner` (`minSyncPeriod`, burst).
fn gate(version: Version, ctx: &Ctx<'_>) -> Bucket {
    let behaviour = Behaviour::of(version);
    let gap = ctx.spec.timings.proxy_min_sync.unwrap_or(behaviour.proxy_min_sync);
    Bucket::every(gap, behaviour.proxy_burst)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Span, Time};
    use crate::world::network::Network;
    use crate::world::testkit::{Stage, small_spec};
    use crate::world::watch::Watches;

    fn stage() -> (Stage, Proxies, NodeId) {
        let mut stage = Stage::new(small_spec(), 1);
        let mut watches = Watches::default();
        let client = watches.add(Revision(1));
        stage.watches = watches;
        stage.net = Network::default();
        stage.net.add(true);
        let node = stage.rules.add();
        let mut proxies = Proxies::default();
        proxies.add(Name::new("clients/0"), Some(client));
        (stage, proxies, node)
    }

    /// Runs the proxy's own events until none is left; returns when each sync was done.
    fn run(stage: &mut Stage, proxies: &mut Proxies) -> Vec<Time> {
        let mut done = Vec::new();
        while let Some(popped) = stage.out.queue.pop() {
            stage.now = popped.at;
            let Event::Proxy(event) = popped.event else { panic!("only proxies act here") };
            proxies.step(event, &mut stage.ctx());
            for notice in std::mem::take(&mut stage.out.notices) {
                if let Notice::Rules(node, _, revision) = notice {
                    stage.rules.set(node, revision);
                    done.push(stage.now);
                }
            }
        }
        done
    }

    /// Source: kube-proxy `minSyncPeriod` 1 s since 1.20 with a burst of 2 (`pkg/util/async`).
    #[test]
    fn from_1_20_two_syncs_pass_at_once_and_then_one_a_second() {
        let (mut stage, mut proxies, node) = stage();
        proxies.begin(node, Version::new(1, 20, 2), &mut stage.ctx());
        stage.out.notices.clear();
        stage.now = Time::ZERO + Span::secs(100);
        let mut done = Vec::new();
        for _ in 0..4 {
            proxies.heard(node, &mut stage.ctx());
            done.extend(run(&mut stage, &mut proxies));
        }
        let after: Vec<u64> =
            done.iter().map(|at| at.since(Time::ZERO + Span::secs(100)).as_nanos() / 1_000_000).collect();
        assert_eq!(after, [50, 100, 1050, 2050]);
    }

    /// Source: kubernetes PR 92836 made the minimum 1 s; it was 0 before.
    #[test]
    fn before_1_20_every_change_is_synced_at_once() {
        let (mut stage, mut proxies, node) = stage();
        proxies.begin(node, Version::new(1, 19, 0), &mut stage.ctx());
        stage.out.notices.clear();
        for _ in 0..5 {
            proxies.heard(node, &mut stage.ctx());
        }
        assert_eq!(run(&mut stage, &mut proxies), [Time::ZERO + Span::millis(50)]);
    }
}
