//! Cost follows change, not rate.

use super::scene::{Scene, kept, one_group, rate, sigterm_is};
use crate::base::{Rate, Ratio, Span};
use crate::world::spec::{Arrivals, OnSigterm, RateStep, Wave};
use crate::world::traffic::TrafficEvent;

#[test]
fn events_do_not_grow_with_the_rate() {
    let steps = |per_sec| {
        let spec = one_group(|spec, group| {
            sigterm_is(spec, OnSigterm::CloseIdle);
            rate(group, per_sec);
        });
        let mut scene = Scene::new(spec, 1, 4);
        scene.delete_first(500);
        let new = scene.new_pod(0, 20_000);
        scene.program(25_000);
        assert!(scene.traffic.serving(new) == crate::world::serving::Serving::Open);
        (scene.finish(600_000).sent, scene.steps)
    };
    let (slow, fast) = (steps(100), steps(1_000_000));
    assert!(fast.1 <= slow.1, "{} events, {} at the low rate", fast.1, slow.1);
    assert!(fast.0 > 9_000 * slow.0);
}

#[test]
fn an_app_without_changes_costs_nothing_at_any_rate() {
    for keeps in [false, true] {
        let spec = one_group(|_, group| {
            rate(group, 1_000_000);
            if keeps {
                kept(group, false);
            }
        });
        let mut scene = Scene::new(spec, 1, 4);
        scene.run(3_600_000);
        assert_eq!((scene.steps, scene.stage.out.queue.pushed()), (0, 0));
        let ledger = scene.finish(3_600_000);
        assert_eq!((ledger.lost_in_all(), ledger.abandoned), (0, 0));
        // In flight: 1,000,000 a second for 5.5 ms, within five deviations.
        assert!(ledger.in_flight.abs_diff(5_500) < 375, "{}", ledger.in_flight);
        assert_eq!(ledger.attempts, ledger.sent);
    }
}

#[test]
fn a_change_that_a_group_cannot_see_settles_nothing() {
    let mut scene = Scene::new(one_group(|_, _| {}), 1, 4);
    let sent = |scene: &Scene| scene.traffic.ledgers().iter().map(|ledger| ledger.sent).sum::<u64>();
    // A pod that starts is in nobody's rules.
    scene.new_pod(0, 20_000);
    scene.run(30_000);
    assert_eq!(sent(&scene), 0);
    scene.program(31_000);
    assert!(sent(&scene) > 0);
}

#[test]
fn a_wave_costs_sixteen_events_a_period_and_a_step_one() {
    let spec = one_group(|_, group| {
        group.wave = Some(Wave { period: Span::mins(16), amplitude: Ratio::from_ppm(300_000) });
        group.steps = vec![RateStep { at: Span::secs(90), rate: Rate::per_sec(200) }];
        group.arrivals = Arrivals::Constant;
    });
    let mut scene = Scene::new(spec, 1, 4);
    let ledger = scene.finish(16 * 60_000 - 1);
    assert_eq!(scene.steps, 15 + 1);
    // 90 s at 100 a second and the rest at 200, but for what the wave adds in the first 90 s.
    assert!(ledger.sent.abs_diff(100 * 90 + 200 * 870) < 1_500, "{}", ledger.sent);
}

#[test]
fn an_event_is_at_most_sixteen_bytes() {
    assert!(size_of::<TrafficEvent>() <= 16);
}
