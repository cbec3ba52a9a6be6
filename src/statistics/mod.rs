//! Floor 2: statistics on finished figures. Pure functions of numbers; they know neither runs nor Kubernetes.
//!
//! Tests answer with [`Tails`], intervals are [`Interval`]s. All sums run in a fixed order on `libm`, so that one
//! input gives one answer, byte for byte, on any machine.
//!
//! # Why no library
//!
//! `statrs` (0.19) is the crate that is kept best. It reaches `ln`, `exp` and `ln_gamma` through `num-traits`, whose
//! `std` feature, which any other crate of the build may switch on (drawing does), turns them into the platform's:
//! figures would differ between machines and between builds with and without the command. Its incomplete beta also
//! stops after 140 terms, too few from some ten thousand trials on. So the incomplete beta function is here, on
//! `libm`; `statrs` is an oracle in the tests. No crate has exact tied rank tests or the sequential methods.

mod beta;
pub mod binomial;
pub mod bounded;
pub mod coverage;
mod fourier;
pub mod holm;
mod interval;
pub mod paired;
pub mod quantiles;
pub mod ranks;
pub mod sequential;
pub mod splitting;
mod student;
mod tails;

pub use interval::Interval;
pub use tails::Tails;
