//! Reading the version flow of three masters.

use crate::lab::{Lab, Question};

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "version-flow",
    title: "Reading the version flow of three masters",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("start.toml"),
    open: &[],
    hints: &[
        "The timeline has a row for each unit, in the order of their turns.",
        "The ETCD section says how few members were up.",
        "Two of three are a majority: one more away, and there is none.",
    ],
    law: None,
    questions: &[
        Question { key: "first", asks: "Which master is replaced first?", answer: "master-1" },
        Question { key: "voters", asks: "While one master is replaced, how many etcd members are up?", answer: "2" },
        Question { key: "spare", asks: "How many members can etcd spare at that moment?", answer: "0" },
        Question { key: "after", asks: "Which group of machines comes after the masters?", answer: "workers" },
    ],
};
