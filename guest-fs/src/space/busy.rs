//! Runs that were freed, but not durably.

use alloc::collections::BTreeMap;
use core::ops::Range;

use super::{Run, bits};
use crate::format::group::Words;
use crate::format::superblock::{GROUP_BLOCKS, Layout};

/// Busy runs by their first block. A run is freed once before it becomes usable again, so runs do not
/// overlap.
#[derive(Debug, Default)]
pub(crate) struct Busy(BTreeMap<u64, u64>);

impl Busy {
    pub(crate) fn add(&mut self, run: Run) {
        self.0.insert(run.start, run.blocks);
    }

    pub(crate) fn remove(&mut self, run: Run) {
        self.0.remove(&run.start);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Marks the busy runs of a group as in use.
    pub(crate) fn mask(&self, group: u64, words: &mut Words) {
        let start = Layout::group_start(group);
        let end = start.saturating_add(GROUP_BLOCKS);
        for (first, blocks) in self.0.range(start..end) {
            let from = first.saturating_sub(start);
            let range: Range<u64> = from..from.saturating_add(*blocks).min(GROUP_BLOCKS);
            bits::fill(words, &range, true);
        }
    }
}
