//! Chances that depend on a seed and on what is decided, and on nothing else.

/// A number for a seed and a key (SplitMix64's finaliser over both).
pub(crate) fn draw(seed: u64, key: u64) -> u64 {
    let mut z = seed.wrapping_add(key.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// A number below `bound`, or 0.
pub(crate) fn below(seed: u64, key: u64, bound: u64) -> u64 {
    // The upper half of a product of 64 bits: no bias worth the name, no division.
    let product = u128::from(draw(seed, key)).wrapping_mul(bound.into());
    u64::try_from(product >> 64).unwrap_or(0)
}
