//! Each actor on a small stage.

use super::*;
use crate::base::{Span, Time};
use crate::strategy::actor::Actor;
use crate::strategy::stage::{Stage, secs, spec};
use crate::world::ids::PoolId;
use crate::world::spec::Spec;
use crate::world::store::{Change, NodeReady};

/// One master and so many workers, of which an autoscaler may make 1 to 5; a pod of web asks for 1500 of 4000 m.
fn scaled(workers: u32) -> Spec {
    let mut spec = spec(1, workers);
    spec.pools[PoolId(0)].size = Some((1, 5));
    let web = spec.apps.ids().next().expect("web");
    (spec.apps[web].cpu, spec.apps[web].memory) = (1500, 100);
    spec
}

fn actor(name: &str) -> Box<dyn Actor> {
    let entry = find(name).expect("it is listed");
    (entry.build)(&entry.entry.defaults())
}

#[test]
fn every_entry_is_sound_and_builds_from_its_defaults() {
    for entry in CATALOG {
        assert_eq!(entry.entry.mistakes(), Vec::<String>::new());
        assert!(std::ptr::eq(find(entry.entry.name).expect("it is listed"), *entry));
        let actor = (entry.build)(&entry.entry.defaults());
        assert_eq!(format!("{actor:?}"), format!("{:?}", actor.boxed_clone()));
    }
    assert_eq!(find("cluster-autoscaller").expect_err("no such name").nearest, Some("cluster-autoscaler"));
}

/// Source: cluster-autoscaler FAQ: --scan-interval 10 s; a pod that fits nowhere grows a group.
#[test]
fn the_autoscaler_grows_a_group_at_its_next_scan_for_a_pod_that_finds_no_room() {
    let mut stage = Stage::new(scaled(1), actor("cluster-autoscaler"));
    stage.pod_on("workers-1");
    stage.pod_on("workers-1");
    stage.at(secs(13), |stage| {
        stage.apply(&Change::CreatePod { set: crate::world::ids::SetId(0) }).expect("a pod of web");
    });
    stage.run_until(secs(300));
    assert_eq!(stage.when("order grow workers by place 2"), Some(secs(20)), "{}", stage.transcript());
    assert_eq!(stage.times("order grow workers by place 3"), 0, "one is enough, and it is on its way");
}

/// Source: the same: --scale-down-unneeded-time 10 min, utilisation below one half, the pods must fit elsewhere.
#[test]
fn the_autoscaler_removes_a_node_that_nobody_needed_for_ten_minutes() {
    let mut stage = Stage::new(scaled(3), actor("cluster-autoscaler"));
    stage.pod_on("workers-1");
    stage.pod_on("workers-2");
    stage.allow(3);
    stage.run_until(secs(3600));
    // One after the other: the first empty one at once, then the node whose pod fits beside the other's.
    assert_eq!(
        stage.when("order retire workers-3").map(|at| at.secs_f64() as u64 / 10),
        Some(60),
        "{}",
        stage.transcript()
    );
    assert_eq!(stage.times("order retire workers-1") + stage.times("order retire workers-2"), 1, "never below one");
}

#[test]
fn the_autoscaler_leaves_a_node_whose_pods_fit_nowhere_else() {
    let mut spec = scaled(2);
    let web = spec.apps.ids().next().expect("web");
    spec.apps[web].spread = crate::world::spec::Spread::OnePerHost;
    let mut stage = Stage::new(spec, actor("cluster-autoscaler"));
    stage.pod_on("workers-1");
    stage.pod_on("workers-2");
    stage.run_until(secs(3600));
    assert_eq!(stage.log, [], "{}", stage.transcript());
}

/// Source: the same: a budget that refuses for two minutes keeps the node; 3 min of rest after a failure.
#[test]
fn the_autoscaler_gives_a_node_up_whose_budget_refuses_for_two_minutes() {
    let mut stage = Stage::new(scaled(2), actor("cluster-autoscaler"));
    stage.pod_on("workers-1");
    stage.pod_on("workers-2");
    stage.run_until(secs(800));
    let transcript = stage.transcript();
    assert_eq!(stage.times("order uncordon workers-1"), 1, "{transcript}");
    let (down, up) = (stage.when("order cordon workers-1"), stage.when("order uncordon workers-1"));
    let lasted = up.expect("it gives up").since(down.expect("it begins"));
    assert!((120..=130).contains(&lasted.as_nanos().div_euclid(1_000_000_000)), "{lasted}\n{transcript}");
}

/// Source: --max-node-provision-time 15 min; --initial-node-group-backoff-duration 5 min.
#[test]
fn the_autoscaler_gives_a_machine_up_that_never_registers_and_leaves_its_group_alone_for_a_while() {
    let mut stage = Stage::new(scaled(1), actor("cluster-autoscaler"));
    stage.pod_on("workers-1");
    stage.pod_on("workers-1");
    stage.broken_boot = true;
    stage.at(secs(5), |stage| {
        stage.apply(&Change::CreatePod { set: crate::world::ids::SetId(0) }).expect("a pod of web");
    });
    stage.run_until(secs(1500));
    let grown: Vec<Time> =
        stage.log.iter().filter(|(_, line)| line.starts_with("order grow")).map(|(at, _)| *at).collect();
    assert_eq!(grown, [secs(10), secs(10 + 900 + 300)], "{}", stage.transcript());
    assert_eq!(stage.times("order retire workers-2"), 1);
}

/// Source: descheduler README: RemoveDuplicates, every 5 min.
#[test]
fn the_descheduler_evicts_what_is_beyond_the_fair_share_of_a_node_once_each_interval() {
    let mut stage = Stage::new(spec(1, 3), actor("descheduler"));
    for _ in 0..3 {
        stage.pod_on("workers-1");
    }
    stage.run_until(secs(299));
    let asked = ["evict web-1", "evict web-2"].map(|pod| stage.times(&format!("order {pod}")));
    assert_eq!(asked, [1, 1], "{}", stage.transcript());
    let calls = stage.calls;
    stage.run_until(secs(3600));
    assert!(stage.calls <= calls + 2, "refused, and nothing changes: it finds what it found");
}

#[test]
fn the_descheduler_leaves_pods_where_no_other_node_is_open() {
    let mut stage = Stage::new(spec(1, 2), actor("descheduler"));
    stage.pod_on("workers-1");
    stage.pod_on("workers-1");
    let node = stage.named("workers-2");
    stage.apply(&Change::Cordon { node, unschedulable: true }).expect("it exists");
    stage.run_until(secs(600));
    assert_eq!(stage.log, [], "{}", stage.transcript());
}

/// Source: GKE, Auto-repair nodes: about 10 minutes; AKS: reboot, reimage, redeploy.
#[test]
fn each_auto_repair_waits_its_time_and_does_what_it_does() {
    let sick = |name: &str, until: u64| {
        let mut stage = Stage::new(spec(1, 3), actor(name));
        stage.at(secs(100), |stage| stage.ready(stage.named("workers-2"), NodeReady::Unknown));
        stage.run_until(secs(until));
        let acts = stage.log.iter().filter(|(_, line)| line.starts_with("order")).cloned();
        acts.map(|(at, line)| (at.secs_f64() as u64, line)).collect::<Vec<_>>()
    };
    let first = |name: &str, until: u64| sick(name, until)[0].clone();
    assert_eq!(first("gke-auto-repair", 1000), (700, "order cordon workers-2".to_owned()));
    assert_eq!(first("eks-auto-repair", 3000), (1900, "order cordon workers-2".to_owned()));
    assert_eq!(first("machine-health-check", 1000), (400, "order cordon workers-2".to_owned()));
    assert_eq!(sick("aks-auto-repair", 1000), [(700, "order reboot workers-2".to_owned())], "and that helps");
    assert_eq!(sick("gke-auto-repair", 1000).last(), Some(&(700, "order terminate workers-2".to_owned())));
    assert_eq!(sick("gke-auto-repair", 699), []);
}

/// Source: EKS user guide: no repair with more than 20 % of a group of more than five unhealthy.
#[test]
fn eks_repairs_nothing_when_too_much_of_a_group_is_unhealthy() {
    let acts = |sick: &'static [&'static str]| {
        let mut stage = Stage::new(spec(1, 6), actor("eks-auto-repair"));
        stage.at(secs(10), |stage| {
            sick.iter().for_each(|label| stage.ready(stage.named(label), NodeReady::Unknown));
        });
        stage.run_until(Time::ZERO + Span::mins(60));
        stage.log.iter().filter(|(_, line)| line.starts_with("order terminate")).count()
    };
    assert_eq!(acts(&["workers-1"]), 1);
    assert_eq!(acts(&["workers-1", "workers-2"]), 0);
}

/// Source: The Cluster API Book: nodeStartupTimeout.
#[test]
fn a_machine_health_check_replaces_machines_that_never_become_nodes() {
    let mut stage = Stage::new(spec(1, 2), actor("machine-health-check"));
    stage.broken_boot = true;
    stage.at(secs(10), |stage| stage.ready(stage.named("workers-1"), NodeReady::False));
    stage.run_until(Time::ZERO + Span::mins(40));
    let replaced = stage.log.iter().filter(|(_, line)| line.starts_with("order terminate")).count();
    // The sick one after 5 min; its successor after 10 min more, and that one's.
    assert!(replaced >= 3, "{}", stage.transcript());
}
