//! Closed forms as oracles: where probability theory knows the answer, the simulation must find it.
//!
//! Each claim is made twice. On the *engine* (its queue, its keyed draws, its distributions, and a model of a few
//! lines), at a million samples. On the *world* (the etcd component with its elections, the apps' processes and their
//! per-request traffic), at a million requests for the queues and at fewer crashes for etcd, whose million is
//! `#[ignore]`d and runs in `.ci/soak`. The known figure must lie in the simulated 99.99 % interval, and the interval
//! must be narrow enough to tell it from a wrong one.
//!
//! Samples within a run depend on one another, so intervals come from the means of a few hundred batches, each many
//! times longer than the model's memory, with Student's quantile; the first batch, which begins in a special state,
//! is left out. Replications that share nothing are batches of any size.

#![allow(clippy::print_stdout, reason = "each claim shows its figures")]

mod availability;
mod batches;
mod course;
mod queueing;
mod race;
