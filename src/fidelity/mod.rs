//! Floor 7: how close the simulator is to real clusters.

pub mod public;
