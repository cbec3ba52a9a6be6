//! Two pods on two nodes.

use crate::lab::Lab;

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "two-nodes",
    title: "Two pods on two nodes",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("solution.toml"),
    open: &["app.web.spread"],
    hints: &[
        "`rollproof run plan.toml` says how few pods were ready.",
        "`spread` says where the pods of an app may stand: `rollproof schema` lists it.",
        "`spread = \"hosts\"` keeps them on different nodes.",
    ],
    law: Some("no-exposure"),
    questions: &[],
};
