//! Choosing victims (Linux `shrink_folio_list`).
//!
//! A pass looks at each folio at most once (twice with second chance), and gives up writing after a
//! bounded number of failures: it always ends.

use block::BlockDevice;
use hal::UserMemory;

use super::lru::List;
use super::page::Pte;
use super::table::{Folio, FolioIo};
use super::{Mm, ReclaimPolicy};
use crate::events::Event;
use crate::frame_id::FrameId;
use crate::{Bug, SwapEntry};

/// One reclaim under way.
pub(super) struct Pass {
    /// Pages evicted so far.
    pub(super) freed: usize,
    /// Swap-outs that may still fail.
    pub(super) failures_left: u32,
    /// Slots ran out: dirty pages without one cannot go.
    pub(super) has_no_slot: bool,
}

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Evicts up to `target` pages, whole folios. Returns how many went; allocates nothing.
    pub(super) fn reclaim(&mut self, target: usize) -> usize {
        let mut pass =
            Pass { freed: 0, failures_left: self.config.reclaim_failures_max, has_no_slot: false };
        let (active, inactive) = (List::Active, List::Inactive);
        let lru = &self.frames.lru;
        let mut scans = match self.config.policy {
            ReclaimPolicy::Fifo => lru.len(inactive),
            ReclaimPolicy::SecondChance => 2 * lru.len(inactive),
            ReclaimPolicy::TwoLists => 2 * (lru.len(inactive) + lru.len(active)),
        };
        while scans > 0 && pass.freed < target {
            while scans > 0
                && self.batch_pages() < self.config.cluster_pages
                && pass.freed + self.batch_pages() < target
            {
                scans -= 1;
                self.balance_lists();
                if let Some(head) = self.frames.pop_front(inactive) {
                    self.scan(head, &mut pass);
                }
            }
            self.write_batch(&mut pass);
        }
        pass.freed
    }

    fn batch_pages(&self) -> usize {
        self.batch.iter().map(|victim| victim.pages as usize).sum()
    }

    /// Keeps the inactive list at least half as long as the active one (Linux `shrink_active_list`): the
    /// oldest active folio loses its accessed bit and a list.
    fn balance_lists(&mut self) {
        let lru = &self.frames.lru;
        if lru.len(List::Inactive) >= lru.len(List::Active).div_ceil(2) {
            return;
        }
        let Some(head) = self.frames.pop_front(List::Active) else { return };
        let bits = self.unmap_folio(head);
        self.frames.folio_mut(head).is_dirty |= bits.is_dirty;
        self.map_folio(head);
    }

    /// Drops the folio, puts it into the batch, or sends it to the end of a list.
    fn scan(&mut self, head: FrameId, pass: &mut Pass) {
        let Folio { is_mapped, is_dirty, has_write_failed, order, .. } = *self.frames.folio(head);
        if !is_mapped {
            self.drop_cached(head, pass);
            return;
        }
        if pass.failures_left == 0 && is_dirty {
            // It could only be written, and this pass writes no more: it stays mapped.
            self.frames.push_back(head, List::Inactive);
            return;
        }
        let bits = self.unmap_folio(head);
        let is_spared = bits.is_accessed && self.config.policy != ReclaimPolicy::Fifo;
        if !(is_spared && self.config.bugs.has(Bug::DirtyBitLost)) {
            self.frames.folio_mut(head).is_dirty |= bits.is_dirty;
        }
        if is_spared {
            self.map_folio(head);
            if self.config.policy == ReclaimPolicy::TwoLists {
                self.frames.unlink(head);
                self.frames.push_back(head, List::Active);
            }
        } else if order > 0 && has_write_failed {
            self.evict_split(head, pass);
        } else {
            self.evict(head, pass);
        }
    }

    /// The folio is off the hardware's page table and on no list, and its dirty bit is final.
    pub(super) fn evict(&mut self, head: FrameId, pass: &mut Pass) {
        let Folio { is_dirty, entry, .. } = *self.frames.folio(head);
        let is_trusted = entry.is_some() && self.config.bugs.has(Bug::StaleSlot);
        if !is_dirty || is_trusted {
            self.drop_clean(head, pass);
        } else if self.has_slots(head, pass) {
            self.unmap_to_slots(head);
            self.frames.folio_mut(head).io = FolioIo::Isolated;
            self.isolate(head, pass);
        } else if self.frames.folio(head).order > 0 {
            self.evict_split(head, pass);
        } else {
            self.map_folio(head);
        }
    }

    /// Its slots hold the folio; one without any was never written to and is still all zeros.
    fn drop_clean(&mut self, head: FrameId, pass: &mut Pass) {
        let Folio { page, entry, order, .. } = *self.frames.folio(head);
        let pages = 1_usize << order;
        for offset in 0..pages {
            let entry = entry.map(|first| SwapEntry { slot: first.slot + offset as u32, ..first });
            self.tracer.emit(Event::CleanDrop { page: (page + offset) as u64, entry });
        }
        if entry.is_some() {
            self.unmap_to_slots(head);
        } else {
            self.ptes[page..page + pages].fill(Pte::None);
        }
        self.stats.clean_drop_pages += pages as u64;
        pass.freed += pages;
        self.drop_from_cache(head);
    }

    /// A folio that readahead brought, or that was shared, and that nobody has asked for since.
    fn drop_cached(&mut self, head: FrameId, pass: &mut Pass) {
        let Folio { entry, order, io, is_dirty, .. } = *self.frames.folio(head);
        assert!(io == FolioIo::Idle && !is_dirty, "what is only in the swap cache is clean");
        if let Some(entry) = entry {
            self.tracer.emit(Event::CacheDrop { entry, pages: 1 << order });
        }
        pass.freed += 1 << order;
        self.drop_from_cache(head);
    }

    /// Slots to write the folio to: its own if it has some. False: it must stay, or be split.
    fn has_slots(&mut self, head: FrameId, pass: &mut Pass) -> bool {
        if pass.failures_left == 0 {
            return false;
        }
        let Folio { entry, order, .. } = *self.frames.folio(head);
        if entry.is_none() && (order > 0 || !pass.has_no_slot) {
            let found = self.alloc_slots(head);
            pass.has_no_slot |= found.is_none() && order == 0;
        }
        self.frames.folio(head).entry.is_some()
    }
}
