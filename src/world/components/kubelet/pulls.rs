//! Images: pulled one at a time on a node, from a registry that may be slow or down.

use super::Kubelets;
use super::worker::Stage;
use crate::base::{Name, Span};
use crate::engine::Dist;
use crate::world::disturbance::Registry;
use crate::world::effects::Ctx;
use crate::world::fact::Fact;
use crate::world::ids::{AppId, NodeId, PodId};
use crate::world::purpose::Purpose;

impl Kubelets {
    /// How the registry answers from now on. A pull under way that was begun at another pace keeps it.
    pub fn set_registry(&mut self, registry: Registry) {
        self.registry = registry;
    }

    /// The container is created, once its image is there.
    pub(super) fn get_image(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get(pod) else { return };
        let node = worker.node;
        let app = ctx.store.pods().app(pod);
        if self.image_is_there(node, app, ctx) {
            return self.start_container(pod, ctx);
        }
        if let Some(worker) = self.workers.get_mut(pod) {
            worker.enter(Stage::Pulling);
        }
        self.nodes[node].pulls.push_back(pod);
        if self.nodes[node].pulls.len() == 1 {
            self.pull_next(node, ctx);
        }
    }

    /// One pull at a time: `serializeImagePulls` is true by default (kubelet configuration).
    fn pull_next(&mut self, node: NodeId, ctx: &mut Ctx<'_>) {
        while let Some(pod) = self.nodes[node].pulls.front().copied() {
            let app = ctx.store.pods().app(pod);
            if !self.image_is_there(node, app, ctx) {
                let asked = &ctx.spec.apps[app];
                let name = self.nodes[node].name.with(Name::new(&asked.name));
                let ordinal = u64::from(self.nodes[node].incarnation);
                let lasting = asked.image_pull.sample(&mut ctx.draw(Purpose::ImagePull, name, ordinal));
                let Registry::Slower(factor) = self.registry else {
                    self.nodes[node].pulls.pop_front();
                    self.pull_fails(pod, ctx);
                    continue;
                };
                let lasting = lasting * u64::from(factor);
                return self.enter_until(pod, Stage::Pulling, ctx.now + lasting, ctx);
            }
            self.nodes[node].pulls.pop_front();
            self.start_container(pod, ctx);
        }
    }

    /// The pull is over: its pod goes on, and the next pull begins.
    pub(super) fn pulled(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get(pod) else { return };
        let node = worker.node;
        if self.registry == Registry::Down {
            self.nodes[node].pulls.pop_front();
            self.pull_fails(pod, ctx);
            return self.pull_next(node, ctx);
        }
        self.nodes[node].remember_image(ctx.store.pods().app(pod));
        self.pull_next(node, ctx);
    }

    /// A pod that leaves no longer waits for its image.
    pub(super) fn leave_pulls(&mut self, node: NodeId, pod: PodId, ctx: &mut Ctx<'_>) {
        let kubelet = &mut self.nodes[node];
        let first = kubelet.pulls.front() == Some(&pod);
        kubelet.pulls.retain(|other| *other != pod);
        if first {
            self.pull_next(node, ctx);
        }
    }

    fn image_is_there(&self, node: NodeId, app: AppId, ctx: &Ctx<'_>) -> bool {
        ctx.spec.apps[app].image_pull == Dist::Fixed(Span::ZERO) || self.nodes[node].has_image(app)
    }

    /// The registry has answered with an error (ErrImagePull): the pull is tried again after a back-off that doubles
    /// (ImagePullBackOff). Source: `pkg/kubelet/images/image_manager.go` EnsureImageExists, whose back-off has the
    /// bounds of the restarts' one, and waits after the first failure already.
    fn pull_fails(&mut self, pod: PodId, ctx: &mut Ctx<'_>) {
        ctx.note(Fact::PullFailed { pod });
        let Some(worker) = self.workers.get_mut(pod) else { return };
        worker.mark = ctx.now;
        worker.failed_pulls = worker.failed_pulls.saturating_add(1);
        let at = self.pull_again_at(pod, ctx);
        self.enter_until(pod, Stage::Backoff, at, ctx);
    }
}
