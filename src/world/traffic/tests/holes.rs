//! Silence, what it leaves behind, and streams.

use super::scene::{Scene, kept, one_group, rate, sigterm_is};
use crate::base::Span;
use crate::world::fact::Loss;
use crate::world::ids::GroupId;
use crate::world::spec::{Connections, OnSigterm};
use crate::world::store::Endpoint;

/// A worker's link is cut at 10 s, and its pod leaves the rules 38 s later.
fn cut_link(scene: &mut Scene) {
    let (pod, node) = (scene.pods[0], scene.workers[0]);
    scene.link(node, false, 10_000);
    scene.endpoint(pod, Endpoint::Absent);
    scene.program(48_000);
}

fn lost_so_far(scene: &mut Scene, millis: u64) -> (u64, u64) {
    // A rate step settles without changing anything.
    scene.run(millis);
    let group = crate::world::traffic::TrafficEvent::RateTurns { group: GroupId(0) };
    scene.act(millis, |traffic, ctx| traffic.step(group, ctx));
    let ledger = &scene.traffic.ledgers()[GroupId(0)];
    (ledger.lost_in_all(), ledger.sent)
}

#[test]
fn stale_connection_tracking_fails_about_a_tenth_of_new_connections_after_a_black_hole() {
    // As measured with a cut link: 100 new connections a second, a third of them into the hole for 38 s; from 40 s to
    // 70 s after the cut, 7 to 13 % of all failed.
    let mut scene = Scene::new(one_group(|_, _| {}), 5, 3);
    cut_link(&mut scene);
    let before = lost_so_far(&mut scene, 50_000);
    let after = lost_so_far(&mut scene, 80_000);
    let share = (after.0 - before.0) as f64 / (after.1 - before.1) as f64;
    assert!((0.07..=0.13).contains(&share), "{share}");
    // Two minutes after the last of them, the entries are over, and with them the exposure.
    let ended = lost_so_far(&mut scene, 168_001).0;
    let ledger = scene.finish(300_000);
    assert_eq!(ledger.lost_in_all(), ended);
    assert_eq!(ledger.lost_in_all(), ledger.lost_by(Loss::BlackHole));
    assert!(ledger.exposed > Span::secs(158) && ledger.exposed < Span::millis(158_010), "{}", ledger.exposed);
}

#[test]
fn kept_alive_connections_into_silence_cost_one_request_each() {
    let spec = one_group(|_, group| {
        kept(group, true);
        rate(group, 1_000);
    });
    let mut scene = Scene::new(spec, 5, 3);
    let (pod, node) = (scene.pods[0], scene.workers[0]);
    scene.endpoint(pod, Endpoint::Absent);
    scene.program(9_000);
    scene.link(node, false, 10_000);
    let ledger = scene.finish(60_000);
    // Some of 20 connections, and a few requests under way.
    let lost = ledger.lost_by(Loss::BlackHole);
    assert!((1..=20 + 15).contains(&lost), "{lost}");
    assert_eq!(ledger.lost_in_all(), lost);
}

#[test]
fn a_link_that_returns_ends_the_losses() {
    let mut scene = Scene::new(one_group(|_, _| {}), 5, 3);
    let node = scene.workers[0];
    scene.link(node, false, 10_000);
    scene.link(node, true, 20_000);
    let lost = lost_so_far(&mut scene, 20_001).0;
    assert!(lost > 200, "{lost}");
    let ledger = scene.finish(100_000);
    assert_eq!(ledger.lost_in_all(), lost);
}

#[test]
fn a_client_without_a_link_loses_everything_and_without_power_sends_nothing() {
    let mut scene = Scene::new(one_group(|_, _| {}), 5, 3);
    let client = scene.client;
    scene.link(client, false, 10_000);
    let unlinked = lost_so_far(&mut scene, 20_000);
    scene.power(client, false, 20_000);
    let ledger = scene.finish(30_000);
    assert!(unlinked.0 > 850, "{unlinked:?}");
    assert_eq!(ledger.sent, unlinked.1);
    assert_eq!(ledger.longest_outage, Span::secs(10));
}

#[test]
fn streams_are_lost_by_an_exit_and_move_at_a_drain() {
    let run = |on_sigterm| {
        let spec = one_group(|spec, group| {
            sigterm_is(spec, on_sigterm);
            group.connections = Connections::Stream { count: 40 };
        });
        let mut scene = Scene::new(spec, 9, 4);
        scene.delete_first(100);
        let pod = scene.pods[0];
        scene.act(40_000, |traffic, ctx| traffic.sigkill(pod, ctx));
        scene.finish(60_000)
    };
    let exit = run(OnSigterm::Exit);
    assert!((1..=25).contains(&exit.lost_by(Loss::StreamDropped)), "{exit:?}");
    assert_eq!((exit.in_flight, exit.sent), (40, 40 + exit.lost_in_all()));
    assert!(!exit.exposed.is_zero());
    let drain = run(OnSigterm::Drain);
    assert_eq!((drain.in_flight, drain.lost_in_all()), (40, 0));
    assert!(drain.ok > 0);
    // Go's Shutdown does not end streams: SIGKILL does.
    let close = run(OnSigterm::CloseIdle);
    assert!(close.lost_by(Loss::StreamDropped) > 0);
}
