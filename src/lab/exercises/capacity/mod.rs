//! Room for one node less.

use crate::lab::Lab;

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "capacity",
    title: "Room for one node less",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("solution.toml"),
    open: &["node_pool.workers.count"],
    hints: &[
        "The blocker says why the pod is Pending.",
        "One node is always away during the roll.",
        "With `count = 3` two are left.",
    ],
    law: Some("completion"),
    questions: &[],
};
