//! A token bucket without a clock: when the next one may go follows from when the last ones went.

use crate::base::{Span, Time};

/// A rate limiter as a virtual schedule: client-go's (`--kube-api-qps`, `--kube-api-burst`), kube-proxy's gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Time one token takes to come back; zero: no limit.
    refill: Span,
    /// Tokens when full.
    burst: u32,
    /// When the bucket will be full again.
    full_at: Time,
}

impl Bucket {
    /// A full bucket of `burst` tokens, `qps` of which come back each second; a `qps` of 0 sets no limit.
    pub const fn new(qps: u32, burst: u32) -> Bucket {
        let refill = if qps == 0 { Span::ZERO } else { Span::nanos(1_000_000_000 / qps as u64) };
        Bucket { refill, burst, full_at: Time::ZERO }
    }

    /// A full bucket of `burst` tokens, one of which comes back each `refill`; zero sets no limit.
    pub const fn every(refill: Span, burst: u32) -> Bucket {
        Bucket { refill, burst, full_at: Time::ZERO }
    }

    /// Takes `tokens` and returns when they are there: `now`, or later.
    pub fn take(&mut self, tokens: u32, now: Time) -> Time {
        let cost = self.refill * u64::from(tokens);
        let room = self.refill * u64::from(self.burst);
        self.full_at = self.full_at.max(now) + cost;
        now.max(self.full_at - room.min(self.full_at.since(Time::ZERO)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: client-go `util/flowcontrol/throttle.go` (a golang.org/x/time/rate limiter).
    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let mut bucket = Bucket::new(5, 10);
        let now = Time::ZERO + Span::secs(100);
        let times: Vec<u64> = (0..12).map(|_| bucket.take(1, now).since(now).as_nanos() / 1_000_000).collect();
        assert_eq!(times, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200, 400]);
        let later = now + Span::secs(10);
        assert_eq!(bucket.take(1, later), later, "tokens came back");
    }

    #[test]
    fn without_a_limit_everything_goes_at_once() {
        let mut bucket = Bucket::new(0, 0);
        assert_eq!(bucket.take(100, Time::ZERO), Time::ZERO);
    }
}
