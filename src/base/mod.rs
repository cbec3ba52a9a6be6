//! Floor 1: time, ids, quantities and versions. Plain values without behaviour of the cluster.

pub mod id;
pub mod name;
pub mod pages;
pub mod pool;
pub mod quantity;
pub mod time;
pub mod version;

pub use id::{Id, IdVec};
pub use name::Name;
pub use pages::Pages;
pub use pool::Pool;
pub use quantity::{IntOrPercent, Rate, Ratio};
pub use time::{Span, Time};
pub use version::Version;

/// How many cases a property test tries that usually tries this many. PROPTEST_CASES above its own default, 256, raises
/// the number for all in proportion, so that a soak is one variable.
#[cfg(test)]
pub(crate) fn cases(usual: u32) -> u32 {
    usual.saturating_mul((proptest::test_runner::Config::default().cases / 256).max(1))
}
