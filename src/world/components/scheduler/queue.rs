//! Pods that wait for a node: active, in back-off, or unschedulable until something changes.
//!
//! Source: `pkg/scheduler/internal/queue/scheduling_queue.go`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Span, Time};
use crate::world::ids::PodId;

/// First back-off of a pod that found no node, doubled each time. Source: `DefaultPodInitialBackoffDuration`.
const BACKOFF_FIRST: Span = Span::secs(1);
/// Longest back-off. Source: `DefaultPodMaxBackoffDuration`.
const BACKOFF_MAX: Span = Span::secs(10);
/// The back-off queue is flushed this often. Source: `flushBackoffQCompleted`.
const BACKOFF_FLUSH: Span = Span::secs(1);
/// The unschedulable pods are looked through this often. Source: `flushUnschedulableQLeftover`.
const LEFTOVER_FLUSH: Span = Span::secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Active,
    BackOff,
    Unschedulable,
    /// In its scheduling cycle, or its binding is being written.
    UnderWay,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    stage: Stage,
    priority: u32,
    attempts: u32,
    /// When its last attempt ended, or it came.
    since: Time,
    /// When a flush takes it out of back-off or from among the unschedulable.
    due: Time,
}

/// The queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    pods: BTreeMap<PodId, Waiting>,
    /// Priority, the highest first; since; pod: the first goes next.
    active: BTreeSet<(Reverse<u32>, Time, PodId)>,
}

impl Queue {
    /// Whether this pod waits.
    pub(super) fn contains(&self, pod: PodId) -> bool {
        self.pods.contains_key(&pod)
    }
    /// A new pod without a node.
    pub(super) fn add(&mut self, pod: PodId, priority: u32, now: Time) {
        let waiting = Waiting { stage: Stage::Active, priority, attempts: 0, since: now, due: Time::NEVER };
        if self.pods.insert(pod, waiting).is_none() {
            self.active.insert((Reverse(priority), now, pod));
        }
    }
    /// The pod is bound or gone.
    pub(super) fn remove(&mut self, pod: PodId) {
        if let Some(waiting) = self.pods.remove(&pod) {
            self.active.remove(&(Reverse(waiting.priority), waiting.since, pod));
        }
    }
    /// The next pod to schedule: the highest priority first, of one priority the one that waits longest. With its attempt, from 1.
    pub(super) fn pop(&mut self) -> Option<(PodId, u32)> {
        let (_, _, pod) = self.active.pop_first()?;
        let waiting = self.pods.get_mut(&pod)?;
        waiting.stage = Stage::UnderWay;
        waiting.attempts += 1;
        Some((pod, waiting.attempts))
    }
    /// The attempt found no node (or its binding failed: `error`). Returns when to flush it.
    pub(super) fn put_back(&mut self, pod: PodId, error: bool, now: Time, leftover: Span) -> Option<Time> {
        let waiting = self.pods.get_mut(&pod)?;
        waiting.since = now;
        if error {
            waiting.stage = Stage::BackOff;
            waiting.due = (now + waiting.backoff()).next_tick(Time::ZERO, BACKOFF_FLUSH);
        } else {
            waiting.stage = Stage::Unschedulable;
            waiting.due = (now + leftover).next_tick(Time::ZERO, LEFTOVER_FLUSH);
        }
        Some(waiting.due)
    }
    /// Something has changed that may help: unschedulable pods become active, after what is left of their back-off.
    /// Returns those in back-off and when to flush them.
    pub(super) fn move_all(&mut self, now: Time) -> Vec<(PodId, Time)> {
        let mut backing_off = Vec::new();
        for (pod, waiting) in &mut self.pods {
            if waiting.stage != Stage::Unschedulable {
                continue;
            }
            let until = waiting.since + waiting.backoff();
            if until > now {
                waiting.stage = Stage::BackOff;
                waiting.due = until.next_tick(Time::ZERO, BACKOFF_FLUSH);
                backing_off.push((*pod, waiting.due));
            } else {
                waiting.stage = Stage::Active;
                self.active.insert((Reverse(waiting.priority), waiting.since, *pod));
            }
        }
        backing_off
    }
    /// A flush falls due for this pod; one of another moment is out of date.
    pub(super) fn flush(&mut self, pod: PodId, now: Time) {
        let Some(waiting) = self.pods.get_mut(&pod).filter(|waiting| waiting.due == now) else { return };
        match waiting.stage {
            Stage::BackOff | Stage::Unschedulable => {
                waiting.stage = Stage::Active;
                waiting.due = Time::NEVER;
                self.active.insert((Reverse(waiting.priority), waiting.since, pod));
            }
            Stage::Active | Stage::UnderWay => {}
        }
    }
}

impl Waiting {
    fn backoff(&self) -> Span {
        (BACKOFF_FIRST * (1 << self.attempts.saturating_sub(1).min(10))).min(BACKOFF_MAX)
    }
}
