//! Where each page of the address space is, the order of reclaim, and the slots.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

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
}

/// All pages of the address space.
pub(super) struct Pages<P> {
    pages: Vec<Page<P>>,
    /// Resident pages, the next victim first.
    pub(super) lru: VecDeque<usize>,
    /// Pages on their way to swap.
    pub(super) in_writeback: usize,
    /// Which slots are in use; 0 is the header.
    slots: Vec<bool>,
    next_slot: usize,
}

impl<P> Pages<P> {
    /// `size` pages, none of them touched, and `slots` slots.
    pub(super) fn new(size: u64, slots: u32) -> Self {
        let pages = (0..size).map(|_| Page::Untouched).collect();
        let mut used = alloc::vec![false; slots as usize + 1];
        used[0] = true;
        Self { pages, lru: VecDeque::new(), in_writeback: 0, slots: used, next_slot: 1 }
    }

    pub(super) fn get(&self, index: usize) -> &Page<P> {
        &self.pages[index]
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

    /// The next free slot after the one that was given last, so that pages that go together lie together.
    pub(super) fn alloc_slot(&mut self) -> Option<u32> {
        let size = self.slots.len();
        let slots = (0..size).map(|step| (self.next_slot + step) % size);
        let slot = slots.into_iter().find(|slot| !self.slots[*slot])?;
        self.slots[slot] = true;
        self.next_slot = slot + 1;
        Some(slot as u32)
    }
}
