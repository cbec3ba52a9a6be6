//! External load balancers of apps: which nodes (or pods) new connections from outside go to.
//!
//! The service controller adds and removes targets at its own pace; health checks take others out. Neither costs an
//! event while nothing changes.

use crate::base::{Id, IdVec, Name, Time};
use crate::world::behaviour::Behaviour;
use crate::world::effects::{Ctx, Notice};
use crate::world::event::Event;
use crate::world::ids::{AppId, NodeId, PodId, PoolId};
use crate::world::purpose::Purpose;
use crate::world::spec::{ExternalPolicy, ServiceBalancerSpec};
use crate::world::store::{Endpoint, NodeReady, Revision};
use crate::world::targets::Target;

/// The service controller goes through all nodes this often. Source: `nodeSyncPeriod`, service controller.
const NODE_SYNC: crate::base::Span = crate::base::Span::secs(100);

/// Inside an external load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BalancerEvent {
    /// The service controller compares nodes with targets.
    SyncsNodes,
    /// A registration or deregistration has taken effect, or checks have marked a target.
    Settles {
        /// Whose load balancer.
        app: AppId,
        /// Which target.
        target: u32,
        /// Of which finding.
        generation: u32,
    },
}

/// One target of one load balancer.
#[derive(Clone, Debug)]
struct Backend {
    target: Target,
    name: Name,
    phase: Time,
    /// The service controller wants it.
    wanted: bool,
    /// A check would pass.
    passes: bool,
    /// New connections go to it.
    used: bool,
    /// What `used` becomes when the pending finding settles.
    becomes: bool,
    generation: u32,
}

/// One app's load balancer.
#[derive(Clone, Debug, Default)]
struct Balancer {
    backends: Vec<Backend>,
}

/// All external load balancers.
#[derive(Clone, Debug, Default)]
pub struct Balancers {
    apps: IdVec<AppId, Option<Balancer>>,
    /// Machines, their lineage and group, in order of launch.
    machines: Vec<(NodeId, Name, Option<PoolId>)>,
    /// A node sync is due already.
    due: bool,
    /// The controller manager that leads, if any, and its behaviour.
    controller: Option<Behaviour>,
    syncs_from: Time,
    /// Syncs set off by changes so far: the ordinal of their draws.
    syncs: u64,
    /// Nodes that an operator has taken out: no sync brings them back.
    deregistered: Vec<NodeId>,
}

impl Balancers {
    /// One for each app whose Service has one, without targets.
    pub fn new(ctx: &Ctx<'_>) -> Balancers {
        let apps = ctx.spec.apps.iter().map(|app| app.balancer.as_ref().map(|_| Balancer::default())).collect();
        let phase = ctx.draw(Purpose::Phase, Name::new("service-controller"), 0).span_below(NODE_SYNC);
        Balancers { apps, syncs_from: Time::ZERO + phase, ..Balancers::default() }
    }

    /// Adds a machine.
    pub fn add(&mut self, node: NodeId, name: Name, pool: Option<PoolId>) {
        self.machines.push((node, name, pool));
    }

    /// The targets in use.
    pub fn used(&self, app: AppId) -> Vec<Target> {
        let backends = self.apps[app].iter().flat_map(|balancer| &balancer.backends);
        backends.filter(|backend| backend.used).map(|backend| backend.target).collect()
    }

    /// The start of a run: all targets that belong there are in use.
    pub fn begin(&mut self, version: crate::base::Version, ctx: &mut Ctx<'_>) {
        self.controller = Some(Behaviour::of(version));
        for app in self.apps.ids() {
            let Some(wanted) = self.wanted(app, ctx) else { continue };
            for (target, name) in wanted {
                let backend = new_backend(target, name, app, true, ctx);
                if let Some(balancer) = &mut self.apps[app] {
                    balancer.backends.push(backend);
                }
            }
            ctx.notify(Notice::TargetsChanged(app));
        }
    }

    /// The controller manager that runs the service controller leads, or none does.
    pub fn controller_is(&mut self, version: Option<crate::base::Version>, ctx: &mut Ctx<'_>) {
        self.controller = version.map(Behaviour::of);
        if self.controller.is_some() {
            self.nodes_changed(ctx);
        }
    }

    /// A Node object, or a pod's endpoint, has changed.
    pub fn nodes_changed(&mut self, ctx: &mut Ctx<'_>) {
        let Some(behaviour) = self.controller else { return };
        if self.due || self.apps.iter().all(Option::is_none) {
            return;
        }
        self.due = true;
        let at = match behaviour.balancer_sync_on_change {
            true => {
                self.syncs += 1;
                let mut draw = ctx.draw(Purpose::Balancer, Name::new("sync"), self.syncs);
                ctx.now + ctx.spec.timings.watch.sample(&mut draw)
            }
            false => ctx.now.next_tick(self.syncs_from, NODE_SYNC),
        };
        ctx.at(at, Event::Balancer(BalancerEvent::SyncsNodes));
    }

    /// Pod targets follow their endpoints at once (the controller of pod targets watches slices).
    pub fn endpoints_changed(&mut self, app: AppId, ctx: &mut Ctx<'_>) {
        if self.controller.is_some() && ctx.spec.apps[app].balancer.as_ref().is_some_and(|spec| spec.to_pods) {
            self.syncs(app, ctx);
        }
    }

    /// One of their own events.
    pub fn step(&mut self, event: BalancerEvent, ctx: &mut Ctx<'_>) {
        match event {
            BalancerEvent::SyncsNodes => {
                self.due = false;
                if self.controller.is_some() {
                    for app in self.apps.ids() {
                        self.syncs(app, ctx);
                    }
                }
            }
            BalancerEvent::Settles { app, target, generation } => {
                let Some(balancer) = &mut self.apps[app] else { return };
                let backend = &mut balancer.backends[target as usize];
                if backend.generation == generation && backend.used != backend.becomes {
                    backend.used = backend.becomes;
                    ctx.notify(Notice::TargetsChanged(app));
                }
            }
        }
    }

    /// Compares what the targets should be with what they are.
    fn syncs(&mut self, app: AppId, ctx: &mut Ctx<'_>) {
        let Some(wanted) = self.wanted(app, ctx) else { return };
        let known = self.apps[app].iter().flat_map(|balancer| &balancer.backends).count();
        for index in 0..known {
            let backend = |this: &Balancers| this.apps[app].as_ref().map(|balancer| balancer.backends[index].clone());
            let Some(old) = backend(self) else { continue };
            let is_wanted = wanted.iter().any(|(target, _)| *target == old.target);
            if old.wanted != is_wanted {
                self.set_wanted(app, index, is_wanted, ctx);
            }
        }
        for (target, name) in wanted {
            let is_known = self.apps[app].iter().flat_map(|b| &b.backends).any(|backend| backend.target == target);
            if !is_known && let Some(balancer) = &mut self.apps[app] {
                balancer.backends.push(new_backend(target, name, app, false, ctx));
                let index = balancer.backends.len() - 1;
                self.set_wanted(app, index, true, ctx);
            }
        }
    }

    fn set_wanted(&mut self, app: AppId, index: usize, wanted: bool, ctx: &mut Ctx<'_>) {
        let Some(spec) = &ctx.spec.apps[app].balancer else { return };
        let Some(balancer) = &mut self.apps[app] else { return };
        let passes = passes(balancer.backends[index].target, app, spec, ctx);
        let backend = &mut balancer.backends[index];
        backend.wanted = wanted;
        backend.passes = passes;
        backend.becomes = wanted && passes;
        backend.generation += 1;
        let lag = if wanted { &spec.registration } else { &spec.deregistration };
        let lag = lag.sample(&mut ctx.draw(Purpose::Balancer, backend.name, u64::from(backend.generation)));
        let event = BalancerEvent::Settles { app, target: index as u32, generation: backend.generation };
        ctx.after(lag, Event::Balancer(event));
    }

    /// The operator takes a node out of all load balancers.
    pub fn deregister(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        self.deregistered.push(node);
        for app in self.apps.ids() {
            let backends = self.apps[app].iter().flat_map(|balancer| &balancer.backends);
            if let Some(index) = backends.into_iter().position(|backend| backend.target == Target::Node(node)) {
                self.set_wanted(app, index, false, ctx);
            }
        }
    }

    /// A node's rules, power or link have changed: checks of targets there may find something else now.
    pub fn node_changed(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        for app in self.apps.ids() {
            self.check(app, |target| target == Target::Node(node), ctx);
        }
    }

    /// What a pod's address answers has changed.
    pub fn pod_changed(&mut self, pod: PodId, app: AppId, ctx: &mut Ctx<'_>) {
        self.check(app, |target| target == Target::Pod(pod), ctx);
    }

    fn check(&mut self, app: AppId, concerns: impl Fn(Target) -> bool, ctx: &mut Ctx<'_>) {
        let Some(spec) = &ctx.spec.apps[app].balancer else { return };
        let Some(balancer) = &mut self.apps[app] else { return };
        for (index, backend) in balancer.backends.iter_mut().enumerate() {
            if !backend.wanted || !concerns(backend.target) {
                continue;
            }
            let passes = passes(backend.target, app, spec, ctx);
            if backend.passes == passes {
                continue;
            }
            backend.passes = passes;
            backend.becomes = passes;
            backend.generation += 1;
            if backend.used == passes {
                continue;
            }
            let threshold = if passes { spec.healthy } else { spec.unhealthy };
            let ticks = spec.interval * u64::from(threshold.max(1) - 1);
            let mut at = ctx.now.next_tick(backend.phase, spec.interval) + ticks;
            if !passes && is_silent(backend.target, ctx) {
                at += spec.timeout;
            }
            let lag =
                spec.propagation.sample(&mut ctx.draw(Purpose::Balancer, backend.name, u64::from(backend.generation)));
            let event = BalancerEvent::Settles { app, target: index as u32, generation: backend.generation };
            ctx.at(at + lag, Event::Balancer(event));
        }
    }

    /// The targets that the service controller wants for an app; `None` without a load balancer.
    fn wanted(&self, app: AppId, ctx: &Ctx<'_>) -> Option<Vec<(Target, Name)>> {
        let spec = ctx.spec.apps[app].balancer.as_ref()?;
        if spec.to_pods {
            let pods = ctx.store.pods();
            let ready = ctx.store.pods_of(app).iter().filter(|pod| pods.endpoint(**pod) == Endpoint::Ready);
            return Some(ready.map(|pod| (Target::Pod(*pod), pods.name(*pod))).collect());
        }
        let behaviour = self.controller?;
        let belongs = |(node, _, pool): &&(NodeId, Name, Option<PoolId>)| {
            let object = ctx.store.nodes().now(*node);
            pool.is_some_and(|pool| ctx.spec.pools[pool].in_load_balancer)
                && object.exists
                && !self.deregistered.contains(node)
                && !(behaviour.cordon_leaves_balancer && object.unschedulable)
                && !(behaviour.unready_leaves_balancer && object.ready != NodeReady::True)
                && !(behaviour.exclude_label && object.excluded_from_balancers)
        };
        Some(self.machines.iter().filter(belongs).map(|(node, name, _)| (Target::Node(*node), *name)).collect())
    }
}

fn new_backend(target: Target, name: Name, app: AppId, used: bool, ctx: &Ctx<'_>) -> Backend {
    let name = name.with(Name::new("target").part(app.index() as u64));
    let interval = ctx.spec.apps[app].balancer.as_ref().map_or(NODE_SYNC, |spec| spec.interval);
    let phase = Time::ZERO + ctx.draw(Purpose::Phase, name, 1).span_below(interval);
    Backend { target, name, phase, wanted: used, passes: used, used, becomes: used, generation: 0 }
}

/// Whether a check of this target passes: a connection to the node port is answered; under the Local policy the node
/// has an endpoint of its own.
fn passes(target: Target, app: AppId, spec: &ServiceBalancerSpec, ctx: &Ctx<'_>) -> bool {
    match target {
        Target::Pod(pod) => {
            let node = ctx.store.pods().now(pod).node;
            node.is_some_and(|node| ctx.net.reaches(node)) && ctx.serving.answers(pod)
        }
        Target::Node(node) => {
            let revision = ctx.rules.revision(node);
            let listed = |pod: &&PodId| ctx.store.pods().endpoint_at(**pod, revision) == Endpoint::Ready;
            let local =
                |pod: &&PodId| spec.policy == ExternalPolicy::Cluster || ctx.store.pods().now(**pod).node == Some(node);
            let has_rules = revision > Revision(0) && ctx.net.reaches(node);
            has_rules && ctx.store.pods_of(app).iter().filter(listed).any(|pod| local(&pod))
        }
    }
}

fn is_silent(target: Target, ctx: &Ctx<'_>) -> bool {
    match target {
        Target::Node(node) => !ctx.net.reaches(node),
        Target::Pod(pod) => ctx.serving.of(pod) == crate::world::serving::Serving::Silent,
    }
}
