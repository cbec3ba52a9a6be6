//! Why high availability: one master against three.

use crate::lab::Lab;

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "why-ha",
    title: "Why high availability: one master against three",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("solution.toml"),
    open: &["cluster.control_plane.replicas", "cluster.control_plane.zones"],
    hints: &[
        "etcd commits a write only while a majority of its voters is up.",
        "With one voter the majority is one. How many voters bear the loss of one?",
        "Set `replicas` to 3, and `zones` so that each master stands in its own.",
    ],
    law: Some("etcd-quorum"),
    questions: &[],
};
