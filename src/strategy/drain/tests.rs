//! Drains on a stage of one node.

use super::*;
use crate::base::Span;
use crate::strategy::actor::{Actor, NotYet, Orders, Wait};
use crate::strategy::stage::{Stage, secs, spec};
use crate::strategy::turn::OrderNumbers;
use crate::world::command::Answer;

/// An operator who does nothing but drain one node.
#[derive(Clone, Debug)]
struct Drainer {
    drain: Drain,
    numbers: OrderNumbers,
}

impl Actor for Drainer {
    fn act(&mut self, seen: &Reported<'_>, answers: &[Answer], orders: &mut Orders) -> Wait {
        let mut turn = Turn::new(seen, answers, orders, &mut self.numbers);
        if let Some(drained) = self.drain.step(&mut turn) {
            turn.remark(format!("{} pods, {} retries", drained.pods, drained.retries429));
            let errors: Vec<String> = drained.errors.iter().map(|error| error.described(seen)).collect();
            turn.orders.ended = Some(if errors.is_empty() { Ok(()) } else { Err(errors.join(", ")) });
        }
        self.drain.arm(&mut turn);
        turn.wait
    }
    fn boxed_clone(&self) -> Box<dyn Actor> {
        Box::new(self.clone())
    }
}

fn stage_of(spec: crate::world::spec::Spec, timeout: Option<Span>) -> Stage {
    let settings = DrainSettings { timeout, ..DrainSettings::new() };
    let drain = Drain::cordon_first(NodeId(1), settings);
    Stage::new(spec, Box::new(Drainer { drain, numbers: OrderNumbers::default() }))
}

/// One master, and `workers-1` with this many pods.
fn stage(pods: usize, timeout: Option<Span>) -> Stage {
    let mut stage = stage_of(spec(1, 1), timeout);
    for _ in 0..pods {
        stage.pod_on("workers-1");
    }
    stage
}

fn ended_at(stage: &Stage) -> Time {
    stage.ended.as_ref().expect("the drain has ended").0
}

#[test]
fn attempts_are_open_for_their_length_and_pause_longer_after_a_while() {
    let attempts = Attempts {
        length: Span::secs(90),
        pause: Span::secs(60),
        slow_after: Span::secs(600),
        slow_pause: Span::secs(300),
    };
    let from = |at| attempts.open_from(secs(100), secs(at));
    assert_eq!((from(100), from(190), from(191), from(250)), (secs(100), secs(190), secs(250), secs(250)));
    // The attempt at 700 s, ten minutes after the first, is the first with a long pause behind it.
    assert_eq!((from(641), from(700), from(791), from(1090)), (secs(700), secs(700), secs(1090), secs(1090)));
    assert_eq!((from(1181), from(1480)), (secs(1480), secs(1480)));
}

#[test]
fn pods_go_all_at_once_and_are_found_gone_on_a_whole_second() {
    let mut stage = stage(3, None);
    stage.allow(3);
    stage.leave = Span::millis(12_300);
    stage.run_until(secs(100));
    // Cordon and eviction take 10 ms each; the poll ticks each second from there on.
    assert_eq!(ended_at(&stage), Time::ZERO + Span::millis(13_020), "{}", stage.transcript());
    assert_eq!(stage.times("remark: 3 pods, 0 retries"), 1);
}

#[test]
fn a_refused_eviction_is_tried_again_on_a_tick_of_five_seconds_after_something_changed() {
    let mut stage = stage(1, None);
    stage.at(secs(62), |stage| stage.allow(1));
    stage.run_until(secs(200));
    let tries: Vec<Time> =
        stage.log.iter().filter(|(_, line)| line == "order evict web-0").map(|(at, _)| *at).collect();
    let first = Time::ZERO + Span::millis(10);
    assert_eq!(tries, [first, first + Span::secs(65)], "{}", stage.transcript());
    assert_eq!(stage.times("remark: 1 pods, 13 retries"), 1, "{}", stage.transcript());
}

#[test]
fn a_blocked_drain_is_not_called_while_nothing_changes() {
    let mut stage = stage(1, None);
    stage.run_until(secs(10));
    let before = stage.calls;
    stage.run_until(secs(100_000));
    assert_eq!(stage.calls, before);
    assert_eq!(stage.blocked(), [NotYet::BudgetSpent { pod: PodId(0) }]);
}

#[test]
fn a_change_seen_between_two_ticks_is_not_forgotten_at_the_tick() {
    let mut stage = stage(2, None);
    stage.allow(1);
    // web-0 goes at 12 s; its poll calls the actor, off the retry ticks of web-1, right after the budget is back.
    stage.at(Time::ZERO + Span::millis(11_900), |stage| stage.allow(1));
    stage.run_until(secs(100));
    let retried = stage.log.iter().filter(|(_, line)| line == "order evict web-1").map(|(at, _)| *at).next_back();
    assert_eq!(retried, Some(Time::ZERO + Span::millis(15_010)), "{}", stage.transcript());
}

#[test]
fn two_budgets_on_a_pod_fail_its_task_while_the_others_go_on() {
    let mut stage = stage_of(Stage::with_two_budgets(spec(1, 1)), None);
    stage.pod_on("workers-1");
    let pending = stage.pod_on("workers-1");
    let phase = crate::world::store::Phase::Pending;
    let change = crate::world::store::Change::PodStatus { pod: pending, phase, ready: false };
    stage.apply(&change).expect("the pod exists");
    stage.run_until(secs(5));
    let expected = [NotYet::SeveralBudgets { pod: PodId(0) }, NotYet::Terminating { pod: pending }];
    assert_eq!(stage.blocked(), expected);
    stage.run_until(secs(100));
    let (at, result) = stage.ended.clone().expect("it has ended");
    assert_eq!(at, Time::ZERO + Span::millis(12_020) + Span::ZERO, "{}", stage.transcript());
    assert!(result.expect_err("one task failed").contains("SeveralBudgets"));
}

#[test]
fn a_pod_that_is_gone_before_its_eviction_counts_as_done() {
    let mut stage = stage(1, None);
    stage.at(Time::ZERO + Span::millis(15), |stage| {
        let change = crate::world::store::Change::RemovePod { pod: PodId(0) };
        stage.apply(&change).expect("it exists");
    });
    stage.run_until(secs(10));
    assert_eq!(stage.ended, Some((Time::ZERO + Span::millis(20), Ok(()))));
}

#[test]
fn a_deadline_strikes_a_pod_that_is_still_terminating_at_the_next_second() {
    let mut stage = stage(1, Some(Span::millis(5_500)));
    stage.allow(1);
    stage.leave = Span::secs(60);
    stage.run_until(secs(100));
    assert_eq!(ended_at(&stage), Time::ZERO + Span::millis(6_020), "{}", stage.transcript());
    let (_, result) = stage.ended.clone().expect("it has ended");
    assert!(result.expect_err("too late").contains("to terminate: global timeout reached"));
}

#[test]
fn a_deadline_strikes_a_refused_eviction_when_its_sleep_ends() {
    let mut stage = stage(1, Some(Span::secs(12)));
    stage.run_until(secs(100));
    assert_eq!(ended_at(&stage), Time::ZERO + Span::millis(15_010), "{}", stage.transcript());
    assert_eq!(stage.times("remark: 1 pods, 2 retries"), 1);
    assert_eq!(stage.times("order evict web-0"), 1);
}

#[test]
fn an_api_that_falls_silent_fails_a_task_that_polls() {
    let mut stage = stage(1, None);
    stage.allow(1);
    stage.at(Time::ZERO + Span::millis(3_500), |stage| stage.set_api(Err(ApiError::Timeout)));
    stage.run_until(secs(100));
    assert_eq!(ended_at(&stage), Time::ZERO + Span::millis(4_020), "{}", stage.transcript());
}

#[test]
fn a_silence_between_two_polls_is_not_noticed() {
    let mut stage = stage(1, None);
    stage.allow(1);
    stage.at(Time::ZERO + Span::millis(3_200), |stage| stage.set_api(Err(ApiError::Timeout)));
    stage.at(Time::ZERO + Span::millis(3_800), |stage| stage.set_api(Ok(())));
    stage.run_until(secs(100));
    assert_eq!(stage.ended.clone().map(|(_, result)| result), Some(Ok(())));
}
