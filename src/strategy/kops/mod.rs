//! `kops rolling-update cluster`, in the presets of three eras: one machine, three records of settings.
//!
//! Sources: kops `pkg/instancegroups/{rollingupdate,instancegroups,settings}.go`, `pkg/validation/validate_cluster.go`,
//! `cmd/kops/rolling-update_cluster.go`, and their states of 2017 to 2020. Left out: bastions, interactive runs, warm
//! pools, Karpenter's and API-server-only groups, and clouds that reuse node names (their Node objects go first).

mod gate;
mod group;
mod member;
mod replacement;
mod roll;
mod settings;
#[cfg(test)]
mod tests;

use super::actor::Actor;
use super::catalog::{StrategyEntry, Target};
use crate::config::{Entry, Setting, Values};
use roll::Roll;
use settings::{Defaults, Era, Settings, settings};

/// kops of today.
pub static KOPS: StrategyEntry =
    StrategyEntry { entry: &NOW, build: |values| build(values, Era::NOW), target: Target::Needed, hides_etcd: false };
/// kops 1.15, the release that leaned on validation instead of long waits.
pub static KOPS_1_15: StrategyEntry = StrategyEntry {
    entry: &OF_1_15,
    build: |values| build(values, Era::OF_1_15),
    target: Target::Needed,
    hides_etcd: false,
};
/// kops 1.9 to 1.12.
pub static KOPS_2018: StrategyEntry = StrategyEntry {
    entry: &OF_2018,
    build: |values| build(values, Era::OF_2018),
    target: Target::Needed,
    hides_etcd: false,
};

fn build(values: &Values, era: Era) -> Box<dyn Actor> {
    Box::new(Roll::new(Settings::of(values, era)))
}

static NOW: Entry = Entry {
    name: "kops",
    about: "kops rolling-update as it is now: workers surge by one, gates ask for two validations.",
    details: "Masters one after another, then groups of workers by name. A group is validated and softly tainted; one \
              worker is detached, so that its replacement comes first; each machine is cordoned, taken out of load \
              balancers, drained for at most 15 minutes and terminated, and the cluster must validate twice before the \
              next. An error in a master's group, a validation that times out or a failed deregistration stops the run; \
              a failed drain abandons its group of workers only.",
    settings: &NOW_SETTINGS,
    sources: SOURCES,
};

static NOW_SETTINGS: [Setting; 17] = settings(&Defaults {
    control_plane_interval: "\"15s\"",
    node_interval: "\"15s\"",
    post_drain_delay: "\"5s\"",
    validation_timeout: "\"15m\"",
    validate_count: "2",
    drain_timeout: "\"15m\"",
    max_surge: "1",
    max_unavailable: "0",
    deregister_control_plane: "true",
});

static OF_1_15: Entry = Entry {
    name: "kops-1.15",
    about: "kops 1.15: short waits, one validation between machines, no surge, drains without a deadline.",
    details: "As kops, without soft taints, surge and deregistration. A group begins with one validation that is not \
              tried again. Any group's failures fail a validation, and the gate gives up exactly at its time-out. An \
              error in a group of workers abandons that group only.",
    settings: &OF_1_15_SETTINGS,
    sources: SOURCES,
};

static OF_1_15_SETTINGS: [Setting; 17] = settings(&Defaults {
    control_plane_interval: "\"15s\"",
    node_interval: "\"15s\"",
    post_drain_delay: "\"5s\"",
    validation_timeout: "\"15m\"",
    validate_count: "1",
    drain_timeout: "\"0s\"",
    max_surge: "0",
    max_unavailable: "1",
    deregister_control_plane: "false",
});

static OF_2018: Entry = Entry {
    name: "kops-2018",
    about: "kops 1.9 to 1.12: long fixed waits, one validation, and masters' errors that stop nothing.",
    details: "As kops-1.15, with five minutes after each master, four after each worker and 90 seconds after each \
              drain. An error in a master's group lets the next group begin, as in 1.9; each begins with one \
              validation, so that it takes a cluster that looks valid to go on.",
    settings: &OF_2018_SETTINGS,
    sources: SOURCES,
};

static OF_2018_SETTINGS: [Setting; 17] = settings(&Defaults {
    control_plane_interval: "\"5m\"",
    node_interval: "\"4m\"",
    post_drain_delay: "\"90s\"",
    validation_timeout: "\"5m\"",
    validate_count: "1",
    drain_timeout: "\"0s\"",
    max_surge: "0",
    max_unavailable: "1",
    deregister_control_plane: "false",
});

const SOURCES: &[&str] = &[
    "kops pkg/instancegroups/rollingupdate.go",
    "kops pkg/instancegroups/instancegroups.go",
    "kops pkg/validation/validate_cluster.go",
    "kops cmd/kops/rolling-update_cluster.go",
    "kops PRs 6747, 8021, 8088",
];
