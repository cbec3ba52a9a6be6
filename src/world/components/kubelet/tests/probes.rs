//! Probes: when a container counts as ready.

use super::super::bench::{Bench, NODE, probe};
use super::{V1_20, V1_32, count};
use crate::base::Span;
use crate::world::effects::Notice;
use crate::world::fact::Fact;
use crate::world::serving::Serving;
use crate::world::store::{Change, NodeReady, Phase};
use crate::world::testkit::ms;

/// Worker 10 ms, sandbox 500 ms, container 200 ms; then a relist of the PLEG (1 s) sees it: `pkg/kubelet/kubelet.go`.
#[test]
fn a_pod_without_a_probe_is_ready_at_the_first_relist_after_its_start() {
    let mut bench = Bench::new(V1_20, |app| app.readiness = None);
    let pod = bench.bind();
    bench.run_for(Span::secs(30));
    let started = bench.time_of(Fact::PodStarted { pod }, 0.0);
    assert!((started - 0.71).abs() < 1e-9, "{started}");
    let readiness = bench.readiness(pod);
    let [(ready, true)] = readiness[..] else { panic!("{readiness:?}") };
    assert!(ready >= started && ready - started < 1.0, "{started} {ready}");
    assert_eq!(bench.object(pod).phase, Phase::Running);
}

/// The probe's ticker starts with the pod's addition and a random part of the period in 1.20, without it since 1.22
/// (kubernetes PR 97126), where the first sync that sees the container probes at once.
#[test]
fn a_new_kubelet_probes_at_once_and_an_old_one_at_its_own_tick() {
    let long = |app: &mut crate::world::spec::AppSpec| {
        app.readiness = probe(100, 1, 3);
        app.start_up = ms(0);
    };
    let ready_after = |version| {
        let mut bench = Bench::new(version, long);
        bench.run_for(Span::secs(500));
        let pod = bench.bind();
        bench.run_for(Span::secs(200));
        bench.readiness(pod)[0].0 - bench.time_of(Fact::PodStarted { pod }, 0.0)
    };
    assert!(ready_after(V1_32) < 1.0);
    let old = ready_after(V1_20);
    assert!(old > 1.0 && old < 102.0, "{old}");
}

/// core/v1: unready after `failureThreshold` failures in a row, ready after `successThreshold` successes.
#[test]
fn readiness_turns_at_the_tick_that_completes_the_threshold() {
    let mut bench = Bench::new(V1_20, |app| app.readiness = probe(5, 2, 3));
    let pod = bench.ready_pod();
    let (first_ready, _) = bench.readiness(pod)[0];
    let fell = bench.now();
    bench.serve(pod, Serving::Refusing);
    bench.run_for(Span::secs(40));
    let (unready, _) = bench.readiness(pod)[1];
    assert!(unready - fell > 10.0 && unready - fell <= 15.0, "third failed tick: {}", unready - fell);
    let ticks = (unready - first_ready) / 5.0;
    assert!((ticks - ticks.round()).abs() < 1e-6, "both at ticks of one clock: {ticks}");
    let rose = bench.now();
    bench.serve(pod, Serving::Open);
    bench.run_for(Span::secs(40));
    let (ready, _) = bench.readiness(pod)[2];
    assert!(ready - rose > 5.0 && ready - rose <= 10.0, "second good tick: {}", ready - rose);
}

#[test]
fn a_short_dip_between_thresholds_changes_nothing() {
    let mut bench = Bench::new(V1_20, |app| app.readiness = probe(5, 1, 3));
    let pod = bench.ready_pod();
    bench.serve(pod, Serving::Refusing);
    bench.run_for(Span::millis(9_900));
    bench.serve(pod, Serving::Open);
    bench.run_for(Span::secs(100));
    assert_eq!(bench.readiness(pod).len(), 1);
    assert!(bench.stage.out.queue.is_empty());
}

/// `pkg/kubelet/prober/prober.go`: a probe without an answer fails only at `timeoutSeconds`.
#[test]
fn a_probe_into_silence_fails_a_timeout_later_than_one_refused() {
    let unready_after = |serving| {
        let mut bench = Bench::new(V1_20, |app| app.readiness = probe(5, 1, 1));
        let pod = bench.ready_pod();
        let fell = bench.now();
        bench.serve(pod, serving);
        bench.run_for(Span::secs(20));
        bench.readiness(pod)[1].0 - fell
    };
    let difference = unready_after(Serving::Silent) - unready_after(Serving::Refusing);
    assert!((difference - 1.0).abs() < 1e-6, "{difference}");
}

/// core/v1 `initialDelaySeconds`; `doProbe` skips ticks before it.
#[test]
fn no_probe_counts_before_the_initial_delay() {
    let mut bench = Bench::new(V1_32, |app| {
        app.readiness = probe(1, 1, 1);
        if let Some(probe) = &mut app.readiness {
            probe.initial_delay = Span::secs(20);
        }
    });
    let pod = bench.bind();
    bench.run_for(Span::secs(60));
    let waited = bench.readiness(pod)[0].0 - bench.time_of(Fact::PodStarted { pod }, 0.0);
    assert!((20.0..21.0).contains(&waited), "{waited}");
}

/// KEP-950: readiness and liveness probes wait for the startup probe.
#[test]
fn the_startup_probe_gates_the_others() {
    let mut bench = Bench::new(V1_20, |app| {
        app.start_up = ms(50_000);
        app.startup = probe(10, 1, 30);
        app.liveness = probe(1, 1, 1);
        app.readiness = probe(1, 1, 1);
    });
    let pod = bench.bind();
    bench.run_for(Span::secs(100));
    let started = bench.time_of(Fact::PodStarted { pod }, 0.0);
    let ready = bench.readiness(pod)[0].0 - started;
    assert!((50.0..62.0).contains(&ready), "{ready}");
    assert_eq!(count(&bench, |notice| matches!(notice, Notice::Sigterm(_))), 0);
}

#[test]
fn a_startup_probe_that_never_passes_restarts_the_container() {
    let mut bench = Bench::new(V1_20, |app| {
        app.start_up = ms(10_000_000);
        app.startup = probe(10, 1, 3);
        app.pre_stop = Span::ZERO;
    });
    let pod = bench.bind();
    bench.run_for(Span::secs(45));
    assert!(bench.time_of(Fact::PodRestarted { pod }, 0.0) > 20.0);
}

/// Measured on 1.20.2 (an app that exits at once, probed every second with threshold 1, no hook; 36 pods): from
/// deletion to unready 0.6 s on average and at most 1.2 s. The relist finds the exit; the probe seldom comes first,
/// because it must fall between exit and removal of the sandbox, or wait for its time-out.
#[test]
fn an_abrupt_exit_is_unready_after_six_tenths_of_a_second_on_average() {
    let unready = |idle| {
        let mut bench = Bench::new(V1_20, |app| {
            app.pre_stop = Span::ZERO;
            app.readiness = probe(1, 1, 1);
        });
        let pod = bench.ready_pod();
        bench.run_for(Span::millis(idle));
        let deleted = bench.now();
        bench.delete(pod);
        bench.run_for(Span::secs(40));
        bench.readiness(pod)[1].0 - deleted
    };
    let all: Vec<f64> = (0..100).map(|n| unready(n * 137)).collect();
    let mean = all.iter().sum::<f64>() / 100.0;
    assert!((0.5..0.75).contains(&mean), "{mean}");
    assert!(all.iter().all(|one| *one < 1.4));
}

#[test]
fn pods_of_the_beginning_need_no_event_and_are_probed_from_then_on() {
    let mut bench = Bench::without_kubelet(V1_32, |app| app.readiness = probe(5, 1, 3));
    bench.api(Change::RegisterNode { node: NODE, version: V1_32 });
    bench.api(Change::NodeStatus { node: NODE, ready: NodeReady::True });
    let pod = bench.bind();
    bench.api(Change::PodStatus { pod, phase: Phase::Running, ready: true });
    bench.call(|kubelets, ctx| kubelets.begin(NODE, &[pod], ctx));
    bench.serve(pod, Serving::Open);
    assert!(bench.stage.out.queue.is_empty() && bench.stage.pulses.is_beating(NODE));
    bench.run_for(Span::secs(100));
    bench.serve(pod, Serving::Refusing);
    bench.run_for(Span::secs(15));
    assert!(!bench.object(pod).ready);
}
