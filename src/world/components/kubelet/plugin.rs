//! The network plugin as a pod of the node: a DaemonSet that puts its configuration on the disk as it starts.
//!
//! Until then the runtime says NetworkReady=false and the node is not Ready (`pkg/kubelet/nodestatus`, ReadyCondition;
//! containerd, `pkg/cri/server/status.go`). Later, while the pod is away, running pods keep their network and a sandbox
//! that is asked for fails; the pod's worker tries again (`pkg/kubelet/pod_workers.go`, backOffPeriod).

use super::Kubelets;
use super::worker::Stage;
use crate::base::Span;
use crate::world::effects::Ctx;
use crate::world::ids::{NodeId, PodId};

/// A worker whose pod got no sandbox tries again after this, taken without its jitter of up to a half. Source:
/// kubernetes `pkg/kubelet/kubelet.go`, `backOffPeriod`.
const SANDBOX_RETRY: Span = Span::secs(10);

impl Kubelets {
    /// Whether a sandbox can be made on this node: its plugin runs, or is no pod.
    pub(super) fn plugs(&self, node: NodeId, ctx: &Ctx<'_>) -> bool {
        let is_plugin = |pod: PodId| ctx.spec.apps[ctx.store.pods().app(pod)].is_cni;
        let alive = |pod: PodId| self.workers.get(pod).is_some_and(|worker| worker.alive);
        !self.cni || self.nodes[node].pods.iter().any(|pod| alive(*pod) && is_plugin(*pod))
    }

    /// A container has started; if it is the plugin's, the node may become Ready, and pods get their sandboxes.
    pub(super) fn plugin_started(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        if !self.cni || !ctx.spec.apps[ctx.store.pods().app(pod)].is_cni {
            return;
        }
        let Some(node) = self.workers.get(pod).map(|worker| worker.node) else { return };
        let kubelet = &mut self.nodes[node];
        kubelet.configured = true;
        if kubelet.settled && !kubelet.joined && kubelet.registered && kubelet.is_acting() {
            return self.join(node, ctx);
        }
        for pod in self.nodes[node].pods.clone() {
            let refused = |worker: &super::worker::Worker| worker.stage == Stage::Waiting && worker.mark > worker.added;
            if let Some(worker) = self.workers.get(pod).filter(refused) {
                let at = ctx.now.next_tick(worker.mark, SANDBOX_RETRY);
                self.enter_until(pod, Stage::Waiting, at, ctx);
            }
        }
    }
}
