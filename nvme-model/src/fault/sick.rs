//! Blocks that are bad until they are written again.

use std::ops::Range;

use super::rule::Rule;

/// The blocks of a rule that were not rewritten yet: disjoint ranges, none of them empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SickBlocks(Vec<Range<u64>>);

impl SickBlocks {
    /// All blocks of a rule that rewriting heals; `None` for any other rule.
    pub(super) fn of(rule: &Rule) -> Option<Self> {
        let lba = rule.matcher.lba.clone()?;
        rule.until.is_until_rewrite.then(|| Self(vec![lba]))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether any of a command's blocks is sick.
    pub(super) fn touches(&self, blocks: Option<(u64, u64)>) -> bool {
        blocks.is_some_and(|(slba, count)| {
            let end = slba.saturating_add(count);
            self.0
                .iter()
                .any(|sick| slba < sick.end && sick.start < end)
        })
    }

    pub(super) fn heal(&mut self, slba: u64, blocks: u64) {
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
                    sick.touches(Some((lba, 1))),
                    was_sick && !is_written,
                    "block {lba} after {blocks} from {slba}"
                );
            }
        }
    }

    #[test]
    fn a_command_without_blocks_touches_nothing() {
        assert!(!SickBlocks(vec![0..10, 20..21]).touches(None));
    }
}
