//! Slots with more than one page in them: fork, and the faults that part them again.
//!
//! A *process* is a range of the address space, so that a fork needs no second page table of the engine's.
//! Pages in swap are shared by count. Pages in memory are copied at once: the page tables of `hal` have
//! no write protection, so every access counts as a write here, and what Linux does at a write to a shared page
//! (`do_wp_page`) happens at the first access.

use core::fmt;

use block::BlockDevice;
use hal::{UserMemory, UserPage};
use iomap::Errno;

use super::Mm;
use super::page::Pte;
use super::table::{Folio, FolioIo};
use crate::events::{BusErrorReason, Event};
use crate::frame_id::FrameId;
use crate::{Bug, SwapEntry};

/// Why there is no child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForkError {
    /// The ranges overlap, or leave the address space.
    Range,
    /// The child's range is in use.
    Busy(UserPage),
    /// No frame for a copy, or too many sharers of one slot.
    OutOfMemory(UserPage),
}

impl ForkError {
    /// What fork(2) gives.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::Range => Errno::EINVAL,
            Self::Busy(_) => Errno::EBUSY,
            Self::OutOfMemory(_) => Errno::ENOMEM,
        }
    }
}

impl fmt::Display for ForkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range => f.write_str("fork: the two ranges overlap or leave the address space"),
            Self::Busy(page) => write!(f, "fork: page {} of the child is in use", page.0),
            Self::OutOfMemory(page) => write!(f, "fork: no memory for a copy of page {}", page.0),
        }
    }
}

impl core::error::Error for ForkError {}

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Makes the `pages` pages from `child` on a copy of those from `parent` on (Linux `copy_page_range`).
    ///
    /// # Errors
    /// [`ForkError`]; the child's range is untouched then.
    pub fn fork(&mut self, parent: UserPage, child: UserPage, pages: u64) -> Result<(), ForkError> {
        let size = self.size_pages();
        let fits = |from: u64| from.checked_add(pages).is_some_and(|end| end <= size);
        if !fits(parent.0) || !fits(child.0) || parent.0.abs_diff(child.0) < pages {
            return Err(ForkError::Range);
        }
        let ranges = (parent.0 as usize..).zip(child.0 as usize..).take(pages as usize);
        if let Some((_, busy)) = ranges.clone().find(|(_, to)| self.ptes[*to] != Pte::None) {
            return Err(ForkError::Busy(UserPage(busy as u64)));
        }
        self.touched_end = self.touched_end.max((child.0 + pages) as usize);
        self.tracer.emit(Event::Fork { parent: parent.0, child: child.0, pages: pages as u32 });
        for (from, to) in ranges {
            if !self.fork_page(from, to) {
                (child.0..to as u64).for_each(|page| self.discard(UserPage(page)));
                return Err(ForkError::OutOfMemory(UserPage(from as u64)));
            }
        }
        Ok(())
    }

    fn fork_page(&mut self, from: usize, to: usize) -> bool {
        // Reclaim may send the parent's page out; then it can be shared after all.
        if matches!(self.ptes[from], Pte::Present(_)) && !self.room_for(to) {
            return false;
        }
        match self.ptes[from] {
            Pte::None => true,
            Pte::Poisoned => {
                self.ptes[to] = Pte::Poisoned;
                true
            }
            Pte::Swap(entry) => self.share(to, entry),
            Pte::Present(frame) => {
                let copy = Folio { is_dirty: true, ..Folio::mapped(0, to) };
                let head = self.frames.take(copy).expect("there is room");
                self.copy(frame, head);
                self.stats.copied_pages += 1;
                self.map_folio(head);
                true
            }
        }
    }

    /// The page is in the slot too (Linux `swap_duplicate`).
    fn share(&mut self, page: usize, entry: SwapEntry) -> bool {
        if !self.config.bugs.has(Bug::ForkUncounted) && !self.area_of(entry).slots.share(entry.slot)
        {
            return false;
        }
        self.ptes[page] = Pte::Swap(entry);
        self.tracer.emit(Event::SlotShare { page: page as u64, entry });
        true
    }

    /// Gives the page what the swap cache has for its slot: the frame itself if nobody else is in the
    /// slot, and a copy otherwise (Linux `do_swap_page` for a write).
    pub(super) fn map_cached(
        &mut self,
        index: usize,
        head: FrameId,
        entry: SwapEntry,
    ) -> Result<(), BusErrorReason> {
        let folio = *self.frames.folio(head);
        assert_eq!(folio.io, FolioIo::Idle, "nobody waits for I/O on {entry} here");
        let is_last = self.area_of(entry).slots.count(entry.slot) <= 1;
        let is_taken = is_last || self.config.bugs.has(Bug::SharedInPlace);
        if folio.is_mapped || folio.order > 0 || !is_taken {
            let frame = self.frame_in(head, entry);
            return self.copy_shared(index, frame, entry);
        }
        self.frames.unlink(head);
        self.frames.folio_mut(head).page = index;
        if self.area_of(entry).slots.count(entry.slot) > 0 {
            // The slot is kept: while the page stays clean it can be dropped without I/O.
            self.area_of(entry).slots.put(entry.slot);
        }
        self.map_folio(head);
        Ok(())
    }

    /// The frame of a cached folio that holds the slot's page.
    fn frame_in(&self, head: FrameId, entry: SwapEntry) -> FrameId {
        let first = self.frames.folio(head).entry.map_or(entry.slot, |first| first.slot);
        let offset = entry.slot.saturating_sub(first) as usize;
        self.frames.frames_of(head).nth(offset).unwrap_or(head)
    }

    pub(super) fn copy_shared(
        &mut self,
        index: usize,
        frame: FrameId,
        entry: SwapEntry,
    ) -> Result<(), BusErrorReason> {
        let head = self.frames.head_of(frame);
        // Reclaim must not take the folio while room is made for its copy.
        let list = self.frames.links(head).list;
        self.frames.unlink(head);
        let has_room = self.room_for(index);
        if let Some(list) = list {
            self.frames.push_back(head, list);
        }
        if !has_room {
            return Err(BusErrorReason::OutOfMemory);
        }
        let copy = Folio { is_dirty: true, ..Folio::mapped(0, index) };
        let own = self.frames.take(copy).expect("there is room");
        self.copy(frame, own);
        self.stats.copied_pages += 1;
        self.tracer.emit(Event::Unshare { page: index as u64, entry });
        self.leave_slot(index, entry);
        self.map_folio(own);
        Ok(())
    }

    /// The page is not in the slot any more. A cached folio that nobody is left to ask for goes too.
    pub(super) fn leave_slot(&mut self, index: usize, entry: SwapEntry) {
        let slots = &mut self.area_of(entry).slots;
        if slots.count(entry.slot) > 0 {
            slots.put(entry.slot);
        }
        let cached = slots.cached(entry.slot).filter(|_| slots.count(entry.slot) == 0);
        self.tracer.emit(Event::SlotFree { page: index as u64, entry });
        if let Some(head) = cached
            && !self.frames.folio(head).is_mapped
            && self.is_unasked(head)
        {
            self.drop_from_cache(head);
        }
    }

    /// No page is in any of the cached folio's slots.
    fn is_unasked(&mut self, head: FrameId) -> bool {
        let Folio { entry, order, io, .. } = *self.frames.folio(head);
        let Some(first) = entry else { return false };
        let slots = &self.area_of(first).slots;
        let mut all = first.slot..first.slot + (1 << order);
        io == FolioIo::Idle && all.all(|slot| slots.count(slot) == 0)
    }
}
