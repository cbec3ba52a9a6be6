//! Claims about users' requests, on a small stage.

mod agreement;
mod balance;
mod costs;
mod holes;
mod places;
mod queues;
mod scene;
mod windows;
