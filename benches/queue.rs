//! What the machinery of a run costs: a pop and a push of the event queue, and a keyed draw.
//!
//! `cargo bench --bench queue`. The hold model keeps the number of pending events: the earliest leaves and one comes
//! a random time later. The binary heap of the standard library, over the same keys, stands beside for comparison.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion};
use rollproof::base::{Name, Span, Time};
use rollproof::engine::{Draws, Queue};

/// An event of 16 bytes.
type Event = [u64; 2];

/// Increments drawn beforehand, so that their cost does not count; a power of two.
const INCREMENTS: usize = 1 << 20;

/// Pending events: one small run, a large cluster, and far beyond.
const PENDING: [usize; 4] = [50, 1_000, 100_000, 10_000_000];

fn main() {
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    hold(&mut criterion, "exponential", &exponential());
    hold(&mut criterion, "kubernetes", &kubernetes());
    draws(&mut criterion);
    criterion.final_summary();
}

/// Exponential increments of one second.
fn exponential() -> Vec<Span> {
    let draws = Draws::new(1, 1);
    let wait = |i| (draws.at(0, Name(0), i).exponential() * 1e9) as u64;
    (0..INCREMENTS as u64).map(|i| Span::nanos(wait(i))).collect()
}

/// Half calls of 5 ms, half timers of 10 s.
fn kubernetes() -> Vec<Span> {
    let draws = Draws::new(2, 1);
    let increment = |i| if draws.at(0, Name(0), i).below(2) == 0 { Span::millis(5) } else { Span::secs(10) };
    (0..INCREMENTS as u64).map(increment).collect()
}

fn hold(criterion: &mut Criterion, law: &str, increments: &[Span]) {
    let mut group = criterion.benchmark_group(format!("hold/{law}"));
    for pending in PENDING {
        let spread = |i: usize| Time::ZERO + increments[i.wrapping_mul(7919) % INCREMENTS];
        group.bench_function(BenchmarkId::new("ladder", pending), |bencher| {
            let mut queue = Queue::new();
            (0..pending).for_each(|i| _ = queue.push(spread(i), [i as u64, 0]));
            let mut next = increments.iter().cycle();
            bencher.iter(|| {
                if let (Some(popped), Some(&increment)) = (queue.pop(), next.next()) {
                    queue.push(popped.at + increment, black_box(popped.event));
                }
            });
        });
        group.bench_function(BenchmarkId::new("binary heap", pending), |bencher| {
            let mut heap: BinaryHeap<Reverse<(u128, Event)>> = BinaryHeap::new();
            let key = |at: Time, seq: usize| (u128::from(at.nanos()) << 64) | seq as u128;
            heap.extend((0..pending).map(|i| Reverse((key(spread(i), i), [i as u64, 0]))));
            let (mut next, mut seq) = (increments.iter().cycle(), pending);
            bencher.iter(|| {
                if let (Some(Reverse((earliest, event))), Some(&increment)) = (heap.pop(), next.next()) {
                    let at = Time::from_nanos((earliest >> 64) as u64) + increment;
                    heap.push(Reverse((key(at, seq), black_box(event))));
                    seq += 1;
                }
            });
        });
    }
    group.finish();
}

fn draws(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("draws");
    group.bench_function("64 keys", |bencher| {
        let mut seed = 0;
        bencher.iter(|| {
            seed += 1;
            Draws::new(black_box(seed), 64)
        });
    });
    let draws = Draws::new(1, 64);
    let mut ordinal = 0;
    let mut draw = || {
        ordinal += 1;
        draws.at(5, Name(black_box(17)), ordinal)
    };
    group.bench_function("one draw", |bencher| bencher.iter(|| draw().bits()));
    group.bench_function("exponential", |bencher| bencher.iter(|| draw().exponential()));
    group.bench_function("normal", |bencher| bencher.iter(|| draw().normal()));
    group.bench_function("poisson of mean 3", |bencher| bencher.iter(|| draw().poisson(3.0)));
    group.bench_function("poisson of mean 1,000", |bencher| bencher.iter(|| draw().poisson(1e3)));
    group.bench_function("binomial of 1,000 at 30 %", |bencher| bencher.iter(|| draw().binomial(1_000, 0.3)));
    group.finish();
}
