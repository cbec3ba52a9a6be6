//! Machines and their groups.

/// Inside the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloudEvent {}
