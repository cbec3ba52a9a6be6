//! Kinds of workload and how they roll out: Deployments, StatefulSets, DaemonSets, and what drains leave of them.
//!
//! Sources stand at each test; T10 and T11 are the ones that the orchestrators' users measured or rely on.

mod common;

use common::{assert_conserved, finished, load, run};
use rollproof::scenario::{self, Scenario};
use rollproof::sim::Finished;
use rollproof::sim::outcome::{UpgradeResult, Verdict};
use rollproof::world::fact::Fact;
use rollproof::world::ids::PodId;

/// Three workers in three zones, clients beside them, and these apps; nobody upgrades anything.
fn cluster(apps: &str, overrides: &[&str]) -> Scenario {
    let head = "\
schema = 1
[cluster]
version = { from = \"1.29.4\", to = \"1.29.4\" }
[cluster.control_plane]
replicas = 3
[[node_pool]]
name = \"workers\"
count = 3
zones = 3
[[node_pool]]
name = \"clients\"
count = 1
upgrade = false
runs_apps = false
in_load_balancer = false
[strategy]
name = \"none\"
[limits]
horizon = \"20m\"
tail = \"10s\"
";
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    match scenario::parse("rollouts.toml", &format!("{head}{apps}"), &overrides, None) {
        Ok(scenario) => scenario,
        Err(refused) => panic!("{refused}"),
    }
}

const WEB: &str = "\
[app.web]
replicas = 4
readiness = { period = \"2s\" }
pre_stop = \"15s\"
grace = \"40s\"
on_sigterm = \"drain\"
[app.web.traffic.users]
from = \"pool:clients\"
rps = 20
";
const DB: &str = "\
[app.db]
kind = \"StatefulSet\"
replicas = 3
readiness = { period = \"2s\" }
";
const AGENT: &str = "\
[app.agent]
kind = \"DaemonSet\"
readiness = { period = \"2s\" }
";

/// What happened to the pods of an app, with their names, in order.
fn story<'f>(finished: &'f Finished, app: &'f str) -> Vec<(f64, &'f str, &'static str, PodId)> {
    let trace = finished.trace.as_ref().expect("asked for");
    let told = trace.records.iter().filter_map(|record| {
        let (pod, what) = match record.fact {
            Fact::PodCreated { pod } => (pod, "created"),
            Fact::PodReady { pod, ready: true } => (pod, "ready"),
            Fact::PodDeleting { pod } => (pod, "deleting"),
            Fact::PodGone { pod } => (pod, "gone"),
            Fact::PodPreempted { pod, .. } => (pod, "preempted"),
            _ => return None,
        };
        let name = trace.names.pods.get(pod)?.as_str();
        name.starts_with(app).then_some((record.at.secs_f64(), name, what, pod))
    });
    told.collect()
}

fn times(story: &[(f64, &str, &'static str, PodId)], what: &str) -> Vec<f64> {
    story.iter().filter(|(_, _, of, _)| *of == what).map(|(at, ..)| *at).collect()
}

fn named<'s>(story: &'s [(f64, &'s str, &'static str, PodId)], what: &str) -> Vec<&'s str> {
    story.iter().filter(|(_, _, of, _)| *of == what).map(|(_, name, ..)| *name).collect()
}

fn healthy_min(finished: &Finished, app: &str) -> u64 {
    finished.outcome.pods.min_ready[app]
}

/// Source: kubernetes `pkg/controller/deployment/recreate.go`: new pods come when no old one is left, terminating ones
/// included; between them nobody serves.
#[test]
fn recreate_makes_the_first_new_pod_when_the_last_old_one_is_gone() {
    let scenario = cluster(WEB, &["app.web.restart_at=\"1m\"", "app.web.rollout.type=\"Recreate\""]);
    let finished = finished(&scenario, 1, true);
    let story = story(&finished, "web");
    let (gone, created) = (times(&story, "gone"), times(&story, "created"));
    assert_eq!((gone.len(), created.len()), (4, 4), "{story:?}");
    assert!(gone.iter().all(|gone| created.iter().all(|created| gone <= created)), "{story:?}");
    assert_eq!(healthy_min(&finished, "web"), 0);
    assert!(finished.outcome.requests.lost > 0, "nobody is there");
    assert_conserved(&finished.outcome);
}

/// Source: kubernetes `rolling.go`; with a hook that outlasts the endpoints' way nothing is lost.
#[test]
fn a_rolling_update_of_the_same_app_loses_nothing() {
    let scenario = cluster(WEB, &["app.web.restart_at=\"1m\""]);
    let outcome = run(&scenario, 1);
    assert_eq!((outcome.verdict, outcome.requests.lost), (Verdict::Holds, 0), "{:?}", outcome.reasons);
    assert!(outcome.pods.min_ready["web"] >= 3, "maxUnavailable 25% of 4 is 1");
}

/// T11, the Deployment's part: availability stays at R - floor(25 % of R), nobody rolls back, and after
/// `progressDeadlineSeconds` a condition says so. Source: kubernetes `rolling.go`, `progress.go`.
#[test]
fn t11_a_new_version_that_never_gets_ready_stalls_with_enough_of_the_old_one() {
    for (replicas, least) in [(4_u64, 3), (3, 3), (10, 8)] {
        let replicas_override = format!("app.web.replicas={replicas}");
        let bad = [replicas_override.as_str(), "app.web.restart_at=\"1m\"", "app.web.rollout.image=\"never-ready\""];
        let finished = finished(&cluster(WEB, &bad), 1, true);
        assert_eq!(healthy_min(&finished, "web"), least, "{replicas} replicas");
        assert_eq!(finished.outcome.requests.lost, 0, "the old pods serve on");
        let laws: Vec<&str> = finished.outcome.reasons.iter().map(|reason| reason.law.as_str()).collect();
        assert_eq!(laws, ["rollout-progress"], "{:?}", finished.outcome.reasons);
        let stalled = finished.outcome.reasons[0].at_s;
        assert!((660.0..720.0).contains(&stalled), "600 s after the last progress, not at {stalled}");
    }
}

/// Source: kubernetes `progress.go`: a complete rollout has no deadline.
#[test]
fn the_deadline_of_a_good_rollout_is_told_by_nobody() {
    let scenario = cluster(WEB, &["app.web.restart_at=\"1m\"", "app.web.rollout.progress_deadline=\"120s\""]);
    assert_eq!(run(&scenario, 1).verdict, Verdict::Holds);
}

/// Source: kubernetes `stateful_set_control.go`: from the highest ordinal, each when those above are healthy.
#[test]
fn a_stateful_set_rolls_from_the_highest_identity_one_at_a_time() {
    let finished = finished(&cluster(DB, &["app.db.restart_at=\"1m\""]), 1, true);
    let story = story(&finished, "db");
    assert_eq!(named(&story, "deleting"), ["db-2", "db-1", "db-0"]);
    assert_eq!(named(&story, "ready"), ["db-2", "db-1", "db-0"]);
    for (deleting, ready) in times(&story, "deleting")[1..].iter().zip(times(&story, "ready")) {
        assert!(ready <= *deleting, "{story:?}");
    }
    assert_eq!(healthy_min(&finished, "db"), 2);
}

/// Source: the same file: identities below the partition keep their template.
#[test]
fn a_partition_holds_the_lower_identities_back() {
    let finished = finished(&cluster(DB, &["app.db.restart_at=\"1m\"", "app.db.rollout.partition=2"]), 1, true);
    assert_eq!(named(&story(&finished, "db"), "deleting"), ["db-2"]);
}

/// Source: the same file; Kubernetes documentation, "Forced rollback".
#[test]
fn a_stateful_set_whose_new_pod_never_gets_ready_stops_at_that_one() {
    let bad = ["app.db.restart_at=\"1m\"", "app.db.rollout.image=\"never-ready\""];
    let finished = finished(&cluster(DB, &bad), 1, true);
    assert_eq!(named(&story(&finished, "db"), "deleting"), ["db-2"]);
    assert_eq!(healthy_min(&finished, "db"), 2);
}

/// Source: kubernetes `update.go` of the DaemonSet controller: OnDelete leaves deletion to others.
#[test]
fn on_delete_replaces_nothing_by_itself() {
    for apps in [DB, AGENT] {
        let name = if apps == DB { "db" } else { "agent" };
        let (restart, kind) =
            (format!("app.{name}.restart_at=\"1m\""), format!("app.{name}.rollout.type=\"OnDelete\""));
        let finished = finished(&cluster(apps, &[&restart, &kind]), 1, true);
        assert!(story(&finished, name).is_empty(), "{name}");
    }
}

/// Source: `stateful_set_control.go`; Kubernetes documentation, "Force Delete StatefulSet Pods": the pod of a lost node
/// is terminating until its object goes, and nothing replaces it.
#[test]
fn an_identity_on_a_lost_node_is_not_replaced_while_its_object_is_there() {
    let fault = "[[fault]]\nkind = \"node-power-off\"\ntarget = \"workers-1\"\nat = \"1m\"\nlasting = \"never\"\n";
    let finished = finished(&cluster(&format!("{DB}{fault}{WEB}"), &[]), 1, true);
    let db = story(&finished, "db");
    let lost = named(&db, "deleting");
    assert_eq!(lost.len(), 1, "after the toleration: {db:?}");
    assert!(!named(&db, "created").contains(&lost[0]), "{db:?}");
    assert!(!times(&story(&finished, "web"), "created").is_empty(), "a Deployment's pods are replaced");
    assert!(finished.outcome.reasons.iter().all(|reason| reason.law != "identity"));
}

/// Source: `daemonset_util.go`: it tolerates the cordon; kubectl `pkg/drain/filters.go`: a drain leaves it alone.
#[test]
fn a_daemon_sets_pod_stays_through_a_drain_of_its_node() {
    let drain =
        "strategy={ name = \"kubectl-drain\", nodes = \"workers-1\", ignore_daemonsets = true, start = \"1m\" }";
    let apps = format!("{AGENT}{WEB}");
    let finished = finished(&cluster(&apps, &[drain]), 1, true);
    assert_eq!(finished.outcome.upgrade.result, UpgradeResult::Completed, "{:?}", finished.outcome.upgrade.blocker);
    assert!(story(&finished, "agent").is_empty());
    assert!(!story(&finished, "web").is_empty());
}

/// Source: kubectl `pkg/drain/filters.go` daemonSetFilter.
#[test]
fn kubectl_refuses_a_node_with_a_daemon_sets_pod_unless_told_to_ignore_it() {
    let drain = "strategy={ name = \"kubectl-drain\", nodes = \"workers-1\", start = \"1m\" }";
    let outcome = run(&cluster(&format!("{AGENT}{WEB}"), &[drain]), 1);
    assert_eq!(outcome.upgrade.result, UpgradeResult::Failed);
    let why = outcome.upgrade.blocker.unwrap_or_default();
    assert!(why.contains("--ignore-daemonsets"), "{why}");
    assert_eq!(outcome.pods.moves, 0, "nothing was evicted");
}

/// Source: `daemon_controller.go`: a node gets its pod as it registers, before others may run there.
#[test]
fn a_daemon_sets_pods_die_with_their_nodes_and_new_nodes_get_their_own() {
    let roll = [
        "cluster.version.to=\"1.29.5\"",
        "strategy={ name = \"kops\", instance_groups = \"workers\" }",
        "limits.horizon=\"2h\"",
    ];
    let finished = finished(&cluster(&format!("{AGENT}{WEB}"), &roll), 1, true);
    assert_eq!(finished.outcome.upgrade.result, UpgradeResult::Completed, "{:?}", finished.outcome.upgrade.blocker);
    assert_eq!(named(&story(&finished, "agent"), "created").len(), 3);
    let trace = finished.trace.as_ref().expect("asked for");
    let launched = trace.records.iter().find_map(|record| match record.fact {
        Fact::MachineLaunched { node } => Some(node),
        _ => None,
    });
    let new = launched.expect("a node is replaced");
    let bound = trace.records.iter().find(|record| matches!(record.fact, Fact::PodBound { node, .. } if node == new));
    let ready = trace.records.iter().find(|record| {
        matches!(record.fact, Fact::NodeReadyIs { node, ready: rollproof::world::store::NodeReady::True } if node == new)
    });
    assert!(bound.expect("its agent").at < ready.expect("it joins").at, "it tolerates a node that is not ready");
}

/// Source: kubernetes `update.go` rollingUpdate: maxUnavailable 1, or with maxSurge a new pod beside the old one.
#[test]
fn a_daemon_set_rolls_node_by_node_or_with_a_surge_without_a_gap() {
    let restart = "app.agent.restart_at=\"1m\"";
    let one = finished(&cluster(AGENT, &[restart]), 1, true);
    assert_eq!(healthy_min(&one, "agent"), 2);
    assert_eq!(named(&story(&one, "agent"), "gone").len(), 3);
    let surge = "app.agent.rollout={ max_surge = 1, max_unavailable = 0 }";
    let beside = finished(&cluster(AGENT, &[restart, surge]), 1, true);
    assert_eq!(healthy_min(&beside, "agent"), 3);
    assert_eq!(named(&story(&beside, "agent"), "gone").len(), 3);
}

/// Source: the same: a dead node's pod counts as unavailable, and with maxUnavailable 1 nothing else may go.
#[test]
fn one_dead_node_halts_a_daemon_sets_rollout() {
    let fault = "[[fault]]\nkind = \"node-power-off\"\ntarget = \"workers-1\"\nat = \"30s\"\nlasting = \"never\"\n";
    let finished = finished(&cluster(&format!("{AGENT}{fault}"), &["app.agent.restart_at=\"4m\""]), 1, true);
    let story = story(&finished, "agent");
    assert_eq!(named(&story, "deleting").len(), 1, "only the dead node's own: {story:?}");
    assert_eq!(named(&story, "created").len(), 0);
}

/// T10, on the drains that were measured on GKE. Source: the table of one author's single runs; see
/// `scenarios/public/drain-table.toml`.
#[test]
fn t10_the_measured_table_of_drains_comes_out() {
    let one = [
        "app.web.replicas=1",
        "app.web.pdb=\"none\"",
        "cluster.version.to=\"1.29.6\"",
        "strategy={ name = \"kops\", instance_groups = \"workers\" }",
    ];
    let alone = run(&load("public/drain-table", &one), 1);
    assert!(alone.requests.by_app["web"].longest_outage_s > 5.0, "a gap from its deletion until it is Ready");
    let mut lost = 0;
    for seed in 1..=5 {
        let two = run(&load("public/drain-table", &[]), seed);
        assert!(two.requests.by_app["web"].longest_outage_s < 12.0, "only while endpoints propagate");
        lost += two.requests.by_app["web"].lost;
        let hook = run(&load("public/drain-table", &["app.web.pre_stop=\"20s\"", "app.web.grace=\"40s\""]), seed);
        assert_eq!(hook.requests.by_app["web"].lost, 0, "the hook outlasts them");
    }
    assert!(lost > 0, "two replicas without a hook lose some");
}

/// Source: kubernetes `default_preemption.go`: victims are deleted with their grace, the lowest priority first, and the
/// pod waits until their room is free.
#[test]
fn a_pod_of_higher_priority_pushes_one_of_the_lowest_out_and_takes_its_room() {
    let apps = "\
[app.batch]
replicas = 3
cpu = 1200
memory = 100
[app.shop]
replicas = 3
cpu = 700
memory = 100
priority = 10
[app.pay]
replicas = 1
cpu = 700
memory = 100
priority = 1000
restart_at = \"1m\"
rollout = { max_surge = 1, max_unavailable = 0 }
readiness = { period = \"2s\" }
";
    let one = ["node_pool=[{ name = \"workers\", count = 3, zones = 3, cpu = 2000 }]", "app.shop.replicas=2"];
    let finished = finished(&cluster(apps, &one), 1, true);
    let story = story(&finished, "");
    let victims = named(&story, "preempted");
    assert_eq!(victims.len(), 1, "{story:?}");
    assert!(victims[0].starts_with("batch"), "the lowest: {victims:?}");
    let gone = story.iter().find(|(_, name, what, _)| *what == "gone" && *name == victims[0]).expect("it goes").0;
    let ready = story.iter().find(|(_, name, what, _)| *what == "ready" && name.starts_with("pay")).expect("it runs").0;
    assert!(gone < ready, "{story:?}");
    assert_eq!(healthy_min(&finished, "pay"), 1);
}

/// Source: kubernetes PodPriority: pods of equal or higher priority stay.
#[test]
fn nobody_is_preempted_by_a_pod_of_his_own_priority() {
    let apps = "\
[app.shop]
replicas = 6
cpu = 950
memory = 100
restart_at = \"1m\"
rollout = { max_surge = 1, max_unavailable = 0 }
";
    let full = ["node_pool=[{ name = \"workers\", count = 3, zones = 3, cpu = 2000 }]"];
    let finished = finished(&cluster(apps, &full), 1, true);
    let story = story(&finished, "shop");
    assert!(named(&story, "preempted").is_empty() && named(&story, "gone").is_empty(), "{story:?}");
    let laws: Vec<&str> = finished.outcome.reasons.iter().map(|reason| reason.law.as_str()).collect();
    assert_eq!(laws, ["rollout-progress"], "the surge pod finds no room");
}

/// Source: kubectl `rollout_status.go`: a stage of a plan gives an add-on a new template and waits for it.
#[test]
fn a_plan_rolls_its_add_ons_one_after_another_and_stops_at_one_that_never_gets_ready() {
    let apps = "\
[app.dns]
replicas = 2
critical = true
readiness = { period = \"2s\" }
[app.proxy]
kind = \"DaemonSet\"
tolerate_all = true
host_network = true
readiness = { period = \"2s\" }
";
    let plan = "strategy={ name = \"plan\", start = \"1m\", stage = [{ rollout = \"proxy\" }, { rollout = \"dns\" }] }";
    let good = finished(&cluster(apps, &[plan]), 1, true);
    assert_eq!(good.outcome.upgrade.result, UpgradeResult::Completed, "{:?}", good.outcome.upgrade.blocker);
    let (proxies, dns) = (story(&good, "proxy"), story(&good, "dns"));
    assert_eq!(named(&proxies, "gone").len(), 7, "three masters, three workers, one of the clients'");
    assert!(times(&proxies, "gone").last() < times(&dns, "created").first(), "one after the other");
    let bad = run(&cluster(apps, &[plan, "app.dns.rollout.image=\"never-ready\""]), 1);
    assert_eq!(bad.upgrade.result, UpgradeResult::Failed, "{:?}", bad.upgrade.blocker);
    assert!(bad.upgrade.blocker.unwrap_or_default().contains("progress deadline"));
}

const DISKS: &str = "\
[app.db]
kind = \"StatefulSet\"
replicas = 3
spread = \"one-per-host\"
readiness = { period = \"2s\" }
volume = { attach = \"10s\", detach = \"5s\" }
pdb = { max_unavailable = 1 }
";

/// Source: kubernetes volumebinding: a volume of a zone binds its pod to that zone; the message of a drain that waits
/// says so.
#[test]
fn a_pod_whose_volume_is_in_a_zone_without_a_free_node_stays_pending_and_the_blocker_says_why() {
    let drain = "strategy={ name = \"kubectl-drain\", nodes = \"workers-3,workers-2\", start = \"1m\" }";
    let outcome = run(&cluster(DISKS, &[drain, "limits.horizon=\"3h\""]), 1);
    assert_eq!(outcome.upgrade.result, UpgradeResult::Stalled, "{:?}", outcome.upgrade.blocker);
    let why = outcome.upgrade.blocker.unwrap_or_default();
    assert!(why.contains("Pending: no zone-c node, 0/"), "{why}");
    assert!(why.contains("budget db allows no eviction of pod db-"), "{why}");
}

/// Source: `reconciler.go`: detach once unmounted, attach, then the pod starts.
#[test]
fn a_rolled_identity_waits_for_its_disk_to_follow_only_when_it_moves_to_another_node() {
    let stays = finished(&cluster(DISKS, &["app.db.restart_at=\"1m\""]), 1, true);
    let mut at = story(&stays, "db-2");
    at.retain(|(_, _, what, _)| *what == "created" || *what == "ready");
    assert!(at[1].0 - at[0].0 < 15.0, "its node is the only one of its zone: {at:?}");
    let roll = [
        "cluster.version.to=\"1.29.5\"",
        "strategy={ name = \"kops\", instance_groups = \"workers\" }",
        "limits.horizon=\"2h\"",
    ];
    let moves = finished(&cluster(DISKS, &roll), 1, true);
    assert_eq!(moves.outcome.upgrade.result, UpgradeResult::Completed, "{:?}", moves.outcome.upgrade.blocker);
    assert_eq!(named(&story(&moves, "db"), "created").len(), 3);
    assert_eq!(healthy_min(&moves, "db"), 2);
}

/// Source: `attach_detach_controller.go` ReconcilerMaxWaitForUnmountDuration; kubernetes issue 53059, 6 to 10 minutes.
#[test]
fn a_disk_that_its_lost_node_never_unmounted_is_taken_by_force_after_six_minutes() {
    let drain_none = [
        "strategy={ name = \"plan\", start = \"1m\", stage = [{ groups = \"workers\", first = 1, steps = [\"terminate\"] }] }",
        "node_pool=[{ name = \"workers\", count = 4, zones = 1 }]",
        "app.db.replicas=4",
        "cluster.version.to=\"1.29.5\"",
        "limits={ horizon = \"40m\", tail = \"15m\" }",
    ];
    let apps = format!("{DISKS}[objective]\nmax_lost = \"any\"\nmax_exposed = \"any\"\n");
    let lost = finished(&cluster(&apps, &drain_none), 1, true);
    let db = story(&lost, "db");
    let gone = times(&db, "gone");
    let ready = times(&db, "ready");
    assert_eq!((gone.len(), ready.len()), (1, 1), "{db:?}");
    let waited = ready[0] - gone[0];
    assert!((360.0..420.0).contains(&waited), "{waited}");
}

/// Source: Kubernetes documentation, "Multi-Attach error": a surge on another node waits for a disk that the old pod has.
#[test]
fn a_deployment_with_one_disk_deadlocks_when_it_surges_onto_another_node_and_recreate_does_not() {
    let apps = "\
[app.jenkins]
replicas = 1
spread = \"one-per-host\"
readiness = { period = \"2s\" }
volume = { attach = \"10s\", detach = \"5s\" }
restart_at = \"1m\"
";
    let one_zone = "node_pool=[{ name = \"workers\", count = 3, zones = 1 }]";
    let stuck = run(&cluster(apps, &[one_zone]), 1);
    assert!(stuck.reasons.iter().any(|reason| reason.law == "rollout-progress"), "{:?}", stuck.reasons);
    let moves = run(&cluster(apps, &[one_zone, "app.jenkins.rollout.type=\"Recreate\""]), 1);
    assert_eq!(moves.verdict, Verdict::Holds, "{:?}", moves.reasons);
}

/// Source: `pkg/kubelet/kuberuntime`, kube-proxy's rules live in the kernel; kubernetes PR 75360 for 1.14 and before.
#[test]
fn kube_proxys_rules_outlive_the_rollout_of_its_daemon_set() {
    let proxy = "\
[app.kube-proxy]
kind = \"DaemonSet\"
addon = \"kube-proxy\"
tolerate_all = true
host_network = true
restart_at = \"1m\"
";
    let finished = finished(&cluster(&format!("{proxy}{WEB}"), &[]), 1, true);
    assert_eq!(named(&story(&finished, "kube-proxy"), "gone").len(), 7);
    assert_eq!(finished.outcome.verdict, Verdict::Holds, "{:?}", finished.outcome.reasons);
}
