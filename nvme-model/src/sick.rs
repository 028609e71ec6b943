//! Blocks that are bad until they are written again.

use std::ops::Range;

/// Blocks that were not rewritten yet: disjoint ranges, none of them empty, with good blocks between any two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SickBlocks(Vec<Range<u64>>);

impl SickBlocks {
    /// These blocks and no others.
    pub(crate) fn new(blocks: Range<u64>) -> Self {
        let mut sick = Self::default();
        sick.add(blocks);
        sick
    }

    /// Makes blocks bad, however many of them are already.
    pub(crate) fn add(&mut self, blocks: Range<u64>) {
        if blocks.is_empty() {
            return;
        }
        let mut whole = blocks;
        self.0.retain(|sick| {
            let is_apart = sick.end < whole.start || whole.end < sick.start;
            if !is_apart {
                whole = sick.start.min(whole.start)..sick.end.max(whole.end);
            }
            is_apart
        });
        self.0.push(whole);
    }

    /// The bad ranges among so many blocks from `slba` on.
    pub(crate) fn among(&self, slba: u64, blocks: u64) -> impl Iterator<Item = Range<u64>> {
        let end = slba.saturating_add(blocks);
        let parts = self.0.iter().map(move |sick| sick.start.max(slba)..sick.end.min(end));
        parts.filter(|part| !part.is_empty())
    }

    /// The first bad block of so many from `slba` on.
    pub(crate) fn first_of(&self, slba: u64, blocks: u64) -> Option<u64> {
        let end = slba.saturating_add(blocks);
        let hits = self.0.iter().filter(|sick| slba < sick.end && sick.start < end);
        // No blocks are nowhere: not even inside of a range.
        hits.map(|sick| sick.start.max(slba)).min().filter(|_| blocks > 0)
    }

    /// The bad ranges, ascending.
    pub(crate) fn ranges(&self) -> Vec<Range<u64>> {
        let mut ranges = self.0.clone();
        ranges.sort_by_key(|range| range.start);
        ranges
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Makes blocks good, however many of them are bad.
    pub(crate) fn heal(&mut self, slba: u64, blocks: u64) {
        // Mostly no block is bad.
        if self.0.is_empty() {
            return;
        }
        let end = slba.saturating_add(blocks);
        let split = |sick: &Range<u64>| {
            let before = sick.start..sick.end.min(slba);
            let after = sick.start.max(end)..sick.end;
            [before, after]
        };
        let left = self.0.iter().flat_map(split);
        self.0 = left.filter(|range| !range.is_empty()).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn healing_takes_exactly_the_blocks_written() {
        for (slba, blocks) in (0..12).flat_map(|slba| (0..12).map(move |blocks| (slba, blocks))) {
            let mut sick = SickBlocks(vec![2..5, 7..9]);
            sick.heal(slba, blocks);
            for lba in 0..12 {
                let was_sick = (2..5).contains(&lba) || (7..9).contains(&lba);
                let is_written = (slba..slba + blocks).contains(&lba);
                assert_eq!(
                    sick.first_of(lba, 1).is_some(),
                    was_sick && !is_written,
                    "block {lba} after {blocks} from {slba}"
                );
            }
        }
    }

    #[test]
    fn adding_makes_exactly_those_blocks_bad() {
        for (first, end) in (0..12).flat_map(|first| (first..12).map(move |end| (first, end))) {
            let mut sick = SickBlocks(vec![2..5, 7..9]);
            sick.add(first..end);
            let is_bad = |lba: u64| {
                (2..5).contains(&lba) || (7..9).contains(&lba) || (first..end).contains(&lba)
            };
            for lba in 0..12 {
                assert_eq!(sick.first_of(lba, 1), is_bad(lba).then_some(lba));
                assert_eq!(sick.first_of(lba, 0), None);
                let next = (lba..12).find(|lba| is_bad(*lba));
                assert_eq!(sick.first_of(lba, 12 - lba), next);
            }
        }
    }

    #[test]
    fn what_touches_becomes_one_range_and_only_common_blocks_are_among_others() {
        let mut sick = SickBlocks(vec![7..9, 2..5]);
        sick.add(10..11);
        assert_eq!(sick.ranges(), [2..5, 7..9, 10..11]);
        sick.add(9..10);
        assert_eq!(sick.ranges(), [2..5, 7..11]);
        assert_eq!(sick.among(0, 20).count(), 2);
        assert!(sick.among(8, 2).eq(std::iter::once(8..10)));
        assert_eq!(sick.among(5, 2).count(), 0);
        sick.add(5..7);
        assert_eq!(sick, SickBlocks::new(2..11));
    }
}
