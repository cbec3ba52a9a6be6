//! One machinery for all orchestrators but kops: a [`plan`] as plain data, and the state machines that run it.
//!
//! ```text
//! run (stages, errors by class) -> group (selection, pace, surge, finish, rollback) -> unit (its steps)
//!                                                                     drain, swap, gate <-+
//! ```
//!
//! Every wait is a poll with the tool's own period, or an alarm, so that a plan that waits costs nothing while nothing
//! changes. kops stays beside it and shares drains and the validation: its roll detaches machines from the end of its
//! list, validates between any two finishers of one pipeline, and carries eras of rules of its own; as primitives they
//! would have one user each.

pub mod arrival;
mod back;
pub mod condition;
mod draining;
mod gate;
mod group;
mod order;
pub mod parts;
pub mod plan;
mod rollout;
mod run;
mod select;
mod settings;
mod surge;
mod swap;
mod sweep;
#[cfg(test)]
mod tests;
pub mod toml;
mod unit;

pub use arrival::Group;
pub use condition::Condition;
pub use plan::*;
pub use run::Run;
pub use settings::*;
