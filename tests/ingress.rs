//! Users behind a tier: an ingress with a watch of its own, or a front end that calls the app.

mod common;

use common::{assert_conserved, finished, run};
use rollproof::scenario::{self, Scenario};
use rollproof::world::fact::{Fact, Loss};

/// Users of `web` through `front`, while `web` or `front` is rolled out anew.
fn scenario(router: &str, rolled: &str, web: &str, front: &str, group: &str) -> Scenario {
    let restart = |app: &str| if rolled == app { "restart_at = \"2m\"" } else { "" };
    let text = format!(
        r#"
schema = 1
cluster.version = {{ from = "1.30.2", to = "1.30.2" }}
strategy = {{ name = "none" }}
objective = {{ max_lost = "any", max_exposed = "any" }}
limits = {{ horizon = "8m" }}

[[node_pool]]
name = "workers"
count = 4

[[node_pool]]
name = "clients"
count = 2
upgrade = false
runs_apps = false
in_load_balancer = false

[app.front]
replicas = 3
latency = "2ms"
readiness = {{ period = "1s", failure_threshold = 1 }}
router = "{router}"
{front}
{}

[app.web]
replicas = 4
readiness = {{ period = "1s", failure_threshold = 1 }}
{web}
{}

[app.web.traffic.users]
from = "pool:clients"
via = "front"
rps = 400
{group}
"#,
        restart("front"),
        restart("web"),
    );
    scenario::parse("ingress", &text, &[], None).unwrap_or_else(|refused| panic!("{refused}"))
}

const CAREFUL: &str = "pre_stop = \"15s\"\non_sigterm = \"drain\"";
const ABRUPT: &str = "pre_stop = \"0s\"\non_sigterm = \"exit\"";

fn lost(scenario: &Scenario, seed: u64) -> u64 {
    let outcome = run(scenario, seed);
    assert_conserved(&outcome);
    assert!(outcome.requests.sent > 80_000);
    outcome.requests.lost
}

#[test]
fn a_tier_and_an_app_that_both_leave_with_care_lose_nothing() {
    for router in ["nginx", "envoy", "none"] {
        for rolled in ["web", "front"] {
            for connections in ["new", "kept-alive"] {
                let group = format!("connections = \"{connections}\"");
                assert_eq!(lost(&scenario(router, rolled, CAREFUL, CAREFUL, &group), 1), 0, "{router} {rolled}");
            }
        }
    }
}

/// A request lost at either hop is the user's: the app's care does not help where the tier has none.
#[test]
fn an_abrupt_tier_loses_requests_though_the_app_behind_it_is_careful() {
    let finished = finished(&scenario("envoy", "front", CAREFUL, ABRUPT, ""), 1, true);
    assert_conserved(&finished.outcome);
    let trace = finished.trace.expect("it was asked for");
    let mut lost = 0;
    for record in &trace.records {
        if let Fact::RequestsLost { pod: Some(pod), count, .. } = record.fact {
            assert!(trace.names.pods[pod].starts_with("front-"), "{}", trace.names.pods[pod]);
            lost += count;
        }
    }
    assert!(lost > 0);
    assert_eq!(lost, finished.outcome.requests.lost);
}

/// Source: ingress-nginx `--sync-rate-limit` 0.3: a sync each 3.3 s; Envoy is told at once. Without further tries the
/// slower watch loses more.
#[test]
fn the_tiers_own_watch_is_the_lag_that_an_abrupt_app_pays_for() {
    let once = |router: &str| format!("{{ preset = \"{router}\", next_tries = 0 }}");
    let of = |router: &str| {
        let text = scenario::resolved(&scenario("envoy", "web", ABRUPT, CAREFUL, "")).to_owned();
        let overrides = [format!("app.front.router={}", once(router))];
        let scenario = scenario::parse("lag", &text, &overrides, None).unwrap_or_else(|refused| panic!("{refused}"));
        (1..=4).map(|seed| lost(&scenario, seed)).sum::<u64>()
    };
    let (nginx, envoy) = (of("nginx"), of("envoy"));
    assert!(nginx > 3 * envoy && envoy > 0, "{nginx} {envoy}");
}

/// Source: nginx `proxy_next_upstream error timeout`: a pod that refuses costs a user nothing.
#[test]
fn a_tier_that_tries_the_next_pod_saves_what_one_refuses() {
    let scenario = scenario("nginx", "web", ABRUPT, CAREFUL, "");
    for seed in 1..=4 {
        let outcome = run(&scenario, seed);
        assert_eq!(outcome.requests.by_cause.get(Loss::Refused.name()), None, "{:?}", outcome.requests.by_cause);
        assert_eq!(outcome.requests.by_cause.get(Loss::Reset.name()), None, "idempotent: {:?}", outcome.requests);
    }
}

/// Means of losses over seeds, with their error, of requests sent as counts and one by one.
#[test]
fn counts_and_single_requests_agree_behind_a_tier() {
    let group = "idempotent = false\nsteps = [{ at = \"4m\", rps = 0 }]";
    for (connections, seeds) in [("new", 12), ("kept-alive", 24)] {
        for rolled in ["web", "front"] {
            let moments = |mode: &str, first: u64| {
                let group = format!("{group}\nconnections = \"{connections}\"\nmode = \"{mode}\"");
                let scenario = scenario("envoy", rolled, ABRUPT, ABRUPT, &group);
                let lost: Vec<f64> = (first..first + seeds).map(|seed| lost(&scenario, seed) as f64).collect();
                let mean = lost.iter().sum::<f64>() / seeds as f64;
                let spread = lost.iter().map(|lost| (lost - mean) * (lost - mean)).sum::<f64>() / (seeds - 1) as f64;
                (mean, spread / seeds as f64)
            };
            let (counts, calls) = (moments("interval", 1), moments("per-request", 101));
            let z = (counts.0 - calls.0) / (counts.1 + calls.1).sqrt().max(1e-9);
            assert!(z.abs() < 4.0, "{connections} {rolled}: {counts:?} {calls:?}, z = {z}");
        }
    }
}

#[test]
fn a_front_end_that_calls_through_the_service_follows_its_nodes_rules() {
    let careful = lost(&scenario("none", "web", CAREFUL, CAREFUL, ""), 2);
    let abrupt = lost(&scenario("none", "web", ABRUPT, CAREFUL, ""), 2);
    assert_eq!(careful, 0);
    assert!(abrupt > 0);
}

#[test]
fn the_rate_costs_no_events_behind_a_tier() {
    let events = |rps: &str| {
        let text = scenario::resolved(&scenario("nginx", "web", CAREFUL, CAREFUL, "")).to_owned();
        let overrides = [format!("app.web.traffic.users.rps={rps}")];
        let scenario = scenario::parse("rate", &text, &overrides, None).unwrap_or_else(|refused| panic!("{refused}"));
        run(&scenario, 1).events
    };
    assert_eq!(events("10"), events("100000"));
}
