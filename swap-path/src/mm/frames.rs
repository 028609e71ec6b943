//! Frames for pages: the limit, the reserve beyond it, and folios on and off the page table.

use block::BlockDevice;
use hal::{DmaBuf, PAGE_BYTES, UserMemory, UserPage};

use super::Mm;
use super::lru::List;
use super::page::Pte;
use super::table::Folio;
use crate::SwapEntry;
use crate::events::Event;
use crate::frame_id::FrameId;

const ZEROS: [u8; PAGE_BYTES] = [0; PAGE_BYTES];

/// Bytes that are copied or compared at once.
const CHUNK: usize = 512;

/// What the page table knew of a folio when it was taken off it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bits {
    pub(super) is_accessed: bool,
    pub(super) is_dirty: bool,
}

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Makes sure of one free frame for a page that faults. False: the limit and the reserve are used
    /// up and nothing could be reclaimed in a bounded number of attempts.
    pub(super) fn room_for(&mut self, index: usize) -> bool {
        let (page, limit) = (index as u64, self.config.resident_pages_max);
        if self.frames.used() >= limit {
            let excess = self.frames.used() + 1 - limit;
            self.reclaim(excess.max(self.config.cluster_pages));
        }
        let resident_pages = self.frames.used() as u64;
        if self.frames.used() >= self.config.frames() {
            self.stats.out_of_memory += 1;
            self.tracer.emit(Event::OutOfMemory { page, resident_pages });
            return false;
        }
        if self.frames.used() >= limit {
            self.tracer.emit(Event::ReserveUsed { page, resident_pages });
        }
        assert!(self.frames.free_len() > 0, "a page that is not resident has left its frame");
        true
    }

    /// Makes room for a whole folio below the limit. A folio has no right to the reserve: where there
    /// is no room its pages come one by one.
    pub(super) fn room_for_folio(&mut self, pages: usize) -> bool {
        let limit = self.config.resident_pages_max;
        if pages > limit {
            return false;
        }
        if self.frames.used() + pages > limit {
            self.reclaim(self.frames.used() + pages - limit);
        }
        self.frames.used() + pages <= limit && self.frames.free_len() >= pages
    }

    /// Takes a folio's frames back. Frames that came in addition (at a swapoff) go back to the device's
    /// memory, but not while that swapoff still runs.
    pub(super) fn put_folio(&mut self, head: FrameId) {
        self.frames.put(head);
        if !self.areas.iter().any(|area| area.is_off) {
            self.trim_frames();
        }
    }

    /// Frames beyond those of the configuration go back as soon as nobody uses them.
    pub(super) fn trim_frames(&mut self) {
        while self.frames.total() > self.config.frames() && self.frames.remove_free().is_some() {}
    }

    /// Fills every frame of the folio with zeros.
    pub(super) fn zero(&self, head: FrameId) {
        self.frames.frames_of(head).for_each(|id| self.frames.buf(id).write(0, &ZEROS));
    }

    /// True if the folio is all zeros (Linux `is_folio_zero_filled`). A page that is not shows it in its
    /// first bytes as a rule.
    pub(super) fn is_zero(&self, head: FrameId) -> bool {
        let mut bytes = [0; CHUNK];
        let is_short = self.config.bugs.has(crate::Bug::ZeroCheckShort);
        let end = if is_short { CHUNK } else { PAGE_BYTES };
        self.frames.frames_of(head).all(|id| {
            (0..end).step_by(CHUNK).all(|offset| {
                self.frames.buf(id).read(offset, &mut bytes);
                bytes == ZEROS[..CHUNK]
            })
        })
    }

    /// Copies one frame.
    pub(super) fn copy(&self, from: FrameId, to: FrameId) {
        let mut bytes = [0; CHUNK];
        for offset in (0..PAGE_BYTES).step_by(CHUNK) {
            self.frames.buf(from).read(offset, &mut bytes);
            self.frames.buf(to).write(offset, &bytes);
        }
    }

    /// Maps a folio at its pages and puts it at the end of the list that new folios go to.
    pub(super) fn map_folio(&mut self, head: FrameId) {
        let mut page = self.frames.folio(head).page;
        let mut rest = Some(head);
        while let Some(id) = rest {
            self.user.map(UserPage(page as u64), self.frames.buf(id).iova());
            self.ptes[page] = Pte::Present(id);
            rest = self.frames.next_of(id);
            page += 1;
        }
        self.touched_end = self.touched_end.max(page);
        self.frames.folio_mut(head).is_mapped = true;
        self.frames.push_back(head, List::Inactive);
        let peak = &mut self.stats.resident_pages_peak;
        *peak = (*peak).max(self.frames.used() as u64);
    }

    /// Takes a mapped folio off the hardware's page table; the bits are final then. The entries of the
    /// software's table are the caller's to set.
    pub(super) fn unmap_folio(&self, head: FrameId) -> Bits {
        let Folio { page, order, .. } = *self.frames.folio(head);
        let (mut bits, mut rest, mut mapped) = (Bits::default(), self.frames.frames_of(head), 0);
        self.user.unmap_run(UserPage(page as u64), 1 << order, |unmapped| {
            let frame = rest.next().map(|id| self.frames.buf(id).iova());
            assert_eq!(Some(unmapped.frame), frame, "page {page}: each is mapped to its own frame");
            bits.is_accessed |= unmapped.is_accessed;
            bits.is_dirty |= unmapped.is_dirty;
            mapped += 1;
        });
        assert_eq!(mapped, 1 << order, "page {page}: all of the folio is mapped");
        bits
    }

    /// The pages of a folio that is in the swap cache are in its slots from now on.
    pub(super) fn unmap_to_slots(&mut self, head: FrameId) {
        let Folio { page, entry, order, .. } = *self.frames.folio(head);
        let first = entry.expect("the folio has slots");
        self.frames.folio_mut(head).is_mapped = false;
        let slots = first.slot..first.slot + (1 << order);
        for (pte, slot) in self.ptes[page..page + (1 << order)].iter_mut().zip(slots.clone()) {
            *pte = Pte::Swap(SwapEntry { slot, ..first });
        }
        self.area_of(first).slots.share_all(slots);
    }

    /// The opposite: the folio is mapped again and its slots count one page less.
    pub(super) fn map_from_slots(&mut self, head: FrameId) {
        let Folio { entry, order, .. } = *self.frames.folio(head);
        let first = entry.expect("the folio has slots");
        let map = &mut self.area_of(first).slots;
        (first.slot..first.slot + (1 << order)).for_each(|slot| map.put(slot));
        self.map_folio(head);
    }

    /// A folio that is mapped nowhere leaves the swap cache and memory.
    pub(super) fn drop_from_cache(&mut self, head: FrameId) {
        let Folio { entry, order, .. } = *self.frames.folio(head);
        if let Some(first) = entry {
            let slots = first.slot..first.slot + (1 << order);
            self.area_of(first).slots.uncache_all(slots, head);
        }
        self.frames.unlink(head);
        self.put_folio(head);
    }
}
