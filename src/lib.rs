//! rollproof

pub mod base;
pub mod engine;
pub mod strategy;
pub mod world;
