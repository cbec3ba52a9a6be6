//! Where clients stand and what their rules say.

use super::scene::{Scene, apply, kept, one_group};
use crate::base::{Span, Version};
use crate::world::fact::Loss;
use crate::world::ids::{AppId, SetId};
use crate::world::spec::{Arrivals, ExternalPolicy, Place, ServiceBalancerSpec};
use crate::world::store::{Change, Endpoint};
use crate::world::targets::Target;
use crate::world::testkit::ms;

fn balancer(policy: ExternalPolicy) -> ServiceBalancerSpec {
    ServiceBalancerSpec {
        policy,
        interval: Span::secs(10),
        timeout: Span::secs(5),
        unhealthy: 2,
        healthy: 2,
        propagation: ms(0),
        deregistration: ms(0),
        registration: ms(0),
        to_pods: false,
    }
}

fn outside(policy: ExternalPolicy) -> Scene {
    let spec = one_group(|spec, group| {
        group.place = Place::Outside;
        group.arrivals = Arrivals::Constant;
        spec.apps[AppId(0)].balancer = Some(balancer(policy));
    });
    Scene::new(spec, 2, 2)
}

fn aim(scene: &mut Scene, millis: u64, targets: Vec<Target>) {
    scene.run(millis);
    *scene.stage.targets.of_mut(AppId(0)) = targets;
    scene.act(millis, |traffic, ctx| traffic.targets_changed(AppId(0), ctx));
}

#[test]
fn a_service_without_endpoints_refuses_at_once() {
    let spec = one_group(|_, group| group.arrivals = Arrivals::Constant);
    let mut scene = Scene::new(spec, 2, 2);
    for pod in scene.pods.clone() {
        scene.endpoint(pod, Endpoint::Absent);
    }
    scene.program(10_000);
    scene.endpoint(scene.pods[0], Endpoint::Ready);
    scene.program(12_000);
    let ledger = scene.finish(20_000);
    assert_eq!(ledger.lost_by(Loss::NoEndpoint), 200);
    // Between the commits of two tables for 4 to 12 ms more: one request or two.
    assert!(ledger.lost_in_all() <= 202 && ledger.lost_by(Loss::BlackHole) + 200 == ledger.lost_in_all());
    assert_eq!(ledger.exposed, ledger.longest_outage);
    assert!((4..=12).contains(&(ledger.exposed - Span::secs(2)).as_nanos().div_ceil(1_000_000)), "{}", ledger.exposed);
    assert!((ledger.expected_lost - ledger.exposed.as_secs_f64() * 100.0).abs() < 1e-6);
}

#[test]
fn terminating_endpoints_are_the_last_resort_of_newer_proxies_only() {
    let lost = |version| {
        let mut scene = Scene::new(one_group(|_, _| {}), 2, 1);
        let client = scene.client;
        apply(&mut scene.stage, &Change::RegisterNode { node: client, version });
        scene.endpoint(scene.pods[0], Endpoint::Terminating);
        scene.program(10_000);
        scene.finish(20_000).lost_by(Loss::NoEndpoint)
    };
    assert_eq!(lost(Version::new(1, 26, 0)), 0);
    assert!(lost(Version::new(1, 25, 16)) > 800);
}

#[test]
fn without_a_target_a_balancer_loses_everything() {
    let mut scene = outside(ExternalPolicy::Cluster);
    let node = scene.workers[0];
    aim(&mut scene, 5_000, vec![Target::Node(node)]);
    let ledger = scene.finish(10_000);
    assert_eq!((ledger.lost_in_all(), ledger.lost_by(Loss::NoTarget)), (500, 500));
}

#[test]
fn a_node_without_a_pod_of_its_own_drops_under_the_local_policy() {
    let lost = |policy| {
        let mut scene = outside(policy);
        let (bare, node) = (scene.client, scene.workers[0]);
        aim(&mut scene, 0, vec![Target::Node(bare), Target::Node(node)]);
        scene.finish(10_000).lost_by(Loss::BlackHole)
    };
    assert_eq!(lost(ExternalPolicy::Cluster), 0);
    // Half of 1000: within five deviations.
    assert!(lost(ExternalPolicy::Local).abs_diff(500) < 80);
}

#[test]
fn a_pod_that_is_a_target_needs_no_rules() {
    let mut scene = outside(ExternalPolicy::Cluster);
    let pod = scene.pods[1];
    aim(&mut scene, 0, vec![Target::Pod(pod)]);
    for pod in scene.pods.clone() {
        scene.endpoint(pod, Endpoint::Absent);
    }
    scene.program(5_000);
    assert_eq!(scene.finish(10_000).lost_in_all(), 0);
}

#[test]
fn a_target_node_that_falls_silent_is_a_black_hole_for_its_share() {
    let mut scene = outside(ExternalPolicy::Cluster);
    let (bare, node) = (scene.client, scene.workers[0]);
    aim(&mut scene, 0, vec![Target::Node(bare), Target::Node(node)]);
    scene.link(bare, false, 10_000);
    let ledger = scene.finish(20_000);
    assert!(ledger.lost_by(Loss::BlackHole).abs_diff(500) < 80, "{ledger:?}");
    assert_eq!(ledger.lost_in_all(), ledger.lost_by(Loss::BlackHole));
}

#[test]
fn clients_in_pods_of_an_app_come_and_go_with_them() {
    let mut spec = one_group(|_, group| {
        group.place = Place::App(AppId(1));
        group.arrivals = Arrivals::Constant;
        kept(group, true);
    });
    let mut front = spec.apps[AppId(0)].clone();
    front.name = "front".to_owned();
    spec.apps.push(front);
    let mut scene = Scene::new(spec, 2, 2);
    // Its first pod listens from 10.5 s on, and is killed at 20.5 s; nobody asks before and after.
    let front = scene.start_pod(SetId(1), 0, 10_000);
    scene.act(20_500, |traffic, ctx| traffic.sigkill(front, ctx));
    let ledger = scene.finish(40_000);
    assert_eq!((ledger.sent, ledger.lost_in_all()), (1_000, 0));
    // What it had asked for in the last 5.5 ms nobody waits for.
    assert!(ledger.abandoned <= 3 && ledger.in_flight == 0, "{ledger:?}");
}
