//! The page fault handler.

use alloc::vec::Vec;

use block::BlockDevice;
use hal::{Access, FaultOutcome, PageFault, UserMemory};
use iomap::{Context, Direction};

use super::Mm;
use super::page::Pte;
use super::table::Folio;
use crate::events::{BusErrorReason, Cause, Event};
use crate::{Bug, SwapEntry};

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Linux `handle_pte_fault` for anonymous memory. Allocates nothing.
    pub(super) fn handle_fault(&mut self, fault: PageFault) -> FaultOutcome {
        let PageFault { page, access } = fault;
        self.stats.faults += 1;
        self.tracer.emit(Event::Fault { page: page.0, access });
        let Some(index) = self.index_of(page) else {
            return self.bus_error(page.0, access, BusErrorReason::OutOfRange);
        };
        let result = match self.ptes[index] {
            Pte::None => self.demand_zero(index),
            Pte::Swap(entry) => self.swap_in(index, entry),
            Pte::Poisoned => Err(BusErrorReason::Poisoned),
            Pte::Present(_) => unreachable!("page {} faults although it is mapped", page.0),
        };
        match result {
            Ok(()) => FaultOutcome::Retry,
            Err(reason) => self.bus_error(page.0, access, reason),
        }
    }

    pub(super) fn bus_error(
        &mut self,
        page: u64,
        access: Access,
        reason: BusErrorReason,
    ) -> FaultOutcome {
        self.stats.bus_errors += 1;
        self.tracer.emit(Event::BusError { page, access, reason });
        FaultOutcome::BusError
    }

    /// Linux `do_anonymous_page`: a whole folio where nothing of it was touched and there is room, a
    /// page otherwise.
    fn demand_zero(&mut self, index: usize) -> Result<(), BusErrorReason> {
        let folio = match self.untouched_folio(index) {
            Some(folio) if self.room_for_folio(folio.pages()) => folio,
            _ if self.room_for(index) => Folio::mapped(0, index),
            _ => return Err(BusErrorReason::OutOfMemory),
        };
        let head = self.frames.take(folio).expect("there is room");
        if !self.config.bugs.has(Bug::FrameNotZeroed) {
            self.zero(head);
        }
        self.stats.demand_zero_pages += folio.pages() as u64;
        for page in folio.page..folio.page + folio.pages() {
            self.tracer.emit(Event::DemandZero { page: page as u64 });
        }
        self.map_folio(head);
        Ok(())
    }

    /// The folio around the page, if folios are wanted and all of its pages are untouched.
    fn untouched_folio(&self, index: usize) -> Option<Folio> {
        let order = self.config.folio_order;
        let pages = 1_usize << order;
        let start = index / pages * pages;
        let ptes = self.ptes.get(start..start + pages)?;
        let is_untouched = ptes.iter().all(|pte| *pte == Pte::None);
        (order > 0 && is_untouched).then(|| Folio::mapped(order, start))
    }

    /// Reads `pages` slots into `io_pages`, which has that many frames.
    pub(super) fn read_slots(
        &mut self,
        entry: SwapEntry,
        io_pages: &mut Vec<D::Page>,
    ) -> Result<(), Cause> {
        let pages = io_pages.len() as u32;
        self.tracer.emit(Event::SwapInBegin { entry, pages });
        let area = self.area_of(entry);
        let path = area.path();
        let result = area.rw(Direction::Read, entry.slot, io_pages, Context::SwapIn);
        self.tracer.emit(Event::SwapInEnd {
            entry,
            pages,
            error: result.err().map(|failure| failure.errno),
        });
        if self.config.bugs.has(Bug::ReadErrorIgnored) {
            return Ok(());
        }
        result.map_err(|failure| {
            self.stats.read_errors += 1;
            Cause::new(path, &failure)
        })
    }
}
