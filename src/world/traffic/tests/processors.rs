//! Hosts that share processors: what requests notice of container runtimes at work.

use super::scene::{Scene, at, one_group, rate, sigterm_is};
use crate::base::Span;
use crate::engine::Dist;
use crate::world::fact::Loss;
use crate::world::ids::AppId;
use crate::world::spec::{Arrivals, Connections, GroupSpec, OnSigterm, Spec};
use crate::world::store::Endpoint;
use crate::world::testkit::ms;

const SEEDS: u64 = 400;

/// 200 requests a second at equal gaps, 5 ms each, and `busy` while processors are at work.
fn spec(busy: Option<Dist>, change: impl FnOnce(&mut Spec, &mut GroupSpec)) -> Spec {
    one_group(|spec, group| {
        sigterm_is(spec, OnSigterm::Exit);
        let app = &mut spec.apps[AppId(0)];
        (app.latency, app.latency_busy, app.reaction) = (ms(5), busy, ms(0));
        (group.arrivals, group.idempotent) = (Arrivals::Constant, false);
        rate(group, 200);
        change(spec, group);
    })
}

/// Mean cut and refused requests of one pod of four that exits at 10 s. Processors work from `lead` ms before until
/// 10.4 s; the client's rules follow after 50 ms.
fn losses(spec: &Spec, lead: u64) -> (f64, f64) {
    let (mut cut, mut refused) = (0, 0);
    for seed in 0..SEEDS {
        let mut scene = Scene::new(spec.clone(), seed, 4);
        if lead > 0 {
            scene.act(10_000 - lead, |traffic, ctx| traffic.processors_work(at(10_400), ctx));
        }
        scene.delete_first(50);
        let ledger = scene.finish(12_000);
        cut += ledger.lost_by(Loss::Reset);
        refused += ledger.lost_by(Loss::Refused);
    }
    (cut as f64 / SEEDS as f64, refused as f64 / SEEDS as f64)
}

#[test]
fn an_exit_cuts_as_many_requests_as_were_sent_since_processors_are_at_work_or_as_their_time_holds() {
    // A quarter of 200 a second, for 5 ms and the network; sent within 30 ms; within the 50 ms that one takes.
    let busy = spec(Some(ms(50)), |_, _| {});
    for (lead, expected) in [(0, 0.25), (30, 1.5), (200, 2.5)] {
        let (cut, _) = losses(&busy, lead);
        assert!((cut - expected).abs() < 0.25, "{lead} ms before: {cut}, expected {expected}");
    }
}

#[test]
fn a_pool_that_opens_connections_for_slow_requests_meets_the_dead_pod_more_often() {
    let kept = |busy| spec(busy, |_, group| group.connections = Connections::LastUsed);
    let (calm, busy) = (losses(&kept(None), 100), losses(&kept(Some(ms(50))), 100));
    assert!(calm.0 < 1.0 && calm.1 < 0.5, "{calm:?}");
    assert!(busy.0 > 1.8 && busy.1 > 3.0 * calm.1 && busy.1 > 0.5, "{busy:?} against {calm:?}");
}

#[test]
fn an_app_whose_hosts_have_processors_of_their_own_notices_nothing() {
    let spec = spec(None, |_, _| {});
    let run = |works: bool| {
        let mut scene = Scene::new(spec.clone(), 3, 4);
        if works {
            scene.act(9_000, |traffic, ctx| traffic.processors_work(at(11_000), ctx));
        }
        scene.delete_first(400);
        scene.finish(12_000)
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn processors_rest_when_the_last_of_them_does() {
    let mut scene = Scene::new(spec(Some(ms(50)), |_, _| {}), 1, 4);
    scene.act(1_000, |traffic, ctx| traffic.processors_work(at(2_000), ctx));
    scene.act(1_500, |traffic, ctx| traffic.processors_work(at(1_800), ctx));
    scene.act(1_900, |traffic, ctx| traffic.processors_work(at(2_500), ctx));
    scene.run(2_499);
    assert!(scene.traffic.processors_are_at_work());
    scene.run(2_500);
    assert!(!scene.traffic.processors_are_at_work());
    assert_eq!(scene.steps, 2, "the one that came to nothing costs no event");
}

#[test]
fn a_graceful_exit_waits_for_the_slow_requests() {
    let spec = spec(Some(ms(80)), |spec, _| sigterm_is(spec, OnSigterm::CloseIdle));
    let exit = |works: bool| {
        let mut scene = Scene::new(spec.clone(), 5, 4);
        if works {
            scene.act(9_800, |traffic, ctx| traffic.processors_work(at(11_000), ctx));
        }
        let pod = scene.pods[0];
        scene.endpoint(pod, Endpoint::Absent);
        scene.act(10_000, |traffic, ctx| traffic.sigterm(pod, ctx));
        while scene.traffic.serving(pod) == crate::world::serving::Serving::Closing || scene.steps == 0 {
            let next = scene.stage.now + Span::millis(1);
            scene.run(next.nanos() / 1_000_000);
        }
        scene.stage.now.since(at(10_000))
    };
    assert!(exit(false) <= Span::millis(6) && exit(true) > Span::millis(40));
}
