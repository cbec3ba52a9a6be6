//! Start-up of a pod: worker, sandbox, image (`pulls`), container.
//!
//! In this order in `pkg/kubelet/kuberuntime/kuberuntime_manager.go` (SyncPod, startContainer): the sandbox comes before
//! the image, so a node that pulls one image at a time has the sandboxes of the waiting pods already.

use super::worker::{Stage, Worker};
use super::{KubeletEvent, Kubelets};

use crate::world::effects::{Ctx, Notice};
use crate::world::event::Event;
use crate::world::fact::Fact;
use crate::world::ids::{NodeId, PodId, VolumeId};
use crate::world::purpose::Purpose;
use crate::world::store::PodObject;

impl Kubelets {
    /// A pod bound to this node, heard of for the first time.
    pub(super) fn adopt(&mut self, node: NodeId, pod: PodId, object: &PodObject, ctx: &mut Ctx<'_>) {
        self.workers.insert(pod, Worker::new(node, object, ctx.now));
        self.nodes[node].pods.push(pod);
        self.enter_for(pod, Stage::Waiting, ctx.spec.timings.pod_worker, Purpose::PodWorker, ctx);
    }

    /// A pod whose deletion was asked for before it was heard of: nothing of it is made, its object goes at once.
    pub(super) fn refuse(&mut self, node: NodeId, pod: PodId, object: &PodObject, ctx: &mut Ctx<'_>) {
        let mut worker = Worker::new(node, object, ctx.now);
        worker.deleting = true;
        self.workers.insert(pod, worker);
        self.nodes[node].pods.push(pod);
        self.done(pod, ctx);
    }

    /// The worker acts. Its first sync posts a status (ContainerCreating), which costs the API client a write.
    ///
    /// On a node whose network is not there yet only pods of the host's network start (`pkg/kubelet/kubelet.go` syncPod,
    /// NetworkNotReadyErrorMsg); the others' workers try again once it is.
    pub(super) fn make_sandbox(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get(pod) else { return };
        let app = &ctx.spec.apps[ctx.store.pods().app(pod)];
        if !self.nodes[worker.node].has_network() && !app.host_network {
            return;
        }
        if !app.host_network && !self.plugs(worker.node, ctx) {
            if let Some(worker) = self.workers.get_mut(pod) {
                worker.mark = ctx.now;
            }
            return;
        }
        // `pkg/kubelet/volumemanager` WaitForAttachAndMount: without end, a try every two minutes and a bit.
        if ctx.store.volume_of(pod).is_some_and(|volume| ctx.store.volume(volume).attached != Some(worker.node)) {
            return;
        }
        self.post(pod, ctx);
        self.enter_for(pod, Stage::Sandbox, ctx.spec.timings.sandbox, Purpose::Sandbox, ctx);
    }

    /// A volume is attached to the node: the pods that waited for it go on.
    pub(super) fn volume_came(&mut self, node: NodeId, volume: VolumeId, ctx: &mut Ctx<'_>) {
        let waits = |pod: &PodId| {
            let waiting = self.workers.get(*pod).is_some_and(|worker| worker.stage == Stage::Waiting);
            waiting && ctx.store.volume_of(*pod) == Some(volume)
        };
        let waiting: Vec<PodId> = self.nodes[node].pods.iter().copied().filter(waits).collect();
        for pod in waiting {
            self.enter_for(pod, Stage::Waiting, ctx.spec.timings.pod_worker, Purpose::PodWorker, ctx);
        }
    }

    /// The pod has its address; next comes its image.
    pub(super) fn sandbox_made(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        worker.sandbox = true;
        ctx.notify(Notice::SandboxReady(pod));
        self.get_image(pod, ctx);
    }

    /// The container is created.
    pub(super) fn start_container(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        self.enter_for(pod, Stage::Starting, ctx.spec.timings.container_start, Purpose::ContainerStart, ctx);
    }

    /// The container runs; the next relist will see that.
    pub(super) fn container_started(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        worker.enter(Stage::Running);
        (worker.alive, worker.seen, worker.ready) = (true, false, false);
        worker.started = ctx.now;
        worker.forget_events();
        ctx.note(if worker.restarts > 0 { Fact::PodRestarted { pod } } else { Fact::PodStarted { pod } });
        ctx.notify(Notice::ContainerStarted(pod));
        self.plugin_started(pod, ctx);
        self.starts_to_die(pod, ctx);
        self.see_later(pod, ctx);
    }

    /// The next relist of the PLEG looks at this pod.
    pub(super) fn see_later(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get(pod) else { return };
        let kubelet = &self.nodes[worker.node];
        let (at, incarnation) = (kubelet.next_relist(ctx.now), kubelet.incarnation);
        ctx.at(at, Event::Kubelet(KubeletEvent::Relisted { pod, incarnation }));
    }
}
