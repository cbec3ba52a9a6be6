//! What happened to pods: times of each one's way in and out, and the lengths between them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::row::{Aspect, Rows, least, most};
use crate::base::Time;
use crate::observe::trace::Trace;
use crate::world::fact::Fact;
use crate::world::ids::PodId;
use crate::world::store::Endpoint;

/// One pod's times in seconds from the act; `None` where nobody saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct PodTimes {
    /// Bound to a node.
    pub(super) scheduled: Option<f64>,
    /// Ready for the first time.
    pub(super) ready: Option<f64>,
    /// Added to the endpoints.
    pub(super) ep_added: Option<f64>,
    /// Deletion asked for.
    pub(super) deleting: Option<f64>,
    /// No longer Ready.
    pub(super) unready: Option<f64>,
    /// Removed from the endpoints.
    pub(super) ep_removed: Option<f64>,
    /// Its object is gone.
    pub(super) gone: Option<f64>,
}

/// Times of all pods to which something happened after the act.
pub(super) fn simulated(trace: &Trace, act: Time) -> Vec<PodTimes> {
    let mut pods = BTreeMap::<PodId, PodTimes>::new();
    for record in trace.records.iter().filter(|record| record.at >= act) {
        let at = Some(record.at.since(act).as_secs_f64());
        let mut first = |pod: PodId, place: fn(&mut PodTimes) -> &mut Option<f64>| {
            let held = place(pods.entry(pod).or_default());
            *held = held.or(at);
        };
        match record.fact {
            Fact::PodBound { pod, .. } => first(pod, |times| &mut times.scheduled),
            Fact::PodReady { pod, ready: true } => first(pod, |times| &mut times.ready),
            Fact::PodReady { pod, ready: false } => first(pod, |times| &mut times.unready),
            Fact::PodDeleting { pod } => first(pod, |times| &mut times.deleting),
            Fact::PodGone { pod } => first(pod, |times| &mut times.gone),
            Fact::EndpointSet { pod, endpoint: Endpoint::Ready } => first(pod, |times| &mut times.ep_added),
            Fact::EndpointSet { pod, endpoint: Endpoint::Absent | Endpoint::Terminating } => {
                first(pod, |times| &mut times.ep_removed);
            }
            // An observer hears what it asks for.
            _ => {}
        }
    }
    pods.into_values().collect()
}

/// Rows of pods' times. `ahead` is how many new pods come before the first old one goes (a rollout's surge); a drain
/// has none.
pub(super) fn rows(pods: &[PodTimes], ahead: usize, rows: &mut Rows) {
    let times = |of: fn(&PodTimes) -> Option<f64>| pods.iter().filter_map(of);
    let deletions = || times(|pod| pod.deleting);
    rows.seconds(Aspect::Pods, "first deletion", least(deletions()));
    // One deletion is not told twice.
    if deletions().count() > 1 {
        rows.seconds(Aspect::Pods, "last deletion", most(deletions()));
    }
    if ahead > 0 {
        rows.seconds(Aspect::Pods, "first pod scheduled", least(times(|pod| pod.scheduled)));
    }
    let between = |from: fn(&PodTimes) -> Option<f64>, to: fn(&PodTimes) -> Option<f64>| -> Vec<f64> {
        pods.iter().filter_map(|pod| Some(to(pod)? - from(pod)?)).collect()
    };
    rows.middle_and_most(Aspect::Pods, "deleted to scheduled", &replaced(pods, ahead));
    rows.middle_and_most(Aspect::Pods, "scheduled to ready", &between(|pod| pod.scheduled, |pod| pod.ready));
    rows.middle_and_most(Aspect::Pods, "ready to endpoint", &between(|pod| pod.ready, |pod| pod.ep_added));
    rows.middle_and_most(Aspect::Pods, "deleted to unready", &between(|pod| pod.deleting, |pod| pod.unready));
    rows.middle_and_most(Aspect::Pods, "deleted to endpoint off", &between(|pod| pod.deleting, |pod| pod.ep_removed));
    rows.middle_and_most(Aspect::Pods, "deleted to gone", &between(|pod| pod.deleting, |pod| pod.gone));
}

/// From each deletion until its replacement is bound: both in order of time, with `ahead` new pods ahead of them.
fn replaced(pods: &[PodTimes], ahead: usize) -> Vec<f64> {
    let sorted = |of: fn(&PodTimes) -> Option<f64>| {
        let mut times: Vec<f64> = pods.iter().filter_map(of).collect();
        times.sort_by(f64::total_cmp);
        times
    };
    let (scheduled, deleted) = (sorted(|pod| pod.scheduled), sorted(|pod| pod.deleting));
    scheduled.iter().skip(ahead).zip(&deleted).map(|(scheduled, deleted)| scheduled - deleted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacements_are_paired_with_the_deletions_that_they_follow() {
        let new = |scheduled| PodTimes { scheduled: Some(scheduled), ..PodTimes::default() };
        let old = |deleting| PodTimes { deleting: Some(deleting), ..PodTimes::default() };
        let drained = [old(0.1), old(5.3), new(0.3), new(5.4)];
        let rounded = |found: Vec<f64>| found.into_iter().map(|x| (x * 1000.0).round()).collect::<Vec<_>>();
        assert_eq!(rounded(replaced(&drained, 0)), [200.0, 100.0]);
        let rolled = [new(0.1), old(1.6), new(1.9), old(3.4)];
        assert_eq!(rounded(replaced(&rolled, 1)), [300.0]);
    }

    #[test]
    fn a_pod_that_left_the_endpoints_before_its_deletion_has_a_negative_length() {
        let mut rows_ = Rows::default();
        let pod = PodTimes { deleting: Some(72.651), ep_removed: Some(72.4), ..PodTimes::default() };
        rows(&[pod], 0, &mut rows_);
        assert_eq!(rows_.find("deleted to endpoint off (mid)").and_then(|row| row.value), Some(-0.251));
        assert!(rows_.find("deleted to gone (mid)").is_none(), "nobody saw it");
    }
}
