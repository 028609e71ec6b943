//! Bringing a page back from swap for a fault (Linux `do_swap_page`).
//!
//! Whatever is read goes into the swap cache first, and from there to the page that asked. Neighbours
//! that were read with it stay in the cache, mapped nowhere, until somebody asks for them.

use block::BlockDevice;
use hal::UserMemory;

use super::Mm;
use super::lru::List;
use super::page::Pte;
use super::table::{Folio, FolioIo};
use crate::events::{BusErrorReason, Cause, Event};
use crate::frame_id::FrameId;
use crate::{Bug, SwapEntry};

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Synchronous, so the faulting access learns of an error.
    pub(super) fn swap_in(&mut self, index: usize, entry: SwapEntry) -> Result<(), BusErrorReason> {
        let slots = &self.area_of(entry).slots;
        let (has_failed, is_zero) = (slots.has_failed(entry.slot), slots.is_zero(entry.slot));
        let (cached, stale) = (slots.cached(entry.slot), slots.stale(entry.slot));
        if has_failed {
            return Err(BusErrorReason::ReadFailedBefore);
        }
        if let Some(head) = cached {
            self.stats.cache_hits += 1;
            self.tracer.emit(Event::CacheHit { page: index as u64, entry });
            return self.map_cached(index, head, entry);
        }
        if let Some(frame) = stale {
            return self.copy_shared(index, frame, entry);
        }
        if is_zero {
            return self.zero_in(index, entry);
        }
        if self.read_folio(index, entry) {
            return Ok(());
        }
        let read = self.read_page(index, entry);
        if read.is_err() && self.config.bugs.has(Bug::CountTooEarly) {
            let slots = &mut self.area_of(entry).slots;
            (0..slots.count(entry.slot).min(1)).for_each(|_| slots.put(entry.slot));
        }
        let head = read?;
        self.map_cached(index, head, entry)
    }

    /// Pages whose last read failed are asked for again at the next access (Linux: the swap cache is
    /// dropped). Returns how many there were.
    pub fn drop_failed_reads(&mut self) -> u64 {
        self.areas.iter_mut().map(|area| area.slots.forget_failed()).sum()
    }

    /// The slot is known to be all zeros: nobody asks the device.
    fn zero_in(&mut self, index: usize, entry: SwapEntry) -> Result<(), BusErrorReason> {
        if !self.room_for(index) {
            return Err(BusErrorReason::OutOfMemory);
        }
        let folio = Folio::cached(0, index, entry, FolioIo::Idle);
        let head = self.frames.take(folio).expect("there is room");
        self.zero(head);
        self.area_of(entry).slots.cache(entry.slot, head);
        self.frames.push_back(head, List::Inactive);
        self.stats.zero_in_pages += 1;
        self.tracer.emit(Event::ZeroIn { page: index as u64, entry });
        self.map_cached(index, head, entry)
    }

    /// Reads the slot into the swap cache, together with its neighbours if that is wanted.
    fn read_page(&mut self, index: usize, entry: SwapEntry) -> Result<FrameId, BusErrorReason> {
        if !self.room_for(index) {
            return Err(BusErrorReason::OutOfMemory);
        }
        let (first, pages) = self.read_window(entry);
        match self.read_run(first, pages) {
            Ok(()) => {}
            Err(_) if pages > 1 && !self.config.knobs.is_read_cluster_lost_whole => {
                // One bad page among good ones: only the one that was asked for matters.
                let is_wrong = self.config.bugs.has(Bug::RetryWrongSlot);
                let from = if is_wrong { first } else { entry };
                self.read_slot(from, entry).map_err(|cause| self.lost(entry, 1, cause))?;
            }
            Err(cause) => return Err(self.lost(first, pages, cause)),
        }
        let head = self.area_of(entry).slots.cached(entry.slot);
        Ok(head.expect("what was read is in the swap cache"))
    }

    /// The slots to read with `entry`: the aligned window around it (Linux `swap_cluster_readahead`), as
    /// far as there are frames below the resident limit, without gaps.
    fn read_window(&mut self, entry: SwapEntry) -> (SwapEntry, u32) {
        let room = self.config.resident_pages_max.saturating_sub(self.frames.used());
        let window = self.config.read_cluster_pages.min(room).max(1) as u32;
        if window == 1 {
            return (entry, 1);
        }
        let start = entry.slot / window * window;
        let takes_free = self.config.bugs.has(Bug::ReadaheadFreed);
        let slots = &self.area_of(entry).slots;
        let is_out = |slot: &u32| {
            let is_there = slots.count(*slot) > 0 || takes_free && *slot > 0;
            is_there
                && *slot <= slots.size()
                && slots.cached(*slot).is_none()
                && !slots.is_zero(*slot)
                && !slots.has_failed(*slot)
        };
        let below = (start..entry.slot).rev().take_while(is_out).count() as u32;
        let above = (entry.slot + 1..start + window).take_while(is_out).count() as u32;
        (SwapEntry { slot: entry.slot - below, ..entry }, below + 1 + above)
    }

    /// Reads consecutive slots into the swap cache, a folio each. On an error all is as before.
    pub(super) fn read_run(&mut self, first: SwapEntry, pages: u32) -> Result<(), Cause> {
        let mut io_pages = self.take_io();
        for slot in first.slot..first.slot + pages {
            let entry = SwapEntry { slot, ..first };
            let folio = Folio::cached(0, 0, entry, FolioIo::Reading);
            let head = self.frames.take(folio).expect("the window is as large as there are frames");
            self.area_of(first).slots.cache(slot, head);
            self.frames.lend(head, &mut io_pages);
        }
        let result = self.read_slots(first, &mut io_pages);
        let mut back = io_pages.drain(..);
        for slot in first.slot..first.slot + pages {
            let head = self.areas.iter().find(|area| area.id == first.area);
            let head = head.and_then(|area| area.slots.cached(slot)).expect("it was put there");
            self.frames.take_back(head, &mut back);
            self.frames.folio_mut(head).io = FolioIo::Idle;
            if result.is_ok() {
                self.frames.push_back(head, List::Inactive);
            }
        }
        drop(back);
        self.give_io(io_pages);
        if result.is_err() {
            for slot in first.slot..first.slot + pages {
                let head = self.area_of(first).slots.cached(slot).expect("it was put there");
                self.drop_from_cache(head);
            }
            return result;
        }
        self.stats.swapped_in_pages += u64::from(pages);
        self.stats.readahead_pages += u64::from(pages - 1);
        Ok(())
    }

    /// Reads the slot `from` as the content of `entry`: the same, but where a bug is planted.
    fn read_slot(&mut self, from: SwapEntry, entry: SwapEntry) -> Result<(), Cause> {
        if from == entry {
            return self.read_run(entry, 1);
        }
        let mut io_pages = self.take_io();
        let folio = Folio::cached(0, 0, entry, FolioIo::Reading);
        let head = self.frames.take(folio).expect("there is a frame");
        self.frames.lend(head, &mut io_pages);
        let result = self.read_slots(from, &mut io_pages);
        self.frames.take_back(head, &mut io_pages.drain(..));
        self.give_io(io_pages);
        self.frames.folio_mut(head).io = FolioIo::Idle;
        self.frames.push_back(head, List::Inactive);
        self.area_of(entry).slots.cache(entry.slot, head);
        result
    }

    /// Reads a folio that went out as a whole in one piece (not in Linux before 6.14, and there for
    /// memory-backed devices only). False: it is none any more, there is no room, or it failed: then the page comes
    /// alone.
    fn read_folio(&mut self, index: usize, entry: SwapEntry) -> bool {
        let Some(folio) = self.swapped_folio(index, entry) else {
            return false;
        };
        if !self.room_for_folio(folio.pages()) {
            return false;
        }
        let first = folio.entry.expect("it has slots");
        let slots = first.slot..first.slot + folio.pages() as u32;
        let head = self.frames.take(folio).expect("there is room");
        slots.clone().for_each(|slot| self.area_of(first).slots.cache(slot, head));
        let mut io_pages = self.take_io();
        self.frames.lend(head, &mut io_pages);
        let result = self.read_slots(first, &mut io_pages);
        self.frames.take_back(head, &mut io_pages.drain(..));
        self.give_io(io_pages);
        self.frames.folio_mut(head).io = FolioIo::Idle;
        if result.is_err() {
            self.drop_from_cache(head);
            return false;
        }
        self.stats.swapped_in_pages += folio.pages() as u64;
        self.map_from_slots(head);
        true
    }

    /// The folio around the page, if all of it is out and lies in a row in slots that are its own, in an area
    /// that takes folios.
    fn swapped_folio(&mut self, index: usize, entry: SwapEntry) -> Option<Folio> {
        let order = self.config.folio_order;
        let pages = 1_usize << order;
        let start = index / pages * pages;
        let slot = entry.slot.checked_sub((index - start) as u32)?;
        let first = SwapEntry { slot, ..entry };
        let ptes = self.ptes.get(start..start + pages)?;
        let area = self.areas.iter().find(|area| area.id == entry.area)?;
        let is_whole = (slot..).zip(ptes).all(|(slot, pte)| {
            *pte == Pte::Swap(SwapEntry { slot, ..entry })
                && area.slots.count(slot) == 1
                && area.slots.cached(slot).is_none()
                && !area.slots.is_zero(slot)
                && !area.slots.has_failed(slot)
        });
        (order > 0 && is_whole && area.takes_folios())
            .then(|| Folio::cached(order, start, first, FolioIo::Reading))
    }

    /// The pages of a read that failed: each is reported, and remembered if the knob says so.
    fn lost(&mut self, first: SwapEntry, pages: u32, cause: Cause) -> BusErrorReason {
        for slot in first.slot..first.slot + pages {
            let entry = SwapEntry { slot, ..first };
            if self.config.knobs.is_read_error_cached {
                self.area_of(entry).slots.set_failed(slot, true);
            }
            let is_in_it = |pte: &Pte| *pte == Pte::Swap(entry);
            for (page, _) in (0..).zip(self.touched()).filter(|(_, pte)| is_in_it(pte)) {
                self.tracer.emit(Event::ReadError { page, entry, cause });
            }
        }
        BusErrorReason::SwapIn
    }
}
