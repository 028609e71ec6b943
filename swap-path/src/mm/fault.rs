//! The page fault handler.

use block::BlockDevice;
use hal::{Access, FaultOutcome, PageFault, UserMemory};
use iomap::{Context, Direction};

use super::Mm;
use super::page::{PageState, Resident};
use crate::SwapEntry;
use crate::events::{BusErrorReason, Cause, Event};

impl<U: UserMemory, D: BlockDevice> Mm<U, D> {
    /// Linux `handle_pte_fault` for anonymous memory. Allocates nothing.
    pub(super) fn handle_fault(&mut self, fault: PageFault) -> FaultOutcome {
        let PageFault { page, access } = fault;
        self.stats.faults += 1;
        self.tracer.emit(Event::Fault { page: page.0, access });
        let Some(index) = self.index_of(page) else {
            return self.bus_error(page.0, access, BusErrorReason::OutOfRange);
        };
        let result = match self.pages[index] {
            PageState::Untouched => self.demand_zero(index),
            PageState::Swapped(entry) => self.swap_in(index, entry),
            PageState::ReadFailed(_) => Err(BusErrorReason::ReadFailedBefore),
            PageState::Poisoned => Err(BusErrorReason::Poisoned),
            PageState::Resident(_) | PageState::Isolated(_) | PageState::InFlight(_) => {
                unreachable!("page {} faults although it is mapped or in flight", page.0)
            }
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

    fn demand_zero(&mut self, index: usize) -> Result<(), BusErrorReason> {
        let frame = self.frame_for(index).ok_or(BusErrorReason::OutOfMemory)?;
        Self::zero(&frame);
        self.stats.demand_zero_pages += 1;
        self.tracer.emit(Event::DemandZero { page: index as u64 });
        self.make_resident(
            index,
            Resident { frame, entry: None, is_dirty: false, has_write_failed: false },
        );
        Ok(())
    }

    /// Reads `pages` slots into `io_pages`, which has that many frames.
    pub(super) fn read_slots(&mut self, entry: SwapEntry, pages: u32) -> Result<(), Cause> {
        self.tracer.emit(Event::SwapInBegin { entry, pages });
        let mut io_pages = core::mem::take(&mut self.io_pages);
        let area = self.area_of(entry);
        let path = area.path();
        let result = area.rw(Direction::Read, entry.slot, &mut io_pages, Context::SwapIn);
        self.io_pages = io_pages;
        self.tracer.emit(Event::SwapInEnd {
            entry,
            pages,
            error: result.err().map(|failure| failure.errno),
        });
        result.map_err(|failure| {
            self.stats.read_errors += 1;
            Cause::new(path, &failure)
        })
    }
}
