//! External load balancers of apps.

/// Inside an external load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BalancerEvent {}
