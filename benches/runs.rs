//! What whole runs cost: the book's upgrade, many seeds of it side by side, a roll of 500 nodes and 15,000 pods.
//!
//! `cargo bench --bench runs`. Figures are for this machine; the exact counts of events stand in `tests/cost.rs`.

use std::hint::black_box;
use std::path::PathBuf;

use criterion::{Criterion, Throughput};
use rollproof::scenario::{self, Scenario};
use rollproof::sim::{self, Watch};
use rollproof::strategy::CATALOG;

/// Seeds of one sweep: a tenth of the 10,000 that the target speaks of.
const SEEDS: u64 = 1_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let book = load("book-ch18");
    let mut seed = 0;
    criterion.bench_function("run/book-ch18", |bencher| {
        bencher.iter(|| {
            seed += 1;
            sim::run(black_box(&book), seed, Watch::default()).map(|finished| finished.outcome.events)
        });
    });
    let mut group = criterion.benchmark_group("sweep/book-ch18");
    group.sample_size(10).throughput(Throughput::Elements(SEEDS));
    for jobs in [1, 2] {
        group.bench_function(format!("{jobs} threads"), |bencher| {
            bencher.iter(|| sim::sweep(black_box(&book), 1..1 + SEEDS, jobs).map(|sweep| sweep.digest));
        });
    }
    group.finish();
    // No strategy may make the book's upgrade slower than 3 ms of one core.
    let mut group = criterion.benchmark_group("strategy");
    group.sample_size(20);
    for name in CATALOG.iter().map(|strategy| strategy.entry.name).filter(|name| *name != "plan") {
        let book = load_with("book-ch18", Some(name));
        let mut seed = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                seed += 1;
                sim::run(black_box(&book), seed, Watch::default()).map(|finished| finished.outcome.events)
            });
        });
    }
    group.finish();
    let fleet = load("perf/roll-500");
    let mut group = criterion.benchmark_group("run");
    group.sample_size(10);
    group.bench_function("roll-500", |bencher| {
        bencher.iter(|| sim::run(black_box(&fleet), 1, Watch::default()).map(|finished| finished.outcome.events));
    });
    group.finish();
    criterion.final_summary();
}

/// A shipped scenario.
fn load(name: &str) -> Scenario {
    load_with(name, None)
}

/// A shipped scenario, perhaps under another strategy.
fn load_with(name: &str, strategy: Option<&str>) -> Scenario {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(format!("{name}.toml"));
    match scenario::load(&path, &[], strategy) {
        Ok(scenario) => scenario,
        Err(refused) => panic!("{name} does not load:\n{refused}"),
    }
}
