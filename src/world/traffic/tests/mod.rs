//! Claims about users' requests, on a small stage.

mod agreement;
mod balance;
mod costs;
mod holes;
mod places;
mod processors;
mod queues;
mod race;
mod scene;
mod windows;
