//! The moments at which a fault can matter: the start, middle and end of each phase of each step of the fault-free
//! run, and just before and after each change of a leader and of an endpoint.

use crate::base::{Span, Time};
use crate::observe::trace::Trace;
use crate::sim::Outcome;
use crate::world::fact::Fact;

/// How long before and after a change a fault strikes.
const BESIDE: Span = Span::millis(1);
/// A phase that is shorter has neither a middle nor an end worth telling from its start.
const SHORT: Span = Span::millis(100);

/// The moments of a fault-free run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instants {
    /// For each phase of each step, in order of their start: how long after its start faults strike.
    pub offsets: Vec<Vec<Span>>,
    /// Moments beside changes, in order.
    pub changes: Vec<Time>,
    /// The plan's first and last phase: from, to.
    pub during: (Time, Time),
}

impl Instants {
    /// Of the fault-free run.
    pub fn of(outcome: &Outcome, trace: &Trace) -> Instants {
        let nanos = |seconds: f64| (seconds * 1e9).round() as u64;
        let steps = &outcome.upgrade.steps;
        let offsets = steps.iter().map(|step| match step.end_s {
            Some(end) => within(Span::nanos(nanos(end).saturating_sub(nanos(step.start_s)))),
            None => vec![Span::ZERO],
        });
        let from = steps.first().map_or(0, |step| nanos(step.start_s));
        let ends = steps.iter().map(|step| nanos(step.end_s.unwrap_or(step.start_s)));
        let to = ends.max().unwrap_or(from).max(from);
        let during = (Time::from_nanos(from), Time::from_nanos(to));
        Instants { offsets: offsets.collect(), changes: changes(trace, during), during }
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.offsets.iter().map(|of| of.len() as u64).sum::<u64>() + self.changes.len() as u64
    }
}

/// Start, middle and end of a phase of this length, in whole milliseconds.
fn within(length: Span) -> Vec<Span> {
    if length < SHORT {
        return vec![Span::ZERO];
    }
    let millis = length.as_nanos() / 1_000_000;
    vec![Span::ZERO, Span::millis(millis / 2), Span::millis(millis.saturating_sub(1))]
}

fn changes(trace: &Trace, during: (Time, Time)) -> Vec<Time> {
    let changed = trace.records.iter().filter(|record| {
        matches!(record.fact, Fact::MemberLeads { .. } | Fact::LeaseTaken { .. } | Fact::EndpointSet { .. })
            && (during.0..=during.1).contains(&record.at)
    });
    let millis = |at: Time| Time::from_nanos(at.nanos() / 1_000_000 * 1_000_000);
    let beside = |at: Time| {
        let at = millis(at);
        [at.since(Time::ZERO + BESIDE), at.since(Time::ZERO) + BESIDE].map(|span| Time::ZERO + span)
    };
    let mut all: Vec<Time> = changed.flat_map(|record| beside(record.at)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_phase_has_three_moments_and_a_short_one_only_its_start() {
        assert_eq!(within(Span::secs(10)), [Span::ZERO, Span::secs(5), Span::millis(9_999)]);
        assert_eq!(within(Span::millis(20)), [Span::ZERO]);
    }
}
