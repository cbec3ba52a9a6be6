//! Ready before it listens.

use crate::lab::Lab;

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "probes",
    title: "Ready before it listens",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("solution.toml"),
    open: &["app.web.readiness"],
    hints: &[
        "Without a probe the kubelet knows nothing of the process inside.",
        "A probe asks the process; until it answers, the pod is no endpoint.",
        "readiness = { period = \"2s\", failure_threshold = 2 }",
    ],
    law: Some("no-exposure"),
    questions: &[],
};
