//! A global allocator that keeps the blocks of media in memory together, on huge pages.
//!
//! A processor remembers where some thousand pages are. Media of 256 MiB are 65 536 small pages and 130
//! huge ones: on small pages a random block is waited for twice, first for its address and then for its bytes
//! (`docs/adr/0063-blocks-lie-on-huge-pages.md`).
//!
//! One size is served here: a block with what lies before its bytes. It comes from slabs of 2 MiB, placed so that the
//! bytes begin with a line of the caches. All other sizes go to the allocator of the system, untouched. Whose a
//! block is says its layout, so nothing is stored for that.
//!
//! What it does not do: it has one lock, and none of the lists for each thread that a general allocator has. It
//! never moves a block, so a slab with one block in it stays. A heap that is dropped gives nothing back: it is
//! meant to be a static. It never panics, logs, or allocates by other means; if the host has no memory, it says so
//! by a null pointer.

// UNSAFETY: `GlobalAlloc` is an unsafe trait, and the allocator of the system has no safe form.
#![expect(unsafe_code)]

mod pages;
mod shape;
mod slab;
mod slabs;
#[cfg(test)]
mod tests;

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::{self, NonNull};
use std::sync::{Mutex, MutexGuard, PoisonError};

use shape::Shape;
use slabs::Slabs;

/// The allocator, for blocks of so many bytes with so many bytes before them. Any other size is left to the
/// system.
///
/// The numbers are part of the type, so that to tell one size from all others takes no memory: every allocation of
/// every thread asks, and the lock, which changes all the time, would be in the same line.
#[derive(Debug)]
pub struct BlockHeap<const HEADER_BYTES: usize, const BLOCK_BYTES: usize> {
    slabs: Mutex<Slabs>,
}

impl<const HEADER_BYTES: usize, const BLOCK_BYTES: usize> BlockHeap<HEADER_BYTES, BLOCK_BYTES> {
    /// Numbers that make no sense are an error of the compiler.
    const SHAPE: Shape = Shape::new(HEADER_BYTES, BLOCK_BYTES);

    /// A heap without memory.
    #[must_use]
    pub const fn new() -> Self {
        Self { slabs: Mutex::new(Slabs::new(Self::SHAPE)) }
    }

    /// Whether blocks of a layout come from the slabs.
    const fn is_ours(layout: Layout) -> bool {
        layout.size() == HEADER_BYTES + BLOCK_BYTES && layout.align() <= Self::SHAPE.align
    }

    /// Nothing that is done under the lock panics, so it is never poisoned.
    fn slabs(&self) -> MutexGuard<'_, Slabs> {
        self.slabs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> *mut u8 {
        self.slabs().take().map_or(ptr::null_mut(), NonNull::as_ptr)
    }
}

impl<const HEADER_BYTES: usize, const BLOCK_BYTES: usize> Default
    for BlockHeap<HEADER_BYTES, BLOCK_BYTES>
{
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: a layout belongs either to the slabs or to the system, for as long as its block lives: `is_ours` looks
// at nothing else. The slabs give a place of that size and alignment to one owner at a time. No method panics.
unsafe impl<const HEADER_BYTES: usize, const BLOCK_BYTES: usize> GlobalAlloc
    for BlockHeap<HEADER_BYTES, BLOCK_BYTES>
{
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if Self::is_ours(layout) {
            return self.take();
        }
        // SAFETY: the caller's promise: the size is not zero.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !Self::is_ours(layout) {
            // SAFETY: the caller's promise: the size is not zero.
            return unsafe { System.alloc_zeroed(layout) };
        }
        let block = self.take();
        if !block.is_null() {
            // SAFETY: a block of that size that nobody else has.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !Self::is_ours(layout) {
            // SAFETY: the caller's promise is that the block was allocated here with this layout; so it is the system's.
            unsafe { System.dealloc(block, layout) }
        } else if let Some(block) = NonNull::new(block) {
            // SAFETY: by the same promise it came from these slabs, and its owner gives it up.
            unsafe { self.slabs().give(block) }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise: the new size is not zero and, rounded up to the alignment, no overflow.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        if !Self::is_ours(layout) && !Self::is_ours(new_layout) {
            // SAFETY: the caller's promises; the block is the system's and will be.
            return unsafe { System.realloc(block, layout, new_size) };
        }
        // SAFETY: the caller's promise: the new size is not zero.
        let new_block = unsafe { self.alloc(new_layout) };
        if !new_block.is_null() {
            // SAFETY: each is as long as its layout says, which is at least this much, and the new one is
            // nobody else's, so they do not overlap.
            unsafe { new_block.copy_from_nonoverlapping(block, new_size.min(layout.size())) };
            // SAFETY: the caller's promise is that the block has this layout, and it is given up here.
            unsafe { self.dealloc(block, layout) };
        }
        new_block
    }
}
