//! The numbers behind every choice: SplitMix64 of the unit's seed.

/// A sequence of numbers that the seed determines.
#[derive(Clone, Copy, Debug)]
pub struct Seed(u64);

impl Seed {
    /// The sequence of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One of `0..count`; 0 without a draw if there is no choice.
    pub const fn below(&mut self, count: usize) -> usize {
        if count < 2 { 0 } else { (self.next() % count as u64) as usize }
    }
}
