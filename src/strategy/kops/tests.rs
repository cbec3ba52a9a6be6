//! Whole rolls on a small stage, where a replacement is Ready 110 s after its machine's termination (a master's static
//! pods 5 s later), and pods are gone 12 s after their eviction.

use proptest::prelude::*;

use crate::base::{IntOrPercent, Span, Time};
use crate::config::{Diagnostics, Reader, Sources, parse, read};
use crate::strategy::catalog::find;
use crate::strategy::stage::{Stage, secs, spec};
use crate::world::ids::{MasterId, PoolId};
use crate::world::spec::Spec;
use crate::world::store::{ApiError, NodeReady};

/// This preset on this cluster, with these settings beside the defaults.
fn stage(spec: Spec, preset: &str, text: &str) -> Stage {
    let (mut sources, problems) = (Sources::new(), Diagnostics::new());
    let id = sources.add("test", text);
    let table = parse(&sources, id, &problems);
    let mut reader = Reader::new(&table, &problems);
    let strategy = find(preset).expect("a preset");
    let values = read(strategy.entry, &mut reader);
    reader.finish();
    assert!(problems.is_empty(), "{:?}", problems.sorted());
    Stage::new(spec, (strategy.build)(&values))
}

/// One master, and two groups of one worker each: `clients` and `workers`, both upgraded.
fn two_groups() -> Spec {
    let mut spec = spec(1, 1);
    spec.pools[PoolId(1)].count = 1;
    spec.pools[PoolId(1)].upgrade = true;
    spec
}

fn outcome(stage: &Stage) -> Result<(), String> {
    stage.ended.clone().unwrap_or_else(|| panic!("not ended:\n{}", stage.transcript())).1
}

fn at(stage: &Stage, text: &str) -> Time {
    stage.when(text).unwrap_or_else(|| panic!("`{text}` never happened:\n{}", stage.transcript()))
}

fn hours(hours: u64) -> Time {
    secs(3600 * hours)
}

#[test]
fn a_roll_of_one_master_and_one_worker_reads_as_kops_would_do_it() {
    let mut stage = stage(spec(1, 1), "kops", "");
    stage.pod_on("workers-1");
    stage.allow(1);
    stage.run_until(hours(1));
    assert_eq!(stage.transcript(), include_str!("transcript.txt"), "\n{}", stage.transcript());
}

#[test]
fn masters_are_replaced_one_after_another_each_behind_two_validations() {
    let mut stage = stage(spec(3, 0), "kops", "");
    stage.run_until(hours(1));
    assert_eq!(outcome(&stage), Ok(()));
    let ends: Vec<Time> = (1..=3).map(|n| at(&stage, &format!("order terminate master-{n}"))).collect();
    // 15 s interval; ready 115 s after the end, found at the fifth look 30 s apart; once more after 10 s; then the first
    // validation of the next group, three API calls of 10 ms (taint, cordon, label), and 5 s after an empty drain.
    let step = Span::secs(15 + 4 * 30 + 10 + 5) + Span::millis(30);
    assert_eq!(ends[1], ends[0] + step, "{}", stage.transcript());
    assert_eq!(ends[2], ends[1] + step, "{}", stage.transcript());
    assert!(at(&stage, "end   joining master-1") < ends[1]);
}

#[test]
fn no_worker_is_touched_before_the_last_master_is_done() {
    let mut stage = stage(spec(3, 2), "kops", "");
    stage.run_until(hours(2));
    assert_eq!(outcome(&stage), Ok(()));
    let first = at(&stage, "order taint workers-1").min(at(&stage, "order detach workers-2"));
    assert!(first > at(&stage, "end   gate master-3"), "{}", stage.transcript());
}

#[test]
fn a_drain_blocked_for_its_deadline_fails_its_group_and_the_next_group_is_begun() {
    let mut stage = stage(two_groups(), "kops", "instance_group_roles = \"node\"");
    stage.pod_on("clients-1");
    stage.run_until(hours(2));
    let begun = at(&stage, "begin draining clients-1");
    let ended = at(&stage, "end   draining clients-1");
    assert!(ended >= begun + Span::mins(15) && ended <= begun + Span::mins(15) + Span::secs(5), "{ended}");
    let node = stage.named("clients-1");
    assert!(stage.store.nodes().now(node).unschedulable && stage.instances[node].running);
    assert!(at(&stage, "order terminate workers-1") > ended);
    let why = outcome(&stage).expect_err("a group failed");
    assert!(why.starts_with("group clients: failed to drain node clients-1"), "{why}");
}

#[test]
fn a_failed_drain_that_is_ignored_terminates_the_machine_all_the_same() {
    let mut stage = stage(two_groups(), "kops", "fail_on_drain_error = false\ninstance_groups = \"clients\"");
    stage.pod_on("clients-1");
    stage.run_until(hours(2));
    assert_eq!(outcome(&stage), Ok(()));
    assert_eq!(stage.times("order terminate clients-1"), 1);
    assert_eq!(stage.times("order terminate workers-1"), 0);
}

#[test]
fn a_blocked_drain_of_a_master_stops_the_run_at_once() {
    let mut stage = stage(spec(3, 1), "kops", "");
    stage.pod_on("master-1");
    stage.run_until(hours(2));
    let ended = at(&stage, "end   draining master-1");
    assert_eq!(stage.ended.as_ref().map(|(at, _)| *at), Some(ended), "{}", stage.transcript());
    assert!(outcome(&stage).is_err());
    assert_eq!(stage.times("order cordon master-2") + stage.times("order taint workers-1"), 0);
}

#[test]
fn a_gate_that_never_passes_stops_the_run_at_most_half_a_minute_late() {
    let mut stage = stage(spec(3, 1), "kops", "validation_timeout = \"15m10s\"");
    stage.broken_image = true;
    stage.run_until(hours(2));
    let begun = at(&stage, "begin gate master-1");
    let gates: Vec<Time> = stage.log.iter().filter(|(_, l)| l == "end   gate master-1").map(|(at, _)| *at).collect();
    // The gate before the group passes at once; the one after the machine is the second.
    assert_eq!((gates[0], gates.len()), (begun, 2), "{}", stage.transcript());
    let opened = at(&stage, "end   soak master-1");
    assert_eq!(gates[1], opened + Span::secs(930), "{}", stage.transcript());
    assert_eq!(stage.ended.as_ref().map(|(at, _)| *at), Some(gates[1]));
}

#[test]
fn the_gate_of_1_15_gives_up_exactly_at_its_time_out() {
    let mut stage = stage(spec(3, 1), "kops-1.15", "validation_timeout = \"15m10s\"");
    stage.broken_image = true;
    stage.run_until(hours(2));
    let ended = stage.ended.as_ref().map(|(at, _)| *at);
    assert_eq!(ended, Some(at(&stage, "end   soak master-1") + Span::secs(910)), "{}", stage.transcript());
}

#[test]
fn a_worker_of_another_group_that_fails_holds_up_1_15_but_not_kops_of_today() {
    for (preset, passes) in [("kops", true), ("kops-1.15", false)] {
        let mut stage = stage(two_groups(), preset, "instance_groups = \"clients\"");
        stage.at(secs(100), |stage| stage.ready(stage.named("workers-1"), NodeReady::Unknown));
        stage.run_until(hours(2));
        assert_eq!(outcome(&stage).is_ok(), passes, "{preset}:\n{}", stage.transcript());
    }
}

#[test]
fn an_error_in_the_first_masters_group_stops_kops_but_not_kops_of_2018() {
    for (preset, touched) in [("kops", 0), ("kops-1.15", 0), ("kops-2018", 1)] {
        let mut stage = stage(Stage::with_two_budgets(spec(3, 0)), preset, "");
        stage.pod_on("master-1");
        stage.run_until(hours(2));
        let why = outcome(&stage).expect_err("a group failed");
        assert!(why.contains("group master-1: failed to drain node master-1"), "{why}");
        assert_eq!(stage.times("order terminate master-1"), 0);
        assert_eq!(stage.times("order terminate master-2"), touched, "{preset}:\n{}", stage.transcript());
    }
}

#[test]
fn kops_of_2018_leaves_the_second_master_alone_while_a_truthful_validation_sees_the_first_missing() {
    for (text, touched) in [("", 0), ("fail_on_validate_error = false", 1), ("cloudonly = true", 1)] {
        let mut stage = stage(spec(3, 0), "kops-2018", text);
        stage.broken_image = true;
        stage.run_until(hours(2));
        assert_eq!(stage.times("order terminate master-2"), touched, "{text}:\n{}", stage.transcript());
    }
}

#[test]
fn a_false_positive_shorter_than_the_recheck_is_caught_by_two_validations_and_not_by_one() {
    for (preset, caught) in [("kops", true), ("kops-1.15", false)] {
        let mut stage = stage(spec(3, 0), preset, "start = \"0s\"");
        stage.run_until(secs(140));
        let end = at(&stage, "order terminate master-1");
        let look = end + Span::secs(15 + 4 * 30);
        stage.at(look + Span::secs(3), |stage| {
            stage.set_static_pods(MasterId(0), false);
            stage.ready(stage.named("master-1-2"), NodeReady::False);
        });
        stage.at(look + Span::secs(50), |stage| {
            stage.set_static_pods(MasterId(0), true);
            stage.ready(stage.named("master-1-2"), NodeReady::True);
        });
        stage.run_until(hours(1));
        let next = at(&stage, "order cordon master-2");
        if caught {
            // Found false after 10 s, false after 40 s, good after 70 s and 80 s.
            assert_eq!(next, look + Span::secs(80) + Span::millis(10), "{}", stage.transcript());
        } else {
            assert_eq!(next, look, "{}", stage.transcript());
        }
    }
}

#[test]
fn a_gate_that_waits_is_called_only_when_something_changes() {
    let mut stage = stage(spec(1, 0), "kops", "validation_timeout = \"100h\"");
    stage.broken_image = true;
    stage.run_until(secs(300));
    let calls = stage.calls;
    stage.run_until(hours(99));
    assert_eq!(stage.calls, calls, "{}", stage.transcript());
}

#[test]
fn the_first_of_a_group_without_any_updated_machine_is_detached_and_validated_alone() {
    let mut stage = stage(spec(1, 4), "kops", "max_surge = 2\ninstance_groups = \"workers\"");
    stage.run_until(hours(2));
    assert_eq!(outcome(&stage), Ok(()));
    let (canary, second) = (at(&stage, "order detach workers-4"), at(&stage, "order detach workers-3"));
    assert!(second > canary + Span::secs(110), "{}", stage.transcript());
    // Two at a time from then on, attached ones first.
    assert_eq!(at(&stage, "order cordon workers-1"), at(&stage, "order cordon workers-2"));
    assert!(at(&stage, "order cordon workers-3") > at(&stage, "order terminate workers-1"));
    assert_eq!(stage.times("begin transition workers-3"), 1);
}

#[test]
fn without_surge_the_canary_is_the_first_machine_that_is_drained() {
    let mut stage = stage(spec(1, 4), "kops", "max_surge = 0\nmax_unavailable = 2\ninstance_groups = \"workers\"");
    stage.run_until(hours(2));
    assert_eq!(outcome(&stage), Ok(()));
    let cordoned = |n| at(&stage, &format!("order cordon workers-{n}"));
    assert!(cordoned(2) > at(&stage, "end   joining workers-1"), "{}", stage.transcript());
    assert_eq!(cordoned(2), cordoned(3), "{}", stage.transcript());
}

#[test]
fn surge_and_unavailable_both_zero_mean_one_at_a_time() {
    let settings = "max_surge = 0\nmax_unavailable = \"1%\"\ninstance_groups = \"workers\"";
    let mut stage = stage(spec(1, 2), "kops", settings);
    stage.run_until(hours(1));
    assert_eq!(outcome(&stage), Ok(()));
    assert!(at(&stage, "order cordon workers-2") > at(&stage, "end   joining workers-1"));
    assert_eq!(IntOrPercent::Percent(1).of_rounding_down(2), 0);
}

#[test]
fn a_cluster_on_its_target_needs_no_update_unless_forced() {
    for (text, terminated) in [("", 0), ("force = true", 1)] {
        let mut same = spec(1, 1);
        same.control_plane.from = same.control_plane.to;
        let mut stage = stage(same, "kops", text);
        stage.run_until(hours(1));
        assert_eq!(outcome(&stage), Ok(()));
        assert_eq!(stage.times("order terminate master-1"), terminated);
        assert_eq!(stage.times("remark: no update needed"), 1 - terminated);
    }
}

#[test]
fn a_group_that_does_not_exist_is_an_error_and_not_an_empty_run() {
    let mut stage = stage(spec(1, 1), "kops", "instance_groups = \"master-1, wrokers\"");
    stage.run_until(hours(1));
    assert_eq!(outcome(&stage), Err("no instance group is called `wrokers`".to_owned()));
    assert_eq!(stage.times("order terminate master-1"), 0);
}

#[test]
fn a_pool_that_the_plan_leaves_alone_gets_no_template_and_no_visit() {
    let mut spec = two_groups();
    spec.pools[PoolId(1)].upgrade = false;
    let mut stage = stage(spec, "kops", "");
    stage.run_until(hours(1));
    assert_eq!(outcome(&stage), Ok(()));
    assert!(!stage.log.iter().any(|(_, line)| line.contains("clients")), "{}", stage.transcript());
}

#[test]
fn the_only_master_stays_in_the_load_balancer_and_one_of_three_leaves_it() {
    for (masters, left) in [(1, 0), (3, 1)] {
        let mut stage = stage(spec(masters, 0), "kops", "");
        stage.run_until(hours(1));
        assert_eq!(stage.times("order deregister server 1"), left);
    }
}

#[test]
fn an_api_that_is_silent_at_the_start_ends_the_run_and_one_that_comes_back_passes_the_gate() {
    let mut dead = stage(spec(1, 0), "kops", "");
    dead.set_api(Err(ApiError::Timeout));
    dead.run_until(hours(1));
    assert_eq!(outcome(&dead), Err("kops cannot reach the API and gives up".to_owned()));

    let mut back = stage(spec(1, 0), "kops", "");
    back.at(secs(70), |stage| stage.set_api(Err(ApiError::Refused)));
    back.at(secs(500), |stage| stage.set_api(Ok(())));
    back.run_until(hours(1));
    assert_eq!(outcome(&back), Ok(()), "{}", back.transcript());
}

#[test]
fn a_forked_actor_goes_on_exactly_as_the_first_one() {
    let mut whole = stage(spec(1, 2), "kops", "");
    whole.run_until(hours(1));
    let mut forked = stage(spec(1, 2), "kops", "");
    forked.run_until(secs(200));
    forked.actor = forked.actor.clone();
    forked.run_until(hours(1));
    assert_eq!(whole.transcript(), forked.transcript());
}

/// What the surroundings of a roll do, at a moment in milliseconds.
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

fn eventful(happenings: &[Happening], preset: &str, eager: bool) -> String {
    let mut stage = stage(spec(1, 2), preset, "drain_timeout = \"3m\"\nfail_on_drain_error = false");
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
    stage.run_until(hours(2));
    stage.transcript()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::base::cases(48)))]

    #[test]
    fn looking_only_after_changes_finds_what_looking_at_every_tick_finds(
        happenings in prop::collection::vec(happening(), 0..12),
        preset in prop::sample::select(vec!["kops", "kops-1.15"]),
    ) {
        prop_assert_eq!(eventful(&happenings, preset, false), eventful(&happenings, preset, true));
    }
}
