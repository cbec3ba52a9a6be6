//! All pods of a run: what the API says of each, and what it said lately.
//!
//! A run has many pods, and most of them are gone: what stays of those is which ReplicaSet they were of, their number
//! and their node. The rest is kept of pods that are there, or that some watcher may still have to read, and its place
//! is used again.

use std::collections::VecDeque;

use super::history::{NO_OLDER, Revision, WINDOW};
use super::objects::{Endpoint, Phase, PodObject};
use crate::base::{IdVec, Name, Pages, Pool, Span, Time};
use crate::world::ids::{AppId, NodeId, PodId, SetId};

/// All pods.
#[derive(Clone, Debug, Default)]
pub struct Pods {
    kin: Pages<PodId, Kin>,
    slots: Pool<Slot>,
    /// Older states, oldest first.
    old: VecDeque<Old>,
    /// How many older states have left.
    dropped: u32,
    /// The app of each ReplicaSet.
    app_of: IdVec<SetId, AppId>,
    apps: IdVec<AppId, App>,
    /// Deletions that were asked for, until their pods' states are given up.
    leaving: Pool<Leaving>,
}

/// What an app's pods have in common.
#[derive(Clone, Copy, Debug)]
struct App {
    /// Lineage.
    name: Name,
    /// Grace period, as the app asks for it.
    grace: Span,
}

/// A deletion: when it was asked for, its grace period; and the pod's node, for which its state has no room then.
#[derive(Clone, Copy, Debug)]
struct Leaving {
    since: Time,
    grace: Span,
    node: u32,
}

/// What stays of a pod: 12 bytes.
#[derive(Clone, Copy, Debug)]
struct Kin {
    set: SetId,
    ordinal: u32,
    place: Place,
}

/// Where a pod's state is; once nobody reads that any more, the node that the pod was bound to.
#[derive(Clone, Copy, Debug)]
struct Place(u32);

/// Marks the place of a pod whose state was given up.
const GIVEN_UP: u32 = 1 << 31;

/// Marks no node.
const NO_NODE: u32 = GIVEN_UP - 1;

/// What the API says of a pod, but for its deletion, with the revision that made it so: 32 bytes.
#[derive(Clone, Copy, Debug)]
struct Slot {
    created: Time,
    ready_since: Time,
    /// Its node; once it is being deleted, the place of its deletion.
    node_or_leaving: u32,
    /// A revision in 32 bits: a run has fewer events than that, and so it has writes (`limits.events`).
    since: u32,
    older: u32,
    phase: Phase,
    endpoint: Endpoint,
    ready: bool,
    end: End,
}

/// How far a pod's deletion has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// None was asked for.
    Open,
    /// One was asked for.
    Asked,
    /// Its object is gone, as was asked for.
    Done,
    /// Its object is gone without that.
    Sudden,
}

impl End {
    fn of(deleting: bool, gone: bool) -> End {
        match (deleting, gone) {
            (false, false) => End::Open,
            (true, false) => End::Asked,
            (true, true) => End::Done,
            (false, true) => End::Sudden,
        }
    }
    fn deleting(self) -> bool {
        matches!(self, End::Asked | End::Done)
    }
    fn gone(self) -> bool {
        matches!(self, End::Done | End::Sudden)
    }
}

#[derive(Clone, Copy, Debug)]
struct Old {
    pod: PodId,
    slot: Slot,
    leaving: Option<Leaving>,
}

impl Pods {
    /// Room for the pods of an app: its lineage, and the grace period that it asks for.
    pub(super) fn add_app(&mut self, name: Name, grace: Span) -> AppId {
        self.apps.push(App { name, grace })
    }

    /// Room for the pods of a ReplicaSet.
    pub(super) fn add_set(&mut self, app: AppId) -> SetId {
        self.app_of.push(app)
    }

    /// Adds a pod of this ReplicaSet that exists from `at` on, as its app's `ordinal`-th.
    pub(super) fn create(&mut self, set: SetId, ordinal: u32, now: Time, at: Revision) -> PodId {
        let slot = Slot {
            created: now,
            ready_since: now,
            node_or_leaving: NO_NODE,
            since: short(at),
            older: NO_OLDER,
            phase: Phase::Pending,
            endpoint: Endpoint::Absent,
            ready: false,
            end: End::Open,
        };
        let place = self.slots.put(slot);
        debug_assert!(place < GIVEN_UP, "fewer than 2^31 pods are there at a time");
        self.kin.push(Kin { set, ordinal, place: Place(place) })
    }

    /// Changes a pod at revision `at`; what it was stays readable for cursors before it. Its app, set, ordinal and
    /// creation are for good, and so is a deletion once it was asked for.
    pub(super) fn change(&mut self, pod: PodId, at: Revision, change: impl FnOnce(&mut PodObject)) {
        let Some(place) = self.step(pod, at) else { return };
        let mut object = self.object(pod, &self.slots[place], self.leaving(place));
        change(&mut object);
        let node = object.node.map_or(NO_NODE, |node| node.0);
        let slot = &mut self.slots[place];
        let leaving = object.deleting.map(|since| Leaving { since, grace: object.grace, node });
        slot.node_or_leaving = match leaving {
            None => node,
            Some(leaving) if slot.end.deleting() => {
                self.leaving[slot.node_or_leaving] = leaving;
                slot.node_or_leaving
            }
            Some(leaving) => self.leaving.put(leaving),
        };
        slot.ready_since = object.ready_since;
        (slot.phase, slot.ready) = (object.phase, object.ready);
        slot.end = End::of(leaving.is_some(), object.gone);
    }

    /// Changes at revision `at` what the EndpointSlices say of a pod.
    pub(super) fn list(&mut self, pod: PodId, at: Revision, endpoint: Endpoint) {
        if let Some(place) = self.step(pod, at) {
            self.slots[place].endpoint = endpoint;
        }
    }

    /// Keeps a pod's state for cursors before `at`; where the next state is to be written.
    fn step(&mut self, pod: PodId, at: Revision) -> Option<u32> {
        let place = self.place(pod)?;
        if self.slots[place].since < short(at) {
            if self.old.len() == WINDOW {
                self.forget();
                // It may have been this pod's last.
                self.place(pod)?;
            }
            let position = self.dropped + self.old.len() as u32;
            let leaving = self.leaving(place);
            self.old.push_back(Old { pod, slot: self.slots[place], leaving });
            (self.slots[place].since, self.slots[place].older) = (short(at), position);
        }
        Some(place)
    }

    /// The oldest state leaves; with a pod's last one all of it that nobody can read.
    fn forget(&mut self) {
        let Some(Old { pod, .. }) = self.old.pop_front() else { return };
        let position = self.dropped;
        self.dropped += 1;
        let Some(place) = self.place(pod) else { return };
        let slot = self.slots[place];
        if slot.end.gone() && slot.endpoint == Endpoint::Absent && slot.older == position {
            let leaving = self.leaving(place);
            if leaving.is_some() {
                self.leaving.free(slot.node_or_leaving);
            }
            let node = leaving.map_or(slot.node_or_leaving, |leaving| leaving.node);
            self.kin[pod].place = Place(GIVEN_UP | node);
            self.slots.free(place);
        }
    }

    /// The committed state. Always inlined, as what it calls: most callers need a field or two of it.
    #[inline(always)]
    pub fn now(&self, pod: PodId) -> PodObject {
        match self.place(pod) {
            Some(place) => self.object(pod, &self.slots[place], self.leaving(place)),
            None => self.given_up(pod),
        }
    }
    /// The revision that made the committed state, endpoint included; none, if the pod is long gone.
    pub fn since(&self, pod: PodId) -> Option<Revision> {
        self.place(pod).map(|place| Revision(u64::from(self.slots[place].since)))
    }
    /// The state before the committed one, if that is still known.
    pub fn before(&self, pod: PodId) -> Option<PodObject> {
        self.at(pod, Revision(self.since(pod)?.0.saturating_sub(1)))
    }
    /// The state as a watcher at `cursor` knows it; `None` if the pod did not exist by then.
    #[inline]
    pub fn at(&self, pod: PodId, cursor: Revision) -> Option<PodObject> {
        match self.place(pod) {
            Some(place) if self.slots[place].since <= short(cursor) => {
                Some(self.object(pod, &self.slots[place], self.leaving(place)))
            }
            Some(place) => self.old_at(place, cursor).map(|old| self.object(pod, &old.slot, old.leaving)),
            None => Some(self.given_up(pod)),
        }
    }
    /// What the EndpointSlices say of a pod.
    pub fn endpoint(&self, pod: PodId) -> Endpoint {
        self.place(pod).map_or(Endpoint::Absent, |place| self.slots[place].endpoint)
    }
    /// What they say as a watcher at `cursor` knows it.
    pub fn endpoint_at(&self, pod: PodId, cursor: Revision) -> Endpoint {
        match self.place(pod) {
            Some(place) if self.slots[place].since <= short(cursor) => self.slots[place].endpoint,
            Some(place) => self.old_at(place, cursor).map_or(Endpoint::Absent, |old| old.slot.endpoint),
            None => Endpoint::Absent,
        }
    }
    /// A pod's app.
    #[inline]
    pub fn app(&self, pod: PodId) -> AppId {
        self.app_of[self.kin[pod].set]
    }
    /// A pod's lineage, `app/ordinal`, that draws are keyed by.
    pub fn name(&self, pod: PodId) -> Name {
        self.apps[self.app(pod)].name.part(u64::from(self.kin[pod].ordinal))
    }
    /// Number of pods ever created.
    pub fn len(&self) -> usize {
        self.kin.len()
    }
    /// Whether none was ever created.
    pub fn is_empty(&self) -> bool {
        self.kin.is_empty()
    }
    /// All ids, those of pods that are gone included.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = PodId> + ExactSizeIterator + use<> {
        self.kin.ids()
    }

    #[inline(always)]
    fn place(&self, pod: PodId) -> Option<u32> {
        let Place(place) = self.kin[pod].place;
        (place & GIVEN_UP == 0).then_some(place)
    }

    /// The newest older state that a watcher at `cursor` knows.
    fn old_at(&self, place: u32, cursor: Revision) -> Option<&Old> {
        let mut older = self.slots[place].older;
        while older != NO_OLDER && older >= self.dropped {
            let old = &self.old[(older - self.dropped) as usize];
            if old.slot.since <= short(cursor) {
                return Some(old);
            }
            older = old.slot.older;
        }
        None
    }

    /// The deletion of the pod whose state has this place.
    #[inline(always)]
    fn leaving(&self, place: u32) -> Option<Leaving> {
        let slot = &self.slots[place];
        slot.end.deleting().then(|| self.leaving[slot.node_or_leaving])
    }

    #[inline(always)]
    fn object(&self, pod: PodId, slot: &Slot, leaving: Option<Leaving>) -> PodObject {
        let kin = self.kin[pod];
        let app = self.app_of[kin.set];
        let node = leaving.map_or(slot.node_or_leaving, |leaving| leaving.node);
        PodObject {
            app,
            set: kin.set,
            ordinal: kin.ordinal,
            node: (node != NO_NODE).then_some(NodeId(node)),
            phase: slot.phase,
            ready: slot.ready,
            ready_since: slot.ready_since,
            created: slot.created,
            deleting: leaving.map(|leaving| leaving.since),
            grace: leaving.map_or(self.apps[app].grace, |leaving| leaving.grace),
            gone: slot.end.gone(),
        }
    }

    /// A pod that is long gone: of its times nothing is known.
    #[cold]
    fn given_up(&self, pod: PodId) -> PodObject {
        let Kin { set, ordinal, place: Place(place) } = self.kin[pod];
        let node = place & !GIVEN_UP;
        PodObject {
            app: self.app_of[set],
            set,
            ordinal,
            node: (node != NO_NODE).then_some(NodeId(node)),
            phase: Phase::Running,
            ready: false,
            ready_since: Time::ZERO,
            created: Time::ZERO,
            deleting: Some(Time::ZERO),
            grace: Span::ZERO,
            gone: true,
        }
    }
}

/// A revision in 32 bits.
fn short(revision: Revision) -> u32 {
    u32::try_from(revision.0).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pods of one app.
    fn pods() -> Pods {
        let mut pods = Pods::default();
        let app = pods.add_app(Name::new("web"), Span::secs(30));
        pods.add_set(app);
        pods
    }

    #[test]
    fn a_pod_takes_as_much_room_as_is_said() {
        assert_eq!((size_of::<Kin>(), size_of::<Slot>()), (12, 32));
    }

    #[test]
    fn a_watcher_reads_the_state_its_cursor_stands_at() {
        let mut pods = pods();
        let pod = pods.create(SetId(0), 0, Time::ZERO, Revision(2));
        pods.change(pod, Revision(4), |pod| pod.node = Some(NodeId(7)));
        pods.list(pod, Revision(7), Endpoint::Ready);
        assert!(pods.at(pod, Revision(1)).is_none());
        assert_eq!(pods.at(pod, Revision(3)).and_then(|pod| pod.node), None);
        assert_eq!(pods.at(pod, Revision(6)).and_then(|pod| pod.node), Some(NodeId(7)));
        assert_eq!((pods.endpoint_at(pod, Revision(6)), pods.endpoint(pod)), (Endpoint::Absent, Endpoint::Ready));
        assert_eq!((pods.now(pod).node, pods.since(pod)), (Some(NodeId(7)), Some(Revision(7))));
    }

    #[test]
    fn a_pod_has_its_app_s_grace_until_a_deletion_gives_it_another() {
        let mut pods = pods();
        let pod = pods.create(SetId(0), 0, Time::ZERO, Revision(2));
        assert_eq!((pods.now(pod).grace, pods.now(pod).deleting), (Span::secs(30), None));
        let asked = Time::ZERO + Span::secs(5);
        pods.change(pod, Revision(4), |pod| (pod.deleting, pod.grace) = (Some(asked), Span::secs(1)));
        pods.change(pod, Revision(6), |pod| pod.grace = Span::ZERO);
        let known = |at| pods.at(pod, Revision(at)).map(|pod| (pod.deleting, pod.grace));
        assert_eq!(known(3), Some((None, Span::secs(30))));
        assert_eq!(known(5), Some((Some(asked), Span::secs(1))));
        assert_eq!(known(6), Some((Some(asked), Span::ZERO)));
    }

    #[test]
    fn the_place_of_a_pod_that_is_gone_is_used_again_when_nobody_can_read_it_any_more() {
        let mut pods = pods();
        let create = |pods: &mut Pods, at| pods.create(SetId(0), at as u32, Time::ZERO, Revision(at));
        let (gone, listed, there) = (create(&mut pods, 1), create(&mut pods, 2), create(&mut pods, 3));
        pods.list(listed, Revision(4), Endpoint::Ready);
        for pod in [gone, listed] {
            pods.change(pod, Revision(5), |pod| (pod.node, pod.gone) = (Some(NodeId(3)), true));
        }
        let mut revision = 5;
        let mut write = |pods: &mut Pods, times: usize| {
            for _ in 0..times {
                revision += 1;
                pods.change(there, Revision(revision), |pod| pod.ready = !pod.ready);
            }
        };
        write(&mut pods, WINDOW - 2);
        assert!(pods.at(gone, Revision(4)).is_some_and(|pod| !pod.gone), "somebody may still read it as it was");
        write(&mut pods, 2);
        assert_eq!(create(&mut pods, 9_000_000), PodId(3));
        assert_eq!(pods.slots.len(), 3, "the new pod stands where the first one did");
        let long_gone = pods.now(gone);
        assert!(long_gone.gone && !long_gone.is_live() && long_gone.node == Some(NodeId(3)));
        assert_eq!(pods.endpoint(listed), Endpoint::Ready, "a pod that is gone and listed is not forgotten");
        assert!(!pods.now(PodId(3)).gone && pods.now(listed).gone);
    }

    /// All states that a pod ever had, and since when, as a watcher would tell them.
    type Told = Vec<(u64, PodObject, Endpoint)>;

    /// A write to one of the pods, or a new pod.
    fn write(pods: &mut Pods, told: &mut Vec<Told>, at: u64, dice: u64) {
        let now = Time::from_nanos(at);
        if told.is_empty() || dice.is_multiple_of(7) {
            let pod = pods.create(SetId(0), told.len() as u32, now, Revision(at));
            return told.push(vec![(at, pods.now(pod), Endpoint::Absent)]);
        }
        // Mostly one of the youngest: the others are left as they are.
        let back = (dice >> 8) % 40;
        let place = (told.len() - 1).saturating_sub(back as usize);
        let (pod, history) = (PodId(place as u32), &mut told[place]);
        let Some((_, mut object, mut endpoint)) = history.last().copied() else { return };
        match dice >> 16 & 7 {
            0 => object.node = object.node.or(Some(NodeId(back as u32))),
            1 => (object.ready, object.ready_since) = (!object.ready, now),
            2 => (object.deleting, object.grace) = (object.deleting.or(Some(now)), Span::secs(back)),
            3 | 4 => object.gone = true,
            5 => endpoint = Endpoint::Ready,
            _ => endpoint = Endpoint::Absent,
        }
        match dice >> 16 & 7 {
            0..5 => pods.change(pod, Revision(at), |now| *now = object),
            _ => pods.list(pod, Revision(at), endpoint),
        }
        history.push((at, object, endpoint));
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config::with_cases(crate::base::cases(4)))]

        #[test]
        fn watchers_read_what_was_so_and_of_pods_long_gone_that_they_are(seed: u64) {
            let (mut pods, mut told) = (pods(), Vec::new());
            let last = 2 * WINDOW as u64;
            for at in 1..=last {
                write(&mut pods, &mut told, at, crate::base::name::mix(seed ^ at));
            }
            proptest::prop_assert!(pods.slots.len() < told.len(), "places are used again");
            for (place, history) in told.iter().enumerate() {
                let pod = PodId(place as u32);
                for cursor in [last, last - 10, last - 1_000, last - WINDOW as u64 / 2] {
                    let known = history.iter().rev().find(|(since, ..)| *since <= cursor);
                    let given_up = pods.since(pod).is_none();
                    match known {
                        Some((_, object, endpoint)) if !given_up => {
                            proptest::prop_assert_eq!(pods.at(pod, Revision(cursor)), Some(*object));
                            proptest::prop_assert_eq!(pods.endpoint_at(pod, Revision(cursor)), *endpoint);
                        }
                        Some((_, object, endpoint)) => {
                            proptest::prop_assert!(object.gone && *endpoint == Endpoint::Absent);
                            let now = pods.now(pod);
                            proptest::prop_assert!(now.gone && now.node == object.node && now.ordinal == object.ordinal);
                        }
                        None => proptest::prop_assert!(!given_up && pods.at(pod, Revision(cursor)).is_none()),
                    }
                }
            }
        }
    }
}
