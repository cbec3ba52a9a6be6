//! What is left of a pod that ended: volumes, dead containers, its sandbox, and last its object.
//!
//! Source: `PodResourcesAreReclaimed` of `pkg/kubelet/kubelet_pods.go`, `pkg/kubelet/status/status_manager.go`.

use super::Kubelets;
use super::machine::{Kubelet, RELIST};
use super::worker::Stage;
use crate::base::Time;
use crate::world::effects::Ctx;
use crate::world::ids::PodId;
use crate::world::purpose::Purpose;

impl Kubelets {
    /// Volumes are unmounted, dead containers deleted.
    pub(super) fn reclaim(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        self.reclaim_after(pod, Time::NEVER, ctx);
    }

    /// The same, after a stop: the runtime reported the container's exit at `exit`, and the sandbox was stopped now.
    pub(super) fn reclaim_after(&mut self, pod: PodId, exit: Time, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get(pod) else { return };
        let (node, kubelet) = (worker.node, &self.nodes[worker.node]);
        let name = ctx.store.pods().name(pod);
        let lasting = ctx.spec.timings.reclaim;
        let lasting = lasting.sample(&mut ctx.draw(Purpose::Reclaim, name, kubelet.ordinal(&worker)));
        let mut at = ctx.now + lasting;
        // With the object gone nobody waits for it, and the sandbox is deleted in any case.
        if kubelet.awaits_sandbox() && !worker.gone {
            at = at.max(sandbox_deleted(kubelet, exit, ctx.now));
        }
        self.enter_until(pod, Stage::Reclaiming, at, ctx);
        // To wait for relists and collections is no work.
        self.runtime_works(node, ctx.now + lasting, ctx);
    }

    /// Everything is reclaimed: the object may go.
    ///
    /// Up to 1.26 the status manager looks with its batch, every 10 s (`canBeDeleted` in `syncBatch`): that is why
    /// objects outlive their pods by up to 12 s. From 1.27 the worker's end triggers it (`podIsFinished`, kubernetes
    /// PR 115331).
    pub(super) fn reclaimed(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get_mut(pod) else { return };
        if worker.gone {
            return self.forget(pod);
        }
        let node = worker.node;
        worker.enter(Stage::Done);
        match self.nodes[node].ends_promptly() {
            true => self.remove_object(node, pod, ctx),
            false => self.tick_later(node, ctx),
        }
    }
}

/// When a kubelet of 1.20.0 to 1.20.2 knows that the sandbox is deleted: stopped at `stopped`, its container reported
/// exited at `exit`.
///
/// The relist that finds the container dead has it deleted, the next one finds it removed, and on that event the
/// sandbox is deleted, if the status manager already has the pod as ended; the relist after that finds it gone
/// (`syncLoopIteration`, `deletePodSandbox` and `IsPodDeleted` of `pkg/kubelet/kubelet.go`). The status comes from the
/// worker, which was busy until the sandbox was stopped, and whose next sync needs a relist that began after that
/// (`podCache.GetNewerThan`). So a relist between exit and stop lets the event come first: the same relist that frees
/// the worker tells the event, and the event finds the status of a running pod. Nothing deletes the sandbox then but
/// the collection of garbage, once a minute (kubernetes issue 97288; changelog of 1.20.3: "up to one minute").
fn sandbox_deleted(kubelet: &Kubelet, exit: Time, stopped: Time) -> Time {
    let died = kubelet.next_relist(exit.min(stopped));
    let removed = died + RELIST;
    if died >= stopped {
        return removed + RELIST;
    }
    kubelet.next_relist(kubelet.next_collection(removed.max(stopped)))
}
