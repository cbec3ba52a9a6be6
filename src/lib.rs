//! rollproof

pub mod base;
pub mod config;
pub mod engine;
pub mod fault;
pub mod observe;
pub mod report;
pub mod scenario;
pub mod sim;
pub mod strategy;
pub mod world;
