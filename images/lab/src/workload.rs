//! The workload: one process that writes a pattern over its memory and reads it back.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use block::BlockDevice;
use hal::{PAGE_BYTES, Tracer, UserAddr, UserMemory};
use swap_path::Mm;

use crate::events::Event;
use crate::pattern::{PageContent, Pattern};

/// Knows, page by page, what was last stored successfully.
#[derive(Debug)]
pub(crate) struct Workload {
    seed: u64,
    generations: Vec<u64>,
    tracer: Tracer,
    buffer: Box<[u8; PAGE_BYTES]>,
}

impl Workload {
    /// A workload over `pages` pages; none has been written.
    pub(crate) fn new(pages: u64, seed: u64, tracer: Tracer) -> Self {
        let pages = usize::try_from(pages).unwrap_or(usize::MAX);
        Self { seed, generations: vec![0; pages], tracer, buffer: Box::new([0; PAGE_BYTES]) }
    }

    /// Stores `generation` into every page, in order. A page whose store is refused keeps its old
    /// generation: that is what must be read back, if anything.
    pub(crate) fn write_all<D, U>(&mut self, mm: &mut Mm<U, D>, generation: u64) -> u64
    where
        D: BlockDevice,
        U: UserMemory,
    {
        let (mut right, mut told) = (0, 0);
        for (page, current) in (0_u64..).zip(&mut self.generations) {
            Pattern { seed: self.seed, page, generation }.fill(&mut self.buffer);
            match mm.store(address_of(page), &self.buffer[..]) {
                Ok(()) => {
                    *current = generation;
                    right += 1;
                }
                Err(_) => {
                    told += 1;
                    self.tracer.emit(Event::PageTold { page, generation, is_store: true });
                }
            }
        }
        self.tracer.emit(Event::Pass { right, told, wrong: 0, is_store: true });
        right
    }

    /// Loads every page, in order, and compares it with what was last stored.
    pub(crate) fn verify_all<D, U>(&mut self, mm: &mut Mm<U, D>) -> u64
    where
        D: BlockDevice,
        U: UserMemory,
    {
        let (mut right, mut told, mut wrong) = (0, 0, 0);
        for (page, &generation) in (0_u64..).zip(&self.generations) {
            if mm.load(address_of(page), &mut self.buffer[..]).is_err() {
                told += 1;
                self.tracer.emit(Event::PageTold { page, generation, is_store: false });
                continue;
            }
            match (Pattern { seed: self.seed, page, generation }).check(&self.buffer) {
                PageContent::Expected => right += 1,
                content => {
                    wrong += 1;
                    self.tracer.emit(Event::PageWrong { page, generation, content });
                }
            }
        }
        self.tracer.emit(Event::Pass { right, told, wrong, is_store: false });
        right
    }
}

fn address_of(page: u64) -> UserAddr {
    UserAddr(page * PAGE_BYTES as u64)
}
