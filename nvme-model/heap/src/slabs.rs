//! All slabs of a heap: who gives the next block, and when a slab comes and goes.
//!
//! Invariants: exactly the slabs that have room and blocks are in the list. Of those without blocks one is kept, so that
//! a number of blocks that goes up and down around the edge of a slab costs no mapping.

// UNSAFETY: slabs are memory of the host, and a block says by its address whose it is.
#![expect(unsafe_code)]

use std::ptr::NonNull;

use crate::shape::Shape;
use crate::slab::Slab;

/// The slabs of a heap.
#[derive(Debug)]
pub(crate) struct Slabs {
    shape: Shape,
    /// The first slab that has room and blocks.
    with_room: Option<Slab>,
    /// A slab without blocks.
    spare: Option<Slab>,
    /// How many slabs there are.
    mapped: usize,
}

// SAFETY: slabs are memory that no thread owns, and only this value leads to them: whoever has it may use them,
// in whatever thread.
unsafe impl Send for Slabs {}

impl Slabs {
    /// No slabs.
    pub(crate) const fn new(shape: Shape) -> Self {
        Self { shape, with_room: None, spare: None, mapped: 0 }
    }

    /// How many slabs are mapped.
    #[cfg(test)]
    pub(crate) fn mapped(&self) -> usize {
        self.mapped
    }

    /// A block that nobody has, of whatever it held before; nothing if the host has no memory.
    pub(crate) fn take(&mut self) -> Option<NonNull<u8>> {
        let slab = self.with_room.or_else(|| self.grow())?;
        let block = slab.take(&self.shape);
        if slab.is_full(&self.shape) {
            self.unlink(slab);
        }
        block
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// It came from [`Slabs::take`] of this value, and its owner gives it up.
    pub(crate) unsafe fn give(&mut self, block: NonNull<u8>) {
        // SAFETY: a slab with a block in use is mapped.
        let slab = unsafe { Slab::of(block) };
        if slab.is_full(&self.shape) {
            self.link(slab);
        }
        // SAFETY: the caller's promise, and the block lies in this slab.
        unsafe { slab.give(block) };
        if slab.is_empty() {
            self.unlink(slab);
            self.retire(slab);
        }
    }

    /// Keeps a slab without blocks, or gives it back to the host.
    fn retire(&mut self, slab: Slab) {
        if self.spare.is_none() {
            self.spare = Some(slab);
            return;
        }
        self.mapped -= 1;
        // SAFETY: it is empty, and the list, which it was taken out of, had the only copy.
        unsafe { slab.unmap() };
    }

    /// One more slab with room.
    fn grow(&mut self) -> Option<Slab> {
        let slab = self.spare.take().or_else(|| self.map())?;
        self.link(slab);
        Some(slab)
    }

    /// One more slab of the host's memory. The first is not on a huge page: who never has more than two megabytes of
    /// blocks would only pay for zeros.
    fn map(&mut self) -> Option<Slab> {
        let slab = Slab::map(self.mapped > 0)?;
        self.mapped += 1;
        Some(slab)
    }

    /// Puts a slab at the beginning of the list.
    fn link(&mut self, slab: Slab) {
        slab.head().behind.set(self.with_room);
        if let Some(behind) = self.with_room.replace(slab) {
            behind.head().before.set(Some(slab));
        }
    }

    /// Takes a slab out of the list.
    fn unlink(&mut self, slab: Slab) {
        let (before, behind) = (slab.head().before.take(), slab.head().behind.take());
        match before {
            Some(before) => before.head().behind.set(behind),
            None => self.with_room = behind,
        }
        if let Some(behind) = behind {
            behind.head().before.set(before);
        }
    }
}
