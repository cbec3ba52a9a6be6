//! Invariants of the simulator itself. A breach is our bug (exit 70), never the plan's.

use std::collections::BTreeMap;

use super::Heard;
use crate::base::{Id, Pages, Span, Time};
use crate::world::fact::Fact;
use crate::world::ids::{GroupId, NodeId, PodId};
use crate::world::spec::Spec;
use crate::world::store::{Endpoint, NodeReady, Phase, Revision, Store};

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Time ran backwards.
    #[error("time ran from {from} back to {to}")]
    Time {
        /// The later moment, heard first.
        from: Time,
        /// The earlier one.
        to: Time,
    },
    /// A pod was bound twice, or ran where it was not bound.
    #[error("pod {pod:?} was bound to {first:?} and then to {second:?}")]
    Binding {
        /// The pod.
        pod: PodId,
        /// Its node.
        first: NodeId,
        /// The other.
        second: NodeId,
    },
    /// A pod came back after its object was gone.
    #[error("pod {pod:?} lived on after its object was gone: {what}")]
    Revenant {
        /// The pod.
        pod: PodId,
        /// What it did.
        what: &'static str,
    },
    /// Something happened to a pod before what must have brought it about.
    #[error("no effect without a cause: pod {pod:?} was {effect} before it {cause}")]
    Cause {
        /// The pod.
        pod: PodId,
        /// What happened to it.
        effect: &'static str,
        /// What had not.
        cause: &'static str,
    },
    /// A process was killed before its shortest grace was over.
    #[error("grace: pod {pod:?} was killed {after} after its SIGTERM")]
    Grace {
        /// The pod.
        pod: PodId,
        /// From SIGTERM to SIGKILL.
        after: Span,
    },
    /// An eviction of a healthy pod was granted past its budget, or not counted there.
    #[error("eviction: pod {pod:?} was evicted {how}")]
    Eviction {
        /// The pod.
        pod: PodId,
        /// What is wrong with it.
        how: &'static str,
    },
    /// A machine's Node object was Ready as soon as it was there.
    #[error("node {node:?} was Ready before it joined")]
    Joined {
        /// The machine.
        node: NodeId,
    },
    /// Requests went missing or came twice.
    #[error("client group {group}: sent {sent}, accounted for {accounted}")]
    Conservation {
        /// The group's name.
        group: String,
        /// Requests sent.
        sent: u64,
        /// Requests accounted for.
        accounted: u64,
    },
    /// The books and what observers were told differ.
    #[error("client group {group}: {lost} requests were lost, and observers were told of {told}")]
    Told {
        /// The group's name.
        group: String,
        /// Requests lost.
        lost: u64,
        /// Requests that observers heard of.
        told: u64,
    },
    /// etcd broke a law of Raft.
    #[error("etcd: {0}")]
    Raft(String),
    /// Too many events at one moment: two parts of the model set each other off.
    #[error("more than {events} events at {at}")]
    ZeroTimeLoop {
        /// The moment.
        at: Time,
        /// How many.
        events: u64,
    },
}

/// The shortest time from SIGTERM to SIGKILL. Source: `pkg/kubelet/kuberuntime/kuberuntime_container.go`,
/// minimumGracePeriodInSeconds.
const GRACE_MIN: Span = Span::secs(2);

/// What has been heard of a pod, one bit each: a run has many pods.
#[derive(Clone, Copy, Debug, Default)]
struct Past(u8);

impl Past {
    /// Its creation was: of pods that are there from the beginning, causes lie before the run.
    const CREATED: Past = Past(1);
    const BOUND: Past = Past(1 << 1);
    const STARTED: Past = Past(1 << 2);
    const LISTENED: Past = Past(1 << 3);
    const READY: Past = Past(1 << 4);
    const GONE: Past = Past(1 << 5);
    /// Its container has ended, and no other was started since.
    const ENDED: Past = Past(1 << 6);

    fn has(self, what: Past) -> bool {
        self.0 & what.0 != 0
    }
    fn add(&mut self, what: Past) {
        self.0 |= what.0;
    }
}

/// Watches the fact stream.
#[derive(Clone, Debug, Default)]
pub struct Invariants {
    last: Time,
    pods: Pages<PodId, Past>,
    /// When containers were last told to end; of pods that are gone with their containers, nobody asks any more.
    sigterms: BTreeMap<PodId, Time>,
    /// Machines launched in this run that have not registered yet.
    launched: Vec<NodeId>,
    /// Lost requests heard of, by client group.
    lost: Vec<u64>,
    /// By app: whether it has a readiness probe.
    probed: Vec<bool>,
}

impl Invariants {
    /// Invariants of runs of this cluster.
    pub fn new(spec: &Spec) -> Invariants {
        let probed = spec.apps.iter().map(|app| app.readiness.is_some()).collect();
        Invariants { probed, ..Invariants::default() }
    }

    /// Checks a fact, with the store as the step that told of it left it.
    ///
    /// # Errors
    /// The broken invariant.
    pub fn hear(&mut self, heard: &Heard, store: &Store) -> Result<(), Broken> {
        if heard.at < self.last {
            return Err(Broken::Time { from: self.last, to: heard.at });
        }
        self.last = heard.at;
        match heard.fact {
            Fact::PodCreated { pod } => self.past(pod).add(Past::CREATED),
            Fact::PodBound { pod, node } => {
                if self.past(pod).has(Past::BOUND) {
                    let first = store.pods().before(pod).and_then(|pod| pod.node).unwrap_or(node);
                    return Err(Broken::Binding { pod, first, second: node });
                }
                self.past(pod).add(Past::BOUND);
                self.lives(pod, "bound")?;
            }
            Fact::PodStarted { pod } | Fact::PodRestarted { pod } => {
                self.needs(pod, Past::BOUND, "started", "was bound")?;
                self.past(pod).add(Past::STARTED);
                self.past(pod).0 &= !Past::ENDED.0;
            }
            Fact::PodListens { pod } => {
                self.needs(pod, Past::STARTED, "listening", "was started")?;
                self.past(pod).add(Past::LISTENED);
            }
            Fact::PodReady { pod, ready } => self.ready(pod, ready, store)?,
            Fact::EndpointSet { pod, endpoint: Endpoint::Ready } => {
                self.needs(pod, Past::READY, "made an endpoint", "was ready")?;
            }
            Fact::PodDeleting { pod } => self.lives(pod, "deleted")?,
            Fact::PodGone { pod } => {
                self.lives(pod, "gone")?;
                self.past(pod).add(Past::GONE);
                self.forget(pod);
            }
            Fact::PodTerminating { pod } => {
                self.sigterms.insert(pod, heard.at);
            }
            Fact::PodKilled { pod } => {
                self.killed(pod, heard.at)?;
                self.ended(pod);
            }
            Fact::PodExited { pod } => self.ended(pod),
            Fact::Evicted { pod } => evicted(pod, store)?,
            Fact::MachineLaunched { node } => self.launched.push(node),
            Fact::NodeRegistered { node, .. } => self.registered(node, store)?,
            Fact::RequestsLost { group, count, .. } => {
                let groups = self.lost.len().max(group.index() + 1);
                self.lost.resize(groups, 0);
                self.lost[group.index()] += count;
            }
            // An observer hears what it checks; a new kind of fact is none of its business.
            _ => {}
        }
        Ok(())
    }

    /// Lost requests of a client group that observers were told of.
    pub fn told(&self, group: GroupId) -> u64 {
        self.lost.get(group.index()).copied().unwrap_or(0)
    }

    fn past(&mut self, pod: PodId) -> &mut Past {
        self.pods.entry(pod, Past::default())
    }

    fn lives(&mut self, pod: PodId, what: &'static str) -> Result<(), Broken> {
        match self.past(pod).has(Past::GONE) {
            true => Err(Broken::Revenant { pod, what }),
            false => Ok(()),
        }
    }

    fn needs(&mut self, pod: PodId, what: Past, effect: &'static str, cause: &'static str) -> Result<(), Broken> {
        let past = self.past(pod);
        match past.has(Past::CREATED) && !past.has(what) {
            true => Err(Broken::Cause { pod, effect, cause }),
            false => Ok(()),
        }
    }

    fn ready(&mut self, pod: PodId, ready: bool, store: &Store) -> Result<(), Broken> {
        self.lives(pod, "ready")?;
        if ready {
            self.needs(pod, Past::STARTED, "ready", "was started")?;
            if self.probed.get(store.pods().app(pod).index()).copied().unwrap_or(false) {
                self.needs(pod, Past::LISTENED, "ready", "listened")?;
            }
            self.past(pod).add(Past::READY);
        }
        Ok(())
    }

    fn killed(&mut self, pod: PodId, at: Time) -> Result<(), Broken> {
        // None at all, where nobody told it to end.
        let after = self.sigterms.get(&pod).map_or(Span::ZERO, |sigterm| at.since(*sigterm));
        match after < GRACE_MIN {
            true => Err(Broken::Grace { pod, after }),
            false => Ok(()),
        }
    }

    fn ended(&mut self, pod: PodId) {
        self.past(pod).add(Past::ENDED);
        self.forget(pod);
    }

    /// Of a pod that is gone with its container nobody will be told to end.
    fn forget(&mut self, pod: PodId) {
        let past = *self.past(pod);
        if past.has(Past::GONE) && past.has(Past::ENDED) {
            self.sigterms.remove(&pod);
        }
    }

    fn registered(&mut self, node: NodeId, store: &Store) -> Result<(), Broken> {
        let Some(place) = self.launched.iter().position(|launched| *launched == node) else { return Ok(()) };
        self.launched.swap_remove(place);
        match store.nodes().now(node).ready {
            NodeReady::True => Err(Broken::Joined { node }),
            NodeReady::False | NodeReady::Unknown => Ok(()),
        }
    }
}

/// A healthy pod under a budget goes only at the price of one of the disruptions allowed in that same revision.
/// Source: `pkg/registry/core/pod/storage/eviction.go`, checkAndDecrement.
fn evicted(pod: PodId, store: &Store) -> Result<(), Broken> {
    let old = store.pods().before(pod).filter(|old| old.is_healthy() && old.phase == Phase::Running);
    let (Some(old), Some(at)) = (old, store.pods().since(pod)) else { return Ok(()) };
    let before = Revision(at.0.saturating_sub(1));
    let broken = |how| Err(Broken::Eviction { pod, how });
    match store.budgets_of(old.app) {
        [] => Ok(()),
        [budget] => {
            let allowed = |at| store.budgets().at(*budget, at).map_or(0, |status| status.allowed);
            match (allowed(before), allowed(at)) {
                (0, _) => broken("though its budget allowed no disruption"),
                (was, is) if is + 1 != was => broken("without taking one of the disruptions allowed"),
                _ => Ok(()),
            }
        }
        [_, ..] => broken("though it has several budgets"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Version;
    use crate::world::fact::Loss;
    use crate::world::ids::{BudgetId, SetId};
    use crate::world::store::{Change, NodeObject};
    use crate::world::testkit::small_spec;

    const POD: PodId = PodId(0);

    /// A store with one ready pod of the app `web`, which has a readiness probe and a budget; and what watches it.
    fn scene() -> (Store, Invariants) {
        let spec = small_spec();
        let mut store = Store::new(&spec);
        let node = store.add_machine(NodeObject::unregistered());
        put(&mut store, Change::CreatePod { set: SetId(0) });
        put(&mut store, Change::Bind { pod: POD, node });
        put(&mut store, Change::PodStatus { pod: POD, phase: Phase::Running, ready: true });
        (store, Invariants::new(&spec))
    }

    fn put(store: &mut Store, change: Change) {
        assert!(store.apply(&change, Time::ZERO).is_ok(), "{change:?}");
    }

    /// Facts one nanosecond after the other; what the last of them breaks.
    fn last(store: &Store, invariants: &mut Invariants, facts: &[Fact]) -> Result<(), Broken> {
        let mut result = Ok(());
        for fact in facts {
            assert_eq!(result, Ok(()));
            let at = invariants.last + Span::nanos(1);
            result = invariants.hear(&Heard { at, event: 0, fact: *fact }, store);
        }
        result
    }

    #[test]
    fn a_pod_is_bound_once() {
        let (store, mut invariants) = scene();
        let bind = |node| Fact::PodBound { pod: POD, node: NodeId(node) };
        assert!(matches!(last(&store, &mut invariants, &[bind(0), bind(1)]), Err(Broken::Binding { .. })));
    }

    #[test]
    fn nothing_happens_to_a_pod_that_is_gone() {
        let (store, mut invariants) = scene();
        let facts = [Fact::PodGone { pod: POD }, Fact::PodReady { pod: POD, ready: true }];
        assert!(matches!(last(&store, &mut invariants, &facts), Err(Broken::Revenant { .. })));
    }

    #[test]
    fn time_never_runs_back() {
        let (store, mut invariants) = scene();
        let heard = |at| Heard { at: Time::from_nanos(at), event: 0, fact: Fact::PodExited { pod: POD } };
        assert_eq!(invariants.hear(&heard(5), &store), Ok(()));
        assert!(matches!(invariants.hear(&heard(4), &store), Err(Broken::Time { .. })));
    }

    #[test]
    fn a_pods_life_has_its_order() {
        let life = [
            Fact::PodCreated { pod: POD },
            Fact::PodBound { pod: POD, node: NodeId(0) },
            Fact::PodStarted { pod: POD },
            Fact::PodListens { pod: POD },
            Fact::PodReady { pod: POD, ready: true },
            Fact::EndpointSet { pod: POD, endpoint: Endpoint::Ready },
        ];
        let (store, mut invariants) = scene();
        assert_eq!(last(&store, &mut invariants, &life), Ok(()));
        for left_out in 1..life.len() - 1 {
            let (store, mut invariants) = scene();
            let mut part = life[..left_out].to_vec();
            part.push(life[left_out + 1]);
            let broken = last(&store, &mut invariants, &part);
            assert!(matches!(broken, Err(Broken::Cause { .. })), "without {:?}: {broken:?}", life[left_out]);
        }
    }

    #[test]
    fn a_pod_of_the_beginning_has_its_causes_before_the_run() {
        let (store, mut invariants) = scene();
        let facts =
            [Fact::PodReady { pod: POD, ready: true }, Fact::EndpointSet { pod: POD, endpoint: Endpoint::Ready }];
        assert_eq!(last(&store, &mut invariants, &facts), Ok(()));
    }

    #[test]
    fn nobody_is_killed_who_was_not_told_to_end() {
        let (store, mut invariants) = scene();
        let killed = Heard { at: Time::ZERO + Span::secs(100), event: 0, fact: Fact::PodKilled { pod: POD } };
        assert_eq!(invariants.hear(&killed, &store), Err(Broken::Grace { pod: POD, after: Span::ZERO }));
    }

    #[test]
    fn two_seconds_lie_between_sigterm_and_sigkill() {
        let (store, mut invariants) = scene();
        let mut hear = |at, fact| invariants.hear(&Heard { at: Time::ZERO + at, event: 0, fact }, &store);
        assert_eq!(hear(Span::secs(1), Fact::PodTerminating { pod: POD }), Ok(()));
        assert_eq!(hear(Span::secs(3), Fact::PodKilled { pod: POD }), Ok(()));
        assert_eq!(hear(Span::secs(4), Fact::PodTerminating { pod: POD }), Ok(()));
        let after = Span::millis(1_999);
        assert_eq!(hear(Span::secs(4) + after, Fact::PodKilled { pod: POD }), Err(Broken::Grace { pod: POD, after }));
    }

    #[test]
    fn an_eviction_costs_one_of_the_disruptions_allowed() {
        let (budget, evicted) = (BudgetId(0), Fact::Evicted { pod: POD });
        let status = |store: &Store, allowed| Change::BudgetStatus {
            budget,
            allowed,
            healthy: 1,
            desired: 0,
            expected: 1,
            disrupted: Vec::new(),
            known: store.budgets().since(budget),
        };
        let evict = Change::Evict { pod: POD, grace: None };
        let delete = Change::DeletePod { pod: POD, grace: None };
        for (allowed, change, right) in [(1, &evict, true), (1, &delete, false), (0, &delete, false)] {
            let (mut store, mut invariants) = scene();
            let said = status(&store, allowed);
            put(&mut store, said);
            put(&mut store, change.clone());
            let result = last(&store, &mut invariants, &[evicted]);
            assert_eq!(result.is_ok(), right, "{allowed} allowed, {change:?}: {result:?}");
        }
    }

    #[test]
    fn a_new_machine_registers_before_it_is_ready() {
        for ready in [NodeReady::False, NodeReady::True] {
            let (mut store, mut invariants) = scene();
            let (node, version) = (NodeId(0), Version::new(1, 15, 7));
            put(&mut store, Change::RegisterNode { node, version });
            put(&mut store, Change::NodeStatus { node, ready });
            let facts = [Fact::MachineLaunched { node }, Fact::NodeRegistered { node, version }];
            let result = last(&store, &mut invariants, &facts);
            assert_eq!(result.is_ok(), ready == NodeReady::False, "{result:?}");
        }
    }

    #[test]
    fn losses_are_counted_as_they_are_told() {
        let (store, mut invariants) = scene();
        let lost =
            |count| Fact::RequestsLost { group: GroupId(2), pod: None, loss: Loss::Refused, count, since: Time::ZERO };
        assert_eq!(last(&store, &mut invariants, &[lost(3), lost(4)]), Ok(()));
        assert_eq!((invariants.told(GroupId(2)), invariants.told(GroupId(0))), (7, 0));
    }
}
