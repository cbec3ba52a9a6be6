//! rollproof

pub mod base;
pub mod config;
pub mod engine;
pub mod observe;
pub mod report;
pub mod sim;
pub mod strategy;
pub mod world;
