//! What single kinds of faults do to a run, against the same run without them.

mod common;

use common::{assert_conserved, finished};
use rollproof::observe::trace::Trace;
use rollproof::scenario::{self, Scenario};
use rollproof::sim::outcome::{Outcome, UpgradeResult};
use rollproof::world::fact::{Fact, StepPhase};
use rollproof::world::ids::{MasterId, PodId};
use rollproof::world::store::NodeReady;

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

/// A cluster without a plan, a fault in its minute, and a client that writes to etcd through each member.
fn with_puts(strike: &str) -> Scenario {
    let puts = "[[probe]]\nname = \"puts\"\nkind = \"etcd-put\"\ntarget = \"each-member\"\n\
                interval = \"200ms\"\nfrom = \"30s\"\nuntil = \"150s\"\n";
    plan_with("none", &format!("{puts}{strike}"), &["strategy.start='3m'"])
}

/// Puts that were sent in these seconds: how long each took; none for one that failed.
fn puts(trace: &Trace, from: f64, until: f64) -> Vec<Option<f64>> {
    let of = |fact: &Fact| match *fact {
        Fact::Probed { sent, result, took, .. } if (from..until).contains(&sent.secs_f64()) => {
            Some(result.is_ok().then(|| took.as_secs_f64()))
        }
        _ => None,
    };
    trace.records.iter().filter_map(|record| of(&record.fact)).collect()
}

/// etcd server/etcdserver/raft.go: the leader's loop waits for its own disk; a majority does not wait for a follower.
#[test]
fn a_slow_disk_of_etcds_leader_delays_every_write_and_one_of_a_follower_none() {
    let slowest = |target: &str| {
        let more = format!("target = \"{target}\"\nat = \"1m\"\nlasting = \"30s\"\nfsync = \"400ms\"");
        let (_, trace) = outcome(&with_puts(&fault("etcd-slow-disk", &more)), 4);
        let took =
            |from, until| -> Vec<f64> { puts(&trace, from, until).into_iter().map(|put| put.expect("ok")).collect() };
        let leads = times(&trace, |fact| matches!(fact, Fact::MemberLeads { .. }));
        assert!(leads.iter().all(|at| *at < 1.0), "no election: {leads:?}");
        let (during, after) = (took(62.0, 89.0), took(92.0, 149.0));
        assert!(during.len() > 100 && after.iter().all(|took| *took < 0.1), "{after:?}");
        (during.iter().fold(9.0, |least, took| took.min(least)), during.iter().fold(0.0, |most, took| took.max(most)))
    };
    let (least, most) = slowest("etcd-leader");
    assert!(least >= 0.4 && most < 1.0, "{least} {most}");
    let leader = (1..=3).filter(|member| slowest(&format!("master-{member}")).0 >= 0.4).count();
    assert_eq!(leader, 1, "one of three leads");
}

#[test]
fn without_space_etcd_takes_no_write_and_leaders_lose_their_leases_while_pods_serve_on() {
    let strike = fault("etcd-no-space", "at = \"1m\"\nlasting = \"3m\"");
    let (outcome, trace) =
        outcome(&plan_with("none", &strike, &["strategy.start='8m'", "app.web.restart_at='70s'"]), 1);
    let (from, until) = (struck(&trace), repaired(&trace));
    let meanwhile = |at: &f64| (from + 1.0..until).contains(at);
    let written = times(&trace, |fact| {
        matches!(fact, Fact::PodCreated { .. } | Fact::PodBound { .. } | Fact::PodReady { .. } | Fact::Evicted { .. })
    });
    assert!(!written.iter().any(meanwhile) && written.iter().any(|at| *at > until), "{written:?}");
    let lost = times(&trace, |fact| matches!(fact, Fact::LeaseLost { .. }));
    assert!(lost.iter().filter(|at| (from..from + 12.0).contains(*at)).count() >= 2, "{lost:?}");
    assert_eq!(outcome.requests.lost, 0, "{:?}", outcome.reasons);
    let down = times(&trace, |fact| matches!(fact, Fact::ApiServes { answering: 0, .. }));
    assert!(down.is_empty(), "reads go on: {down:?}");
}

/// etcd raft: an election time-out of 1 to 2 s, and a round trip; Linearizable reads and writes need a majority.
#[test]
fn a_partition_between_masters_moves_the_leadership_and_leaves_one_server_unable_to_serve() {
    let strike = fault("etcd-peer-cut", "target = \"etcd-leader\"\nat = \"1m\"\nlasting = \"1m\"");
    let (_, trace) = outcome(&with_puts(&strike), 2);
    let led = |fact: &Fact| if let Fact::MemberLeads { member, .. } = fact { Some(*member) } else { None };
    let leads: Vec<(f64, MasterId)> = trace
        .records
        .iter()
        .filter_map(|r| Some((r.at.secs_f64(), led(&r.fact)?)))
        .filter(|(at, _)| *at > 1.0)
        .collect();
    assert!(leads.len() == 1 && (60.9..62.2).contains(&leads[0].0), "{leads:?}");
    let between = puts(&trace, 70.0, 115.0);
    let failed = between.iter().filter(|put| put.is_none()).count();
    assert!(failed > 0 && between.len() > 2 * failed, "{failed} of {}", between.len());
    assert!(puts(&trace, 130.0, 150.0).iter().all(Option::is_some), "mended");
}

#[test]
fn a_zone_that_is_cut_off_is_unheard_of_until_its_links_are_back() {
    let strike = fault("zone-cut", "target = \"zone-2\"\nat = \"1m\"\nlasting = \"3m\"");
    let scenario = plan_with("none", &strike, &["strategy.start='6m'", "node_pool[0].zones=3"]);
    let (_, trace) = outcome(&scenario, 1);
    let unknown = times(&trace, |fact| matches!(fact, Fact::NodeReadyIs { ready: NodeReady::Unknown, .. }));
    assert!(!unknown.is_empty() && unknown.iter().all(|at| (100.0..130.0).contains(at)), "{unknown:?}");
    let back = times(&trace, |fact| matches!(fact, Fact::NodeReadyIs { ready: NodeReady::True, .. }));
    let back = back.iter().filter(|at| (240.0..300.0).contains(*at)).count();
    assert_eq!(back, unknown.len());
    assert_eq!(times(&trace, |fact| matches!(fact, Fact::PodRestarted { .. })).len(), 0, "what runs on them runs on");
}

#[test]
fn an_overloaded_api_server_stores_what_its_clients_write_so_much_later() {
    let first = |more: &str| {
        let (_, trace) = outcome(&plan("kops", more), 1);
        let drain = |fact: &Fact| matches!(fact, Fact::StepBegan { phase: StepPhase::Draining, .. });
        let drained = times(&trace, drain);
        let evicted = times(&trace, |fact| matches!(fact, Fact::Evicted { .. }))[0];
        drained.iter().filter(|at| **at <= evicted).map(|at| evicted - at).fold(f64::MAX, f64::min)
    };
    let wait =
        |master| fault("api-overload", &format!("target = \"master-{master}\"\nat = \"0s\"\nlasting = \"never\""));
    let all: String = (1..=3).map(wait).collect();
    let (slow, quick) = (first(&all), first(""));
    assert!(slow > quick + 4.9 && slow < quick + 12.0, "{slow} {quick}");
}

#[test]
fn checks_that_flap_take_a_server_out_of_use_again_and_again_until_they_are_mended() {
    let strike = fault("load-balancer-flap", "target = \"master-2\"\nat = \"1m\"\nlasting = \"5m\"");
    let (_, trace) = outcome(&plan_with("none", &strike, &["strategy.start='9m'"]), 1);
    let of = |fact: &Fact| match *fact {
        Fact::ServerInRotation { master: MasterId(1), used } => Some(used),
        Fact::ServerInRotation { .. } => panic!("no other server is concerned"),
        _ => None,
    };
    let turns: Vec<(f64, bool)> = trace.records.iter().filter_map(|r| Some((r.at.secs_f64(), of(&r.fact)?))).collect();
    let expected = [false, true, false, true, false, true];
    assert_eq!(turns.iter().map(|(_, used)| *used).collect::<Vec<_>>(), expected, "{turns:?}");
    assert!(turns[0].0 > 60.0 && turns[5].0 < 420.0, "{turns:?}");
}
