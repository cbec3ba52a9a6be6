//! Conservation under any history.

use proptest::prelude::*;

use super::scene::{Scene, one_group, rate, sigterm_is};
use crate::base::{Ratio, Span, cases};
use crate::engine::Dist;
use crate::world::ids::AppId;
use crate::world::spec::{Arrivals, Connections, OnSigterm, Settling, Spec};
use crate::world::store::Endpoint;

#[derive(Clone, Copy, Debug)]
enum Act {
    Terminate(usize),
    Kill(usize),
    Sandbox(usize, bool),
    Start(usize),
    Link(usize, bool),
    Power(usize, bool),
    Endpoint(usize, Endpoint),
    Program,
    NewPod(usize),
}

fn acts() -> impl Strategy<Value = Vec<(u64, Act)>> {
    let endpoint = prop_oneof![Just(Endpoint::Absent), Just(Endpoint::Ready), Just(Endpoint::Terminating)];
    let act = prop_oneof![
        3 => (0..3_usize).prop_map(Act::Terminate),
        2 => (0..3_usize).prop_map(Act::Kill),
        2 => (0..3_usize, any::<bool>()).prop_map(|(pod, there)| Act::Sandbox(pod, there)),
        2 => (0..3_usize).prop_map(Act::Start),
        2 => (0..4_usize, any::<bool>()).prop_map(|(node, on)| Act::Link(node, on)),
        1 => (0..4_usize, any::<bool>()).prop_map(|(node, on)| Act::Power(node, on)),
        3 => (0..3_usize, endpoint).prop_map(|(pod, endpoint)| Act::Endpoint(pod, endpoint)),
        3 => Just(Act::Program),
        1 => (0..3_usize).prop_map(Act::NewPod),
    ];
    prop::collection::vec((0..1_500_u64, act), 1..30)
}

fn specs() -> impl Strategy<Value = Spec> {
    let connections = prop_oneof![
        Just(Connections::New),
        Just(Connections::KeptAlive { pool: 7 }),
        Just(Connections::LastUsed),
        Just(Connections::Stream { count: 9 })
    ];
    let sigterm =
        prop_oneof![Just(OnSigterm::Exit), Just(OnSigterm::CloseIdle), Just(OnSigterm::Drain), Just(OnSigterm::Ignore)];
    let settling = prop_oneof![3 => Just(Settling::Interval), 1 => Just(Settling::PerRequest)];
    let queue = prop_oneof![3 => Just(None), 1 => Just(Some(2_u32))];
    let budget = prop_oneof![3 => Just(None), 1 => Just(Some(Ratio::from_ppm(100_000)))];
    let group = (connections, settling, any::<bool>(), 0..3_u32, budget, any::<bool>());
    (group, sigterm, queue, 1..300_u64).prop_map(|(group, sigterm, queue, per_sec)| {
        one_group(|spec, it| {
            sigterm_is(spec, sigterm);
            let app = &mut spec.apps[AppId(0)];
            app.concurrency = queue;
            app.warm_up = Span::millis(300);
            app.latency = Dist::LogNormal { median: Span::millis(30), p99: Span::millis(900) };
            (it.connections, it.settling, it.idempotent, it.retries, it.retry_budget) =
                (group.0, group.1, group.2, group.3, group.4);
            it.arrivals = if group.5 { Arrivals::Constant } else { Arrivals::Poisson };
            it.retry_backoff = Span::millis(50);
            rate(it, per_sec);
        })
    })
}

fn play(scene: &mut Scene, now: u64, act: Act) {
    let node = |scene: &Scene, i: usize| if i == 3 { scene.client } else { scene.workers[i] };
    match act {
        Act::Terminate(i) => {
            let pod = scene.pods[i];
            scene.act(now, |traffic, ctx| traffic.sigterm(pod, ctx));
        }
        Act::Kill(i) => {
            let pod = scene.pods[i];
            scene.act(now, |traffic, ctx| traffic.sigkill(pod, ctx));
        }
        Act::Sandbox(i, there) => {
            let pod = scene.pods[i];
            scene.act(now, |traffic, ctx| traffic.sandbox(pod, there, ctx));
        }
        Act::Start(i) => {
            let pod = scene.pods[i];
            scene.act(now, |traffic, ctx| {
                traffic.sigkill(pod, ctx);
                traffic.sandbox(pod, true, ctx);
                traffic.container_started(pod, ctx);
            });
        }
        Act::Link(i, on) => scene.link(node(scene, i), on, now),
        Act::Power(i, on) => scene.power(node(scene, i), on, now),
        Act::Endpoint(i, endpoint) => scene.endpoint(scene.pods[i], endpoint),
        Act::Program => scene.program(now),
        Act::NewPod(i) => scene.pods[i] = scene.new_pod(i, now),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(96), failure_persistence: None, ..ProptestConfig::default() })]

    /// The scene checks the balance of every ledger after every step.
    #[test]
    fn no_request_is_lost_from_the_books(spec in specs(), acts in acts(), seed in any::<u64>()) {
        let mut scene = Scene::new(spec, seed, 3);
        let mut now = 0;
        for (gap, act) in acts {
            now += gap;
            play(&mut scene, now, act);
        }
        let ledger = scene.finish(now + 5_000);
        prop_assert!(ledger.is_balanced(), "{ledger:?}");
        prop_assert!(ledger.attempts >= ledger.sent);
        prop_assert!(ledger.expected_lost >= 0.0 && ledger.expected_lost.is_finite());
        prop_assert!(ledger.expected_lost == 0.0 || !ledger.exposed.is_zero(), "{ledger:?}");
        prop_assert!(ledger.lost_in_all() == 0 || ledger.expected_lost > 0.0, "{ledger:?}");
    }
}
