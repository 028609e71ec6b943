//! A set of blocks, a bit each: 64 of them in a word, the words in a tree that is copied in constant time.

use std::ops::Range;

use crate::radix::Radix;

/// Blocks of a word, as a shift.
const WORD_SHIFT: u32 = 6;
const NONE: u64 = 0;
const ALL: u64 = u64::MAX;

/// The set. Ranges in which every block is the same take no space, wherever they begin and end.
#[derive(Clone, Debug)]
pub(crate) struct BlockSet(Radix<u64>);

impl BlockSet {
    /// None or all of `size` blocks.
    pub(crate) fn new(size: u64, is_full: bool) -> Self {
        Self(Radix::new(size.div_ceil(1 << WORD_SHIFT), if is_full { ALL } else { NONE }))
    }

    /// Adds blocks.
    pub(crate) fn add(&mut self, range: Range<u64>) {
        self.set(range, true);
    }

    pub(crate) fn remove(&mut self, range: Range<u64>) {
        self.set(range, false);
    }

    fn set(&mut self, range: Range<u64>, is_in: bool) {
        let Some(end) = range.end.checked_sub(1).filter(|_| !range.is_empty()) else {
            return;
        };
        let (first, last) = (range.start >> WORD_SHIFT, end >> WORD_SHIFT);
        // All bits from the first block's on, and all up to the last one's.
        let head = ALL.wrapping_shl(bit(range.start));
        let tail = ALL.wrapping_shr(bit(!end));
        if first == last {
            return self.set_bits(first, head & tail, is_in);
        }
        // Mostly the blocks are there already, and the tree would grow for nothing.
        if self.first(range, !is_in).is_none() {
            return;
        }
        self.set_bits(first, head, is_in);
        self.set_bits(last, tail, is_in);
        self.0.set(first.saturating_add(1)..last, if is_in { &ALL } else { &NONE });
    }

    fn set_bits(&mut self, word: u64, bits: u64, is_in: bool) {
        // A range that is the same all over stays one.
        let old = *self.0.get(word).0;
        let new = if is_in { old | bits } else { old & !bits };
        if new != old {
            *self.0.get_mut(word) = new;
        }
    }

    /// The first block of a range that is in the set, or that is not.
    pub(crate) fn first(&self, range: Range<u64>, is_in: bool) -> Option<u64> {
        let mut from = range.start;
        while from < range.end {
            let (word, words) = self.0.get(from >> WORD_SHIFT);
            let wanted = if is_in { *word } else { !*word };
            let here = wanted.wrapping_shr(bit(from));
            if here != NONE {
                let found = from.saturating_add(here.trailing_zeros().into());
                return Some(found).filter(|found| *found < range.end);
            }
            // None of the wanted in this word; the words that follow it are known to be the same only
            // if it has none at all.
            let words = if wanted == NONE { words } else { 1 };
            from = (from >> WORD_SHIFT).saturating_add(words).saturating_mul(1 << WORD_SHIFT);
        }
        None
    }

    /// The parts of a range that are in the set, or that are not: ascending and never adjacent.
    pub(crate) fn parts(&self, range: Range<u64>, is_in: bool) -> Vec<Range<u64>> {
        let mut parts = Vec::new();
        let mut from = range.start;
        while let Some(first) = self.first(from..range.end, is_in) {
            let past = self.first(first..range.end, !is_in).unwrap_or(range.end);
            parts.push(first..past);
            from = past;
        }
        parts
    }

    /// The same for another size: blocks past the old end are not in it.
    pub(crate) fn resized(&self, before: u64, size: u64) -> Self {
        let mut resized = Self::new(size, false);
        self.parts(0..before.min(size), true).into_iter().for_each(|part| resized.add(part));
        resized
    }
}

/// Which bit of its word a block has.
fn bit(block: u64) -> u32 {
    u32::try_from(block & ((1 << WORD_SHIFT) - 1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_an_array_holds(
            changes in prop::collection::vec((0_u64..700, 0_u64..700, any::<bool>()), 0..20),
            is_full: bool,
            probe in (0_u64..700, 0_u64..700),
        ) {
            let mut set = BlockSet::new(700, is_full);
            let mut array = [is_full; 700];
            for (first, end, is_in) in changes {
                if is_in { set.add(first..end) } else { set.remove(first..end) }
                array.iter_mut().take(end as usize).skip(first as usize).for_each(|v| *v = is_in);
            }
            for is_in in [false, true] {
                let first = (probe.0..probe.1).find(|lba| array[*lba as usize] == is_in);
                prop_assert_eq!(set.first(probe.0..probe.1, is_in), first);
                let mut seen = [!is_in; 700];
                let mut last = None;
                for part in set.parts(0..700, is_in) {
                    prop_assert!(last.is_none_or(|last| last < part.start) && !part.is_empty());
                    last = Some(part.end);
                    seen[part.start as usize..part.end as usize].fill(is_in);
                }
                prop_assert_eq!(seen.to_vec(), array.to_vec());
            }
            let resized = set.resized(700, 900);
            prop_assert_eq!(resized.parts(0..900, true), set.parts(0..700, true));
            let none = Vec::<Range<u64>>::new();
            prop_assert_eq!(set.resized(700, 100).parts(100..128, true), none);
        }
    }

    #[test]
    fn the_largest_drive_is_searched_in_a_few_steps() {
        let mut set = BlockSet::new(1 << 48, false);
        set.add((1 << 48) - 1..1 << 48);
        assert_eq!(set.first(0..1 << 48, true), Some((1 << 48) - 1));
        assert_eq!(set.parts(0..1 << 48, false), vec![0..(1 << 48) - 1; 1]);
    }
}
