//! Measuring clients of the control plane see what those of a real cluster saw.
//!
//! Measured: Kubernetes 1.20.2 with etcd 3.4.23 on three masters, `scenarios/measured-cluster.toml`.

mod common;

use std::collections::BTreeMap;

use common::{finished, load};
use rollproof::observe::trace::Trace;
use rollproof::scenario::{self, Scenario};
use rollproof::sim::Outcome;
use rollproof::sim::outcome::ProbeFigures;
use rollproof::world::fact::Fact;
use rollproof::world::ids::MasterId;
use rollproof::world::store::ApiError;

/// When the fault of these scenarios strikes, seconds.
const STRIKE: f64 = 20.0;
/// Sleep between two puts of the measuring script, seconds.
const SLEEP: f64 = 0.020;

/// A bare control plane of `members` masters whose etcd leader gets a signal; one put every 20 ms to each member.
/// `api`: whether API servers run and watch.
fn leader_stops(members: u32, signal: &str, api: bool, etcd: &str) -> Scenario {
    let stops = |master| {
        format!(
            "[[fault]]\nkind = \"api-server-crash\"\ntarget = \"master-{master}\"\nat = \"1s\"\nlasting = \"never\"\n"
        )
    };
    let servers: String = (1..=members).filter(|_| !api).map(stops).collect();
    let text = format!(
        r#"
schema = 1
cluster.version = {{ from = "1.20.2", to = "1.20.15" }}
cluster.etcd = {{ {etcd} }}
cluster.timings = {{ network = {{ uniform = ["20us", "100us"] }} }}
cluster.control_plane = {{ replicas = {members}, load_balancer = "haproxy", machine = "in-place", controllers = {{ restart = "never" }} }}
strategy = {{ name = "kops-1.15", start = "10h" }}
limits = {{ horizon = "45s" }}

[[probe]]
name = "puts"
kind = "etcd-put"
target = "each-member"
interval = "20ms"
overhead = {{ uniform = ["1ms", "2ms"] }}
from = "17s"
until = "33s"

[[fault]]
kind = "etcd-member-stop"
target = "etcd-leader"
at = "20s"
signal = "{signal}"
lasting = "never"

{servers}
"#
    );
    match scenario::parse("leader-stops", &text, &[], None) {
        Ok(scenario) => scenario,
        Err(refused) => panic!("{refused}"),
    }
}

/// etcd as of the measured cluster.
const MEASURED: &str = r#"version = { from = "3.4.23", to = "3.4.23" }"#;
/// The same with pre-vote, as from 3.5 on.
const WITH_PRE_VOTE: &str = r#"version = { from = "3.5.16", to = "3.5.16" }"#;

/// What the survivors' probes saw: by master, whoever was hit left out.
fn survivors(scenario: &Scenario, seed: u64) -> Vec<ProbeFigures> {
    let run = finished(scenario, seed, true);
    let trace = run.trace.expect("it was asked for");
    let stopped = stopped(&trace);
    let puts = &run.outcome.probes["puts"];
    let survive = puts.iter().filter(|(label, _)| **label != format!("master-{}", stopped.0 + 1));
    survive.map(|(_, figures)| figures.clone()).collect()
}

/// The member that stopped.
fn stopped(trace: &Trace) -> MasterId {
    let stop = |fact: &Fact| match *fact {
        Fact::MemberStopped { member } => Some(member),
        _ => None,
    };
    trace.records.iter().find_map(|record| stop(&record.fact)).expect("a member stopped")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[test]
fn every_put_sent_to_a_survivor_before_the_new_leader_was_known_fails_after_seven_seconds() {
    let scenario = leader_stops(3, "kill", false, MEASURED);
    let mut all = Vec::new();
    for seed in 1..=40 {
        for figures in survivors(&scenario, seed) {
            let [first, last] = figures.failed_sent_s.expect("some fail");
            assert!(first - STRIKE < SLEEP + 0.003, "seed {seed}: the first from {first}");
            assert!((7.0..7.02).contains(&figures.fail_after_s), "seed {seed}: after {}", figures.fail_after_s);
            // All of them until the last: at the script's pace none in between comes through.
            let span = (last - first) / (SLEEP + 0.0015);
            assert!((span + 1.0 - figures.failed as f64).abs() < 2.5, "seed {seed}: {} over {span}", figures.failed);
            assert_eq!(figures.sent, figures.ok + figures.failed + figures.in_flight, "seed {seed}");
            all.push((figures.failed as f64, last - STRIKE));
        }
    }
    let (failed, last) = (median(all.iter().map(|x| x.0).collect()), median(all.iter().map(|x| x.1).collect()));
    assert!((44.0..64.0).contains(&failed) && (0.95..1.4).contains(&last), "{failed} until {last}");
}

#[test]
fn sigterm_of_the_leader_costs_a_survivor_two_puts_at_most_and_no_gap_of_a_tenth_of_a_second() {
    let scenario = leader_stops(3, "term", false, MEASURED);
    for seed in 1..=40 {
        for figures in survivors(&scenario, seed) {
            assert!(figures.failed <= 2, "seed {seed}: {}", figures.failed);
            let [gap, since] = figures.longest_ok_gap_s.expect("puts come through");
            assert!(gap < 0.1, "seed {seed}: {gap} from {since}");
            if let Some([first, last]) = figures.failed_sent_s {
                assert!(last - STRIKE < 0.1 && first >= STRIKE - SLEEP, "seed {seed}: it hands over at once");
                assert!((7.0..7.02).contains(&figures.fail_after_s), "seed {seed}: {}", figures.fail_after_s);
            }
        }
    }
}

// etcd server/embed/etcd.go, stopServers: open streams are waited for, up to the request time-out.
#[test]
fn an_api_servers_watches_hold_the_hand_over_of_a_leaving_leader_back_for_seven_seconds() {
    let hands_over = |api| {
        let run = finished(&leader_stops(3, "term", api, MEASURED), 3, true);
        let trace = run.trace.expect("it was asked for");
        let leads = |fact: &Fact| matches!(fact, Fact::MemberLeads { .. });
        let mut won = trace.records.iter().filter(|record| leads(&record.fact)).map(|record| record.at.secs_f64());
        won.next_back().expect("there is a leader") - STRIKE
    };
    assert!((7.0..7.1).contains(&hands_over(true)), "{}", hands_over(true));
    assert!((0.0..0.1).contains(&hands_over(false)), "{}", hands_over(false));
}

// etcd raft.go, campaign: without pre-vote a candidate whose vote is ignored in lease has raised its term, and the
// other must wait for its own time-out.
#[test]
fn pre_vote_shortens_the_longest_outages_after_a_kill_and_so_does_sigterm() {
    let outages = |etcd: &str, signal: &str| -> Vec<f64> {
        let scenario = leader_stops(3, signal, false, etcd);
        let longest = |seed| {
            let gaps = survivors(&scenario, seed).into_iter().filter_map(|figures| figures.longest_ok_gap_s);
            gaps.map(|[gap, _]| gap).fold(0.0, f64::max)
        };
        (1..=150).map(longest).collect()
    };
    let beyond = |gaps: &[f64]| gaps.iter().filter(|gap| **gap > 2.0).count();
    let (off, on) = (outages(MEASURED, "kill"), outages(WITH_PRE_VOTE, "kill"));
    assert!(beyond(&off) >= 4 && beyond(&on) <= 2, "over 2 s: {} without, {} with", beyond(&off), beyond(&on));
    let gentle = outages(WITH_PRE_VOTE, "term");
    assert!(median(gentle) < 0.1 * median(on));
}

/// Seconds from SIGKILL of the leader to the next leader, in whole runs.
fn election_gaps(members: u32, etcd: &str, network: &str, seeds: std::ops::Range<u64>) -> Vec<f64> {
    let text = format!(
        "schema = 1\ncluster.version = {{ from = \"1.20.2\", to = \"1.20.15\" }}\ncluster.etcd = {{ {etcd} }}\n\
         cluster.timings.network = \"{network}\"\ncluster.control_plane.replicas = {members}\n\
         strategy = {{ name = \"kops-1.15\", start = \"10h\" }}\nlimits.horizon = \"40s\"\n\
         [[fault]]\nkind = \"etcd-member-stop\"\ntarget = \"etcd-leader\"\nat = \"20s\"\nsignal = \"kill\"\n\
         lasting = \"never\"\n"
    );
    let scenario = match scenario::parse("gaps", &text, &[], None) {
        Ok(scenario) => scenario,
        Err(refused) => panic!("{refused}"),
    };
    let gap = |seed| {
        let run = finished(&scenario, seed, false);
        let etcd = run.outcome.etcd.expect("it is seen");
        assert!(etcd.leader_changes >= 1, "seed {seed}: nobody was elected");
        etcd.no_leader_s
    };
    seeds.map(gap).collect()
}

// Expected values: a tick-by-tick simulation of etcd's raft.go, made independently of this model; mean, median, 90 and
// 99 in a hundred, seconds.
#[test]
fn election_gaps_of_whole_runs_have_the_quantiles_of_the_five_reference_rows() {
    let fixed = |version: &str, fsync: &str| {
        format!("version = {{ from = \"{version}\", to = \"{version}\" }}, fsync = \"{fsync}\"")
    };
    let rows = [
        (3, fixed("3.5.16", "3ms"), "500us", [1.24, 1.20, 1.59, 1.82]),
        (3, fixed("3.5.16", "20ms"), "500us", [1.28, 1.23, 1.63, 1.85]),
        (3, fixed("3.5.16", "10ms"), "10ms", [1.32, 1.26, 1.67, 2.71]),
        (3, fixed("3.4.13", "3ms"), "500us", [1.33, 1.22, 1.85, 2.72]),
        (5, fixed("3.5.16", "3ms"), "500us", [1.11, 1.07, 1.35, 1.60]),
    ];
    for (members, etcd, network, expected) in rows {
        let mut gaps = election_gaps(members, &etcd, network, 0..1_500);
        gaps.sort_by(f64::total_cmp);
        let quantile = |q: f64| gaps[(gaps.len() as f64 * q) as usize];
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let ours = [mean, quantile(0.5), quantile(0.9), quantile(0.99)];
        let near = ours.iter().zip(expected).all(|(ours, real)| (ours / real - 1.0).abs() < 0.15);
        assert!(near, "{members} members, {etcd}, {network}: {ours:.2?}, expected {expected:.2?}");
    }
}

/// The measured cluster with API writes through its load balancer; one API server stops, for good.
fn server_stops(more: &[&str]) -> (Outcome, Trace) {
    let text = format!(
        r#"
schema = 1
cluster.version = {{ from = "1.20.2", to = "1.20.15" }}
cluster.etcd = {{ {MEASURED} }}
cluster.timings = {{ network = {{ uniform = ["20us", "100us"] }} }}
cluster.control_plane = {{ load_balancer = "haproxy", machine = "in-place", controllers = {{ restart = "never" }} }}
strategy = {{ name = "kops-1.15", start = "10h" }}
limits = {{ horizon = "45s" }}

[[probe]]
name = "writes"
kind = "api-write"
target = "load-balancer"
interval = "50ms"
overhead = "1600us"
timeout = "5s"
from = "17s"
until = "35s"

[[fault]]
kind = "api-server-crash"
target = "master-1"
at = "20s"
lasting = "never"
"#
    );
    let overrides: Vec<String> = more.iter().map(|&text| text.to_owned()).collect();
    let scenario = match scenario::parse("server-stops", &text, &overrides, None) {
        Ok(scenario) => scenario,
        Err(refused) => panic!("{refused}"),
    };
    let run = finished(&scenario, 1, true);
    (run.outcome, run.trace.expect("it was asked for"))
}

/// When failed writes were sent, after the strike, and how long they took; seconds.
fn failed(trace: &Trace) -> Vec<(f64, f64, ApiError)> {
    let failed = |fact: &Fact| match *fact {
        Fact::Probed { sent, took, result: Err(error), .. } => {
            Some((sent.secs_f64() - STRIKE, took.as_secs_f64(), error))
        }
        _ => None,
    };
    let mut all: Vec<(f64, f64, ApiError)> = trace.records.iter().filter_map(|record| failed(&record.fact)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all
}

// Measured: one write in three, 0.155 s apart at one every 0.0516 s, each after the three retries of a second each; from
// the stop until two checks 2 s apart have failed.
#[test]
fn haproxy_refuses_every_third_write_after_three_seconds_until_its_checks_have_found_a_stopped_server() {
    let (outcome, trace) = server_stops(&[]);
    let failed = failed(&trace);
    for (sent, took, error) in &failed {
        assert!((3.0..3.01).contains(took) && *error == ApiError::Refused, "{sent}: {error:?} after {took}");
    }
    for pair in failed.windows(2) {
        let apart = pair[1].0 - pair[0].0;
        assert!((0.154..0.156).contains(&apart), "in turn, so one in three: {apart}");
    }
    let (first, last) = (failed[0].0, failed[failed.len() - 1].0);
    assert!(first < 0.16 && (1.8..4.0).contains(&last), "{first} to {last}");
    let writes = &outcome.probes["writes"]["load-balancer"];
    assert_eq!(writes.failed as usize, failed.len());
    assert!((340..=352).contains(&writes.sent), "18 s at one every 51.6 ms: {}", writes.sent);
    assert!(writes.slow == 0 && writes.slowest_s < 0.5, "{writes:?}");
}

#[test]
fn a_probe_at_its_limit_of_requests_under_way_waits_until_one_ends() {
    let (free, _) = server_stops(&[]);
    let (tied, trace) = server_stops(&["probe.writes.in_flight_max=1"]);
    let sent = |outcome: &Outcome| outcome.probes["writes"]["load-balancer"].sent;
    // One at a time: each refused write holds all others up for its three seconds.
    let held = failed(&trace).len() as f64 * 3.0;
    assert!(held >= 3.0);
    let expected = sent(&free) as f64 - held / 0.0516;
    assert!((sent(&tied) as f64 - expected).abs() < 5.0, "{} of {}, expected {expected}", sent(&tied), sent(&free));
}

#[test]
fn probes_change_nothing_in_runs_without_them_and_are_part_of_the_digest_of_runs_with_them() {
    let quiet = load("measured-cluster", &[]);
    assert!(quiet.spec.probes.is_empty());
    let (one, _) = server_stops(&[]);
    let (other, _) = server_stops(&["probe.writes.interval=\"51ms\""]);
    assert_ne!(one.digest, other.digest);
    let empty: BTreeMap<String, BTreeMap<String, ProbeFigures>> = BTreeMap::new();
    assert_ne!(one.probes, empty);
}
