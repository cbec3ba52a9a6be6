//! What the leader's caches add up to: counts per app and per ReplicaSet, kept with every change that is heard.

use crate::base::{Id, IdVec, Pages};
use crate::world::ids::{AppId, PodId, SetId};
use crate::world::store::{Endpoint, Phase, PodObject};

/// A pod as the counts hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The object was seen, gone since or not.
    pub(super) known: bool,
    /// The object exists.
    pub(super) exists: bool,
    /// Counts for its ReplicaSet: not ended, no deletion asked for.
    /// Source: `pkg/controller/controller_utils.go` `IsPodActive`.
    pub(super) active: bool,
    /// Ready and not being deleted.
    pub(super) healthy: bool,
    /// What its endpoint should be.
    pub(super) endpoint: Endpoint,
}

impl Mark {
    const UNKNOWN: Mark =
        Mark { known: false, exists: false, active: false, healthy: false, endpoint: Endpoint::Absent };

    fn of(pod: &PodObject) -> Mark {
        let ended = has_ended(pod.phase);
        Mark {
            known: true,
            exists: !pod.gone,
            active: pod.is_live() && !ended,
            healthy: pod.is_healthy(),
            endpoint: wanted_endpoint(pod),
        }
    }
}

/// A mark in a byte: there is one for each pod that ever was.
#[derive(Clone, Copy, Debug)]
struct Packed(u8);

impl Packed {
    fn of(mark: Mark) -> Packed {
        let bits = [mark.known, mark.exists, mark.active, mark.healthy];
        let endpoint = match mark.endpoint {
            Endpoint::Absent => 0,
            Endpoint::Ready => 1,
            Endpoint::Terminating => 2,
        };
        Packed(bits.iter().fold(endpoint, |packed, bit| packed << 1 | u8::from(*bit)))
    }
    fn mark(self) -> Mark {
        let bit = |place: u8| self.0 >> place & 1 == 1;
        let endpoint = match self.0 >> 4 {
            0 => Endpoint::Absent,
            1 => Endpoint::Ready,
            _ => Endpoint::Terminating,
        };
        Mark { known: bit(3), exists: bit(2), active: bit(1), healthy: bit(0), endpoint }
    }
}

/// Whether the pod will never run again.
pub(super) fn has_ended(phase: Phase) -> bool {
    match phase {
        Phase::Succeeded | Phase::Failed => true,
        Phase::Pending | Phase::Running => false,
    }
}

/// serving = Ready; terminating = deletion asked for; ready = serving and not terminating.
/// Source: `staging/src/k8s.io/endpointslice/utils.go` `podToEndpoint`, KEP-1672.
pub(super) fn wanted_endpoint(pod: &PodObject) -> Endpoint {
    if pod.gone || has_ended(pod.phase) || !pod.ready {
        Endpoint::Absent
    } else if pod.deleting.is_some() {
        Endpoint::Terminating
    } else {
        Endpoint::Ready
    }
}

/// An app's pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AppCount {
    /// Objects that exist, terminating ones included.
    pub(super) total: u32,
    /// Ready and not being deleted.
    pub(super) healthy: u32,
}

/// A ReplicaSet's pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SetCount {
    /// Not ended and not being deleted.
    pub(super) active: u32,
    /// Of those, Ready.
    pub(super) ready: u32,
}

/// Pods as last heard, and the counts over them.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    marks: Pages<PodId, Packed>,
    apps: IdVec<AppId, AppCount>,
    sets: Vec<SetCount>,
}

impl Cache {
    /// Nothing heard yet.
    pub(super) fn new(apps: usize) -> Cache {
        Cache { marks: Pages::new(), apps: (0..apps).map(|_| AppCount::default()).collect(), sets: Vec::new() }
    }
    /// An app's pods.
    pub(super) fn app(&self, app: AppId) -> AppCount {
        self.apps[app]
    }
    /// A ReplicaSet's pods.
    pub(super) fn set(&self, set: SetId) -> SetCount {
        self.sets.get(set.index()).copied().unwrap_or_default()
    }
    /// Takes a pod's newest version into the counts; returns what they held of it and what they hold now.
    pub(super) fn absorb(&mut self, pod: PodId, object: &PodObject) -> (Mark, Mark) {
        if self.sets.len() <= object.set.index() {
            self.sets.resize(object.set.index() + 1, SetCount::default());
        }
        let new = Mark::of(object);
        let old = std::mem::replace(self.marks.entry(pod, Packed::of(Mark::UNKNOWN)), Packed::of(new)).mark();
        let app = &mut self.apps[object.app];
        app.total = app.total + u32::from(new.exists) - u32::from(old.exists);
        app.healthy = app.healthy + u32::from(new.healthy) - u32::from(old.healthy);
        let set = &mut self.sets[object.set.index()];
        set.active = set.active + u32::from(new.active) - u32::from(old.active);
        let ready = |mark: Mark| u32::from(mark.active && mark.healthy);
        set.ready = set.ready + ready(new) - ready(old);
        (old, new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_in_a_byte_is_the_same_mark() {
        for bits in 0..16_u8 {
            for endpoint in [Endpoint::Absent, Endpoint::Ready, Endpoint::Terminating] {
                let bit = |place: u8| bits >> place & 1 == 1;
                let mark = Mark { known: bit(3), exists: bit(2), active: bit(1), healthy: bit(0), endpoint };
                assert_eq!(Packed::of(mark).mark(), mark);
            }
        }
    }
}
