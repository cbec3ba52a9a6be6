//! Where the rule behind a fact can be read.

use crate::world::fact::{Fact, Loss};

/// The file, page or issue that has the rule; `None` for what needs none.
pub fn reference(fact: &Fact) -> Option<&'static str> {
    Some(match fact {
        Fact::Evicted { .. } | Fact::EvictionRefused { .. } => "kubernetes pkg/registry/core/pod/storage/eviction.go",
        Fact::PodDeleting { .. } | Fact::PodGone { .. } => "Kubernetes documentation, \"Termination of Pods\"",
        Fact::PodTerminating { .. } | Fact::PodKilled { .. } | Fact::PodRestarted { .. } => {
            "kubernetes pkg/kubelet/kuberuntime/kuberuntime_container.go"
        }
        Fact::PodExited { .. } | Fact::PodSilent { .. } => "kubernetes pkg/kubelet/kubelet_pods.go",
        Fact::PodReady { .. } => "kubernetes pkg/kubelet/prober/worker.go, status/status_manager.go",
        Fact::PodCreated { .. } => "kubernetes pkg/controller/replicaset/replica_set.go",
        Fact::PodBound { .. } => "kubernetes pkg/scheduler/schedule_one.go",
        Fact::EndpointSet { .. } => "kubernetes pkg/controller/endpoint, endpointslice/reconciler.go",
        Fact::RulesProgrammed { .. } => "kubernetes pkg/proxy/iptables/proxier.go, pkg/util/async",
        Fact::NodeReadyIs { .. } => "kubernetes pkg/controller/nodelifecycle/node_lifecycle_controller.go",
        Fact::NodeCordoned { .. } => "kubectl pkg/drain/cordon.go",
        Fact::MemberStarted { .. } | Fact::MemberStopped { .. } | Fact::QuorumIs { .. } => {
            "etcd documentation, FAQ: \"What is failure tolerance?\""
        }
        Fact::MemberLeads { .. } | Fact::MemberYields { .. } => "etcd raft/raft.go",
        Fact::ServerStopping { .. } | Fact::ServerStopped { .. } | Fact::ServerReady { .. } => {
            "kubernetes staging/src/k8s.io/apiserver/pkg/server/genericapiserver.go"
        }
        Fact::LeaseTaken { .. } | Fact::LeaseLost { .. } => "client-go tools/leaderelection/leaderelection.go",
        Fact::SkewBroken { .. } => "Kubernetes documentation, \"Version Skew Policy\"",
        Fact::RequestsLost { loss, .. } | Fact::Exposed { loss, .. } | Fact::ExposureBegan { loss, .. } => {
            of_loss(*loss)
        }
        _ => return None,
    })
}

/// How a request is lost so.
const fn of_loss(loss: Loss) -> &'static str {
    match loss {
        Loss::Refused => "RFC 9293 3.5.2: a reset answers a segment for a closed port",
        Loss::Reset => "RFC 9293 3.10.7: data for a connection that is gone is answered by a reset",
        Loss::BlackHole => "RFC 9293 3.8.1: retransmission into silence until a time-out",
        Loss::NoEndpoint => "kubernetes pkg/proxy/iptables/proxier.go: REJECT without endpoints",
        Loss::Overload => "M/G/k queue: more asked than the pods can do in time",
        Loss::StreamDropped => "a stream ends with its connection",
        Loss::ServerError => "RFC 9110 15.6: a server that fails to fulfil a request answers 5xx",
        Loss::Dns => "RFC 1035 4.1.1: a resolver that cannot answer says SERVFAIL",
        Loss::NoTarget => "a load balancer without a healthy target refuses",
    }
}
