//! What single kinds of faults do to a run, against the same run without them.

mod common;

use common::{assert_conserved, finished};
use rollproof::observe::trace::Trace;
use rollproof::scenario::{self, Scenario};
use rollproof::sim::outcome::{Outcome, UpgradeResult};
use rollproof::world::fact::{Fact, StepPhase};
use rollproof::world::ids::{MasterId, PodId};
use rollproof::world::store::{Component, NodeReady};

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

/// The longest time from a pod's binding to its start, and when it started.
fn slowest_start(trace: &Trace) -> (f64, f64) {
    let bound = |fact: &Fact| if let Fact::PodBound { pod, .. } = fact { Some(*pod) } else { None };
    let pods: Vec<(f64, PodId)> =
        trace.records.iter().filter_map(|r| Some((r.at.secs_f64(), bound(&r.fact)?))).collect();
    let waited = |(bound, pod): &(f64, PodId)| {
        times(trace, |fact| *fact == Fact::PodStarted { pod: *pod }).first().map(|at| (at - bound, *at))
    };
    pods.iter().filter_map(waited).fold((0.0, 0.0), |most, next| if next.0 > most.0 { next } else { most })
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
    let longest = |trace: &Trace| slowest_start(trace).0;
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

/// etcd raft: a member whose term has grown makes the leader step down when it is heard again; pre-vote (etcd 3.5, which
/// Kubernetes 1.22 brings) keeps the term as it was.
#[test]
fn a_member_cut_off_from_the_leader_only_unseats_it_when_the_path_is_back_unless_there_is_pre_vote() {
    let leads = |from: &str, to: &str| {
        let strikes: String = (1..=3)
            .map(|master| {
                fault(
                    "etcd-leader-cut",
                    &format!("target = \"master-{master}\"\nat = \"{}m\"\nlasting = \"1m\"", 2 * master),
                )
            })
            .collect();
        let versions = [format!("cluster.version.from='{from}'"), format!("cluster.version.to='{to}'")];
        let overrides = ["strategy.start='10m'", &versions[0], &versions[1]];
        let (_, trace) = outcome(&plan_with("none", &strikes, &overrides), 1);
        times(&trace, |fact| matches!(fact, Fact::MemberLeads { .. }))
    };
    let (before, since) = (leads("1.14.10", "1.15.7"), leads("1.30.4", "1.31.1"));
    let new = |leads: &[f64]| leads.iter().copied().filter(|at| *at > 1.0).collect::<Vec<f64>>();
    assert!(new(&since).is_empty(), "{since:?}");
    // Each cut is mended after a minute.
    assert!(new(&before).len() >= 3 && new(&before).iter().all(|at| (at - 60.0) % 120.0 < 5.0), "{before:?}");
}

#[test]
fn corrupt_data_are_found_when_the_member_starts_with_its_disk_again_and_the_roll_waits() {
    let strike = |lasting: &str| {
        fault("etcd-corrupt-data", &format!("target = \"master-2\"\nat = \"1s\"\nlasting = \"{lasting}\""))
    };
    let found = |fact: &Fact| *fact == Fact::MemberCorrupt { member: MasterId(1) };
    let (mended, trace) = outcome(&plan("kops", &strike("18m")), 1);
    let (sound, _) = outcome(&plan("kops", ""), 1);
    assert_eq!(mended.upgrade.result, UpgradeResult::Completed, "{:?}", mended.upgrade.blocker);
    assert!(mended.upgrade.seconds > sound.upgrade.seconds + 60.0, "it waited for the data");
    let at = times(&trace, found);
    let begun = times(&trace, |fact| matches!(fact, Fact::MemberStopped { member: MasterId(1) }));
    assert!(at.len() == 1 && at[0] > begun[0], "seen at its next start, not before: {at:?} {begun:?}");
    let started = times(&trace, |fact| *fact == Fact::MemberStarted { member: MasterId(1) });
    assert!(started.iter().any(|at| (at - repaired(&trace)).abs() < 1e-6), "{started:?}");
    let (lost, _) = outcome(&plan("kops", &strike("never")), 1);
    assert_eq!(lost.upgrade.result, UpgradeResult::Failed, "kops validates for 15 minutes");
}

#[test]
fn a_slow_load_balancer_leaves_a_server_that_is_gone_in_use_so_much_longer() {
    let in_use = |more: &str| {
        let (_, trace) = outcome(&plan("masters-parallel", more), 1);
        let gone = times(&trace, |fact| matches!(fact, Fact::ServerStopped { .. }));
        let out = times(&trace, |fact| matches!(fact, Fact::ServerInRotation { used: false, .. }));
        out[0] - gone[0]
    };
    let (late, usual) =
        (in_use(&fault("load-balancer-lag", "at = \"0s\"\nlasting = \"never\"\nby = \"40s\"")), in_use(""));
    assert!((late - usual - 40.0).abs() < 1e-3, "{late} {usual}");
}

/// kubernetes pkg/controller/volume/attachdetach: ReadWriteOnce, so that another node waits for the detachment.
#[test]
fn a_volume_that_does_not_detach_keeps_its_pod_from_starting_elsewhere_until_it_does() {
    let db = "[app.db]\nkind = \"StatefulSet\"\nreplicas = 1\nvolume = {}\nreadiness = { period = \"2s\" }\n";
    let strikes = fault("volume-stuck", "target = \"host-of:db-0\"\nat = \"workers-1:draining\"\nlasting = \"20m\"");
    let strikes = format!("{db}{strikes}");
    let (_, held) = outcome(&plan_with("kops", &strikes, &["limits.tail='25m'"]), 1);
    let (_, free) = outcome(&plan("kops", db), 1);
    let (longest, started) = slowest_start(&held);
    assert!(slowest_start(&free).0 < 60.0, "{:?}", slowest_start(&free));
    // A try each 2 min 2 s at most.
    assert!(longest > 100.0 && (0.0..140.0).contains(&(started - repaired(&held))), "{longest} {started}");
}

#[test]
fn without_dns_new_connections_inside_fail_and_those_that_stand_serve_on() {
    let strike = fault("dns-down", "at = \"3m\"\nlasting = \"1m\"");
    let kept = "[app.web.traffic.kept]\nfrom = \"pool:clients\"\nconnections = \"kept-alive\"\nrps = 50\n\
                [app.web.traffic.outside]\nfrom = \"outside\"\nconnections = \"new\"\nrps = 50\n";
    let (outcome, _) = outcome(
        &plan_with("none", &format!("{kept}{strike}"), &["strategy.start='6m'", "app.web.service='LoadBalancer'"]),
        1,
    );
    let lost = |client: &str| outcome.requests.by_client[client].lost;
    // 50 a second for a minute.
    assert!((2_700..3_300).contains(&lost("web/new")), "{:?}", outcome.requests.by_client);
    assert_eq!((lost("web/kept"), lost("web/outside")), (0, 0), "{:?}", outcome.requests.by_client);
    assert_eq!(outcome.requests.by_cause.keys().collect::<Vec<_>>(), ["dns"]);
}

/// client-go tools/leaderelection: a leader gives up 10 s after its last renewal, by its own clock; others wait for 15 s.
#[test]
fn a_leader_whose_clock_is_slow_leads_on_after_another_has_taken_its_lease() {
    let cut = fault("node-link-cut", "target = \"kcm-leader\"\nat = \"1m\"\nlasting = \"2m\"");
    let slow: String =
        (1..=3).map(|n| fault("clock-drift", &format!("target = \"master-{n}\"\nat = \"0s\""))).collect();
    let overlap = |more: &str| {
        let (_, trace) = outcome(&plan_with("none", more, &["strategy.start='4m'"]), 1);
        let of = |lost: bool| {
            times(&trace, |fact| match fact {
                Fact::LeaseTaken { component: Component::ControllerManager, .. } => !lost,
                Fact::LeaseLost { component: Component::ControllerManager, .. } => lost,
                _ => false,
            })
        };
        of(true)[0] - of(false).into_iter().find(|at| *at > 60.0).expect("another takes over")
    };
    assert!(overlap(&cut) < -1.0, "one at a time: {}", overlap(&cut));
    let followers_slow_too = overlap(&format!("{cut}{slow}"));
    assert!(followers_slow_too < 0.0, "all clocks alike do no harm: {followers_slow_too}");
    let leader_only = fault("clock-drift", "target = \"kcm-leader\"\nat = \"1s\"");
    assert!(
        (1.0..12.0).contains(&overlap(&format!("{cut}{leader_only}"))),
        "{}",
        overlap(&format!("{cut}{leader_only}"))
    );
}

#[test]
fn containers_that_never_listen_hold_their_rollout_up_and_come_to_serve_once_they_may() {
    let more = fault("image-never-ready", "target = \"web\"\nat = \"1m\"\nlasting = \"6m\"");
    let (outcome, trace) = outcome(&plan_with("none", &more, &["app.web.restart_at='2m'", "strategy.start='12m'"]), 1);
    assert_eq!(outcome.requests.lost, 0, "{:?}", outcome.reasons);
    let listens = times(&trace, |fact| matches!(fact, Fact::PodListens { .. }));
    assert!(listens.len() >= 3 && listens.iter().all(|at| *at > repaired(&trace)), "{listens:?}");
    assert!(times(&trace, |fact| matches!(fact, Fact::PodRestarted { .. })).is_empty(), "it has no liveness probe");
}
