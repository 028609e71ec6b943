//! A block of a heap, so that the tests need no unsafe code.

// UNSAFETY: plays the owner of a block to an allocator, as the standard library does.
#![expect(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout};

use crate::BlockHeap;

/// What blocks of 4096 bytes have before them.
pub(super) const HEADER_BYTES: usize = 16;

/// The one size that is served from slabs.
pub(super) const CLASS_BYTES: usize = HEADER_BYTES + 4096;

pub(super) type TestHeap = BlockHeap<HEADER_BYTES, 4096>;

/// A block that is filled with one byte, and looked at whenever it is touched.
pub(super) struct Block<'h> {
    heap: &'h TestHeap,
    place: *mut u8,
    layout: Layout,
    fill: u8,
}

// SAFETY: the block is this value's alone, and the heap may be used by any thread.
unsafe impl Send for Block<'_> {}

impl<'h> Block<'h> {
    /// A block of a size above zero, filled.
    pub(super) fn new(heap: &'h TestHeap, size: usize, align: usize, fill: u8) -> Self {
        let layout = Layout::from_size_align(size, align).expect("a layout");
        // SAFETY: the size is not zero.
        let place = unsafe { heap.alloc(layout) };
        let mut block = Self::owned(heap, place, layout, fill);
        block.fill(fill);
        block
    }

    /// A block that the heap filled with zeros.
    pub(super) fn zeroed(heap: &'h TestHeap, size: usize, align: usize) -> Self {
        let layout = Layout::from_size_align(size, align).expect("a layout");
        // SAFETY: the size is not zero.
        let place = unsafe { heap.alloc_zeroed(layout) };
        Self::owned(heap, place, layout, 0)
    }

    fn owned(heap: &'h TestHeap, place: *mut u8, layout: Layout, fill: u8) -> Self {
        assert!(!place.is_null(), "the host has memory");
        assert_eq!(place.addr() % layout.align(), 0, "aligned");
        Self { heap, place, layout, fill }
    }

    pub(super) fn place(&self) -> usize {
        self.place.addr()
    }

    pub(super) fn size(&self) -> usize {
        self.layout.size()
    }

    /// Whether it is served from slabs.
    pub(super) fn is_ours(&self) -> bool {
        TestHeap::is_ours(self.layout)
    }

    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: as long as its layout says, initialised when it was made, and this value's alone.
        unsafe { std::slice::from_raw_parts_mut(self.place, self.layout.size()) }
    }

    fn fill(&mut self, fill: u8) {
        // SAFETY: as long as its layout says, and this value's alone.
        unsafe { self.place.write_bytes(fill, self.layout.size()) };
        self.fill = fill;
    }

    /// Another size, above zero; what was there is kept, what is new is filled with the same.
    pub(super) fn resize(&mut self, size: usize) {
        self.check();
        let kept = size.min(self.layout.size());
        // SAFETY: it has this layout, and the size is neither zero nor near an overflow.
        self.place = unsafe { self.heap.realloc(self.place, self.layout, size) };
        let layout = Layout::from_size_align(size, self.layout.align()).expect("a layout");
        self.layout = layout;
        assert_eq!(self.place.addr() % layout.align(), 0, "aligned");
        // SAFETY: the first bytes of the block, which the heap copied.
        let old = unsafe { std::slice::from_raw_parts(self.place, kept) };
        assert!(old.iter().all(|byte| *byte == self.fill), "kept");
        self.fill(self.fill);
    }

    /// That nobody else has written to it.
    pub(super) fn check(&mut self) {
        let fill = self.fill;
        let wrong = self.bytes().iter().position(|byte| *byte != fill);
        assert_eq!(wrong, None, "what {:?} holds", self.layout);
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.check();
        }
        // SAFETY: it came from this heap with this layout, and goes here.
        unsafe { self.heap.dealloc(self.place, self.layout) };
    }
}
