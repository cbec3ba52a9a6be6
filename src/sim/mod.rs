//! Floor 6: one run. The loop, its limits, its outcome, its digest.

mod actors;
mod branch;
#[cfg(test)]
mod elisions;
mod faults;
mod judge;
pub mod outcome;
mod record;
mod simulation;
pub mod sweep;

pub use branch::{Begun, Held};
pub use outcome::Outcome;
pub use simulation::{Finished, InternalError, Simulation, Watch, run};
pub use sweep::{Sweep, sweep};

/// Version of the model: equal versions, scenarios and seeds give equal digests.
pub const MODEL_VERSION: &str = "1";
