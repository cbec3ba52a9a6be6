//! All pods' workers. Most of them rest: their pods run, are ready, and the API says so.
//!
//! Of a worker that rests so little is kept that nothing is lost: it is put to rest only if what is kept makes the same
//! worker again.

use super::probes::Probe;
use super::worker::Worker;
use crate::base::{Pages, Pool, Span, Time};
use crate::world::ids::{NodeId, PodId};
use crate::world::spec::AppSpec;

/// All workers.
#[derive(Clone, Debug, Default)]
pub(super) struct Workers {
    /// Where each pod's worker is; see [`Place`].
    places: Pages<PodId, u32>,
    busy: Pool<Worker>,
    resting: Pool<Resting>,
    /// Nobody rests. For tests: outcomes must be the same.
    restless: bool,
}

/// Where a pod's worker is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Nowhere,
    Busy(u32),
    Resting(u32),
}

/// Marks, in the table of places, that there is no worker.
const NOWHERE: u32 = u32::MAX;
/// Marks there that the worker rests.
const RESTS: u32 = 1 << 31;

/// What is kept of a worker that rests: 16 bytes.
#[derive(Clone, Copy, Debug)]
struct Resting {
    added: Time,
    node: NodeId,
    generation: u16,
    probe_generation: u16,
}

impl Workers {
    /// A pod's worker. Always inlined: most callers need a field or two of it.
    #[inline(always)]
    pub(super) fn get(&self, pod: PodId) -> Option<Worker> {
        match self.place(pod) {
            Place::Nowhere => None,
            Place::Busy(place) => Some(self.busy[place].clone()),
            Place::Resting(place) => Some(self.resting[place].worker()),
        }
    }

    /// Whether a pod has a worker.
    pub(super) fn has(&self, pod: PodId) -> bool {
        !matches!(self.place(pod), Place::Nowhere)
    }

    /// A pod's worker, to change.
    pub(super) fn get_mut(&mut self, pod: PodId) -> Option<&mut Worker> {
        let place = match self.place(pod) {
            Place::Nowhere => return None,
            Place::Busy(place) => place,
            Place::Resting(place) => {
                self.resting.free(place);
                let place = self.busy.put(self.resting[place].worker());
                self.places[pod] = place;
                place
            }
        };
        Some(&mut self.busy[place])
    }

    /// Adds the worker of a pod that has none.
    pub(super) fn insert(&mut self, pod: PodId, worker: Worker) {
        debug_assert!(!self.has(pod), "one worker a pod");
        *self.places.entry(pod, NOWHERE) = self.busy.put(worker);
    }

    /// Takes a pod's worker out.
    pub(super) fn remove(&mut self, pod: PodId) {
        match self.place(pod) {
            Place::Nowhere => return,
            Place::Busy(place) => self.busy.free(place),
            Place::Resting(place) => self.resting.free(place),
        }
        self.places[pod] = NOWHERE;
    }

    /// A worker may have nothing more to do until something changes; its pod is of this app.
    pub(super) fn rest(&mut self, pod: PodId, app: &AppSpec, now: Time) {
        let Place::Busy(place) = self.place(pod) else { return };
        if self.restless {
            return;
        }
        if let Some(resting) = Resting::of(&self.busy[place], app, now) {
            self.busy.free(place);
            self.places[pod] = RESTS | self.resting.put(resting);
        }
    }

    /// Nobody rests from now on.
    #[cfg(test)]
    pub(super) fn wake(&mut self) {
        self.restless = true;
        self.places.ids().for_each(|pod| _ = self.get_mut(pod));
    }

    #[inline(always)]
    fn place(&self, pod: PodId) -> Place {
        match self.places.get(pod).copied().unwrap_or(NOWHERE) {
            NOWHERE => Place::Nowhere,
            place if place & RESTS == 0 => Place::Busy(place),
            place => Place::Resting(place & !RESTS),
        }
    }
}

impl Resting {
    /// What is kept of a worker, if that is enough.
    fn of(worker: &Worker, app: &AppSpec, now: Time) -> Option<Resting> {
        let mut calm = worker.clone();
        calm.forget_stops();
        // When it was started delays the first probes only.
        let delays = [app.startup, app.readiness, app.liveness].into_iter().flatten().map(|probe| probe.initial_delay);
        if worker.started + delays.max().unwrap_or(Span::ZERO) <= now {
            calm.started = Time::ZERO;
        }
        calm.readiness = settled(worker.readiness, app.readiness.map(|probe| probe.successes), now);
        // That a container was found alive before it is found dead makes no difference.
        calm.liveness = settled(worker.liveness, app.liveness.map(|_| 0), now);
        let resting = Resting {
            added: worker.added,
            node: worker.node,
            generation: u16::try_from(worker.generation).ok()?,
            probe_generation: u16::try_from(worker.probe_generation).ok()?,
        };
        (resting.worker() == calm).then_some(resting)
    }

    #[inline(always)]
    fn worker(self) -> Worker {
        Worker {
            added: self.added,
            generation: u32::from(self.generation),
            probe_generation: u32::from(self.probe_generation),
            ..Worker::long_running(self.node)
        }
    }
}

/// A probe that has found success often enough goes on from there, however often that was; one that the app does not
/// have finds nothing.
fn settled(probe: Probe, successes: Option<u32>, now: Time) -> Probe {
    match successes {
        Some(successes) if !probe.is_settled(successes, now) => probe,
        Some(_) | None => Probe::succeeding(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::testkit::small_spec;

    const POD: PodId = PodId(3);

    #[test]
    fn a_worker_that_rests_is_small() {
        assert_eq!(size_of::<Resting>(), 16);
    }

    #[test]
    fn a_worker_that_rests_is_the_same_when_it_is_needed() {
        let spec = small_spec();
        let (app, now) = (&spec.apps[crate::world::ids::AppId(0)], Time::ZERO + Span::secs(9));
        let mut workers = Workers::default();
        let worker = Worker { added: now, generation: 7, ..Worker::long_running(NodeId(5)) };
        workers.insert(POD, Worker { started: now, ..worker.clone() });
        let before = Some(worker);
        workers.rest(POD, app, now);
        assert!(workers.get(POD) == before && workers.get(PodId(0)).is_none());
        assert_eq!((workers.busy.len(), workers.resting.len()), (1, 1));
        if let Some(worker) = workers.get_mut(POD) {
            worker.restarts = 1;
        }
        workers.rest(POD, app, now);
        assert_eq!(workers.get(POD).map(|worker| worker.restarts), Some(1), "what is not kept does not rest");
        workers.remove(POD);
        assert!(workers.get(POD).is_none());
    }

    #[test]
    fn a_worker_whose_pod_the_api_does_not_know_to_be_ready_does_not_rest() {
        let spec = small_spec();
        let app = &spec.apps[crate::world::ids::AppId(0)];
        let mut workers = Workers::default();
        workers.insert(POD, Worker { echoed: false, ..Worker::long_running(NodeId(5)) });
        workers.rest(POD, app, Time::ZERO);
        assert!(workers.resting.is_empty());
    }
}
