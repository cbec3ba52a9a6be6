//! What the kubelet tells the API of its pods: at once when it changes, and again with the status manager's batch.

use super::worker::Stage;
use super::{KubeletEvent, Kubelets};
use crate::world::effects::{Ctx, Reply, ReplyTo};
use crate::world::event::Event;
use crate::world::ids::{NodeId, PodId};
use crate::world::store::{Change, PodObject};

impl Kubelets {
    /// A relist of the PLEG has found the container running, or dead. Its status follows.
    pub(super) fn relisted(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        if worker.sandbox_dead && worker.stage == Stage::Running {
            return self.renew_sandbox(pod, ctx);
        }
        if !worker.alive {
            (worker.seen, worker.ready) = (false, false);
            return self.report(pod, ctx);
        }
        if worker.stage == Stage::Running && !worker.seen {
            (worker.seen, worker.ran) = (true, true);
            self.begin_probes(pod, ctx);
            self.report(pod, ctx);
        }
    }

    /// Posts the pod's status, if it is another than last posted (the status manager's immediate channel,
    /// `pkg/kubelet/status/status_manager.go`).
    pub(super) fn report(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        if self.workers.get(pod).is_some_and(|worker| worker.posted != worker.status()) {
            self.post(pod, ctx);
        }
    }

    /// Posts the pod's status; while no write is stored it waits.
    pub(super) fn post(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod).filter(|worker| !worker.gone) else { return };
        let (node, (phase, ready)) = (worker.node, worker.status());
        worker.posted = (phase, ready);
        worker.echoed = false;
        worker.unposted = !self.nodes[node].served;
        if !worker.unposted {
            let reply = Reply::OnFailure(ReplyTo::Kubelet { node, token: pod.0 });
            ctx.write(self.nodes[node].client, Change::PodStatus { pod, phase, ready }, reply);
        }
    }

    /// Asks the API to let the object go (delete with grace 0).
    pub(super) fn remove_object(&mut self, node: NodeId, pod: PodId, ctx: &mut Ctx<'_>) {
        if !self.nodes[node].served {
            return self.tick_later(node, ctx);
        }
        let reply = Reply::OnFailure(ReplyTo::Kubelet { node, token: pod.0 });
        ctx.write(self.nodes[node].client, Change::RemovePod { pod }, reply);
    }

    /// The API's status of a pod was heard: if somebody else has changed it (the node lifecycle controller marks all
    /// pods of a lost node), the next batch puts it right (`needsReconcile` of the status manager).
    pub(super) fn compare(&mut self, pod: PodId, object: &PodObject, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get(pod).filter(|_| !object.gone) else { return };
        if (object.phase, object.ready) != worker.posted {
            if worker.echoed {
                self.tick_later(worker.node, ctx);
            }
        } else if !worker.echoed
            && let Some(worker) = self.workers.get_mut(pod)
        {
            worker.echoed = true;
            self.workers.rest(pod, &ctx.spec.apps[object.app], ctx.now);
        }
    }

    /// There is something to do at the status manager's next batch.
    pub(super) fn tick_later(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        let kubelet = &mut self.nodes[node];
        if kubelet.is_acting() && kubelet.served && !std::mem::replace(&mut kubelet.tick_due, true) {
            let (at, incarnation) = (kubelet.next_batch(ctx.now), kubelet.incarnation);
            ctx.at(at, Event::Kubelet(KubeletEvent::StatusTick { node, incarnation }));
        }
    }

    /// The status manager's batch: statuses that the API does not have, and objects that may go.
    pub(super) fn status_tick(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        self.nodes[node].tick_due = false;
        if !self.nodes[node].served {
            return;
        }
        self.reconcile_node(node, ctx);
        if !self.nodes[node].synced() {
            return;
        }
        let at = ctx.cursor(self.nodes[node].client);
        for pod in self.nodes[node].pods.clone() {
            let Some(worker) = self.workers.get(pod) else { continue };
            let differs =
                ctx.store.pods().at(pod, at).is_some_and(|object| {
                    !object.gone && worker.echoed && (object.phase, object.ready) != worker.posted
                });
            if worker.stage == Stage::Done {
                self.remove_object(node, pod, ctx);
            } else if worker.unposted || differs {
                self.post(pod, ctx);
            }
        }
    }
}
