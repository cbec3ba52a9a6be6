//! One seed, one digest.

mod common;

use std::collections::BTreeSet;

use common::{finished, load, run};

#[test]
fn the_same_seed_gives_the_same_outcome_twice_and_with_its_history_kept() {
    let book = load("book-ch18", &[]);
    for seed in 1..=5 {
        let first = run(&book, seed);
        assert_eq!(first, run(&book, seed));
        let traced = finished(&book, seed, true).outcome;
        assert_eq!((first.digest, first.events), (traced.digest, traced.events));
    }
}

#[test]
fn a_hundred_seeds_give_at_least_ninety_nine_digests() {
    let book = load("book-ch18", &[]);
    let digests: BTreeSet<String> = (1..=100).map(|seed| run(&book, seed).digest).collect();
    assert!(digests.len() >= 99, "{}", digests.len());
}

#[test]
fn runs_in_parallel_are_the_runs_one_by_one() {
    let book = load("book-ch18", &[]);
    let alone: Vec<String> = (1..=8).map(|seed| run(&book, seed).digest).collect();
    let together: Vec<String> = std::thread::scope(|scope| {
        let handles: Vec<_> = (1..=8)
            .map(|seed| {
                scope.spawn({
                    let book = &book;
                    move || run(book, seed).digest
                })
            })
            .collect();
        handles.into_iter().map(|handle| handle.join().expect("no panic")).collect()
    });
    assert_eq!(alone, together);
}

/// Changes here mean that the model has changed: raise `MODEL_VERSION` and say why.
#[test]
fn known_digests_of_the_book() {
    let book = load("book-ch18", &[]);
    let digests: Vec<String> = (1..=3).map(|seed| run(&book, seed).digest).collect();
    insta::assert_debug_snapshot!(digests);
}
