//! Floor 4, first wall: actors outside the cluster. A strategy plans an upgrade from what the API reports.
//!
//! A strategy is one [`catalog::StrategyEntry`]: settings, and a planner built from them. [`drain`] is the machine that
//! all of them drain nodes with; [`mod@plan_check`] refuses what no strategy may do.

pub mod actor;
pub mod by_hand;
pub mod catalog;
pub mod drain;
pub mod kops;
pub mod kubectl_drain;
pub mod none;
pub mod plan_check;
pub mod rollout_restart;
mod shell;
mod start;
pub mod turn;

#[cfg(test)]
mod stage;

pub use actor::{Actor, NotYet, Orders, Wait};
pub use catalog::{CATALOG, StrategyEntry, Target};
pub use plan_check::{Refusal, plan_check};
