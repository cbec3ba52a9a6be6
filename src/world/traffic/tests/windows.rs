//! The race between a pod that stops and the rules that still name it.

use super::scene::{Scene, kept, one_group, rate, sigterm_is};
use crate::base::Span;
use crate::world::effects::Notice;
use crate::world::fact::{Fact, Loss};
use crate::world::spec::{Connections, OnSigterm, Settling};
use crate::world::store::Endpoint;

fn run(spec: crate::world::spec::Spec, seed: u64, lag: u64) -> (crate::world::traffic::Ledger, Scene) {
    let mut scene = Scene::new(spec, seed, 4);
    scene.delete_first(lag);
    let ledger = scene.finish(60_000);
    (ledger, scene)
}

#[test]
fn without_pre_stop_an_exit_loses_by_refusal_reset_and_black_hole_in_their_windows() {
    let spec = one_group(|spec, group| {
        sigterm_is(spec, OnSigterm::Exit);
        rate(group, 400);
    });
    let mut lost = [0; 4];
    const SEEDS: u64 = 100;
    for seed in 0..SEEDS {
        let mut scene = Scene::new(spec.clone(), seed, 4);
        scene.delete_first(1_000);
        let ledger = scene.finish(11_000);
        for (sum, loss) in lost.iter_mut().zip([Loss::Refused, Loss::Reset, Loss::BlackHole, Loss::NoEndpoint]) {
            *sum += ledger.lost_by(loss);
        }
    }
    // 100 a second at the pod: refused from 5 ms to 205 ms and half a millisecond on the wire before, reset those in
    // the 5 ms of their service, in a black hole from 205 ms to 1 s. Nobody meets its stale entries yet: at 400 a second
    // the client goes round its ports in 7.8 s. Five standard deviations each.
    let near = |lost: u64, a_run: f64| {
        let mean = a_run * SEEDS as f64;
        assert!((lost as f64 - mean).abs() < 5.0 * libm::sqrt(mean), "{lost} for {mean}");
    };
    near(lost[0], 100.0 * 0.2005);
    near(lost[1], 100.0 * 0.005);
    near(lost[2], 100.0 * 0.795);
    assert_eq!(lost[3], 0);
}

#[test]
fn losses_grow_with_rate_and_window() {
    let lost = |per_sec, lag| {
        let spec = one_group(|spec, group| {
            sigterm_is(spec, OnSigterm::Exit);
            rate(group, per_sec);
        });
        run(spec, 3, lag).0.expected_lost
    };
    assert!((lost(2_000, 105) / lost(1_000, 105) - 2.0).abs() < 1e-6);
    assert!((lost(1_000, 205) / lost(1_000, 105) - 205.5 / 105.5).abs() < 1e-6);
}

#[test]
fn a_drain_that_the_rules_precede_loses_nothing_and_exposes_nobody() {
    for connections in [Connections::New, Connections::KeptAlive { pool: 20 }] {
        let spec = one_group(|spec, group| {
            sigterm_is(spec, OnSigterm::Drain);
            group.connections = connections;
            group.idempotent = false;
        });
        let mut scene = Scene::new(spec, 7, 4);
        let pod = scene.pods[0];
        scene.endpoint(pod, Endpoint::Absent);
        scene.program(10_100);
        scene.act(15_000, |traffic, ctx| traffic.sigterm(pod, ctx));
        let ledger = scene.finish(60_000);
        assert_eq!((ledger.lost_in_all(), ledger.exposed), (0, Span::ZERO), "{connections:?}");
        assert_eq!(ledger.expected_lost, 0.0);
        assert!(scene.notices.contains(&Notice::ContainerExited(pod)));
        let tells = |fact: &Fact| matches!(fact, Fact::Exposed { .. } | Fact::ExposureBegan { .. });
        assert!(!scene.facts.iter().any(tells));
    }
}

#[test]
fn idempotent_requests_on_kept_alive_connections_survive_the_close_of_idle_ones() {
    let spec = one_group(|spec, group| {
        sigterm_is(spec, OnSigterm::CloseIdle);
        kept(group, true);
        rate(group, 100_000);
    });
    let mut scene = Scene::new(spec, 7, 4);
    let pod = scene.pods[0];
    scene.endpoint(pod, Endpoint::Absent);
    scene.program(10_000);
    scene.act(15_000, |traffic, ctx| traffic.sigterm(pod, ctx));
    let ledger = scene.finish(20_000);
    assert_eq!((ledger.lost_in_all(), ledger.exposed), (0, Span::ZERO));
    assert_eq!(ledger.sent, ledger.attempts);
}

#[test]
fn requests_that_may_not_be_repeated_lose_the_race_for_one_network_delay() {
    let spec = |per_sec| {
        one_group(|spec, group| {
            sigterm_is(spec, OnSigterm::CloseIdle);
            kept(group, false);
            rate(group, per_sec);
        })
    };
    let run = |per_sec, seed| {
        let mut scene = Scene::new(spec(per_sec), seed, 4);
        let pod = scene.pods[0];
        scene.endpoint(pod, Endpoint::Absent);
        scene.program(10_000);
        scene.act(15_000, |traffic, ctx| traffic.sigterm(pod, ctx));
        scene.finish(20_000)
    };
    let mut lost = 0;
    let mut expected = 0.0;
    for seed in 0..40 {
        let ledger = run(100_000, seed);
        assert_eq!(ledger.lost_in_all(), ledger.lost_by(Loss::Reset));
        // Exposed for the network's delay, unless no connection went to the pod.
        assert!(ledger.exposed == Span::micros(500) || ledger.exposed.is_zero());
        lost += ledger.lost_in_all();
        expected += ledger.expected_lost;
    }
    // A quarter of the connections on average: 100,000/s x 0.5 ms x 1/4 = 12.5 a run.
    assert!((expected / 40.0 - 12.5).abs() < 3.0, "{expected}");
    assert!((lost as f64 - expected).abs() < 5.0 * libm::sqrt(expected), "{lost} for {expected}");
}

#[test]
fn expected_lost_is_the_mean_over_seeds() {
    for keeps in [false, true] {
        let spec = one_group(|spec, group| {
            sigterm_is(spec, OnSigterm::Exit);
            rate(group, 300);
            if keeps {
                kept(group, false);
            }
        });
        let (mut lost, mut squares, mut expected) = (0.0, 0.0, 0.0);
        const SEEDS: u32 = 400;
        for seed in 0..SEEDS {
            let ledger = run(spec.clone(), u64::from(seed), 700).0;
            let off = ledger.lost_in_all() as f64 - ledger.expected_lost;
            lost += off;
            squares += off * off;
            expected += ledger.expected_lost;
        }
        let z = lost / libm::sqrt(squares);
        assert!(z.abs() < 3.5, "kept alive: {keeps}, z = {z}");
        assert!(expected > 0.5 * f64::from(SEEDS), "{expected}");
    }
}

#[test]
fn exposure_does_not_depend_on_the_rate() {
    let exposed = |per_sec| {
        let spec = one_group(|spec, group| {
            sigterm_is(spec, OnSigterm::Exit);
            rate(group, per_sec);
        });
        run(spec, 3, 150).0.exposed
    };
    // From the exit's cut backward 5.5 ms, and forward until the rules follow at 150 ms.
    assert_eq!(exposed(1), Span::micros(150_500));
    assert_eq!(exposed(1_000_000), exposed(1));
    let holed = |per_sec| {
        let spec = one_group(|spec, group| {
            sigterm_is(spec, OnSigterm::Exit);
            rate(group, per_sec);
        });
        run(spec, 3, 1_000).0.exposed
    };
    assert_eq!(holed(1), holed(1_000_000));
}

#[test]
fn a_finished_exit_is_later_the_more_requests_are_under_way() {
    let exit = |per_sec| {
        let spec = one_group(|spec, group| {
            sigterm_is(spec, OnSigterm::CloseIdle);
            rate(group, per_sec);
        });
        let mut scene = Scene::new(spec, 3, 1);
        let pod = scene.pods[0];
        scene.act(10_000, |traffic, ctx| traffic.sigterm(pod, ctx));
        let mut now = 10_005;
        while !scene.notices.contains(&Notice::ContainerExited(pod)) {
            scene.run(now);
            now += 1;
        }
        now
    };
    assert!(exit(1) <= 10_006);
    assert!((10_010..=10_012).contains(&exit(1_000_000)));
}

#[test]
fn connections_between_the_last_refusal_and_the_first_endpoint_go_to_an_address_that_nobody_has() {
    for settling in [Settling::Interval, Settling::PerRequest] {
        let spec = one_group(|spec, group| {
            sigterm_is(spec, OnSigterm::Exit);
            rate(group, 10_000);
            group.settling = settling;
        });
        let mut scene = Scene::new(spec, 1, 1);
        let pod = scene.pods[0];
        scene.endpoint(pod, Endpoint::Absent);
        scene.program(1_000);
        scene.act(1_000, |traffic, ctx| traffic.sigterm(pod, ctx));
        scene.new_pod(0, 1_200);
        scene.program(2_000);
        let ledger = scene.finish(2_500);
        // 4 to 12 ms of 10,000 a second.
        let (hole, nobody) = (ledger.lost_by(Loss::BlackHole), ledger.lost_by(Loss::NoEndpoint));
        assert!((25..=150).contains(&hole) && (9_600..=10_400).contains(&nobody), "{settling:?}: {hole}, {nobody}");
        // The second endpoint changes a table that forwards already.
        scene.new_pod(0, 2_600);
        scene.program(3_000);
        assert_eq!(scene.finish(3_500).lost_by(Loss::BlackHole), hole);
    }
}
