//! Floor 4, first wall: actors outside the cluster. A strategy plans an upgrade from what the API reports.

pub mod actor;

pub use actor::{Actor, NotYet, Orders, Wait};
