//! Turning an area off: everything comes back, or its owner will be told (Linux `try_to_unuse`).
//!
//! The area is named by its id. Finding it by a path is the caller's business, and the place where
//! Linux fails after a shutdown: opening the path is refused.

use alloc::vec::Vec;
use core::fmt;

use block::BlockDevice;
use hal::{UserMemory, UserPage};
use iomap::Errno;

use super::Mm;
use super::page::{PageState, Resident};
use crate::events::{Cause, Event};
use crate::{AreaId, PathKind, SwapEntry};

/// A page that swapoff could not bring back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoisonedPage {
    /// The page; every access to it is a bus error from now on.
    pub page: UserPage,
    /// Where it was.
    pub entry: SwapEntry,
    /// Why it was not read, and who learned of it first.
    pub cause: Cause,
}

/// What swapoff did. It succeeds even if pages were lost, as in Linux.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwapoffReport {
    /// The area that is off.
    pub area: AreaId,
    /// The path that it used.
    pub path: PathKind,
    /// Pages that were read back.
    pub pages_read: u64,
    /// Pages that were in memory, with a slot.
    pub pages_cached: u64,
    /// Pages that could not be read, in slot order.
    pub poisoned: Vec<PoisonedPage>,
}

/// Why nothing was turned off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwapoffError {
    /// No such area is active.
    NotActive(AreaId),
    /// There is no memory for the pages that would come back.
    OutOfMemory {
        /// Pages in the area.
        pages: u64,
    },
}

impl SwapoffError {
    /// What swapoff(2) gives.
    #[must_use]
    pub const fn errno(&self) -> Errno {
        match self {
            Self::NotActive(_) => Errno::EINVAL,
            Self::OutOfMemory { .. } => Errno::ENOMEM,
        }
    }
}

impl fmt::Display for SwapoffError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotActive(area) => write!(f, "swapoff: no active area {area}"),
            Self::OutOfMemory { pages } => {
                write!(f, "swapoff: no memory for the {pages} pages in the area")
            }
        }
    }
}

impl core::error::Error for SwapoffError {}

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Reads every page back, gives every slot back, and lets go of the file. The resident limit does
    /// not hold for the pages that come back: frames for them are allocated first.
    ///
    /// # Errors
    /// [`SwapoffError`]; nothing has changed then. Pages that cannot be read are no error: they are
    /// poisoned, and the report names them.
    pub fn swapoff(&mut self, id: AreaId) -> Result<SwapoffReport, SwapoffError> {
        let at = self.areas.iter().position(|area| area.id == id);
        let at = at.ok_or(SwapoffError::NotActive(id))?;
        self.admit_swapped(at)?;
        let area = &self.areas[at];
        let (path, pages) = (area.path(), area.used_pages());
        self.tracer.emit(Event::SwapOffBegin { area: id, path, pages });
        let mut report =
            SwapoffReport { area: id, path, pages_read: 0, pages_cached: 0, poisoned: Vec::new() };
        self.unuse(at, &mut report);
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

    /// Gets frames, and places in the queue, for all pages that are in the area only.
    fn admit_swapped(&mut self, at: usize) -> Result<(), SwapoffError> {
        let used = self.areas[at].slots.iter_used();
        let swapped = used.filter(|&(_, owner)| self.is_swapped(owner)).count();
        let missing = swapped.saturating_sub(self.frames.len());
        let more: Result<Vec<_>, _> = (0..missing).map(|_| self.device.alloc_page()).collect();
        let more = more.map_err(|_| SwapoffError::OutOfMemory { pages: swapped as u64 })?;
        self.frames.reserve(self.frames.len() + missing);
        self.frames_total += missing;
        more.into_iter().for_each(|frame| self.frames.push(frame));
        self.queue.reserve(self.queue.len() + swapped);
        Ok(())
    }

    /// Frames that came for pages that were lost go back.
    pub(super) fn trim_frames(&mut self) {
        while self.frames_total > self.config.frames() && self.frames.pop().is_some() {
            self.frames_total -= 1;
        }
    }

    fn is_swapped(&self, owner: u64) -> bool {
        matches!(self.pages[owner as usize], PageState::Swapped(_) | PageState::ReadFailed(_))
    }

    fn unuse(&mut self, at: usize, report: &mut SwapoffReport) {
        let mut from = 0;
        while let Some((slot, owner)) = self.areas[at].slots.next_used(from) {
            let entry = SwapEntry { area: report.area, slot };
            let mut pages = 1;
            if self.is_swapped(owner) {
                pages = self.swapped_run(at, slot);
                self.bring_back(entry, pages, report);
            } else {
                self.forget_slot(owner as usize, entry);
                report.pages_cached += 1;
            }
            from = slot + pages;
        }
    }

    /// How many slots from `slot` on hold pages that are nowhere else, up to one I/O.
    fn swapped_run(&self, at: usize, slot: u32) -> u32 {
        let slots = &self.areas[at].slots;
        let limit = self.config.cluster_pages as u32;
        let is_swapped =
            |slot: &u32| slots.owner(*slot).is_some_and(|owner| self.is_swapped(owner));
        (slot..slot.saturating_add(limit)).take_while(is_swapped).count() as u32
    }

    /// Reads consecutive slots; if that fails, each for itself, so that only bad ones are lost.
    fn bring_back(&mut self, first: SwapEntry, pages: u32, report: &mut SwapoffReport) {
        let at = |offset| SwapEntry { slot: first.slot + offset, ..first };
        match self.read_back(first, pages) {
            Ok(()) => report.pages_read += u64::from(pages),
            Err(cause) if pages == 1 => report.poisoned.push(self.poison(first, cause)),
            Err(_) => (0..pages).for_each(|offset| self.bring_back(at(offset), 1, report)),
        }
    }

    fn read_back(&mut self, first: SwapEntry, pages: u32) -> Result<(), Cause> {
        for _ in 0..pages {
            let frame = self.frames.pop().expect("swapoff has a frame for each page");
            self.io_pages.push(frame);
        }
        let result = self.read_slots(first, pages);
        let mut io_pages = core::mem::take(&mut self.io_pages);
        for (slot, frame) in (first.slot..).zip(io_pages.drain(..)) {
            let entry = SwapEntry { slot, ..first };
            let index = self.owner_of(entry);
            if let Err(cause) = result {
                self.frames.push(frame);
                self.tracer.emit(Event::ReadError { page: index as u64, entry, cause });
                continue;
            }
            self.free_slot(index, entry);
            self.make_resident(
                index,
                Resident { frame, entry: None, is_dirty: true, has_write_failed: false },
            );
        }
        self.io_pages = io_pages;
        result
    }

    fn poison(&mut self, entry: SwapEntry, cause: Cause) -> PoisonedPage {
        let index = self.owner_of(entry);
        self.pages[index] = PageState::Poisoned;
        self.free_slot(index, entry);
        let page = index as u64;
        self.tracer.emit(Event::Poison { page, entry, cause });
        PoisonedPage { page: UserPage(page), entry, cause }
    }

    pub(super) fn owner_of(&mut self, entry: SwapEntry) -> usize {
        let owner = self.area_of(entry).slots.owner(entry.slot);
        owner.expect("the slot is in use") as usize
    }
}
