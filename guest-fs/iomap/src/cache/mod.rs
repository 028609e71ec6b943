//! The pages of files in memory (Linux: the page cache), a bounded number of them.
//!
//! Every page in it is whole and up to date. A page is *clean*, *dirty*, or *in flight*: then a write bio
//! owns its memory, and whoever wants the page waits for that bio. Clean pages are given up, least
//! recently used first, when there is no room; dirty ones never before they are written.
//!
//! Lists what is in flight, and the errors of writeback. What this module does not do: no I/O, no
//! mapping, no policy when to write.
//!
//! Invariant: no borrow of the state lasts across a call out of this module.

mod errseq;
mod state;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::cell::{RefCell, RefMut};
use core::ops::Range;

use block::Ticket;
use hal::DmaBuf;

pub use errseq::{ErrCursor, ErrSeq};
use state::State;

use crate::Errno;
use crate::buffered::Ioend;

/// A bio of writeback under way.
#[derive(Debug)]
pub(crate) struct Flight<I> {
    pub(crate) ioend: Ioend<I>,
    pub(crate) ticket: Ticket,
}

/// What there is of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Absent,
    Here,
    InFlight,
}

/// Pages of files, by inode and number in the file.
#[derive(Debug)]
pub struct PageCache<I, P> {
    pages_max: usize,
    state: RefCell<State<I, P>>,
}

impl<I: Copy + Ord, P: DmaBuf> PageCache<I, P> {
    /// An empty cache of at most `pages_max` pages (at least 1).
    #[must_use]
    pub fn new(pages_max: usize) -> Self {
        Self { pages_max: pages_max.max(1), state: RefCell::new(State::new()) }
    }

    fn state(&self) -> RefMut<'_, State<I, P>> {
        self.state.borrow_mut()
    }

    /// Pages in memory, in flight ones too.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.state().pages
    }

    /// Is there room for one page more, beside `held` that are on their way into the cache?
    pub(crate) fn has_room(&self, held: usize) -> bool {
        self.pages().saturating_add(held) < self.pages_max
    }

    /// Pages that wait to be written; those in flight do not count.
    #[must_use]
    pub fn dirty_pages(&self) -> usize {
        self.state().dirty_pages()
    }

    /// Has `inode` any page in `[first, end)`?
    #[must_use]
    pub fn has_pages(&self, inode: I, pages: Range<u64>) -> bool {
        self.state().next_page(inode, pages).is_some()
    }

    /// The first page of `inode` in `pages`, clean or not.
    pub(crate) fn next_page(&self, inode: I, pages: Range<u64>) -> Option<u64> {
        self.state().next_page(inode, pages)
    }

    /// The first page of `inode` in `pages` that must be written.
    #[must_use]
    pub fn next_dirty(&self, inode: I, pages: Range<u64>) -> Option<u64> {
        self.state().next_dirty(inode, pages)
    }

    /// Is the page dirty or on its way to the device?
    #[must_use]
    pub fn next_data(&self, inode: I, pages: Range<u64>) -> Option<u64> {
        self.state().next_data(inode, pages)
    }

    /// Is any page of the range on its way to the device, or taken out to be sent?
    pub(crate) fn has_in_flight(&self, inode: I, pages: Range<u64>) -> bool {
        self.state().has_in_flight(inode, pages)
    }

    /// A file with a page on its way to the device, or taken out to be sent.
    pub(crate) fn first_in_flight(&self) -> Option<I> {
        self.state().first_in_flight()
    }

    /// Files that have dirty pages, in the order of their numbers.
    #[must_use]
    pub fn dirty_files(&self) -> Vec<I> {
        self.state().dirty_files()
    }

    /// The page that has been dirty and unused for the longest time.
    pub(crate) fn oldest_dirty(&self) -> Option<(I, u64)> {
        self.state().oldest_dirty()
    }

    pub(crate) fn slot(&self, inode: I, index: u64) -> Slot {
        self.state().slot(inode, index)
    }

    /// Copies out of a page that is here.
    pub(crate) fn read(&self, inode: I, index: u64, offset: usize, to: &mut [u8]) {
        self.state().with_page(inode, index, false, |page| page.read(offset, to));
    }

    /// Copies into a page that is here, which is dirty from now on.
    pub(crate) fn write(&self, inode: I, index: u64, offset: usize, from: &[u8]) {
        self.state().with_page(inode, index, true, |page| page.write(offset, from));
    }

    /// Adds a page that was absent.
    pub(crate) fn insert(&self, inode: I, index: u64, page: P) {
        self.state().insert(inode, index, page);
    }

    /// Takes a dirty page out to be written.
    pub(crate) fn take_dirty(&self, inode: I, index: u64) -> Option<P> {
        self.state().take_dirty(inode, index)
    }

    /// A page comes back from being written, clean.
    pub(crate) fn put_back(&self, inode: I, index: u64, page: P) {
        self.state().put_back(inode, index, page);
    }

    /// Gives up the least recently used clean page. Its memory holds old content.
    pub(crate) fn evict(&self) -> Option<P> {
        self.state().evict()
    }

    /// Gives up every clean page: somebody needs the memory more. Returns how many there were.
    pub fn shrink(&self) -> usize {
        let mut pages: usize = 0;
        while self.evict().is_some() {
            pages = pages.saturating_add(1);
        }
        pages
    }

    /// Forgets pages, dirty or not. Pages in flight stay: wait for them first.
    pub fn forget(&self, inode: I, pages: Range<u64>) {
        self.state().forget(inode, pages);
    }

    /// Forgets clean pages. True if none is left in the range.
    pub fn forget_clean(&self, inode: I, pages: Range<u64>) -> bool {
        self.state().forget_clean(inode, pages)
    }

    pub(crate) fn add_flight(&self, flight: Flight<I>) {
        self.state().flights.push_back(flight);
    }

    /// Takes the oldest flight that has pages of `inode` in `bytes`.
    pub(crate) fn take_flight(&self, inode: I, bytes: &Range<u64>) -> Option<Flight<I>> {
        let mut state = self.state();
        let is_meant = |flight: &Flight<I>| {
            let ioend = &flight.ioend;
            ioend.inode == inode && ioend.pos < bytes.end && bytes.start < ioend.end()
        };
        let at = state.flights.iter().position(is_meant)?;
        state.flights.remove(at)
    }

    /// Files with writeback under way.
    pub fn flying_files(&self) -> Vec<I> {
        self.state().flying_files()
    }

    /// Notes an error of writeback.
    pub fn set_error(&self, inode: I, errno: Errno) {
        self.state().errors.entry(inode).or_default().set(errno);
    }

    /// Where somebody who opens the file now starts to be told of errors.
    #[must_use]
    pub fn sample_error(&self, inode: I) -> ErrCursor {
        self.state().errors.get(&inode).map_or_else(ErrCursor::default, ErrSeq::sample)
    }

    /// Tells the errors of writeback since `cursor`, once.
    ///
    /// # Errors
    /// The last of them.
    pub fn check_error(&self, inode: I, cursor: &mut ErrCursor) -> Result<(), Errno> {
        match self.state().errors.get_mut(&inode) {
            None => Ok(()),
            Some(errors) => errors.check_and_advance(cursor),
        }
    }

    /// The file is gone: nothing of it is remembered.
    pub fn remove_file(&self, inode: I) {
        let mut state = self.state();
        state.forget(inode, 0..u64::MAX);
        state.errors.remove(&inode);
    }
}
