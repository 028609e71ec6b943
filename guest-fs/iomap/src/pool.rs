//! Memory for bios that is there before it is needed (Linux: a `bio_set` with a mempool).

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use block::{BlockError, Ticket};

/// One bio on its way, or its pages waiting for their turn to be put back.
#[derive(Debug)]
pub(crate) enum Flight<P> {
    /// The device has it.
    Sent { pos: u64, ticket: Ticket },
    /// Never left, or needed no device.
    Back { pos: u64, pages: Vec<P>, result: Result<(), BlockError> },
}

/// Page vectors and the list of bios in flight, allocated once.
///
/// A transfer that needs more bios than the pool has waits for its own oldest one: it always makes
/// progress, and it never asks the heap.
#[derive(Debug)]
pub struct BioPool<P> {
    free: Vec<Vec<P>>,
    pub(crate) flights: VecDeque<Flight<P>>,
    bio_pages_max: usize,
    may_grow: bool,
}

impl<P> BioPool<P> {
    /// A pool of `bios` bios (at least 1) of up to `bio_pages_max` pages each (at least 1).
    #[must_use]
    pub fn new(bios: usize, bio_pages_max: usize) -> Self {
        let bios = bios.max(1);
        let bio_pages_max = bio_pages_max.max(1);
        let free = (0..bios).map(|_| Vec::with_capacity(bio_pages_max)).collect();
        Self { free, flights: VecDeque::with_capacity(bios), bio_pages_max, may_grow: false }
    }

    /// A pool that asks the heap for every bio: what `iomap_dio_rw` does.
    pub(crate) fn from_heap(bio_pages_max: usize) -> Self {
        Self { free: Vec::new(), flights: VecDeque::new(), bio_pages_max, may_grow: true }
    }

    /// The most pages of one bio.
    #[must_use]
    pub const fn bio_pages_max(&self) -> usize {
        self.bio_pages_max
    }

    /// Does it ask the heap for every bio?
    pub(crate) const fn may_grow(&self) -> bool {
        self.may_grow
    }

    /// An empty page vector, if one is left.
    pub(crate) fn take(&mut self, pages: usize) -> Option<Vec<P>> {
        match self.free.pop() {
            None if self.may_grow => Some(Vec::with_capacity(pages)),
            vector => vector,
        }
    }

    /// Gives a page vector back, empty.
    pub(crate) fn give(&mut self, vector: Vec<P>) {
        debug_assert!(vector.is_empty(), "the pages belong to the transfer");
        if !self.may_grow {
            self.free.push(vector);
        }
    }
}
