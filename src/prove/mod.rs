//! Floor 7: many runs for one answer. Search over seeds and faults, counterexample, comparison, certificate.
//!
//! A verdict says what it is about: which kinds of faults, how many at once, at which moments, under which draws, how
//! many seeds, which bound at which confidence, under which version of the model. [`search::prove`] makes a
//! [`report::Proof`] of a scenario: no fault over seeds; one fault, enumerated; pairs of a small set of kinds,
//! enumerated; then faults at random moments, until a sequential test decides.
//!
//! Nothing here depends on how many threads there are: batches have fixed sizes, and are added up in their order.

pub mod ask;
pub mod baseline;
pub mod batch;
pub mod certificate;
pub mod checks;
pub mod compare;
pub mod counterexample;
mod edit;
pub mod explain;
pub mod instants;
pub mod objective;
pub mod outage;
pub mod pairs;
pub mod placement;
pub mod rare;
pub mod reference;
pub mod report;
pub mod sampled;
pub mod search;
mod shrink;
pub mod singles;
pub mod sweep;
pub mod tally;
pub mod weighing;

pub use ask::{Ask, UnknownKind, UnknownLaw};
pub use batch::{Failed, Journal, NoJournal, Work};
pub use report::Proof;
pub use search::prove;
