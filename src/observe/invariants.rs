//! Invariants of the simulator itself. A breach is our bug (exit 70), never the plan's.

use super::Heard;
use crate::base::{Id, Time};
use crate::world::fact::Fact;
use crate::world::ids::{NodeId, PodId};

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
    /// An event has no cause, or one that came later.
    #[error("event {event} has no cause before it")]
    Causeless {
        /// The event.
        event: u64,
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

/// Watches the fact stream.
#[derive(Clone, Debug, Default)]
pub struct Invariants {
    last: Time,
    bound: Vec<Option<NodeId>>,
    gone: Vec<bool>,
}

impl Invariants {
    /// Checks a fact.
    ///
    /// # Errors
    /// The broken invariant.
    pub fn hear(&mut self, heard: &Heard) -> Result<(), Broken> {
        if heard.at < self.last {
            return Err(Broken::Time { from: self.last, to: heard.at });
        }
        self.last = heard.at;
        match heard.fact {
            Fact::PodBound { pod, node } => {
                let place = place(&mut self.bound, pod);
                if let Some(first) = *place {
                    return Err(Broken::Binding { pod, first, second: node });
                }
                *place = Some(node);
                self.lives(pod, "bound")
            }
            Fact::PodGone { pod } => {
                self.lives(pod, "gone")?;
                *place(&mut self.gone, pod) = true;
                Ok(())
            }
            Fact::PodReady { pod, .. } => self.lives(pod, "ready"),
            Fact::PodDeleting { pod } => self.lives(pod, "deleted"),
            _ => Ok(()),
        }
    }

    fn lives(&mut self, pod: PodId, what: &'static str) -> Result<(), Broken> {
        match *place(&mut self.gone, pod) {
            true => Err(Broken::Revenant { pod, what }),
            false => Ok(()),
        }
    }
}

fn place<T: Clone + Default>(table: &mut Vec<T>, pod: PodId) -> &mut T {
    if table.len() <= pod.index() {
        table.resize(pod.index() + 1, T::default());
    }
    &mut table[pod.index()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(at: u64, fact: Fact) -> Heard {
        Heard { at: Time::from_nanos(at), event: 0, fact }
    }

    #[test]
    fn a_pod_is_bound_once() {
        let mut invariants = Invariants::default();
        let bind = |node| Fact::PodBound { pod: PodId(3), node: NodeId(node) };
        assert_eq!(invariants.hear(&heard(1, bind(0))), Ok(()));
        assert!(matches!(invariants.hear(&heard(2, bind(1))), Err(Broken::Binding { .. })));
    }

    #[test]
    fn nothing_happens_to_a_pod_that_is_gone() {
        let mut invariants = Invariants::default();
        assert_eq!(invariants.hear(&heard(1, Fact::PodGone { pod: PodId(0) })), Ok(()));
        let ready = Fact::PodReady { pod: PodId(0), ready: true };
        assert!(matches!(invariants.hear(&heard(2, ready)), Err(Broken::Revenant { .. })));
    }

    #[test]
    fn time_never_runs_back() {
        let mut invariants = Invariants::default();
        let fact = Fact::PodExited { pod: PodId(0) };
        assert_eq!(invariants.hear(&heard(5, fact)), Ok(()));
        assert!(matches!(invariants.hear(&heard(4, fact)), Err(Broken::Time { .. })));
    }
}
