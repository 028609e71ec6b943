//! Turning an area off: everything comes back, or its owner will be told (Linux `try_to_unuse`).
//!
//! The area is named by its id. Finding it by a path is the caller's business, and the place where
//! Linux fails after a shutdown: opening the path is refused.

mod report;

use alloc::vec::Vec;

use block::BlockDevice;
use hal::{UserMemory, UserPage};

pub use report::{PoisonedPage, SwapoffError, SwapoffReport};

use super::Mm;
use super::lru::List;
use super::page::Pte;
use super::table::{Folio, FolioIo};
use crate::events::{Cause, Event};
use crate::{AreaId, Bug, SwapEntry};

/// The pages that are in an area's slots, by slot: what Linux finds by walking all page tables.
type Sharers = Vec<(u32, usize)>;

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Reads every page back, gives every slot back, and lets go of the file. Pages that find no room in memory go to
    /// the areas that are left while this one empties. The resident limit does not hold for what finds none there:
    /// frames for it are allocated, all of them first if this is the last area.
    ///
    /// # Errors
    /// [`SwapoffError`]. The area stays on then, and if others are left, pages that came back stay in memory. Pages
    /// that cannot be read are no error: they are poisoned, and the report names them.
    pub fn swapoff(&mut self, id: AreaId) -> Result<SwapoffReport, SwapoffError> {
        let at = self.areas.iter().position(|area| area.id == id);
        let at = at.ok_or(SwapoffError::NotActive(id))?;
        let sharers = self.sharers_of(id);
        let is_last = self.areas.len() == 1;
        if is_last {
            self.admit(sharers.len())?;
        }
        let area = &mut self.areas[at];
        area.is_off = true;
        let (path, pages) = (area.path(), area.used_pages());
        self.tracer.emit(Event::SwapOffBegin { area: id, path, pages });
        let mut report =
            SwapoffReport { area: id, path, pages_read: 0, pages_cached: 0, poisoned: Vec::new() };
        if let Err(error) = self.unuse(at, &sharers, is_last, &mut report) {
            self.areas[at].is_off = false;
            self.trim_frames();
            return Err(error);
        }
        let area = self.areas.remove(at);
        assert_eq!(area.used_pages(), 0, "swapoff empties the area");
        area.deactivate();
        self.trim_frames();
        self.tracer.emit(Event::SwapOff {
            area: id,
            path,
            pages_read: report.pages_read as u32,
            pages_lost: report.poisoned.len() as u32,
        });
        Ok(report)
    }

    fn sharers_of(&self, id: AreaId) -> Sharers {
        let swapped = |(page, pte): (usize, &Pte)| match pte {
            Pte::Swap(entry) if entry.area == id => Some((entry.slot, page)),
            _ => None,
        };
        let mut sharers: Sharers = self.touched().iter().enumerate().filter_map(swapped).collect();
        sharers.sort_unstable();
        sharers
    }

    /// Gets frames for so many pages. One that the swap cache has in memory will need none, unless it is shared.
    fn admit(&mut self, pages: usize) -> Result<(), SwapoffError> {
        let missing = pages.saturating_sub(self.frames.free_len());
        let more: Result<Vec<_>, _> = (0..missing).map(|_| self.device.alloc_page()).collect();
        let more = more.map_err(|_| SwapoffError::OutOfMemory { pages: pages as u64 })?;
        self.frames.reserve(missing);
        more.into_iter().for_each(|frame| self.frames.add(frame));
        Ok(())
    }

    /// The pages of the next I/O need frames: others go to the areas that are left, and the machine is asked for the
    /// rest.
    fn make_room(&mut self, from: u32, sharers: &Sharers) -> Result<(), SwapoffError> {
        let end = from.saturating_add(self.config.cluster_pages as u32);
        let start = sharers.partition_point(|(slot, _)| *slot < from);
        let wanted = sharers[start..].iter().take_while(|(slot, _)| *slot < end).count();
        let excess = (self.frames.used() + wanted).saturating_sub(self.config.resident_pages_max);
        if excess > 0 {
            self.reclaim(excess);
        }
        self.admit(wanted)
    }

    /// Pages in memory let go of their slots, so that nobody drops one back into an area that is being emptied.
    fn forget_mapped(&mut self, at: usize, report: &mut SwapoffReport) {
        let mut from = 0;
        while let Some(slot) = self.areas[at].slots.next_used(from) {
            from = slot + 1;
            let head = self.areas[at].slots.cached(slot);
            if let Some(head) = head.filter(|head| self.frames.folio(*head).is_mapped) {
                report.pages_cached += self.frames.folio(head).pages() as u64;
                self.forget_slots(head);
            }
        }
    }

    fn unuse(
        &mut self,
        at: usize,
        sharers: &Sharers,
        is_last: bool,
        report: &mut SwapoffReport,
    ) -> Result<(), SwapoffError> {
        let mut from = 0;
        if !is_last {
            self.forget_mapped(at, report);
        }
        while let Some(slot) = self.areas[at].slots.next_used(from) {
            let first = SwapEntry { area: report.area, slot };
            if !is_last {
                self.make_room(slot, sharers)?;
                if self.areas[at].slots.next_used(from) != Some(slot) {
                    continue;
                }
            }
            let slots = &self.areas[at].slots;
            let mut pages = 1;
            match slots.cached(slot) {
                Some(head) if self.frames.folio(head).is_mapped => {
                    pages = self.frames.folio(head).pages() as u32;
                    report.pages_cached += u64::from(pages);
                    self.forget_slots(head);
                }
                Some(_) => self.part(first, sharers, report),
                None if slots.is_zero(slot) => {
                    self.zeros_back(first);
                    self.part(first, sharers, report);
                }
                None => {
                    pages = self.swapped_run(at, slot);
                    self.bring_back(first, pages, sharers, report);
                }
            }
            from = slot + pages;
        }
        Ok(())
    }

    /// How many slots from `slot` on hold pages that have to be read, up to one I/O.
    fn swapped_run(&self, at: usize, slot: u32) -> u32 {
        let slots = &self.areas[at].slots;
        let limit = self.config.cluster_pages as u32;
        let is_on_device = |slot: &u32| {
            slots.count(*slot) > 0 && slots.cached(*slot).is_none() && !slots.is_zero(*slot)
        };
        let rest = slot + 1..slot.saturating_add(limit);
        1 + rest.take_while(is_on_device).count() as u32
    }

    /// Reads consecutive slots; if that fails, each for itself, so that only bad ones are lost.
    fn bring_back(
        &mut self,
        first: SwapEntry,
        pages: u32,
        sharers: &Sharers,
        report: &mut SwapoffReport,
    ) {
        let at = |offset| SwapEntry { slot: first.slot + offset, ..first };
        match self.read_run(first, pages) {
            Ok(()) => (0..pages).for_each(|offset| self.part(at(offset), sharers, report)),
            Err(cause) => {
                (0..pages).for_each(|offset| self.report_unread(at(offset), sharers, cause));
                if pages == 1 {
                    self.poison(first, sharers, cause, report);
                } else {
                    let each = 0..pages;
                    each.for_each(|offset| self.bring_back(at(offset), 1, sharers, report));
                }
            }
        }
    }

    /// A slot of zeros: its page is made, not read.
    fn zeros_back(&mut self, entry: SwapEntry) {
        let folio = Folio::cached(0, 0, entry, FolioIo::Idle);
        let head = self.frames.take(folio).expect("swapoff has a frame for each page");
        self.zero(head);
        self.area_of(entry).slots.cache(entry.slot, head);
        self.frames.push_back(head, List::Inactive);
    }

    /// Gives what the swap cache has to every page that is in the slot. They are the only copies then.
    fn part(&mut self, entry: SwapEntry, sharers: &Sharers, report: &mut SwapoffReport) {
        let forgets = self.config.bugs.has(Bug::SwapoffForgetsSharers);
        let head = self.area_of(entry).slots.cached(entry.slot).expect("it was read");
        let pages: usize = pages_in(sharers, entry).count();
        for (nth, page) in pages_in(sharers, entry).enumerate() {
            if self.ptes[page] != Pte::Swap(entry) {
                continue;
            }
            report.pages_read += 1;
            if nth + 1 < pages && !forgets {
                let copy = Folio { is_dirty: true, ..Folio::mapped(0, page) };
                let own = self.frames.take(copy).expect("swapoff has a frame for each page");
                self.copy(head, own);
                self.leave_slot(page, entry);
                self.map_folio(own);
                continue;
            }
            self.frames.unlink(head);
            self.frames.folio_mut(head).page = page;
            let slots = &mut self.area_of(entry).slots;
            (0..slots.count(entry.slot)).for_each(|_| slots.put(entry.slot));
            self.map_folio(head);
            self.forget_slots(head);
            if self.config.bugs.has(Bug::CleanAfterSwapoff) {
                self.frames.folio_mut(head).is_dirty = false;
            }
            return;
        }
    }

    fn report_unread(&self, entry: SwapEntry, sharers: &Sharers, cause: Cause) {
        for page in pages_in(sharers, entry) {
            self.tracer.emit(Event::ReadError { page: page as u64, entry, cause });
        }
    }

    fn poison(
        &mut self,
        entry: SwapEntry,
        sharers: &Sharers,
        cause: Cause,
        report: &mut SwapoffReport,
    ) {
        for index in pages_in(sharers, entry) {
            self.ptes[index] = Pte::Poisoned;
            self.leave_slot(index, entry);
            let page = index as u64;
            self.tracer.emit(Event::Poison { page, entry, cause });
            report.poisoned.push(PoisonedPage { page: UserPage(page), entry, cause });
        }
    }
}

/// The pages that are in the slot.
fn pages_in(sharers: &Sharers, entry: SwapEntry) -> impl Iterator<Item = usize> {
    let start = sharers.partition_point(|(slot, _)| *slot < entry.slot);
    let here = sharers[start..].iter().take_while(move |(slot, _)| *slot == entry.slot);
    here.map(|(_, page)| *page)
}
