//! Control planes: skew, members that come and go, kops' masters, walks over several minors. T1, T2, T5 and T6 hold what
//! the orchestrators' sources say.

mod common;

use common::{assert_conserved, path};
use rollproof::observe::trace::Record;
use rollproof::scenario::{self, Scenario};
use rollproof::sim::outcome::{Outcome, UpgradeResult, Verdict};
use rollproof::sim::{self, Finished, Watch};
use rollproof::strategy::{CATALOG, StrategyEntry, Target};
use rollproof::world::fact::Fact;
use rollproof::world::ids::{MasterId, NodeId};
use rollproof::world::membership::Membership;

/// A shipped scenario under another strategy, with overrides.
fn load(name: &str, strategy: Option<&str>, overrides: &[&str]) -> Scenario {
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    match scenario::load(&path(name), &overrides, strategy) {
        Ok(scenario) => scenario,
        Err(refused) => panic!("{name} under {strategy:?} does not load:\n{refused}"),
    }
}

fn finished(scenario: &Scenario, seed: u64) -> Finished {
    match sim::run(scenario, seed, Watch { trace: true, ..Watch::default() }) {
        Ok(finished) => {
            assert_conserved(&finished.outcome);
            finished
        }
        Err(error) => panic!("{}, seed {seed}: {error}", scenario.strategy.name()),
    }
}

fn records(finished: &Finished) -> &[Record] {
    &finished.trace.as_ref().expect("it was kept").records
}

/// Masters that were told to stop, by the order of their machines.
fn stopped(finished: &Finished) -> Vec<u32> {
    let stops = records(finished).iter().filter_map(|record| match record.fact {
        Fact::MachineStopping { node: NodeId(node) } if node < 3 => Some(node + 1),
        _ => None,
    });
    stops.collect()
}

/// Strategies that need no stages of the user's.
fn names() -> impl Iterator<Item = &'static str> {
    CATALOG.iter().map(|strategy| strategy.entry.name).filter(|name| *name != "plan")
}

/// A master's kubelet restarts before its API server (kubespray playbooks/upgrade_cluster.yml: roles kubernetes/node, then
/// kubernetes/control-plane): each minor breaks the policy. No other tool does so.
fn breaks_the_skew_policy(name: &str) -> bool {
    name == "kubespray"
}

#[test]
fn t1_any_accepted_plan_keeps_the_skew_policy_and_none_may_skip_a_minor() {
    for name in names() {
        let run = finished(&load("book-ch18", Some(name), &[]), 1).outcome;
        assert_eq!(run.skew_violations > 0, breaks_the_skew_policy(name), "{name}: {}", run.skew_violations);
        let skip = ["cluster.version.to=\"1.16.0\"".to_owned()];
        let refused = scenario::load(&path("book-ch18"), &skip, Some(name)).expect_err("it skips a minor").to_string();
        assert!(refused.contains("lets no API server skip a minor version"), "{name}: {refused}");
        assert!(refused.contains("strategy.hops") && refused.contains("only kops"), "{name}: {refused}");
    }
}

#[test]
fn t1_every_strategy_walks_three_minors_and_keeps_the_skew_policy_at_each() {
    // Others upgrade nothing, or what a script of their own says.
    let upgrades = |strategy: &&&StrategyEntry| strategy.target == Target::Needed;
    for name in CATALOG.iter().filter(upgrades).map(|strategy| strategy.entry.name) {
        for nodes in ["walk", "jump"] {
            let nodes = format!("strategy.hop_nodes=\"{nodes}\"");
            let run = finished(&load("hops", Some(name), &[&nodes, "app.web.traffic.new.rps=1"]), 1).outcome;
            assert_eq!(
                run.skew_violations > 0,
                breaks_the_skew_policy(name),
                "{name}, {nodes}: {}",
                run.skew_violations
            );
            assert_eq!(run.upgrade.result, UpgradeResult::Completed, "{name}, {nodes}: {:?}", run.upgrade.blocker);
        }
    }
}

#[test]
fn hops_that_are_listed_must_walk_each_minor() {
    let load = |hops: &str| {
        let hops = [format!("strategy.hops={hops}")];
        scenario::load(&path("hops"), &hops, None).map_err(|refused| refused.to_string())
    };
    assert!(load(r#"["1.15.7", "1.16.9"]"#).is_ok());
    assert!(load(r#"["1.15.7", "1.16.9", "1.17.17"]"#).is_ok());
    let refused = load(r#"["1.16.9"]"#).expect_err("it skips 1.15");
    assert!(refused.contains("from 1.14.10 to 1.16.9") && refused.contains("list a version of 1.15"), "{refused}");
    assert!(load(r#""all""#).is_err());
}

#[test]
fn etcd_walks_its_own_minors_with_the_control_plane() {
    let run = finished(&load("hops", None, &[]), 1);
    assert_eq!((run.outcome.verdict, run.outcome.requests.lost), (Verdict::Holds, 0), "{:?}", run.outcome.reasons);
    assert!(!records(&run).iter().any(|record| matches!(record.fact, Fact::MemberRefused { .. })));
    let hops: Vec<&str> = run.outcome.upgrade.remarks.iter().map(|remark| remark.text.as_str()).collect();
    assert!(hops.contains(&"hop 1 of 3 is done: 1.15.12") && hops.contains(&"hop 2 of 3 is done: 1.16.15"), "{hops:?}");
}

// Kubernetes documentation, "Deprecated API Migration Guide": clients of a version that is gone get 404.
#[test]
fn an_app_that_reads_an_api_that_a_hop_removes_starts_no_more_pods() {
    let uses = r#"app.web.uses_apis=["extensions/v1beta1/Deployment"]"#;
    let scenario = load("hops", None, &[uses]);
    assert!(scenario.warnings.to_string().contains("1.16 serves no more"), "{}", scenario.warnings);
    let run = finished(&scenario, 1);
    assert!(records(&run).iter().any(|record| matches!(record.fact, Fact::ApiMissed { .. })));
    assert_ne!(run.outcome.verdict, Verdict::Holds);
    let blocker = run.outcome.upgrade.blocker.expect("its budget lets no other pod go");
    assert!(blocker.contains("web"), "{blocker}");
    let served = finished(&load("book-ch18", None, &[uses]), 1).outcome;
    assert_eq!(served.verdict, Verdict::Holds, "1.15 serves it still");
}

#[test]
fn t2_kops_takes_down_one_member_at_a_time_and_a_master_takes_at_least_its_waits() {
    let outcome = finished(&load("book-ch18", Some("kops"), &[]), 1).outcome;
    let etcd = outcome.etcd.as_ref().expect("kops shows etcd");
    assert_eq!((etcd.min_members, etcd.quorum_breaks), (2, 0));
    let begins = |unit: &str| {
        let step = outcome.upgrade.steps.iter().find(|step| step.unit == unit && step.phase == "cordoned");
        step.unwrap_or_else(|| panic!("{unit} has its turn")).start_s
    };
    for (one, next) in [("master-1", "master-2"), ("master-2", "master-3")] {
        assert!(begins(next) - begins(one) >= 5.0 + 15.0 + 10.0, "{one}");
    }
}

/// The book's cluster under a kops, with masters that take twelve minutes to boot; `faults` as a TOML array.
fn slow_masters(strategy: &str, faults: &str) -> Finished {
    let faults = format!("fault={faults}");
    let machine = r#"cluster.control_plane.machine={ preset = "ec2", boot = "12m" }"#;
    finished(&load("book-ch18", Some(strategy), &[machine, &faults]), 1)
}

/// A false positive of eight seconds over the gate's second look: the interval and 30 s after the termination.
const FALSE_POSITIVE: &str = r#"[{ kind = "false-health", at = "master-1:soak", offset = "OFFSET" }]"#;

// kops pkg/instancegroups at 1.9 and at HEAD; issues 4665, 5227, 8070, 9983.
#[test]
fn t5_an_error_in_the_first_master_group_stops_kops_and_a_truthful_validation_stops_kops_2018_before_the_next() {
    let old = slow_masters("kops-2018", "[]");
    assert_eq!(old.outcome.upgrade.result, UpgradeResult::Failed);
    assert_eq!(stopped(&old), [1], "the second master is not touched");
    assert_eq!(old.outcome.etcd.expect("it shows etcd").quorum_breaks, 0);
    let new = finished(
        &load("book-ch18", Some("kops"), &[r#"cluster.control_plane.machine={ preset = "ec2", boot = "40m" }"#]),
        1,
    );
    assert_eq!((new.outcome.upgrade.result, stopped(&new)), (UpgradeResult::Failed, vec![1]));
}

#[test]
fn t5_a_false_positive_leads_kops_2018_to_break_the_quorum_and_a_second_look_keeps_kops_from_it() {
    let old = slow_masters("kops-2018", &FALSE_POSITIVE.replace("OFFSET", "5m26s"));
    assert!(stopped(&old).starts_with(&[1, 2]), "{:?}", stopped(&old));
    assert!(old.outcome.etcd.expect("it shows etcd").quorum_breaks > 0);
    let new = slow_masters("kops", &FALSE_POSITIVE.replace("OFFSET", "41s"));
    assert_eq!(new.outcome.etcd.expect("it shows etcd").quorum_breaks, 0);
    assert_eq!(new.outcome.upgrade.result, UpgradeResult::Completed, "{:?}", new.outcome.upgrade.blocker);
}

/// The member that led when each old master's machine was told to stop.
fn leaders_at_stops(run: &Finished) -> Vec<(u32, Option<MasterId>)> {
    let (mut leader, mut found) = (None, Vec::new());
    for record in records(run) {
        match record.fact {
            Fact::MemberLeads { member, .. } => leader = Some(member),
            Fact::MachineStopping { node: NodeId(node) } if node < 3 => found.push((node, leader)),
            _ => {}
        }
    }
    found
}

// cluster-api controlplane/kubeadm/reconcilers/kubeadmcontrolplane.
#[test]
fn t6_cluster_api_with_a_surge_never_has_fewer_healthy_voters_than_masters() {
    for seed in 1..=10 {
        let run = finished(&load("kcp-surge", None, &[]), seed);
        let etcd = run.outcome.etcd.as_ref().expect("it shows etcd");
        assert_eq!(run.outcome.upgrade.result, UpgradeResult::Completed, "{:?}", run.outcome.upgrade.blocker);
        assert_eq!((etcd.min_members, etcd.quorum_breaks), (3, 0), "seed {seed}");
        let stops = leaders_at_stops(&run);
        assert_eq!(stops.len(), 3, "seed {seed}: each old master goes once");
        for (master, leader) in stops {
            assert_ne!(leader, Some(MasterId(master)), "seed {seed}: the leader is never on a machine that is deleted");
        }
        let standing = |of: Membership| {
            records(&run).iter().filter(|r| matches!(r.fact, Fact::MemberIs { standing, .. } if standing == of)).count()
        };
        assert_eq!((standing(Membership::Learner), standing(Membership::Voter)), (3, 3), "seed {seed}");
        assert_eq!(standing(Membership::Removed), 3, "seed {seed}");
    }
}

#[test]
fn t6_without_a_surge_it_dips_by_one_voter() {
    for seed in 1..=10 {
        let run = finished(&load("kcp-surge", None, &["strategy.control_plane_max_surge=0"]), seed);
        let etcd = run.outcome.etcd.as_ref().expect("it shows etcd");
        assert_eq!(run.outcome.upgrade.result, UpgradeResult::Completed, "{:?}", run.outcome.upgrade.blocker);
        assert_eq!((etcd.min_members, etcd.quorum_breaks), (2, 0), "seed {seed}");
        assert!(leaders_at_stops(&run).iter().all(|(master, leader)| *leader != Some(MasterId(*master))));
    }
}

#[test]
fn t6_a_member_stays_while_its_removal_would_break_the_quorum() {
    let fault =
        r#"fault=[{ kind = "etcd-member-stop", target = "master-2", at = "master-1:cordoned", lasting = "5m" }]"#;
    let run = finished(&load("kcp-surge", None, &["strategy.control_plane_max_surge=0", fault]), 1);
    let removed = records(&run).iter().find(|r| matches!(r.fact, Fact::MemberIs { standing: Membership::Removed, .. }));
    let struck = records(&run).iter().find(|r| matches!(r.fact, Fact::FaultRepaired { .. })).expect("it is mended");
    assert!(removed.expect("in the end it goes").at > struck.at);
    assert_eq!(run.outcome.etcd.as_ref().expect("it shows etcd").quorum_breaks, 0);
    assert_eq!(run.outcome.upgrade.result, UpgradeResult::Completed);
}

#[test]
fn up_to_1_28_a_new_member_votes_before_it_has_ever_run() {
    let run = finished(&load("kcp-surge", None, &["cluster.version={ from = \"1.27.9\", to = \"1.28.4\" }"]), 1);
    assert!(!records(&run).iter().any(|r| matches!(r.fact, Fact::MemberIs { standing: Membership::Learner, .. })));
    assert!(records(&run).iter().any(|r| matches!(r.fact, Fact::QuorumIs { up: 3, voters: 4 })));
    let etcd = run.outcome.etcd.expect("it shows etcd");
    assert_eq!((etcd.min_margin, etcd.quorum_breaks), (0, 0), "three of four are up, and three make the majority");
}

#[test]
fn a_surge_of_none_needs_three_masters() {
    let overrides = ["strategy.control_plane_max_surge=0".to_owned(), "cluster.control_plane.replicas=1".to_owned()];
    let refused = scenario::load(&path("kcp-surge"), &overrides, None).expect_err("one master").to_string();
    assert!(refused.contains("needs 3 masters"), "{refused}");
    let single = load("kcp-surge", None, &["cluster.control_plane.replicas=1"]);
    let outcome: Outcome = finished(&single, 1).outcome;
    assert_eq!(outcome.upgrade.result, UpgradeResult::Completed, "{:?}", outcome.upgrade.blocker);
}

/// The server that a tool was connected to is gone, and its next connection meets it again, since the load balancer has
/// not noticed yet: nothing in the cluster changes any more, and yet the tool's next look dials another server.
#[test]
fn a_tool_whose_connection_was_refused_dials_again_at_its_next_look() {
    let outcome = common::run(&load("flaws/masters-without-surge-repaired", None, &[]), 23);
    assert_eq!(outcome.upgrade.result, UpgradeResult::Completed, "{:?}", outcome.upgrade.blocker);
}
