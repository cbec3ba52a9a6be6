//! Draining a node.

use crate::lab::Lab;

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "drain",
    title: "Draining a node",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("solution.toml"),
    open: &["strategy.name"],
    hints: &[
        "This strategy restarts machines without emptying them.",
        "A drain evicts pods first: they leave the endpoints before they end.",
        "`rollproof list strategies -v` tells what drains; the book's is `kops-1.15`.",
    ],
    law: Some("no-exposure"),
    questions: &[],
};
