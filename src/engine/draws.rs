//! Keyed random draws: each value is a function of (seed, purpose, name, ordinal, count) alone.
//!
//! ChaCha8 turns the seed into one key of 128 bits for each purpose. Philox2x64 turns that key, the name and the
//! ordinal into a block of 128 bits for each decision. The first value of a decision is the first word of its
//! block; further ones come from a SplitMix64 stream that starts at the second word.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::philox;
use crate::base::{Name, Ratio, Span, name::mix};

/// Separates these keys from any other use of ChaCha8 with the same seed.
const DOMAIN: &[u8; 24] = b"rollproof draws, keys v1";
/// The step of SplitMix64: the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// Words of 32 bits in a key, the unit in which ChaCha counts its position.
const WORDS_PER_KEY: u128 = 4;

/// All random draws of one seed. Plain keys, no generator state: asking in any order gives the same answers.
///
/// Clones share the keys.
#[derive(Clone, Debug)]
pub struct Draws {
    seed: u64,
    keys: Arc<[Key]>,
}

type Key = [u64; 2];

/// One keyed draw: a short stream of values for a single decision.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    block: [u64; 2],
    count: u64,
}

impl Draws {
    /// The draws of `seed`. `purposes` is how many purposes the model has; purposes are numbered from 0.
    ///
    /// A purpose's draws do not depend on how many there are. One beyond them still works, but slowly.
    pub fn new(seed: u64, purposes: usize) -> Draws {
        let mut stream = key_stream(seed);
        Draws { seed, keys: (0..purposes).map(|_| next_key(&mut stream)).collect() }
    }

    /// The seed they all come from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The draw for `purpose`, entity `name`, and the `ordinal`-th decision of that kind.
    #[inline]
    pub fn at(&self, purpose: u16, name: Name, ordinal: u64) -> Draw {
        let key = match self.keys.get(usize::from(purpose)) {
            Some(&key) => key,
            None => self.key_beyond(purpose),
        };
        Draw { block: philox::block(key[0], [name.0, ordinal ^ key[1]]), count: 0 }
    }

    #[cold]
    fn key_beyond(&self, purpose: u16) -> Key {
        let mut stream = key_stream(self.seed);
        stream.set_word_pos(u128::from(purpose) * WORDS_PER_KEY);
        next_key(&mut stream)
    }
}

fn key_stream(seed: u64) -> ChaCha8Rng {
    let mut input = [0; 32];
    input[..8].copy_from_slice(&seed.to_le_bytes());
    input[8..].copy_from_slice(DOMAIN);
    ChaCha8Rng::from_seed(input)
}

fn next_key(stream: &mut ChaCha8Rng) -> Key {
    [stream.next_u64(), stream.next_u64()]
}

impl Draw {
    /// The next 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        let count = self.count;
        self.count += 1;
        match count {
            0 => self.block[0],
            _ => mix(self.block[1].wrapping_add(count.wrapping_mul(GOLDEN))),
        }
    }

    /// A whole number below `n`, each equally likely; 0 when `n` is 0.
    ///
    /// Multiplies and rejects (Lemire, ACM TOMACS 29(1), 2019), so there is no bias at all.
    #[inline]
    pub fn below(&mut self, n: u64) -> u64 {
        let mut product = u128::from(self.bits()) * u128::from(n);
        if (product as u64) < n {
            let too_low = n.wrapping_neg() % n;
            while (product as u64) < too_low {
                product = u128::from(self.bits()) * u128::from(n);
            }
        }
        (product >> 64) as u64
    }

    /// A float in [0, 1), of 53 bits.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A float in (0, 1), both ends excluded, of 52 bits.
    #[inline]
    pub fn open_unit(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// A span from zero up to but not including `limit`, uniform to the nanosecond; zero when `limit` is zero.
    #[inline]
    pub fn span_below(&mut self, limit: Span) -> Span {
        Span::nanos(self.below(limit.as_nanos()))
    }

    /// True with this probability.
    #[inline]
    pub fn chance(&mut self, probability: Ratio) -> bool {
        self.below(u64::from(Ratio::ONE.ppm())) < u64::from(probability.ppm())
    }

    /// An exponential value of mean 1, by inversion; between 1e-16 and 37.
    pub fn exponential(&mut self) -> f64 {
        -libm::log(self.open_unit())
    }

    /// A normal value of mean 0 and variance 1, by inversion of one uniform value; between -8.3 and 8.3.
    pub fn normal(&mut self) -> f64 {
        super::normal::quantile(self.open_unit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_same_for_ever() {
        let mut draw = Draws::new(7, 8).at(3, Name::new("web").part(2), 5);
        let values: [u64; 4] = std::array::from_fn(|_| draw.bits());
        assert_eq!(
            values,
            [
                2_361_208_242_746_460_647,
                3_169_522_408_912_778_248,
                15_244_916_051_002_201_527,
                5_289_175_018_659_103_571
            ]
        );
        assert_eq!(Draws::new(0, 1).at(0, Name(0), 0).bits(), 3_560_321_399_694_633_488);
        assert_eq!(Draws::new(u64::MAX, 1).at(0, Name(u64::MAX), u64::MAX).bits(), 1_946_881_442_042_479_879);
    }

    #[test]
    fn a_key_depends_neither_on_how_many_there_are_nor_on_the_order_of_asking() {
        let (few, many) = (Draws::new(9, 3), Draws::new(9, 200));
        for purpose in [2, 199, 0, 77, 3] {
            let [mut one, mut other] = [&few, &many].map(|draws| draws.at(purpose, Name(1), 2));
            assert_eq!(one.bits(), other.bits(), "purpose {purpose}");
        }
    }

    #[test]
    fn below_is_unbiased_and_in_range() {
        // Three quarters of the 64-bit range: without rejection the first third would come twice as often.
        let n = 3 << 62;
        let draws = Draws::new(1, 1);
        let mut thirds = [0_u32; 3];
        for i in 0..30_000 {
            let value = draws.at(0, Name(0), i).below(n);
            thirds[(value / (1 << 62)) as usize] += 1;
        }
        // 6 standard deviations of a binomial(30000, 1/3) are 490.
        assert!(thirds.iter().all(|third| third.abs_diff(10_000) < 490), "{thirds:?}");
        let mut draw = draws.at(0, Name(0), 0);
        assert_eq!([draw.below(0), draw.below(1)], [0, 0]);
        assert!((0..1000).all(|_| draw.below(7) < 7));
        assert_eq!(draw.span_below(Span::ZERO), Span::ZERO);
    }

    #[test]
    fn chances_of_nothing_and_of_everything_are_certain() {
        let mut draw = Draws::new(1, 1).at(0, Name(0), 0);
        assert!((0..1000).all(|_| !draw.chance(Ratio::ZERO) && draw.chance(Ratio::ONE)));
        let hits = (0..10_000).filter(|_| draw.chance(Ratio::from_ppm(250_000))).count();
        assert!(hits.abs_diff(2_500) < 260, "{hits}");
    }

    #[test]
    fn floats_stay_within_their_ends() {
        let mut highest = Draw { block: [u64::MAX, 0], count: 0 };
        let mut lowest = Draw { block: [0, 0], count: 0 };
        let (mut highest_open, mut lowest_open) = (highest, lowest);
        assert!(highest.unit() < 1.0 && lowest.unit() == 0.0);
        assert!(highest_open.open_unit() < 1.0 && lowest_open.open_unit() > 0.0);
        let normals = [u64::MAX, 0].map(|word| Draw { block: [word, 0], count: 0 }.normal());
        assert!(normals[0] > 8.0 && normals[0] < 8.3 && normals[1] > -8.3 && normals[1] < -8.0, "{normals:?}");
        let waits = [u64::MAX, 0].map(|word| Draw { block: [word, 0], count: 0 }.exponential());
        assert!(waits[0] > 0.0 && waits[1] < 37.0, "{waits:?}");
    }

    #[test]
    fn normal_and_exponential_values_have_their_moments() {
        const COUNT: u64 = 100_000;
        let draws = Draws::new(5, 2);
        let moments = |f: &dyn Fn(u64) -> f64| {
            let mean_of = |power: usize| (0..COUNT).map(|i| [f(i); 4][..power].iter().product::<f64>()).sum::<f64>();
            [1, 2, 3, 4].map(|power| mean_of(power) / COUNT as f64)
        };
        let normal = moments(&|i| draws.at(0, Name(1), i).normal());
        let exponential = moments(&|i| draws.at(1, Name(1), i).exponential());
        // Five standard errors: sqrt(E x^2k - (E x^k)^2) / sqrt(100,000) each.
        for (value, expected, error) in [
            (normal[0], 0.0, 0.016),
            (normal[1], 1.0, 0.023),
            (normal[2], 0.0, 0.062),
            (normal[3], 3.0, 0.16),
            (exponential[0], 1.0, 0.016),
            (exponential[1], 2.0, 0.071),
            (exponential[2], 6.0, 0.42),
        ] {
            assert!((value - expected).abs() < error, "{value} for {expected}");
        }
    }
}

/// Statistical tests across neighbouring keys, where a keyed generator is most likely to fail.
#[cfg(test)]
mod independence {
    use super::*;

    /// Sums, over cells, the squared distance from the expected count, as deviations of its own law.
    fn chi_square(cells: &[u64]) -> f64 {
        let expected = cells.iter().sum::<u64>() as f64 / cells.len() as f64;
        let sum: f64 = cells.iter().map(|&n| (n as f64 - expected) * (n as f64 - expected) / expected).sum();
        let freedom = cells.len() as f64 - 1.0;
        (sum - freedom) / libm::sqrt(2.0 * freedom)
    }

    /// Fails if `values` can be told from independent uniform words.
    fn examine(what: &str, values: &[u64]) {
        let count = values.len() as f64;
        let mut worst: Vec<(String, f64)> = Vec::new();
        for shift in (0..64).step_by(8) {
            let mut cells = [0; 256];
            values.iter().for_each(|value| cells[(value >> shift) as usize % 256] += 1);
            worst.push((format!("byte at bit {shift}"), chi_square(&cells)));
        }
        for shift in [0, 20, 60] {
            for lag in [1, 2, 16] {
                let mut pairs = [0; 256];
                for (one, other) in values.iter().zip(&values[lag..]) {
                    pairs[((one >> shift) % 16 * 16 + (other >> shift) % 16) as usize] += 1;
                }
                worst.push((format!("pairs at bit {shift}, lag {lag}"), chi_square(&pairs)));
            }
        }
        let mut lattice = [0; 512];
        values.windows(3).for_each(|w| lattice[((w[0] >> 61) * 64 + (w[1] >> 61) * 8 + (w[2] >> 61)) as usize] += 1);
        worst.push(("lattice of triples".to_owned(), chi_square(&lattice)));
        let centred = |value: u64| (value >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
        for lag in [1, 2, 3, 7, 64] {
            let sum: f64 = values.iter().zip(&values[lag..]).map(|(a, b)| centred(*a) * centred(*b)).sum();
            worst.push((format!("correlation at lag {lag}"), sum * 12.0 / libm::sqrt(count)));
        }
        let ones: u64 = values.iter().map(|value| u64::from(value.count_ones())).sum();
        worst.push(("ones".to_owned(), (ones as f64 - 32.0 * count) / libm::sqrt(16.0 * count)));
        for (test, deviations) in worst {
            // 650 such figures are tested. A chi-square has a longer right tail than a normal law, hence the room.
            assert!(deviations.abs() < 6.0, "{what}: {test} is {deviations} deviations off");
        }
    }

    /// All neighbourhoods, `count` values each.
    fn examine_all(count: u64) {
        let draws = Draws::new(1, 16);
        let purposes = Draws::new(3, 1 << 16);
        let mut long = draws.at(7, Name(7), 7);
        let axes: [(&str, Vec<u64>); 6] = [
            ("ordinals", (0..count).map(|i| draws.at(2, Name(5), i).bits()).collect()),
            ("names", (0..count).map(|i| draws.at(2, Name(i), 5).bits()).collect()),
            ("lineages", (0..count).map(|i| draws.at(2, Name::new("web").part(i), 0).bits()).collect()),
            ("purposes", (0..count.min(1 << 16)).map(|i| purposes.at(i as u16, Name(5), 5).bits()).collect()),
            ("seeds", (0..count).map(|i| Draws::new(i, 1).at(0, Name(5), 5).bits()).collect()),
            ("counts", (0..count).map(|_| long.bits()).collect()),
        ];
        for (axis, values) in &axes {
            examine(axis, values);
            let differences: Vec<u64> = values.windows(2).step_by(2).map(|w| w[1].wrapping_sub(w[0])).collect();
            examine(&format!("differences of {axis}"), &differences);
            let flips: Vec<u64> = values.windows(2).step_by(2).map(|w| w[1] ^ w[0]).collect();
            examine(&format!("flips of {axis}"), &flips);
        }
        for (one, (axis, values)) in axes.iter().enumerate() {
            for (other, others) in &axes[..one] {
                let mixed: Vec<u64> = values.iter().zip(others).flat_map(|(a, b)| [*a, *b]).collect();
                examine(&format!("{axis} between {other}"), &mixed);
            }
        }
        let few: Vec<u64> = (0..count).map(|i| draws.at(i as u16 % 4, Name(i / 4 % 4), i / 16).bits()).collect();
        examine("a grid of purposes, names, ordinals", &few);
        let short: Vec<u64> = (0..count / 4)
            .flat_map(|i| {
                let mut draw = draws.at(1, Name(1), i);
                [draw.bits(), draw.bits(), draw.bits(), draw.bits()]
            })
            .collect();
        examine("four counts of each ordinal", &short);
    }

    #[test]
    fn neighbouring_keys_give_independent_values() {
        examine_all(1 << 15);
    }

    #[test]
    #[ignore = "takes minutes; run in release with --ignored"]
    fn neighbouring_keys_give_independent_values_also_by_the_million() {
        examine_all(1 << 22);
    }

    #[test]
    fn each_bit_of_a_key_flips_each_bit_of_the_value_half_the_time() {
        const TRIALS: u64 = 1024;
        type Value = fn(u64, u64) -> u64;
        let change: [(&str, Value); 4] = [
            ("ordinal", |i, flip| Draws::new(1, 1).at(0, Name(3), i ^ flip).bits()),
            ("name", |i, flip| Draws::new(1, 1).at(0, Name(i ^ flip), 3).bits()),
            ("seed", |i, flip| Draws::new(i ^ flip, 1).at(0, Name(3), 3).bits()),
            ("later value", |i, flip| {
                let mut draw = Draws::new(1, 1).at(0, Name(i ^ flip), 3);
                draw.bits();
                draw.bits()
            }),
        ];
        for (what, value) in change {
            for bit in 0..64 {
                let mut flipped = [0_u64; 64];
                for i in 0..TRIALS {
                    let flips = value(i, 0) ^ value(i, 1 << bit);
                    flipped.iter_mut().enumerate().for_each(|(to, n)| *n += flips >> to & 1);
                }
                // 6.5 standard deviations of a binomial(1024, 1/2) are 104; 16,384 cells are tested.
                let off = flipped.iter().map(|n| n.abs_diff(TRIALS / 2)).max().unwrap_or(u64::MAX);
                assert!(off < 104, "bit {bit} of the {what}: {off} of {TRIALS} off the half");
            }
        }
    }

    #[test]
    fn no_two_decisions_share_a_value() {
        let mut seen = Vec::new();
        for seed in 0..8 {
            let draws = Draws::new(seed, 8);
            for purpose in 0..8 {
                for name in 0..16 {
                    for ordinal in 0..32 {
                        let mut draw = draws.at(purpose, Name(name), ordinal);
                        seen.extend([draw.bits(), draw.bits()]);
                    }
                }
            }
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
        seen.iter_mut().for_each(|value| *value >>= 32);
        seen.sort_unstable();
        seen.dedup();
        // 65,536 values in 2^32 places: 0.5 collisions are expected, and more than 8 once in 1e9.
        assert!(count - seen.len() <= 8, "{} collisions", count - seen.len());
    }
}
