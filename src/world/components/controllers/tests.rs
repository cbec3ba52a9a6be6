use super::*;
use crate::base::{IntOrPercent, Span, Time, Version};
use crate::world::effects::{Reply, ReplyTo};
use crate::world::event::Event;
use crate::world::ids::PodId;
use crate::world::spec::{BudgetRule, BudgetSpec, Spec, UnhealthyEviction};
use crate::world::store::{ApiError, Endpoint, NodeObject, NodeReady, Phase};
use crate::world::testkit::{Stage, small_spec};

/// Controllers on a stage whose API stores, answers and tells at once, with kubelets that start and stop pods at once.
struct Play {
    stage: Stage,
    controllers: Controllers,
    told: Revision,
    kubelets: bool,
    /// Answers every write with this instead of storing it.
    broken: Option<ApiError>,
    writes: Vec<(Time, Change)>,
    /// Fewest pods of the first app that were Ready at any time, and most that existed.
    range: (usize, usize),
}

const START: Version = Version::new(1, 20, 2);

impl Play {
    /// A quiet cluster of `nodes` nodes, node `i` in zone `i % zones`, all pods Ready, master 0 leading of two.
    fn new(spec: Spec, nodes: u32, zones: u32, seed: u64) -> Play {
        let mut stage = Stage::new(spec, seed);
        let clients: Vec<ClientId> = (0..2).map(|_| stage.watches.add(Revision(1))).collect();
        for client in &clients {
            stage.watches.cursor_mut(*client).connected = true;
        }
        let controllers = Controllers::new(clients);
        let mut play = Play {
            stage,
            controllers,
            told: Revision(0),
            kubelets: true,
            broken: None,
            writes: Vec::new(),
            range: (usize::MAX, 0),
        };
        for node in 0..nodes {
            play.add_node(ZoneId(node % zones));
        }
        for app in play.stage.spec.apps.ids() {
            for i in 0..play.stage.spec.apps[app].replicas {
                let set = play.stage.store.deployments().now(app).sets[0];
                play.put(Change::CreatePod { set });
                let pod = *play.stage.store.pods_of(app).last().expect("just created");
                play.put(Change::Bind { pod, node: NodeId(i % nodes) });
                play.put(Change::PodStatus { pod, phase: Phase::Running, ready: true });
            }
        }
        for app in play.stage.spec.apps.ids() {
            let pods = play.stage.store.pods_of(app).iter().map(|pod| (*pod, Endpoint::Ready)).collect();
            play.put(Change::Endpoints { app, pods });
        }
        let component = Component::ControllerManager;
        let known = play.stage.store.lease(component).1;
        play.put(Change::Lease { component, holder: Some((MasterId(0), 0)), known });
        for change in play.controllers.first_budgets(&mut play.stage.ctx()) {
            play.put(change);
        }
        play.controllers.begin(MasterId(0), &mut play.stage.ctx());
        play.told = play.stage.store.revision();
        play
    }
    fn add_node(&mut self, zone: ZoneId) -> NodeId {
        let node = self.stage.store.add_machine(NodeObject::unregistered());
        self.stage.net.add(true);
        let phase = Span::millis(700 * u64::from(node.0 % 14));
        self.stage.pulses.add(Time::ZERO + phase);
        self.stage.pulses.set(node, true, self.stage.now);
        let name = Name::new("node").part(u64::from(node.0));
        self.controllers.add_node(node, name, Some(PoolId(0)), zone.0, &mut self.stage.ctx());
        self.put(Change::RegisterNode { node, version: START });
        self.put(Change::NodeStatus { node, ready: NodeReady::True });
        self.put(Change::NodeTaints { node, no_schedule: false, no_execute: false });
        node
    }
    fn put(&mut self, change: Change) {
        self.stage.store.apply(&change, self.stage.now).expect("the test's own write is admitted");
    }
    /// An outsider's write, heard at once.
    fn write(&mut self, change: Change) -> Result<(), ApiError> {
        let result = self.stage.store.apply(&change, self.stage.now).map(|_| ());
        self.spread();
        result
    }
    fn silence(&mut self, node: NodeId) {
        self.stage.pulses.set(node, false, self.stage.now);
        self.controllers.pulse(node, false, &mut self.stage.ctx());
    }
    /// Plays up to `end` seconds.
    fn until(&mut self, end: u64) {
        let end = Time::ZERO + Span::secs(end);
        self.spread();
        while self.stage.out.queue.next_time().is_some_and(|at| at <= end) {
            let popped = self.stage.out.queue.pop().expect("one is pending");
            self.stage.now = popped.at;
            if let Event::Controllers(event) = popped.event {
                self.controllers.step(event, &mut self.stage.ctx());
            }
            self.spread();
        }
        self.stage.now = end;
    }
    /// Stores requests, answers them, and tells of them, until nothing follows any more at this instant.
    fn spread(&mut self) {
        loop {
            let requests = std::mem::take(&mut self.stage.out.requests);
            let news = self.stage.store.revision();
            if requests.is_empty() && news == self.told {
                break;
            }
            for request in requests {
                let result = match self.broken {
                    Some(error) => Err(error),
                    None => self.stage.store.apply(&request.change, self.stage.now).map(|_| ()),
                };
                self.writes.push((self.stage.now, request.change));
                let to = match (request.reply, result) {
                    (Reply::Always(to), _) | (Reply::OnFailure(to), Err(_)) => to,
                    (Reply::Never, _) | (Reply::OnFailure(_), Ok(())) => continue,
                };
                if let ReplyTo::Controllers { master, token } = to {
                    let answer = ControllersEvent::Answer { master, token, result };
                    self.controllers.step(answer, &mut self.stage.ctx());
                }
            }
            let live = self.pods().into_iter().map(|pod| self.stage.store.pods().now(pod)).filter(|pod| pod.is_live());
            let (live, healthy) = live.fold((0, 0), |sum, pod| (sum.0 + 1, sum.1 + usize::from(pod.ready)));
            self.range = (self.range.0.min(healthy), self.range.1.max(live));
            if self.kubelets {
                self.start_and_stop();
            }
            let (from, to) =
                (std::mem::replace(&mut self.told, self.stage.store.revision()), self.stage.store.revision());
            for master in 0..2 {
                self.stage.watches.cursor_mut(ClientId(master)).revision = to;
                self.controllers.heard(MasterId(master), from, to, &mut self.stage.ctx());
            }
        }
    }
    fn start_and_stop(&mut self) {
        for app in self.stage.spec.apps.ids() {
            for pod in self.stage.store.pods_of(app).to_vec() {
                let object = self.stage.store.pods().now(pod);
                if object.deleting.is_some() {
                    self.put(Change::RemovePod { pod });
                } else if object.node.is_none() {
                    let fits = |node: &NodeId| {
                        let object = self.stage.store.nodes().now(*node);
                        object.exists && object.ready == NodeReady::True && !object.unschedulable
                    };
                    let node = self.stage.store.nodes().ids().find(fits);
                    if let Some(node) = node {
                        self.put(Change::Bind { pod, node });
                        self.put(Change::PodStatus { pod, phase: Phase::Running, ready: true });
                    }
                }
            }
        }
    }
    fn pods(&self) -> Vec<PodId> {
        self.stage.store.pods_of(AppId(0)).to_vec()
    }
    fn wrote(&self, wanted: impl Fn(&Change) -> bool) -> Vec<Time> {
        self.writes.iter().filter(|(_, change)| wanted(change)).map(|(at, _)| *at).collect()
    }
    fn endpoint(&self, pod: PodId) -> Endpoint {
        self.stage.store.pods().endpoint(pod)
    }
    fn node(&self, node: u32) -> NodeObject {
        self.stage.store.nodes().now(NodeId(node)).clone()
    }
}

fn spec(replicas: u32) -> Spec {
    let mut spec = small_spec();
    spec.control_plane.from = START;
    spec.apps.iter_mut().for_each(|app| app.replicas = replicas);
    spec
}

fn secs(at: Time) -> f64 {
    at.secs_f64()
}

#[test]
fn a_quiet_cluster_has_nothing_pending_and_nothing_to_write() {
    let mut play = Play::new(spec(6), 3, 1, 1);
    assert!(play.stage.out.queue.is_empty());
    play.until(3600);
    assert!(play.writes.is_empty(), "{:?}", play.writes);
    assert_eq!(play.stage.out.queue.pushed(), 0);
    let budget = play.stage.store.budgets().now(BudgetId(0));
    assert_eq!((budget.allowed, budget.healthy, budget.desired, budget.expected), (1, 6, 5, 6));
}

#[test]
fn an_event_stays_small() {
    assert!(size_of::<Event>() <= 24, "{}", size_of::<Event>());
}

/// `replica_set.go`: a pod that is being deleted no longer counts, so its replacement comes at once; `disruption.go`
/// gives the budget back when the replacement is Ready.
#[test]
fn an_evicted_pod_is_replaced_its_endpoint_leaves_and_the_budget_refills() {
    let mut play = Play::new(spec(6), 3, 1, 1);
    play.until(10);
    let pod = play.pods()[0];
    play.kubelets = false;
    assert_eq!(play.write(Change::Evict { pod, grace: None }), Ok(()));
    assert_eq!(play.write(Change::Evict { pod: play.pods()[1], grace: None }), Err(ApiError::TooManyRequests));
    play.until(11);
    assert_eq!(play.endpoint(pod), Endpoint::Terminating);
    assert_eq!(play.pods().len(), 7, "the terminating pod and its replacement");
    assert_eq!(play.stage.store.budgets().now(BudgetId(0)).allowed, 0);
    play.kubelets = true;
    play.spread();
    play.start_and_stop();
    play.until(12);
    assert_eq!(play.pods().len(), 6);
    assert_eq!(play.endpoint(pod), Endpoint::Absent);
    let budget = play.stage.store.budgets().now(BudgetId(0));
    assert_eq!((budget.allowed, budget.disrupted.len()), (1, 0));
    play.until(1000);
    assert!(play.stage.out.queue.is_empty(), "quiet again");
}

#[test]
fn two_drains_at_once_only_block_each_other() {
    let mut play = Play::new(spec(9), 3, 1, 1);
    play.until(10);
    for node in [0, 1] {
        play.write(Change::Cordon { node: NodeId(node), unschedulable: true }).expect("cordoned");
    }
    let mut refused = 0;
    for second in 11..200 {
        for node in [0, 1] {
            for pod in play.stage.store.pods_on(NodeId(node)).to_vec() {
                refused += u32::from(play.write(Change::Evict { pod, grace: None }).is_err());
                let healthy = |pod: &PodId| play.stage.store.pods().now(*pod).is_healthy();
                assert!(play.pods().iter().filter(|pod| healthy(pod)).count() >= 8);
            }
        }
        play.until(second);
    }
    assert!(refused > 0);
    assert!(play.stage.store.pods_on(NodeId(0)).is_empty() && play.stage.store.pods_on(NodeId(1)).is_empty());
}

#[test]
fn a_budget_over_several_apps_adds_them_up() {
    let mut spec = spec(4);
    let mut other = spec.apps[AppId(0)].clone();
    (other.name, other.replicas) = ("api".to_owned(), 6);
    spec.apps.push(other);
    spec.budgets = vec![BudgetSpec {
        name: "both".to_owned(),
        apps: vec![AppId(0), AppId(1)],
        rule: BudgetRule::MinAvailable(IntOrPercent::Percent(75)),
        unhealthy: UnhealthyEviction::IfHealthyBudget,
    }];
    let play = Play::new(spec, 3, 1, 1);
    let budget = play.stage.store.budgets().now(BudgetId(0));
    // 75 % of 10, rounded up.
    assert_eq!((budget.expected, budget.desired, budget.healthy, budget.allowed), (10, 8, 10, 2));
}

/// `node_lifecycle_controller.go`: grace - U(0,10) + U(0,5) after a power cut, 30 to 45 s with 40 s of grace.
#[test]
fn a_silent_node_is_found_between_30_and_45_seconds_later_and_all_its_pods_are_marked() {
    let (mut first, mut last, mut sum) = (f64::MAX, 0.0_f64, 0.0);
    for seed in 0..300 {
        let mut play = Play::new(spec(6), 3, 1, seed);
        play.stage.now = Time::ZERO + Span::secs(100) + Span::millis(33 * seed);
        let struck = play.stage.now;
        play.silence(NodeId(1));
        play.until(200);
        assert_eq!(play.node(1).ready, NodeReady::Unknown);
        let found = secs(play.wrote(|change| matches!(change, Change::NodeStatus { .. }))[0]) - secs(struck);
        (first, last, sum) = (first.min(found), last.max(found), sum + found);
        for pod in play.stage.store.pods_on(NodeId(1)) {
            assert_eq!(play.endpoint(*pod), Endpoint::Absent);
        }
        assert!(play.node(1).no_schedule && play.node(1).no_execute.is_some());
    }
    assert!(first >= 30.0 && last <= 45.1, "{first} {last}");
    assert!((sum / 300.0 - 37.5).abs() < 1.0, "{}", sum / 300.0);
}

#[test]
fn every_monitor_tick_as_an_event_finds_the_same_at_the_same_time() {
    for seed in 0..20 {
        let run = |eager: bool| {
            let mut play = Play::new(spec(6), 4, 2, seed);
            let brain = play.controllers.brains[MasterId(0)].as_deref_mut().expect("it leads");
            brain.nodes.eager = eager;
            if eager {
                let (brain, machines) = play.controllers.acting(MasterId(0)).expect("it leads");
                brain.wake_monitor(machines, &mut play.stage.ctx());
            }
            play.until(50);
            play.silence(NodeId(1));
            play.until(53 + seed);
            play.silence(NodeId(2));
            play.until(130);
            play.stage.pulses.set(NodeId(1), true, play.stage.now);
            play.write(Change::NodeStatus { node: NodeId(1), ready: NodeReady::True }).expect("it is back");
            play.until(400);
            play.writes
        };
        let lazy = run(false);
        assert!(lazy.len() > 5);
        assert_eq!(lazy, run(true), "seed {seed}");
    }
}

/// DefaultTolerationSeconds: 300 s after the NoExecute taint the pods go, whatever budgets say; pod GC or the kubelet
/// ends them.
#[test]
fn pods_of_a_lost_node_are_deleted_when_their_toleration_ends() {
    let mut play = Play::new(spec(6), 3, 1, 5);
    play.until(100);
    play.silence(NodeId(1));
    play.until(600);
    let taint = play.wrote(|change| matches!(change, Change::NodeTaints { no_execute: true, .. }))[0];
    let deleted = play.wrote(|change| matches!(change, Change::DeletePod { .. }));
    assert_eq!(deleted.len(), 2);
    assert!(deleted.iter().all(|at| at.since(taint) == Span::secs(300)), "{taint} {deleted:?}");
    assert_eq!(play.pods().len(), 6);
    assert!(play.stage.store.pods_on(NodeId(1)).is_empty());
}

#[test]
fn a_node_that_comes_back_loses_its_taints_and_keeps_its_pods() {
    let mut play = Play::new(spec(6), 3, 1, 5);
    play.until(100);
    play.silence(NodeId(1));
    play.until(200);
    play.stage.pulses.set(NodeId(1), true, play.stage.now);
    play.write(Change::NodeStatus { node: NodeId(1), ready: NodeReady::True }).expect("it is back");
    play.until(1000);
    let node = play.node(1);
    assert!(!node.no_schedule && node.no_execute.is_none());
    assert_eq!(play.stage.store.pods_on(NodeId(1)).len(), 2);
    assert!(play.stage.out.queue.is_empty());
}

/// `handleDisruption`: with every zone fully disturbed nobody is evicted, though all pods are marked not Ready.
#[test]
fn when_all_nodes_fall_silent_none_is_tainted_no_execute() {
    let mut play = Play::new(spec(6), 3, 3, 5);
    play.until(100);
    for node in 0..3 {
        play.silence(NodeId(node));
    }
    play.until(1000);
    for node in 0..3 {
        assert_eq!(play.node(node).ready, NodeReady::Unknown);
        assert!(play.node(node).no_schedule && play.node(node).no_execute.is_none());
    }
    assert!(play.pods().iter().all(|pod| play.endpoint(*pod) == Endpoint::Absent));
    assert!(play.wrote(|change| matches!(change, Change::DeletePod { .. })).is_empty());
}

/// Cloud node lifecycle controller: the Node object goes once it is not Ready; pod GC then removes what is left of its
/// pods 40 to 60 s later (`gc_controller.go`).
#[test]
fn a_machine_that_is_gone_takes_its_node_object_and_then_its_pods_along() {
    let mut play = Play::new(spec(6), 3, 1, 9);
    play.until(100);
    play.kubelets = false;
    play.silence(NodeId(1));
    play.controllers.machine_gone(NodeId(1), &mut play.stage.ctx());
    play.until(300);
    assert!(!play.node(1).exists);
    let gone = play.wrote(|change| matches!(change, Change::DeleteNode { .. }))[0];
    let removed = play.wrote(|change| matches!(change, Change::RemovePod { .. }));
    assert_eq!(removed.len(), 2);
    let wait = removed[0].since(gone).as_secs_f64();
    assert!((40.0..=60.1).contains(&wait), "{wait}");
}

/// Nobody updates anything until a standby has taken the lease and filled its caches; then everything at once.
#[test]
fn a_gap_without_a_leader_freezes_everything_until_the_next_one_acts() {
    let mut play = Play::new(spec(6), 3, 1, 2);
    play.until(100);
    play.controllers.signal(MasterId(0), Signal::Kill, &mut play.stage.ctx());
    play.kubelets = false;
    let pod = play.pods()[0];
    assert_eq!(play.write(Change::Evict { pod, grace: None }), Ok(()));
    play.until(112);
    assert_eq!(play.endpoint(pod), Endpoint::Ready, "the endpoint of a pod that is being deleted");
    assert_eq!(play.pods().len(), 6);
    play.until(130);
    assert_eq!(play.controllers.leader(), Some(MasterId(1)));
    assert_eq!(play.endpoint(pod), Endpoint::Terminating);
    assert_eq!(play.pods().len(), 7);
    let first = play.wrote(|change| !matches!(change, Change::Lease { .. }))[0];
    let taken = play.wrote(|change| matches!(change, Change::Lease { .. }))[0];
    assert!(first.since(taken) >= Span::secs(2), "caches first: {taken} {first}");
    play.until(2000);
    assert!(play.stage.out.queue.is_empty(), "quiet again");
}

#[test]
fn a_new_leader_gives_a_silent_node_a_whole_grace_period_again() {
    let mut play = Play::new(spec(6), 3, 1, 2);
    play.until(100);
    play.silence(NodeId(1));
    play.controllers.signal(MasterId(0), Signal::Kill, &mut play.stage.ctx());
    play.until(300);
    let taken = play.wrote(|change| matches!(change, Change::Lease { .. }))[0];
    let found = play.wrote(|change| matches!(change, Change::NodeStatus { .. }))[0];
    assert!(found.since(taken) >= Span::secs(42), "{taken} {found}");
}

#[test]
fn a_rollout_replaces_every_pod_and_never_goes_below_what_must_stay() {
    for replicas in [1, 2, 3, 10, 37] {
        let mut play = Play::new(spec(replicas), 3, 1, 2);
        play.until(10);
        let before = play.pods();
        let (surge, unavailable) = (replicas.div_ceil(4) as usize, replicas as usize / 4);
        play.write(Change::NewTemplate { app: AppId(0) }).expect("a new template");
        play.until(100);
        let after = play.pods();
        assert_eq!(after.len(), before.len());
        assert!(play.range.0 >= before.len() - unavailable, "{:?} of {replicas}", play.range);
        assert!(play.range.1 <= before.len() + surge, "{:?} of {replicas}", play.range);
        assert!(after.iter().all(|pod| !before.contains(pod)));
        assert!(after.iter().all(|pod| play.endpoint(*pod) == Endpoint::Ready));
        play.until(800);
        assert!(play.stage.out.queue.is_empty(), "quiet again, the progress deadline behind it");
    }
}

/// `slowStartBatch`: 1, 2, 4, ... creations; a failed batch ends the sync, and the back-off starts at 5 ms.
#[test]
fn failing_writes_are_tried_again_ever_later_and_succeed_when_the_api_is_back() {
    let mut play = Play::new(spec(16), 3, 1, 2);
    play.until(10);
    play.broken = Some(ApiError::Unavailable);
    for pod in play.pods().into_iter().take(8) {
        play.put(Change::RemovePod { pod });
    }
    play.until(12);
    let tries = play.wrote(|change| matches!(change, Change::CreatePod { .. }));
    assert!((8..=11).contains(&tries.len()), "5 ms doubled for two seconds: {}", tries.len());
    play.broken = None;
    play.writes.clear();
    play.until(30);
    assert_eq!(play.pods().len(), 16);
    assert_eq!(play.wrote(|change| matches!(change, Change::CreatePod { .. })).len(), 8);
}

#[test]
fn min_ready_seconds_slow_a_rollout_down() {
    let mut slow = spec(3);
    slow.apps.iter_mut().for_each(|app| app.rollout.min_ready = Span::secs(10));
    let mut play = Play::new(slow, 3, 1, 2);
    play.until(100);
    play.write(Change::NewTemplate { app: AppId(0) }).expect("a new template");
    play.until(115);
    assert!(play.stage.store.sets().now(SetId(0)).replicas > 0);
    play.until(140);
    assert_eq!(play.stage.store.sets().now(SetId(0)).replicas, 0);
}

/// A write that failed is no verdict: a node that renews again before the next tick is Ready as before.
#[test]
fn a_node_that_comes_back_before_it_could_be_marked_is_not_tainted() {
    let mut play = Play::new(spec(6), 3, 1, 5);
    play.until(100);
    play.silence(NodeId(1));
    play.broken = Some(ApiError::Unavailable);
    while play.wrote(|change| matches!(change, Change::NodeStatus { .. })).is_empty() {
        let next = play.stage.now.nanos() / 1_000_000_000 + 1;
        play.until(next);
    }
    play.stage.pulses.set(NodeId(1), true, play.stage.now);
    play.broken = None;
    play.until(1000);
    assert!(play.node(1).no_execute.is_none() && play.node(1).ready == NodeReady::True);
    assert!(play.stage.out.queue.is_empty());
    play.silence(NodeId(1));
    play.until(1100);
    assert_eq!(play.node(1).ready, NodeReady::Unknown, "the next silence is found");
}

/// `disruption.go`: a status computed from an outdated budget is a conflict, and is tried again.
#[test]
fn a_budget_that_changed_meanwhile_is_read_again() {
    let mut play = Play::new(spec(6), 3, 1, 5);
    play.until(10);
    let pod = play.pods()[0];
    play.write(Change::Evict { pod, grace: None }).expect("granted");
    play.broken = Some(ApiError::Conflict);
    play.until(11);
    assert!(play.wrote(|change| matches!(change, Change::BudgetStatus { .. })).len() > 3);
    play.broken = None;
    play.until(20);
    assert_eq!(play.stage.store.budgets().now(BudgetId(0)).allowed, 1);
}

/// A relist after a lost watch tells the same as the watch would have.
#[test]
fn what_was_missed_is_made_up_for_by_a_relist() {
    let mut play = Play::new(spec(6), 3, 1, 5);
    play.until(10);
    for pod in play.pods().into_iter().take(3) {
        play.put(Change::RemovePod { pod });
    }
    let now = play.stage.store.revision();
    play.told = now;
    play.stage.watches.cursor_mut(ClientId(0)).revision = now;
    play.controllers.listed(MasterId(0), now, &mut play.stage.ctx());
    play.until(20);
    assert_eq!(play.pods().len(), 6);
    assert!(play.pods().iter().all(|pod| play.endpoint(*pod) == Endpoint::Ready));
    assert!(play.stage.out.queue.is_empty());
}
