//! What a component's version makes it do, resolved once when its process starts.
//!
//! Every field names the version in which it changed and the source. A cluster in mid-upgrade mixes versions, and so
//! it mixes behaviours.

use crate::base::{Span, Version};

/// Behaviour of one process of a Kubernetes component, by its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// `--node-monitor-grace-period`: 40 s, from 1.32 50 s. Source: kubernetes PR 126287.
    pub node_monitor_grace: Span,
    /// A lost node gets a NoExecute taint, from 1.13 (TaintBasedEvictions beta); before, its pods are deleted when
    /// nothing was heard of it for `--pod-eviction-timeout`. Source: `pkg/features/kube_features.go`, KEP-166.
    pub taint_eviction: bool,
    /// A scheduler releases its lease on SIGTERM, from 1.22. Source: kubernetes PR 100305.
    pub scheduler_releases_lease: bool,
    /// A silently dead API connection is found by HTTP/2 pings within 30 s + 15 s, from 1.20; before, TCP gives up
    /// after about 15 minutes. Source: apimachinery `net/http.go`, kubernetes PR 95981.
    pub http2_ping: bool,
    /// A reflector waits longer after each failure, up to 30 s and as much jitter; before 1.18 it tries every second.
    /// Source: kubernetes PR 87795 (client-go `tools/cache/reflector.go`).
    pub reflector_backoff: bool,
    /// A kubelet closes all its connections when a heartbeat has failed twice in a row, from 1.11 up to 1.23; later
    /// ones leave that to HTTP/2 pings. Source: kubernetes PRs 63492 and 108107.
    pub heartbeat_closes: bool,
    /// Writes a second and burst of a kubelet's API client: 5/10, from 1.27 50/100. Source: kubelet config defaults.
    pub kubelet_qps: (u32, u32),
    /// A kubelet's status update is a GET and a PATCH (true) or the PATCH alone, from 1.27 (KEP-3960 era status
    /// manager). Source: `pkg/kubelet/status/status_manager.go`.
    pub status_needs_get: bool,
    /// Probes start after a random part of their period always (true, up to 1.21), or only within the first period of
    /// the kubelet's own life. Source: `pkg/kubelet/prober/worker.go`.
    pub probe_jitter_always: bool,
    /// A kubelet that finds a container not ready probes it at once on each sync, from 1.22 on.
    /// Source: `pkg/kubelet/prober/worker.go`, manual trigger.
    pub probe_on_sync: bool,
    /// kube-proxy (iptables) waits at least this long between two syncs: 1 s, 0 before 1.20.
    /// Source: kubernetes PR 92836.
    pub proxy_min_sync: Span,
    /// How many syncs kube-proxy's gate lets pass in a burst: 2; from 1.34 the gap runs from the end of the last sync
    /// and there is no burst. Source: `pkg/util/async`, `pkg/proxy/runner`.
    pub proxy_burst: u32,
    /// kube-proxy falls back to terminating endpoints that still serve when no ready one is left, from 1.26.
    /// Source: KEP-1669.
    pub terminating_endpoints: bool,
    /// A cordoned node leaves external load balancers' targets, up to 1.18.
    /// Source: `pkg/controller/service`, ServiceNodeExclusion and LegacyNodeRoleBehavior, 1.19 changelog.
    pub cordon_leaves_balancer: bool,
    /// A node that is not Ready leaves external load balancers' targets, up to 1.26. Source: KEP-3458.
    pub unready_leaves_balancer: bool,
    /// The label `node.kubernetes.io/exclude-from-external-load-balancers` is honoured, from 1.19 (beta-on).
    pub exclude_label: bool,
    /// The service controller acts on node changes at once (true, from 1.19 for node additions and label changes; the
    /// full loop runs every 100 s in all versions). Source: `pkg/controller/service/controller.go` nodeSyncPeriod.
    pub balancer_sync_on_change: bool,
    /// `unhealthyPodEvictionPolicy` is honoured, from 1.27. Source: KEP-3017.
    pub unhealthy_eviction_policy: bool,
    /// Scheduler: longest time in the unschedulable queue: 60 s, from 1.24 300 s. Source: kubernetes PR 108761.
    pub unschedulable_flush: Span,
    /// `kubeadm join` adds a control plane's etcd member as a learner first, from 1.29. Source: kubeadm feature gate
    /// EtcdLearnerMode (alpha and off in 1.27, beta and on in 1.29).
    pub join_as_learner: bool,
    /// How many minors a kubelet may be older than an API server: 2, from kubelet 1.25 on 3. Source: KEP-3935.
    pub kubelet_skew: u16,
}

impl Behaviour {
    /// The behaviour of this version of Kubernetes.
    pub fn of(version: Version) -> Behaviour {
        let since = |minor| version.at_least(1, minor);
        Behaviour {
            node_monitor_grace: Span::secs(if since(32) { 50 } else { 40 }),
            taint_eviction: since(13),
            scheduler_releases_lease: since(22),
            http2_ping: since(20),
            reflector_backoff: since(18),
            heartbeat_closes: since(11) && !since(24),
            kubelet_qps: if since(27) { (50, 100) } else { (5, 10) },
            status_needs_get: !since(27),
            probe_jitter_always: !since(22),
            probe_on_sync: since(22),
            proxy_min_sync: if since(20) { Span::secs(1) } else { Span::ZERO },
            proxy_burst: if since(34) { 1 } else { 2 },
            terminating_endpoints: since(26),
            cordon_leaves_balancer: !since(19),
            unready_leaves_balancer: !since(27),
            exclude_label: since(19),
            balancer_sync_on_change: since(19),
            unhealthy_eviction_policy: since(27),
            unschedulable_flush: Span::secs(if since(24) { 300 } else { 60 }),
            join_as_learner: since(29),
            kubelet_skew: if since(25) { 3 } else { 2 },
        }
    }
}

/// Whether etcd of this version asks for pre-votes by default: from 3.5. Source: etcd `embed/config.go`.
pub fn etcd_pre_vote(version: Version) -> bool {
    version.at_least(3, 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_node_grace_grew_in_1_32() {
        assert_eq!(Behaviour::of(Version::new(1, 31, 9)).node_monitor_grace, Span::secs(40));
        assert_eq!(Behaviour::of(Version::new(1, 32, 0)).node_monitor_grace, Span::secs(50));
    }

    #[test]
    fn pre_vote_came_with_etcd_3_5() {
        assert!(!etcd_pre_vote(Version::new(3, 4, 23)));
        assert!(etcd_pre_vote(Version::new(3, 5, 0)));
    }
}
