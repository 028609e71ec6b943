//! The workload's memory: real page tables, real accesses, real faults.

use hal::{
    BusError, FaultOutcome, Iova, OutOfMemory, PAGE_BYTES, PageFault, Unmapped, UserAddr,
    UserMemory, UserPage,
};

use super::dma::DmaPages;
use crate::arch::window::{Translation, Window, table_bytes};

/// The window of the address space that the workload has. There is one.
#[derive(Debug)]
pub(crate) struct UserWindow(Window);

impl UserWindow {
    /// An empty window of `pages`.
    pub(crate) fn new(pages: u64, translation: Translation) -> Result<Self, OutOfMemory> {
        let size_bytes = table_bytes(pages);
        let tables = DmaPages::own(size_bytes / PAGE_BYTES)?.leak();
        Ok(Self(Window::new(tables..tables + size_bytes as u64, pages, translation)))
    }

    /// Loads one byte with a pattern in every register; returns how many of them a fault changed.
    pub(crate) fn probe(
        &self,
        addr: UserAddr,
        on_fault: &mut dyn FnMut(PageFault) -> FaultOutcome,
    ) -> u64 {
        self.0.probe(addr.0, &mut handler(on_fault))
    }
}

impl UserMemory for UserWindow {
    fn size_pages(&self) -> u64 {
        self.0.size_pages()
    }

    fn map(&self, page: UserPage, frame: Iova) {
        self.0.map(page.0, frame.0);
    }

    fn unmap(&self, page: UserPage) -> Option<Unmapped> {
        self.0.unmap(page.0).map(|entry| Unmapped {
            frame: Iova(entry.frame()),
            is_accessed: entry.is_accessed(),
            is_dirty: entry.is_dirty(),
        })
    }

    fn load(
        &self,
        addr: UserAddr,
        dst: &mut [u8],
        on_fault: &mut dyn FnMut(PageFault) -> FaultOutcome,
    ) -> Result<(), BusError> {
        let length = dst.len();
        let left = self.0.load(addr.0, dst, &mut handler(on_fault));
        outcome(addr, length, left)
    }

    fn store(
        &self,
        addr: UserAddr,
        src: &[u8],
        on_fault: &mut dyn FnMut(PageFault) -> FaultOutcome,
    ) -> Result<(), BusError> {
        let left = self.0.store(addr.0, src, &mut handler(on_fault));
        outcome(addr, src.len(), left)
    }
}

fn handler<'a>(
    on_fault: &'a mut dyn FnMut(PageFault) -> FaultOutcome,
) -> impl FnMut(u64, hal::Access) -> bool + 'a {
    |page, access| on_fault(PageFault { page: UserPage(page), access }) == FaultOutcome::Retry
}

fn outcome(addr: UserAddr, length: usize, left: usize) -> Result<(), BusError> {
    if left == 0 {
        return Ok(());
    }
    Err(BusError { addr: UserAddr(addr.0 + (length - left) as u64) })
}
