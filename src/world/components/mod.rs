//! One state machine per component. None imports another: they meet through the store, the network and notices.

pub mod api;
pub mod balancer;
pub mod cloud;
pub mod controllers;
pub mod etcd;
pub mod joining;
pub mod kubelet;
pub mod probe;
pub mod proxy;
pub mod routers;
pub mod scheduler;
pub mod static_pods;
