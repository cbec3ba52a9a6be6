//! Stable names of entities, as 64-bit hashes that draws are keyed by.

/// The hash of an entity's lineage, such as `nodes/2/1` or `web/3/0`.
///
/// Draws and digests are keyed by names, never by dense ids, so that adding an entity leaves the luck of
/// all others as it was. FNV-1a over the parts, finished by the SplitMix64 mixer; the same everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub u64);

impl Name {
    /// The name of a root entity.
    pub fn new(text: &str) -> Name {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in text.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Name(mix(hash))
    }

    /// The name of part `ordinal` of this entity, for example an incarnation.
    pub const fn part(self, ordinal: u64) -> Name {
        Name(mix(self.0 ^ mix(ordinal.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }

    /// The name of a pair of entities, in this order.
    pub const fn with(self, other: Name) -> Name {
        Name(mix(self.0.rotate_left(32) ^ other.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014; constants by Stafford, variant 13).
pub const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_by_text_part_and_order() {
        let web = Name::new("web");
        assert_ne!(web, Name::new("wob"));
        assert_ne!(web.part(0), web.part(1));
        assert_ne!(web.with(web.part(0)), web.part(0).with(web));
    }
}
