//! Floor 3: the cluster. State, components, and the four vocabularies that separate it from everybody else.

pub mod begin;
pub mod behaviour;
pub mod bucket;
pub mod cluster;
pub mod command;
pub mod components;
pub mod disturbance;
pub mod effects;
pub mod event;
pub mod fact;
pub mod ids;
pub mod lease;
mod members;
pub mod membership;
mod nature;
pub mod network;
mod orders;
mod probing;
pub mod pulse;
pub mod purpose;
pub mod removed_apis;
pub mod reported;
mod restore;
mod routes;
pub mod rules;
pub mod runtimes;
pub mod scale_in;
pub mod serving;
pub mod spec;
pub mod store;
pub mod targets;
#[cfg(test)]
pub(crate) mod testkit;
pub mod traffic;
pub mod watch;
