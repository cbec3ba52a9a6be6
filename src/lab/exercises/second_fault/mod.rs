//! A second fault during the roll.

use crate::lab::Lab;

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "second-fault",
    title: "A second fault during the roll",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("solution.toml"),
    open: &["cluster.control_plane.replicas", "cluster.control_plane.zones"],
    hints: &[
        "During the roll one voter is always away.",
        "How many voters bear the loss of two?",
        "Five: `rollproof prove` then holds with any single fault.",
    ],
    law: Some("etcd-quorum"),
    questions: &[],
};
