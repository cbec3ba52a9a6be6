//! Philox2x64: a counter-based generator. Output block = f(key, counter), with no state in between.
//!
//! Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC '11. Six rounds are the fewest of
//! this width that pass BigCrush there; for one key, different counters never give the same block.

/// Rounds that stand the tests of the paper.
const ROUNDS: u32 = 6;
/// The multiplier of the paper for two words of 64 bits.
const MULTIPLIER: u64 = 0xd2b7_4407_b1ce_6e93;
/// The step of the round keys: the golden ratio.
const WEYL: u64 = 0x9e37_79b9_7f4a_7c15;

/// The block of 128 bits that belongs to `counter` under `key`.
#[inline]
pub(super) fn block(key: u64, counter: [u64; 2]) -> [u64; 2] {
    rounds::<ROUNDS>(key, counter)
}

#[inline]
fn rounds<const N: u32>(mut key: u64, [mut left, mut right]: [u64; 2]) -> [u64; 2] {
    for _ in 0..N {
        let product = u128::from(left) * u128::from(MULTIPLIER);
        left = (product >> 64) as u64 ^ key ^ right;
        right = product as u64;
        key = key.wrapping_add(WEYL);
    }
    [left, right]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_rounds_give_the_published_vectors() {
        // Random123, tests/kat_vectors, lines "philox2x64 10".
        assert_eq!(rounds::<10>(0, [0, 0]), [0xca00_a045_9843_d731, 0x66c2_4222_c9a8_45b5]);
        assert_eq!(rounds::<10>(u64::MAX, [u64::MAX, u64::MAX]), [0x65b0_21d6_0cd8_310f, 0x4d02_f322_2f86_df20]);
        let pi = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344];
        assert_eq!(rounds::<10>(0xa409_3822_299f_31d0, pi), [0x0a5e_742c_2997_341c, 0xb0f8_83d3_8000_de5d]);
    }
}
