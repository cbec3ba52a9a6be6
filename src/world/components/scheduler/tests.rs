use super::*;
use crate::base::{Span, Time, Version};
use crate::world::effects::{Reply, ReplyTo};
use crate::world::event::Event;
use crate::world::ids::AppId;
use crate::world::spec::{Spec, Spread};
use crate::world::store::{ApiError, Change, NodeObject, NodeReady, Phase};
use crate::world::testkit::{Stage, small_spec};

/// Schedulers on a stage whose API stores, answers and tells at once.
struct Play {
    stage: Stage,
    schedulers: Schedulers,
    told: Revision,
    broken: Option<ApiError>,
}

impl Play {
    /// `nodes` workers, node `i` in zone `i % zones`.
    fn new(spec: Spec, nodes: u32, zones: u32) -> Play {
        let mut stage = Stage::new(spec, 1);
        let clients: Vec<ClientId> = (0..2).map(|_| stage.watches.add(Revision(1))).collect();
        let schedulers = Schedulers::new(clients);
        let mut play = Play { stage, schedulers, told: Revision(0), broken: None };
        for node in 0..nodes {
            play.add_node(ZoneId(node % zones));
        }
        play
    }
    fn add_node(&mut self, zone: ZoneId) -> NodeId {
        let node = self.stage.store.add_machine(NodeObject::unregistered());
        let name = Name::new("node").part(u64::from(node.0));
        self.schedulers.add_node(node, name, Some(PoolId(0)), zone.0, &mut self.stage.ctx());
        self.put(Change::RegisterNode { node, version: Version::new(1, 20, 2) });
        self.put(Change::NodeStatus { node, ready: NodeReady::True });
        self.put(Change::NodeTaints { node, no_schedule: false, no_execute: false });
        node
    }
    fn begin(&mut self) {
        let (component, known) = (Component::Scheduler, self.stage.store.lease(Component::Scheduler).1);
        self.put(Change::Lease { component, holder: Some((MasterId(0), 0)), known });
        self.schedulers.begin(MasterId(0), &mut self.stage.ctx());
        self.told = self.stage.store.revision();
    }
    fn put(&mut self, change: Change) {
        self.stage.store.apply(&change, self.stage.now).expect("the test's own write is admitted");
    }
    fn create(&mut self, app: AppId) -> PodId {
        let set = self.stage.store.deployments().now(app).sets[0];
        self.put(Change::CreatePod { set });
        *self.stage.store.pods_of(app).last().expect("just created")
    }
    /// Creates a pod and places it at once.
    fn place(&mut self, app: AppId) -> Result<NodeId, Unschedulable> {
        let pod = self.create(app);
        let node = self.schedulers.place(pod, &mut self.stage.ctx())?;
        self.put(Change::Bind { pod, node });
        self.put(Change::PodStatus { pod, phase: Phase::Running, ready: true });
        Ok(node)
    }
    fn until(&mut self, end: Span) {
        let end = Time::ZERO + end;
        self.spread();
        while self.stage.out.queue.next_time().is_some_and(|at| at <= end) {
            let popped = self.stage.out.queue.pop().expect("one is pending");
            self.stage.now = popped.at;
            if let Event::Scheduler(event) = popped.event {
                self.schedulers.step(event, &mut self.stage.ctx());
            }
            self.spread();
        }
        self.stage.now = end;
    }
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
                if let Reply::Always(ReplyTo::Scheduler { master, token }) = request.reply {
                    let answer = SchedulerEvent::Answer { master, token, result };
                    self.schedulers.step(answer, &mut self.stage.ctx());
                }
            }
            let to = self.stage.store.revision();
            let from = std::mem::replace(&mut self.told, to);
            for master in 0..2 {
                self.stage.watches.cursor_mut(ClientId(master)).revision = to;
                self.schedulers.heard(MasterId(master), from, to, &mut self.stage.ctx());
            }
        }
    }
    fn node_of(&self, pod: PodId) -> Option<NodeId> {
        self.stage.store.pods().now(pod).node
    }
    fn counts(&self, nodes: u32) -> Vec<usize> {
        (0..nodes).map(|node| self.stage.store.pods_on(NodeId(node)).len()).collect()
    }
}

fn spec(spread: Spread) -> Spec {
    let mut spec = small_spec();
    spec.apps.iter_mut().for_each(|app| app.spread = spread);
    spec
}

const WEB: AppId = AppId(0);

#[test]
fn the_soft_default_spreads_an_app_over_hosts() {
    let mut play = Play::new(spec(Spread::Default), 3, 1);
    for _ in 0..9 {
        play.place(WEB).expect("there is room");
    }
    assert_eq!(play.counts(3), [3, 3, 3]);
}

#[test]
fn pods_that_belong_together_share_the_first_ones_node() {
    let mut play = Play::new(spec(Spread::Together), 3, 1);
    let first = play.place(WEB).expect("there is room");
    assert!((0..5).all(|_| play.place(WEB) == Ok(first)));
}

/// Required anti-affinity with as many replicas as nodes: a further pod has nowhere to go.
#[test]
fn one_per_host_leaves_a_further_pod_nowhere_to_go() {
    let mut play = Play::new(spec(Spread::OnePerHost), 3, 1);
    for _ in 0..3 {
        play.place(WEB).expect("there is a free host");
    }
    let why = play.place(WEB).expect_err("no host is free");
    assert_eq!(why.to_string(), "0/3 nodes: 3 have a pod of the app");
}

/// `interpodaffinity`: a terminating pod holds its host until it is gone; `podtopologyspread/common.go` no longer counts
/// it.
#[test]
fn a_terminating_pod_keeps_its_host_but_not_its_place_in_the_spread() {
    for (spread, fits) in [(Spread::OnePerHost, false), (Spread::Hosts(1), true)] {
        let mut play = Play::new(spec(spread), 2, 1);
        for _ in 0..2 {
            play.place(WEB).expect("there is room");
        }
        let pod = play.stage.store.pods_of(WEB)[0];
        let node = play.node_of(pod);
        play.put(Change::DeletePod { pod, grace: None });
        let placed = play.place(WEB);
        assert_eq!(placed.is_ok(), fits, "{spread:?} {placed:?}");
        assert!(!fits || placed.ok() == node);
    }
}

/// nodeTaintsPolicy Ignore: a cordoned zone stays a domain, its emptiness holds everybody else down.
#[test]
fn a_cordoned_zone_still_holds_the_spread_down() {
    let mut play = Play::new(spec(Spread::Zones(1)), 3, 3);
    play.put(Change::Cordon { node: NodeId(2), unschedulable: true });
    assert!(play.place(WEB).is_ok() && play.place(WEB).is_ok());
    let why = play.place(WEB).expect_err("the skew would be 2");
    assert_eq!((why.by(Filter::Spread), why.by(Filter::Cordoned)), (2, 1));
    assert_eq!(why.to_string(), "0/3 nodes: 1 cordoned, 2 break the spread");
}

#[test]
fn requests_not_use_fill_a_node() {
    let mut small = spec(Spread::None);
    small.apps.iter_mut().for_each(|app| app.cpu = 1500);
    let mut play = Play::new(small, 2, 1);
    for _ in 0..4 {
        play.place(WEB).expect("two on each of 4000 millicores");
    }
    assert_eq!(play.place(WEB).expect_err("full").to_string(), "0/2 nodes: 2 lack cpu");
}

#[test]
fn nodes_marked_for_replacement_are_avoided_but_not_forbidden() {
    let mut play = Play::new(spec(Spread::None), 3, 1);
    for node in [0, 1] {
        play.put(Change::PreferNoSchedule { node: NodeId(node), tainted: true });
    }
    assert!((0..5).all(|_| play.place(WEB) == Ok(NodeId(2))));
    play.put(Change::Cordon { node: NodeId(2), unschedulable: true });
    assert!(play.place(WEB).is_ok());
}

#[test]
fn tainted_and_missing_nodes_take_nothing() {
    let mut play = Play::new(spec(Spread::Default), 3, 1);
    play.put(Change::NodeTaints { node: NodeId(0), no_schedule: true, no_execute: false });
    play.put(Change::DeleteNode { node: NodeId(1) });
    assert_eq!(play.place(WEB), Ok(NodeId(2)));
    play.put(Change::NodeTaints { node: NodeId(2), no_schedule: true, no_execute: true });
    assert_eq!(play.place(WEB).expect_err("none left").to_string(), "0/2 nodes: 2 tainted");
}

#[test]
fn pods_are_scheduled_one_after_the_other() {
    let mut play = Play::new(spec(Spread::Default), 3, 1);
    play.begin();
    let pods: Vec<PodId> = (0..10).map(|_| play.create(WEB)).collect();
    // Each cycle takes 2 ms.
    play.until(Span::millis(11));
    assert_eq!(pods.iter().filter(|pod| play.node_of(**pod).is_some()).count(), 5);
    play.until(Span::secs(1));
    assert!(pods.iter().all(|pod| play.node_of(*pod).is_some()));
    assert!(play.stage.out.queue.is_empty(), "quiet again");
}

/// `scheduling_queue.go`: a pod without a node waits for an event; an uncordon moves it, past its back-off.
#[test]
fn an_unschedulable_pod_waits_for_an_uncordon_and_its_back_off() {
    let mut play = Play::new(spec(Spread::Default), 1, 1);
    play.put(Change::Cordon { node: NodeId(0), unschedulable: true });
    play.begin();
    let pod = play.create(WEB);
    play.until(Span::millis(200));
    assert_eq!(play.node_of(pod), None);
    play.put(Change::Cordon { node: NodeId(0), unschedulable: false });
    play.until(Span::millis(1_900));
    assert_eq!(play.node_of(pod), None, "the first back-off is 1 s, flushed on whole seconds");
    play.until(Span::millis(2_100));
    assert_eq!(play.node_of(pod), Some(NodeId(0)));
}

/// Kubernetes PR 108761: 60 s among the unschedulable up to 1.23, then it is tried again without any event.
#[test]
fn leftover_pods_are_tried_again_after_a_minute_in_old_versions() {
    let mut play = Play::new(spec(Spread::Default), 1, 1);
    play.put(Change::Cordon { node: NodeId(0), unschedulable: true });
    play.begin();
    play.create(WEB);
    play.until(Span::secs(1));
    assert_eq!(play.stage.out.queue.next_time(), Some(Time::ZERO + Span::secs(90)));
}

#[test]
fn a_binding_that_fails_frees_its_place_and_is_tried_again() {
    let mut play = Play::new(spec(Spread::OnePerHost), 1, 1);
    play.begin();
    play.broken = Some(ApiError::Unavailable);
    let pod = play.create(WEB);
    play.until(Span::millis(500));
    assert_eq!(play.node_of(pod), None);
    play.broken = None;
    play.until(Span::secs(3));
    assert_eq!(play.node_of(pod), Some(NodeId(0)));
}

#[test]
fn a_new_leader_schedules_what_waited() {
    let mut play = Play::new(spec(Spread::Default), 1, 1);
    play.begin();
    play.until(Span::secs(100));
    play.schedulers.signal(MasterId(0), Signal::Kill, &mut play.stage.ctx());
    let pod = play.create(WEB);
    play.until(Span::secs(110));
    assert_eq!(play.node_of(pod), None);
    play.until(Span::secs(130));
    assert_eq!(play.node_of(pod), Some(NodeId(0)));
}

#[test]
fn a_thousand_pods_fill_a_hundred_nodes_evenly_across_zones() {
    let mut many = spec(Spread::Default);
    many.apps.iter_mut().for_each(|app| app.replicas = 1000);
    let mut play = Play::new(many, 120, 3);
    for _ in 0..960 {
        play.place(WEB).expect("there is room");
    }
    let counts = play.counts(120);
    assert!(counts.iter().all(|count| (7..=9).contains(count)), "{counts:?}");
}
