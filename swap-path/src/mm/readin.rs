//! Bringing a page back from swap for a fault, alone or with its neighbours.

use block::BlockDevice;
use hal::UserMemory;

use super::Mm;
use super::page::{PageState, Resident};
use crate::SwapEntry;
use crate::events::{BusErrorReason, Cause, Event};

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Linux `do_swap_page`: synchronous, so the faulting access learns of an error.
    pub(super) fn swap_in(&mut self, index: usize, entry: SwapEntry) -> Result<(), BusErrorReason> {
        let frame = self.frame_for(index).ok_or(BusErrorReason::OutOfMemory)?;
        self.frames.push(frame);
        let (first, pages) = self.read_window(entry);
        match self.read_run(first, pages) {
            Ok(()) => return Ok(()),
            Err(_) if pages > 1 && !self.config.knobs.is_read_cluster_lost_whole => {}
            Err(cause) => {
                self.lose_run(first, pages, cause);
                return Err(BusErrorReason::SwapIn);
            }
        }
        // One bad page among good ones: only the one that was asked for matters.
        self.read_run(entry, 1).map_err(|cause| {
            self.lose_run(entry, 1, cause);
            BusErrorReason::SwapIn
        })
    }

    /// Pages whose last read failed are asked for again at the next access (Linux: the swap cache is
    /// dropped). Returns how many there were.
    pub fn drop_failed_reads(&mut self) -> u64 {
        let mut dropped = 0;
        for page in &mut self.pages {
            if let PageState::ReadFailed(entry) = *page {
                *page = PageState::Swapped(entry);
                dropped += 1;
            }
        }
        dropped
    }

    /// The slots to read with `entry`: the aligned window around it as far as there are frames below
    /// the resident limit, without gaps.
    fn read_window(&mut self, entry: SwapEntry) -> (SwapEntry, u32) {
        let room = self.config.resident_pages_max.saturating_sub(self.queue.len());
        let window = self.config.read_cluster_pages.min(room).max(1) as u32;
        if window == 1 {
            return (entry, 1);
        }
        let start = entry.slot / window * window;
        let is_out = |slot: &u32| self.is_out(SwapEntry { slot: *slot, ..entry });
        let below = (start..entry.slot).rev().take_while(is_out).count() as u32;
        let above = (entry.slot + 1..start + window).take_while(is_out).count() as u32;
        (SwapEntry { slot: entry.slot - below, ..entry }, below + 1 + above)
    }

    /// The slot holds a page that is nowhere else and may be read.
    fn is_out(&self, entry: SwapEntry) -> bool {
        let area = self.areas.iter().find(|area| area.id == entry.area);
        let owner = area.and_then(|area| area.slots.owner(entry.slot));
        owner.is_some_and(|owner| matches!(self.pages[owner as usize], PageState::Swapped(_)))
    }

    /// Reads consecutive slots into free frames and maps their pages. On an error all is as before.
    fn read_run(&mut self, first: SwapEntry, pages: u32) -> Result<(), Cause> {
        for offset in 0..pages {
            let entry = SwapEntry { slot: first.slot + offset, ..first };
            let index = self.owner_of(entry);
            self.pages[index] = PageState::InFlight(entry);
            let frame = self.frames.pop().expect("the window is as large as there are frames");
            self.io_pages.push(frame);
        }
        let result = self.read_slots(first, pages);
        let mut io_pages = core::mem::take(&mut self.io_pages);
        for (slot, frame) in (first.slot..).zip(io_pages.drain(..)) {
            let entry = SwapEntry { slot, ..first };
            let index = self.owner_of(entry);
            if result.is_err() {
                self.frames.push(frame);
                self.pages[index] = PageState::Swapped(entry);
                continue;
            }
            self.stats.swapped_in_pages += 1;
            // The slot is kept: while the page stays clean it can be dropped without I/O.
            let entry = Some(entry);
            let page = Resident { frame, entry, is_dirty: false, has_write_failed: false };
            self.make_resident(index, page);
        }
        self.io_pages = io_pages;
        result
    }

    /// The pages of a read that failed: each is reported, and remembered if the knob says so.
    fn lose_run(&mut self, first: SwapEntry, pages: u32, cause: Cause) {
        for offset in 0..pages {
            let entry = SwapEntry { slot: first.slot + offset, ..first };
            let index = self.owner_of(entry);
            if self.config.knobs.is_read_error_cached {
                self.pages[index] = PageState::ReadFailed(entry);
            }
            self.tracer.emit(Event::ReadError { page: index as u64, entry, cause });
        }
        self.trim_frames();
    }
}
