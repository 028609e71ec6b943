//! DMA memory out of one flat pool, which a device model can reach by address.

use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;
use core::ops::Range;

use crate::{DmaBuf, Iova, OutOfMemory, PAGE_BYTES};

/// Where the pool begins. Not zero, so that a forgotten address does not happen to work.
const POOL_BASE: u64 = 0x10_0000;

/// What a freed page is filled with: reading it shows, and no valid structure looks like it.
const POISON: u8 = 0xa5;

/// The device asked for memory that nobody allocated: a use after free or a wild address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inaccessible {
    /// The first address of the refused access.
    pub iova: Iova,
}

/// What a device may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Pages that somebody has. A freed one is poisoned.
    Allocated,
    /// All of it, as a device without an IOMMU. A freed page keeps what is in it.
    Everything,
}

struct State {
    bytes: Vec<u8>,
    is_used: Vec<bool>,
    reach: Reach,
    /// How many of them are not.
    free: usize,
    /// No page below this one is free.
    search_from: usize,
    /// What somebody has written to since it was zeroed. Most pages of a reserve never are.
    is_dirty: Vec<bool>,
    /// Pages from here on are not dirty.
    clean_from: usize,
}

impl State {
    /// Where `[iova, iova + length)` is, if a device may reach every page of it: the range is in `bytes`.
    #[inline]
    fn range(&self, iova: Iova, length: usize) -> Option<Range<usize>> {
        let start = usize::try_from(iova.0.checked_sub(POOL_BASE)?).ok()?;
        let end = start.checked_add(length).filter(|&end| end <= self.bytes.len())?;
        let is_reached = match self.reach {
            Reach::Allocated => {
                // Most accesses are to one page.
                let is_used = |page: usize| self.is_used.get(page) != Some(&false);
                let (first, last) = (start / PAGE_BYTES, end.saturating_sub(1) / PAGE_BYTES);
                is_used(first) && (last <= first || (first + 1..=last).all(is_used))
            }
            Reach::Everything => true,
        };
        is_reached.then_some(start..end)
    }

    /// Zeroes those of the pages that somebody has written to.
    fn clear(&mut self, pages: Range<usize>) {
        for page in pages.start..pages.end.min(self.clean_from) {
            if core::mem::take(&mut self.is_dirty[page]) {
                self.bytes[page * PAGE_BYTES..(page + 1) * PAGE_BYTES].fill(0);
            }
        }
    }

    /// Bytes that are about to be written.
    #[inline]
    fn dirty(&mut self, range: Range<usize>) -> &mut [u8] {
        let pages = range.start / PAGE_BYTES..=range.end.saturating_sub(1) / PAGE_BYTES;
        // Mostly it is one page, and not for the first time.
        if pages.start() != pages.end() || self.is_dirty.get(*pages.start()) != Some(&true) {
            self.clean_from = self.clean_from.max(pages.end() + 1);
            self.is_dirty[pages].fill(true);
        }
        &mut self.bytes[range]
    }
}

/// A fixed number of DMA pages. Clones share the memory.
///
/// First fit, so the addresses are the same in every run.
#[derive(Clone)]
pub struct DmaPool(Rc<RefCell<State>>);

impl DmaPool {
    /// A pool of `pages` pages for tests: freed pages are poisoned, and a device's access to them is
    /// refused, so that a page given back too early does not go unnoticed.
    #[must_use]
    pub fn new(pages: usize) -> Self {
        Self::with_reach(pages, Reach::Allocated)
    }

    /// A pool of `pages` pages that is to a device what RAM is without an IOMMU: it reaches freed pages
    /// too, and finds what was left there.
    #[must_use]
    pub fn like_ram(pages: usize) -> Self {
        Self::with_reach(pages, Reach::Everything)
    }

    fn with_reach(pages: usize, reach: Reach) -> Self {
        Self(Rc::new(RefCell::new(State {
            // Zeros, not poison: memory that the host never touched costs nothing.
            bytes: vec![0; pages * PAGE_BYTES],
            is_used: vec![false; pages],
            reach,
            free: pages,
            search_from: 0,
            is_dirty: vec![false; pages],
            clean_from: 0,
        })))
    }

    /// Makes every page zero again, as after a power cycle that clears memory. Nothing may be allocated.
    ///
    /// # Panics
    /// If something is.
    pub fn clear(&self) {
        let mut state = self.0.borrow_mut();
        assert_eq!(state.free, state.is_used.len(), "cleared under somebody's feet");
        let end = state.clean_from;
        state.clear(0..end);
        state.clean_from = 0;
    }

    /// Allocates `pages` contiguous, zeroed pages.
    ///
    /// # Errors
    /// [`OutOfMemory`] when there is no such run.
    pub fn alloc(&self, pages: usize) -> Result<PoolDma, OutOfMemory> {
        assert!(pages > 0, "an allocation has at least one page");
        let mut state = self.0.borrow_mut();
        let start = state.search_from;
        let first = state.is_used[start..]
            .windows(pages)
            .position(|run| run.iter().all(|&used| !used))
            .map(|at| start + at)
            .ok_or(OutOfMemory)?;
        state.is_used[first..first + pages].fill(true);
        state.free -= pages;
        if first == start {
            state.search_from = first + pages;
        }
        state.clear(first..first + pages);
        Ok(PoolDma { pool: self.clone(), first, pages })
    }

    /// How many pages are free.
    #[must_use]
    pub fn free_pages(&self) -> usize {
        self.0.borrow().free
    }

    /// Copies memory from `iova` on into `dst`, as a device does.
    ///
    /// # Errors
    /// [`Inaccessible`] if a byte is outside of the pool, or of what a device may reach in it.
    #[inline]
    pub fn read_at(&self, iova: Iova, dst: &mut [u8]) -> Result<(), Inaccessible> {
        let state = self.0.borrow();
        let range = state.range(iova, dst.len()).ok_or(Inaccessible { iova })?;
        dst.copy_from_slice(&state.bytes[range]);
        Ok(())
    }

    /// Copies `src` to `iova` and on, as a device does.
    ///
    /// # Errors
    /// [`Inaccessible`] if a byte is outside of the pool, or of what a device may reach in it; nothing
    /// was written then.
    #[inline]
    pub fn write_at(&self, iova: Iova, src: &[u8]) -> Result<(), Inaccessible> {
        let mut state = self.0.borrow_mut();
        let range = state.range(iova, src.len()).ok_or(Inaccessible { iova })?;
        state.dirty(range).copy_from_slice(src);
        Ok(())
    }
}

impl fmt::Debug for DmaPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DmaPool").field("free_pages", &self.free_pages()).finish_non_exhaustive()
    }
}

/// Pages of a [`DmaPool`]; given back when dropped.
#[derive(Debug)]
pub struct PoolDma {
    pool: DmaPool,
    first: usize,
    pages: usize,
}

impl PoolDma {
    /// The place in the pool of so many bytes of the buffer.
    #[inline]
    fn at(&self, offset: usize, length: usize) -> Range<usize> {
        let size = self.size_bytes();
        let start = self.first * PAGE_BYTES;
        match offset.checked_add(length) {
            Some(end) if end <= size => start + offset..start + end,
            _ => outside(offset, length, size),
        }
    }
}

#[cold]
fn outside(offset: usize, length: usize, size: usize) -> ! {
    panic!("{length} bytes from {offset} on leave a DMA buffer of {size} bytes")
}

impl DmaBuf for PoolDma {
    #[inline]
    fn iova(&self) -> Iova {
        Iova(POOL_BASE + (self.first * PAGE_BYTES) as u64)
    }

    #[inline]
    fn size_bytes(&self) -> usize {
        self.pages * PAGE_BYTES
    }

    #[inline]
    fn read(&self, offset: usize, dst: &mut [u8]) {
        let range = self.at(offset, dst.len());
        dst.copy_from_slice(&self.pool.0.borrow().bytes[range]);
    }

    #[inline]
    fn write(&self, offset: usize, src: &[u8]) {
        let range = self.at(offset, src.len());
        self.pool.0.borrow_mut().dirty(range).copy_from_slice(src);
    }

    #[inline]
    fn load_acquire_u32(&self, offset: usize) -> u32 {
        let range = self.at(offset, 4);
        let word = self.pool.0.borrow().bytes[range].first_chunk().copied();
        u32::from_le_bytes(word.expect("four bytes"))
    }
}

impl Drop for PoolDma {
    fn drop(&mut self) {
        let mut state = self.pool.0.borrow_mut();
        state.is_used[self.first..self.first + self.pages].fill(false);
        state.free += self.pages;
        state.search_from = state.search_from.min(self.first);
        if state.reach == Reach::Allocated {
            let bytes = self.first * PAGE_BYTES..(self.first + self.pages) * PAGE_BYTES;
            state.dirty(bytes).fill(POISON);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_device_sees_what_the_guest_wrote_and_back() {
        let pool = DmaPool::new(4);
        let buf = pool.alloc(2).unwrap();
        buf.write(4094, &[1, 2, 3, 4]);
        let mut seen = [0; 4];
        pool.read_at(Iova(buf.iova().0 + 4094), &mut seen).unwrap();
        assert_eq!(seen, [1, 2, 3, 4]);
        pool.write_at(buf.iova(), &[9, 0, 0, 1]).unwrap();
        assert_eq!(buf.load_acquire_u32(0), 0x0100_0009);
    }

    #[test]
    fn the_device_cannot_reach_a_freed_page() {
        let pool = DmaPool::new(2);
        let iova = pool.alloc(1).unwrap().iova();
        assert_eq!(pool.write_at(iova, &[1]), Err(Inaccessible { iova }));
        assert_eq!(pool.free_pages(), 2);
    }

    #[test]
    fn without_an_iommu_the_device_reaches_a_freed_page_and_what_was_left_in_it() {
        let pool = DmaPool::like_ram(2);
        let buf = pool.alloc(1).unwrap();
        let iova = buf.iova();
        buf.write(0, &[7]);
        drop(buf);
        let mut seen = [0; 1];
        pool.read_at(iova, &mut seen).unwrap();
        assert_eq!(seen, [7]);
        pool.write_at(iova, &[8]).unwrap();
        assert_eq!(pool.alloc(2).unwrap().load_acquire_u32(0), 0, "and its next owner finds zeros");
        assert!(pool.read_at(Iova(iova.0 + 2 * PAGE_BYTES as u64), &mut seen).is_err());
    }

    #[test]
    fn a_cleared_pool_is_zero_wherever_anybody_wrote() {
        let pool = DmaPool::like_ram(3);
        let iova = pool.alloc(1).unwrap().iova();
        let beyond = Iova(iova.0 + 2 * PAGE_BYTES as u64);
        pool.write_at(iova, &[7]).unwrap();
        pool.write_at(beyond, &[7]).unwrap();
        pool.clear();
        for iova in [iova, beyond] {
            let mut seen = [1; 1];
            pool.read_at(iova, &mut seen).unwrap();
            assert_eq!(seen, [0]);
        }
    }

    #[test]
    fn an_access_may_not_run_from_one_live_page_into_a_free_one() {
        let pool = DmaPool::new(2);
        let buf = pool.alloc(1).unwrap();
        let last = Iova(buf.iova().0 + 4095);
        assert!(pool.read_at(last, &mut [0; 2]).is_err());
        pool.read_at(last, &mut [0; 1]).unwrap();
    }

    #[test]
    fn pages_are_zeroed_and_run_out() {
        let pool = DmaPool::new(1);
        drop(pool.alloc(1).unwrap());
        let buf = pool.alloc(1).unwrap();
        assert_eq!(buf.load_acquire_u32(4092), 0);
        assert_eq!(pool.alloc(1).err(), Some(OutOfMemory));
    }

    #[test]
    fn the_first_run_that_fits_is_taken_whatever_was_freed_before() {
        let pool = DmaPool::new(6);
        let page = |buf: &PoolDma| (buf.iova().0 - POOL_BASE) / PAGE_BYTES as u64;
        let [one, two, three] = [1, 1, 1].map(|pages| pool.alloc(pages).unwrap());
        drop(two);
        let pair = pool.alloc(2).unwrap();
        assert_eq!(page(&pair), 3, "a hole of one page is too small for two");
        let again = pool.alloc(1).unwrap();
        assert_eq!(page(&again), 1);
        drop(one);
        assert_eq!(page(&pool.alloc(1).unwrap()), 0);
        assert_eq!(page(&three), 2);
    }

    #[test]
    #[should_panic(expected = "leave a DMA buffer")]
    fn leaving_a_buffer_is_a_bug_of_the_caller() {
        DmaPool::new(2).alloc(1).unwrap().write(4095, &[0; 2]);
    }
}
