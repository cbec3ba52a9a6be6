//! `plan`: a user's own strategy, from the primitives that all others are made of.

use super::catalog::{StrategyEntry, Target};
use super::machinery::{Plan, Run};
use super::start::START;
use crate::config::{Entry, Setting};

/// A user's own plan; its stages stand in `[[strategy.stage]]`.
pub static PLAN: StrategyEntry = StrategyEntry {
    entry: &ENTRY,
    build: |values| Box::new(Run::new(Plan::of(values.span("start"), Vec::new()))),
    target: Target::Welcome,
    hides_etcd: false,
};

static ENTRY: Entry = Entry {
    name: "plan",
    about: "Your own: stages over groups of machines, each with its order, its pace, and a unit's life as a list of steps.",
    details: "Each [[strategy.stage]] has `groups` (\"masters\", \"workers\", \"all\", \"everything\" as one group, or a \
              list of pools) and `steps`. Steps are names: taint, untaint, cordon, uncordon, exclude, include, \
              deregister, move-leader, remove-member, etcd-snapshot, etcd-restore, drain, terminate, replace, retire, reimage, upgrade, reboot, kubelet; or tables: \
              { drain = { timeout, grace, retry, look, delete, on_deadline = \"fail\"|\"force\"|\"go-on\" } }, \
              { wait = \"5s\" }, { swap = [\"etcd\", ...], together, deadline, rollback }, { surge = 1, deadline }, \
              { gate = [conditions], every, times, again, deadline }. Conditions are api, node-ready, static-pods, \
              control-plane, other-masters, etcd, member-removable, extras-ready, extras-in-each-zone, group-ready, apps, validation. A stage may set \
              `name`, `select` (\"outdated\", \"all\"), `first` (a canary), `order` (list, reverse, random, hash, zones, \
              empty-first), `at_once`, `brake`, `batch` with `batch_soak`, or `lock_period`; `together`, `delay`, \
              `before` (a gate), `surge` (machines ahead), `premark` (none, soft-taint, cordon, cordon-and-exclude), \
              `finish` ({ soak, rollback_after }, a gate, \"remove-extras\", \"retire-old\"), and `on_error` by class \
              (drain, provision, gate, swap, api, quorum: stop-run, stop-group, quarantine, retry, put-back, hold, \
              ignore, roll-back). A stage of `rollout = \"NAME\"` gives that app, such as an add-on, a new template and \
              waits until it is rolled out, or fails at its `deadline`. See scenarios/own-plan.toml.",
    settings: &SETTINGS,
    sources: &["rollproof: the primitives of src/strategy/machinery/plan.rs"],
};

static SETTINGS: [Setting; 1] = [START];
