//! Actors beside the strategy: what else changes machines and evicts pods while an upgrade runs, and knows nothing of
//! it. Each kind is one file with its record; [`CATALOG`] lists them. Each has its own API client and its own state.

pub mod catalog;
mod cluster_autoscaler;
mod descheduler;
mod machine_health_check;
mod node_repair;
mod packing;
#[cfg(test)]
mod tests;

pub use catalog::{BesideEntry, CATALOG, UnknownActor, find};

use crate::config::{Kind, Setting};

/// A setting.
const fn setting(
    key: &'static str,
    kind: Kind,
    default: &'static str,
    about: &'static str,
    source: &'static str,
) -> Setting {
    Setting { key, about, kind, default, unit: "", source }
}
