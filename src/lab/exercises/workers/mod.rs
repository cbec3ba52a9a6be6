//! Upgrading the workers.

use crate::lab::Lab;

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "workers",
    title: "Upgrading the workers",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("solution.toml"),
    open: &["strategy.max_unavailable"],
    hints: &[
        "Count the ready pods in `rollproof run plan.toml`, under PODS.",
        "`max_unavailable` is how many machines of a group may be away at a time.",
        "With 1 the next worker goes when the one before is back.",
    ],
    law: Some("no-exposure"),
    questions: &[],
};
