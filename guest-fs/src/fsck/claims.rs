//! Which blocks belong to something: one bit a block, for groups in use.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use crate::format::group::Words;
use crate::format::superblock::Layout;
use crate::space::{Run, bits, fresh_words};

/// Blocks seen.
pub(super) struct Claims {
    layout: Layout,
    groups: BTreeMap<u64, Box<Words>>,
}

impl Claims {
    pub(super) const fn new(layout: &Layout) -> Self {
        Self { layout: *layout, groups: BTreeMap::new() }
    }

    /// What the bitmap of a group should say.
    pub(super) fn words(&self, group: u64) -> Words {
        let words = self.groups.get(&group).map(|words| **words);
        words.unwrap_or_else(|| fresh_words(&self.layout, group))
    }

    /// Does anything in the group belong to something?
    pub(super) fn is_used(&self, group: u64) -> bool {
        self.groups.contains_key(&group)
    }

    /// Takes a run inside a group. Gives its first block that somebody has already, and takes nothing
    /// then: so the work of all claims together is bounded by the device, not by what extents claim.
    pub(super) fn claim(&mut self, run: Run) -> Option<u64> {
        if !self.layout.is_data_run(run.start, run.blocks) {
            return Some(run.start);
        }
        let group = Layout::group_of(run.start);
        let start = Layout::group_start(group);
        let range = run.start.saturating_sub(start)..run.end().saturating_sub(start);
        let fresh = || Box::new(fresh_words(&self.layout, group));
        let words = self.groups.entry(group).or_insert_with(fresh);
        if bits::is_any_set(words, &range) {
            let taken =
                range.clone().find(|bit| bits::is_any_set(words, &(*bit..bit.saturating_add(1))));
            return Some(start.saturating_add(taken.unwrap_or(range.start)));
        }
        bits::fill(words, &range, true);
        None
    }
}
