//! Machines that are refused, fail or never join, and what each tool makes of it.

mod common;

use common::{assert_conserved, finished};
use rollproof::observe::trace::Trace;
use rollproof::scenario::{self, Scenario};
use rollproof::sim::outcome::{Outcome, UpgradeResult};
use rollproof::world::fact::{Fact, Refusal};
use rollproof::world::ids::NodeId;
use rollproof::world::spec::ScaleIn;
use rollproof::world::store::NodeReady;

/// Three masters, three workers in three zones, an app of three pods whose users are outside of the pool; a strategy
/// and whatever else the text brings.
fn plan(strategy: &str, more: &str) -> Scenario {
    let text = format!(
        r#"
        schema = 1
        [cluster]
        version = {{ from = "1.30.4", to = "1.31.1" }}
        [cluster.control_plane]
        replicas = 3
        [[node_pool]]
        name = "workers"
        count = 3
        zones = 3
        machine = "ec2-image"
        [app.web]
        replicas = 3
        spread = "hosts"
        max_skew = 2
        pre_stop = "10s"
        grace = "60s"
        on_sigterm = "drain"
        readiness = {{ period = "2s" }}
        pdb = {{ max_unavailable = 1 }}
        [strategy]
        name = "{strategy}"
        {more}
        "#
    );
    match scenario::parse("machines.toml", &text, &[], None) {
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

fn refusals(trace: &Trace) -> Vec<(f64, Refusal)> {
    let refused = |fact| if let Fact::LaunchRefused { why, .. } = fact { Some(why) } else { None };
    trace.records.iter().filter_map(|r| refused(r.fact).map(|why| (r.at.secs_f64(), why))).collect()
}

/// Workers that were launched, in order.
fn launched(trace: &Trace) -> Vec<NodeId> {
    let of = |fact| if let Fact::MachineLaunched { node } = fact { Some(node) } else { None };
    let all = trace.records.iter().filter_map(|record| of(record.fact));
    all.filter(|node| trace.names.master_of.get(*node).is_some_and(Option::is_none)).collect()
}

/// EKS: "NodeCreationFailure", the update fails; the reference names no time, ours is 15 min.
#[test]
fn a_surge_that_the_quota_refuses_fails_eks_after_its_limit_with_the_old_nodes_untouched() {
    let scenario = plan("eks-managed", "[cluster.cloud]\nquota = 6");
    let (outcome, trace) = outcome(&scenario, 1);
    assert_eq!(outcome.upgrade.result, UpgradeResult::Failed);
    let blocker = outcome.upgrade.blocker.expect("it says why");
    assert!(blocker.contains("the account's quota is spent"), "{blocker}");
    assert_eq!(launched(&trace), [], "no worker was granted");
    assert!(refusals(&trace).iter().all(|(_, why)| *why == Refusal::Quota));
    assert_eq!(outcome.pods.moves, 0);
}

/// Amazon EC2 Auto Scaling retries for ever; ours: 30 s at first, doubling to 5 min.
#[test]
fn a_group_asks_again_with_doubling_pauses_until_its_quota_is_raised() {
    let strike = fault("quota-refused", "at = \"workers:surge-wait\"\nlasting = \"7m\"");
    let (outcome, trace) = outcome(&plan("eks-managed", &strike), 1);
    assert_eq!(outcome.upgrade.result, UpgradeResult::Completed);
    let mut waits: Vec<f64> = Vec::new();
    let all = refusals(&trace);
    let (mut before, first) = (all[0].0, all[0].0);
    for (at, _) in all.iter().filter(|(at, _)| ((at - first) / 30.0).fract().abs() < 1e-6) {
        waits.push((at - before).round());
        before = *at;
    }
    assert_eq!(waits, [0.0, 30.0, 60.0, 120.0]);
}

/// Amazon EC2 Auto Scaling, "Availability Zone distribution".
#[test]
fn an_auto_scaling_group_launches_in_another_zone_and_a_group_of_one_zone_waits() {
    let strike = fault("zone-capacity", "target = \"zone-2\"\nat = \"workers-2:draining\"\nlasting = \"30m\"");
    let zone_of_the_last = |scenario: &Scenario| {
        let (outcome, trace) = outcome(scenario, 3);
        (outcome.upgrade.result, refusals(&trace).len(), outcome.upgrade.seconds)
    };
    let moves = zone_of_the_last(&plan("kops", &strike));
    assert_eq!((moves.0, moves.1), (UpgradeResult::Completed, 0), "it goes elsewhere at once");
    let mut waits = plan("kops", &strike);
    let spec = std::sync::Arc::make_mut(&mut waits.spec);
    let workers = spec.pools.ids().next().expect("a pool");
    spec.pools[workers].group.zone_fallback = false;
    let waits = zone_of_the_last(&waits);
    assert_eq!(waits.0, UpgradeResult::Failed, "kops gives a node 15 minutes to validate");
    assert!(waits.1 > 0);
}

/// Ministry of Justice, 2020-08-07: one master of three was not replaced for 40 minutes.
#[test]
fn a_master_waits_for_its_own_zone_and_leaves_the_others_without_a_margin() {
    let strike = fault("zone-capacity", "target = \"zone-2\"\nat = \"master-2:transition\"\nlasting = \"40m\"");
    let (outcome, trace) = outcome(&plan("kops-1.15", &strike), 1);
    assert!(refusals(&trace).iter().all(|(_, why)| *why == Refusal::Zone));
    let etcd = outcome.etcd.expect("kops shows its etcd");
    assert_eq!((etcd.quorum_breaks, etcd.min_margin), (0, 0));
}

#[test]
fn machines_of_a_bad_image_run_and_never_become_nodes() {
    let image = |effect: &str| {
        let more =
            format!("target = \"workers\"\nat = \"workers:surge-wait\"\nlasting = \"never\"\neffect = \"{effect}\"");
        outcome(&plan("eks-managed", &fault("bad-image", &more)), 1)
    };
    for (effect, up, registers) in
        [("never-boots", false, false), ("never-registers", true, false), ("never-ready", true, true)]
    {
        let (outcome, trace) = image(effect);
        assert_eq!(outcome.upgrade.result, UpgradeResult::Failed, "{effect}");
        let first = launched(&trace)[0];
        let has = |what: &dyn Fn(&Fact) -> bool| trace.records.iter().any(|record| what(&record.fact));
        assert_eq!(has(&|fact| *fact == Fact::MachineUp { node: first }), up, "{effect}");
        let registered = |fact: &Fact| matches!(fact, Fact::NodeRegistered { node, .. } if *node == first);
        assert_eq!(has(&registered), registers, "{effect}");
        assert!(!has(&|fact| *fact == Fact::NodeReadyIs { node: first, ready: NodeReady::True }), "{effect}");
        assert_eq!(outcome.pods.moves, 0, "{effect}: nothing was drained for nodes that never came");
    }
}

/// The group's own health check knows machines, not kubelets.
#[test]
fn a_group_replaces_a_machine_that_does_not_boot_and_keeps_one_that_does_not_join() {
    let launches = |effect: &str| {
        let more =
            format!("target = \"workers\"\nat = \"workers:surge-wait\"\nlasting = \"never\"\neffect = \"{effect}\"");
        let mut scenario = plan("eks-managed", &fault("bad-image", &more));
        let spec = std::sync::Arc::make_mut(&mut scenario.spec);
        let workers = spec.pools.ids().next().expect("a pool");
        spec.pools[workers].group.health_check = rollproof::world::spec::HealthCheckKind::Boot;
        launched(&outcome(&scenario, 1).1).len()
    };
    assert_eq!(launches("never-registers"), 6, "twice the zones");
    assert!(launches("never-boots") > 6);
}

#[test]
fn a_reboot_that_never_returns_stops_a_tool_that_reboots_and_is_mended_by_the_button() {
    let reboots = |lasting: &str| {
        let more = format!("target = \"workers-1\"\nat = \"workers-1:draining\"\nlasting = \"{lasting}\"");
        outcome(&plan("kured", &fault("reboot-never-returns", &more)), 1).0
    };
    assert_eq!(reboots("20m").upgrade.result, UpgradeResult::Completed);
    let never = reboots("never");
    assert_eq!(never.upgrade.result, UpgradeResult::Stalled);
    assert!(never.upgrade.blocker.expect("it says why").contains("workers-1"));
}

#[test]
fn a_kubelet_that_does_not_start_leaves_its_pods_serving_until_they_are_evicted() {
    let more = "target = \"workers-1\"\nat = \"2m\"\nlasting = \"2m\"";
    let (outcome, trace) = outcome(&plan("none", &fault("kubelet-start-failure", more)), 1);
    let ready: Vec<(f64, NodeReady)> = trace
        .records
        .iter()
        .filter_map(|record| match record.fact {
            Fact::NodeReadyIs { ready, .. } => Some((record.at.secs_f64(), ready)),
            _ => None,
        })
        .collect();
    assert_eq!(ready.iter().map(|(_, ready)| *ready).collect::<Vec<_>>(), [NodeReady::Unknown, NodeReady::True]);
    assert!((160.0..180.0).contains(&ready[0].0), "40 to 50 s after its last heartbeat: {ready:?}");
    assert!((240.0..300.0).contains(&ready[1].0), "{ready:?}");
    assert_eq!((outcome.pods.moves, outcome.requests.lost), (0, 0));
}

#[test]
fn a_flapping_node_is_ready_and_not_in_turns_until_its_link_stays() {
    let more = "target = \"workers-1\"\nat = \"2m\"\nlasting = \"6m\"\ndown = \"70s\"\nup = \"50s\"";
    let (_, trace) = outcome(&plan("none", &fault("node-flapping", more)), 1);
    let turns: Vec<NodeReady> = trace
        .records
        .iter()
        .filter_map(|record| match record.fact {
            Fact::NodeReadyIs { ready, .. } => Some(ready),
            _ => None,
        })
        .collect();
    assert_eq!(turns, [NodeReady::Unknown, NodeReady::True].repeat(3));
}

#[test]
fn a_slow_node_drains_more_slowly_by_its_factor() {
    let drained = |more: &str| {
        let (outcome, _) = outcome(&plan("kops", more), 5);
        let of = |step: &&rollproof::sim::outcome::Step| step.unit == "workers-1" && step.phase == "draining";
        let step = outcome.upgrade.steps.iter().find(of).expect("it is drained").clone();
        step.end_s.expect("it ends") - step.start_s
    };
    let more = "target = \"workers-1\"\nat = \"10s\"\nlasting = \"never\"\nfactor = 20";
    let (plain, slow) = (drained(""), drained(&fault("slow-node", more)));
    assert!(slow > plain + 1.0, "{plain} {slow}");
}

#[test]
fn zones_are_those_of_the_machines_not_of_their_places() {
    let strike = fault("zone-capacity", "target = \"zone-1\"\nat = \"workers:surge-wait\"\nlasting = \"never\"");
    let scenario = plan("eks-managed", &strike);
    let run = finished(&scenario, 1, true);
    // All six fall to zones 2 and 3, so that no new node stands in zone 1, for which EKS waits.
    let blocker = run.outcome.upgrade.blocker.expect("it fails");
    assert!(blocker.contains("no new machine is ready in zone 1"), "{blocker}");
    assert_eq!(launched(&run.trace.expect("asked for")).len(), 6);
}

/// Amazon EC2 Auto Scaling: the termination policy; EKS lowers the size of the group step by step.
#[test]
fn who_goes_when_an_eks_group_shrinks_is_its_policy() {
    let last_to_go = |policy: &str| {
        let scenario = plan("eks-managed", "");
        let mut scenario = scenario;
        let spec = std::sync::Arc::make_mut(&mut scenario.spec);
        let workers = spec.pools.ids().next().expect("a pool");
        spec.pools[workers].group.scale_in = if policy == "newest" { ScaleIn::Newest } else { ScaleIn::OldestTemplate };
        let (outcome, trace) = outcome(&scenario, 1);
        assert_eq!(outcome.upgrade.result, UpgradeResult::Completed);
        let new = launched(&trace);
        let off = |record: &rollproof::observe::trace::Record| match record.fact {
            Fact::MachineStopping { node } => new.iter().position(|other| *other == node),
            _ => None,
        };
        trace.records.iter().filter_map(off).collect::<Vec<_>>()
    };
    // Six ahead, then three in place of the old ones.
    let mut oldest = last_to_go("oldest-template");
    oldest.sort_unstable();
    assert_eq!(oldest, [0, 1, 2, 3, 4, 5]);
    let newest = last_to_go("newest");
    assert!(newest.len() == 6 && newest[..3].iter().any(|at| *at >= 6), "the replacements go first: {newest:?}");
}

/// Upgrade blocked by a budget whose pod finds no node: both are named, and what the cloud refused.
#[test]
fn a_stall_names_the_budget_the_pending_pod_and_why_no_node_takes_it() {
    let more = "[app.big]\nreplicas = 6\ncpu = 900\npdb = { max_unavailable = 1 }\n";
    let (outcome, _) = outcome(&plan("kubeadm", more), 1);
    assert_eq!(outcome.upgrade.result, UpgradeResult::Stalled);
    let blocker = outcome.upgrade.blocker.expect("it stalls");
    assert!(blocker.contains("budget big allows no eviction"), "{blocker}");
    assert!(blocker.contains("Pending: 0/") && blocker.contains("lack cpu"), "{blocker}");
}

fn beside(name: &str, more: &str) -> String {
    format!("[[actor]]\nname = \"{name}\"\n{more}\n")
}

#[test]
fn an_autoscaler_takes_the_fresh_surge_nodes_of_a_plan_that_waits_long_between_its_steps() {
    let sized = |text: &str| {
        let mut scenario = plan("eks-managed", text);
        let spec = std::sync::Arc::make_mut(&mut scenario.spec);
        let workers = spec.pools.ids().next().expect("a pool");
        spec.pools[workers].size = Some((1, 20));
        // A kept budget and a long grace make each drain take minutes.
        let web = spec.apps.ids().next().expect("an app");
        spec.apps[web].pre_stop = rollproof::base::Span::mins(6);
        spec.apps[web].grace = rollproof::base::Span::mins(8);
        scenario
    };
    let (alone, _) = outcome(&sized(""), 1);
    let (fought, _) = outcome(&sized(&beside("cluster-autoscaler", "")), 1);
    assert_eq!(alone.upgrade.result, UpgradeResult::Completed);
    let removed = fought.upgrade.remarks.iter().filter(|remark| remark.text.contains("is not needed since"));
    assert!(removed.count() > 0, "{:?}", fought.upgrade.remarks);
    assert!(fought.pods.moves > alone.pods.moves, "{} {}", fought.pods.moves, alone.pods.moves);
    assert!(fought.cost.extra_node_hours < alone.cost.extra_node_hours);
}

#[test]
fn an_autoscaler_that_has_nothing_to_do_leaves_the_run_as_it_is() {
    let with = |text: &str| {
        let mut scenario = plan("kops", text);
        let spec = std::sync::Arc::make_mut(&mut scenario.spec);
        let workers = spec.pools.ids().next().expect("a pool");
        spec.pools[workers].size = Some((3, 3));
        outcome(&scenario, 1).0
    };
    let (alone, with) = (with(""), with(&beside("cluster-autoscaler", "")));
    assert_eq!(alone.digest, with.digest);
    assert!(with.events < alone.events + 300, "{} {}", alone.events, with.events);
}

#[test]
fn a_descheduler_spends_the_budget_that_a_drain_waits_for() {
    let text = beside("descheduler", "interval = \"60s\"");
    let (alone, with) = (outcome(&plan("kops-1.15", ""), 2).0, outcome(&plan("kops-1.15", &text), 2).0);
    let asked = with.upgrade.remarks.iter().filter(|remark| remark.text.contains("asks for the eviction"));
    assert!(asked.count() > 0, "{:?}", with.upgrade.remarks);
    assert!(with.pods.moves > alone.pods.moves);
    assert_eq!(with.pdb_violations, 0);
}

/// An app of two pods that want 16 requests a second each, from four at most of its users' rates.
fn scaled(hpa: &str, steps: &str, more: &str) -> Scenario {
    let text = format!(
        r#"
        [app.shop]
        replicas = 2
        cpu = 100
        readiness = {{ period = "2s" }}
        start_up = "5s"
        hpa = {{ min = 2, max = 8, {hpa} }}
        [app.shop.traffic.all]
        from = "app:web"
        rps = 32
        steps = {steps}
        [app.metrics]
        replicas = 1
        start_up = "4m"
        readiness = {{ period = "10s" }}
        [limits]
        horizon = "30m"
        {more}
        "#
    );
    plan("none", &text)
}

fn scalings(trace: &Trace) -> Vec<(f64, u32)> {
    let of = |fact| if let Fact::AppScaled { replicas, .. } = fact { Some(replicas) } else { None };
    trace.records.iter().filter_map(|record| of(record.fact).map(|to| (record.at.secs_f64(), to))).collect()
}

/// Source: kubernetes podautoscaler: sync 15 s, metrics 15 s old, at most four more or twice as many at once;
/// 5 minutes before fewer.
#[test]
fn an_autoscaler_of_pods_follows_load_up_at_once_and_down_after_five_minutes() {
    let steps = "[{ at = \"5m\", rps = 128 }, { at = \"8m\", rps = 32 }]";
    let (_, trace) = outcome(&scaled("target_cpu = \"80%\", cpu_time = \"5ms\"", steps, ""), 1);
    let all = scalings(&trace);
    assert_eq!(all.iter().map(|(_, to)| *to).collect::<Vec<_>>(), [6, 8, 2], "{all:?}");
    assert!((315.0..331.0).contains(&all[0].0), "{all:?}");
    assert!((all[1].0 - all[0].0 - 15.0).abs() < 1.0 || all[1].0 > all[0].0, "{all:?}");
    assert!((480.0 + 290.0..480.0 + 335.0).contains(&all[2].0), "{all:?}");
}

/// Source: `horizontal.go`: without metrics a sync ends with FailedGetResourceMetric.
#[test]
fn without_metrics_nothing_is_scaled_until_they_are_back() {
    let steps = "[{ at = \"5m\", rps = 64 }]";
    let hpa = "target = 16, metrics = \"metrics\"";
    let dies = "[[fault]]\nkind = \"pod-delete\"\ntarget = \"metrics-0\"\nat = \"290s\"\n";
    let at = |more: &str| {
        let (_, trace) = outcome(&scaled(hpa, steps, more), 1);
        let all = scalings(&trace);
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].0
    };
    let (with, without) = (at(""), at(dies));
    assert!((315.0..331.0).contains(&with), "{with}");
    // The next pod of metrics takes four minutes to start.
    assert!((290.0 + 240.0 + 15.0..290.0 + 240.0 + 90.0).contains(&without), "{without}");
}

#[test]
fn an_app_that_nothing_scales_costs_an_autoscaled_run_nothing() {
    let (steady, _) = outcome(&scaled("target = 16", "[]", ""), 1);
    let (without, _) = outcome(&scaled("target = 16, metrics = \"metrics\"", "[]", ""), 1);
    assert_eq!(steady.digest, without.digest);
    assert!(steady.events.abs_diff(without.events) <= 2, "{} {}", steady.events, without.events);
}

/// A network plugin that each node gets as a pod. Its image comes from a registry.
const PLUGIN: &str = "\
[app.cni]
kind = \"DaemonSet\"
addon = \"cni\"
tolerate_all = true
host_network = true
image_pull = \"20s\"
";

/// When a machine's Node said Ready for the first time.
fn ready_at(trace: &Trace, node: NodeId) -> Option<f64> {
    let ready = |fact| matches!(fact, Fact::NodeReadyIs { node: of, ready: NodeReady::True } if of == node);
    trace.records.iter().find(|record| ready(record.fact)).map(|record| record.at.secs_f64())
}

/// Kubelet: "container runtime network not ready: cni plugin not initialized", `pkg/kubelet/nodestatus`, ReadyCondition.
#[test]
fn a_new_node_is_ready_once_its_network_plugins_pod_has_started_there() {
    let (with, trace) = outcome(&plan("kops", PLUGIN), 1);
    assert_eq!(with.upgrade.result, UpgradeResult::Completed);
    let started = |node: NodeId| {
        let plugin = |fact| match fact {
            Fact::PodStarted { pod } => trace.names.pods[pod].starts_with("cni-") && trace.hosts[pod] == Some(node),
            _ => false,
        };
        trace.records.iter().find(|record| plugin(record.fact)).map(|record| record.at.secs_f64())
    };
    let workers = launched(&trace);
    assert_eq!(workers.len(), 3);
    for node in workers {
        let (ready, plugin) = (ready_at(&trace, node).expect("it joins"), started(node).expect("it has a plugin"));
        assert!((plugin..plugin + 1.0).contains(&ready), "{plugin} {ready}");
    }
}

/// Incident A34 of EKS 1.25 (2024-02): an add-on that did not start on new nodes, none of which got Ready; the group's
/// upgrade failed, the old nodes went on.
#[test]
fn new_nodes_whose_network_plugin_does_not_come_are_never_ready_and_the_plan_stops() {
    let strike = fault("registry-down", "at = \"workers-1:transition\"\nlasting = \"never\"");
    let (stops, trace) = outcome(&plan("kops", &format!("{PLUGIN}{strike}")), 1);
    assert_eq!(stops.upgrade.result, UpgradeResult::Failed, "{:?}", stops.upgrade);
    let ready: Vec<bool> = launched(&trace).iter().map(|node| ready_at(&trace, *node).is_some()).collect();
    assert_eq!(
        ready,
        [true, false],
        "the surge came before, and after the first that does not get Ready none is tried"
    );
    let (_, sound) = outcome(&plan("kops", &strike), 1);
    assert!(
        launched(&sound).iter().all(|node| ready_at(&sound, *node).is_some()),
        "a plugin of the image needs no pull"
    );
}

/// Kubelet: a sandbox without a plugin fails, and is tried again after `backOffPeriod`, 10 s.
#[test]
fn while_its_network_plugin_is_away_a_node_makes_no_sandbox_and_running_pods_go_on() {
    let crashes = fault("image-crash-loop", "target = \"cni\"\nat = \"55s\"\nlasting = \"5m\"");
    let batch = "[app.batch]\nreplicas = 6\nrestart_at = \"65s\"\nreadiness = { period = \"2s\" }\n";
    let users = "[app.web.traffic.new]\nfrom = \"pool:workers\"\nconnections = \"new\"\nrps = 50\n";
    let rolls = format!("restart_at = \"1m\"\nrollout = {{ max_unavailable = 6 }}\n{batch}{users}{crashes}");
    let slowest = |text: &str| {
        let (outcome, trace) = outcome(&plan("none", text), 1);
        assert!(outcome.requests.sent > 1_000 && outcome.requests.lost == 0, "{:?}", outcome.requests);
        let bound =
            |pod| trace.records.iter().find(|r| r.fact == Fact::PodBound { pod, node: trace.hosts[pod].unwrap() });
        let started = |pod| trace.records.iter().find(|r| r.fact == Fact::PodStarted { pod });
        let waits = trace
            .names
            .pods
            .entries()
            .filter(|(_, name)| name.starts_with("batch-"))
            .filter_map(|(pod, _)| Some(started(pod)?.at.since(bound(pod)?.at).as_secs_f64()));
        waits.fold(0.0, f64::max)
    };
    let (with, without) = (slowest(&format!("{PLUGIN}{rolls}")), slowest(&format!("[app.cni]\n{rolls}")));
    assert!(with > 15.0 && without < 10.0, "{with} {without}");
}
