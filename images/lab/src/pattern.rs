//! What the workload writes into a page, so that a wrong page says whose it is and from when.

use hal::PAGE_BYTES;

/// Words that are no noise.
const HEADER_WORDS: usize = 3;

/// `SWPAGE` and the version of this layout, as a number; seeds are added to it.
const MAGIC: u64 = 0x5357_5041_4745_0001;

/// From a word of noise to the next: a Weyl sequence, 2^64 over the golden ratio. A page is mostly this, so it is
/// what a processor does by vectors; a hash of each word is three multiplications.
const NOISE_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The owner is in the upper bits of word 1: no address space has that many pages.
const OWNER_SHIFT: u32 = 48;

/// The content of one page: word 0 magic and seed, word 1 owner and page number, word 2 generation, and
/// then noise that depends on all of them and differs from word to word: any mixture of two pages is noticed,
/// and what is at the wrong place in a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Separates the runs: the unit's seed.
    pub seed: u64,
    /// The process that wrote it: 0 for the first.
    pub owner: u16,
    /// The page's number in its address space.
    pub page: u64,
    /// How often the page has been written.
    pub generation: u64,
}

/// What a page turned out to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageContent {
    /// Exactly what was expected.
    Expected,
    /// Nothing but zeros.
    Zeros,
    /// The right page, whole, but from another generation.
    Stale {
        /// The generation found.
        generation: u64,
    },
    /// Another page, whole: of this process, or of another.
    Foreign {
        /// The process that wrote it.
        owner: u16,
        /// The page number found.
        page: u64,
        /// The generation found, as far as 16 bits go.
        generation: u16,
    },
    /// Anything else.
    Garbage,
}

impl Pattern {
    /// Fills `bytes` (one page) with this pattern.
    pub fn fill(&self, bytes: &mut [u8; PAGE_BYTES]) {
        let mut noise = self.noise();
        let (words, _) = bytes.as_chunks_mut::<8>();
        for word in &mut *words {
            *word = noise.to_le_bytes();
            noise = noise.wrapping_add(NOISE_STEP);
        }
        for (word, value) in words.iter_mut().zip(self.header()) {
            *word = value.to_le_bytes();
        }
    }

    /// Compares `bytes` (one page) with this pattern and names what it found instead.
    #[must_use]
    pub fn check(&self, bytes: &[u8; PAGE_BYTES]) -> PageContent {
        if self.is_in(bytes) {
            return PageContent::Expected;
        }
        if bytes.iter().all(|byte| *byte == 0) {
            return PageContent::Zeros;
        }
        let mut header = bytes
            .chunks_exact(8)
            .take(3)
            .map(|chunk| chunk.iter().rev().fold(0_u64, |word, byte| word << 8 | u64::from(*byte)));
        let (_magic, page, generation) = (header.next(), header.next(), header.next());
        let (page, generation) = (page.unwrap_or(0), generation.unwrap_or(0));
        let owner = (page >> OWNER_SHIFT) as u16;
        let page = page & ((1 << OWNER_SHIFT) - 1);
        let found = Self { seed: self.seed, owner, page, generation };
        match found.is_in(bytes) {
            true if (owner, page) == (self.owner, self.page) => PageContent::Stale { generation },
            true => PageContent::Foreign { owner, page, generation: generation as u16 },
            false => PageContent::Garbage,
        }
    }

    fn is_in(&self, bytes: &[u8; PAGE_BYTES]) -> bool {
        let (words, _) = bytes.as_chunks::<8>();
        let (header, noise_words) = words.split_at(HEADER_WORDS);
        if !header.iter().zip(self.header()).all(|(word, value)| *word == value.to_le_bytes()) {
            return false;
        }
        // Every word is looked at: most pages are right, and a loop that never stops early runs twice as fast.
        let mut noise = self.noise().wrapping_add(NOISE_STEP.wrapping_mul(HEADER_WORDS as u64));
        let mut different = 0;
        for word in noise_words {
            different |= u64::from_le_bytes(*word) ^ noise;
            noise = noise.wrapping_add(NOISE_STEP);
        }
        different == 0
    }

    const fn header(&self) -> [u64; HEADER_WORDS] {
        let place = self.page | (self.owner as u64) << OWNER_SHIFT;
        [MAGIC.wrapping_add(self.seed << 16), place, self.generation]
    }

    /// Where the noise begins: anywhere, for each page and each generation.
    const fn noise(&self) -> u64 {
        let [magic, place, generation] = self.header();
        splitmix64(magic ^ place.rotate_left(20) ^ generation.rotate_left(44))
    }
}

/// The finaliser of SplitMix64: every input bit moves every output bit.
pub(crate) const fn splitmix64(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(NOISE_STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: Pattern = Pattern { seed: 7, owner: 0, page: 3, generation: 2 };

    fn filled(pattern: Pattern) -> [u8; PAGE_BYTES] {
        let mut bytes = [0; PAGE_BYTES];
        pattern.fill(&mut bytes);
        bytes
    }

    #[test]
    fn a_page_is_recognised() {
        assert_eq!(PAGE.check(&filled(PAGE)), PageContent::Expected);
    }

    #[test]
    fn every_kind_of_wrong_page_is_named() {
        let stale = Pattern { generation: 1, ..PAGE };
        let foreign = Pattern { page: 4, ..PAGE };
        let other_process = Pattern { owner: 5, ..PAGE };
        let other_run = Pattern { seed: 8, ..PAGE };
        assert_eq!(PAGE.check(&filled(stale)), PageContent::Stale { generation: 1 });
        assert_eq!(
            PAGE.check(&filled(foreign)),
            PageContent::Foreign { owner: 0, page: 4, generation: 2 }
        );
        assert_eq!(
            PAGE.check(&filled(other_process)),
            PageContent::Foreign { owner: 5, page: 3, generation: 2 }
        );
        assert_eq!(PAGE.check(&filled(other_run)), PageContent::Garbage);
        assert_eq!(PAGE.check(&[0; PAGE_BYTES]), PageContent::Zeros);
    }

    #[test]
    fn a_single_flipped_bit_anywhere_is_noticed() {
        let clean = filled(PAGE);
        for byte in 0..PAGE_BYTES {
            let mut dirty = clean;
            dirty[byte] ^= 0x10;
            assert_ne!(PAGE.check(&dirty), PageContent::Expected, "byte {byte}");
        }
    }

    #[test]
    fn a_page_torn_in_the_middle_is_garbage() {
        let mut torn = filled(PAGE);
        torn[2048..].copy_from_slice(&filled(Pattern { generation: 1, ..PAGE })[2048..]);
        assert_eq!(PAGE.check(&torn), PageContent::Garbage);
    }
}
