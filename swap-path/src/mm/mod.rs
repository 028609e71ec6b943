//! An anonymous address space that is larger than the memory it may use.
//!
//! The workload's accesses go through [`hal::UserMemory`]; what is not mapped faults, and the fault
//! handler finds a frame (reclaiming other pages if the resident limit is reached) and the data.
//!
//! What this module does not do: no sharing between address spaces, no read-ahead beyond the cluster of
//! a fault, no zero map, no background reclaim: a fault reclaims for itself.
//!
//! Invariants ([`Mm::check_invariants`]): every page is in one state; resident pages are the queue;
//! frames are either resident or free; a slot in use belongs to exactly one page.

mod config;
mod fault;
mod frames;
mod invariants;
mod page;
mod readin;
mod reclaim;
mod swapoff;
mod writeback;

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::fmt;

use block::BlockDevice;
use hal::{BusError, PAGE_BYTES, Tracer, UserAddr, UserMemory, UserPage};

pub use config::{MmConfig, MmError, MmKnobs, MmStats, ReclaimPolicy};
pub use page::PageView;
pub use swapoff::{PoisonedPage, SwapoffError, SwapoffReport};

use crate::events::Event;
use crate::fixed::{Fixed, FixedQueue};
use crate::path::CLUSTER_PAGES_MAX;
use crate::{AreaId, SwapArea, SwapEntry};
use page::PageState;
use writeback::Victim;

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
    pages: Vec<PageState<D::Page>>,
    /// The resident pages, next victim first.
    queue: FixedQueue<usize>,
    /// Frames that hold nothing.
    frames: Fixed<D::Page>,
    /// All frames that this address space owns.
    frames_total: usize,
    /// In the order of their use.
    areas: Vec<SwapArea<D::Page>>,
    areas_ever: u32,
    /// Victims of the reclaim under way; empty between two.
    batch: Fixed<Victim>,
    /// The pages of the I/O under way; empty between two. A `Vec` because it goes down to the path;
    /// never longer than [`CLUSTER_PAGES_MAX`], which is its capacity.
    io_pages: Vec<D::Page>,
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
        let mut frames = Fixed::with_capacity(count);
        for _ in 0..count {
            let frame = device.alloc_page().map_err(|_| MmError::OutOfMemory { frames: count })?;
            frames.push(frame);
        }
        let size = usize::try_from(user.size_pages()).unwrap_or(usize::MAX);
        let tracer = device.tracer().clone();
        Ok(Self {
            config,
            user,
            device,
            tracer,
            pages: (0..size).map(|_| PageState::Untouched).collect(),
            queue: FixedQueue::with_capacity(count),
            frames,
            frames_total: count,
            areas: Vec::new(),
            areas_ever: 0,
            batch: Fixed::with_capacity(CLUSTER_PAGES_MAX),
            io_pages: Vec::with_capacity(CLUSTER_PAGES_MAX),
            stats: MmStats::default(),
        })
    }

    /// Puts an area to use, after those that are in use already.
    pub fn add_area(&mut self, mut area: SwapArea<D::Page>) -> AreaId {
        self.areas_ever += 1;
        area.id = AreaId(self.areas_ever);
        self.tracer.emit(Event::SwapOn {
            area: area.id,
            path: area.path(),
            pages: area.size_pages(),
        });
        self.areas.push(area);
        AreaId(self.areas_ever)
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
    /// Does nothing to a page out of range.
    pub fn discard(&mut self, page: UserPage) {
        let Some(index) = self.index_of(page) else {
            return;
        };
        self.tracer.emit(Event::Discard { page: page.0 });
        match core::mem::replace(&mut self.pages[index], PageState::Untouched) {
            PageState::Untouched | PageState::Poisoned => {}
            PageState::Swapped(entry) | PageState::ReadFailed(entry) => {
                self.free_slot(index, entry);
            }
            PageState::Resident(resident) => {
                self.unmap(index, &resident.frame);
                self.queue.remove(&index);
                self.put_frame(resident.frame);
                if let Some(entry) = resident.entry {
                    self.free_slot(index, entry);
                }
            }
            PageState::Isolated(_) | PageState::InFlight(_) => unreachable!("no I/O is under way"),
        }
    }

    /// Where a page is; `None` if it is out of range.
    #[must_use]
    pub fn page(&self, page: UserPage) -> Option<PageView> {
        Some(match &self.pages[self.index_of(page)?] {
            PageState::Untouched => PageView::Untouched,
            PageState::Resident(resident) | PageState::Isolated(resident) => {
                PageView::Resident { entry: resident.entry }
            }
            PageState::InFlight(entry)
            | PageState::Swapped(entry)
            | PageState::ReadFailed(entry) => PageView::Swapped { entry: *entry },
            PageState::Poisoned => PageView::Poisoned,
        })
    }

    /// Pages in the address space.
    #[must_use]
    pub fn size_pages(&self) -> u64 {
        self.pages.len() as u64
    }

    /// Pages in memory.
    #[must_use]
    pub fn resident_pages(&self) -> usize {
        self.queue.len()
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

    fn index_of(&self, page: UserPage) -> Option<usize> {
        let index = usize::try_from(page.0).ok()?;
        (index < self.pages.len()).then_some(index)
    }

    fn area_of(&mut self, entry: SwapEntry) -> &mut SwapArea<D::Page> {
        self.areas
            .iter_mut()
            .find(|area| area.id == entry.area)
            .expect("a page's slot is in an active area")
    }

    fn free_slot(&mut self, index: usize, entry: SwapEntry) {
        let page = index as u64;
        self.area_of(entry).slots.free(entry.slot, page);
        self.tracer.emit(Event::SlotFree { page, entry });
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
        for (index, page) in self.pages.iter().enumerate() {
            if matches!(page, PageState::Resident(_)) {
                self.user.unmap(UserPage(index as u64));
            }
        }
    }
}

impl<U: UserMemory, D: BlockDevice> fmt::Debug for Mm<U, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mm")
            .field("size_pages", &self.pages.len())
            .field("resident_pages", &self.queue.len())
            .field("areas", &self.areas)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}
