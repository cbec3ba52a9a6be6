//! Moments that cases look for in a run's history.

use crate::base::Time;
use crate::observe::trace::{Record, Trace};
use crate::sim::Finished;
use crate::world::fact::Fact;
use crate::world::ids::PodId;

/// All facts of a run; none where no history was kept.
pub(super) fn records(finished: &Finished) -> &[Record] {
    finished.trace.as_ref().map_or(&[], |trace| &trace.records)
}

/// When the first fact of this kind was heard at or after `from`, in seconds of the run; not a number if never.
pub(super) fn first(finished: &Finished, from: f64, is: impl Fn(&Fact) -> bool) -> f64 {
    let found = records(finished).iter().find(|record| record.at.secs_f64() >= from && is(&record.fact));
    found.map_or(f64::NAN, |record| record.at.secs_f64())
}

/// When the last fact of this kind was heard; not a number if never.
pub(super) fn last(finished: &Finished, is: impl Fn(&Fact) -> bool) -> f64 {
    let found = records(finished).iter().rev().find(|record| is(&record.fact));
    found.map_or(f64::NAN, |record| record.at.secs_f64())
}

/// When the first fault struck.
pub(super) fn struck(finished: &Finished) -> f64 {
    first(finished, 0.0, |fact| matches!(fact, Fact::FaultStruck { .. }))
}

/// Whether a pod belongs to the app of this name.
pub(super) fn is_of(trace: &Trace, pod: PodId, app: &str) -> bool {
    trace.names.app_of.get(pod).is_some_and(|of| trace.names.apps[*of] == app)
}

/// Lost requests of an app: when the first of each lot was sent, when the lot was told, and how many.
pub(super) fn losses<'f>(finished: &'f Finished, app: &'f str) -> impl Iterator<Item = (Time, Time, u64)> + 'f {
    let names = finished.trace.as_ref().map(|trace| &trace.names.groups);
    let of = move |group| {
        let label: Option<&String> = names.and_then(|names| names.get(group));
        label.is_some_and(|label| label.split('/').next() == Some(app))
    };
    records(finished).iter().filter_map(move |record| match record.fact {
        Fact::RequestsLost { group, count, since, .. } if of(group) => Some((since, record.at, count)),
        _ => None,
    })
}
