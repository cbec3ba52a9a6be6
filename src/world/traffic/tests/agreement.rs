//! Counts per interval against requests held one by one, on the same course of the cluster.

use super::scene::{Scene, at, kept, one_group, rate, sigterm_is};
use crate::base::Span;
use crate::engine::Dist;
use crate::world::fact::Loss;
use crate::world::ids::AppId;
use crate::world::spec::{Arrivals, Connections, OnSigterm, Settling, Spec};

const SEEDS: u32 = 300;

/// Mean and variance of losses by refusal, reset and black hole, and of requests sent.
fn moments(spec: &Spec, seeds: std::ops::Range<u32>) -> [(f64, f64); 4] {
    let mut sums = [(0.0, 0.0); 4];
    let count = f64::from(seeds.end - seeds.start);
    for seed in seeds {
        let mut scene = Scene::new(spec.clone(), u64::from(seed), 4);
        scene.act(9_960, |traffic, ctx| traffic.processors_work(at(10_300), ctx));
        scene.delete_first(400);
        let ledger = scene.finish(12_000);
        let lost = [Loss::Refused, Loss::Reset, Loss::BlackHole].map(|loss| ledger.lost_by(loss));
        for (sum, value) in sums.iter_mut().zip([lost[0], lost[1], lost[2], ledger.sent]) {
            let value = value as f64;
            *sum = (sum.0 + value, sum.1 + value * value);
        }
    }
    sums.map(|(sum, squares)| (sum / count, (squares - sum * sum / count) / (count - 1.0)))
}

/// In the means of what happens and in the variances.
fn agree(change: impl Fn(&mut Spec, &mut crate::world::spec::GroupSpec)) {
    compare(true, change);
}

/// Where counts vary more than requests do. At equal gaps: counts place the arrivals of an interval independently of
/// each other. In a pool most of whose connections are busy: counts draw a pod's share of the connections and then its
/// requests, while one connection carries one request at a time.
fn agree_in_means(change: impl Fn(&mut Spec, &mut crate::world::spec::GroupSpec)) {
    compare(false, change);
}

fn compare(variances: bool, change: impl Fn(&mut Spec, &mut crate::world::spec::GroupSpec)) {
    let spec = |settling| {
        one_group(|spec, group| {
            sigterm_is(spec, OnSigterm::Exit);
            rate(group, 400);
            group.settling = settling;
            change(spec, group);
        })
    };
    let counts = moments(&spec(Settling::Interval), 0..SEEDS);
    let calls = moments(&spec(Settling::PerRequest), SEEDS..2 * SEEDS);
    for (place, (one, other)) in counts.into_iter().zip(calls).enumerate() {
        let error = libm::sqrt((one.1 + other.1) / f64::from(SEEDS));
        let z = (one.0 - other.0) / error.max(1e-9);
        // 24 comparisons of means in six settings: 3.5 deviations are a false alarm once in 90.
        assert!(z.abs() < 3.5, "means of {place}: {one:?} against {other:?}, z = {z}");
        if !variances {
            continue;
        }
        // The variance of a Poisson count's variance: (1/mean + 2)/(n-1), doubled for tails that are heavier.
        let ratio = one.1.max(0.05) / other.1.max(0.05);
        let of_one = |mean: f64| 1.0 / mean.max(0.05) + 2.0;
        let wide = 3.5 * libm::sqrt(2.0 * (of_one(one.0) + of_one(other.0)) / f64::from(SEEDS));
        assert!((libm::log(ratio)).abs() < wide, "variances of {place}: {one:?} against {other:?}");
    }
}

#[test]
fn counts_and_single_requests_agree_for_new_connections() {
    agree(|spec, _| spec.apps[AppId(0)].latency = Dist::Exponential { base: Span::ZERO, mean: Span::millis(20) });
}

#[test]
fn counts_and_single_requests_agree_for_the_connection_used_last() {
    agree(|spec, group| {
        spec.apps[AppId(0)].latency = Dist::Exponential { base: Span::ZERO, mean: Span::millis(10) };
        group.connections = Connections::LastUsed;
        group.idempotent = false;
    });
}

#[test]
fn counts_and_single_requests_agree_for_the_connection_used_last_at_equal_gaps() {
    agree_in_means(|spec, group| {
        spec.apps[AppId(0)].latency = Dist::Uniform { low: Span::millis(2), high: Span::millis(12) };
        group.connections = Connections::LastUsed;
        group.arrivals = Arrivals::Constant;
        group.idempotent = false;
    });
}

#[test]
fn counts_and_single_requests_agree_while_processors_are_at_work() {
    let busy = |spec: &mut Spec| {
        let app = &mut spec.apps[AppId(0)];
        app.latency = Dist::Uniform { low: Span::millis(2), high: Span::millis(8) };
        app.latency_busy = Some(Dist::Uniform { low: Span::millis(15), high: Span::millis(60) });
    };
    agree(|spec, _| busy(spec));
    agree_in_means(|spec, group| {
        busy(spec);
        (group.connections, group.idempotent) = (Connections::LastUsed, false);
    });
}

#[test]
fn counts_and_single_requests_agree_for_kept_alive_connections() {
    agree(|_, group| kept(group, false));
}
