//! Blue/green by hand: two Deployments behind one Service whose selector somebody switches.

use super::DeliveryEntry;
use super::analysis::{MAX_ERRORS, MAX_P99, WINDOW, series_check};
use super::argo_blue_green::{AUTO_PROMOTION, AUTO_PROMOTION_AFTER, BlueGreen, POST_ANALYSIS};
use super::argo_canary::{
    ABORT_SCALE_DOWN_DELAY, COUNT, ERROR_LIMIT, FAILURE_LIMIT, INTERVAL, PROGRESS_DEADLINE, PROGRESS_DEADLINE_ABORT,
    SCALE_DOWN_DELAY,
};
use crate::config::{Entry, Setting};

/// `service-switch`.
pub static SERVICE_SWITCH: DeliveryEntry = DeliveryEntry {
    entry: &ENTRY,
    check: series_check,
    build: |asked, values| Box::new(BlueGreen::new(asked, values)),
    owns_sets: true,
};

/// Where a runbook's waits come from.
const RUNBOOK: &str = "rollproof's estimate: a runbook's own wait; no tool fixes it";

static ENTRY: Entry = Entry {
    name: "service-switch",
    about: "Blue/green by hand: the new Deployment comes up beside the old one, then the Service's selector is switched.",
    details: "As `argo-blue-green`, with the waits of a runbook: the new version is looked at for a while before the \
              switch, its errors are watched afterwards, and the old Deployment is kept for an hour to switch back \
              to. One atomic change of the endpoints; each proxy follows with its own lag, and open connections stay \
              on old pods until these go.",
    settings: &SETTINGS,
    sources: &["kubernetes docs/concepts/workloads/management.md, canary deployments and label selectors"],
};

static SETTINGS: [Setting; 14] = [
    AUTO_PROMOTION,
    Setting { default: "\"1m\"", source: RUNBOOK, ..AUTO_PROMOTION_AFTER },
    Setting { default: "true", source: RUNBOOK, ..POST_ANALYSIS },
    Setting { default: "\"1m\"", source: RUNBOOK, ..INTERVAL },
    Setting { default: "5", source: RUNBOOK, ..COUNT },
    FAILURE_LIMIT,
    ERROR_LIMIT,
    WINDOW,
    MAX_ERRORS,
    MAX_P99,
    Setting { default: "\"1h\"", source: RUNBOOK, ..SCALE_DOWN_DELAY },
    Setting { default: "\"1m\"", source: RUNBOOK, ..ABORT_SCALE_DOWN_DELAY },
    PROGRESS_DEADLINE,
    Setting { default: "true", source: RUNBOOK, ..PROGRESS_DEADLINE_ABORT },
];
