//! A probe without its ticks: when a run of equal results reaches its threshold follows from phase and period.

use crate::base::{Span, Time};

/// The ticks of a probe: `phase + k * period`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticks {
    /// The first tick.
    pub(super) phase: Time,
    /// Above zero.
    pub(super) period: Span,
}

impl Ticks {
    /// How many ticks lie in `[from, to)`.
    fn count(self, from: Time, to: Time) -> u64 {
        let before = |t: Time| match t <= self.phase {
            true => 0,
            false => t.since(self.phase).as_nanos().div_ceil(self.period.as_nanos().max(1)),
        };
        before(to).saturating_sub(before(from))
    }
    /// The `n`-th tick at or after `from`, counted from 1.
    fn nth(self, from: Time, n: u32) -> Time {
        from.next_tick(self.phase, self.period) + self.period * u64::from(n.saturating_sub(1))
    }
}

/// The results of one probe, told in runs.
///
/// As the kubelet's probe worker, it counts equal results in a row, and acts when they are as many as the threshold
/// (`resultRun` of `pkg/kubelet/prober/worker.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Probe {
    /// Ticks before this are counted in `run`; ticks from here on see `sees`.
    as_of: Time,
    /// Equal results in a row.
    run: u32,
    /// Which result that was.
    last: bool,
    /// What a tick from `as_of` on finds.
    sees: bool,
}

impl Probe {
    /// A probe that does not run.
    pub(super) const fn idle() -> Probe {
        Probe { as_of: Time::NEVER, run: 0, last: false, sees: false }
    }
    /// A probe whose first tick that counts is the first at or after `from`.
    pub(super) const fn begin(from: Time, sees: bool) -> Probe {
        Probe { as_of: from, run: 0, last: false, sees }
    }
    /// A probe that has found success for a long time.
    pub(super) const fn succeeding() -> Probe {
        Probe { as_of: Time::ZERO, run: u32::MAX, last: true, sees: true }
    }
    /// Whether it has found success this often in a row at least, and still does.
    pub(super) fn is_settled(self, successes: u32, now: Time) -> bool {
        let often = self.last && self.run >= successes || successes == 0 && self.run == 0;
        self.sees && often && self.as_of <= now
    }
    /// What a tick finds now.
    pub(super) const fn sees(self) -> bool {
        self.sees
    }
    /// Counts the ticks before `to`.
    pub(super) fn advance(&mut self, to: Time, ticks: Ticks) {
        if to > self.as_of {
            let passed = u32::try_from(ticks.count(self.as_of, to)).unwrap_or(u32::MAX);
            self.add(passed);
            self.as_of = to;
        }
    }
    /// From `as_of` on ticks find this; call `advance` first.
    pub(super) fn see(&mut self, sees: bool) {
        self.sees = sees;
    }
    /// One probe more, between the ticks.
    pub(super) fn extra(&mut self) {
        self.add(1);
    }
    /// When the run of what is seen now reaches `threshold`, if nothing changes: at a tick to come, or in the past.
    pub(super) fn crossing(self, threshold: u32, ticks: Ticks) -> Time {
        let have = if self.last == self.sees { self.run } else { 0 };
        match threshold.max(1).saturating_sub(have) {
            0 => Time::ZERO,
            need => ticks.nth(self.as_of, need),
        }
    }

    fn add(&mut self, results: u32) {
        if results > 0 {
            self.run = if self.last == self.sees { self.run.saturating_add(results) } else { results };
            self.last = self.sees;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TICKS: Ticks = Ticks { phase: Time::from_nanos(7), period: Span::nanos(10) };

    /// The probe worker's loop, tick by tick: when the result changes, and to what.
    fn tick_by_tick(flips: &[u64], first: u64, ticks: Ticks, thresholds: (u32, u32), until: u64) -> Vec<(Time, bool)> {
        let (mut outcome, mut last, mut run) = (false, None, 0);
        let mut heard = Vec::new();
        let mut at = Time::from_nanos(first).next_tick(ticks.phase, ticks.period);
        while at.nanos() < until {
            let sees = flips.iter().filter(|flip| **flip <= at.nanos()).count() % 2 == 1;
            run = if last == Some(sees) { run + 1 } else { 1 };
            last = Some(sees);
            let threshold = if sees { thresholds.0 } else { thresholds.1 };
            if run >= threshold && outcome != sees {
                outcome = sees;
                heard.push((at, sees));
            }
            at += ticks.period;
        }
        heard
    }

    /// The same, computed: one moment for each change of what is seen.
    fn computed(flips: &[u64], first: u64, ticks: Ticks, thresholds: (u32, u32), until: u64) -> Vec<(Time, bool)> {
        let mut heard = Vec::new();
        let mut outcome = false;
        let early = flips.iter().filter(|flip| **flip <= first).count();
        let mut probe = Probe::begin(Time::from_nanos(first), early % 2 == 1);
        for next in flips[early..].iter().copied().chain([until]) {
            if probe.sees() != outcome {
                let threshold = if probe.sees() { thresholds.0 } else { thresholds.1 };
                let at = probe.crossing(threshold, ticks);
                if at.nanos() < next {
                    probe.advance(at + Span::nanos(1), ticks);
                    outcome = probe.sees();
                    heard.push((at, outcome));
                }
            }
            probe.advance(Time::from_nanos(next), ticks);
            probe.see(!probe.sees());
        }
        heard
    }

    proptest! {
        #[test]
        fn computed_thresholds_are_those_of_probing_tick_by_tick(
            mut flips in proptest::collection::vec(0_u64..2_000, 0..40),
            first in 0_u64..200,
            phase in 0_u64..300,
            period in 1_u64..60,
            successes in 1_u32..4,
            failures in 1_u32..6,
        ) {
            flips.sort_unstable();
            flips.dedup();
            let ticks = Ticks { phase: Time::from_nanos(phase), period: Span::nanos(period) };
            let eager = tick_by_tick(&flips, first, ticks, (successes, failures), 2_500);
            prop_assert_eq!(computed(&flips, first, ticks, (successes, failures), 2_500), eager);
        }
    }

    /// kubernetes `pkg/kubelet/prober/worker.go`: not ready after `failureThreshold` failures in a row.
    #[test]
    fn the_third_failed_tick_is_the_crossing() {
        let mut probe = Probe::succeeding();
        probe.advance(Time::from_nanos(20), TICKS);
        probe.see(false);
        assert_eq!(probe.crossing(3, TICKS), Time::from_nanos(47));
    }

    #[test]
    fn a_success_between_failures_starts_the_count_again() {
        let mut probe = Probe::begin(Time::ZERO, false);
        probe.advance(Time::from_nanos(20), TICKS);
        probe.see(true);
        probe.advance(Time::from_nanos(30), TICKS);
        probe.see(false);
        assert_eq!(probe.crossing(3, TICKS), Time::from_nanos(57));
    }

    #[test]
    fn the_first_tick_that_counts_is_not_before_the_initial_delay() {
        let probe = Probe::begin(Time::from_nanos(18), true);
        assert_eq!(probe.crossing(1, TICKS), Time::from_nanos(27));
    }
}
