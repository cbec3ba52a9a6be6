//! A small stage for tests of planners: an API store and machines that do as they are told after fixed times, and a
//! driver that keeps the contract of [`Wait`]. No controllers: tests play them.

use super::actor::{Actor, NotYet, Orders, Wait};
use crate::base::{Id, IdVec, IntOrPercent, Span, Time, Version};
use crate::engine::Draws;
use crate::world::command::{Answer, Command, NodeProcess};
use crate::world::disturbance::MasterProcess;
use crate::world::fact::Unit;
use crate::world::ids::{BudgetId, MasterId, NodeId, PodId, PoolId, SetId, ZoneId};
use crate::world::purpose::Purpose;
use crate::world::reported::{Goal, Instance, MemberList, Reported, StaticPod};
use crate::world::spec::Spec;
use crate::world::store::{ApiError, Change, NodeObject, NodeReady, Phase, Store};
use crate::world::testkit::small_spec;

/// From an order to the API until its answer.
const ROUND_TRIP: Span = Span::millis(10);
/// From a machine's end until the next is launched.
const LAUNCH: Span = Span::secs(40);
/// From launch until it joins.
const BOOT: Span = Span::secs(60);
/// From joining until Ready.
const JOIN: Span = Span::secs(10);
/// From a master's readiness until its static pods'.
const STATIC_PODS: Span = Span::secs(5);
/// More calls than any test needs.
const CALLS_MAX: u64 = 20_000;

type Script = Box<dyn FnOnce(&mut Stage)>;

pub(crate) struct Stage {
    pub(crate) now: Time,
    pub(crate) spec: Spec,
    pub(crate) store: Store,
    pub(crate) instances: IdVec<NodeId, Instance>,
    pub(crate) static_pods: Vec<[StaticPod; 4]>,
    /// etcd's members; tests of membership play them.
    pub(crate) members: MemberList,
    draws: Draws,
    pub(crate) api: Result<(), ApiError>,
    /// From a pod's deletion until its object is gone.
    pub(crate) leave: Span,
    /// Calls the actor at every tick of its polls, changes or not, as the real tools look.
    pub(crate) eager: bool,
    /// Replacements never become Ready.
    pub(crate) broken_image: bool,
    /// Replacements never become nodes.
    pub(crate) broken_boot: bool,
    pub(crate) actor: Box<dyn Actor>,
    /// Processes of the actor's tool so far; answers to earlier ones are lost.
    process: u32,
    pub(crate) wait: Wait,
    /// Calls of the actor so far.
    pub(crate) calls: u64,
    pub(crate) log: Vec<(Time, String)>,
    pub(crate) ended: Option<(Time, Result<(), String>)>,
    pub(crate) orders: Orders,
    changed: bool,
    template: Version,
    answers: Vec<Answer>,
    happenings: Vec<(Time, u64, Script)>,
    sequence: u64,
}

/// A spec of one pool of workers.
pub(crate) fn spec(masters: u32, workers: u32) -> Spec {
    let mut spec = small_spec();
    spec.control_plane.replicas = masters;
    spec.pools[PoolId(0)].count = workers;
    spec.pools[PoolId(1)].count = 0;
    spec
}

pub(crate) fn secs(seconds: u64) -> Time {
    Time::ZERO + Span::secs(seconds)
}

impl Stage {
    /// All machines joined and Ready; no pods.
    pub(crate) fn new(spec: Spec, actor: Box<dyn Actor>) -> Stage {
        let mut stage = Stage {
            now: Time::ZERO,
            store: Store::new(&spec),
            instances: IdVec::new(),
            static_pods: vec![
                [StaticPod { version: spec.control_plane.from, ready: true }; 4];
                spec.control_plane.replicas as usize
            ],
            members: MemberList::of(spec.control_plane.replicas),
            draws: Draws::new(1, Purpose::COUNT),
            api: Ok(()),
            leave: Span::secs(12),
            eager: false,
            broken_image: false,
            broken_boot: false,
            actor,
            process: 0,
            wait: Wait::until(Time::ZERO),
            calls: 0,
            log: Vec::new(),
            ended: None,
            orders: Orders::default(),
            changed: false,
            template: spec.control_plane.from,
            answers: Vec::new(),
            happenings: Vec::new(),
            sequence: 0,
            spec,
        };
        for master in 0..stage.spec.control_plane.replicas {
            stage.machine(None, Some(MasterId(master)), master, format!("master-{}", master + 1));
        }
        for pool in stage.spec.pools.ids() {
            for slot in 0..stage.spec.pools[pool].count {
                let label = format!("{}-{}", stage.spec.pools[pool].name, slot + 1);
                stage.machine(Some(pool), None, slot, label);
            }
        }
        for node in stage.instances.ids() {
            stage.join(node);
            stage.ready(node, NodeReady::True);
        }
        stage
    }

    fn machine(&mut self, pool: Option<PoolId>, master: Option<MasterId>, slot: u32, label: String) -> NodeId {
        let version = self.template;
        self.store.add_machine(NodeObject::unregistered());
        let zones = pool.map_or(self.spec.control_plane.zones, |pool| self.spec.pools[pool].zones);
        let (zone, detached, running) = (ZoneId(slot % zones.max(1)), false, true);
        self.instances.push(Instance { pool, master, slot, zone, version, detached, running, label })
    }
    pub(crate) fn named(&self, label: &str) -> NodeId {
        self.instances.entries().find(|(_, machine)| machine.label == label).expect("a machine of this label").0
    }
    pub(crate) fn apply(&mut self, change: &Change) -> Result<(), ApiError> {
        let result = self.store.apply(change, self.now).map(|_| ());
        self.changed |= result.is_ok();
        result
    }
    fn join(&mut self, node: NodeId) {
        let version = self.instances[node].version;
        self.apply(&Change::RegisterNode { node, version }).expect("a node may register");
    }
    pub(crate) fn ready(&mut self, node: NodeId, ready: NodeReady) {
        self.apply(&Change::NodeStatus { node, ready }).expect("the node exists");
        if ready == NodeReady::True {
            let (no_schedule, no_execute) = (false, false);
            self.apply(&Change::NodeTaints { node, no_schedule, no_execute }).expect("the node exists");
        }
    }
    /// A running pod of app `web` on this node.
    pub(crate) fn pod_on(&mut self, label: &str) -> PodId {
        let pod = PodId::from_index(self.store.pods().len());
        let node = self.named(label);
        for change in [
            Change::CreatePod { set: SetId(0) },
            Change::Bind { pod, node },
            Change::PodStatus { pod, phase: Phase::Running, ready: true },
        ] {
            self.apply(&change).expect("a pod of web");
        }
        pod
    }
    /// What the disruption controller says of web's budget.
    pub(crate) fn allow(&mut self, allowed: u32) {
        let budget = BudgetId(0);
        let known = self.store.budgets().since(budget);
        let disrupted = Vec::new();
        let change = Change::BudgetStatus { budget, allowed, healthy: 3, desired: 2, expected: 3, disrupted, known };
        self.apply(&change).expect("nobody else writes it");
    }
    /// The API answers, or no longer.
    pub(crate) fn set_api(&mut self, api: Result<(), ApiError>) {
        self.api = api;
        self.changed = true;
    }
    /// A master's static pods are ready, or no longer.
    pub(crate) fn set_static_pods(&mut self, master: MasterId, ready: bool) {
        for pod in &mut self.static_pods[master.index()] {
            pod.ready = ready;
        }
        self.changed = true;
    }
    /// Something that happens at this moment.
    pub(crate) fn at(&mut self, at: Time, script: impl FnOnce(&mut Stage) + 'static) {
        self.sequence += 1;
        self.happenings.push((at, self.sequence, Box::new(script)));
    }

    /// Runs up to this moment, or until the plan has ended.
    pub(crate) fn run_until(&mut self, limit: Time) {
        loop {
            let polled = self.next_poll();
            let happening = self.happenings.iter().map(|(at, order, _)| (*at, *order)).min();
            let call = [polled, self.wait.alarm.map(|alarm| alarm.max(self.now))].into_iter().flatten().min();
            let next = [happening.map(|(at, _)| at), call].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= limit && self.ended.is_none()) else {
                self.now = if self.ended.is_none() { limit } else { self.now };
                return;
            };
            self.now = next;
            if let Some((at, order)) = happening.filter(|(at, _)| *at == next) {
                let index = self.happenings.iter().position(|(a, o, _)| (*a, *o) == (at, order)).expect("just seen");
                let (_, _, script) = self.happenings.swap_remove(index);
                script(self);
                if self.answers.is_empty() {
                    continue;
                }
            }
            self.call();
        }
    }

    /// What was set in motion goes on after the plan's end.
    pub(crate) fn goes_on(&mut self) {
        while let Some(index) =
            (0..self.happenings.len()).min_by_key(|at| (self.happenings[*at].0, self.happenings[*at].1))
        {
            let (at, _, script) = self.happenings.swap_remove(index);
            self.now = self.now.max(at);
            script(self);
        }
    }

    /// Each single reason to wait, as of the last call.
    pub(crate) fn blocked(&self) -> Vec<NotYet> {
        self.orders.blocked.iter().flat_map(NotYet::each).cloned().collect()
    }

    fn next_poll(&self) -> Option<Time> {
        let polls = self.wait.looks();
        match (self.changed, self.eager) {
            (true, _) => polls.map(|(poll, _)| poll.from(self.now)).min(),
            (false, true) => polls.map(|(poll, _)| poll.after(self.now)).min(),
            (false, false) => None,
        }
    }

    fn call(&mut self) {
        self.calls += 1;
        assert!(self.calls < CALLS_MAX, "the actor is called without end:\n{}", self.transcript());
        self.changed = false;
        let answers = std::mem::take(&mut self.answers);
        let seen = Reported {
            now: self.now,
            api: self.api,
            spec: &self.spec,
            goal: Goal::of(&self.spec.control_plane),
            flattered: false,
            members: self.members,
            mark: None,
            fleet: None,
            store: &self.store,
            instances: &self.instances,
            static_pods: &self.static_pods,
            traffic: None,
            refused: &[],
            draws: &self.draws,
        };
        let mut orders = Orders::default();
        self.wait = self.actor.act(&seen, &answers, &mut orders);
        for (unit, phase, begins) in &orders.phases {
            let name = self.unit(*unit);
            self.note(format!("{} {} {name}", if *begins { "begin" } else { "end  " }, phase.name()));
        }
        for remark in &orders.remarks {
            self.note(format!("remark: {remark}"));
        }
        for (number, command) in orders.commands.clone() {
            self.take(number, command);
        }
        if let Some(result) = orders.ended.clone() {
            self.note(match &result {
                Ok(()) => "completed".to_owned(),
                Err(why) => format!("failed: {why}"),
            });
            self.ended = Some((self.now, result));
        }
        self.orders = orders;
    }

    fn take(&mut self, number: u32, command: Command) {
        self.note(format!("order {}", self.worded(command)));
        let change = match command {
            Command::Cordon(node) => Change::Cordon { node, unschedulable: true },
            Command::Uncordon(node) => Change::Cordon { node, unschedulable: false },
            Command::TaintForUpdate(node) => Change::PreferNoSchedule { node, tainted: true },
            Command::ExcludeFromBalancers(node) => Change::ExcludeFromBalancers { node, excluded: true },
            Command::Evict { pod, grace } => Change::Evict { pod, grace },
            Command::Delete { pod, grace } => Change::DeletePod { pod, grace },
            Command::DeleteNode(node) => Change::DeleteNode { node },
            Command::RestartRollout(app) => Change::NewTemplate { app },
            Command::Deliver(app, delivery) => Change::Deliver { app, delivery },
            Command::UntaintForUpdate(node) => Change::PreferNoSchedule { node, tainted: false },
            Command::IncludeInBalancers(node) => Change::ExcludeFromBalancers { node, excluded: false },
            Command::DeregisterServer(_) | Command::DeregisterNode(_) => return,
            Command::Snapshot | Command::Restore => {
                self.at(self.now + ROUND_TRIP, move |stage| {
                    stage.answers.push(Answer { order: number, result: Ok(()) })
                });
                return;
            }
            Command::MoveLeader { to, .. } => {
                self.members.leader = to.or(self.members.leader);
                self.changed = true;
                return;
            }
            Command::RemoveMember(master) => {
                self.at(self.now + ROUND_TRIP, move |stage| stage.remove_member(number, master));
                return;
            }
            Command::Grow { .. }
            | Command::Forgo { .. }
            | Command::GrowMasters { .. }
            | Command::Retire(_)
            | Command::Reimage(_)
            | Command::Reboot(_)
            | Command::SwapStaticPod { .. } => {
                return self.machinery(command);
            }
            Command::StopMasterProcess { .. }
            | Command::StartMasterProcess { .. }
            | Command::StopNodeProcess { .. } => return,
            Command::StartNodeProcess { node, process } => {
                if process == NodeProcess::Kubelet {
                    self.at(self.now + STATIC_PODS, move |stage| stage.join(node));
                }
                return;
            }
            Command::Install { node, version } => {
                self.instances[node].version = version;
                return;
            }
            Command::SetTemplate { version, .. } => {
                self.template = version;
                return;
            }
            Command::Terminate(node) => return self.terminate(node),
            Command::Detach(node) => {
                self.instances[node].detached = true;
                self.changed = true;
                return self.launch(node);
            }
        };
        let process = self.process;
        self.at(self.now + ROUND_TRIP, move |stage| stage.serve(process, number, &change));
    }

    /// What is done to machines and their static pods, beside replacing them.
    fn machinery(&mut self, command: Command) {
        match command {
            Command::Grow { pool, slot } => self.at(self.now + LAUNCH, move |stage| {
                let label = format!("{}-{}", stage.spec.pools[pool].name, slot + 1);
                stage.boot_new(Some(pool), None, slot, label);
            }),
            Command::GrowMasters { slot } => self.at(self.now + LAUNCH, move |stage| {
                let master = MasterId::from_index(stage.static_pods.len());
                stage.static_pods.push([StaticPod { version: stage.template, ready: false }; 4]);
                stage.boot_new(None, Some(master), slot, format!("master-{}", master.0 + 1));
            }),
            Command::Retire(node) => {
                self.instances[node].detached = true;
                self.terminate(node);
            }
            Command::Reimage(node) => {
                self.instances[node].version = self.template;
                self.restart(node);
            }
            Command::Reboot(node) => self.restart(node),
            Command::SwapStaticPod { master, process, version } => {
                self.static_pods[master.index()][process as usize].ready = false;
                self.changed = true;
                if self.broken_image {
                    return;
                }
                self.at(self.now + STATIC_PODS, move |stage| {
                    stage.static_pods[master.index()][process as usize] = StaticPod { version, ready: true };
                    stage.changed = true;
                });
            }
            _ => {}
        }
        self.changed = true;
    }

    fn remove_member(&mut self, order: u32, master: MasterId) {
        let voters = self.members.voters & !(1 << master.0);
        let ready = |member: u32| self.static_pods[member as usize][MasterProcess::Etcd as usize].ready;
        let healthy = (0..u64::BITS).filter(|member| voters & (1 << member) != 0 && ready(*member)).count() as u32;
        let result = if healthy > voters.count_ones() / 2 { Ok(()) } else { Err(ApiError::Members) };
        if result.is_ok() {
            self.members.voters = voters;
            self.static_pods[master.index()][MasterProcess::Etcd as usize].ready = false;
            self.changed = true;
        }
        self.answers.push(Answer { order, result });
    }

    fn restart(&mut self, node: NodeId) {
        self.ready(node, NodeReady::False);
        self.at(self.now + BOOT, move |stage| stage.join(node));
        if !self.broken_image {
            self.at(self.now + BOOT + JOIN, move |stage| stage.ready(node, NodeReady::True));
        }
    }

    /// The tool dies now, and is started again at this moment.
    pub(crate) fn run_anew(&mut self, actor: Box<dyn Actor>, at: Time) {
        self.process += 1;
        (self.actor, self.wait) = (actor, Wait::until(at));
        self.answers.clear();
    }

    fn serve(&mut self, process: u32, order: u32, change: &Change) {
        let result = self.api.and_then(|()| self.apply(change));
        if let (Ok(()), Change::Evict { pod, .. } | Change::DeletePod { pod, .. }) = (result, change) {
            let pod = *pod;
            self.at(self.now + self.leave, move |stage| {
                let _ = stage.apply(&Change::RemovePod { pod });
            });
        }
        if process == self.process {
            self.answers.push(Answer { order, result });
        }
    }

    fn terminate(&mut self, node: NodeId) {
        self.instances[node].running = false;
        self.changed = true;
        if let Some(master) = self.instances[node].master {
            self.set_static_pods(master, false);
        }
        if !self.instances[node].detached {
            self.launch(node);
        }
    }

    fn launch(&mut self, old: NodeId) {
        let gone = self.instances[old].clone();
        self.at(self.now + LAUNCH, move |stage| {
            let label = format!("{}-2", gone.label);
            stage.boot_new(gone.pool, gone.master, gone.slot, label);
        });
    }

    fn boot_new(&mut self, pool: Option<PoolId>, master: Option<MasterId>, slot: u32, label: String) {
        let node = self.machine(pool, master, slot, label);
        self.changed = true;
        if self.broken_boot {
            return;
        }
        self.at(self.now + BOOT, move |stage| stage.join(node));
        if self.broken_image {
            return;
        }
        self.at(self.now + BOOT + JOIN, move |stage| stage.ready(node, NodeReady::True));
        if let Some(master) = master {
            self.at(self.now + BOOT + JOIN + STATIC_PODS, move |stage| {
                stage.static_pods[master.index()] = [StaticPod { version: stage.template, ready: true }; 4];
                stage.members.voters |= 1 << master.0;
                stage.changed = true;
            });
        }
    }

    fn note(&mut self, text: String) {
        self.log.push((self.now, text));
    }
    fn unit(&self, unit: Unit) -> String {
        match unit {
            Unit::Node(node) => self.instances[node].label.clone(),
            Unit::Pool(pool) => self.spec.pools[pool].name.clone(),
            Unit::Masters => "masters".to_owned(),
            Unit::Cluster => "cluster".to_owned(),
        }
    }
    fn worded(&self, command: Command) -> String {
        let label = |node| &self.instances[node].label;
        match command {
            Command::Cordon(node) => format!("cordon {}", label(node)),
            Command::Uncordon(node) => format!("uncordon {}", label(node)),
            Command::TaintForUpdate(node) => format!("taint {}", label(node)),
            Command::ExcludeFromBalancers(node) => format!("exclude {} from balancers", label(node)),
            Command::Evict { pod, .. } => format!("evict web-{}", pod.0),
            Command::Delete { pod, .. } => format!("delete web-{}", pod.0),
            Command::DeleteNode(node) => format!("delete node {}", label(node)),
            Command::RestartRollout(_) => "restart web".to_owned(),
            Command::Deliver(_, delivery) => format!("{delivery:?}"),
            Command::DeregisterServer(master) => format!("deregister server {}", master.0 + 1),
            Command::DeregisterNode(node) => format!("deregister {}", label(node)),
            Command::Terminate(node) => format!("terminate {}", label(node)),
            Command::Detach(node) => format!("detach {}", label(node)),
            Command::SetTemplate { pool, version } => {
                let name = pool.map_or("masters".to_owned(), |pool| self.spec.pools[pool].name.clone());
                format!("template of {name}: {version}")
            }
            Command::StopMasterProcess { master, process, signal } => {
                format!("stop {process:?} of master {} ({signal:?})", master.0 + 1)
            }
            Command::StartMasterProcess { master, process } => format!("start {process:?} of master {}", master.0 + 1),
            Command::StopNodeProcess { node, process } => format!("stop {process:?} of {}", label(node)),
            Command::StartNodeProcess { node, process } => format!("start {process:?} of {}", label(node)),
            Command::Install { node, version } => format!("install {version} on {}", label(node)),
            Command::Grow { pool, slot } => format!("grow {} by place {}", self.spec.pools[pool].name, slot + 1),
            Command::Forgo { pool, slot } => format!("forgo place {} of {}", slot + 1, self.spec.pools[pool].name),
            Command::Retire(node) => format!("retire {}", label(node)),
            Command::Reimage(node) => format!("reimage {}", label(node)),
            Command::Reboot(node) => format!("reboot {}", label(node)),
            Command::SwapStaticPod { master, process, version } => {
                format!("swap {} of master {} to {version}", process.name(), master.0 + 1)
            }
            Command::MoveLeader { from, to: None } => format!("move leader from {}", from.0 + 1),
            Command::MoveLeader { from, to: Some(to) } => format!("move leader from {} to {}", from.0 + 1, to.0 + 1),
            Command::GrowMasters { slot } => format!("grow masters by place {}", slot + 1),
            Command::Snapshot => "take a snapshot".to_owned(),
            Command::Restore => "restore the snapshot".to_owned(),
            Command::RemoveMember(master) => format!("remove member {}", master.0 + 1),
            Command::UntaintForUpdate(node) => format!("untaint {}", label(node)),
            Command::IncludeInBalancers(node) => format!("include {} in balancers", label(node)),
        }
    }
    /// When something was first logged.
    pub(crate) fn when(&self, text: &str) -> Option<Time> {
        self.log.iter().find(|(_, line)| line == text).map(|(at, _)| *at)
    }
    /// How often something was logged.
    pub(crate) fn times(&self, text: &str) -> usize {
        self.log.iter().filter(|(_, line)| line == text).count()
    }
    /// Everything the actor did, a line each.
    pub(crate) fn transcript(&self) -> String {
        self.log.iter().map(|(at, line)| format!("{:>12} {line}\n", at.to_string())).collect()
    }
    /// Lets a second budget select web.
    pub(crate) fn with_two_budgets(mut spec: Spec) -> Spec {
        let mut second = spec.budgets[0].clone();
        second.name = "web-too".to_owned();
        second.rule = crate::world::spec::BudgetRule::MinAvailable(IntOrPercent::Int(1));
        spec.budgets.push(second);
        spec
    }
}
