//! When a leader-election candidate polls: jittered gaps, found without replaying the past.

use crate::base::{Name, Span, Time};
use crate::engine::Draw;
use crate::world::effects::Ctx;
use crate::world::purpose::Purpose;

/// A poll sequence starts anew, from a keyed residual, at every multiple of this: so the poll after any moment is
/// found within one mark's worth of gaps. Our choice; the longer, the more gaps are replayed.
const MARK: Span = Span::mins(10);

/// Jitter of a candidate's polls, in tenths of the retry period: `JitterFactor` 1.2.
/// Source: client-go `tools/leaderelection/leaderelection.go`.
const JITTER_TENTHS: u64 = 12;

/// The polls of one process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Polls {
    /// The process's lineage, its incarnation included.
    pub(super) name: Name,
    /// Its first poll; `None` for a process that is older than the run.
    pub(super) first: Option<Time>,
}

impl Polls {
    /// The first poll at or after `from`.
    pub(super) fn next(self, from: Time, ctx: &Ctx<'_>) -> Time {
        let retry = ctx.spec.control_plane.controllers.retry_period;
        let jitter = retry * JITTER_TENTHS / 10;
        let from = self.first.map_or(from, |first| from.max(first));
        let mut mark = from.nanos() / MARK.as_nanos();
        loop {
            let begin = Time::ZERO + MARK * mark;
            let end = begin + MARK;
            let mut draw = ctx.draw(Purpose::LeasePoll, self.name, mark);
            let mut poll = match self.first {
                Some(first) if first >= begin => first,
                Some(_) | None => begin + residual(retry, jitter, &mut draw),
            };
            while poll < from {
                poll += (retry + draw.span_below(jitter)).max(Span::nanos(1));
            }
            if poll < end {
                return poll;
            }
            mark += 1;
        }
    }
}

/// The time until the next poll for somebody who looks at a random moment: a part, uniform, of a gap that is as
/// likely to be met as it is long. The gap is uniform on `[retry, retry + jitter]`, so its length-biased version has
/// the distribution function (g^2 - a^2) / (b^2 - a^2), inverted here in whole numbers.
fn residual(retry: Span, jitter: Span, draw: &mut Draw) -> Span {
    let (a, b) = (u128::from(retry.as_nanos()), u128::from((retry + jitter).as_nanos()));
    let share = u128::from(draw.bits() >> 32);
    let square = a * a + (((b * b - a * a) >> 32) * share);
    draw.span_below(Span::nanos(square.isqrt() as u64))
}
