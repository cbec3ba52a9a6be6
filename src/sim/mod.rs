//! Floor 6: one run. The loop, its limits, its outcome, its digest.

pub mod outcome;

pub use outcome::Outcome;
