//! Kubelets before their masters.

use crate::lab::Lab;

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "skew",
    title: "Kubelets before their masters",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("solution.toml"),
    open: &["strategy.stage"],
    hints: &[
        "`rollproof explain` shows the moment at which the policy broke.",
        "Stages run in the order of the file.",
        "Put the stage of the masters first.",
    ],
    law: Some("version-skew"),
    questions: &[],
};
