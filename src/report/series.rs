//! What a drawing shows over time, read from the facts of a run: etcd's margin, ready pods, API, losses.

use std::collections::BTreeMap;

use crate::base::{Id, Time};
use crate::observe::trace::Trace;
use crate::world::fact::{Fact, Loss};
use crate::world::ids::{AppId, GroupId, PodId};

/// A value that holds from a moment, in seconds, until the next.
pub(super) type Steps<T> = Vec<(f64, T)>;

/// How the API answers new requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Api {
    /// All of them.
    All,
    /// Some servers in rotation do not answer.
    Some,
    /// None answers.
    None,
}

/// Requests a second that users send, from each moment on.
pub(super) fn rates(trace: &Trace) -> Steps<f64> {
    trace.rates.iter().map(|(at, rate)| (at.secs_f64(), rate.micros() as f64 / 1e6)).collect()
}

/// Lost requests of one cause.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LossMark {
    /// When the first of them was sent, seconds.
    pub(super) from: f64,
    /// When the last of them was lost, seconds.
    pub(super) to: f64,
    /// Why.
    pub(super) loss: Loss,
    /// How many.
    pub(super) count: u64,
}

/// An app's pods that are Ready and not on their way out, over time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ready {
    /// The app's name.
    pub(super) app: String,
    /// How many, from when on.
    pub(super) steps: Steps<i64>,
    /// The most.
    pub(super) most: i64,
    /// The fewest from `since` on.
    pub(super) fewest: i64,
}

/// Voters up beyond a majority. Empty where nothing was observed.
pub(super) fn etcd_margin(trace: &Trace) -> Steps<i64> {
    let margin = |up: u32, voters: u32| i64::from(up) - i64::from(voters / 2 + 1);
    let mut steps: Steps<i64> = Vec::new();
    for record in &trace.records {
        let Fact::QuorumIs { up, voters } = record.fact else { continue };
        if steps.is_empty() && record.at > Time::ZERO {
            // A run begins in steady state: until the first word of it, all voters were up.
            steps.push((0.0, margin(voters, voters)));
        }
        push(&mut steps, record.at, margin(up, voters));
    }
    steps
}

/// How the API answered. Empty where nothing was observed.
pub(super) fn api(trace: &Trace) -> Steps<Api> {
    let mut steps: Steps<Api> = Vec::new();
    for record in &trace.records {
        let Fact::ApiServes { answering, in_rotation } = record.fact else { continue };
        if steps.is_empty() && record.at > Time::ZERO {
            steps.push((0.0, Api::All));
        }
        let state = match (answering, in_rotation) {
            (0, _) => Api::None,
            (answering, all) if answering < all => Api::Some,
            _ => Api::All,
        };
        push(&mut steps, record.at, state);
    }
    steps
}

/// The ready pods of each app; `since` is the first moment that counts for the fewest.
pub(super) fn ready(trace: &Trace, since: f64) -> Vec<Ready> {
    let names = &trace.names;
    let mut is_ready = ready_at_start(trace);
    let mut deleting = vec![false; is_ready.len()];
    let mut counts: Vec<i64> = vec![0; names.apps.len()];
    for (pod, &app) in names.app_of.entries() {
        if is_ready.get(pod.index()) == Some(&true) && app.index() < counts.len() {
            counts[app.index()] += 1;
        }
    }
    let mut steps: Vec<Steps<i64>> = counts.iter().map(|&n| vec![(0.0, n)]).collect();
    for record in &trace.records {
        let Some((pod, ready)) = readiness(record.fact, &mut deleting) else { continue };
        let (Some(was), Some(&app)) = (is_ready.get_mut(pod.index()), names.app_of.get(pod)) else { continue };
        if *was != ready && app.index() < counts.len() {
            *was = ready;
            counts[app.index()] += if ready { 1 } else { -1 };
            push(&mut steps[app.index()], record.at, counts[app.index()]);
        }
    }
    let summed = |(app, steps): (usize, Steps<i64>)| {
        let most = steps.iter().map(|&(_, n)| n).max().unwrap_or_default();
        let fewest = fewest_since(&steps, since);
        Ready { app: names.apps[AppId::from_index(app)].clone(), steps, most, fewest }
    };
    steps.into_iter().enumerate().map(summed).collect()
}

/// Whether each pod is there and ready from the start: no fact says that it was created or became ready later.
pub(super) fn ready_at_start(trace: &Trace) -> Vec<bool> {
    let mut first: Vec<Option<bool>> = vec![None; trace.names.pods.len()];
    for record in &trace.records {
        let (pod, state) = match record.fact {
            Fact::PodCreated { pod } => (pod, false),
            Fact::PodReady { pod, ready } => (pod, !ready),
            Fact::PodDeleting { pod } | Fact::PodGone { pod } => (pod, true),
            _ => continue,
        };
        if let Some(first) = first.get_mut(pod.index()) {
            first.get_or_insert(state);
        }
    }
    first.into_iter().map(|first| first.unwrap_or(true)).collect()
}

/// What a fact says of a pod's readiness; a pod on its way out is never ready again.
fn readiness(fact: Fact, deleting: &mut [bool]) -> Option<(PodId, bool)> {
    if let Fact::PodDeleting { pod } | Fact::PodGone { pod } = fact {
        if let Some(deleting) = deleting.get_mut(pod.index()) {
            *deleting = true;
        }
        return Some((pod, false));
    }
    let Fact::PodReady { pod, ready } = fact else { return None };
    Some((pod, ready && deleting.get(pod.index()) != Some(&true)))
}

fn fewest_since(steps: &Steps<i64>, since: f64) -> i64 {
    let before = steps.iter().rfind(|&&(at, _)| at <= since).map(|&(_, n)| n);
    let after = steps.iter().filter(|&&(at, _)| at > since).map(|&(_, n)| n);
    before.into_iter().chain(after).min().unwrap_or_default()
}

/// Every loss of the run, in order.
pub(super) fn losses(trace: &Trace) -> Vec<LossMark> {
    let mark = |record: &crate::observe::trace::Record| {
        let Fact::RequestsLost { loss, count, since, .. } = record.fact else { return None };
        let to = record.at.secs_f64();
        Some(LossMark { from: since.secs_f64().min(to), to, loss, count })
    };
    trace.records.iter().filter_map(mark).collect()
}

/// The times at which some request could have been lost, merged and in order, seconds.
pub(super) fn exposures(trace: &Trace) -> Vec<(f64, f64)> {
    let mut open: BTreeMap<(GroupId, Option<PodId>, Loss), Time> = BTreeMap::new();
    let mut spans: Vec<(Time, Time)> = Vec::new();
    for record in &trace.records {
        if let Fact::Exposed { lasting, .. } = record.fact {
            spans.push((record.at - lasting, record.at));
        } else if let Fact::ExposureBegan { group, pod, loss } = record.fact {
            open.entry((group, pod, loss)).or_insert(record.at);
        } else if let Fact::ExposureEnded { group, pod, loss } = record.fact
            && let Some(from) = open.remove(&(group, pod, loss))
        {
            spans.push((from, record.at));
        }
    }
    spans.extend(open.into_values().map(|from| (from, trace.end.max(from))));
    spans.sort_unstable();
    let mut merged: Vec<(Time, Time)> = Vec::new();
    for (from, to) in spans {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            Some(_) | None => merged.push((from, to)),
        }
    }
    merged.into_iter().map(|(from, to)| (from.secs_f64(), to.secs_f64())).collect()
}

/// Adds a step; one at the same moment replaces the last, one with the same value is none.
fn push<T: PartialEq>(steps: &mut Steps<T>, at: Time, value: T) {
    let at = at.secs_f64();
    if steps.last().is_some_and(|last| last.0 == at) {
        steps.pop();
    }
    if steps.last().is_none_or(|last| last.1 != value) {
        steps.push((at, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Span;
    use crate::observe::trace::Record;
    use crate::report::sample;

    fn trace(facts: &[(u64, Fact)]) -> Trace {
        let mut trace = Trace { end: Time::ZERO + Span::secs(100), ..Trace::default() };
        for &(at, fact) in facts {
            trace.records.push(Record { at: Time::ZERO + Span::secs(at), event: 0, fact });
        }
        trace
    }

    #[test]
    fn the_margin_is_what_is_left_beyond_a_majority() {
        let up = |up| Fact::QuorumIs { up, voters: 3 };
        let margin = etcd_margin(&trace(&[(10, up(2)), (20, up(1)), (30, up(3))]));
        assert_eq!(margin, [(0.0, 1), (10.0, 0), (20.0, -1), (30.0, 1)]);
        assert_eq!(etcd_margin(&trace(&[])), []);
    }

    #[test]
    fn exposure_is_counted_once_however_many_groups_share_it() {
        let (group, pod, loss) = (GroupId(0), None, Loss::Refused);
        let spans = exposures(&trace(&[
            (10, Fact::ExposureBegan { group, pod, loss }),
            (12, Fact::Exposed { group, pod, loss, lasting: Span::secs(4) }),
            (20, Fact::ExposureEnded { group, pod, loss }),
            (90, Fact::ExposureBegan { group: GroupId(1), pod, loss }),
        ]));
        assert_eq!(spans, [(8.0, 20.0), (90.0, 100.0)]);
    }

    #[test]
    fn a_pod_on_its_way_out_is_not_ready_whatever_its_condition_says() {
        let trace = sample::book_trace();
        let web = &ready(&trace, 0.0)[0];
        assert_eq!((web.app.as_str(), web.most, web.fewest), ("web", 6, 4));
    }

    #[test]
    fn an_api_without_a_server_that_answers_is_unavailable() {
        let serves = |answering, in_rotation| Fact::ApiServes { answering, in_rotation };
        let states = api(&trace(&[
            (0, serves(3, 3)),
            (5, serves(2, 3)),
            (6, serves(2, 2)),
            (7, serves(0, 1)),
            (8, serves(0, 0)),
        ]));
        assert_eq!(states, [(0.0, Api::All), (5.0, Api::Some), (6.0, Api::All), (7.0, Api::None)]);
    }
}
