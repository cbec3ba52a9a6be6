//! Progressive delivery: what Argo Rollouts, Flagger and a switched Service do with sound and with flawed versions.
//!
//! T11: a version that is never Ready leaves the availability that the rollout promises; Flagger rolls back after
//! interval x threshold; Argo aborts once more measurements have failed than its limit allows.

mod common;

use common::{assert_conserved, finished};
use rollproof::base::{Span, Time};
use rollproof::scenario::{self, Scenario};
use rollproof::sim::Finished;
use rollproof::world::fact::{Fact, Loss, RolloutStage};

/// Ten pods of `web`, 200 requests a second on new connections, and nothing but a rollout.
fn text(rollout: &str, app: &str) -> String {
    format!(
        r#"
schema = 1
cluster.version = {{ from = "1.30.2", to = "1.30.2" }}
strategy = {{ name = "none" }}
objective = {{ max_lost = "any", max_exposed = "any" }}
limits = {{ horizon = "40m" }}

[[node_pool]]
name = "workers"
count = 5

[[node_pool]]
name = "clients"
count = 2
upgrade = false
runs_apps = false
in_load_balancer = false

[app.web]
replicas = 10
readiness = {{ period = "1s", failure_threshold = 1 }}
pre_stop = "10s"
on_sigterm = "drain"
{app}

[app.web.traffic.users]
from = "pool:clients"
rps = 200

{rollout}
"#
    )
}

fn scenario(rollout: &str, app: &str) -> Scenario {
    scenario::parse("delivery", &text(rollout, app), &[], None).unwrap_or_else(|refused| panic!("{refused}"))
}

fn run(rollout: &str, app: &str) -> Finished {
    let finished = finished(&scenario(rollout, app), 1, true);
    assert_conserved(&finished.outcome);
    finished
}

/// When the rollout came to each stage, and with which weight.
fn stages(finished: &Finished) -> Vec<(Time, RolloutStage, u32)> {
    let trace = finished.trace.as_ref().expect("it was asked for");
    let stage = |record: &rollproof::observe::trace::Record| match record.fact {
        Fact::RolloutIs { stage, percent, .. } => Some((record.at, stage, percent)),
        _ => None,
    };
    trace.records.iter().filter_map(stage).collect()
}

fn at(finished: &Finished, wanted: RolloutStage) -> Option<Time> {
    stages(finished).into_iter().find(|(_, stage, _)| *stage == wanted).map(|(at, _, _)| at)
}

fn weights(finished: &Finished) -> Vec<u32> {
    let weighted = stages(finished).into_iter().filter(|(_, stage, _)| *stage == RolloutStage::Weighted);
    weighted.map(|(_, _, percent)| percent).collect()
}

fn lost(finished: &Finished, loss: Loss) -> u64 {
    finished.outcome.requests.by_cause.get(loss.name()).copied().unwrap_or_default()
}

fn tool(name: &str, more: &str) -> String {
    format!("[[rollout]]\napp = \"web\"\nat = \"2m\"\ntool = \"{name}\"\n{more}\n")
}

const BROKEN: &str = "flaw = { errors = \"50%\" }";
const DEAF: &str = "flaw = { never_ready = true }";

/// Source: kubernetes `pkg/controller/deployment/rolling.go`; progressDeadlineSeconds only sets a condition.
#[test]
fn t11_a_deployment_whose_new_version_is_never_ready_keeps_its_replicas_but_a_quarter() {
    let finished = run("", &format!("{DEAF}\nrestart_at = \"2m\""));
    assert_eq!(finished.outcome.pods.min_ready["web"], 8, "10 - floor(25 % of 10)");
    assert_eq!(finished.outcome.requests.lost, 0);
}

/// Source: flagger `pkg/controller/scheduler.go`: each tick with a failed check counts one, and the tick that finds
/// the threshold reached rolls back.
#[test]
fn t11_flagger_rolls_back_after_interval_times_threshold() {
    for (interval, threshold) in [(60, 1), (30, 3), (10, 2)] {
        let settings = format!("interval = \"{interval}s\"\nthreshold = {threshold}\nwindow = \"10s\"");
        let finished = run(&tool("flagger", &settings), BROKEN);
        let weighted = at(&finished, RolloutStage::Weighted).expect("it gets its first weight");
        let first_failed = weighted + Span::secs(interval);
        let aborted = at(&finished, RolloutStage::Aborted).expect("it is rolled back");
        assert_eq!(aborted.since(first_failed), Span::secs(interval) * threshold);
        assert_eq!(weights(&finished), [10]);
        // Half of a tenth of 200 requests a second, for the first interval and the roll back.
        let expected = 10.0 * (interval * (1 + threshold)) as f64;
        let errors = lost(&finished, Loss::ServerError) as f64;
        assert!((errors - expected).abs() < 6.0 * expected.sqrt() + 60.0, "{errors} of about {expected}");
        assert!(finished.outcome.upgrade.remarks.iter().any(|it| it.text.contains("flagger rolls web back")));
    }
}

/// Source: argo-rollouts `analysis/analysis.go`, `assessMetricStatus`: failed > failureLimit.
#[test]
fn t11_argo_aborts_when_more_measurements_have_failed_than_the_limit_allows() {
    for limit in [0, 1, 3] {
        let steps = "steps = \"weight 20, pause 1m, analysis, weight 60, pause 1m\"\nrouter = \"mesh\"";
        let more = format!("{steps}\ninterval = \"20s\"\ncount = 6\nfailure_limit = {limit}");
        let finished = run(&tool("argo-canary", &more), BROKEN);
        let weighted = at(&finished, RolloutStage::Weighted).expect("it gets its first weight");
        let aborted = at(&finished, RolloutStage::Aborted).expect("it aborts");
        let first = weighted + Span::mins(1);
        let late = aborted.since(first + Span::secs(20) * limit);
        assert!(late < Span::secs(1), "limit {limit}: {late:?} after its measurement");
        assert_eq!(weights(&finished), [20]);
        assert_eq!(at(&finished, RolloutStage::Completed), None);
    }
}

#[test]
fn an_argo_analysis_within_its_limit_goes_on_to_the_end() {
    let more = "steps = \"weight 20, pause 1m, analysis\"\nrouter = \"mesh\"\ninterval = \"20s\"\ncount = 3\n\
                failure_limit = 3";
    let finished = run(&tool("argo-canary", more), BROKEN);
    assert_eq!(weights(&finished), [20, 100]);
    assert!(at(&finished, RolloutStage::Completed).is_some());
}

/// Source: argo-rollouts docs/features/scaledown-aborted-rs.md: 30 s after an abort, with a router.
#[test]
fn an_aborted_argo_canary_with_a_router_is_scaled_down_thirty_seconds_later() {
    let more = "steps = \"weight 20, pause 1m, analysis\"\nrouter = \"mesh\"";
    let finished = run(&tool("argo-canary", more), BROKEN);
    let aborted = at(&finished, RolloutStage::Aborted).expect("it aborts");
    let trace = finished.trace.as_ref().expect("it was asked for");
    let deleted = |record: &&rollproof::observe::trace::Record| {
        matches!(record.fact, Fact::PodDeleting { .. }) && record.at > aborted
    };
    let first = trace.records.iter().find(deleted).expect("its pods go").at;
    let after = first.since(aborted);
    assert!(after >= Span::secs(30) && after < Span::secs(31), "{after:?}");
    assert_eq!(finished.outcome.requests.lost, lost(&finished, Loss::ServerError));
}

/// Source: argo-rollouts `utils/replicaset/canary.go`: without a router a weight is a share of the pods, within
/// maxSurge 25 % and maxUnavailable 25 %.
#[test]
fn without_a_router_argo_weighs_by_pods_and_keeps_most_of_them_ready() {
    let finished = run(&tool("argo-canary", "steps = \"weight 20, pause 1m, weight 50, pause 1m\""), "");
    assert_eq!(weights(&finished), [20, 50, 100]);
    assert!(at(&finished, RolloutStage::Completed).is_some());
    assert!(finished.outcome.pods.min_ready["web"] >= 8, "{:?}", finished.outcome.pods.min_ready);
    assert_eq!(finished.outcome.requests.lost, 0);
}

#[test]
fn an_argo_canary_that_is_never_ready_is_degraded_at_its_deadline_and_loses_nothing() {
    let finished = run(&tool("argo-canary", "router = \"mesh\""), DEAF);
    let late = at(&finished, RolloutStage::Late).expect("its deadline passes");
    let began = at(&finished, RolloutStage::Began).expect("it begins");
    assert!(late.since(began) < Span::secs(602), "{:?}", late.since(began));
    assert_eq!((weights(&finished), finished.outcome.requests.lost), (vec![], 0));
    assert_eq!(at(&finished, RolloutStage::Aborted), None, "progressDeadlineAbort is false");
    let aborts = run(&tool("argo-canary", "router = \"mesh\"\nprogress_deadline_abort = true"), DEAF);
    assert!(at(&aborts, RolloutStage::Aborted).is_some());
}

/// Source: flagger docs/gitbook/usage/how-it-works.md: fastest promotion interval x (maxWeight / stepWeight).
#[test]
fn flagger_promotes_a_sound_version_in_interval_times_weight_steps() {
    let finished = run(&tool("flagger", ""), "");
    let weighted = at(&finished, RolloutStage::Weighted).expect("it gets its first weight");
    let promoted = at(&finished, RolloutStage::Promoted).expect("it is promoted");
    assert_eq!(promoted.since(weighted), Span::mins(5));
    assert_eq!(weights(&finished), [10, 20, 30, 40, 50, 0]);
    assert!(at(&finished, RolloutStage::Completed).is_some());
    assert_eq!(finished.outcome.requests.lost, 0);
}

#[test]
fn flagger_rolls_a_canary_that_is_never_ready_back_at_its_deadline() {
    let finished = run(&tool("flagger", ""), DEAF);
    let began = at(&finished, RolloutStage::Began).expect("it begins");
    let aborted = at(&finished, RolloutStage::Aborted).expect("it is rolled back");
    let after = aborted.since(began);
    assert!(after >= Span::mins(10) && after <= Span::mins(12), "{after:?}");
    assert_eq!(finished.outcome.requests.lost, 0);
}

/// Source: argo-rollouts `utils/analysis/helpers.go`, `ValidateMetric`: more than one measurement needs an interval.
#[test]
fn measurements_without_time_between_them_are_refused_where_they_are_read() {
    for (name, more, said) in [
        ("argo-canary", "background = true", "`background` needs an `interval`"),
        ("argo-canary", "interval = \"20ms\"", "at least 1s"),
        ("argo-blue-green", "interval = \"20ms\"", "at least 1s"),
        ("service-switch", "interval = \"999ms\"", "at least 1s"),
    ] {
        let refused = scenario::parse("delivery", &text(&tool(name, more), ""), &[], None).err();
        let refused = refused.unwrap_or_else(|| panic!("{name} takes {more}")).to_string();
        assert!(refused.contains(said), "{refused}");
    }
}

/// Source: argo-rollouts `utils/conditions/conditions.go`: a pause's end is progress; more pods are, too.
#[test]
fn a_deadline_for_progress_runs_neither_through_a_pause_nor_on_while_pods_come() {
    let aborts = "progress_deadline = \"5m\"\nprogress_deadline_abort = true";
    let steps = "steps = \"weight 20, pause 12m, weight 60\"\nrouter = \"mesh\"";
    let canary = run(&tool("argo-canary", &format!("{steps}\n{aborts}")), "");
    assert_eq!(at(&canary, RolloutStage::Aborted), None, "{:?}", canary.outcome.upgrade.remarks);
    assert!(at(&canary, RolloutStage::Completed).is_some());
    // One pod after another comes within a minute and a half, no two of them half a minute apart.
    let slow = "start_up = { uniform = [\"5s\", \"90s\"] }";
    let aborts = "progress_deadline = \"40s\"\nprogress_deadline_abort = true";
    let switch = run(&tool("argo-blue-green", aborts), slow);
    let (began, switched) = (at(&switch, RolloutStage::Began), at(&switch, RolloutStage::Weighted));
    let took = switched.expect("it is switched").since(began.expect("it begins"));
    assert!(took > Span::secs(50), "{took:?}");
}

/// Source: argo-rollouts `rollout/trafficrouting.go`, `reconcileTrafficRouting`; scaledown-aborted-rs.md.
#[test]
fn an_abort_gives_a_stable_set_that_has_shrunk_its_requests_back_as_its_pods_come() {
    let steps = "steps = \"weight 80, pause 1m, analysis\"\nrouter = \"mesh\"\ndynamic_stable_scale = true";
    let finished = run(&tool("argo-canary", steps), &format!("{BROKEN}\nstart_up = {{ uniform = [\"5s\", \"60s\"] }}"));
    let aborted = at(&finished, RolloutStage::Aborted).expect("it aborts");
    let back: Vec<(Time, RolloutStage, u32)> = stages(&finished)
        .into_iter()
        .filter(|(at, stage, _)| *stage == RolloutStage::Weighted && *at > aborted)
        .collect();
    let weights: Vec<u32> = back.iter().map(|(_, _, percent)| *percent).collect();
    assert!(weights.len() > 2 && weights.is_sorted_by(|one, next| one > next), "{weights:?}");
    assert_eq!(weights.last(), Some(&0));
    assert!(back[0].0.since(aborted) > Span::secs(5), "its first pod takes that long");
    assert_eq!(standing(&finished), 10);
}

/// How many pods stand at the end; the ten of the start were bound before anybody looked.
fn standing(finished: &Finished) -> usize {
    let trace = finished.trace.as_ref().expect("it was asked for");
    let count = |of: fn(&Fact) -> bool| trace.records.iter().filter(|record| of(&record.fact)).count();
    10 + count(|fact| matches!(fact, Fact::PodBound { .. })) - count(|fact| matches!(fact, Fact::PodDeleting { .. }))
}

/// Source: flagger `pkg/controller/scheduler.go`, `rollback` (`ScaleToZero`); argo-rollouts `rollout/bluegreen.go`,
/// `reconcileBlueGreenReplicaSets`: the set of an aborted version goes after abortScaleDownDelaySeconds.
#[test]
fn a_version_that_was_rolled_back_has_no_pods_in_the_end() {
    let deadline = "progress_deadline = \"1m\"\nprogress_deadline_abort = true";
    for (name, more, app) in [
        ("flagger", "", BROKEN),
        ("flagger", "progress_deadline = \"1m\"", DEAF),
        ("argo-blue-green", "post_analysis = true", BROKEN),
        ("argo-blue-green", deadline, DEAF),
        ("argo-canary", deadline, DEAF),
        ("service-switch", "", BROKEN),
    ] {
        let finished = run(&tool(name, more), app);
        assert!(at(&finished, RolloutStage::Aborted).is_some(), "{name} {more}");
        // Ten of `web`'s old version.
        assert_eq!(standing(&finished), 10, "{name} {more}: {:?}", stages(&finished));
    }
}

#[test]
fn flagger_stops_a_version_that_is_too_slow() {
    let slow = "latency = \"50ms\"\nflaw = { slower = 20 }";
    let finished = run(&tool("flagger", ""), slow);
    assert!(at(&finished, RolloutStage::Aborted).is_some());
    assert_eq!(weights(&finished), [10]);
}

/// Source: argo-rollouts docs/features/bluegreen.md: the old ReplicaSet stays for scaleDownDelaySeconds, 30.
#[test]
fn a_blue_green_switch_moves_all_users_at_once_and_loses_none() {
    let finished = run(&tool("argo-blue-green", ""), "");
    let switched = at(&finished, RolloutStage::Weighted).expect("it is switched");
    let completed = at(&finished, RolloutStage::Completed).expect("it completes");
    let kept = completed.since(switched);
    assert!(kept >= Span::secs(30) && kept < Span::secs(31), "{kept:?}");
    assert_eq!((weights(&finished), finished.outcome.requests.lost), (vec![100], 0));
}

#[test]
fn a_switched_service_whose_new_version_errs_is_switched_back() {
    let finished = run(&tool("service-switch", ""), BROKEN);
    let switched = at(&finished, RolloutStage::Weighted).expect("it is switched");
    let aborted = at(&finished, RolloutStage::Aborted).expect("it is switched back");
    // One window of the metric after the switch.
    assert!(aborted.since(switched) < Span::secs(61), "{:?}", aborted.since(switched));
    // All of the 200 requests a second, half of them errors, for a minute.
    let errors = lost(&finished, Loss::ServerError);
    assert!(errors.abs_diff(6_000) < 600, "{errors}");
    assert_eq!(finished.outcome.requests.lost, errors);
}

#[test]
fn a_preview_that_nobody_promotes_waits_for_ever_and_takes_no_request() {
    let finished = run(&tool("argo-blue-green", "auto_promotion = false"), BROKEN);
    assert_eq!((weights(&finished), finished.outcome.requests.lost), (vec![], 0));
}

/// The drain of nodes and the rollout meet: the canary's sets are found again, nobody waits for ever.
#[test]
fn a_canary_goes_on_through_an_upgrade_of_the_nodes() {
    let text = tool("flagger", "interval = \"30s\"");
    let mut upgrade = scenario::resolved(&scenario(&text, "")).to_owned();
    upgrade = upgrade.replace("to = \"1.30.2\"", "to = \"1.30.3\"");
    let overrides = ["strategy={name = \"kops\"}".to_owned()];
    let scenario = scenario::parse("both", &upgrade, &overrides, None).unwrap_or_else(|refused| panic!("{refused}"));
    let finished = finished(&scenario, 1, true);
    assert_conserved(&finished.outcome);
    assert!(at(&finished, RolloutStage::Completed).is_some(), "{:?}", stages(&finished));
}

#[test]
fn requests_held_one_by_one_meet_errors_as_counts_do() {
    let of = |mode: &str| {
        let text = scenario::resolved(&scenario(&tool("flagger", ""), BROKEN)).to_owned();
        let overrides = [format!("app.web.traffic.users.mode=\"{mode}\"")];
        let scenario = scenario::parse("mode", &text, &overrides, None).unwrap_or_else(|refused| panic!("{refused}"));
        let outcome = common::run(&scenario, 3);
        (outcome.requests.lost as f64, outcome.requests.expected_lost)
    };
    let (counts, calls) = (of("interval"), of("per-request"));
    // One by one, the mean is over the requests that came: their number's own luck is in it.
    assert!((counts.1 - calls.1).abs() < 0.03 * counts.1, "{counts:?} {calls:?}");
    for (lost, expected) in [counts, calls] {
        assert!((lost - expected).abs() < 5.0 * expected.sqrt(), "{lost} of {expected}");
    }
}
