//! Runs in the bitmap of a group.

use core::ops::Range;

use crate::format::group::Words;
use crate::format::superblock::GROUP_BLOCKS;

/// The first bit at or after `from` that is set (or clear), or the end.
fn next(words: &Words, from: u64, is_set: bool) -> u64 {
    let mut from = from;
    while from < GROUP_BLOCKS {
        let word = words.get((from / 64) as usize).copied().unwrap_or(u64::MAX);
        let word = if is_set { word } else { !word };
        let rest = word & u64::MAX << (from % 64);
        if rest != 0 {
            return (from / 64).saturating_mul(64).saturating_add(rest.trailing_zeros().into());
        }
        from = (from / 64).saturating_add(1).saturating_mul(64);
    }
    GROUP_BLOCKS
}

/// The first free run at or after `from`.
pub(crate) fn free_run(words: &Words, from: u64) -> Option<Range<u64>> {
    let start = next(words, from, false);
    (start < GROUP_BLOCKS).then(|| start..next(words, start, true))
}

/// Is any bit of the range set?
pub(crate) fn is_any_set(words: &Words, range: &Range<u64>) -> bool {
    next(words, range.start, true) < range.end
}

/// Is every bit of the range set?
pub(crate) fn is_all_set(words: &Words, range: &Range<u64>) -> bool {
    next(words, range.start, false) >= range.end
}

/// Sets or clears a range, word by word: that of a fresh group has thousands of bits.
pub(crate) fn fill(words: &mut Words, range: &Range<u64>, is_set: bool) {
    let mut from = range.start;
    while from < range.end {
        let end = (from / 64).saturating_add(1).saturating_mul(64);
        // What is not in the range is at either side of the word.
        let below = u64::MAX << (from % 64);
        let above = u64::MAX >> end.saturating_sub(range.end).min(63);
        if let Some(word) = words.get_mut((from / 64) as usize) {
            let mask = below & above;
            *word = if is_set { *word | mask } else { *word & !mask };
        }
        from = end;
    }
}

/// How many bits are clear, and the length of the longest run of them.
pub(crate) fn summary(words: &Words) -> (u32, u32) {
    let (mut free, mut longest) = (0_u64, 0);
    let mut from = 0;
    while let Some(run) = free_run(words, from) {
        let blocks = run.end.saturating_sub(run.start);
        free = free.saturating_add(blocks);
        longest = blocks.max(longest);
        from = run.end;
    }
    (u32::try_from(free).unwrap_or(u32::MAX), u32::try_from(longest).unwrap_or(u32::MAX))
}

/// The best place for `wanted` blocks: at `goal` if it is free, else the shortest run that is long
/// enough, else the longest.
///
/// Taking the shortest keeps long runs for those who need them.
pub(crate) fn choose(words: &Words, goal: Option<u64>, wanted: u64) -> Option<Range<u64>> {
    let length = |run: &Range<u64>| run.end.saturating_sub(run.start);
    if let Some(goal) = goal
        && let Some(run) = free_run(words, goal).filter(|run| run.start == goal)
    {
        return Some(goal..run.end.min(goal.saturating_add(wanted)));
    }
    let mut best: Option<Range<u64>> = None;
    let mut from = 0;
    while let Some(run) = free_run(words, from) {
        from = run.end;
        let is_better = best.as_ref().is_none_or(|best| match (length(&run), length(best)) {
            (new, old) if new >= wanted && old >= wanted => new < old,
            (new, old) => new > old,
        });
        if is_better {
            best = Some(run);
        }
    }
    best.map(|run| run.start..run.end.min(run.start.saturating_add(wanted)))
}
