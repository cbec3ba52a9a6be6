//! Floor 4, third wall: observers hear facts; they can neither schedule nor draw.

pub mod covered;
pub mod digest;
pub mod figures;
pub mod identities;
pub mod invariants;
pub mod laws;
pub mod own;
pub mod probed;
pub mod tell;
pub mod trace;

use crate::base::{Span, Time};
use crate::world::fact::Fact;

/// A moment's facts reach observers one by one, with the event that was being stepped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// When.
    pub at: Time,
    /// The event that was being stepped.
    pub event: u64,
    /// What.
    pub fact: Fact,
}

/// Adds up the time during which something is so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lasting {
    since: Option<Time>,
    total: Span,
    longest: Span,
    /// How often it began.
    times: u64,
}

impl Lasting {
    /// It is so from now on, or not.
    pub fn set(&mut self, so: bool, now: Time) {
        match (self.since, so) {
            (None, true) => {
                self.since = Some(now);
                self.times += 1;
            }
            (Some(since), false) => {
                self.add(now.since(since));
                self.since = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }
    fn add(&mut self, lasted: Span) {
        self.total += lasted;
        self.longest = self.longest.max(lasted);
    }
    /// Total time, longest stretch, and how often it began, if the run ends now.
    pub fn figures(mut self, now: Time) -> (Span, Span, u64) {
        self.set(false, now);
        (self.total, self.longest, self.times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_adds_up_over_stretches_and_the_last_counts_until_the_end() {
        let at = |secs| Time::ZERO + Span::secs(secs);
        let mut lasting = Lasting::default();
        lasting.set(true, at(1));
        lasting.set(true, at(2));
        lasting.set(false, at(4));
        lasting.set(true, at(10));
        assert_eq!(lasting.figures(at(11)), (Span::secs(4), Span::secs(3), 2));
    }
}
