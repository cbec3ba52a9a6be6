//! A budget that lets nobody go.

use crate::lab::Lab;

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "budget",
    title: "A budget that lets nobody go",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("solution.toml"),
    open: &["app.web.pdb", "app.web.replicas"],
    hints: &[
        "The report names the blocker of the stalled upgrade.",
        "Of how many pods may one be away, if so many must be there?",
        "`pdb = { max_unavailable = 1 }`, or one replica more than `min_available`.",
    ],
    law: Some("completion"),
    questions: &[],
};
