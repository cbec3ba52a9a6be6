//! What became of a group's requests.

use crate::base::Span;
use crate::world::fact::Loss;

/// The totals of a client group. `sent = ok + lost + abandoned + in_flight`, always.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    /// Users' calls begun.
    pub sent: u64,
    /// Answered in time. Until the end of the run, those settled per interval include the ones still under way.
    pub ok: u64,
    /// Lost, by cause, in the order of [`Loss::ALL`]. A request in a black hole counts from its sending on.
    pub lost: [u64; Loss::ALL.len()],
    /// Given up: the app was at work on it, but took longer than the client waits; or the client itself went away.
    pub abandoned: u64,
    /// Neither answered nor lost yet.
    pub in_flight: u64,
    /// Tries: one for each request, and one more for each retry. A repeat by the client library is none.
    pub attempts: u64,
    /// The mean of the lost requests over all luck of arrivals and picks, the course of the cluster being what it was.
    /// Where requests are held one by one, what a cut, an overload or a spent retry budget took counts as it came.
    pub expected_lost: f64,
    /// The time during which some request of the group could have been lost, whatever its rate.
    pub exposed: Span,
    /// The longest time during which every request failed.
    pub longest_outage: Span,
    /// Latency of the answered.
    pub latency: Latency,
}

/// Latency of answered requests, from the law of the app's service time (and not counted one by one); waiting in an
/// app's queue and warming up are outside of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// Half of them were quicker.
    pub p50: Span,
    /// Ninety-nine in a hundred were quicker.
    pub p99: Span,
    /// The quantile that one of all the answered is expected to lie beyond.
    pub max: Span,
}

impl Ledger {
    /// Lost requests of all causes.
    pub fn lost_in_all(&self) -> u64 {
        self.lost.iter().sum()
    }
    /// Lost requests of one cause.
    pub fn lost_by(&self, loss: Loss) -> u64 {
        self.lost[loss as usize]
    }
    /// Whether every request sent has become exactly one of answered, lost, given up, under way.
    pub fn is_balanced(&self) -> bool {
        self.sent == self.ok + self.lost_in_all() + self.abandoned + self.in_flight
    }
}
