//! Containers that end by themselves: a bad image, a leak of memory.

use super::{KubeletEvent, Kubelets};
use crate::base::Span;
use crate::world::disturbance::Doomed;
use crate::world::effects::{Ctx, Notice};
use crate::world::event::Event;
use crate::world::ids::PodId;

impl Kubelets {
    /// From now on these containers end so long after their start.
    pub fn doom(&mut self, whom: Doomed, after: Span) {
        self.spare(whom);
        self.doomed.push((whom, after));
    }

    /// They live again.
    pub fn spare(&mut self, whom: Doomed) {
        self.doomed.retain(|(doomed, _)| *doomed != whom);
    }

    /// How long a container of this pod lives; `None`: as long as it is let.
    fn lifetime(&self, pod: PodId, ctx: &Ctx<'_>) -> Option<Span> {
        let app = ctx.store.pods().app(pod);
        let of = |(whom, _): &&(Doomed, Span)| *whom == Doomed::Pod(pod) || *whom == Doomed::App(app);
        self.doomed.iter().filter(of).map(|(_, after)| *after).min()
    }

    /// A container has started.
    pub(super) fn starts_to_die(&self, pod: PodId, ctx: &mut Ctx<'_>) {
        let Some(worker) = self.workers.get(pod) else { return };
        if let Some(after) = self.lifetime(pod, ctx) {
            ctx.after(after, Event::Kubelet(KubeletEvent::Dies { pod, restarts: worker.restarts }));
        }
    }

    /// Its time is over, unless it was mended meanwhile.
    pub(super) fn container_dies(&self, pod: PodId, restarts: u16, ctx: &mut Ctx<'_>) {
        let is_it = |worker: super::Worker| worker.alive && worker.restarts == restarts;
        if self.workers.get(pod).is_some_and(is_it) && self.lifetime(pod, ctx).is_some() {
            ctx.notify(Notice::Sigkill(pod));
            ctx.notify(Notice::ContainerExited(pod));
        }
    }
}
