//! What measuring clients saw: per probe and target, requests by their ends, and the longest time without a good one.

use std::collections::BTreeMap;

use crate::base::{Span, Time};
use crate::world::ids::{MasterId, ProbeId};

/// A request that takes longer than this is slow. The border that our measurements of a real cluster use.
const SLOW: Span = Span::millis(500);

/// The requests of one probe to one target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Series {
    /// Answered well and in time.
    pub ok: u64,
    /// Failed, or without an answer in time.
    pub failed: u64,
    /// Answered well after more than half a second.
    pub slow: u64,
    /// The longest that a good answer took.
    pub slowest: Span,
    /// When the first and the last failed request were sent.
    pub failed_sent: Option<(Time, Time)>,
    /// The longest that a failed request took to fail.
    pub fail_after: Span,
    /// The longest time between two good answers, and when it began.
    pub longest_gap: Option<(Span, Time)>,
    /// The last good answer.
    last_ok: Option<Time>,
}

/// The requests of all probes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probed {
    series: BTreeMap<(ProbeId, Option<MasterId>), Series>,
}

impl Probed {
    /// A request of a probe to a target has ended, `took` after it was `sent`.
    pub fn hear(&mut self, of: (ProbeId, Option<MasterId>), sent: Time, ok: bool, took: Span) {
        let series = self.series.entry(of).or_default();
        match ok {
            true => series.succeeded(sent, took),
            false => series.has_failed(sent, took),
        }
    }

    /// The requests of one probe to one target, so far.
    pub fn of(&self, probe: ProbeId, target: Option<MasterId>) -> Series {
        self.series.get(&(probe, target)).copied().unwrap_or_default()
    }
}

impl Series {
    fn succeeded(&mut self, sent: Time, took: Span) {
        self.ok += 1;
        self.slow += u64::from(took > SLOW);
        self.slowest = self.slowest.max(took);
        let at = sent + took;
        let Some(last) = self.last_ok else {
            self.last_ok = Some(at);
            return;
        };
        let gap = at.since(last);
        if self.longest_gap.is_none_or(|(longest, _)| gap > longest) {
            self.longest_gap = Some((gap, last));
        }
        self.last_ok = Some(last.max(at));
    }

    fn has_failed(&mut self, sent: Time, took: Span) {
        self.failed += 1;
        self.fail_after = self.fail_after.max(took);
        let (first, last) = self.failed_sent.unwrap_or((sent, sent));
        self.failed_sent = Some((first.min(sent), last.max(sent)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Span::millis(ms)
    }

    #[test]
    fn the_longest_gap_lies_between_answers_and_failures_are_dated_by_their_sending() {
        let (mut probed, of) = (Probed::default(), (ProbeId(0), None));
        probed.hear(of, at(0), true, Span::millis(5));
        probed.hear(of, at(20), true, Span::millis(5));
        probed.hear(of, at(900), true, Span::millis(700));
        // Sent before, heard after: it ends no gap.
        probed.hear(of, at(60), false, Span::secs(7));
        probed.hear(of, at(40), false, Span::secs(7));
        let series = probed.of(ProbeId(0), None);
        assert_eq!((series.ok, series.failed, series.slow), (3, 2, 1));
        assert_eq!(series.longest_gap, Some((Span::millis(1_575), at(25))));
        assert_eq!((series.failed_sent, series.fail_after), (Some((at(40), at(60))), Span::secs(7)));
        assert_eq!(probed.of(ProbeId(0), Some(MasterId(0))), Series::default());
    }
}
