//! Reading a counterexample.

use crate::lab::{Lab, Question};

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "counterexample",
    title: "Reading a counterexample",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("start.toml"),
    open: &[],
    hints: &[
        "The lines begin with the moment; the last is what users noticed.",
        "The pod stops listening before every node has heard of it.",
        "What keeps it listening for a while longer?",
    ],
    law: None,
    questions: &[
        Question {
            key: "cause",
            asks: "How are the requests lost: refused, reset, black-hole or no-endpoint?",
            answer: "refused",
        },
        Question { key: "law", asks: "Which law does the counterexample break?", answer: "no-exposure" },
        Question { key: "setting", asks: "Which setting of [app.web] is too small?", answer: "pre_stop" },
        Question {
            key: "root",
            asks: "The chain begins with a step of the plan. Which phase: drained, replaced or booted?",
            answer: "drained",
        },
    ],
};
