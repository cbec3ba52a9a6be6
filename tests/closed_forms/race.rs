//! The race of a deleted pod's listener against its address in the clients' rules.
//!
//! The listener closes after an exponential time of rate c, the rules follow after one of rate r, and requests come
//! at rate L. The rules are later with probability c / (c + r), and then, having no memory, by an exponential time of
//! rate r: L c / (r (c + r)) requests are refused on average, and none with probability 1 - c/(c + r) x L/(r + L).

use rollproof::base::{Name, Span, Time};
use rollproof::engine::{Dist, Draws, Queue};

use crate::batches::Batches;

const TRIALS: u64 = 1_000_000;
const CLOSE: Span = Span::millis(500);
const REMOVAL: Span = Span::millis(1_500);
const ARRIVALS: Span = Span::millis(700);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Closes,
    Removed,
    Arrives(u64),
}

/// How many requests are refused in one trial.
fn refused(draws: &Draws, trial: u64) -> u64 {
    let lasting = |what: &str, mean: Span, number: u64| {
        let dist = Dist::Exponential { base: Span::ZERO, mean };
        dist.sample(&mut draws.at(0, Name::new(what).part(number), trial))
    };
    let mut queue = Queue::new();
    queue.push(Time::ZERO + lasting("close", CLOSE, 0), Step::Closes);
    queue.push(Time::ZERO + lasting("removal", REMOVAL, 0), Step::Removed);
    queue.push(Time::ZERO + lasting("arrival", ARRIVALS, 0), Step::Arrives(0));
    let (mut listens, mut refused) = (true, 0);
    while let Some(popped) = queue.pop() {
        match popped.event {
            Step::Closes => listens = false,
            Step::Removed => break,
            Step::Arrives(number) => {
                refused += u64::from(!listens);
                queue.push(popped.at + lasting("arrival", ARRIVALS, number + 1), Step::Arrives(number + 1));
            }
        }
    }
    refused
}

#[test]
fn as_many_requests_are_refused_before_the_rules_follow_as_theory_says() {
    let [c, r, l] = [CLOSE, REMOVAL, ARRIVALS].map(|mean| 1.0 / mean.as_secs_f64());
    let draws = Draws::new(12, 1);
    let [mut count, mut any] = [Batches::new(400), Batches::new(400)];
    for trial in 0..TRIALS {
        let refused = refused(&draws, trial);
        let batch = (trial * 400 / TRIALS) as usize;
        count.add(batch, refused as f64, 1.0);
        any.add(batch, f64::from(u8::from(refused > 0)), 1.0);
    }
    count.assert_holds("engine, refused requests", l * c / (r * (c + r)), 0.02);
    any.assert_holds("engine, some request is refused", c / (c + r) * l / (r + l), 0.02);
}
