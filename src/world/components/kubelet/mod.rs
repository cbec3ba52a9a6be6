//! Kubelets: one on each machine.
//!
//! A pod passes through `start` (worker, sandbox, image, container), is watched by `probing` and `status`, and leaves
//! through `restart` (its container died) or `stop` (its deletion was heard) and `reclaim`. `machine` is the kubelet's
//! own life: registration, restarts, power. Nothing here ticks: the relist of the PLEG, probes, the status manager's
//! batch are found from phase and period when something has changed.

mod doom;
mod machine;
mod plugin;
mod probes;
mod probing;
mod pulls;
mod reclaim;
mod renewals;
mod restart;
mod runtime;
mod start;
mod status;
mod stop;
mod worker;
mod workers;

#[cfg(test)]
mod bench;
#[cfg(test)]
mod chaos;
#[cfg(test)]
mod tests;

use crate::base::{Id, Name, Pages, Span, Time};
use crate::world::disturbance::{Doomed, Registry};
use crate::world::effects::{Ctx, Outcome};
use crate::world::event::Event;
use crate::world::ids::{ClientId, NodeId, PodId, PoolId};
use crate::world::purpose::Purpose;
use crate::world::store::{PodObject, Revision, Touched};
use machine::Kubelet;
pub use machine::KubeletFlaw;
use worker::{Stage, Worker};
use workers::Workers;

/// Inside a kubelet. At most 12 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KubeletEvent {
    /// The API's answer to a request of this kubelet.
    Answer {
        /// The node.
        node: NodeId,
        /// The token it gave.
        token: u32,
        /// How it went.
        result: Outcome,
    },
    /// The process is up and acts from now on.
    Begins {
        /// The node.
        node: NodeId,
        /// Which start of the process.
        incarnation: u32,
    },
    /// An attempt to register the node.
    Registers {
        /// The node.
        node: NodeId,
        /// Which start of the process.
        incarnation: u32,
    },
    /// Network and runtime are ready: the node is.
    Joins {
        /// The node.
        node: NodeId,
        /// Which start of the process.
        incarnation: u32,
    },
    /// A renewal of the node's lease that is a write of its own.
    Renews {
        /// The node.
        node: NodeId,
        /// Only the newest counts.
        generation: u32,
    },
    /// A tick of the status manager's batch, and there is something to do.
    StatusTick {
        /// The node.
        node: NodeId,
        /// Which start of the process.
        incarnation: u32,
    },
    /// A pod's worker has finished what its stage was about.
    Worker {
        /// The pod.
        pod: PodId,
        /// Only the newest counts.
        generation: u32,
    },
    /// A relist of the PLEG finds this pod's container changed.
    Relisted {
        /// The pod.
        pod: PodId,
        /// Which start of the process.
        incarnation: u32,
    },
    /// The readiness or startup probe reaches its threshold.
    Readiness {
        /// The pod.
        pod: PodId,
        /// Only the newest counts.
        generation: u32,
    },
    /// A container ends by itself.
    Dies {
        /// The pod.
        pod: PodId,
        /// Which start of its container.
        restarts: u16,
    },
    /// The liveness probe reaches its failure threshold.
    Liveness {
        /// The pod.
        pod: PodId,
        /// Only the newest counts.
        generation: u32,
    },
}

/// All kubelets.
#[derive(Clone, Debug)]
pub struct Kubelets {
    nodes: Pages<NodeId, Kubelet>,
    workers: Workers,
    /// All hosts share processors: some app's requests notice when they are at work.
    share_processors: bool,
    /// The network plugin is an app's pod on each node.
    cni: bool,
    /// How the registry of images answers.
    registry: Registry,
    /// Whose containers end so long after their start.
    doomed: Vec<(Doomed, Span)>,
}

impl Kubelets {
    /// None yet.
    pub fn new() -> Kubelets {
        Kubelets {
            nodes: Pages::new(),
            workers: Workers::default(),
            share_processors: false,
            cni: false,
            registry: Registry::Slower(1),
            doomed: Vec::new(),
        }
    }

    /// A machine whose kubelet is not running yet. `name` is the machine's lineage, `client` its kubelet's API
    /// client, `pool` its group; `None` for a master. Machines are added in the order of their ids.
    pub fn add(&mut self, node: NodeId, name: Name, client: ClientId, pool: Option<PoolId>, ctx: &mut Ctx<'_>) {
        debug_assert_eq!(self.nodes.len(), node.index(), "machines are added in order");
        if self.nodes.is_empty() {
            self.share_processors = ctx.spec.apps.iter().any(|app| app.latency_busy.is_some());
            self.cni = ctx.spec.apps.iter().any(|app| app.is_cni);
        }
        self.nodes.push(Kubelet::new(name, client, pool, ctx.spec.control_plane.from));
    }

    /// The start of a run: the kubelet runs, its node is registered and Ready, and these pods run on it and are Ready,
    /// for a long time already.
    pub fn begin(&mut self, node: NodeId, pods: &[PodId], ctx: &mut Ctx<'_>) {
        let version = ctx.store.nodes().now(node).version;
        self.nodes[node].begin_run(version, ctx);
        for pod in pods {
            let object = ctx.store.pods().now(*pod);
            self.nodes[node].remember_image(object.app);
            self.nodes[node].pods.push(*pod);
            self.workers.insert(*pod, Worker::long_running(node));
            self.workers.rest(*pod, &ctx.spec.apps[object.app], ctx.now);
        }
        ctx.notify(crate::world::effects::Notice::Pulse(node, true));
    }

    /// No worker rests from now on. For tests: outcomes must be the same.
    #[cfg(test)]
    pub fn wake_workers(&mut self) {
        self.workers.wake();
    }

    /// One of their own events.
    pub fn step(&mut self, event: KubeletEvent, ctx: &mut Ctx<'_>) {
        match event {
            KubeletEvent::Answer { node, token, result } => self.answered(node, token, result, ctx),
            KubeletEvent::Begins { node, incarnation } => {
                if self.nodes[node].incarnation == incarnation {
                    self.process_begins(node, ctx);
                }
            }
            KubeletEvent::Registers { node, incarnation } => {
                if self.nodes[node].acts(incarnation) {
                    self.register(node, ctx);
                }
            }
            KubeletEvent::Joins { node, incarnation } => {
                if self.nodes[node].acts(incarnation) {
                    self.join(node, ctx);
                }
            }
            KubeletEvent::Renews { node, generation } => self.renew(node, generation, ctx),
            KubeletEvent::StatusTick { node, incarnation } => {
                if self.nodes[node].acts(incarnation) {
                    self.status_tick(node, ctx);
                }
            }
            KubeletEvent::Worker { pod, generation } => self.worker_acts(pod, generation, ctx),
            KubeletEvent::Relisted { pod, incarnation } => {
                if self.workers.get(pod).is_some_and(|worker| self.nodes[worker.node].acts(incarnation)) {
                    self.relisted(pod, ctx);
                }
            }
            KubeletEvent::Readiness { pod, generation } => {
                if self.workers.get(pod).is_some_and(|worker| worker.probe_generation == generation) {
                    self.readiness_crossed(pod, ctx);
                }
            }
            KubeletEvent::Dies { pod, restarts } => self.container_dies(pod, restarts, ctx),
            KubeletEvent::Liveness { pod, generation } => {
                if self.workers.get(pod).is_some_and(|worker| worker.probe_generation == generation) {
                    self.liveness_failed(pod, ctx);
                }
            }
        }
    }

    /// The watch of a node's kubelet has moved from one revision to another.
    pub fn heard(&mut self, node: NodeId, from: Revision, to: Revision, ctx: &mut Ctx<'_>) {
        if !self.nodes[node].synced() {
            return;
        }
        let store = ctx.store;
        let Some(touched) = store.touched_on(node, from, to) else {
            return self.listed(node, to, ctx);
        };
        for touched in touched {
            match touched {
                Touched::Pod(pod) => {
                    if let Some(object) = store.pods().at(pod, to).filter(|object| object.node == Some(node)) {
                        self.pod_is(node, pod, &object, ctx);
                    }
                }
                Touched::Node(other) => {
                    if other == node {
                        self.node_heard(node, to, ctx);
                    }
                }
                Touched::Endpoint(_)
                | Touched::Budget(_)
                | Touched::Set(_)
                | Touched::Deployment(_)
                | Touched::Lease(_) => {}
                Touched::Volume(volume) => self.volume_came(node, volume, ctx),
            }
        }
    }

    /// The watch could not resume: everything is listed anew, at this revision.
    pub(super) fn listed(&mut self, node: NodeId, at: Revision, ctx: &mut Ctx<'_>) {
        if !self.nodes[node].synced() {
            return;
        }
        let store = ctx.store;
        let known = self.nodes[node].pods.clone();
        let others = store.pods_on(node).iter().filter(|pod| !known.contains(pod));
        for pod in known.iter().chain(others) {
            if let Some(object) = store.pods().at(*pod, at).filter(|object| object.node == Some(node)) {
                self.pod_is(node, *pod, &object, ctx);
            }
        }
        self.node_heard(node, at, ctx);
    }

    /// What the kubelet has heard of one of its pods.
    fn pod_is(&mut self, node: NodeId, pod: PodId, object: &PodObject, ctx: &mut Ctx<'_>) {
        self.compare(pod, object, ctx);
        let known = self.workers.has(pod);
        match (object.gone, object.deleting.is_some(), known) {
            (true, _, true) => self.object_gone(pod, ctx),
            (true, _, false) => {}
            (false, true, true) => self.deletion_heard(pod, object, ctx),
            (false, true, false) => self.refuse(node, pod, object, ctx),
            (false, false, true) => {}
            (false, false, false) => self.adopt(node, pod, object, ctx),
        }
    }

    /// A pod's worker has finished what its stage was about.
    fn worker_acts(&mut self, pod: PodId, generation: u32, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get(pod).filter(|worker| worker.generation == generation) else {
            return;
        };
        match worker.stage {
            Stage::Waiting => self.make_sandbox(pod, ctx),
            Stage::Sandbox => self.sandbox_made(pod, ctx),
            Stage::Pulling => self.pulled(pod, ctx),
            Stage::Starting => self.container_started(pod, ctx),
            Stage::Exited => self.exit_seen(pod, ctx),
            Stage::Backoff => self.get_image(pod, ctx),
            Stage::Told => self.begin_stop(pod, ctx),
            Stage::Hook => self.hook_over(pod, ctx),
            Stage::Stopping => self.grace_over(pod, ctx),
            Stage::Removing => self.sandbox_removed(pod, ctx),
            Stage::Reclaiming => self.reclaimed(pod, ctx),
            Stage::Running | Stage::Done => {}
        }
    }

    /// The worker enters a stage that ends at `at`.
    fn enter_until(&mut self, pod: PodId, stage: Stage, at: Time, ctx: &mut Ctx<'_>) {
        if let Some(worker) = self.workers.get_mut(pod) {
            let (node, generation) = (worker.node, worker.enter(stage));
            self.stage_operates(node, stage, at, ctx);
            ctx.at(at, Event::Kubelet(KubeletEvent::Worker { pod, generation }));
        }
    }

    /// The worker enters a stage that lasts as this distribution says.
    fn enter_for(
        &mut self,
        pod: PodId,
        stage: Stage,
        lasting: crate::engine::Dist,
        purpose: Purpose,
        ctx: &mut Ctx<'_>,
    ) {
        let Some(worker) = self.workers.get(pod) else { return };
        let ordinal = self.nodes[worker.node].ordinal(&worker);
        let name = ctx.store.pods().name(pod);
        let lasting = lasting.sample(&mut ctx.draw(purpose, name, ordinal)) * u64::from(self.nodes[worker.node].pace);
        self.enter_until(pod, stage, ctx.now + lasting, ctx);
    }
}

impl Default for Kubelets {
    fn default() -> Self {
        Kubelets::new()
    }
}
