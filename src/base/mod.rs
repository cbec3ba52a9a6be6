//! Floor 1: time, ids, quantities and versions. Plain values without behaviour of the cluster.

pub mod id;
pub mod name;
pub mod quantity;
pub mod time;
pub mod version;

pub use id::{Id, IdVec};
pub use name::Name;
pub use quantity::{IntOrPercent, Rate, Ratio};
pub use time::{Span, Time};
pub use version::Version;
