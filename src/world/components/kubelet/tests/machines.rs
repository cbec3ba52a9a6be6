//! Machines: joining, beating, losing power, and what is posted when the API is back.

use super::super::bench::{Bench, NODE, probe};
use super::{V1_20, V1_32, count};
use crate::base::{Span, Time};
use crate::engine::Dist;
use crate::world::effects::Notice;
use crate::world::fact::Fact;
use crate::world::ids::PodId;
use crate::world::serving::Serving;
use crate::world::store::{ApiError, Change, NodeReady, Phase};
use crate::world::testkit::ms;

/// `registerWithAPIServer`: 0.1 s doubling to 7 s; then CNI and runtime (`machine.join`, 10 s here).
#[test]
fn a_new_node_registers_beats_and_joins() {
    let mut bench = Bench::without_kubelet(V1_20, |_| {});
    bench.call(|kubelets, ctx| kubelets.machine_up(NODE, V1_20, ctx));
    bench.call(|kubelets, ctx| kubelets.served(NODE, true, ctx));
    bench.run_for(Span::secs(5));
    assert!(bench.stage.store.nodes().now(NODE).exists && bench.stage.pulses.is_beating(NODE));
    assert_eq!(bench.stage.store.nodes().now(NODE).ready, NodeReady::False);
    bench.run_for(Span::secs(20));
    let node = bench.stage.store.nodes().now(NODE);
    assert_eq!((node.ready, node.version), (NodeReady::True, V1_20));
    assert_eq!(node.ready_since, Time::ZERO + Span::secs(12));
    assert!(bench.stage.out.queue.is_empty(), "a quiet node needs no events");
}

#[test]
fn registration_is_tried_again_with_growing_waits() {
    let mut bench = Bench::without_kubelet(V1_20, |_| {});
    bench.failing = Some(ApiError::Refused);
    bench.call(|kubelets, ctx| kubelets.machine_up(NODE, V1_20, ctx));
    bench.call(|kubelets, ctx| kubelets.served(NODE, true, ctx));
    bench.run_for(Span::secs(30));
    let tries: Vec<f64> = bench.writes.iter().map(|(at, _)| (at.secs_f64() * 10.0).round() / 10.0).collect();
    assert_eq!(tries[..9], [2.0, 2.1, 2.3, 2.7, 3.5, 5.1, 8.3, 14.7, 21.7]);
    bench.failing = None;
    bench.run_for(Span::secs(30));
    assert_eq!(bench.stage.store.nodes().now(NODE).ready, NodeReady::True);
}

/// A machine that dies tells nobody: kubernetes docs, "Node failure".
#[test]
fn a_machine_that_loses_power_falls_silent_without_a_write() {
    let mut bench = Bench::new(V1_20, |_| {});
    let pod = bench.ready_pod();
    let written = bench.writes.len();
    bench.call(|kubelets, ctx| kubelets.machine_off(NODE, ctx));
    bench.run_for(Span::secs(600));
    assert_eq!(bench.writes.len(), written);
    assert_eq!(count(&bench, |notice| *notice == Notice::SandboxRemoved(pod)), 1);
    assert!(!bench.stage.pulses.is_beating(NODE));
    assert!(bench.object(pod).ready, "the API does not know");
    assert!(bench.stage.out.queue.is_empty());
}

#[test]
fn a_machine_that_shuts_down_sends_sigterm_without_hook_or_write() {
    let mut bench = Bench::new(V1_20, |_| {});
    let pod = bench.ready_pod();
    let (written, at) = (bench.writes.len(), bench.now());
    bench.call(|kubelets, ctx| kubelets.machine_stops(NODE, ctx));
    bench.run_for(Span::secs(60));
    assert_eq!(bench.time_of(Fact::PodTerminating { pod }, at), at);
    assert_eq!(bench.writes.len(), written);
    bench.call(|kubelets, ctx| kubelets.machine_off(NODE, ctx));
    assert_eq!(count(&bench, |notice| matches!(notice, Notice::Sigkill(_))), 0, "it had exited");
}

#[test]
fn a_machine_that_comes_back_starts_its_pods_anew() {
    let mut bench = Bench::new(V1_20, |_| {});
    let pod = bench.ready_pod();
    bench.call(|kubelets, ctx| kubelets.machine_off(NODE, ctx));
    bench.run_for(Span::secs(60));
    bench.call(|kubelets, ctx| kubelets.machine_up(NODE, V1_20, ctx));
    bench.call(|kubelets, ctx| kubelets.served(NODE, true, ctx));
    bench.run_for(Span::secs(60));
    let readiness: Vec<bool> = bench.readiness(pod).into_iter().map(|(_, ready)| ready).collect();
    assert_eq!(readiness, [true, false, true]);
    assert_eq!(count(&bench, |notice| *notice == Notice::ContainerStarted(pod)), 2);
}

/// Statuses wait while nothing is stored, and go out with the status manager's batch (10 s) when it is again.
#[test]
fn what_changed_while_the_api_was_away_is_posted_with_the_next_batch() {
    let mut bench = Bench::new(V1_20, |app| app.readiness = probe(1, 1, 1));
    let pod = bench.ready_pod();
    bench.call(|kubelets, ctx| kubelets.served(NODE, false, ctx));
    assert!(!bench.stage.pulses.is_beating(NODE));
    bench.serve(pod, Serving::Refusing);
    bench.run_for(Span::secs(60));
    assert_eq!(bench.readiness(pod).len(), 1);
    let back = bench.now();
    bench.call(|kubelets, ctx| kubelets.served(NODE, true, ctx));
    bench.run_for(Span::secs(11));
    let (posted, ready) = bench.readiness(pod)[1];
    assert!(!ready && posted - back <= 10.0, "{posted}");
    assert!(bench.stage.pulses.is_beating(NODE));
}

#[test]
fn a_failed_write_is_repeated_with_the_batch() {
    let mut bench = Bench::new(V1_20, |app| app.readiness = probe(1, 1, 1));
    let pod = bench.ready_pod();
    bench.failing = Some(ApiError::Unavailable);
    bench.serve(pod, Serving::Refusing);
    bench.run_for(Span::secs(35));
    bench.failing = None;
    assert!(bench.object(pod).ready);
    bench.run_for(Span::secs(11));
    assert!(!bench.object(pod).ready);
    bench.run_for(Span::secs(60));
    assert!(bench.stage.out.queue.is_empty(), "nothing is left to do");
}

/// The node lifecycle controller marks all pods of a lost node not Ready; a kubelet that is back puts that right
/// (`needsReconcile`), and its node's own condition.
#[test]
fn a_mark_of_the_node_controller_is_put_right_within_a_batch() {
    let mut bench = Bench::new(V1_20, |_| {});
    let pod = bench.ready_pod();
    bench.api(Change::PodStatus { pod, phase: Phase::Running, ready: false });
    bench.api(Change::NodeStatus { node: NODE, ready: NodeReady::Unknown });
    bench.run_for(Span::secs(11));
    assert!(bench.object(pod).ready);
    assert_eq!(bench.stage.store.nodes().now(NODE).ready, NodeReady::True);
    bench.run_for(Span::secs(60));
    assert!(bench.stage.out.queue.is_empty());
}

#[test]
fn a_quiet_node_has_no_pending_event() {
    let mut bench = Bench::new(V1_20, |app| {
        app.startup = probe(3, 1, 10);
        app.liveness = probe(7, 1, 3);
        app.image_pull = Dist::Uniform { low: Span::secs(1), high: Span::secs(9) };
    });
    let pods: Vec<PodId> = (0..20).map(|_| bench.bind()).collect();
    bench.run_for(Span::secs(100));
    assert!(pods.iter().all(|pod| bench.object(*pod).ready));
    assert!(bench.stage.out.queue.is_empty(), "{} events pending", bench.stage.out.queue.len());
}

/// Worker 10 ms, sandbox 500 ms, container 200 ms; removal 200 ms and reclaim 500 ms after the stop.
#[test]
fn the_runtime_works_for_as_long_as_its_operations_last_and_ends_with_its_machine() {
    let mut bench = Bench::new(V1_32, |app| app.readiness = None);
    bench.stage.spec.control_plane.etcd.fsync_busy = Some(ms(80));
    let until = |bench: &Bench| bench.kubelets.nodes[NODE].works_until.secs_f64();
    bench.bind();
    bench.run_for(Span::millis(5));
    assert_eq!(until(&bench), 0.0, "nothing is asked of it yet");
    bench.run_for(Span::millis(100));
    assert!((until(&bench) - 0.51).abs() < 1e-9, "{}", until(&bench));
    bench.run_for(Span::secs(10));
    assert!((until(&bench) - 0.71).abs() < 1e-9, "{}", until(&bench));
    let began = bench.now();
    bench.bind();
    bench.run_for(Span::millis(50));
    assert!(until(&bench) > bench.now());
    bench.call(|kubelets, ctx| kubelets.machine_off(NODE, ctx));
    assert!(until(&bench) <= bench.now() && bench.now() < began + 0.1, "{}", until(&bench));
}

/// Worker 10 ms; removal 200 ms and reclaim 500 ms after the stop.
#[test]
fn shared_processors_are_at_work_from_the_moment_a_deletion_is_heard_until_the_pod_is_reclaimed() {
    let mut bench = Bench::new(V1_32, |app| {
        (app.readiness, app.latency_busy) = (None, Some(ms(50)));
    });
    let pod = bench.bind();
    bench.run_for(Span::secs(10));
    let seen = |bench: &Bench| -> Vec<f64> {
        let until = |notice: &Notice| match notice {
            Notice::ProcessorsWork(until) => Some(until.secs_f64()),
            _ => None,
        };
        bench.notices.iter().filter_map(|(_, notice)| until(notice)).collect()
    };
    let before = seen(&bench).len();
    let began = bench.now();
    bench.delete(pod);
    bench.run_for(Span::secs(60));
    let told: Vec<f64> = seen(&bench)[before..].iter().map(|until| until - began).collect();
    assert!(told.len() == 3 && (told[0] - 0.01).abs() < 0.003 && told[2] > told[1] + 0.4, "{told:?}");
}

#[test]
fn without_a_shared_disk_or_shared_processors_nobody_is_told_of_the_runtime() {
    let mut bench = Bench::new(V1_32, |_| {});
    let pod = bench.ready_pod();
    bench.delete(pod);
    bench.run_for(Span::secs(60));
    assert_eq!(count(&bench, |notice| matches!(notice, Notice::RuntimeWorks(..) | Notice::ProcessorsWork(_))), 0);
}
