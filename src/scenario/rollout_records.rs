//! Records of `[app.NAME.rollout]`, one for each kind of workload.

use super::record::{count, setting, span, table};
use super::section::Section;
use crate::config::{Kind, Setting};

const APPS: &str = "kubernetes pkg/apis/apps/v1/defaults.go";

/// `rollout` of a Deployment.
pub(super) static ROLLOUT: Section = Section {
    entry: &table("rollout", "How the Deployment replaces its pods.", &ROLLOUT_SETTINGS, &[APPS]),
    optionals: &[],
};
static ROLLOUT_SETTINGS: [Setting; 6] = [
    setting(
        "type",
        Kind::Choice(&["RollingUpdate", "Recreate"]),
        "\"RollingUpdate\"",
        "strategy.type: some pods at a time; or all old ones go, and once none is left the new ones come.",
        APPS,
    ),
    setting("max_surge", Kind::IntOrPercent, "\"25%\"", "maxSurge, rounded up.", APPS),
    setting("max_unavailable", Kind::IntOrPercent, "\"25%\"", "maxUnavailable, rounded down.", APPS),
    MIN_READY,
    span(
        "progress_deadline",
        "\"600s\"",
        "progressDeadlineSeconds: without progress for this long the condition Progressing turns False; nobody rolls \
         back.",
        APPS,
    ),
    IMAGE,
];

/// `rollout` of a StatefulSet.
pub(super) static STATEFUL_ROLLOUT: Section = Section {
    entry: &table("stateful-rollout", "How the StatefulSet replaces its pods.", &STATEFUL_SETTINGS, &[APPS]),
    optionals: &[],
};
static STATEFUL_SETTINGS: [Setting; 4] = [
    TYPE,
    count(
        ("partition", "ordinal"),
        (0, 1_000_000),
        "0",
        "Identities below it keep the old template, also when their pods are made anew.",
        APPS,
    ),
    MIN_READY,
    IMAGE,
];

/// `rollout` of a DaemonSet.
pub(super) static DAEMON_ROLLOUT: Section = Section {
    entry: &table("daemon-rollout", "How the DaemonSet replaces its pods.", &DAEMON_SETTINGS, &[APPS]),
    optionals: &[],
};
static DAEMON_SETTINGS: [Setting; 5] = [
    TYPE,
    setting(
        "max_unavailable",
        Kind::IntOrPercent,
        "1",
        "maxUnavailable, rounded up: nodes without an available pod; 0 with a surge.",
        APPS,
    ),
    setting(
        "max_surge",
        Kind::IntOrPercent,
        "0",
        "maxSurge, rounded up: nodes with a new pod beside the old; only with `max_unavailable = 0`.",
        APPS,
    ),
    MIN_READY,
    IMAGE,
];

const TYPE: Setting = setting(
    "type",
    Kind::Choice(&["RollingUpdate", "OnDelete"]),
    "\"RollingUpdate\"",
    "updateStrategy.type: the controller deletes old pods; or it leaves that to others.",
    APPS,
);
const MIN_READY: Setting =
    span("min_ready", "\"0s\"", "minReadySeconds; of StatefulSets from 1.22, of DaemonSets always.", APPS);
const IMAGE: Setting = setting(
    "image",
    Kind::Choice(&["good", "never-ready"]),
    "\"good\"",
    "What the first new template brings: an image like the old one, or one whose process never listens.",
    "rollproof: a good one unless asked for",
);
