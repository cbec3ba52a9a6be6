//! Floor 5: what was asked for. TOML in, a [`Scenario`] out that cannot be wrong; or [`Refused`], with every problem.
//!
//! Each table of a scenario is a record of settings (`*_records.rs`), from which its reader, its part of the JSON
//! Schema and its part of [`resolved`] follow. The other files turn records into the world's
//! [`Spec`](crate::world::spec::Spec) and refuse what does not go together.

mod apis;
mod app;
mod app_records;
mod balancer_records;
mod beside;
mod budget;
mod checks;
mod cluster;
mod fault;
mod hops;
mod load;
mod lower;
mod objective;
mod own;
mod page;
mod plane_records;
mod pool;
mod pool_records;
mod presets;
mod probe;
mod record;
mod rollout;
mod rollout_records;
mod schema;
mod section;
#[cfg(test)]
mod shipped;
mod strategy;
#[cfg(test)]
mod tests;
mod traffic;
mod webhook;

pub use beside::Beside;
pub use checks::{MAX_APPS, MAX_NODES, MAX_PODS};
pub use load::{Refused, Scenario, Warnings, document, from_table, load, parse, parse_with, resolved};
pub use lower::SCHEMA;
pub use objective::Limits;
pub use own::Own;
pub use schema::schema;
pub use strategy::Chosen;
