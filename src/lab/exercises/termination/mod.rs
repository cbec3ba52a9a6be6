//! A process that hears SIGTERM.

use crate::lab::Lab;

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "termination",
    title: "A process that hears SIGTERM",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("solution.toml"),
    open: &["app.web.on_sigterm"],
    hints: &[
        "After its grace period a process is killed, whatever it does.",
        "An app that is told can finish what it has and close its connections.",
        "`on_sigterm = \"drain\"` is an app that does so.",
    ],
    law: Some("no-exposure"),
    questions: &[],
};
