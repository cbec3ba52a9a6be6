//! Every shipped scenario shows what its opening comment says, over several seeds.

mod common;

use std::collections::BTreeSet;

use common::{assert_conserved, load, path, run};
use rollproof::sim::Outcome;
use rollproof::sim::outcome::{UpgradeResult, Verdict};

/// Seeds that each scenario runs with.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=10;

/// All outcomes of a shipped scenario with overrides; requests are accounted for in each.
fn outcomes(name: &str, overrides: &[&str]) -> Vec<Outcome> {
    let scenario = load(name, overrides);
    let outcome = |seed| {
        let outcome = run(&scenario, seed);
        assert_conserved(&outcome);
        outcome
    };
    SEEDS.map(outcome).collect()
}

/// The laws that an outcome broke.
fn broken(outcome: &Outcome) -> BTreeSet<&str> {
    outcome.reasons.iter().map(|reason| reason.law.as_str()).collect()
}

/// All ways in which requests were lost, over all outcomes.
fn causes(outcomes: &[Outcome]) -> BTreeSet<&str> {
    outcomes.iter().flat_map(|outcome| outcome.requests.by_cause.keys().map(String::as_str)).collect()
}

fn assert_completed(outcomes: &[Outcome]) {
    for outcome in outcomes {
        assert_eq!(outcome.upgrade.result, UpgradeResult::Completed, "seed {}", outcome.seed);
    }
}

#[test]
fn each_shipped_scenario_is_tested_here() {
    let folder = path("x").parent().expect("a folder").to_owned();
    let entries = std::fs::read_dir(folder).expect("it is there");
    let names: BTreeSet<String> = entries
        .map(|entry| entry.expect("it can be read").path())
        .filter(|file| file.extension().is_some_and(|extension| extension == "toml"))
        .filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned()))
        .collect();
    let own = include_str!("shipped.rs");
    for name in names {
        assert!(own.contains(&format!("outcomes(\"{name}\"")), "{name} has no test in this file");
    }
}

/// All shipped scenarios below a folder, as `load` names them.
fn all_below(folder: &std::path::Path, prefix: &str, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("it is there") {
        let entry = entry.expect("it can be read").path();
        let name = entry.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        match entry.is_dir() {
            true if name == "perf" || name == "public" => {}
            true => all_below(&entry, &format!("{prefix}{name}/"), names),
            false => drop(names.insert(format!("{prefix}{name}"))),
        }
    }
}

/// "pdb web allows 0; pod web-3 Pending: no zone-c node": whoever reads it knows where to look.
#[test]
fn an_upgrade_that_does_not_complete_names_what_it_waits_for() {
    let mut names = BTreeSet::new();
    all_below(path("x").parent().expect("a folder"), "", &mut names);
    let mut blocked = 0;
    for name in names {
        let outcome = run(&load(&name, &[]), 1);
        if matches!(outcome.upgrade.result, UpgradeResult::Stalled | UpgradeResult::Failed) {
            blocked += 1;
            let blocker = outcome.upgrade.blocker.unwrap_or_default();
            let names_one = blocker.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '.').any(|word| {
                word.len() > 2 && word.contains(|c: char| c.is_ascii_digit()) || word.contains('-') && word.len() > 3
            });
            let says = ["budget", "pdb", "quota", "API", "etcd", "not ready", "pod", "node", "master", "operator"];
            assert!(names_one || says.iter().any(|word| blocker.contains(word)), "{name}: `{blocker}`");
        }
    }
    assert!(blocked >= 5, "{blocked}");
}

#[test]
fn a_plan_of_ones_own_loses_nothing() {
    let outcomes = outcomes("own-plan", &[]);
    assert_completed(&outcomes);
    assert!(outcomes.iter().all(|outcome| outcome.verdict == Verdict::Holds && outcome.requests.lost == 0));
}

#[test]
fn the_book_loses_nothing_and_keeps_two_members() {
    for outcome in outcomes("book-ch18", &[]) {
        assert_eq!((outcome.verdict, outcome.requests.lost), (Verdict::Holds, 0), "seed {}", outcome.seed);
        assert_eq!(outcome.requests.exposed_s, 0.0, "seed {}", outcome.seed);
        assert!(outcome.etcd.is_some_and(|etcd| etcd.min_members == 2));
    }
}

#[test]
fn clients_outside_lose_requests_to_nodes_that_their_balancer_still_uses() {
    let found = outcomes("book-ch18-external", &[]);
    assert_completed(&found);
    let exposed = found.iter().filter(|outcome| outcome.requests.exposed_s > 1.0).count();
    assert!(exposed * 10 >= found.len() * 8, "{exposed} rolls are exposed; few are lucky with every node sync");
    let lost: u64 = found.iter().map(|outcome| outcome.requests.by_client["web/new"].lost).sum();
    assert!(lost > 100 * found.len() as u64, "{lost} new connections lost");
    assert_eq!(causes(&found), BTreeSet::from(["black-hole"]), "a machine that is gone is silent");
}

#[test]
fn a_delay_that_outlasts_node_sync_and_deregistration_saves_new_connections_from_outside() {
    for delay in ["2m", "5m"] {
        let found = outcomes("book-ch18-external", &[&format!("strategy.post_drain_delay=\"{delay}\"")]);
        assert_completed(&found);
        for outcome in &found {
            let new = &outcome.requests.by_client["web/new"];
            assert_eq!((new.lost, new.exposed_s), (0, 0.0), "{delay}, seed {}", outcome.seed);
            // A kept-alive connection through a node ends with the node, unannounced: each dies with one request.
            let kept = &outcome.requests.by_client["web/kept"];
            assert!(kept.lost <= 20, "{delay}, seed {}: {}", outcome.seed, kept.lost);
        }
        assert!(found.iter().any(|outcome| outcome.requests.lost > 0), "{delay}");
    }
}

#[test]
fn the_chapters_own_deployment_cuts_connections_at_sigkill() {
    let found = outcomes("book-ch18-manifest", &[]);
    assert_completed(&found);
    for outcome in &found {
        assert!(broken(outcome).contains("no-exposure"), "seed {}", outcome.seed);
        assert!(outcome.pods.min_ready["sleep"] <= 2, "nothing keeps two from leaving at once, seed {}", outcome.seed);
        let drains = outcome.upgrade.steps.iter().filter(|step| step.phase == "draining");
        let longest = drains.filter_map(|step| Some(step.end_s? - step.start_s)).fold(0.0, f64::max);
        assert!(longest >= 30.0, "the whole grace, seed {}: {longest}", outcome.seed);
    }
    // Where all four had gathered on one node, its drain leaves the Service empty until the next are Ready.
    let causes = causes(&found);
    assert!(causes.contains("reset") && causes.is_subset(&BTreeSet::from(["reset", "no-endpoint"])), "{causes:?}");
}

#[test]
fn all_replicas_on_one_node_are_out_together() {
    for outcome in outcomes("all-on-one-node", &[]) {
        assert_eq!(outcome.pods.min_ready["web"], 0, "seed {}", outcome.seed);
        assert!(outcome.requests.by_cause.contains_key("no-endpoint"), "seed {}", outcome.seed);
        assert!(outcome.requests.longest_outage_s > 3.0, "seed {}", outcome.seed);
    }
}

#[test]
fn five_masters_keep_one_to_spare_and_lose_nothing() {
    for outcome in outcomes("five-masters", &[]) {
        assert_eq!((outcome.verdict, outcome.requests.lost), (Verdict::Holds, 0), "seed {}", outcome.seed);
        assert!(outcome.etcd.is_some_and(|etcd| etcd.min_margin == 1 && etcd.min_members == 4));
    }
}

/// One in 100,000 loses its quorum; tests/rare.rs checks how that is counted.
#[test]
fn members_that_crash_now_and_then_cost_nothing_in_any_usual_run() {
    for outcome in outcomes("rare-quorum", &[]) {
        assert_eq!((outcome.verdict, outcome.requests.lost), (Verdict::Holds, 0), "seed {}", outcome.seed);
        assert!(outcome.etcd.is_some_and(|etcd| etcd.min_margin >= 0 && etcd.quorum_breaks == 0));
    }
}

#[test]
fn the_measured_cluster_loses_next_to_nothing_and_its_api_seconds() {
    let found = outcomes("measured-cluster", &[]);
    assert_completed(&found);
    for outcome in &found {
        assert!(outcome.requests.lost <= 5, "seed {}: {}", outcome.seed, outcome.requests.lost);
        assert!(outcome.api.degraded_s > 2.0 && outcome.api.longest_gap_s < 10.0, "{:?}", outcome.api);
    }
}

#[test]
fn without_pre_stop_requests_are_lost_in_three_ways() {
    let found = outcomes("no-prestop", &[]);
    assert_completed(&found);
    assert!(found.iter().all(|outcome| outcome.requests.lost > 0 && outcome.verdict == Verdict::Refuted));
    assert_eq!(causes(&found), BTreeSet::from(["black-hole", "refused", "reset"]));
}

#[test]
fn the_api_of_a_single_master_is_gone_for_minutes_while_the_app_serves_on() {
    for outcome in outcomes("single-master", &[]) {
        assert!(outcome.api.longest_gap_s > 90.0, "seed {}: {:?}", outcome.seed, outcome.api);
        assert_eq!(broken(&outcome), BTreeSet::from(["etcd-quorum"]), "seed {}", outcome.seed);
        assert_eq!(outcome.requests.lost, 0, "seed {}", outcome.seed);
    }
}

#[test]
fn a_single_replica_is_out_until_its_successor_is_ready_despite_its_hook() {
    for outcome in outcomes("single-replica", &[]) {
        assert_eq!(outcome.upgrade.result, UpgradeResult::Completed, "seed {}", outcome.seed);
        assert_eq!(outcome.pods.min_ready["web"], 0, "seed {}", outcome.seed);
        let outage = outcome.requests.longest_outage_s;
        assert!((1.0..60.0).contains(&outage), "seed {}: {outage}", outcome.seed);
        assert!(outcome.requests.by_cause.contains_key("no-endpoint"), "seed {}", outcome.seed);
    }
}

#[test]
fn a_budget_without_room_stalls_the_plan_and_loses_nothing() {
    for outcome in outcomes("stuck-pdb", &[]) {
        assert_eq!(outcome.upgrade.result, UpgradeResult::Stalled, "seed {}", outcome.seed);
        assert!(outcome.upgrade.blocker.as_ref().is_some_and(|blocker| blocker.contains("budget web")));
        assert_eq!((broken(&outcome), outcome.requests.lost), (BTreeSet::from(["completion"]), 0));
    }
    let texts = &[];
    let newer = rollproof::scenario::load(&path("stuck-pdb"), texts, Some("kops")).expect("it loads");
    let failed = run(&newer, 1);
    assert_eq!((failed.upgrade.result, failed.requests.lost), (UpgradeResult::Failed, 0));
}

#[test]
fn an_ingress_tier_needs_a_hook_of_its_own() {
    let careful = outcomes("ingress-drained", &[]);
    assert_completed(&careful);
    assert!(careful.iter().all(|outcome| outcome.requests.lost == 0), "{:?}", causes(&careful));
    let abrupt = outcomes("ingress-drained", &["app.ingress.pre_stop=\"0s\"", "app.ingress.on_sigterm=\"exit\""]);
    assert_completed(&abrupt);
    assert!(abrupt.iter().all(|outcome| outcome.requests.lost > 0));
    assert!(causes(&abrupt).contains("refused"));
    // The other way round, its watch is the lag and its further tries the rescue.
    let behind = outcomes("ingress-drained", &["app.web.pre_stop=\"0s\"", "app.web.on_sigterm=\"exit\""]);
    assert!(!causes(&behind).contains("refused"), "{:?}", causes(&behind));
    assert!(causes(&behind).contains("black-hole"), "{:?}", causes(&behind));
}

#[test]
fn a_webhook_whose_backend_was_lost_stops_the_roll_unless_its_own_pods_are_exempt() {
    for outcome in outcomes("webhook-deadlock", &[]) {
        assert_eq!(outcome.upgrade.result, UpgradeResult::Stalled, "seed {}", outcome.seed);
        let blocker = outcome.upgrade.blocker.unwrap_or_default();
        assert!(blocker.contains("webhook policy"), "seed {}: {blocker}", outcome.seed);
    }
    assert_completed(&outcomes("webhook-deadlock", &["webhook[0].exempt=[\"policy\"]"]));
}

#[test]
fn a_webhook_that_is_asked_about_leases_loses_all_nodes_while_its_only_pod_is_away() {
    let alone = outcomes("webhook-leases", &[]);
    assert_completed(&alone);
    let lost: Vec<u64> = alone.iter().map(|outcome| outcome.requests.lost).collect();
    assert!(lost.iter().filter(|lost| **lost > 0).count() >= 3 && lost.contains(&0), "{lost:?}");
    assert!(causes(&alone).contains("no-endpoint"), "{:?}", causes(&alone));
    let two = ["app.policy.replicas=2", "app.policy.pool=\"workers\""];
    for harmless in [&two[..], &["webhook[0].failure_policy=\"Ignore\""]] {
        let outcomes = outcomes("webhook-leases", harmless);
        assert_completed(&outcomes);
        assert!(outcomes.iter().all(|outcome| outcome.requests.lost == 0), "{:?}", causes(&outcomes));
    }
    // Nobody can write that a node is lost; nor that the new one is Ready.
    for outcome in outcomes("webhook-leases", &["webhook[0].rules=[\"UPDATE leases\", \"UPDATE nodes/status\"]"]) {
        assert_eq!(
            (outcome.upgrade.result, outcome.requests.lost),
            (UpgradeResult::Failed, 0),
            "seed {}",
            outcome.seed
        );
        let blocker = outcome.upgrade.blocker.unwrap_or_default();
        assert!(blocker.contains("tools-1.1 is not ready"), "seed {}: {blocker}", outcome.seed);
        assert!(
            blocker.contains("webhook policy (failurePolicy Fail) refuses UPDATE"),
            "seed {}: {blocker}",
            outcome.seed
        );
    }
}

#[test]
fn an_analysis_bounds_what_a_bad_version_costs() {
    let stopped = outcomes("canary-abort", &[]);
    for outcome in &stopped {
        assert_eq!(outcome.verdict, Verdict::Holds, "seed {}: {:?}", outcome.seed, outcome.reasons);
        assert!((900..1_500).contains(&outcome.requests.lost), "seed {}: {}", outcome.seed, outcome.requests.lost);
    }
    assert_eq!(causes(&stopped), BTreeSet::from(["server-error"]));
    for outcome in outcomes("canary-abort", &["rollout=[]", "app.web.restart_at=\"2m\""]) {
        assert_eq!(outcome.verdict, Verdict::Refuted, "seed {}", outcome.seed);
        assert!(outcome.requests.lost > 50_000, "seed {}: {}", outcome.seed, outcome.requests.lost);
    }
}

/// Sources in the scenario: GKE waits for its surge node, EKS fails with NodeCreationFailure.
#[test]
fn a_surge_without_quota_waits_or_fails_by_tool_and_drains_nothing() {
    for (strategy, ended) in [("gke-surge", UpgradeResult::Stalled), ("eks-managed", UpgradeResult::Failed)] {
        let name = format!("strategy.name=\"{strategy}\"");
        for outcome in outcomes("quota-surge", &[&name]) {
            let seed = outcome.seed;
            assert_eq!(
                (outcome.upgrade.result, outcome.pods.moves, outcome.requests.lost),
                (ended, 0, 0),
                "seed {seed}"
            );
            let blocker = outcome.upgrade.blocker.expect("it says why");
            assert!(blocker.contains("the account's quota is spent"), "{blocker}");
        }
        assert_completed(&outcomes("quota-surge", &[&name, "cluster.cloud.quota=\"unlimited\""]));
    }
}

#[test]
fn a_master_whose_zone_has_no_machine_leaves_etcd_without_a_margin() {
    for outcome in outcomes("master-capacity", &[]) {
        assert_eq!((outcome.upgrade.result, outcome.requests.lost), (UpgradeResult::Failed, 0));
        let etcd = outcome.etcd.expect("kops shows its etcd");
        assert_eq!((etcd.quorum_breaks, etcd.min_margin, etcd.min_members), (0, 0, 2));
        let blocker = outcome.upgrade.blocker.expect("it says why");
        assert!(blocker.contains("masters gets no machine in zone 2: its zone has no capacity"), "{blocker}");
    }
}

#[test]
fn an_autoscaler_takes_fresh_nodes_of_a_roll_away_which_then_ends_sooner_and_moves_no_fewer_pods() {
    let (alone, fought) = (outcomes("autoscaler-fights-roll", &["actor=[]"]), outcomes("autoscaler-fights-roll", &[]));
    assert_completed(&alone);
    for (alone, fought) in alone.iter().zip(&fought) {
        let removed = |remark: &&rollproof::sim::outcome::Remark| remark.text.contains("is not needed since");
        assert!(fought.upgrade.remarks.iter().any(|remark| removed(&remark)), "seed {}", fought.seed);
        assert!(!alone.upgrade.remarks.iter().any(|remark| removed(&remark)), "seed {}", alone.seed);
        assert_eq!((fought.requests.lost, fought.pdb_violations), (0, 0), "seed {}", fought.seed);
        assert_eq!(alone.pods.moves, 12, "seed {}: each of six moves twice", alone.seed);
        assert!((12..=14).contains(&fought.pods.moves), "seed {}: {}", fought.seed, fought.pods.moves);
        assert!(fought.upgrade.seconds < alone.upgrade.seconds, "seed {}", fought.seed);
    }
    assert!(fought.iter().any(|outcome| outcome.pods.moves > 12), "now and then a pod moves once more");
}

#[test]
fn an_app_whose_metrics_are_drained_grows_only_when_they_are_back() {
    let (frozen, free) = (outcomes("hpa-frozen", &[]), outcomes("hpa-frozen", &["app.web.hpa.metrics=\"always\""]));
    assert_completed(&frozen);
    assert_completed(&free);
    let lost = |found: &[Outcome]| found.iter().filter(|outcome| outcome.requests.lost > 0).count();
    assert!(lost(&frozen) >= 5, "most rolls drain the metrics while load rises: {}", lost(&frozen));
    assert_eq!(lost(&free), 0);
    assert_eq!(causes(&frozen), BTreeSet::from(["overload"]));
}

#[test]
fn cluster_api_with_a_surge_keeps_three_voters_and_loses_nothing() {
    let found = outcomes("kcp-surge", &[]);
    assert_completed(&found);
    for outcome in found {
        assert_eq!((outcome.verdict, outcome.requests.lost), (Verdict::Holds, 0), "{:?}", outcome.reasons);
        assert!(outcome.etcd.is_some_and(|etcd| etcd.min_members == 3), "seed {}", outcome.seed);
    }
}

#[test]
fn one_failure_without_a_surge_costs_the_quorum_and_with_one_it_does_not() {
    for outcome in outcomes("kcp-scale-in", &[]) {
        assert!(broken(&outcome).contains("etcd-quorum"), "seed {}: {:?}", outcome.seed, outcome.reasons);
    }
    for outcome in outcomes("kcp-scale-in", &["strategy.control_plane_max_surge=1"]) {
        assert!(outcome.etcd.is_some_and(|etcd| etcd.quorum_breaks == 0), "seed {}", outcome.seed);
    }
}

#[test]
fn a_walk_over_three_minors_loses_nothing() {
    let found = outcomes("hops", &[]);
    assert_completed(&found);
    assert!(found.iter().all(|outcome| outcome.verdict == Verdict::Holds && outcome.skew_violations == 0));
}

#[test]
fn a_backup_saves_the_cluster_and_not_what_was_written_since() {
    let found = outcomes("restore", &[]);
    assert_completed(&found);
    for outcome in found {
        let [restore] = &outcome.restores[..] else { panic!("seed {}: {:?}", outcome.seed, outcome.restores) };
        assert!(restore.lost_writes > 0 && restore.snapshot_age_s > 600.0, "seed {}: {restore:?}", outcome.seed);
        assert!(restore.nodes_gone >= 1, "seed {}: the first new master is younger than the snapshot", outcome.seed);
        assert!(outcome.api.longest_gap_s >= 720.0, "seed {}: {:?}", outcome.seed, outcome.api);
        assert!(broken(&outcome).contains("etcd-quorum"), "seed {}", outcome.seed);
    }
}

#[test]
fn recreate_loses_every_request_of_the_gap_and_a_rolling_update_none() {
    for outcome in outcomes("recreate", &[]) {
        assert_eq!(outcome.pods.min_ready["web"], 0, "seed {}", outcome.seed);
        assert!(outcome.requests.longest_outage_s > 4.0 && outcome.requests.lost > 200, "seed {}", outcome.seed);
    }
    for outcome in outcomes("recreate", &["app.web.rollout.type=\"RollingUpdate\""]) {
        assert_eq!((outcome.verdict, outcome.requests.lost), (Verdict::Holds, 0), "seed {}", outcome.seed);
    }
    let bad = "app.web.rollout.image=\"never-ready\"";
    for outcome in outcomes("recreate", &[bad]) {
        assert!(broken(&outcome).contains("rollout-progress") && outcome.requests.exposed_s > 600.0);
    }
    for outcome in outcomes("recreate", &[bad, "app.web.rollout.type=\"RollingUpdate\""]) {
        assert_eq!((outcome.pods.min_ready["web"], outcome.requests.lost), (3, 0), "seed {}", outcome.seed);
    }
}

#[test]
fn an_ingress_daemon_set_dies_with_its_nodes_under_its_users() {
    let found = outcomes("ingress-daemonset", &[]);
    assert_completed(&found);
    for outcome in &found {
        assert!(outcome.requests.lost > 500, "seed {}", outcome.seed);
    }
    for outcome in outcomes("ingress-daemonset", &["strategy={ name = \"kops\" }"]) {
        assert_eq!((outcome.verdict, outcome.requests.lost), (Verdict::Holds, 0), "{:?}", outcome.reasons);
    }
}

#[test]
fn pods_whose_disks_stay_in_their_zone_wait_there_one_at_a_time() {
    let found = outcomes("stateful-zones", &[]);
    assert_completed(&found);
    for outcome in &found {
        assert_eq!((outcome.pods.min_ready["db"], outcome.pdb_violations), (2, 0), "seed {}", outcome.seed);
    }
}
