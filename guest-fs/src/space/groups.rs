//! What is known of every group without looking at its bitmap.

use alloc::vec::Vec;

use super::bits;
use crate::format::group::{BITMAP_WORDS, GroupInfo, Words};
use crate::format::superblock::{GROUP_BLOCKS, Layout};

/// The bitmap of a group in which nothing was ever allocated.
pub(crate) fn fresh_words(layout: &Layout, group: u64) -> Words {
    let mut words = [0; BITMAP_WORDS];
    bits::fill(&mut words, &(0..layout.group_head(group)), true);
    bits::fill(&mut words, &(layout.group_blocks(group)..GROUP_BLOCKS), true);
    if group == Layout::group_of(layout.copy_at()) {
        let at = layout.copy_at().saturating_sub(Layout::group_start(group));
        bits::fill(&mut words, &(at..at.saturating_add(1)), true);
    }
    words
}

/// What the table says of a group in which nothing was ever allocated.
pub(crate) fn fresh_info(layout: &Layout, group: u64) -> GroupInfo {
    let is_last = group == Layout::group_of(layout.copy_at());
    let free = layout.group_blocks(group).saturating_sub(layout.group_head(group));
    let free = u32::try_from(free.saturating_sub(u64::from(is_last))).unwrap_or(0);
    GroupInfo { free, longest: free, has_bitmap: false }
}

/// The summaries of all groups.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    infos: Vec<GroupInfo>,
    free: u64,
    /// The group of the last allocation without a goal: the next one starts there.
    rotor: u64,
}

impl Groups {
    pub(crate) fn new(infos: Vec<GroupInfo>) -> Self {
        let free = infos.iter().map(|info| u64::from(info.free)).fold(0, u64::saturating_add);
        Self { infos, free, rotor: 0 }
    }

    /// Blocks that are not in use, busy ones included.
    pub(crate) const fn free(&self) -> u64 {
        self.free
    }

    pub(crate) fn get(&self, group: u64) -> GroupInfo {
        let index = usize::try_from(group).unwrap_or(usize::MAX);
        self.infos.get(index).copied().unwrap_or_default()
    }

    pub(crate) fn set(&mut self, group: u64, info: GroupInfo) {
        let index = usize::try_from(group).unwrap_or(usize::MAX);
        if let Some(slot) = self.infos.get_mut(index) {
            let others = self.free.saturating_sub(slot.free.into());
            self.free = others.saturating_add(info.free.into());
            *slot = info;
        }
    }

    pub(crate) const fn rotor(&self) -> u64 {
        self.rotor
    }

    pub(crate) const fn set_rotor(&mut self, group: u64) {
        self.rotor = group;
    }

    /// The next group in which to look: first those with a long enough run, then all that have
    /// anything, each time around from where the search began.
    pub(crate) fn next(&self, search: &mut Search) -> Option<u64> {
        let count = self.infos.len() as u64;
        while search.step < count.saturating_mul(2) {
            let at = search.first.saturating_add(search.step.checked_rem(count)?);
            let group = at.checked_rem(count)?;
            let is_first_round = search.step < count;
            search.step = search.step.saturating_add(1);
            let info = self.get(group);
            if info.free > 0 && (u64::from(info.longest) >= search.wanted) == is_first_round {
                return Some(group);
            }
        }
        None
    }
}

/// A search for free blocks.
#[derive(Debug)]
pub(crate) struct Search {
    first: u64,
    wanted: u64,
    step: u64,
}

impl Search {
    /// For a run of `wanted` blocks, if possible in the group `first`.
    pub(crate) const fn new(first: u64, wanted: u64) -> Self {
        Self { first, wanted, step: 0 }
    }
}
