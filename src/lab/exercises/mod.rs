//! The exercises, a folder each: text, plan, a plan that passes, hints.

pub mod activity;
pub mod budget;
pub mod capacity;
pub mod compare;
pub mod counterexample;
pub mod drain;
pub mod etcd_backup;
pub mod grace;
pub mod one_by_one;
pub mod pre_stop;
pub mod probes;
pub mod second_fault;
pub mod skew;
pub mod termination;
pub mod two_nodes;
pub mod version_flow;
pub mod why_ha;
pub mod workers;
