//! Upgrading the masters one by one.

use crate::lab::Lab;

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "one-by-one",
    title: "Upgrading the masters one by one",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("solution.toml"),
    open: &["strategy.name"],
    hints: &[
        "Three voters bear the loss of one. How many are away at a time here?",
        "Each master must be back before the next one goes.",
        "Take a strategy that goes one by one: the book's is `kops-1.15`.",
    ],
    law: Some("etcd-quorum"),
    questions: &[],
};
