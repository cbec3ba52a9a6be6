//! Which samplers made a report.

use super::{Dist, Draw, Draws, philox};
use crate::base::{Name, Span};

/// Samples of each kind that go into the fingerprint.
const SAMPLES: u64 = 64;

/// A fingerprint of every sampler: the same wherever the samplers give the same values.
///
/// It stands in reports and certificates. Two programs of the same fingerprint draw the same luck from a seed.
pub fn fingerprint() -> [u8; 16] {
    let draws = Draws::new(0, KINDS.len());
    let mut state = [0, 0];
    for (purpose, kind) in (0..).zip(KINDS) {
        for ordinal in 0..SAMPLES {
            let value = kind(&mut draws.at(purpose, Name(ordinal), ordinal));
            state = philox::block(value, state);
        }
    }
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&state[0].to_le_bytes());
    bytes[8..].copy_from_slice(&state[1].to_le_bytes());
    bytes
}

/// One of every sampler, small and large cases apart.
const KINDS: &[fn(&mut Draw) -> u64] = &[
    |draw| draw.bits() ^ draw.bits().rotate_left(1),
    |draw| draw.below(u64::MAX / 3 * 2),
    |draw| draw.unit().to_bits(),
    |draw| draw.exponential().to_bits(),
    |draw| draw.normal().to_bits(),
    |draw| draw.poisson(3.5),
    |draw| draw.poisson(1e3),
    |draw| draw.poisson(1e12),
    |draw| draw.binomial(20, 0.2),
    |draw| draw.binomial(1_000_000, 0.7),
    |draw| draw.hypergeometric(50, 20, 10),
    |draw| draw.hypergeometric(1_000_000, 200_000, 300_000),
    |draw| Dist::Uniform { low: Span::secs(1), high: Span::secs(90) }.sample(draw).as_nanos(),
    |draw| Dist::Exponential { base: Span::secs(1), mean: Span::secs(90) }.sample(draw).as_nanos(),
    |draw| Dist::LogNormal { median: Span::secs(30), p99: Span::secs(90) }.sample(draw).as_nanos(),
    |draw| Dist::Weibull { scale: Span::secs(30), shape_milli: 700 }.sample(draw).as_nanos(),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samplers_are_those_of_version_1() {
        // A change here changes the luck of every seed: it belongs into the changelog.
        assert_eq!(u128::from_le_bytes(fingerprint()), 0x8fba_f894_e78f_3387_a241_ea4d_6830_a1eb);
    }
}
