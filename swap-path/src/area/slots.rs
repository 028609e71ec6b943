//! The slots of an area (Linux: `swap_map`, the area's part of the swap cache, and its `zeromap`).
//!
//! A slot has a *count* of the pages that are in it (fork shares slots), and at most one *cached* folio:
//! the frame that holds the same page in memory. It is free when it has neither. Which slot is handed
//! out is the business of [`super::clusters`].
//!
//! Invariant: slot 0 is the header, bad pages are bad, and neither is ever handed out.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::clusters::Clusters;
use crate::bugs::{Bug, Bugs};
use crate::frame_id::FrameId;

/// The most pages that can share a slot. Linux (`SWAP_MAP_MAX`) chains further counts; here a fork
/// beyond it fails.
const COUNT_MAX: u16 = u16::MAX;

const NO_FRAME: u32 = u32::MAX;

/// The page in the slot is all zeros; the device has never seen it (Linux `zeromap`).
const ZERO: u16 = 1 << 0;
/// The last read failed and is not to be tried again ([`crate::MmKnobs::is_read_error_cached`]).
const FAILED: u16 = 1 << 1;
/// The slot belongs to the header, or is a bad page.
const RESERVED: u16 = 1 << 2;
/// `cached` is out of date: only [`Bug::CacheKept`] leaves such a thing behind.
const STALE: u16 = 1 << 3;

/// Eight bytes for each slot: this is what an area costs in memory.
#[derive(Clone, Copy, Debug)]
struct Slot {
    count: u16,
    flags: u16,
    cached: u32,
}

impl Slot {
    const FREE: Self = Self { count: 0, flags: 0, cached: NO_FRAME };

    const fn has(self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    fn set(&mut self, flag: u16, value: bool) {
        self.flags = if value { self.flags | flag } else { self.flags & !flag };
    }
}

/// The slots of one area.
#[derive(Debug)]
pub(crate) struct SlotMap {
    slots: Vec<Slot>,
    clusters: Clusters,
    reserved: u32,
    used: u32,
    bugs: Bugs,
}

impl SlotMap {
    /// A map for an area of `size` slots, the header's included, of which `bad` are not to be used.
    /// Allocates; nothing else here does.
    pub(crate) fn new(size: u32, bad: &[u32], bugs: Bugs) -> Self {
        let size = size as usize + usize::from(bugs.has(Bug::SlotPastEnd));
        let mut map = Self {
            slots: vec![Slot::FREE; size],
            clusters: Clusters::new(size),
            reserved: 0,
            used: 0,
            bugs,
        };
        if !bugs.has(Bug::HeaderUsed) {
            map.reserve(0);
        }
        if !bugs.has(Bug::BadPageUsed) {
            bad.iter().for_each(|slot| map.reserve(*slot));
        }
        map
    }

    fn reserve(&mut self, slot: u32) {
        if let Some(entry) = self.slots.get_mut(slot as usize).filter(|slot| !slot.has(RESERVED)) {
            entry.set(RESERVED, true);
            self.reserved += 1;
            self.clusters.take(slot as usize, 1);
        }
    }

    /// Slots for pages.
    pub(crate) fn size(&self) -> u32 {
        self.slots.len() as u32 - self.reserved
    }

    /// One past the last slot.
    pub(crate) fn end(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Slots that hold a page, or are kept for one that is in memory.
    pub(crate) const fn used(&self) -> u32 {
        self.used
    }

    /// Memory of the map, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.slots.len() * size_of::<Slot>() + self.clusters.memory_bytes()
    }

    /// Slots in a row, `1 << order` of them and aligned as a folio is, for the folio at `frame`, which
    /// is in the swap cache from now on. Nobody is counted yet.
    pub(crate) fn alloc(&mut self, order: u8, frame: FrameId) -> Option<u32> {
        let pages = 1_usize << order;
        if (self.size() - self.used) < pages as u32 {
            return None;
        }
        let slots = &self.slots;
        // A slot that readahead has wrongly cached counts as free where that bug is planted.
        let is_free = |slot: usize| {
            let slot = slots[slot];
            slot.count == 0
                && !slot.has(RESERVED)
                && (slot.cached == NO_FRAME
                    || slot.has(STALE)
                    || self.bugs.has(Bug::ReadaheadFreed) && !slot.has(ZERO))
        };
        let first = self.clusters.find(order, is_free)?;
        for slot in &mut self.slots[first..first + pages] {
            if slot.cached == NO_FRAME || slot.has(STALE) {
                slot.cached = frame.0;
                slot.set(STALE, false);
                self.used += 1;
            }
        }
        self.clusters.take(first, pages);
        Some(first as u32)
    }

    /// One page more is in the slot. False: the count is at its end.
    pub(crate) fn share(&mut self, slot: u32) -> bool {
        let slot = &mut self.slots[slot as usize];
        if slot.count == COUNT_MAX {
            return false;
        }
        slot.count += 1;
        true
    }

    /// One page more is in each of the slots, which had room for one.
    pub(crate) fn share_all(&mut self, slots: Range<u32>) {
        let run = self.run_mut(slots);
        let have_room = all(run, |slot| slot.count < COUNT_MAX);
        assert!(have_room, "the count of a slot has room for one who had it");
        run.iter_mut().for_each(|slot| slot.count += 1);
    }

    fn run_mut(&mut self, slots: Range<u32>) -> &mut [Slot] {
        &mut self.slots[slots.start as usize..slots.end as usize]
    }

    /// One page less is in the slot, which may be free then.
    pub(crate) fn put(&mut self, slot: u32) {
        let index = slot as usize;
        assert!(self.slots[index].count > 0, "slot {slot} is freed by a page that is in it");
        self.slots[index].count -= 1;
        self.settle(index);
    }

    /// Pages that are in the slot.
    pub(crate) fn count(&self, slot: u32) -> u16 {
        self.slots.get(slot as usize).map_or(0, |slot| slot.count)
    }

    /// The folio that holds the slot's page in memory.
    pub(crate) fn cached(&self, slot: u32) -> Option<FrameId> {
        let slot = self.slots.get(slot as usize)?;
        (slot.cached != NO_FRAME && !slot.has(STALE)).then_some(FrameId(slot.cached))
    }

    /// What [`Bug::CacheKept`] finds in the cache.
    pub(crate) fn stale(&self, slot: u32) -> Option<FrameId> {
        let slot = self.slots.get(slot as usize)?;
        slot.has(STALE).then_some(FrameId(slot.cached))
    }

    /// The folio is in the cache from now on.
    pub(crate) fn cache(&mut self, slot: u32, frame: FrameId) {
        let index = slot as usize;
        let was_free = self.is_free(index);
        let entry = &mut self.slots[index];
        entry.cached = frame.0;
        entry.set(STALE, false);
        if was_free {
            // A folio that is split gives its slots to its pages.
            self.used += 1;
            self.clusters.take(index, 1);
        }
    }

    /// The folio is not in the cache any more; the slot may be free then.
    pub(crate) fn uncache(&mut self, slot: u32, frame: FrameId) {
        let index = slot as usize;
        let entry = &mut self.slots[index];
        if entry.cached != frame.0 || entry.has(STALE) {
            assert!(self.bugs.has(Bug::ReadaheadFreed), "slot {slot} caches another folio");
            return;
        }
        let has_pages = entry.count > 0;
        if self.bugs.has(Bug::CacheKept) && has_pages {
            entry.set(STALE, true);
        } else {
            entry.cached = NO_FRAME;
        }
        if !has_pages {
            self.settle(index);
        }
    }

    /// The same for all slots of a folio. As a rule a page is in each of them, and none becomes free.
    pub(crate) fn uncache_all(&mut self, slots: Range<u32>, frame: FrameId) {
        let is_bug_planted = self.bugs.has(Bug::CacheKept);
        let run = self.run_mut(slots.clone());
        let are_plain =
            all(run, |slot| slot.cached == frame.0 && slot.count > 0 && !slot.has(STALE));
        if are_plain && !is_bug_planted {
            run.iter_mut().for_each(|slot| slot.cached = NO_FRAME);
        } else {
            slots.for_each(|slot| self.uncache(slot, frame));
        }
    }

    /// The page is all zeros and is not on the device.
    pub(crate) fn is_zero(&self, slot: u32) -> bool {
        self.slots[slot as usize].has(ZERO)
    }

    /// Says of a folio's slots whether it is.
    pub(crate) fn set_zero(&mut self, slots: Range<u32>, is_zero: bool) {
        if is_zero || !self.bugs.has(Bug::ZeroBitKept) {
            let zero = if is_zero { ZERO } else { 0 };
            let run = self.run_mut(slots).iter_mut();
            run.for_each(|slot| slot.flags = slot.flags & !ZERO | zero);
        }
    }

    /// The last read failed.
    pub(crate) fn has_failed(&self, slot: u32) -> bool {
        self.slots[slot as usize].has(FAILED)
    }

    /// Says whether it did.
    pub(crate) fn set_failed(&mut self, slot: u32, has_failed: bool) {
        self.slots[slot as usize].set(FAILED, has_failed);
    }

    /// Forgets that reads failed; returns how many pages that concerns.
    pub(crate) fn forget_failed(&mut self) -> u64 {
        let failed = self.slots.iter_mut().filter(|slot| slot.has(FAILED));
        failed.fold(0, |sum, slot| {
            slot.set(FAILED, false);
            sum + u64::from(slot.count)
        })
    }

    /// The slots that are not free, in order.
    pub(crate) fn iter_used(&self) -> impl Iterator<Item = u32> {
        (0..self.slots.len()).filter(|index| self.is_used(*index)).map(|index| index as u32)
    }

    /// The first slot from `from` on that is not free.
    pub(crate) fn next_used(&self, from: u32) -> Option<u32> {
        let rest = from as usize..self.slots.len();
        rest.into_iter().find(|index| self.is_used(*index)).map(|index| index as u32)
    }

    fn is_free(&self, index: usize) -> bool {
        let slot = self.slots[index];
        slot.count == 0 && (slot.cached == NO_FRAME || slot.has(STALE))
    }

    fn is_used(&self, index: usize) -> bool {
        !self.slots[index].has(RESERVED) && !self.is_free(index)
    }

    /// Gives a slot back that neither page nor folio needs (Linux `swap_range_free`).
    fn settle(&mut self, index: usize) {
        if !self.is_free(index) {
            return;
        }
        let is_zero_kept = self.bugs.has(Bug::ZeroBitKept) && self.slots[index].has(ZERO);
        if !self.slots[index].has(STALE) {
            self.slots[index] = Slot::FREE;
        }
        self.slots[index].set(ZERO, is_zero_kept);
        self.used -= 1;
        self.clusters.give(index);
    }
}

/// Looks at all of them, whatever it finds: that is quicker than to stop, for what is nearly always true.
fn all(run: &[Slot], is_so: impl Fn(&Slot) -> bool) -> bool {
    run.iter().fold(true, |so_far, slot| so_far & is_so(slot))
}

#[cfg(test)]
mod tests;
