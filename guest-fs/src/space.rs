//! Free space in memory: the allocation bitmap, and the freed blocks that may not be reused yet.
//!
//! A freed block is *busy* until the journal allows its reuse: data would otherwise overwrite what a
//! crash brings back. The bitmap on disk knows nothing of busy blocks.
//!
//! What this module does not do: no I/O, no transactions.

use alloc::vec::Vec;

use crate::format::bitmap::{BITS_PER_BLOCK, WORDS_PER_BLOCK};

/// A run of device blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) start: u64,
    pub(crate) blocks: u64,
}

impl Run {
    pub(crate) const fn one(block: u64) -> Self {
        Self { start: block, blocks: 1 }
    }

    pub(crate) const fn end(&self) -> u64 {
        self.start.saturating_add(self.blocks)
    }

    fn iter(self) -> core::ops::Range<u64> {
        self.start..self.end()
    }
}

/// One bit a block.
#[derive(Debug, Default)]
pub(crate) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    pub(crate) fn new(blocks: u64) -> Self {
        let words = usize::try_from(blocks.div_ceil(64)).unwrap_or(usize::MAX);
        Self { words: alloc::vec![0; words] }
    }

    const fn place(block: u64) -> (usize, u64) {
        ((block / 64) as usize, 1 << (block % 64))
    }

    /// Blocks beyond the end count as set.
    pub(crate) fn get(&self, block: u64) -> bool {
        let (index, bit) = Self::place(block);
        self.words.get(index).is_none_or(|word| word & bit != 0)
    }

    pub(crate) fn set(&mut self, block: u64, value: bool) {
        let (index, bit) = Self::place(block);
        if let Some(word) = self.words.get_mut(index) {
            *word = if value { *word | bit } else { *word & !bit };
        }
    }

    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }
}

/// What is free.
#[derive(Debug)]
pub(crate) struct Space {
    used: Bits,
    busy: Bits,
    blocks: u64,
    free: u64,
    /// Where the last search ended: the next one starts there.
    rotor: u64,
}

impl Space {
    /// From the words of the bitmap. Bits beyond the filesystem do not count.
    pub(crate) fn new(blocks: u64, words: impl IntoIterator<Item = u64>) -> Self {
        let mut used = Bits::new(blocks);
        for (slot, word) in used.words.iter_mut().zip(words) {
            *slot = word;
        }
        let mut space = Self { used, busy: Bits::new(blocks), blocks, free: 0, rotor: 0 };
        space.free = space.count_free();
        space
    }

    fn count_free(&self) -> u64 {
        let whole = self.blocks / 64;
        let words = self.used.words.iter().take(usize::try_from(whole).unwrap_or(usize::MAX));
        let in_words = words.map(|word| u64::from(word.count_zeros())).fold(0, u64::saturating_add);
        let rest = whole.saturating_mul(64)..self.blocks;
        let in_rest = rest.filter(|block| !self.used.get(*block)).count() as u64;
        in_words.saturating_add(in_rest)
    }

    /// Blocks that are not in use, busy ones included.
    pub(crate) const fn free(&self) -> u64 {
        self.free
    }

    /// The words that the `index`-th bitmap block holds.
    pub(crate) fn words(&self, index: u64) -> &[u64] {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let start = index.saturating_mul(WORDS_PER_BLOCK).min(self.used.words.len());
        let end = start.saturating_add(WORDS_PER_BLOCK).min(self.used.words.len());
        self.used.words.get(start..end).unwrap_or(&[])
    }

    fn is_available(&self, block: u64) -> bool {
        block < self.blocks && !self.used.get(block) && !self.busy.get(block)
    }

    /// Takes up to `wanted` blocks in one run inside one bitmap block, at `goal` if that is free.
    pub(crate) fn take(&mut self, goal: Option<u64>, wanted: u64) -> Option<Run> {
        let run = match goal.filter(|goal| self.is_available(*goal)) {
            Some(goal) => self.extend(goal, wanted),
            None => self.search(wanted)?,
        };
        run.iter().for_each(|block| self.used.set(block, true));
        self.free = self.free.saturating_sub(run.blocks);
        self.rotor = run.end();
        Some(run)
    }

    /// The run that starts at `start`, which is available.
    fn extend(&self, start: u64, wanted: u64) -> Run {
        let limit = (start / BITS_PER_BLOCK).saturating_add(1).saturating_mul(BITS_PER_BLOCK);
        let limit = limit.min(start.saturating_add(wanted));
        let is_full = |block: &u64| !self.is_available(*block);
        let end = (start..limit).find(is_full).unwrap_or(limit);
        Run { start, blocks: end.saturating_sub(start) }
    }

    /// The first run of `wanted` blocks from the rotor on, else the longest that there is.
    fn search(&self, wanted: u64) -> Option<Run> {
        let mut best: Option<Run> = None;
        let halves = [self.rotor..self.blocks, 0..self.rotor.min(self.blocks)];
        for half in halves {
            let mut block = half.start;
            while block < half.end {
                if self.is_word_full(block) {
                    block = (block / 64).saturating_add(1).saturating_mul(64);
                    continue;
                }
                if !self.is_available(block) {
                    block = block.saturating_add(1);
                    continue;
                }
                let run = self.extend(block, wanted);
                if run.blocks >= wanted {
                    return Some(run);
                }
                if best.is_none_or(|best| best.blocks < run.blocks) {
                    best = Some(run);
                }
                block = run.end().max(block.saturating_add(1));
            }
        }
        best
    }

    fn is_word_full(&self, block: u64) -> bool {
        let (index, _) = Bits::place(block);
        self.used.words.get(index).is_none_or(|word| *word == u64::MAX)
    }

    /// Undoes a `take`.
    pub(crate) fn untake(&mut self, run: Run) {
        run.iter().for_each(|block| self.used.set(block, false));
        self.free = self.free.saturating_add(run.blocks);
    }

    /// Is all of the run in use?
    pub(crate) fn is_used(&self, run: Run) -> bool {
        run.end() <= self.blocks && run.iter().all(|block| self.used.get(block))
    }

    /// Frees a run, which is busy from now on.
    pub(crate) fn free_run(&mut self, run: Run) {
        self.untake(run);
        run.iter().for_each(|block| self.busy.set(block, true));
    }

    /// The run may be reused now.
    pub(crate) fn unbusy(&mut self, run: Run) {
        run.iter().for_each(|block| self.busy.set(block, false));
    }
}

/// The bitmap blocks that speak for a run.
pub(crate) fn bitmap_indices(run: Run) -> core::ops::RangeInclusive<u64> {
    let last = run.end().saturating_sub(1).max(run.start);
    run.start / BITS_PER_BLOCK..=last / BITS_PER_BLOCK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_run_is_not_taken_again_before_it_may_be() {
        let mut space = Space::new(64, [!0xff]);
        let run = space.take(None, 8).unwrap();
        assert_eq!(run, Run { start: 0, blocks: 8 });
        space.free_run(run);
        assert_eq!((space.free(), space.take(None, 1)), (8, None));
        space.unbusy(run);
        assert_eq!(space.take(Some(4), 8), Some(Run { start: 4, blocks: 4 }));
    }

    #[test]
    fn a_run_that_fits_is_preferred_to_the_first_one() {
        // Free: 0..2, 10..20, 60..64.
        let mut free: u64 = 0b11 | 0x3ff << 10 | 0xf << 60;
        free = !free;
        let mut space = Space::new(64, [free]);
        assert_eq!(space.take(None, 4), Some(Run { start: 10, blocks: 4 }));
        assert_eq!(space.take(None, 100), Some(Run { start: 14, blocks: 6 }));
        assert_eq!(space.take(None, 100), Some(Run { start: 60, blocks: 4 }));
        assert_eq!(space.take(None, 100), Some(Run { start: 0, blocks: 2 }));
        assert_eq!(space.take(None, 100), None);
    }

    #[test]
    fn a_run_stays_inside_one_bitmap_block() {
        let mut space = Space::new(2 * BITS_PER_BLOCK, []);
        let goal = BITS_PER_BLOCK - 3;
        assert_eq!(space.take(Some(goal), 10), Some(Run { start: goal, blocks: 3 }));
        assert_eq!(bitmap_indices(Run { start: goal, blocks: 4 }), 0..=1);
        assert_eq!(bitmap_indices(Run { start: goal, blocks: 3 }), 0..=0);
    }
}
