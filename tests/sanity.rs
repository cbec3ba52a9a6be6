//! What is known of real clusters, asked of whole runs: one mechanism a test, with the fault that shows it.
//!
//! The plan of these scenarios starts long after the run has ended, unless the test is about the plan.

mod common;

use common::{assert_conserved, finished};
use rollproof::base::Span;
use rollproof::observe::trace::{Record, Trace};
use rollproof::scenario::{self, Scenario};
use rollproof::sim::Outcome;
use rollproof::sim::outcome::UpgradeResult;
use rollproof::world::fact::{Fact, Loss};
use rollproof::world::store::{ApiError, Component, Endpoint, NodeReady};

/// The moment at which the first fault of these scenarios strikes, seconds.
const STRIKE: f64 = 60.0;
/// Requests a second of the app's clients.
const RPS: f64 = 100.0;
/// Pods of the app, one on each worker.
const PODS: f64 = 4.0;

/// A cluster of this version, four workers with a pod each, and two nodes of clients; nothing is upgraded in time.
fn cluster(minor: u32, more: &str) -> String {
    format!(
        r#"
schema = 1
name = "sanity"
cluster.version = {{ from = "1.{minor}.0", to = "1.{}.0" }}
cluster.control_plane = {{ replicas = 3, zones = 3, load_balancer = "elb-classic", machine = "ec2" }}

[[node_pool]]
name = "workers"
count = 4

[[node_pool]]
name = "clients"
count = 2
upgrade = false
runs_apps = false

[app.web]
replicas = 4
spread = "one-per-host"
readiness = {{ period = "2s", failure_threshold = 2 }}

[app.web.traffic.new]
from = "pool:clients"
rps = 100

[strategy]
name = "kops-1.15"
start = "10h"

[limits]
horizon = "5m"

{more}
"#,
        minor + 1
    )
}

fn fault(kind: &str, target: &str, at: &str, more: &str) -> String {
    format!("[[fault]]\nkind = \"{kind}\"\ntarget = \"{target}\"\nat = \"{at}\"\n{more}\n")
}

fn read(text: &str, overrides: &[&str], strategy: Option<&str>) -> Scenario {
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    match scenario::parse("sanity", text, &overrides, strategy) {
        Ok(scenario) => scenario,
        Err(refused) => panic!("{refused}"),
    }
}

/// A run with its history.
struct Story {
    outcome: Outcome,
    trace: Trace,
}

impl Story {
    fn of(scenario: &Scenario, seed: u64) -> Story {
        let finished = finished(scenario, seed, true);
        assert_conserved(&finished.outcome);
        Story { outcome: finished.outcome, trace: finished.trace.expect("it was asked for") }
    }

    /// When the facts happened that `wanted` picks out, in seconds after the first fault.
    fn times<'a>(&'a self, wanted: impl Fn(&Fact) -> bool + 'a) -> impl Iterator<Item = f64> + 'a {
        let of_interest = move |record: &&Record| wanted(&record.fact);
        self.trace.records.iter().filter(of_interest).map(|record| record.at.secs_f64() - STRIKE)
    }

    /// The first of them at or after the first fault.
    fn first(&self, wanted: impl Fn(&Fact) -> bool) -> Option<f64> {
        self.times(wanted).find(|at| *at >= 0.0)
    }

    /// The pod of `web` whose deletion was asked for first.
    fn deleted(&self) -> rollproof::world::ids::PodId {
        let asked = |record: &Record| match record.fact {
            Fact::PodDeleting { pod } if self.trace.names.pods[pod].starts_with("web-") => Some(pod),
            _ => None,
        };
        self.trace.records.iter().find_map(asked).expect("a pod was deleted")
    }

    /// When the rules of the last of the clients' nodes followed the slices that a pod had left, for the first time.
    fn all_follow(&self, pod: rollproof::world::ids::PodId) -> f64 {
        let left = |fact: &Fact| matches!(fact, Fact::EndpointSet { pod: of, endpoint } if *of == pod && *endpoint != Endpoint::Ready);
        let left = self.first(left).expect("it left the slices");
        let nodes = self.trace.names.nodes.iter().enumerate().filter(|(_, name)| name.starts_with("clients-"));
        let follows = |index: usize| {
            let programmed =
                |fact: &Fact| matches!(fact, Fact::RulesProgrammed { node, .. } if node.0 as usize == index);
            self.times(programmed).find(|at| *at >= left).unwrap_or(f64::INFINITY)
        };
        nodes.map(|(index, _)| follows(index)).fold(0.0, f64::max)
    }

    /// Requests that were told lost up to a moment after the first fault, by one mechanism.
    fn lost_until(&self, end: f64, of: Loss) -> u64 {
        let count = |record: &Record| match record.fact {
            Fact::RequestsLost { loss, count, .. } if loss == of && record.at.secs_f64() - STRIKE <= end => count,
            _ => 0,
        };
        self.trace.records.iter().map(count).sum()
    }

    /// Nodes of a pool that were Unknown: their labels, from when, and until when.
    fn unknown(&self, pool: &str) -> Vec<(String, f64, f64)> {
        let mut found: Vec<(String, f64, f64)> = Vec::new();
        for record in &self.trace.records {
            let Fact::NodeReadyIs { node, ready } = record.fact else { continue };
            let (name, at) = (&self.trace.names.nodes[node], record.at.secs_f64() - STRIKE);
            match ready {
                NodeReady::Unknown if name.starts_with(pool) => found.push((name.clone(), at, f64::INFINITY)),
                _ => {
                    if let Some(last) = found.iter_mut().rfind(|last| last.0 == *name) {
                        last.2 = last.2.min(at);
                    }
                }
            }
        }
        found
    }
}

fn mean(all: &[f64]) -> f64 {
    all.iter().sum::<f64>() / all.len() as f64
}

fn assert_within(all: &[f64], least: f64, most: f64) {
    let (low, high) = all.iter().fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(*x), high.max(*x)));
    assert!(low >= least && high <= most, "from {low} to {high}, not within {least} and {most}: {all:?}");
}

/// Source: etcd `embed/config.go` (tick 100 ms, election 1000 ms), `raft/raft.go` (timeouts of 10 to 19 ticks); a
/// simulation of these rules for three members with PreVote gives 1.24 s on average and 1.82 s at 99 %.
#[test]
fn a_killed_etcd_leader_blocks_writes_for_an_election() {
    let kill = fault("etcd-member-stop", "etcd-leader", "60s", "lasting = \"never\"");
    let scenario = read(&cluster(25, &kill), &["limits.horizon=\"70s\""], None);
    let mut gaps = Vec::new();
    for seed in 1..=60 {
        let story = Story::of(&scenario, seed);
        let again = |fact: &Fact| matches!(fact, Fact::ApiServes { answering: 1.., .. });
        let led = story.first(|fact| matches!(fact, Fact::MemberLeads { .. })).expect("another leads");
        let gap = story.times(again).find(|at| *at >= led).expect("the API answers again");
        let etcd = story.outcome.etcd.expect("etcd is observable");
        assert_eq!((etcd.quorum_breaks, etcd.min_members), (0, 2), "no majority is lost with one of three");
        assert!((etcd.no_leader_s - led).abs() < 1e-6 && story.outcome.api.unavailable_s >= etcd.no_leader_s);
        gaps.push(gap);
    }
    assert_within(&gaps, 0.85, 2.1);
    assert!((1.1..1.4).contains(&mean(&gaps)), "{}", mean(&gaps));
}

/// Source: etcd `server/config` ReqTimeout (5 s and two election timeouts): a proposal that a leader takes to its
/// grave is waited for by the member that accepted it.
#[test]
fn a_write_under_way_when_the_etcd_leader_is_killed_hangs_for_seven_seconds() {
    let faults = [
        fault("pod-delete", "web-0", "59990ms", ""),
        fault("etcd-member-stop", "etcd-leader", "60s", "lasting = \"never\""),
    ];
    let scenario = read(&cluster(25, &faults.concat()), &["limits.horizon=\"75s\""], None);
    let mut hung = Vec::new();
    for seed in 1..=60 {
        let story = Story::of(&scenario, seed);
        hung.extend(story.times(|fact| matches!(fact, Fact::ApiFailed { error: ApiError::Unavailable })));
    }
    // None is given up early, and none was sent later than the election lasted.
    assert_within(&hung, 6.97, 9.2);
    assert!(hung.iter().filter(|at| **at < 7.2).count() >= 5, "{hung:?}");
}

/// Source: etcd `server/embed/etcd.go` Close: client streams get up to 7 s, and only then the leader hands over.
#[test]
fn an_etcd_leader_that_is_asked_to_stop_hands_over_and_serves_nobody_meanwhile() {
    let stop = fault("etcd-member-stop", "etcd-leader", "60s", "signal = \"term\"\nlasting = \"9s\"");
    let scenario = read(&cluster(25, &stop), &["limits.horizon=\"90s\""], None);
    for seed in 1..=20 {
        let story = Story::of(&scenario, seed);
        let etcd = story.outcome.etcd.as_ref().expect("etcd is observable");
        assert!(etcd.no_leader_s < 0.1 && story.outcome.api.longest_gap_s < 0.1, "seed {seed}: {etcd:?}");
        let led = story.first(|fact| matches!(fact, Fact::MemberLeads { .. })).expect("another leads");
        let two = story.first(|fact| matches!(fact, Fact::ApiServes { answering: 2, in_rotation: 3 }));
        let stopped = story.first(|fact| matches!(fact, Fact::MemberStopped { .. })).expect("it stops");
        assert_eq!(two, Some(0.0), "its own API server is without etcd at once, seed {seed}");
        assert_within(&[led, stopped], 7.0, 8.2);
        let three = story.times(|fact| matches!(fact, Fact::ApiServes { answering: 3, .. })).find(|at| *at > 0.0);
        assert!(three.is_some_and(|at| (9.0..12.0).contains(&at)), "seed {seed}: {three:?}");
    }
}

/// Source: client-go `tools/leaderelection` with component-base `config/v1alpha1/defaults.go` (lease 15 s, polls of 2 s
/// and up to 1.2 times 2 s more): simulated 13 to 23.8 s, 16.5 s on average with two standbys.
#[test]
fn a_killed_controller_manager_freezes_endpoints_and_replacements_until_another_leads() {
    let faults = [
        fault("controller-manager-crash", "kcm-leader", "60s", "lasting = \"never\""),
        fault("pod-delete", "web-0", "60010ms", ""),
    ];
    let scenario = read(&cluster(20, &faults.concat()), &["limits.horizon=\"130s\""], None);
    let (mut frozen, mut refusals) = (Vec::new(), 0);
    for seed in 1..=30 {
        let story = Story::of(&scenario, seed);
        let pod = story.deleted();
        let manager = |fact: &Fact| matches!(fact, Fact::LeaseTaken { component: Component::ControllerManager, .. });
        let leads = story.first(manager).expect("another leads");
        let left = |fact: &Fact| matches!(fact, Fact::EndpointSet { pod: of, endpoint } if *of == pod && *endpoint != Endpoint::Ready);
        let left = story.first(left).expect("it leaves the endpoints");
        let created = story.first(|fact| matches!(fact, Fact::PodCreated { .. })).expect("it is replaced");
        assert!(left > leads && created > leads, "seed {seed}: caches are filled first");
        assert_within(&[left - leads, created - leads], 0.0, 10.0);
        frozen.push(leads);
        // Its process exits at once: refused while its sandbox stands, silent from then on.
        let (refused, silent) = (Loss::Refused, Loss::BlackHole);
        refusals += story.lost_until(left, refused);
        let lost = (story.lost_until(left + 0.5, refused) + story.lost_until(left + 0.5, silent)) as f64;
        let share = lost / (left * RPS / PODS);
        assert!((0.7..1.4).contains(&share), "seed {seed}: {lost} lost in {left} s");
    }
    assert!(refusals > 0);
    assert_within(&frozen, 13.0, 23.8);
    assert!((15.5..17.5).contains(&mean(&frozen)), "{}", mean(&frozen));
}

/// From the exit of a deleted pod until no node sends new connections to it, with other pods deleted meanwhile or not;
/// deletions fall on all parts of a second.
fn loss_windows(minor: u32, churn: bool) -> Vec<f64> {
    let mut noise = "[app.noise]\nreplicas = 8\ncpu = 10\nmemory = 10\n".to_owned();
    for ordinal in (0..8).filter(|_| churn) {
        noise += &fault("pod-delete", &format!("noise-{ordinal}"), &format!("{}ms", 59_000 + 300 * ordinal), "");
    }
    let window = |seed| {
        let delete = fault("pod-delete", "web-0", &format!("{}ms", 60_000 + seed * 370 % 1000), "");
        let scenario = read(&cluster(minor, &(noise.clone() + &delete)), &["limits.horizon=\"100s\""], None);
        let story = Story::of(&scenario, seed);
        let pod = story.deleted();
        let exits = story.first(|fact| matches!(fact, Fact::PodExited { pod: of } if *of == pod)).expect("it exits");
        story.all_follow(pod) - exits
    };
    (1..=30).map(window).collect()
}

/// Source: kubernetes `pkg/proxy` with `pkg/util/async` (`minSyncPeriod` 1 s from 1.20, a burst of two), PR 92836.
#[test]
fn a_deleted_pod_without_pre_stop_loses_a_tenth_of_a_second_and_up_to_a_second_where_endpoints_churn() {
    let quiet = loss_windows(20, false);
    assert_within(&quiet, 0.02, 0.5);
    assert!((0.08..0.3).contains(&mean(&quiet)), "{}", mean(&quiet));
    let churned = loss_windows(20, true);
    assert_within(&churned, 0.02, 1.5);
    assert!((0.4..0.9).contains(&mean(&churned)), "{}", mean(&churned));
    assert!(churned.iter().any(|window| *window > 0.9), "{churned:?}");
    // Before 1.20 nothing held a sync back.
    assert!(mean(&loss_windows(19, true)) < 0.3);
}

/// Source: kubernetes `pkg/controller/nodelifecycle` (grace 40 s, 50 s since PR 126287 in 1.32, looked at every 5 s) and
/// kubelet leases of 10 s: grace less up to 10 s and 5 s more, then the slices and the nodes' rules.
#[test]
fn a_node_without_power_silences_its_share_of_connections_until_its_grace_is_over() {
    let off = fault("node-power-off", "workers-1", "60s", "lasting = \"never\"");
    for (minor, least, most) in [(20, 30.0, 46.0), (30, 30.0, 46.0), (32, 40.0, 56.0)] {
        let scenario = read(&cluster(minor, &off), &[], None);
        let mut windows = Vec::new();
        for seed in 1..=15 {
            let story = Story::of(&scenario, seed);
            let silent = |record: &Record| match record.fact {
                Fact::PodSilent { pod } if record.at.secs_f64() >= STRIKE => Some(pod),
                _ => None,
            };
            let pod = story.trace.records.iter().find_map(silent).expect("its pod falls silent");
            let window = story.all_follow(pod);
            let share = story.lost_until(window + 0.01, Loss::BlackHole) as f64 / (window * RPS);
            assert!((0.9..1.3).contains(&(share * PODS)), "1.{minor}, seed {seed}: a share of {share}");
            assert_eq!(story.outcome.requests.by_cause.len(), 1, "all of them time out");
            // Reused ports meet entries of attempts without an answer for two minutes more (nf_conntrack_tcp_timeout_syn_sent).
            let last = story.times(|fact| matches!(fact, Fact::RequestsLost { .. })).last().expect("lost");
            assert!(last < window + 120.5, "1.{minor}, seed {seed}: the last is lost at {last}");
            windows.push(window);
        }
        assert_within(&windows, least, most);
    }
}

/// Source: kops `nodeup` and EC2 start times (a master's replacement takes minutes); the only etcd member and the only
/// API server go with it.
#[test]
fn a_single_control_plane_node_is_gone_for_minutes_when_it_is_replaced() {
    let overrides = ["cluster.control_plane.replicas=1", "strategy.start=\"1m\"", "limits.horizon=\"2h\""];
    let scenario = read(&cluster(25, ""), &overrides, None);
    for seed in 1..=10 {
        let story = Story::of(&scenario, seed);
        assert_eq!(story.outcome.upgrade.result, UpgradeResult::Completed, "seed {seed}");
        let (gone, etcd) = (story.outcome.api.longest_gap_s, story.outcome.etcd.expect("etcd is observable"));
        assert!((90.0..900.0).contains(&gone), "seed {seed}: {gone}");
        assert!(etcd.quorum_breaks == 1 && etcd.quorum_lost_s > 60.0, "seed {seed}: {etcd:?}");
    }
}

/// Source: kubernetes `pkg/registry/core/pod/storage/eviction.go` (429 while the budget allows none); kops 1.15
/// `pkg/instancegroups` (no deadline) and kops now (`--drain-timeout` 15 min).
#[test]
fn a_budget_of_its_only_replica_never_lets_the_drain_end() {
    let overrides =
        ["app.web.replicas=1", "app.web.pdb.min_available=1", "strategy.start=\"1m\"", "limits.horizon=\"4h\""];
    for seed in 1..=3 {
        let stalled = Story::of(&read(&cluster(25, ""), &overrides, None), seed).outcome;
        assert_eq!(stalled.upgrade.result, UpgradeResult::Stalled, "seed {seed}");
        assert!(stalled.upgrade.blocker.is_some_and(|blocker| blocker.contains("budget web")), "seed {seed}");
        let failed = Story::of(&read(&cluster(25, ""), &overrides, Some("kops")), seed).outcome;
        assert_eq!(failed.upgrade.result, UpgradeResult::Failed, "seed {seed}");
        let drains = failed.upgrade.steps.iter().filter(|step| step.phase == "draining");
        let longest = drains.filter_map(|step| Some(step.end_s? - step.start_s)).fold(0.0, f64::max);
        assert!((899.9..920.0).contains(&longest), "seed {seed}: {longest}");
        assert_eq!((stalled.requests.lost, failed.requests.lost), (0, 0), "seed {seed}");
    }
}

/// Many nodes of clients, so that some proxies are connected to the master that fails.
const MANY: [&str; 2] = ["node_pool.clients.count=9", "limits.horizon=\"30m\""];

/// For each seed when the last proxy followed the deletion of a pod a minute after a master failed.
fn last_proxy(minor: u32, master: &str) -> Vec<f64> {
    let delete = fault("pod-delete", "web-0", "2m", "");
    let scenario = read(&cluster(minor, &(master.to_owned() + &delete)), &MANY, None);
    (1..=10)
        .map(|seed| {
            let story = Story::of(&scenario, seed);
            story.all_follow(story.deleted())
        })
        .collect()
}

/// Source: apimachinery `pkg/util/net/http.go` (HTTP/2 pings after 30 s, 15 s for the answer, since 1.20, kubernetes
/// PR 95981); before, Linux gives a peer up after `tcp_retries2` = 15 retransmissions, 924.6 s.
#[test]
fn proxies_of_a_silent_master_go_stale_for_a_quarter_of_an_hour_before_1_20_and_for_a_minute_since() {
    let silent = fault("node-power-off", "master-1", "60s", "lasting = \"never\"");
    let old = last_proxy(14, &silent);
    let (stale, lucky): (Vec<f64>, Vec<f64>) = old.iter().partition(|at| **at > 90.0);
    assert!(stale.len() >= 7, "of nine proxies one at least is connected to one of three masters: {old:?}");
    assert_within(&stale, 924.6, 930.0);
    assert!(lucky.iter().all(|at| *at < 62.0), "{old:?}");
    // Pings find it 45 s after its end, before the pod is deleted at 60 s.
    let new = last_proxy(20, &silent);
    assert_within(&new, 45.0, 62.0);
}

/// Source: kubernetes `staging/src/k8s.io/apiserver`: the kernel closes the connections of a process that ends, and
/// client-go `tools/cache/reflector.go` dials again at once.
#[test]
fn clients_of_an_api_server_that_closes_its_connections_are_elsewhere_within_seconds() {
    let crash = fault("api-server-crash", "master-1", "60s", "lasting = \"never\"");
    let delete = fault("pod-delete", "web-0", "75s", "");
    for minor in [14, 20, 25] {
        let scenario = read(&cluster(minor, &(crash.clone() + &delete)), &MANY, None);
        for seed in 1..=10 {
            let story = Story::of(&scenario, seed);
            let follow = story.all_follow(story.deleted());
            assert!((15.0..25.0).contains(&follow), "1.{minor}, seed {seed}: {follow}");
            // A master's own kubelet has no other server than that beside it.
            let unknown = [story.unknown("workers-"), story.unknown("clients-")].concat();
            assert!(unknown.is_empty(), "1.{minor}, seed {seed}: {unknown:?}");
        }
    }
}

/// Nodes of the workers that went Unknown after a master has lost its power: how many, and how long at most.
fn unknown_workers(minor: u32) -> (usize, f64) {
    let silent = fault("node-power-off", "master-1", "60s", "lasting = \"never\"");
    let overrides = ["node_pool.workers.count=20", "limits.horizon=\"10m\""];
    let scenario = read(&cluster(minor, &silent), &overrides, None);
    let all: Vec<_> = (1..=10).flat_map(|seed| Story::of(&scenario, seed).unknown("workers-")).collect();
    (all.len(), all.iter().map(|(_, _, until)| *until).fold(0.0, f64::max))
}

/// Source: kubernetes PR 63492 (1.11: a kubelet whose heartbeat failed twice closes its connections, after 20 to 30 s),
/// PR 108107 (1.24: it leaves that to pings, 45 s), PR 126287 (1.32: the grace of 40 s became 50 s, which is longer).
#[test]
fn kubelets_of_a_silent_master_come_back_in_time_unless_their_version_waits_for_pings_longer_than_the_grace() {
    let (old, old_until) = unknown_workers(14);
    let (pings, pings_until) = unknown_workers(25);
    let (grace, grace_until) = unknown_workers(32);
    // Of 200 workers about 67 were connected to it.
    assert!((40..100).contains(&pings), "{pings} nodes Unknown with pings alone");
    assert!(old * 2 < pings, "{old} nodes Unknown whose heartbeats close connections, {pings} with pings");
    assert!(grace * 4 < pings * 3, "{grace} nodes Unknown with a grace of 50 s, {pings} with 40 s");
    for until in [old_until, pings_until, grace_until] {
        assert!(until < 120.0, "a node came back {until} s after the master had gone");
    }
}

/// The other side of the same: with the master's process back, or its power, nothing is left of the outage.
#[test]
fn what_is_repaired_leaves_all_nodes_ready() {
    let off = fault("node-power-off", "workers-2", "60s", "lasting = \"2m\"");
    let scenario = read(&cluster(25, &off), &["limits.horizon=\"20m\""], None);
    for seed in 1..=10 {
        let story = Story::of(&scenario, seed);
        let dark = story.unknown("workers-");
        assert_eq!(dark.len(), 1, "seed {seed}: {dark:?}");
        assert!(dark[0].2 > 120.0 && dark[0].2 < Span::mins(10).as_secs_f64(), "seed {seed}: {dark:?}");
    }
}
