//! An anonymous address space that is larger than the memory it may use.
//!
//! The workload's accesses go through [`hal::UserMemory`]; what is not mapped faults, and the fault
//! handler finds a frame (reclaiming other pages if the resident limit is reached) and the data.
//!
//! ```text
//! page table (page)  --Present-->  frame, part of a folio (table)  <--cached--  slot (area)
//!                    --Swap----------------------------------------counted--->
//! ```
//!
//! A page's entry points to a frame, or to a slot that counts it. A folio that has slots is in the swap
//! cache: whoever looks a slot up finds it, and as long as it is clean it can go without I/O.
//!
//! What this module does not do: no background reclaim (a fault reclaims for itself; the watermarks of
//! [`Watermarks`] say when somebody else should), no write protection (see [`Mm::fork`]), no file pages.
//!
//! Invariants ([`Mm::check_invariants`]): every page is in one state; what is in memory is on one list;
//! frames are free or part of one folio; a slot counts the pages that are in it. They hold whenever I/O is
//! waited for, where a folio's `io` says what is under way.

mod areas;
mod config;
mod fault;
mod frames;
mod invariants;
mod late;
mod lru;
mod page;
mod readin;
mod reclaim;
mod share;
mod split;
mod stats;
mod swapoff;
mod table;
mod watermarks;
mod writeback;

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::fmt;

use block::BlockDevice;
use hal::{BusError, PAGE_BYTES, Tracer, UserAddr, UserMemory, UserPage};

pub use config::{FOLIO_ORDER_MAX, MmConfig, MmError, MmKnobs, ReclaimPolicy};
pub use page::PageView;
pub use share::ForkError;
pub use stats::MmStats;
pub use swapoff::{PoisonedPage, SwapoffError, SwapoffReport};
pub use watermarks::{Pressure, Watermarks};

use crate::events::Event;
use crate::fixed::Fixed;
use crate::path::CLUSTER_PAGES_MAX;
use crate::{Bug, SwapArea, SwapEntry};
use late::LateWrite;
use page::Pte;
use table::FrameTable;
use writeback::Victim;

/// Swap I/Os that can be under way at once. Each has a vector for the pages of a whole folio.
const IO_VECTORS: usize = 2;

/// An anonymous address space with its frames and its swap areas.
///
/// Everything that faults and reclaim need is allocated by [`Mm::new`] and [`Mm::add_area`].
/// [`Mm::swapoff`] allocates the frames for the pages that come back: it is a system call, and
/// refuses with `ENOMEM` before it has changed anything.
pub struct Mm<U: UserMemory, D: BlockDevice> {
    config: MmConfig,
    user: Rc<U>,
    device: Rc<D>,
    tracer: Tracer,
    ptes: Vec<Pte>,
    /// From here on no page was ever touched: who looks for pages need not look there.
    touched_end: usize,
    frames: FrameTable<D::Page>,
    /// In the order of their swapon.
    areas: Vec<SwapArea<D::Page>>,
    areas_ever: u32,
    default_priority: i16,
    /// Counts how often an area gave way to one of the same priority.
    turns: u64,
    /// Victims of the reclaim under way; empty between two.
    batch: Fixed<Victim>,
    /// The vectors that the pages of an I/O go down to the path in.
    io_vectors: Fixed<Vec<D::Page>>,
    /// Where a bug is planted: a write that is still to be made.
    late: Option<LateWrite>,
    stats: MmStats,
}

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// An address space over all of `user`'s pages, none of them touched. Takes all frames from
    /// `device`; events go to its tracer.
    ///
    /// # Errors
    /// [`MmError`] for a configuration out of range or too little memory.
    pub fn new(config: MmConfig, user: Rc<U>, device: Rc<D>) -> Result<Self, MmError> {
        config.check()?;
        let count = config.frames();
        let mut frames = FrameTable::with_capacity(count);
        for _ in 0..count {
            let frame = device.alloc_page().map_err(|_| MmError::OutOfMemory { frames: count })?;
            frames.add(frame);
        }
        let size = usize::try_from(user.size_pages()).unwrap_or(usize::MAX);
        let io_pages = CLUSTER_PAGES_MAX.max(1 << config.folio_order);
        let mut io_vectors = Fixed::with_capacity(IO_VECTORS);
        (0..IO_VECTORS).for_each(|_| io_vectors.push(Vec::with_capacity(io_pages)));
        let tracer = device.tracer().clone();
        Ok(Self {
            config,
            user,
            device,
            tracer,
            ptes: alloc::vec![Pte::None; size],
            touched_end: 0,
            frames,
            areas: Vec::new(),
            areas_ever: 0,
            default_priority: -1,
            turns: 0,
            batch: Fixed::with_capacity(CLUSTER_PAGES_MAX),
            io_vectors,
            late: None,
            stats: MmStats::default(),
        })
    }

    /// Loads `dst.len()` bytes from `addr`, as the workload does.
    ///
    /// # Errors
    /// [`BusError`] with the first address that could not be had; what is before it was loaded.
    pub fn load(&mut self, addr: UserAddr, dst: &mut [u8]) -> Result<(), BusError> {
        self.check_range(addr, dst.len(), hal::Access::Read)?;
        let user = Rc::clone(&self.user);
        user.load(addr, dst, &mut |fault| self.handle_fault(fault))
    }

    /// Stores `src` at `addr`, as the workload does.
    ///
    /// # Errors
    /// [`BusError`] with the first address that could not be had; what is before it was stored.
    pub fn store(&mut self, addr: UserAddr, src: &[u8]) -> Result<(), BusError> {
        self.check_range(addr, src.len(), hal::Access::Write)?;
        let user = Rc::clone(&self.user);
        user.store(addr, src, &mut |fault| self.handle_fault(fault))
    }

    /// Evicts up to `pages` pages now, written if need be. Returns how many went.
    pub fn page_out(&mut self, pages: usize) -> usize {
        self.reclaim(pages)
    }

    /// Gives a page up (Linux `MADV_DONTNEED`): it reads as zeros afterwards, even if it was lost.
    /// Does nothing to a page out of range. A folio is split first.
    pub fn discard(&mut self, page: UserPage) {
        let Some(index) = self.index_of(page) else {
            return;
        };
        self.tracer.emit(Event::Discard { page: page.0 });
        match self.ptes[index] {
            Pte::None | Pte::Poisoned => {}
            Pte::Swap(entry) => {
                if self.config.bugs.has(Bug::DoubleFree) {
                    let slots = &mut self.area_of(entry).slots;
                    (1..slots.count(entry.slot).min(2)).for_each(|_| slots.put(entry.slot));
                }
                self.leave_slot(index, entry);
            }
            Pte::Present(frame) => {
                self.split_around(frame);
                self.unmap_folio(frame);
                self.frames.folio_mut(frame).is_mapped = false;
                if let Some(entry) = self.frames.folio(frame).entry {
                    self.tracer.emit(Event::SlotFree { page: page.0, entry });
                }
                self.drop_from_cache(frame);
            }
        }
        self.ptes[index] = Pte::None;
    }

    /// Where a page is; `None` if it is out of range.
    #[must_use]
    pub fn page(&self, page: UserPage) -> Option<PageView> {
        let index = self.index_of(page)?;
        Some(match self.ptes[index] {
            Pte::None => PageView::Untouched,
            Pte::Present(frame) => {
                let folio = self.frames.folio(self.frames.head_of(frame));
                let offset = (index - folio.page) as u32;
                let slot = |first: SwapEntry| SwapEntry { slot: first.slot + offset, ..first };
                PageView::Resident { entry: folio.entry.map(slot) }
            }
            Pte::Swap(entry) => PageView::Swapped { entry },
            Pte::Poisoned => PageView::Poisoned,
        })
    }

    /// Pages in the address space.
    #[must_use]
    pub fn size_pages(&self) -> u64 {
        self.ptes.len() as u64
    }

    /// Pages in memory, mapped or only in the swap cache.
    #[must_use]
    pub fn resident_pages(&self) -> usize {
        self.frames.used()
    }

    /// The areas in use.
    #[must_use]
    pub fn areas(&self) -> &[SwapArea<D::Page>] {
        &self.areas
    }

    /// What was done so far.
    #[must_use]
    pub const fn stats(&self) -> &MmStats {
        &self.stats
    }

    /// The entries of the pages that may have been touched.
    fn touched(&self) -> &[Pte] {
        self.ptes.get(..self.touched_end).unwrap_or_default()
    }

    fn index_of(&self, page: UserPage) -> Option<usize> {
        let index = usize::try_from(page.0).ok()?;
        (index < self.ptes.len()).then_some(index)
    }

    fn check_range(
        &mut self,
        addr: UserAddr,
        length: usize,
        access: hal::Access,
    ) -> Result<(), BusError> {
        let size = self.size_pages().saturating_mul(PAGE_BYTES as u64);
        if addr.0.checked_add(length as u64).is_some_and(|end| end <= size) {
            return Ok(());
        }
        let addr = UserAddr(addr.0.max(size));
        self.bus_error(
            addr.0 / PAGE_BYTES as u64,
            access,
            crate::events::BusErrorReason::OutOfRange,
        );
        Err(BusError { addr })
    }
}

impl<U: UserMemory, D: BlockDevice> Drop for Mm<U, D> {
    /// The frames go back to the device's memory: nothing may point to them any more.
    fn drop(&mut self) {
        for (index, pte) in self.touched().iter().enumerate() {
            if matches!(pte, Pte::Present(_)) {
                self.user.unmap(UserPage(index as u64));
            }
        }
    }
}

impl<U: UserMemory, D: BlockDevice> fmt::Debug for Mm<U, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mm")
            .field("size_pages", &self.ptes.len())
            .field("resident_pages", &self.frames.used())
            .field("areas", &self.areas)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}
