//! Requests that wait for one of c workers: Erlang's formulas.
//!
//! Poisson arrivals of rate L, exponential service of rate M, c workers. Those who find all busy wait (A. K. Erlang's
//! second formula) or go (his first), "Solution of some problems in the theory of probabilities of significance in
//! automatic telephone exchanges", 1917. A client that waits no longer than its time-out lies between the two: the
//! work ahead of it has the density L p(c-1) exp(-(cM - L) v) below the time-out (F. Baccelli and G. Hebuterne, "On
//! queues with impatient customers", Performance '81).

use rollproof::base::{Name, Rate, Span, Time};
use rollproof::engine::{Dist, Draws, Queue};
use rollproof::world::fact::Loss;
use rollproof::world::ids::{AppId, GroupId};

use crate::batches::Batches;
use crate::course::Course;

const BATCHES: usize = 250;
/// Requests a second: 1.4 workers' worth for two workers, 0.7 of what they can do.
const ARRIVALS: u64 = 70;
const SERVICE: Span = Span::millis(20);
const WORKERS: u32 = 2;

/// The probabilities that 0, 1, ..., c - 1 workers are busy, each times p0, and the offered load.
fn below_full() -> (Vec<f64>, f64) {
    let load = ARRIVALS as f64 * SERVICE.as_secs_f64();
    let mut terms = vec![1.0];
    (1..WORKERS).for_each(|busy| terms.push(terms[busy as usize - 1] * load / f64::from(busy)));
    (terms, load)
}

/// Who finds all workers busy and goes: Erlang B.
fn lost() -> f64 {
    let (terms, load) = below_full();
    let full = terms[terms.len() - 1] * load / f64::from(WORKERS);
    full / (terms.iter().sum::<f64>() + full)
}

/// Who finds all workers busy and waits: Erlang C.
fn waits() -> f64 {
    let used = below_full().1 / f64::from(WORKERS);
    lost() / (1.0 - used * (1.0 - lost()))
}

/// With a time-out: who waited and was not answered in time, and who was served at once and yet not in time.
fn too_late(timeout: Span) -> (f64, f64) {
    let (terms, _) = below_full();
    let (arrivals, service, timeout) = (ARRIVALS as f64, 1.0 / SERVICE.as_secs_f64(), timeout.as_secs_f64());
    let all = f64::from(WORKERS) * service;
    // Integrals over the work ahead, each divided by p0.
    let density = arrivals * terms[terms.len() - 1];
    let rest = libm::exp(-(all - arrivals) * timeout) / all;
    let below = (1.0 - libm::exp(-(all - arrivals) * timeout)) / (all - arrivals);
    let slow = all - service - arrivals;
    let served_late = libm::exp(-service * timeout) * (1.0 - libm::exp(-slow * timeout)) / slow;
    let at_once = terms.iter().sum::<f64>();
    let total = at_once + density * (below + rest);
    (density * (rest + served_late) / total, at_once * libm::exp(-service * timeout) / total)
}

/// Requests on the engine alone: whether each finds all workers busy, and how long it waits.
struct Desk {
    draws: Draws,
    queue: Queue<Step>,
    busy: u32,
    waiting: std::collections::VecDeque<(u64, Time)>,
}

#[derive(Clone, Copy)]
enum Step {
    Arrives(u64),
    Leaves,
}

impl Desk {
    fn lasting(&self, what: &str, mean: Span, number: u64) -> Span {
        let dist = Dist::Exponential { base: Span::ZERO, mean };
        dist.sample(&mut self.draws.at(0, Name::new(what), number))
    }
    fn serve(&mut self, number: u64, now: Time) {
        let lasting = self.lasting("service", SERVICE, number);
        self.queue.push(now + lasting, Step::Leaves);
    }
    /// Runs `requests`; those who find all busy wait if they are patient.
    fn run(seed: u64, requests: u64, patient: bool, mut met: impl FnMut(u64, bool, Span)) {
        let mut desk = Desk { draws: Draws::new(seed, 1), queue: Queue::new(), busy: 0, waiting: Default::default() };
        desk.queue.push(Time::ZERO, Step::Arrives(0));
        let between = Span::nanos(1_000_000_000 / ARRIVALS);
        while let Some(popped) = desk.queue.pop() {
            match popped.event {
                Step::Arrives(number) => {
                    if number + 1 < requests {
                        let wait = desk.lasting("arrival", between, number);
                        desk.queue.push(popped.at + wait, Step::Arrives(number + 1));
                    }
                    if desk.busy < WORKERS {
                        desk.busy += 1;
                        met(number, false, Span::ZERO);
                        desk.serve(number, popped.at);
                    } else if patient {
                        desk.waiting.push_back((number, popped.at));
                    } else {
                        met(number, true, Span::ZERO);
                    }
                }
                Step::Leaves => match desk.waiting.pop_front() {
                    Some((number, since)) => {
                        met(number, true, popped.at.since(since));
                        desk.serve(number, popped.at);
                    }
                    None => desk.busy -= 1,
                },
            }
        }
    }
}

const REQUESTS: u64 = 1_000_000;

fn batch_of(number: u64) -> usize {
    (number * BATCHES as u64 / REQUESTS) as usize
}

#[test]
fn as_many_requests_wait_and_as_long_as_erlang_says() {
    let [mut waiting, mut long] = [Batches::new(BATCHES), Batches::new(BATCHES)];
    let long_wait = Span::millis(30);
    Desk::run(3, REQUESTS, true, |number, waited, wait| {
        waiting.add(batch_of(number), f64::from(u8::from(waited)), 1.0);
        long.add(batch_of(number), f64::from(u8::from(wait > long_wait)), 1.0);
    });
    waiting.assert_holds("engine, a request waits", waits(), 0.05);
    let spare = f64::from(WORKERS) / SERVICE.as_secs_f64() - ARRIVALS as f64;
    long.assert_holds("engine, it waits over 30 ms", waits() * libm::exp(-spare * long_wait.as_secs_f64()), 0.1);
}

#[test]
fn as_many_requests_are_lost_as_erlang_says() {
    let mut refused = Batches::new(BATCHES);
    Desk::run(4, REQUESTS, false, |number, busy, _| {
        refused.add(batch_of(number), f64::from(u8::from(busy)), 1.0);
    });
    refused.assert_holds("engine, a request is lost", lost(), 0.03);
}

/// A pod of limited concurrency and per-request traffic in a whole world: shares of overload and of slow answers.
fn in_world(timeout: Span, seed: u64) -> [Batches; 2] {
    let app = format!(
        r#"
        concurrency = {WORKERS}
        latency = {{ exponential = {{ base = "0s", mean = "20ms" }} }}
        [app.web.traffic.new]
        from = "pool:clients"
        connections = "new"
        mode = "per-request"
        rps = {ARRIVALS}
        "#
    );
    let patience = |spec: &mut rollproof::world::spec::Spec| {
        spec.groups[GroupId(0)].timeout = timeout;
        spec.groups[GroupId(0)].rate = Rate::per_sec(ARRIVALS);
        assert_eq!(spec.apps[AppId(0)].concurrency, Some(WORKERS));
    };
    let mut course = Course::new(1, &app, patience, seed);
    let batch = Span::nanos(1_000_000_000 * REQUESTS / ARRIVALS / BATCHES as u64);
    let mut shares = [Batches::new(BATCHES), Batches::new(BATCHES)];
    let mut before = (0, 0, 0);
    for index in 0..BATCHES {
        let end = Time::ZERO + batch * (index as u64 + 1);
        while course.next(end).is_some() {}
        let ledger = &course.world.traffic().ledgers()[GroupId(0)];
        let now = (ledger.sent, ledger.lost_by(Loss::Overload), ledger.abandoned);
        assert_eq!(ledger.lost_in_all(), now.1, "nothing is lost otherwise");
        let sent = (now.0 - before.0) as f64;
        shares[0].add(index, (now.1 - before.1) as f64, sent);
        shares[1].add(index, (now.2 - before.2) as f64, sent);
        before = now;
    }
    assert!(before.0 > REQUESTS * 99 / 100, "{} requests", before.0);
    shares
}

#[test]
fn an_app_of_limited_concurrency_loses_as_many_impatient_requests_as_erlang_says() {
    // Nobody waits longer than a microsecond: who finds all workers busy is lost.
    let [overload, _] = in_world(Span::micros(1), 5);
    overload.assert_holds("app, a request is lost", lost(), 0.03);
}

#[test]
fn an_app_of_limited_concurrency_answers_as_many_waiting_requests_too_late_as_theory_says() {
    let timeout = Span::millis(50);
    let [overload, slow] = in_world(timeout, 6);
    overload.assert_holds("app, waited and too late", too_late(timeout).0, 0.06);
    slow.assert_holds("app, served at once and too late", too_late(timeout).1, 0.06);
}

#[test]
fn the_formulas_agree_with_published_figures_and_with_each_other() {
    // Two workers at a load of 1.4: p0 = 1 / (1 + 1.4 + 0.98 / 0.3) = 3/17, so B = 0.98 / 3.38 and C = 49/85.
    assert!((lost() - 0.98 / 3.38).abs() < 1e-12);
    assert!((waits() - 49.0 / 85.0).abs() < 1e-12);
    let at_once = too_late(Span::nanos(1)).0;
    assert!((at_once - lost()).abs() < 1e-6, "no patience at all is Erlang B: {at_once}");
    assert!(too_late(Span::secs(10)).0 < 1e-9, "with endless patience nobody is lost");
}
