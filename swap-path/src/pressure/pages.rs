//! Where each page of the address space is, the order of reclaim, and the slots.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use hal::DmaBuf;

use crate::area::{Checksums, SlotMap};
use crate::frame_id::FrameId;

/// A page in memory.
pub(super) struct Resident<P> {
    pub(super) frame: P,
    /// A slot that holds the same, as long as the page is clean (the swap cache).
    pub(super) slot: Option<u32>,
    pub(super) is_dirty: bool,
}

/// Where a page is.
pub(super) enum Page<P> {
    /// Never touched: reads as zeros.
    Untouched,
    Resident(Resident<P>),
    /// On its way to or from its slot: the frame is with a request.
    Busy,
    /// In its slot only.
    Swapped(u32),
    /// Swapoff could not read it. Every access is a bus error.
    Poisoned,
}

/// The same without what is in it: for those who look before they wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Untouched,
    Resident,
    Busy,
    Swapped(u32),
    Poisoned,
}

/// All pages of the address space.
pub(super) struct Pages<P> {
    pages: Vec<Page<P>>,
    /// Resident pages, the next victim first.
    pub(super) lru: VecDeque<usize>,
    /// Pages on their way to swap.
    pub(super) in_writeback: usize,
    /// Nothing goes to the area any more, and nothing back to it.
    pub(super) is_off: bool,
    /// The area's. A page keeps its slot until swapoff: nobody gives memory up here.
    slots: SlotMap,
    checksums: Checksums,
}

impl<P> Pages<P> {
    /// `size` pages, none of them touched, and the slots of an area that nobody uses.
    pub(super) fn new(size: u64, slots: SlotMap, checksums: Checksums) -> Self {
        let pages = (0..size).map(|_| Page::Untouched).collect();
        Self { pages, lru: VecDeque::new(), in_writeback: 0, is_off: false, slots, checksums }
    }

    pub(super) fn place(&self, index: usize) -> Place {
        match &self.pages[index] {
            Page::Untouched => Place::Untouched,
            Page::Resident(_) => Place::Resident,
            Page::Busy => Place::Busy,
            Page::Swapped(slot) => Place::Swapped(*slot),
            Page::Poisoned => Place::Poisoned,
        }
    }

    pub(super) fn size(&self) -> usize {
        self.pages.len()
    }

    /// Sets where the page is; returns where it was.
    pub(super) fn set(&mut self, index: usize, page: Page<P>) -> Page<P> {
        core::mem::replace(&mut self.pages[index], page)
    }

    /// The page is in memory, the last victim.
    pub(super) fn make_resident(&mut self, index: usize, resident: Resident<P>) {
        self.pages[index] = Page::Resident(resident);
        self.lru.push_back(index);
    }

    /// A slot for the page, next to the one that was given last, so that pages that go together lie together.
    pub(super) fn alloc_slot(&mut self, index: usize) -> Option<u32> {
        self.slots.alloc(0, FrameId(index as u32))
    }

    /// The pages of a write are in their slots, from `first` on.
    pub(super) fn note_written(&mut self, first: u32, frames: &[P])
    where
        P: DmaBuf,
    {
        self.checksums.note(first, frames);
    }

    /// What was read from the slot is what was written there, as far as anybody knows.
    pub(super) fn is_as_written(&self, slot: u32, frame: &P) -> bool
    where
        P: DmaBuf,
    {
        self.checksums.first_wrong(slot, core::slice::from_ref(frame)).is_none()
    }

    /// The slot is not read again ([`crate::MmKnobs::is_read_error_cached`]).
    pub(super) fn has_read_failed(&self, slot: u32) -> bool {
        self.slots.has_failed(slot)
    }

    pub(super) fn remember_failed_read(&mut self, slot: u32) {
        self.slots.set_failed(slot, true);
    }

    /// The first slot from `from` on that a page has, and the page.
    pub(super) fn next_in_slot(&self, from: u32) -> Option<(u32, usize)> {
        let slot = self.slots.next_used(from)?;
        self.slots.cached(slot).map(|FrameId(index)| (slot, index as usize))
    }

    /// How many pages have a slot.
    pub(super) fn in_slots(&self) -> u32 {
        self.slots.used()
    }

    /// Takes the slot from the page. In memory, the page is the only copy then.
    pub(super) fn free_slot(&mut self, slot: u32, index: usize) {
        self.slots.uncache(slot, FrameId(index as u32));
        if let Page::Resident(resident) = &mut self.pages[index] {
            (resident.slot, resident.is_dirty) = (None, true);
        }
    }
}
