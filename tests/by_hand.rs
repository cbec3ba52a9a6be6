//! Nodes drained and components restarted where they are, on the measured cluster.

mod common;

use common::{assert_conserved, finished, load, run};
use rollproof::base::Time;
use rollproof::observe::trace::{Record, Trace};
use rollproof::sim::outcome::{Outcome, UpgradeResult, Verdict};
use rollproof::world::fact::Fact;
use rollproof::world::store::NodeReady;

/// Seeds that each claim is held to.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=20;

/// The act of every measured experiment, s.
const ACT: f64 = 60.0;

/// When each step of this phase began and how long it lasted, s.
fn steps(outcome: &Outcome, phase: &str) -> Vec<(f64, f64)> {
    let steps = outcome.upgrade.steps.iter().filter(|step| step.phase == phase);
    steps.map(|step| (step.start_s, step.end_s.expect("it ended") - step.start_s)).collect()
}

/// When something happened, s, in order.
fn times(trace: &Trace, what: impl Fn(&Fact) -> bool) -> Vec<f64> {
    trace.records.iter().filter(|record| what(&record.fact)).map(|record: &Record| record.at.secs_f64()).collect()
}

/// The remark of a drain.
fn remark(outcome: &Outcome) -> &str {
    &outcome.upgrade.remarks.first().expect("each drain is remarked on").text
}

#[test]
fn a_drain_of_two_pods_under_five_of_six_is_refused_once_and_waits_for_both() {
    let scenario = load("measured/drainone", &[]);
    for seed in SEEDS {
        let outcome = run(&scenario, seed);
        assert_conserved(&outcome);
        assert_eq!(outcome.upgrade.result, UpgradeResult::Completed, "seed {seed}");
        assert!(remark(&outcome).ends_with(": 2 pods, 1 refused evictions tried again"), "{}", remark(&outcome));
        let (start, lasted) = steps(&outcome, "draining")[0];
        assert!((start - ACT).abs() < 0.1, "seed {seed}: {start}");
        // The second eviction comes 5 s after the first; its pod goes with one of the kubelet's batches, 10 s apart, or
        // after the runtime's next collection, a minute apart, where the kubelet of 1.20.2 lost a race.
        assert!((6.0..77.5).contains(&lasted), "seed {seed}: {lasted}");
        assert_eq!((outcome.pods.min_ready["web"], outcome.pdb_violations), (5, 0), "seed {seed}");
    }
}

#[test]
fn the_drain_of_a_single_replica_is_an_outage_until_its_successor_is_ready() {
    let single = ["app.web.replicas=1", "app.web.pdb=\"none\"", "app.web.traffic.load.connections=\"new\""];
    let scenario = load("measured/drainone", &single);
    for seed in SEEDS {
        let outcome = run(&scenario, seed);
        assert_eq!(outcome.upgrade.result, UpgradeResult::Completed, "seed {seed}");
        assert!(remark(&outcome).ends_with(": 1 pods, 0 refused evictions tried again"), "{}", remark(&outcome));
        assert_eq!(outcome.pods.min_ready["web"], 0, "seed {seed}");
        let outage = outcome.requests.longest_outage_s;
        assert!((0.7..5.0).contains(&outage), "seed {seed}: {outage}");
    }
}

#[test]
fn a_node_that_was_drained_stays_cordoned_and_nothing_is_upgraded() {
    let done = finished(&load("measured/drainone", &["strategy.nodes=\"workers-2, workers-1\""]), 1, true);
    let trace = done.trace.expect("it was asked for");
    let cordoned = times(&trace, |fact| matches!(fact, Fact::NodeCordoned { unschedulable: true, .. }));
    assert_eq!(cordoned.len(), 2, "both before the first drain");
    let first = times(&trace, |fact| matches!(fact, Fact::Evicted { .. }))[0];
    assert!(cordoned.iter().all(|at| *at < first), "{cordoned:?} {first}");
    assert_eq!(times(&trace, |fact| matches!(fact, Fact::NodeCordoned { unschedulable: false, .. })).len(), 0);
    assert_eq!(steps(&done.outcome, "draining").len(), 2);
}

#[test]
fn masters_restarted_in_turn_lose_no_request_of_the_app() {
    let scenario = load("measured/masters", &["objective.max_lost=0", "objective.max_exposed=\"0s\""]);
    for seed in SEEDS {
        let outcome = run(&scenario, seed);
        assert_conserved(&outcome);
        assert_eq!(outcome.verdict, Verdict::Holds, "seed {seed}: {:?}", outcome.reasons);
        assert_eq!((outcome.requests.lost, outcome.requests.exposed_s), (0, 0.0), "seed {seed}");
        let downs: Vec<f64> = steps(&outcome, "transition").iter().map(|(start, _)| start - ACT).collect();
        // Eight commands a turn, each of 15 to 40 ms, beside the waits.
        for (down, waits) in downs.iter().zip([0.0, 22.0, 44.0]) {
            let commands = waits / 22.0 * 8.0;
            assert!((commands * 0.015..=commands * 0.04).contains(&(down - waits)), "seed {seed}: {downs:?}");
        }
        assert_eq!(downs.len(), 3);
        assert!(outcome.etcd.is_some_and(|etcd| etcd.min_members == 2), "seed {seed}");
    }
}

#[test]
fn a_stopped_api_server_is_asked_for_two_to_four_seconds_more() {
    let scenario = load("measured/masters", &[]);
    for seed in SEEDS {
        let trace = finished(&scenario, seed, true).trace.expect("it was asked for");
        let stopping = times(&trace, |fact| matches!(fact, Fact::ServerStopping { .. }));
        let out = times(&trace, |fact| matches!(fact, Fact::ServerInRotation { used: false, .. }));
        assert_eq!((stopping.len(), out.len()), (3, 3), "seed {seed}");
        for (stop, out) in stopping.iter().zip(&out) {
            assert!((2.0..4.5).contains(&(out - stop)), "seed {seed}: {stop} to {out}");
        }
    }
}

#[test]
fn workers_restarted_in_turn_are_never_seen_not_ready() {
    let scenario = load("measured/upgradeworkers", &[]);
    for seed in SEEDS {
        let done = finished(&scenario, seed, true);
        assert_conserved(&done.outcome);
        assert_eq!(done.outcome.upgrade.result, UpgradeResult::Completed, "seed {seed}");
        assert_eq!((steps(&done.outcome, "draining").len(), done.outcome.upgrade.remarks.len()), (3, 3));
        for (start, lasted) in steps(&done.outcome, "transition") {
            // 5 s down, 1 s for each of three services, and six commands.
            assert!((8.08..8.25).contains(&lasted), "seed {seed}: {lasted} from {start}");
        }
        let trace = done.trace.expect("it was asked for");
        let unready = |fact: &Fact| matches!(fact, Fact::NodeReadyIs { ready, .. } if *ready != NodeReady::True);
        assert_eq!(times(&trace, unready), Vec::<f64>::new(), "seed {seed}");
        let uncordoned = times(&trace, |fact| matches!(fact, Fact::NodeCordoned { unschedulable: false, .. }));
        assert_eq!(uncordoned.len(), 3, "seed {seed}");
    }
}

#[test]
fn pods_that_are_not_drained_survive_their_kubelet_and_are_not_ready_until_probed_again() {
    let done = finished(&load("measured/upgradeworkers", &["strategy.drain=false"]), 1, true);
    let trace = done.trace.expect("it was asked for");
    assert_eq!(done.outcome.pods.moves, 0);
    assert_eq!(times(&trace, |fact| matches!(fact, Fact::PodExited { .. })), Vec::<f64>::new());
    let unready = times(&trace, |fact| matches!(fact, Fact::PodReady { ready: false, .. }));
    assert_eq!(unready.len(), 6, "each pod once: {unready:?}");
    assert!(unready.iter().all(|at| *at > ACT + 6.0), "not before a kubelet says so: {unready:?}");
}

#[test]
fn an_upgrade_in_place_ends_with_every_component_at_the_version_after() {
    let to = ["cluster.version={ from = \"1.20.2\", to = \"1.20.15\" }"];
    let done = finished(&load("measured-cluster", &to), 1, true);
    assert_eq!(done.outcome.upgrade.result, UpgradeResult::Completed, "{:?}", done.outcome.reasons);
    assert_eq!(done.outcome.skew_violations, 0);
    let trace = done.trace.expect("it was asked for");
    let registered = |fact: &Fact| matches!(fact, Fact::NodeRegistered { version, .. } if version.patch == 15);
    let at = times(&trace, registered);
    assert_eq!(at.len(), 6, "three masters and three workers: {at:?}");
    assert_eq!(times(&trace, |fact| matches!(fact, Fact::MachineLaunched { .. })), Vec::<f64>::new());
}

#[test]
fn a_cluster_that_nobody_touches_is_watched_and_judged_up_to_the_horizon() {
    let scenario = load("measured/rollout", &["objective.max_lost=0"]);
    let done = finished(&scenario, 1, true);
    assert_eq!(done.trace.expect("it was asked for").end, Time::ZERO + scenario.spec.horizon);
    assert_eq!(done.outcome.verdict, Verdict::Refuted, "abrupt exits lose requests");
    assert_eq!(done.outcome.upgrade.result, UpgradeResult::Completed);
    assert_eq!(done.outcome.pods.moves, 4);
    let quiet = run(&load("measured/rollout", &["app.web.restart_at=\"never\"", "objective.max_lost=0"]), 1);
    assert_eq!((quiet.verdict, quiet.requests.lost), (Verdict::Holds, 0));
}

#[test]
fn the_act_falls_at_a_random_moment_of_probes_and_batches() {
    let scenario = load("measured/rollout", &[]);
    let lags = |seed| {
        let trace = finished(&scenario, seed, true).trace.expect("it was asked for");
        let first = |what: &dyn Fn(&Fact) -> bool| times(&trace, what)[0];
        let deleted = first(&|fact| matches!(fact, Fact::PodDeleting { .. }));
        let unready = first(&|fact| matches!(fact, Fact::PodReady { ready: false, .. })) - deleted;
        (unready, first(&|fact| matches!(fact, Fact::PodGone { .. })) - deleted)
    };
    let lags: Vec<(f64, f64)> = SEEDS.map(lags).collect();
    let spread = |values: Vec<f64>| {
        let (low, high) =
            values.iter().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
        high - low
    };
    assert!(spread(lags.iter().map(|lag| lag.0).collect()) > 0.5, "probes every second: {lags:?}");
    assert!(spread(lags.iter().map(|lag| lag.1).collect()) > 5.0, "batches every 10 s: {lags:?}");
}
