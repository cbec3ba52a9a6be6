//! Comparing strategies.

use crate::lab::{Lab, Question};

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "compare",
    title: "Comparing strategies",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("start.toml"),
    open: &[],
    hints: &[
        "The first table has a column for the seeds that refute a plan.",
        "A managed offer does not show its etcd.",
        "The section WHY tells what each plan does not do.",
    ],
    law: None,
    questions: &[
        Question { key: "refuted", asks: "Which of the three loses requests?", answer: "in-place-no-drain" },
        Question { key: "hidden", asks: "Of which can nobody see the margin of etcd (n/o)?", answer: "gke-surge" },
        Question {
            key: "time",
            asks: "In the section WHY: what takes most of the time of gke-surge (a phase)?",
            answer: "surge-wait",
        },
    ],
};
