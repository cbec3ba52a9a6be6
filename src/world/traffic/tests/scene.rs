//! A stage with pods, one client node, and traffic; the other components' parts are played by hand.

use crate::base::{IdVec, Name, Rate, Span, Time};
use crate::world::effects::{Ctx, Notice};
use crate::world::event::Event;
use crate::world::fact::Fact;
use crate::world::ids::{AppId, GroupId, NodeId, PodId, PoolId, SetId};
use crate::world::spec::{Connections, GroupSpec, OnSigterm, Spec};
use crate::world::store::{Change, Endpoint, NodeObject, Phase, Revision};
use crate::world::testkit::{Stage, small_spec};
use crate::world::traffic::{Ledger, Traffic};

pub(super) struct Scene {
    pub(super) stage: Stage,
    pub(super) traffic: Traffic,
    pub(super) pods: Vec<PodId>,
    pub(super) workers: Vec<NodeId>,
    pub(super) client: NodeId,
    pub(super) facts: Vec<Fact>,
    pub(super) notices: Vec<Notice>,
    pub(super) steps: u64,
}

/// The small spec with one group, of New connections at 100 a second.
pub(super) fn one_group(change: impl FnOnce(&mut Spec, &mut GroupSpec)) -> Spec {
    let mut spec = small_spec();
    let mut group = spec.groups[GroupId(0)].clone();
    change(&mut spec, &mut group);
    spec.groups = IdVec::new();
    spec.groups.push(group);
    spec
}

pub(super) fn kept(group: &mut GroupSpec, idempotent: bool) {
    group.connections = Connections::KeptAlive { pool: 20 };
    group.idempotent = idempotent;
}

pub(super) fn sigterm_is(spec: &mut Spec, on_sigterm: OnSigterm) {
    spec.apps.iter_mut().for_each(|app| app.on_sigterm = on_sigterm);
}

pub(super) fn rate(group: &mut GroupSpec, per_sec: u64) {
    group.rate = Rate::per_sec(per_sec);
}

pub(super) fn at(millis: u64) -> Time {
    Time::ZERO + Span::millis(millis)
}

impl Scene {
    /// `replicas` pods, ready, on as many workers, and one client node whose rules name them all.
    pub(super) fn new(spec: Spec, seed: u64, replicas: usize) -> Scene {
        let mut stage = Stage::new(spec, seed);
        let mut nodes: Vec<NodeId> = (0..=replicas).map(|_| add_machine(&mut stage)).collect();
        let mut pods = Vec::new();
        for node in &nodes[..replicas] {
            pods.push(add_pod(&mut stage, SetId(0), *node));
        }
        let ready = pods.iter().map(|pod| (*pod, Endpoint::Ready)).collect();
        apply(&mut stage, &Change::Endpoints { app: AppId(0), pods: ready });
        for node in nodes.clone() {
            stage.rules.set(node, stage.store.revision());
        }
        let traffic = Traffic::begin(&mut stage.ctx());
        let client = nodes.pop().expect("the client's node is the last");
        let (facts, notices) = (Vec::new(), Vec::new());
        let mut scene = Scene { stage, traffic, pods, workers: nodes, client, facts, notices, steps: 0 };
        let workers = scene.workers.clone();
        scene.act(0, |traffic, ctx| {
            for (slot, node) in workers.into_iter().enumerate() {
                traffic.name_node(node, Name::new("workers").part(slot as u64), Some(PoolId(0)), ctx);
            }
            traffic.name_node(client, Name::new("clients").part(0), Some(PoolId(1)), ctx);
        });
        scene
    }
    pub(super) fn act(&mut self, millis: u64, act: impl FnOnce(&mut Traffic, &mut Ctx<'_>)) {
        self.run(millis);
        act(&mut self.traffic, &mut self.stage.ctx());
        self.flush();
    }
    fn flush(&mut self) {
        let notices = std::mem::take(&mut self.stage.out.notices);
        for notice in &notices {
            if let Notice::Serves(pod, serving) = *notice {
                self.stage.serving.set(pod, serving);
                assert_eq!(self.traffic.serving(pod), serving);
            }
        }
        self.notices.extend(notices);
        self.facts.append(&mut self.stage.out.facts);
        for ledger in self.traffic.ledgers().iter() {
            assert!(ledger.is_balanced(), "{ledger:?}");
        }
    }
    /// Steps all events up to this moment.
    pub(super) fn run(&mut self, millis: u64) {
        while self.stage.out.queue.next_time().is_some_and(|next| next <= at(millis)) {
            let popped = self.stage.out.queue.pop().expect("there is a next one");
            self.stage.now = popped.at;
            let Event::Traffic(event) = popped.event else { panic!("only traffic is on this stage") };
            self.traffic.step(event, &mut self.stage.ctx());
            self.steps += 1;
            self.flush();
        }
        self.stage.now = at(millis);
    }
    pub(super) fn endpoint(&mut self, pod: PodId, endpoint: Endpoint) {
        apply(&mut self.stage, &Change::Endpoints { app: AppId(0), pods: vec![(pod, endpoint)] });
    }
    /// The client's kernel follows the slices from `millis` on.
    pub(super) fn program(&mut self, millis: u64) {
        self.program_node(self.client, millis);
    }
    pub(super) fn program_node(&mut self, node: NodeId, millis: u64) {
        self.run(millis);
        let (from, to) = (self.stage.rules.revision(node), self.stage.store.revision());
        self.stage.rules.set(node, to);
        self.act(millis, |traffic, ctx| traffic.rules_changed(node, from, to, ctx));
    }
    /// One more pod, which is ready but in nobody's rules yet.
    pub(super) fn new_pod(&mut self, worker: usize, millis: u64) -> PodId {
        self.run(millis);
        let pod = self.start_pod(SetId(0), worker, millis);
        self.endpoint(pod, Endpoint::Ready);
        pod
    }
    /// One more pod of a ReplicaSet starts.
    pub(super) fn start_pod(&mut self, set: SetId, worker: usize, millis: u64) -> PodId {
        self.run(millis);
        let pod = add_pod(&mut self.stage, set, self.workers[worker]);
        self.act(millis, |traffic, ctx| {
            traffic.sandbox(pod, true, ctx);
            traffic.container_started(pod, ctx);
        });
        pod
    }
    /// A link goes down or comes back.
    pub(super) fn link(&mut self, node: NodeId, linked: bool, millis: u64) {
        self.run(millis);
        self.stage.net.host_mut(node).linked = linked;
        self.act(millis, |traffic, ctx| traffic.host_changed(node, ctx));
    }
    pub(super) fn power(&mut self, node: NodeId, powered: bool, millis: u64) {
        self.run(millis);
        self.stage.net.host_mut(node).powered = powered;
        self.act(millis, |traffic, ctx| traffic.host_changed(node, ctx));
    }
    pub(super) fn finish(&mut self, millis: u64) -> Ledger {
        self.act(millis, |traffic, ctx| traffic.finish(ctx));
        self.traffic.ledgers()[GroupId(0)].clone()
    }
    /// The first pod is deleted at 10 s without a preStop: SIGTERM at once, the sandbox goes 200 ms after the exit,
    /// the client's rules follow after `lag` ms.
    pub(super) fn delete_first(&mut self, lag: u64) {
        let pod = self.pods[0];
        self.endpoint(pod, Endpoint::Absent);
        self.act(10_000, |traffic, ctx| traffic.sigterm(pod, ctx));
        if lag > 205 {
            self.act(10_205, |traffic, ctx| traffic.sandbox(pod, false, ctx));
        }
        self.program(10_000 + lag);
    }
}

fn add_machine(stage: &mut Stage) -> NodeId {
    let node = stage.net.add(true);
    assert_eq!(stage.rules.add(), node);
    assert_eq!(stage.store.add_machine(NodeObject::unregistered()), node);
    assert_eq!(stage.rules.revision(node), Revision(0));
    node
}

fn add_pod(stage: &mut Stage, set: SetId, node: NodeId) -> PodId {
    let before = stage.store.pods().len();
    apply(stage, &Change::CreatePod { set });
    let pod = PodId(before as u32);
    apply(stage, &Change::Bind { pod, node });
    apply(stage, &Change::PodStatus { pod, phase: Phase::Running, ready: true });
    pod
}

pub(super) fn apply(stage: &mut Stage, change: &Change) {
    stage.store.apply(change, stage.now).expect("the stage asks only for what is allowed");
}
