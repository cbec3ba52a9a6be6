//! A backup of etcd before the upgrade.

use crate::lab::Lab;

/// The line of the catalogue.
pub const LAB: Lab = Lab {
    slug: "etcd-backup",
    title: "A backup of etcd before the upgrade",
    text: include_str!("text.md"),
    start: include_str!("start.toml"),
    solution: include_str!("solution.toml"),
    open: &["strategy.stage"],
    hints: &[
        "The upgrade stalls since the lost etcd has nothing to come back from.",
        "Add a `[[strategy.stage]]` before that of the masters, which takes a snapshot.",
        "Its keys: name = \"backup\", groups = \"masters\", first = 1,\nsteps = [\"etcd-snapshot\"].",
    ],
    law: Some("completion"),
    questions: &[],
};
