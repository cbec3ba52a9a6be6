//! What happens inside the cluster: one closed enum per component, composed here. At most 24 bytes.

use crate::world::components::{
    api::ApiEvent, balancer::BalancerEvent, cloud::CloudEvent, controllers::ControllersEvent, etcd::EtcdEvent,
    joining::JoinEvent, kubelet::KubeletEvent, probe::ProbeEvent, proxy::ProxyEvent, routers::RouterEvent,
    scheduler::SchedulerEvent, static_pods::StaticPodEvent,
};
use crate::world::ids::{ActorId, FaultId};
use crate::world::traffic::TrafficEvent;

/// An event of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// etcd.
    Etcd(EtcdEvent),
    /// API servers, their load balancer, their clients' connections.
    Api(ApiEvent),
    /// Controller managers.
    Controllers(ControllersEvent),
    /// Schedulers.
    Scheduler(SchedulerEvent),
    /// Kubelets.
    Kubelet(KubeletEvent),
    /// kube-proxies.
    Proxy(ProxyEvent),
    /// Ingress controllers.
    Router(RouterEvent),
    /// External load balancers of apps.
    Balancer(BalancerEvent),
    /// Machines and their groups.
    Cloud(CloudEvent),
    /// Apps' processes and their users' requests.
    Traffic(TrafficEvent),
    /// An actor wakes.
    Actor {
        /// Which.
        actor: ActorId,
        /// Only the newest alarm counts.
        alarm: u32,
    },
    /// The API's answer to a request reaches whoever asked.
    Answer {
        /// Who asked.
        to: crate::world::effects::ReplyTo,
        /// How it went.
        result: crate::world::effects::Outcome,
    },
    /// A fault strikes.
    Fault(FaultId),
    /// A fault is repaired.
    Repair(FaultId),
    /// Static pods of masters whose manifests were swapped.
    StaticPod(StaticPodEvent),
    /// Measuring clients.
    Probe(ProbeEvent),
    /// A snapshot's data is on all masters' disks.
    Restored,
    /// New masters that join.
    Joining(JoinEvent),
}
