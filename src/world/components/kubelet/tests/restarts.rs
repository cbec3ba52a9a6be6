//! Containers and kubelets that start again; images.

use super::super::bench::{Bench, NODE, probe};
use super::{V1_20, V1_32, count};
use crate::base::{Span, Version};
use crate::world::effects::Notice;
use crate::world::fact::Fact;
use crate::world::ids::AppId;
use crate::world::serving::Serving;
use crate::world::spec::OnSigterm;
use crate::world::testkit::ms;

/// `doBackOff`: the first restart is at once, then 10 s, 20 s, 40 s; the worker looks every 10 to 15 s
/// (`pod_workers.go`, backOffPeriod with jitter).
#[test]
fn the_first_crash_restarts_at_once_and_the_next_wait_ten_twenty_forty() {
    let mut bench = Bench::new(V1_20, |app| app.readiness = None);
    let pod = bench.ready_pod();
    for (least, most) in [(0.0, 1.3), (10.0, 16.3), (20.0, 36.3), (40.0, 56.3)] {
        let died = bench.now();
        bench.crash(pod);
        bench.run_for(Span::secs(60));
        let down = bench.time_of(Fact::PodRestarted { pod }, died) - died;
        assert!(down >= least && down <= most, "{down} not in {least}..{most}");
    }
    let died = bench.now() + 700.0;
    bench.run_for(Span::secs(700));
    bench.crash(pod);
    bench.run_for(Span::secs(60));
    assert!(bench.time_of(Fact::PodRestarted { pod }, died) - died < 1.3, "forgotten after ten minutes");
}

#[test]
fn a_crash_is_posted_at_the_relist_and_readiness_comes_back_with_the_probe() {
    let mut bench = Bench::new(V1_20, |app| app.readiness = probe(1, 1, 3));
    let pod = bench.ready_pod();
    let died = bench.now();
    bench.crash(pod);
    bench.run_for(Span::secs(30));
    let readiness = bench.readiness(pod);
    let [_, (unready, false), (ready, true)] = readiness[..] else { panic!("{readiness:?}") };
    assert!(unready - died <= 1.0 && ready > unready, "{readiness:?}");
}

#[test]
fn a_failed_liveness_probe_restarts_with_hook_and_grace() {
    let mut bench = Bench::new(V1_20, |app| {
        app.liveness = probe(10, 1, 3);
        app.on_sigterm = OnSigterm::Ignore;
        app.pre_stop = Span::secs(5);
    });
    let pod = bench.ready_pod();
    let hung = bench.now();
    bench.serve(pod, Serving::Refusing);
    bench.run_for(Span::secs(120));
    let killed = bench.time_of(Fact::PodKilled { pod }, hung);
    let restarted = bench.time_of(Fact::PodRestarted { pod }, hung);
    assert!(killed - hung > 20.0 + 30.0 && killed - hung <= 30.0 + 31.0, "{}", killed - hung);
    assert!((restarted - killed - 0.2).abs() < 1e-6, "in the same sync: {}", restarted - killed);
    assert!(!bench.object(pod).gone);
}

/// `serializeImagePulls`: true. An image pulled once stays.
#[test]
fn one_image_is_pulled_at_a_time_and_stays() {
    let mut bench = Bench::new(V1_20, |app| app.image_pull = ms(8_000));
    let pods = [(bench.bind(), 8.71), (bench.bind_of(AppId(1)), 16.71), (bench.bind(), 16.71)];
    bench.run_for(Span::secs(60));
    for (pod, expected) in pods {
        let started = bench.time_of(Fact::PodStarted { pod }, 0.0);
        assert!((started - expected).abs() < 1e-6, "{started}");
    }
    let bound = bench.now();
    let pod = bench.bind();
    bench.run_for(Span::secs(60));
    assert!((bench.time_of(Fact::PodStarted { pod }, 0.0) - bound - 0.71).abs() < 1e-6);
}

#[test]
fn a_pod_deleted_while_it_pulls_leaves_its_turn_to_the_next() {
    let mut bench = Bench::new(V1_20, |app| app.image_pull = ms(8_000));
    let pods = [bench.bind(), bench.bind()];
    bench.run_for(Span::secs(4));
    bench.delete(pods[0]);
    bench.run_for(Span::secs(60));
    let started = bench.time_of(Fact::PodStarted { pod: pods[1] }, 0.0);
    assert!((started - 12.2).abs() < 1e-6, "{started}");
    assert!(bench.object(pods[0]).gone);
}

/// kubernetes issues 78733 and 100277; from 1.35 KEP-4781.
#[test]
fn a_kubelets_restart_flips_probed_pods_only_and_not_since_1_35() {
    let flips = |version, probed: bool| {
        let mut bench = Bench::new(version, |app| {
            if !probed {
                app.readiness = None;
            }
        });
        let pod = bench.ready_pod();
        bench.call(|kubelets, ctx| kubelets.restart(NODE, ctx));
        bench.run_for(Span::secs(60));
        assert!(bench.object(pod).ready);
        assert_eq!(count(&bench, |notice| matches!(notice, Notice::Sigterm(_) | Notice::Sigkill(_))), 0);
        assert_eq!(count(&bench, |notice| *notice == Notice::ContainerStarted(pod)), 1);
        bench.readiness(pod).len()
    };
    assert_eq!(flips(V1_20, true), 3);
    assert_eq!(flips(V1_32, true), 3);
    assert_eq!(flips(V1_20, false), 1);
    assert_eq!(flips(Version::new(1, 35, 0), true), 1);
}

#[test]
fn a_kubelet_that_restarts_in_the_middle_of_a_stop_begins_it_anew() {
    let mut bench = Bench::new(V1_20, |app| app.on_sigterm = OnSigterm::Ignore);
    let pod = bench.ready_pod();
    bench.delete(pod);
    bench.run_for(Span::secs(20));
    let restarted = bench.now();
    bench.call(|kubelets, ctx| kubelets.restart(NODE, ctx));
    bench.run_for(Span::secs(90));
    let killed = bench.time_of(Fact::PodKilled { pod }, restarted) - restarted;
    assert!((32.04..32.17).contains(&killed), "kubelet 2 s, then hook and grace again: {killed}");
    assert!(bench.object(pod).gone);
}

#[test]
fn a_kubelet_that_restarts_at_any_moment_of_a_start_brings_the_pod_up() {
    for at in [5, 300, 600, 650, 6_000, 8_600, 8_800, 9_300] {
        let mut bench = Bench::new(V1_32, |app| app.image_pull = ms(8_000));
        let pod = bench.bind();
        bench.run_for(Span::millis(at));
        bench.call(|kubelets, ctx| kubelets.restart(NODE, ctx));
        bench.run_for(Span::secs(60));
        assert!(bench.object(pod).ready, "restarted after {at} ms");
        assert_eq!(count(&bench, |notice| *notice == Notice::SandboxReady(pod)), 1);
        assert_eq!(count(&bench, |notice| *notice == Notice::ContainerStarted(pod)), 1);
        assert!(bench.stage.out.queue.is_empty());
    }
}
