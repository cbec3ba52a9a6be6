//! Plans of the machinery on a small stage, where a machine is Ready 70 s after its launch and pods are gone 12 s after
//! their eviction.

use proptest::prelude::*;

use crate::base::{Span, Time};
use crate::strategy::catalog::find;
use crate::strategy::stage::{Stage, secs, spec};
use crate::world::store::{ApiError, NodeReady};

/// A strategy with its defaults on one master and two workers.
fn stage(name: &str) -> Stage {
    let strategy = find(name).expect("it is listed");
    Stage::new(spec(1, 2), (strategy.build)(&strategy.entry.defaults()))
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
    let window = super::Window { opens, lasts: Span::mins(5) };
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
