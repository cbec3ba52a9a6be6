//! The activity: from 1.15.7 to 1.15.10.

use crate::lab::Lab;

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "activity",
    title: "The activity: from 1.15.7 to 1.15.10",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("solution.toml"),
    open: &["app.web.replicas"],
    hints: &[
        "A drain evicts first; the next pod starts afterwards.",
        "Somebody has to answer while one pod moves.",
        "Two replicas, on two nodes (`spread` says so already).",
    ],
    law: Some("no-exposure"),
    questions: &[],
};
