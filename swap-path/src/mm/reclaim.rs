//! Choosing victims (Linux `shrink_folio_list`).
//!
//! A pass looks at each resident page at most once (twice with second chance), and gives up writing
//! after a bounded number of failures: it always ends.

use block::BlockDevice;
use hal::UserMemory;

use super::page::{PageState, Resident};
use super::writeback::Victim;
use super::{Mm, ReclaimPolicy};
use crate::SwapEntry;
use crate::events::Event;

/// One reclaim under way.
pub(super) struct Pass {
    /// Pages evicted so far.
    pub(super) freed: usize,
    /// Swap-outs that may still fail.
    pub(super) failures_left: u32,
    /// Slots ran out: dirty pages without one cannot go.
    has_no_slot: bool,
}

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Evicts up to `target` pages. Returns how many went; allocates nothing.
    pub(super) fn reclaim(&mut self, target: usize) -> usize {
        let mut pass =
            Pass { freed: 0, failures_left: self.config.reclaim_failures_max, has_no_slot: false };
        let rounds = match self.config.policy {
            ReclaimPolicy::Fifo => 1,
            ReclaimPolicy::SecondChance => 2,
        };
        let mut scans = self.queue.len() * rounds;
        while scans > 0 && pass.freed < target {
            while scans > 0
                && self.batch.len() < self.config.cluster_pages
                && pass.freed + self.batch.len() < target
            {
                scans -= 1;
                self.scan_oldest(&mut pass);
            }
            self.write_batch(&mut pass);
        }
        pass.freed
    }

    /// Drops the oldest page, puts it into the batch, or sends it to the end of the queue.
    fn scan_oldest(&mut self, pass: &mut Pass) {
        let Some(index) = self.queue.pop_front() else {
            return;
        };
        if pass.failures_left == 0 && self.is_known_dirty(index) {
            // It could only be written, and this pass writes no more: it stays mapped.
            self.queue.push_back(index);
            return;
        }
        let mut resident = self.take_resident(index);
        let unmapped = self.unmap(index, &resident.frame);
        resident.is_dirty |= unmapped.is_dirty;
        let is_spared = self.config.policy == ReclaimPolicy::SecondChance && unmapped.is_accessed;
        if is_spared {
            self.make_resident(index, resident);
        } else if !resident.is_dirty {
            self.drop_clean(index, resident);
            pass.freed += 1;
        } else if let Some(entry) = self.slot_for(index, &mut resident, pass) {
            self.batch.push(Victim { index, entry, is_alone: resident.has_write_failed });
            self.pages[index] = PageState::Isolated(resident);
        } else {
            self.make_resident(index, resident);
        }
    }

    /// Dirty even if its page-table entry is clean: an earlier scan saw the bit, or a write failed.
    fn is_known_dirty(&self, index: usize) -> bool {
        matches!(&self.pages[index], PageState::Resident(resident) if resident.is_dirty)
    }

    /// The page's state is to be set again by the caller.
    pub(super) fn take_resident(&mut self, index: usize) -> Resident<D::Page> {
        match core::mem::replace(&mut self.pages[index], PageState::Untouched) {
            PageState::Resident(resident) | PageState::Isolated(resident) => resident,
            other => unreachable!("page {index} has no frame: its entry is {:?}", other.entry()),
        }
    }

    /// Its slot holds the page; one without a slot was never written to and is still all zeros.
    fn drop_clean(&mut self, index: usize, resident: Resident<D::Page>) {
        let entry = resident.entry;
        self.pages[index] = entry.map_or(PageState::Untouched, PageState::Swapped);
        self.put_frame(resident.frame);
        self.stats.clean_drop_pages += 1;
        self.tracer.emit(Event::CleanDrop { page: index as u64, entry });
    }

    /// A slot to write the page to: its own if it has one. `None` if it must stay.
    fn slot_for(
        &mut self,
        index: usize,
        resident: &mut Resident<D::Page>,
        pass: &mut Pass,
    ) -> Option<SwapEntry> {
        if pass.failures_left == 0 {
            return None;
        }
        if resident.entry.is_none() && !pass.has_no_slot {
            resident.entry = self.alloc_slot(index);
            pass.has_no_slot = resident.entry.is_none();
        }
        resident.entry
    }

    fn alloc_slot(&mut self, index: usize) -> Option<SwapEntry> {
        let page = index as u64;
        let entry = self.free_entry(page).or_else(|| {
            self.strip_cached_slot();
            self.free_entry(page)
        });
        self.tracer.emit(match entry {
            Some(entry) => Event::SlotAlloc { page, entry },
            None => Event::NoSlot { page },
        });
        entry
    }

    fn free_entry(&mut self, page: u64) -> Option<SwapEntry> {
        self.areas.iter_mut().find_map(|area| {
            let slot = area.slots.alloc(page)?;
            Some(SwapEntry { area: area.id, slot })
        })
    }

    /// Swap is full: takes a slot from a page that is in memory anyway (Linux
    /// `__try_to_reclaim_swap`). The page is the only copy then, so it counts as dirty.
    fn strip_cached_slot(&mut self) {
        let found = self.areas.iter().find_map(|area| {
            area.slots.iter_used().find_map(|(slot, owner)| {
                let entry = SwapEntry { area: area.id, slot };
                let index = owner as usize;
                matches!(self.pages[index], PageState::Resident(_)).then_some((index, entry))
            })
        });
        if let Some((index, entry)) = found {
            self.forget_slot(index, entry);
        }
    }

    /// The resident page's slot is given back; the page is the only copy from now on.
    pub(super) fn forget_slot(&mut self, index: usize, entry: SwapEntry) {
        if let PageState::Resident(resident) = &mut self.pages[index] {
            assert_eq!(resident.entry, Some(entry), "page {index} owns its slot");
            resident.entry = None;
            resident.is_dirty = true;
            self.free_slot(index, entry);
        }
    }

    /// Puts an isolated page back as it was.
    pub(super) fn put_back(&mut self, index: usize) {
        let resident = self.take_resident(index);
        self.make_resident(index, resident);
    }
}
