//! Floor 4, first wall: actors outside the cluster. A strategy plans an upgrade from what the API reports.
//!
//! A strategy is one [`catalog::StrategyEntry`]: settings, and a planner built from them. [`drain`] is the machine that
//! all of them drain nodes with; [`machinery`] runs plans that are plain data; [`mod@plan_check`] refuses what no
//! strategy may do.

pub mod actor;
pub mod aks;
pub mod baselines;
pub mod beside;
pub mod by_hand;
pub mod catalog;
pub mod cluster_api;
pub mod delivery;
pub mod drain;
pub mod eks_managed;
pub mod gardener_mcm;
pub mod gke_blue_green;
pub mod gke_surge;
pub mod hops;
pub mod karpenter_drift;
pub mod kops;
pub mod kubeadm;
pub mod kubectl_drain;
pub mod kubespray;
pub mod kured;
pub mod machinery;
pub mod none;
pub mod openshift_mco;
pub mod own_plan;
pub mod plan_check;
pub mod rollout_restart;
pub mod second_pool;
mod shell;
pub mod start;
pub mod system_upgrade_controller;
pub mod talos;
pub mod turn;
mod validation;
mod wait;

#[cfg(test)]
mod stage;

pub use actor::{Actor, NotYet, Orders, Part, Poll, Wait};
pub use catalog::{CATALOG, StrategyEntry, Target};
pub use cluster_api::refused as cluster_api_refuses;
pub use hops::{Hops, each_minor, goals, walk_check};
pub use plan_check::{Refusal, plan_check};
