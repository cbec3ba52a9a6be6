//! A grace period that is long enough.

use crate::lab::Lab;

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "grace",
    title: "A grace period that is long enough",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("solution.toml"),
    open: &["app.web.grace", "app.web.pre_stop"],
    hints: &[
        "The grace period counts from the deletion, the hook included.",
        "What is left after the hook is the time between SIGTERM and SIGKILL.",
        "`grace = \"60s\"` leaves 40 s.",
    ],
    law: Some("no-exposure"),
    questions: &[],
};
