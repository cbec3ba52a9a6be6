//! The preStop hook.

use crate::lab::Lab;

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "pre-stop",
    title: "The preStop hook",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("solution.toml"),
    open: &["app.web.pre_stop"],
    hints: &[
        "Who has to hear of the eviction, and how long does that take?",
        "A preStop hook that sleeps keeps the process serving meanwhile.",
        "`pre_stop = \"10s\"` is longer than the slowest node takes.",
    ],
    law: Some("no-exposure"),
    questions: &[],
};
