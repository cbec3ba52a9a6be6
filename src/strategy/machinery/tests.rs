//! Plans of the machinery on a small stage, where a machine is Ready 70 s after its launch and pods are gone 12 s after
//! their eviction.

use proptest::prelude::*;

use crate::base::{Span, Time};
use crate::config::{Diagnostics, Reader, Sources, parse, read};
use crate::strategy::catalog::find;
use crate::strategy::stage::{Stage, secs, spec};
use crate::world::store::{ApiError, NodeReady};

/// A strategy with its defaults on one master and two workers.
fn stage(name: &str) -> Stage {
    let strategy = find(name).expect("it is listed");
    Stage::new(spec(1, 2), (strategy.build)(&strategy.entry.defaults()))
}

/// A strategy with these settings, on so many masters and workers.
fn stage_with(name: &str, settings: &str, masters: u32, workers: u32) -> Stage {
    let (mut sources, problems) = (Sources::new(), Diagnostics::new());
    let source = sources.add("settings.toml", settings);
    let table = parse(&sources, source, &problems);
    let mut reader = Reader::new(&table, &problems);
    let strategy = find(name).expect("it is listed");
    let values = read(strategy.entry, &mut reader);
    reader.finish();
    assert!(problems.is_empty(), "{name}: {:?}", problems.sorted());
    Stage::new(spec(masters, workers), (strategy.build)(&values))
}

/// When the first line came that begins so.
fn first(stage: &Stage, begins: &str) -> Option<Time> {
    stage.log.iter().find(|(_, line)| line.starts_with(begins)).map(|(at, _)| *at)
}

fn hours(hours: u64) -> Time {
    secs(hours * 3600)
}

#[test]
fn a_surge_launches_first_and_the_old_machine_goes_only_when_the_new_one_is_ready() {
    let mut stage = stage("gke-surge");
    stage.run_until(hours(1));
    let grown = stage.when("order grow workers by place 3").expect("a machine more");
    let cordoned = stage.when("order cordon workers-1").or(stage.when("order cordon workers-2")).expect("an old one");
    assert!(cordoned >= grown + Span::secs(40 + 60 + 10), "{}", stage.transcript());
    assert_eq!(stage.log.iter().filter(|(_, line)| line.starts_with("order retire")).count(), 2);
    assert_eq!(stage.ended.as_ref().map(|(_, result)| result.clone()), Some(Ok(())), "{}", stage.transcript());
}

#[test]
fn a_static_pod_that_does_not_come_back_moves_the_manifests_of_its_master_back() {
    let mut stage = stage("kubeadm");
    // No swapped pod is ever Ready.
    stage.broken_image = true;
    stage.run_until(hours(1));
    let (at, result) = stage.ended.clone().expect("the command fails");
    assert!(result.expect_err("it fails").contains("did not come back in time"));
    let swaps: Vec<(Time, String)> =
        stage.log.iter().filter(|(_, line)| line.starts_with("order swap")).cloned().collect();
    let [(tried, to), (back, from)] = swaps.as_slice() else { panic!("{}", stage.transcript()) };
    assert!(to.ends_with("to 1.15.7") && from.ends_with("to 1.14.10"), "{to}, {from}");
    assert_eq!((*back, at), (*tried + Span::mins(5), *tried + Span::mins(5)), "{}", stage.transcript());
}

#[test]
fn a_new_machine_that_never_comes_stalls_gke_and_fails_eks_after_its_time_out() {
    for (name, ends) in [("gke-surge", false), ("eks-managed", true)] {
        let mut stage = stage(name);
        stage.run_until(secs(200));
        stage.broken_image = true;
        stage.run_until(hours(10));
        let calls = stage.calls;
        assert_eq!(stage.ended.is_some(), ends, "{name}: {}", stage.transcript());
        stage.run_until(hours(100));
        assert_eq!(stage.calls, calls, "{name} is not called while nothing changes");
    }
}

#[test]
fn an_agent_with_the_lock_keeps_the_others_waiting_without_a_call() {
    let mut stage = stage("kured");
    stage.pod_on("workers-1");
    stage.pod_on("workers-2");
    stage.run_until(hours(3));
    let (calls, cordons) = (stage.calls, stage.log.iter().filter(|(_, line)| line.starts_with("order cordon")).count());
    assert!(cordons <= 2, "{}", stage.transcript());
    stage.run_until(hours(300));
    assert_eq!(stage.calls, calls, "{}", stage.transcript());
}

#[test]
fn a_window_lets_units_begin_on_each_day_while_it_is_open() {
    let opens = Span::mins(60);
    let window = super::Window { opens, lasts: Span::mins(5), every: Span::mins(24 * 60), finishes: false };
    let mut plan = super::Plan::of(
        Span::ZERO,
        vec![super::Stage::of(
            "workers",
            super::Groups::Workers,
            vec![
                super::Step::Transition(super::Transition::Reboot),
                super::Step::Gate(super::parts::node_ready(Span::mins(10))),
            ],
        )],
    );
    plan.window = Some(window);
    let mut stage = Stage::new(spec(1, 2), Box::new(super::Run::new(plan)));
    stage.run_until(hours(100));
    assert_eq!(stage.when("order reboot workers-1"), Some(Time::ZERO + opens), "{}", stage.transcript());
    assert_eq!(stage.when("order reboot workers-2"), Some(hours(25)), "{}", stage.transcript());
}

#[test]
fn a_forked_plan_goes_on_exactly_as_the_first_one() {
    for name in ["cluster-api", "aks-rolling", "canary-pool", "openshift-mco"] {
        let mut whole = stage(name);
        whole.run_until(hours(3));
        let mut forked = stage(name);
        forked.run_until(secs(300));
        forked.actor = forked.actor.clone();
        forked.run_until(hours(3));
        assert_eq!(whole.transcript(), forked.transcript(), "{name}");
    }
}

#[test]
fn a_closed_maintenance_window_launches_nothing_and_a_blue_green_upgrade_outlasts_its_end() {
    let window = "maintenance_window_start = \"2h\"\nmaintenance_window_duration = \"4m\"";
    let mut surge = stage_with("gke-surge", window, 1, 2);
    surge.run_until(hours(80));
    let orders = |stage: &Stage, what: &str| -> Vec<u64> {
        let of = |(at, line): &(Time, String)| line.starts_with(what).then(|| at.since(Time::ZERO).as_nanos());
        stage.log.iter().filter_map(of).map(|nanos| nanos / (3600 * 1_000_000_000)).collect()
    };
    assert_eq!(orders(&surge, "order grow"), [2, 26], "a node a day: {}", surge.transcript());
    let mut blue = stage_with("gke-blue-green", window, 1, 2);
    blue.run_until(hours(80));
    assert_eq!(orders(&blue, "order retire"), [3, 3], "one day, soak and all: {}", blue.transcript());
}

#[test]
fn a_lock_that_expires_lets_the_next_node_reboot_though_the_first_did_not_come_back() {
    for (settings, reboots) in [("", 1), ("lock_ttl = \"30m\"", 3)] {
        let mut stage = stage_with("kured", settings, 1, 2);
        stage.broken_image = true;
        stage.run_until(hours(30));
        let found = stage.log.iter().filter(|(_, line)| line.starts_with("order reboot")).count();
        assert_eq!(found, reboots, "{settings}: {}", stage.transcript());
    }
}

#[test]
fn agents_reboot_within_their_window_of_the_day() {
    let mut stage = stage_with("kured", "start_time = \"22h\"\nend_time = \"2h\"", 1, 2);
    stage.run_until(hours(72));
    let at: Vec<u64> = stage
        .log
        .iter()
        .filter(|(_, line)| line.starts_with("order cordon"))
        .map(|(at, _)| at.since(Time::ZERO).as_nanos() / (3600 * 1_000_000_000) % 24)
        .collect();
    assert_eq!(at.len(), 3, "{}", stage.transcript());
    assert!(at.iter().all(|hour| *hour >= 22 || *hour < 2), "{at:?}");
}

#[test]
fn the_quorum_guard_lets_one_master_go_at_a_time_whatever_max_unavailable_says() {
    let mut stage = stage_with("openshift-mco", "max_unavailable = 3", 3, 3);
    stage.run_until(hours(5));
    assert_eq!(stage.ended.clone().map(|(_, result)| result), Some(Ok(())), "{}", stage.transcript());
    let reboots = |of: &str| -> Vec<Time> {
        let of = format!("order reboot {of}");
        stage.log.iter().filter(|(_, line)| line.starts_with(&of)).map(|(at, _)| *at).collect()
    };
    let (masters, workers) = (reboots("master"), reboots("workers"));
    assert!(masters.windows(2).all(|pair| pair[1] >= pair[0] + Span::secs(70)), "{masters:?}");
    assert_eq!((masters.len(), workers.len()), (3, 3));
    assert!(workers.iter().all(|at| *at == workers[0]), "workers go together: {workers:?}");
}

#[test]
fn openshift_raises_an_alert_after_an_hour_of_draining_and_goes_on() {
    let mut stage = stage("openshift-mco");
    stage.pod_on("workers-1");
    stage.run_until(hours(5));
    let drains = stage.when("begin draining workers-1").expect("it drains");
    assert_eq!(stage.when("remark: alert: drain of workers-1 goes on"), Some(drains + Span::mins(60)));
    assert!(stage.ended.is_none());
}

#[test]
fn a_budget_of_no_node_disrupts_none_and_a_scheduled_one_only_while_it_is_active() {
    let mut never = stage_with("karpenter-drift", "budget = 0", 1, 2);
    never.run_until(hours(200));
    assert_eq!(first(&never, "order cordon"), None, "{}", never.transcript());
    let mut office = stage_with("karpenter-drift", "schedule = \"0s\"\nduration = \"8h\"", 1, 2);
    office.run_until(hours(12));
    assert!(first(&office, "order cordon").is_some_and(|at| at == hours(8)), "{}", office.transcript());
}

#[test]
fn a_termination_grace_period_deletes_a_pod_its_own_grace_before_the_end() {
    let mut stage = stage_with("karpenter-drift", "termination_grace_period = \"30m\"", 1, 1);
    stage.pod_on("workers-1");
    stage.run_until(hours(3));
    let drains = stage.when("begin draining workers-1").expect("it drains");
    let grace = stage.spec.apps.iter().next().expect("web").grace;
    assert_eq!(stage.when("order delete web-0"), Some(drains + Span::mins(30) - grace), "{}", stage.transcript());
}

#[test]
fn gardener_deletes_a_pod_after_its_refused_evictions_and_not_at_the_drains_time_out() {
    let mut stage = stage_with("gardener-mcm", "max_evict_retries = 30", 1, 1);
    stage.pod_on("workers-1");
    stage.run_until(hours(3));
    let tried = stage.when("order evict web-0").expect("it is evicted first");
    assert_eq!(stage.when("order delete web-0"), Some(tried + Span::mins(10)), "{}", stage.transcript());
}

#[test]
fn cluster_api_does_not_wait_for_pods_of_a_node_that_is_not_heard_of() {
    for (ready, ends) in [(NodeReady::Unknown, true), (NodeReady::True, false)] {
        let mut stage = stage("cluster-api");
        stage.pod_on("workers-1");
        stage.allow(1);
        // The kubelet is dead: nobody stops the pod.
        stage.leave = Span::mins(60 * 1000);
        stage.at(secs(400), move |stage| stage.ready(stage.named("workers-1"), ready));
        stage.run_until(hours(3));
        assert_eq!(first(&stage, "order retire workers-1").is_some(), ends, "{}", stage.transcript());
    }
}

#[test]
fn an_operator_who_cancels_in_mid_drain_gets_the_old_nodes_back() {
    for name in ["gke-blue-green", "aks-blue-green", "blue-green-manual"] {
        let mut stage = stage_with(name, "cancel_after = \"3m\"", 1, 2);
        stage.pod_on("workers-1");
        stage.pod_on("workers-2");
        stage.run_until(hours(3));
        let (_, result) = stage.ended.clone().unwrap_or_else(|| panic!("{name}: {}", stage.transcript()));
        assert!(result.expect_err("it goes back").contains("rolled back"), "{name}");
        let back = stage.when("order uncordon workers-1").expect("blue is uncordoned");
        assert!(stage.log.iter().all(|(at, line)| *at < back || !line.starts_with("order grow")), "{name}");
        for green in ["workers-3", "workers-4"] {
            assert!(stage.when(&format!("order cordon {green}")) == Some(back), "{name}: {}", stage.transcript());
            assert!(stage.when(&format!("order retire {green}")).is_some(), "{name}: {}", stage.transcript());
        }
    }
}

/// Source: kubespray roles/upgrade/pre-upgrade/tasks/main.yml, the rescue of its block "Node draining".
#[test]
fn kubespray_uncordons_a_node_whose_drain_has_failed_for_good_unless_told_not_to() {
    let uncordons = "upgrade_node_uncordon_after_drain_failure = false";
    let goes_on = "upgrade_node_fail_if_drain_fails = false";
    for (settings, uncordoned, ends) in [("", true, Err(())), (uncordons, false, Err(())), (goes_on, true, Ok(()))] {
        let mut stage = stage_with("kubespray", settings, 1, 1);
        stage.pod_on("workers-1");
        stage.run_until(hours(3));
        let drained = stage.when("end   draining workers-1").expect("the drain ends");
        let (at, result) = stage.ended.clone().expect("the playbook ends");
        assert_eq!(result.map_err(drop), ends, "{settings}: {}", stage.transcript());
        let back = stage.when("order uncordon workers-1").filter(|back| *back <= drained);
        assert_eq!(back.is_some(), uncordoned, "{settings}: {}", stage.transcript());
        assert!(drained <= at, "{settings}: {}", stage.transcript());
    }
}

#[test]
fn an_eks_control_plane_that_is_not_healthy_in_time_goes_back_to_the_old_version() {
    let mut stage = stage_with("eks-managed", "", 3, 2);
    stage.at(secs(200), |stage| stage.broken_image = true);
    stage.at(secs(1300), |stage| stage.broken_image = false);
    stage.run_until(hours(3));
    let (_, result) = stage.ended.clone().expect("the update ends");
    assert!(result.expect_err("it failed").contains("masters was rolled back"), "{}", stage.transcript());
    assert_eq!(stage.times("template of masters: 1.14.10") + stage.times("order template of masters: 1.14.10"), 1);
    let masters = stage.instances.iter().filter(|machine| machine.running && machine.master.is_some());
    assert!(masters.clone().count() == 3 && masters.clone().all(|machine| machine.version.to_string() == "1.14.10"));
    assert_eq!(first(&stage, "order grow"), None, "no node group is touched");
}

#[test]
fn a_blocked_drain_fails_a_job_at_its_deadline_and_the_node_keeps_its_place() {
    let mut stage = stage_with("system-upgrade-controller", "agent_concurrency = 1", 1, 2);
    stage.pod_on("workers-1");
    stage.pod_on("workers-2");
    stage.run_until(hours(30));
    let cordons = stage.log.iter().filter(|(_, line)| line.starts_with("order cordon workers")).count();
    assert_eq!((cordons, stage.ended.is_none()), (1, true), "{}", stage.transcript());
    let (from, to) = (first(&stage, "begin draining workers"), first(&stage, "remark: failed to drain"));
    let took = to.expect("the Job fails").since(from.expect("it drains"));
    assert!((Span::mins(15)..Span::mins(15) + Span::secs(6)).contains(&took), "{took}");
}

#[test]
fn a_tool_that_dies_at_any_moment_and_is_started_again_finishes_with_as_many_machines() {
    let names = [
        "kops",
        "kubeadm",
        "cluster-api",
        "gke-surge",
        "gke-blue-green",
        "eks-managed",
        "aks-rolling",
        "aks-blue-green",
        "karpenter-drift",
        "system-upgrade-controller",
        "talos-k8s",
        "talos-os",
        "openshift-mco",
        "gardener-mcm",
        "kured",
    ];
    for name in names {
        for died in [90, 170, 300, 420, 500, 700, 900] {
            let mut stage = stage_with(name, "", 3, 2);
            stage.run_until(secs(died));
            let finished = stage.ended.is_some();
            let strategy = find(name).expect("it is listed");
            stage.run_anew((strategy.build)(&strategy.entry.defaults()), secs(died + 60));
            stage.run_until(hours(40));
            let told = |stage: &Stage| format!("{name} at {died}: {}", stage.transcript());
            assert_eq!(stage.ended.clone().map(|(_, result)| result), Some(Ok(())), "{}", told(&stage));
            stage.goes_on();
            let running = stage.instances.iter().filter(|machine| machine.running).count();
            assert_eq!(running, 5, "{}", told(&stage));
            let cordoned = stage
                .instances
                .entries()
                .filter(|(node, machine)| machine.running && stage.store.nodes().now(*node).unschedulable);
            assert!(finished || cordoned.count() == 0, "{}", told(&stage));
        }
    }
}

#[test]
fn a_plan_that_a_pod_of_two_budgets_keeps_says_so_whatever_its_tool_does_then() {
    for name in
        ["kubeadm", "cluster-api", "gke-surge", "eks-managed", "aks-rolling", "karpenter-drift", "openshift-mco"]
    {
        let strategy = find(name).expect("it is listed");
        let actor = (strategy.build)(&strategy.entry.defaults());
        let mut stage = Stage::new(Stage::with_two_budgets(spec(1, 2)), actor);
        for worker in ["workers-1", "workers-2"] {
            stage.pod_on(worker);
        }
        stage.run_until(hours(9));
        assert!(stage.ended.is_some() || !stage.orders.blocked.is_empty(), "{name}: {}", stage.transcript());
    }
}

#[test]
fn last_nights_window_over_midnight_is_open_until_it_closes() {
    let night = super::Window {
        opens: Span::secs(22 * 3600),
        lasts: Span::secs(6 * 3600),
        every: Span::mins(24 * 60),
        finishes: false,
    };
    let closed_until = |at| night.closed_until(at);
    assert_eq!((closed_until(hours(0)), closed_until(secs(4 * 3600 - 1))), (None, None));
    assert_eq!((closed_until(hours(4)), closed_until(hours(21))), (Some(hours(22)), Some(hours(22))));
    assert_eq!((closed_until(hours(22)), closed_until(hours(27))), (None, None));
    assert_eq!((closed_until(hours(28)), night.open_until(hours(1))), (Some(hours(46)), Some(hours(4))));
    let evening = super::Window { lasts: Span::secs(3600), ..night };
    assert_eq!(evening.closed_until(hours(0)), Some(hours(22)));
}

/// What the surroundings of a plan do, at a moment in milliseconds.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Allow(u64, u32),
    Silence(u64, u64),
    Unready(u64, u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    let moment = 55_000..900_000_u64;
    prop_oneof![
        (moment.clone(), 0..3_u32).prop_map(|(at, allowed)| Happening::Allow(at, allowed)),
        (moment.clone(), 1..20_000_u64).prop_map(|(at, lasting)| Happening::Silence(at, lasting)),
        (moment, 1..90_000_u64).prop_map(|(at, lasting)| Happening::Unready(at, lasting)),
    ]
}

fn eventful(happenings: &[Happening], name: &str, eager: bool) -> String {
    let mut stage = stage(name);
    stage.eager = eager;
    for worker in ["workers-1", "workers-1", "workers-2"] {
        stage.pod_on(worker);
    }
    let after = |millis| Time::ZERO + Span::millis(millis);
    for happening in happenings.iter().copied() {
        match happening {
            Happening::Allow(at, allowed) => stage.at(after(at), move |stage| stage.allow(allowed)),
            Happening::Silence(at, lasting) => {
                stage.at(after(at), |stage| stage.set_api(Err(ApiError::Timeout)));
                stage.at(after(at + lasting), |stage| stage.set_api(Ok(())));
            }
            Happening::Unready(at, lasting) => {
                stage.at(after(at), |stage| stage.ready(stage.named("workers-2"), NodeReady::False));
                stage.at(after(at + lasting), |stage| stage.ready(stage.named("workers-2"), NodeReady::True));
            }
        }
    }
    stage.run_until(Time::ZERO + Span::mins(40));
    stage.transcript()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::base::cases(48)))]

    #[test]
    fn looking_only_after_changes_finds_what_looking_at_every_tick_finds(
        happenings in prop::collection::vec(happening(), 0..8),
        name in prop::sample::select(vec![
            "kubeadm", "cluster-api", "gke-surge", "eks-managed", "aks-rolling", "karpenter-drift", "talos-os",
            "openshift-mco", "gardener-mcm", "canary-pool",
        ]),
    ) {
        prop_assert_eq!(eventful(&happenings, name, false), eventful(&happenings, name, true), "{}", name);
    }
}
