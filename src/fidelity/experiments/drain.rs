//! Drains, as experiments with one or more of them read them.

use serde::Deserialize;

use super::super::row::{Aspect, Rows};
use super::ACT;
use crate::base::Time;
use crate::observe::trace::Trace;
use crate::sim::Finished;
use crate::world::fact::Fact;

/// The `drain` of a measured result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Drain {
    /// From the cordon until the last pod was gone.
    pub(super) secs: Option<f64>,
    /// Pods evicted.
    pub(super) pods: Option<u64>,
    /// Evictions that were refused and asked for again.
    pub(super) retries429: Option<u64>,
}

impl Drain {
    /// Its rows; `of` stands before their names.
    pub(super) fn rows(&self, of: &str, rows: &mut Rows) {
        if let Some(secs) = self.secs {
            rows.seconds(Aspect::Course, format!("{of}drain"), Some(secs));
        }
        if let Some(pods) = self.pods {
            rows.count(Aspect::Course, format!("{of}pods drained"), pods);
        }
        if let Some(retries) = self.retries429 {
            rows.count(Aspect::Course, format!("{of}refused evictions"), retries);
        }
    }
}

/// A machine's drain in a simulated run.
pub(super) struct Drained {
    /// The machine's label.
    pub(super) unit: String,
    /// When it began, seconds from the act.
    pub(super) start: f64,
    /// Its figures.
    pub(super) drain: Drain,
}

/// All drains of a simulated run, in order.
pub(super) fn simulated(finished: &Finished, trace: &Trace) -> Vec<Drained> {
    let steps = finished.outcome.upgrade.steps.iter().filter(|step| step.phase == "draining");
    let one = |step: &crate::sim::outcome::Step| {
        let end = step.end_s.unwrap_or(f64::INFINITY);
        let within = |at: Time| (step.start_s..=end).contains(&at.secs_f64());
        let count = |wanted: fn(&Fact) -> bool| {
            trace.records.iter().filter(|record| within(record.at) && wanted(&record.fact)).count() as u64
        };
        let drain = Drain {
            secs: step.end_s.map(|end| end - step.start_s),
            pods: Some(count(|fact| matches!(fact, Fact::Evicted { .. }))),
            retries429: Some(count(|fact| matches!(fact, Fact::EvictionRefused { .. }))),
        };
        Drained { unit: step.unit.clone(), start: step.start_s - ACT.secs_f64(), drain }
    };
    steps.map(one).collect()
}
