//! A slab: 2 MiB of slots of one size, and at its beginning what is known about them.
//!
//! Invariants: slots from `touched` on were never given; those before it are each in use or in the list
//! of free ones. Free ones go out last in, first out, since the caches still have them.

// UNSAFETY: a slab is memory of the host, and its slots are addresses in it.
#![expect(unsafe_code)]

use std::cell::Cell;
use std::ptr::{self, NonNull};

use crate::pages;
use crate::shape::{SLAB_BYTES, Shape};

/// What a free slot begins with: the one that was freed before it.
pub(crate) type FreeSlot = Option<NonNull<u8>>;

/// What a slab begins with.
#[derive(Debug)]
pub(crate) struct Head {
    /// The slot that was freed last.
    free: Cell<FreeSlot>,
    /// So many slots, the first ones, were given at least once.
    touched: Cell<usize>,
    /// So many slots are in use.
    used: Cell<usize>,
    /// The neighbours in the list of slabs with room.
    pub(crate) before: Cell<Option<Slab>>,
    pub(crate) behind: Cell<Option<Slab>>,
}

/// A slab that is mapped. Copies are the same slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slab(NonNull<Head>);

impl Slab {
    /// A slab without blocks, on a huge page if the host likes; nothing if it has no memory.
    pub(crate) fn map(huge: bool) -> Option<Self> {
        let head = pages::map(huge)?.cast::<Head>();
        let empty = Head {
            free: Cell::new(None),
            touched: Cell::new(0),
            used: Cell::new(0),
            before: Cell::new(None),
            behind: Cell::new(None),
        };
        // SAFETY: the beginning of memory that was mapped just now, long enough and aligned.
        unsafe { head.write(empty) };
        Some(Self(head))
    }

    /// The slab of a slot.
    ///
    /// # Safety
    /// It is a slot of a slab that is mapped.
    pub(crate) unsafe fn of(slot: NonNull<u8>) -> Self {
        // The address of a slab was exposed when it was mapped; that of a slot may be known for the slot only.
        let slab = ptr::with_exposed_provenance_mut(slot.addr().get() & !(SLAB_BYTES - 1));
        // SAFETY: slabs are aligned to their size, so this is where the slot's begins, and no mapping begins at 0.
        Self(unsafe { NonNull::new_unchecked(slab) })
    }

    pub(crate) fn head(&self) -> &Head {
        // SAFETY: written by `map`, and mapped until `unmap`, whose caller gives up all copies. Whatever changes in it is
        // in a `Cell`; the slabs are behind one lock, and its slots are elsewhere.
        unsafe { self.0.as_ref() }
    }

    /// Whether all slots are in use.
    pub(crate) fn is_full(&self, shape: &Shape) -> bool {
        self.head().used.get() == shape.slots
    }

    /// Whether none is.
    pub(crate) fn is_empty(&self) -> bool {
        self.head().used.get() == 0
    }

    /// A slot that nobody has, of whatever it held before; nothing if the slab is full.
    pub(crate) fn take(&self, shape: &Shape) -> Option<NonNull<u8>> {
        let head = self.head();
        let slot = match head.free.get() {
            Some(slot) => {
                // SAFETY: a free slot, aligned, and nobody's: `give` wrote this word.
                head.free.set(unsafe { slot.cast::<FreeSlot>().read() });
                slot
            }
            None if head.touched.get() < shape.slots => {
                let offset = shape.offset(head.touched.get());
                head.touched.set(head.touched.get() + 1);
                // SAFETY: slots that there are lie within the slab, which is one mapping.
                unsafe { self.0.cast::<u8>().add(offset) }
            }
            None => return None,
        };
        head.used.set(head.used.get() + 1);
        Some(slot)
    }

    /// Takes a slot back.
    ///
    /// # Safety
    /// It came from [`Slab::take`] of this slab, and its owner gives it up.
    pub(crate) unsafe fn give(&self, slot: NonNull<u8>) {
        let head = self.head();
        // SAFETY: nobody's from now on, long enough for a word and aligned for it (`Shape::new`).
        unsafe { slot.cast::<FreeSlot>().write(head.free.get()) };
        head.free.set(Some(slot));
        head.used.set(head.used.get() - 1);
    }

    /// Gives the slab back to the host.
    ///
    /// # Safety
    /// No slot is in use, and no copy of this slab is used any more.
    pub(crate) unsafe fn unmap(self) {
        // SAFETY: the caller's promise; a slab is exactly one mapping of `pages::map`.
        unsafe { pages::unmap(self.0.as_ptr().cast(), SLAB_BYTES) }
    }
}
