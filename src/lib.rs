//! rollproof

pub mod base;
