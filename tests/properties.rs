//! What holds of every run, over random scenarios: clusters, strategies, manners, clients, faults.

mod common;
#[path = "properties/plans.rs"]
mod plans;

use common::{assert_conserved, finished};
use plans::{Plan, plan};
use proptest::prelude::*;
use rollproof::observe::trace::Trace;
use rollproof::report::json;
use rollproof::scenario::{self, Scenario};
use rollproof::sim::outcome::{Outcome, Share, UpgradeResult, Verdict};
use rollproof::sim::{self, Finished, InternalError, Watch};
use rollproof::strategy::{CATALOG, Target};
use rollproof::world::fact::Fact;

/// More events than any of these small plans may need in its six hours, traffic aside.
const EVENTS_MAX: u64 = 300_000;

/// More events than one try of a request may need where it is simulated by itself.
const EVENTS_OF_A_TRY: u64 = 8;

/// 64 cases unless `PROPTEST_CASES` asks for another number; nothing is written into the tree.
fn config() -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: asked.unwrap_or(64), failure_persistence: None, ..ProptestConfig::default() }
}

fn parsed(text: &str) -> Scenario {
    match scenario::parse("random.toml", text, &[], None) {
        Ok(scenario) => scenario,
        Err(refused) => panic!("{refused}\n{text}"),
    }
}

/// One run with its history; `None` where the pods do not fit into the cluster.
fn try_run(scenario: &Scenario, seed: u64) -> Option<Finished> {
    match sim::run(scenario, seed, Watch { trace: true, ..Watch::default() }) {
        Ok(finished) => Some(finished),
        Err(InternalError::NeverHealthy(_)) => None,
        Err(error @ (InternalError::Broken { .. } | InternalError::Stopped { .. })) => panic!("seed {seed}: {error}"),
    }
}

fn assert_sound(scenario: &Scenario, outcome: &Outcome) {
    assert_conserved(outcome);
    assert!(outcome.events < EVENTS_MAX + EVENTS_OF_A_TRY * outcome.requests.attempts, "{} events", outcome.events);
    assert!((0.0..=scenario.spec.horizon.as_secs_f64()).contains(&outcome.sim_seconds));
    let all = &outcome.requests;
    assert_share(
        &Share {
            sent: all.sent,
            lost: all.lost,
            expected_lost: all.expected_lost,
            exposed_s: all.exposed_s,
            longest_outage_s: all.longest_outage_s,
            ..Share::default()
        },
        outcome,
    );
    assert!(all.attempts >= all.sent - all.in_flight, "{} attempts of {}", all.attempts, all.sent);
    for share in all.by_app.values().chain(all.by_client.values()) {
        assert_share(share, outcome);
        assert_eq!(share.lost, share.by_cause.values().sum::<u64>());
    }
    assert_eq!(all.sent, all.by_app.values().map(|part| part.sent).sum::<u64>());
    for app in scenario.spec.apps.iter() {
        assert!(outcome.pods.min_ready[&app.name] <= u64::from(app.replicas), "{}", app.name);
    }
    let mut parts = vec![outcome.api.unavailable_s, outcome.api.degraded_s];
    if let Some(etcd) = &outcome.etcd {
        assert_eq!(etcd.min_margin < 0, etcd.quorum_breaks > 0, "{etcd:?}");
        parts.extend([etcd.quorum_lost_s, etcd.no_leader_s]);
    }
    for part in parts {
        assert!((0.0..=outcome.sim_seconds).contains(&part), "{:?} {:?}", outcome.etcd, outcome.api);
    }
    assert!(outcome.api.longest_gap_s <= outcome.api.unavailable_s);
    let back: serde_json::Value = serde_json::from_str(&json::render(outcome)).expect("the result is JSON");
    assert_eq!(back["digest"], outcome.digest.as_str());
}

fn assert_share(share: &Share, outcome: &Outcome) {
    assert!(share.lost <= share.sent, "{share:?}");
    assert!(share.expected_lost.is_finite() && share.expected_lost >= 0.0, "{share:?}");
    for part in [share.exposed_s, share.longest_outage_s] {
        assert!((0.0..=outcome.sim_seconds).contains(&part), "{share:?} in {}", outcome.sim_seconds);
    }
}

fn assert_verdict_has_its_reasons(outcome: &Outcome) {
    let limited = outcome.reasons.iter().any(|reason| reason.law == "limit");
    let broken = outcome.reasons.iter().any(|reason| reason.law != "limit");
    let expected = match (broken, limited) {
        (true, _) => Verdict::Refuted,
        (false, true) => Verdict::Undecided,
        (false, false) => Verdict::Holds,
    };
    assert_eq!(outcome.verdict, expected, "{:?}", outcome.reasons);
    for reason in &outcome.reasons {
        assert!((0.0..=outcome.sim_seconds).contains(&reason.at_s) && !reason.message.is_empty(), "{reason:?}");
    }
    match outcome.upgrade.result {
        UpgradeResult::Completed => assert_eq!(outcome.upgrade.blocker, None),
        UpgradeResult::Failed | UpgradeResult::Stalled => {
            assert!(outcome.upgrade.blocker.as_ref().is_some_and(|why| !why.is_empty()), "{:?}", outcome.upgrade);
        }
        UpgradeResult::Horizon => assert!(limited, "{:?}", outcome.reasons),
    }
}

fn assert_steps_well_formed(outcome: &Outcome) {
    let steps = &outcome.upgrade.steps;
    assert!(steps.is_sorted_by(|one, next| one.start_s <= next.start_s), "{steps:?}");
    for step in steps {
        let end = step.end_s.unwrap_or(outcome.sim_seconds);
        assert!(step.start_s >= 0.0 && step.start_s <= end && end <= outcome.sim_seconds, "{step:?}");
    }
    assert!((0.0..=outcome.sim_seconds).contains(&outcome.upgrade.seconds), "{}", outcome.upgrade.seconds);
}

fn assert_history_is_in_order(outcome: &Outcome, trace: &Trace) {
    assert!(trace.records.is_sorted_by(|one, next| one.at <= next.at), "time runs backwards");
    assert!(trace.records.last().is_none_or(|last| last.at <= trace.end));
    assert_eq!(trace.end.secs_f64(), outcome.sim_seconds);
    for (event, parent) in trace.parents.iter().enumerate() {
        assert!(*parent as usize <= event, "event {event} comes before its cause {parent}");
    }
}

/// A machine that runs at the end of a completed upgrade has the version that its group was to get.
fn assert_upgraded(scenario: &Scenario, trace: &Trace) {
    let mut off = vec![false; trace.versions.len()];
    for record in &trace.records {
        match record.fact {
            Fact::MachineStopping { node } | Fact::MachineOff { node } => off[node.0 as usize] = true,
            Fact::MachineUp { node } => off[node.0 as usize] = false,
            _ => {}
        }
    }
    let plane = &scenario.spec.control_plane;
    for (node, version) in trace.versions.entries() {
        let name = &trace.names.nodes[node];
        let kept = scenario.spec.pools.iter().any(|pool| !pool.upgrade && name.starts_with(&pool.name));
        let target = if kept { plane.from } else { plane.to };
        assert!(off[node.0 as usize] || *version == target, "{name} runs {version}, not {target}");
    }
}

/// All that is not about requests.
fn without_requests(outcome: &Outcome) -> impl PartialEq + std::fmt::Debug + use<> {
    let outcome = outcome.clone();
    let upgrade = (outcome.upgrade.result, outcome.upgrade.seconds, outcome.upgrade.blocker, outcome.upgrade.steps);
    let counts = (outcome.skew_violations, outcome.pdb_violations, outcome.sim_seconds);
    (upgrade, outcome.etcd, outcome.api, outcome.pods, outcome.cost, counts)
}

/// The two runs of changed plans, where both fit into the cluster.
fn pair(one: &Plan, other: &Plan, seed: u64) -> Option<(Outcome, Outcome)> {
    let run = |plan: &Plan| try_run(&parsed(&plan.toml()), seed).map(|finished| finished.outcome);
    Some((run(one)?, run(other)?))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_run_is_sound(plan in plan(), seed in any::<u64>()) {
        let scenario = parsed(&plan.toml());
        let ran = try_run(&scenario, seed);
        prop_assume!(ran.is_some());
        let Some(Finished { outcome, trace: Some(trace) }) = ran else { unreachable!("the history was asked for") };
        assert_sound(&scenario, &outcome);
        assert_verdict_has_its_reasons(&outcome);
        assert_steps_well_formed(&outcome);
        assert_history_is_in_order(&outcome, &trace);
        // A plan of one's own may leave a group out, and some tools upgrade nothing.
        let upgrades = CATALOG.iter().any(|tool| tool.entry.name == outcome.strategy && tool.target == Target::Needed);
        if upgrades && outcome.upgrade.result == UpgradeResult::Completed {
            assert_upgraded(&scenario, &trace);
        }
        let again = finished(&scenario, seed, false).outcome;
        prop_assert_eq!((&again.digest, again.events), (&outcome.digest, outcome.events));
        prop_assert_eq!(&again.requests, &outcome.requests);
    }

    #[test]
    fn the_scenario_printed_with_its_defaults_runs_the_same(plan in plan(), seed in any::<u64>()) {
        let scenario = parsed(&plan.toml());
        let first = try_run(&scenario, seed);
        prop_assume!(first.is_some());
        let printed = parsed(scenario::resolved(&scenario));
        let again = try_run(&printed, seed).map(|finished| finished.outcome.digest);
        prop_assert_eq!(again, first.map(|finished| finished.outcome.digest), "{}", scenario::resolved(&scenario));
    }

    #[test]
    fn without_clients_the_cluster_does_the_same(plan in plan(), seed in any::<u64>()) {
        let pair = pair(&plan.unfelt(), &plan.unfelt().without_clients(), seed);
        prop_assume!(pair.is_some());
        let Some((with, without)) = pair else { unreachable!("assumed") };
        prop_assert_eq!(without_requests(&with), without_requests(&without));
        prop_assert_eq!(without.requests.sent, 0);
    }

    #[test]
    fn one_more_group_of_clients_leaves_all_other_luck_as_it_was(plan in plan(), seed in any::<u64>()) {
        let pair = pair(&plan.unfelt(), &plan.unfelt().with_one_more_group(), seed);
        prop_assume!(pair.is_some());
        let Some((before, mut after)) = pair else { unreachable!("assumed") };
        prop_assert!(after.requests.by_client.remove("a0/added").is_some());
        prop_assert_eq!(&before.requests.by_client, &after.requests.by_client);
        prop_assert_eq!(without_requests(&before), without_requests(&after));
    }

    #[test]
    fn a_fault_whose_moment_never_comes_changes_nothing(plan in plan(), seed in any::<u64>()) {
        let pair = pair(&plan, &plan.with_a_fault_that_never_comes(), seed);
        prop_assume!(pair.is_some());
        let Some((before, after)) = pair else { unreachable!("assumed") };
        prop_assert_eq!((&before.digest, before.events), (&after.digest, after.events));
        prop_assert_eq!(before.requests, after.requests);
    }

    #[test]
    fn a_longer_horizon_changes_nothing_of_a_run_that_ended_before_it(plan in plan(), seed in any::<u64>()) {
        let pair = pair(&plan, &plan.with_a_longer_horizon(), seed);
        prop_assume!(pair.is_some());
        let Some((before, after)) = pair else { unreachable!("assumed") };
        if before.upgrade.result != UpgradeResult::Horizon && before.reasons.iter().all(|reason| reason.law != "limit") {
            prop_assert_eq!((&before.digest, before.events), (&after.digest, after.events));
        }
    }
}
