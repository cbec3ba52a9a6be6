//! kube-proxies.

/// Inside a kube-proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyEvent {}
