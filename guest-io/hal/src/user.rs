//! The workload's memory: page tables and the accesses that fault.

use crate::Iova;

/// An address in the workload's address space (from 0; the engine decides where that really is).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserAddr(pub u64);

/// A page number in the workload's address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserPage(pub u64);

/// What the faulting access wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A load.
    Read,
    /// A store.
    Write,
}

/// A page fault, as the hardware reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageFault {
    /// The page that was not present.
    pub page: UserPage,
    /// What the access wanted.
    pub access: Access,
}

/// What the fault handler decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultOutcome {
    /// The page is mapped now: run the instruction again.
    Retry,
    /// The page cannot be had: the access fails as by SIGBUS.
    BusError,
}

/// The access was answered as by SIGBUS (`BUS_ADRERR`); nothing of the faulting page was transferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusError {
    /// The first address that could not be accessed.
    pub addr: UserAddr,
}

/// What a page-table entry held when it was cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unmapped {
    /// The frame it pointed to.
    pub frame: Iova,
    /// The accessed bit.
    pub is_accessed: bool,
    /// The dirty bit.
    pub is_dirty: bool,
}

/// The workload's address space as hardware provides it.
///
/// Under KVM this is a real page table, a real load or store and a real #PF; on the host engine it is
/// a table walked in software that sets the accessed and dirty bits as a CPU does.
pub trait UserMemory {
    /// Pages in the address space.
    fn size_pages(&self) -> u64;

    /// Maps `page`, which is not mapped, to `frame`, writable, accessed and dirty bits clear.
    ///
    /// # Panics
    /// If `page` is mapped or out of range: a bug of the caller.
    fn map(&self, page: UserPage, frame: Iova);

    /// Removes the mapping of `page` and flushes its translation, so that the bits are final.
    fn unmap(&self, page: UserPage) -> Option<Unmapped>;

    /// The same for `pages` pages from `first` on, a folio's: tells `each` of them in order. One that is not mapped
    /// is left out.
    fn unmap_run(&self, first: UserPage, pages: usize, each: impl FnMut(Unmapped)) {
        let run = (first.0..first.0 + pages as u64).map(UserPage);
        run.filter_map(|page| self.unmap(page)).for_each(each);
    }

    /// Loads `dst.len()` bytes from `addr` by ordinary instructions of the workload.
    ///
    /// Each page that is not present calls `on_fault`, which may use this address space's `map` and
    /// `unmap`; the access then goes on where it was.
    ///
    /// # Errors
    /// [`BusError`] as soon as `on_fault` says so.
    fn load(
        &self,
        addr: UserAddr,
        dst: &mut [u8],
        on_fault: &mut dyn FnMut(PageFault) -> FaultOutcome,
    ) -> Result<(), BusError>;

    /// Stores `src` at `addr`, as [`UserMemory::load`] loads.
    ///
    /// # Errors
    /// [`BusError`] as soon as `on_fault` says so.
    fn store(
        &self,
        addr: UserAddr,
        src: &[u8],
        on_fault: &mut dyn FnMut(PageFault) -> FaultOutcome,
    ) -> Result<(), BusError>;
}
