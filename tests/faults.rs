//! What single kinds of faults do to a run, against the same run without them.

mod common;

use common::{assert_conserved, finished};
use rollproof::observe::trace::Trace;
use rollproof::scenario::{self, Scenario};
use rollproof::sim::outcome::{Outcome, UpgradeResult};
use rollproof::world::fact::Fact;
use rollproof::world::ids::PodId;

/// Three masters, three workers, an app of three pods with a client beside, a strategy and whatever else the text
/// brings.
fn plan(strategy: &str, more: &str) -> Scenario {
    plan_with(strategy, more, &[])
}

fn plan_with(strategy: &str, more: &str, overrides: &[&str]) -> Scenario {
    let text = format!(
        r#"
        schema = 1
        [cluster]
        version = {{ from = "1.30.4", to = "1.31.1" }}
        [cluster.control_plane]
        replicas = 3
        zones = 3
        [[node_pool]]
        name = "workers"
        count = 3
        [[node_pool]]
        name = "clients"
        count = 1
        upgrade = false
        runs_apps = false
        in_load_balancer = false
        [app.web]
        replicas = 3
        spread = "hosts"
        max_skew = 2
        pre_stop = "10s"
        grace = "60s"
        on_sigterm = "drain"
        readiness = {{ period = "2s" }}
        pdb = {{ max_unavailable = 1 }}
        [app.web.traffic.new]
        from = "pool:clients"
        connections = "new"
        rps = 50
        {more}
        [strategy]
        name = "{strategy}"
        "#
    );
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    match scenario::parse("faults.toml", &text, &overrides, None) {
        Ok(scenario) => scenario,
        Err(refused) => panic!("{refused}"),
    }
}

fn fault(kind: &str, more: &str) -> String {
    format!("[[fault]]\nkind = \"{kind}\"\n{more}\n")
}

fn outcome(scenario: &Scenario, seed: u64) -> (Outcome, Trace) {
    let run = finished(scenario, seed, true);
    assert_conserved(&run.outcome);
    (run.outcome, run.trace.expect("asked for"))
}

/// When such facts were told, in seconds.
fn times(trace: &Trace, is: impl Fn(&Fact) -> bool) -> Vec<f64> {
    trace.records.iter().filter(|record| is(&record.fact)).map(|record| record.at.secs_f64()).collect()
}

fn struck(trace: &Trace) -> f64 {
    times(trace, |fact| matches!(fact, Fact::FaultStruck { .. }))[0]
}

fn repaired(trace: &Trace) -> f64 {
    times(trace, |fact| matches!(fact, Fact::FaultRepaired { .. }))[0]
}

/// kubernetes pkg/kubelet/images/image_manager.go: 10 s at first, doubled each time, at most 5 min; a worker looks
/// every 10 to 15 s.
#[test]
fn while_the_registry_is_down_pods_on_new_nodes_pull_with_growing_pauses_and_start_after_its_repair() {
    let strike = fault("registry-down", "at = \"workers-1:transition\"\nlasting = \"9m\"");
    let (with, trace) = outcome(&plan("kops", &strike), 1);
    let (without, sound) = outcome(&plan("kops", ""), 1);
    assert!(times(&sound, |fact| matches!(fact, Fact::PullFailed { .. })).is_empty());
    assert_eq!((with.upgrade.result, without.upgrade.result), (UpgradeResult::Completed, UpgradeResult::Completed));
    let failed = |fact: &Fact| if let Fact::PullFailed { pod } = fact { Some(*pod) } else { None };
    let first: PodId = trace.records.iter().find_map(|record| failed(&record.fact)).expect("a pull fails");
    let tries = times(&trace, |fact| failed(fact) == Some(first));
    let waits: Vec<f64> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (wait, least) in waits.iter().zip([10.0, 20.0, 40.0, 80.0, 160.0, 300.0]) {
        assert!((least..least + 15.0).contains(wait), "{waits:?}");
    }
    assert!(waits.len() >= 4, "{waits:?}");
    let started = times(&trace, |fact| *fact == Fact::PodStarted { pod: first });
    assert!(started.iter().all(|at| *at > repaired(&trace)), "{started:?}");
}

#[test]
fn a_throttled_registry_makes_each_new_node_wait_for_its_images() {
    let strike = fault("registry-throttled", "at = \"0s\"\nlasting = \"never\"\nfactor = 30");
    let (_, slow) = outcome(&plan("kops", &strike), 1);
    let (_, fast) = outcome(&plan("kops", ""), 1);
    assert!(times(&slow, |fact| matches!(fact, Fact::PullFailed { .. })).is_empty());
    let longest = |trace: &Trace| {
        let made = |fact: &Fact| if let Fact::PodBound { pod, .. } = fact { Some(*pod) } else { None };
        let pods: Vec<(f64, PodId)> =
            trace.records.iter().filter_map(|r| Some((r.at.secs_f64(), made(&r.fact)?))).collect();
        let wait = |(bound, pod): &(f64, PodId)| {
            times(trace, |fact| *fact == Fact::PodStarted { pod: *pod }).first().map(|at| at - bound)
        };
        pods.iter().filter_map(wait).fold(0.0, f64::max)
    };
    assert!(longest(&slow) > 5.0 * longest(&fast), "{} {}", longest(&slow), longest(&fast));
}

/// kubernetes pkg/controller/deployment/rolling.go: old pods go only as new ones get ready.
#[test]
fn an_image_that_crashes_stops_its_rollout_with_the_old_pods_serving() {
    let more = fault("image-crash-loop", "target = \"web\"\nat = \"1m\"\nlasting = \"8m\"");
    let scenario = plan_with("none", &more, &["app.web.restart_at='2m'"]);
    let (outcome, trace) = outcome(&scenario, 1);
    assert_eq!(outcome.requests.lost, 0, "{:?}", outcome.reasons);
    let restarts = times(&trace, |fact| matches!(fact, Fact::PodRestarted { .. }));
    let before = restarts.iter().filter(|at| **at < repaired(&trace)).count();
    assert!((4..=8).contains(&before), "{restarts:?}");
    let ready = times(&trace, |fact| matches!(fact, Fact::PodReady { ready: true, .. }));
    assert!(ready.len() >= 3 && ready.iter().all(|at| *at > repaired(&trace)), "{ready:?}");
}

/// kubernetes pkg/kubelet/kuberuntime doBackOff: the first restart at once, then after 10, 20, 40 s.
#[test]
fn a_leak_of_memory_kills_its_container_again_and_again_until_it_is_mended() {
    let more = fault("memory-kill", "target = \"web-1\"\nat = \"1m\"\nlasting = \"5m\"\nfills = \"30s\"");
    let (_, trace) = outcome(&plan("none", &more), 1);
    let exits = times(&trace, |fact| matches!(fact, Fact::PodExited { .. }));
    assert!((exits[0] - struck(&trace)).abs() < 1e-6, "{exits:?}");
    let lived: Vec<f64> = exits.windows(2).map(|pair| pair[1] - pair[0] - 30.0).collect();
    for (pause, least) in lived.iter().zip([0.0, 10.0, 20.0, 40.0]) {
        assert!((least..least + 17.0).contains(pause), "{lived:?}");
    }
    assert!(lived.len() >= 3 && exits.iter().all(|at| *at <= repaired(&trace)), "{exits:?}");
    let restarts = times(&trace, |fact| matches!(fact, Fact::PodRestarted { .. }));
    assert_eq!(restarts.len(), exits.len(), "the last start lives");
}

#[test]
fn without_a_backend_a_webhook_refuses_what_it_must_be_asked_about_until_it_is_mended() {
    let more = |policy: &str| {
        let strike = fault("webhook-backend-down", "target = \"guard\"\nat = \"workers-1:draining\"\nlasting = \"4m\"");
        format!(
            "[app.policy]\nreplicas = 2\nreadiness = {{ period = \"2s\" }}\npre_stop = \"5s\"\n\
             pdb = {{ max_unavailable = 1 }}\n\
             [[webhook]]\nname = \"guard\"\napp = \"policy\"\nrules = [\"CREATE pods/eviction\"]\n\
             failure_policy = \"{policy}\"\n{strike}"
        )
    };
    let refused = |fact: &Fact| matches!(fact, Fact::WebhookFailed { ignored: false, .. });
    // kubectl pkg/drain: only 429 is tried again.
    let (must, trace) = outcome(&plan("kops", &more("Fail")), 2);
    assert_eq!(must.upgrade.result, UpgradeResult::Failed);
    assert!(must.upgrade.blocker.is_some_and(|blocker| blocker.contains("Webhook")));
    let told = times(&trace, refused);
    assert!(!told.is_empty() && told.iter().all(|at| *at >= struck(&trace)), "{told:?}");
    let (may, trace) = outcome(&plan("kops", &more("Ignore")), 2);
    assert!(times(&trace, refused).is_empty());
    assert_eq!(may.upgrade.result, UpgradeResult::Completed, "{:?}", may.upgrade.blocker);
}

/// A container that answers its probe before it crashes is an endpoint each time.
#[test]
fn an_image_that_crashes_after_it_was_ready_loses_requests_though_old_pods_serve() {
    let more = fault("image-crash-loop", "target = \"web\"\nat = \"1m\"\nlasting = \"8m\"\nafter = \"10s\"");
    let (outcome, _) = outcome(&plan_with("none", &more, &["app.web.restart_at='2m'"]), 1);
    assert!(outcome.requests.lost > 0);
}
