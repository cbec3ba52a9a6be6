//! How a tool drains: sleeps, deadline, grace, attempts, and what it does with pods that will not go.

use crate::base::{Span, Time};
use crate::engine::Dist;

/// Sleep after a refused eviction. Source: kubectl `pkg/drain/drain.go`, `EvictErrorRetryDelay`' default.
pub const EVICT_RETRY: Span = Span::secs(5);
/// Time between two looks at a pod that is to go. Source: kubectl `pkg/drain/drain.go`, `waitForDelete`.
pub const GONE_POLL: Span = Span::secs(1);

/// How a tool drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainSettings {
    /// Sleep after a refused eviction; above zero.
    pub retry: Span,
    /// Deadline of the whole drain, waits for termination included; `None`: without limit.
    pub timeout: Option<Span>,
    /// Grace period instead of the pods' own.
    pub grace: Option<Span>,
    /// What each request after the cordon takes until it is sent, where each is a command of its own and one pod comes
    /// after another; zero for the library, which asks for all at once.
    pub command_time: Dist,
    /// What a retry takes beyond that.
    pub retry_time: Dist,
    /// Leaves DaemonSets' pods alone; else a node that has any is not drained at all (`--ignore-daemonsets`).
    pub ignore_daemonsets: bool,
    /// Deletes instead of evicting, past all budgets (`--disable-eviction`).
    pub past_budgets: bool,
    /// Time between two looks at a pod that is to go; above zero.
    pub look: Span,
    /// It drains in attempts with pauses between; `None`: without a pause.
    pub attempts: Option<Attempts>,
    /// When a pod that a budget keeps is deleted past it; `None`: never.
    pub bypass: Option<Bypass>,
    /// Pods of a critical priority class are asked to go once all others are gone.
    pub critical_last: bool,
    /// Pods that are no longer waited for; `None`: each is waited for until its object is gone.
    pub skip_wait: Option<SkipWait>,
    /// After so long the tool raises an alert, and goes on.
    pub alert: Option<Span>,
}

/// When a pod that a budget keeps is deleted past it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bypass {
    /// So long after its first eviction was refused.
    After(Span),
    /// Its own grace period before the drain's deadline, so that it is gone by then.
    GraceBeforeDeadline,
}

/// Which pods on their way out a drain does not wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SkipWait {
    /// Those whose deletion was asked for so long ago.
    pub after: Span,
    /// Only on a node of whose kubelet nothing is heard.
    pub unreachable: bool,
}

/// Attempts to drain with pauses between, for ever. While nothing changes they find what they found before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// How long one lasts.
    pub length: Span,
    /// Pause after one, at first.
    pub pause: Span,
    /// From the first attempt's start until pauses are longer.
    pub slow_after: Span,
    /// Pause from then on.
    pub slow_pause: Span,
}

impl Attempts {
    /// The first moment not before `at` that falls into an attempt; the first one began at `first`.
    pub fn open_from(self, first: Time, at: Time) -> Time {
        let (quick, slow) = (self.length + self.pause, self.length + self.slow_pause);
        // The first attempt that begins at or after `slow_after` is the first of the slow ones.
        let slow_from = (first + self.slow_after).next_tick(first, quick);
        let (phase, period) = if at < slow_from { (first, quick) } else { (slow_from, slow) };
        match at.last_tick(phase, period) {
            Some(began) if at > began + self.length => began + period,
            Some(_) => at,
            None => first,
        }
    }
}

impl DrainSettings {
    /// The library's defaults: evictions, the pods' own grace, no deadline.
    pub const fn new() -> DrainSettings {
        DrainSettings {
            retry: EVICT_RETRY,
            timeout: None,
            grace: None,
            command_time: Dist::Fixed(Span::ZERO),
            retry_time: Dist::Fixed(Span::ZERO),
            ignore_daemonsets: true,
            past_budgets: false,
            look: GONE_POLL,
            attempts: None,
            bypass: None,
            critical_last: false,
            skip_wait: None,
            alert: None,
        }
    }
}

impl Default for DrainSettings {
    fn default() -> Self {
        DrainSettings::new()
    }
}
