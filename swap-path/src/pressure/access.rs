//! The accesses of tasks and their faults (Linux `handle_pte_fault` for anonymous memory).

use block::BlockDevice;
use hal::{
    Access, BusError, DmaBuf, FaultOutcome, Instant, PAGE_BYTES, PageFault, UserAddr, UserMemory,
    UserPage,
};
use iomap::{Context, Direction};
use tasks::Gfp;

use super::pages::{Page, Place, Resident};
use super::{TaskMm, transfer_of};
use crate::Bug;
use crate::area::not_what_was_written;
use crate::events::{BusErrorReason, Cause, Event};
use crate::path::slot_pos;

const ZEROS: [u8; PAGE_BYTES] = [0; PAGE_BYTES];

impl<U: UserMemory, D: BlockDevice> TaskMm<U, D> {
    /// Loads bytes as a task does; the task may wait in it.
    ///
    /// # Errors
    /// [`BusError`] with the first address that could not be had.
    pub fn load(&self, addr: UserAddr, dst: &mut [u8]) -> Result<(), BusError> {
        self.user.load(addr, dst, &mut |fault| self.fault(fault))
    }

    /// Stores bytes as a task does; the task may wait in it.
    ///
    /// # Errors
    /// [`BusError`] with the first address that could not be had.
    pub fn store(&self, addr: UserAddr, src: &[u8]) -> Result<(), BusError> {
        self.user.store(addr, src, &mut |fault| self.fault(fault))
    }

    fn fault(&self, fault: PageFault) -> FaultOutcome {
        let PageFault { page, access } = fault;
        self.tracer.emit(Event::Fault { page: page.0, access });
        let index = usize::try_from(page.0).unwrap_or(usize::MAX);
        if index >= self.pages.borrow().size() {
            return self.bus_error(page.0, access, BusErrorReason::OutOfRange);
        }
        loop {
            let place = self.pages.borrow().place(index);
            let result = match place {
                Place::Resident => Ok(()),
                Place::Untouched => self.demand_zero(index),
                Place::Swapped(slot) => self.swap_in(index, slot),
                Place::Poisoned => Err(BusErrorReason::Poisoned),
                Place::Busy => {
                    self.wait_for_transfer(index);
                    continue;
                }
            };
            return match result {
                Ok(()) => FaultOutcome::Retry,
                Err(reason) => self.bus_error(page.0, access, reason),
            };
        }
    }

    /// Somebody has the page in hand; returns when he may be through.
    pub(super) fn wait_for_transfer(&self, index: usize) {
        let waited = self.tasks.wait(transfer_of(index), Instant::NEVER);
        waited.expect("only tasks touch pages");
    }

    fn bus_error(&self, page: u64, access: Access, reason: BusErrorReason) -> FaultOutcome {
        self.tracer.emit(Event::BusError { page, access, reason });
        FaultOutcome::BusError
    }

    /// A page for a user, or nobody's fault but the machine's.
    fn user_page(&self, index: usize) -> Result<D::Page, BusErrorReason> {
        self.get_page(Gfp::KERNEL).ok_or_else(|| {
            self.out_of_memory.set(self.out_of_memory.get() + 1);
            let resident_pages = self.pages.borrow().lru.len() as u64;
            self.tracer.emit(Event::OutOfMemory { page: index as u64, resident_pages });
            BusErrorReason::OutOfMemory
        })
    }

    fn demand_zero(&self, index: usize) -> Result<(), BusErrorReason> {
        let frame = self.user_page(index)?;
        frame.write(0, &ZEROS);
        self.tracer.emit(Event::DemandZero { page: index as u64 });
        // A page of zeros is nowhere else: it counts as dirty.
        self.arrive(index, Resident { frame, slot: None, is_dirty: true });
        Ok(())
    }

    fn arrive(&self, index: usize, resident: Resident<D::Page>) {
        if self.config.bugs.has(Bug::SwapoffRacesFault) {
            self.evict_rival(index);
        }
        self.user.map(UserPage(index as u64), resident.frame.iova());
        self.pages.borrow_mut().make_resident(index, resident);
    }

    /// Linux `do_swap_page`: synchronous, so the access learns of an error.
    fn swap_in(&self, index: usize, slot: u32) -> Result<(), BusErrorReason> {
        if self.pages.borrow().has_read_failed(slot) {
            return Err(BusErrorReason::ReadFailedBefore);
        }
        self.take_page_in_hand(index);
        let read = || {
            let frame = self.user_page(index)?;
            self.read(index, slot, frame).map_err(|_cause| BusErrorReason::SwapIn)
        };
        let result = read();
        if result.is_err() {
            self.pages.borrow_mut().set(index, Page::Swapped(slot));
        }
        self.let_go_of_page(index);
        result
    }

    /// Nobody else reads the page or drops it until [`TaskMm::let_go_of_page`].
    pub(super) fn take_page_in_hand(&self, index: usize) {
        self.pages.borrow_mut().set(index, Page::Busy);
        self.tasks.set_holder(transfer_of(index), self.tasks.current());
    }

    pub(super) fn let_go_of_page(&self, index: usize) {
        self.tasks.set_holder(transfer_of(index), None);
        self.tasks.wake_all(transfer_of(index));
    }

    /// Reads the slot into `frame`, which becomes the page. After an error the frame is free again.
    pub(super) fn read(&self, index: usize, slot: u32, frame: D::Page) -> Result<(), Cause> {
        let mut request = self.take_request();
        request.begin(Direction::Read, slot_pos(slot));
        request.pages.push(frame);
        let submitted = self.submit(&mut request, Context::SwapIn);
        let mut result = self.complete(&mut request, submitted, Context::SwapIn);
        let frame = request.pages.pop().expect("a request gives its page back");
        self.give_request(request);
        if result.is_ok() && !self.pages.borrow().is_as_written(slot, &frame) {
            result = Err(not_what_was_written(slot));
        }
        let entry = self.entry(slot);
        let error = result.err().map(|failure| failure.errno);
        self.tracer.emit(Event::SwapInEnd { entry, pages: 1, error });
        match result {
            Ok(()) => {
                self.arrive(index, Resident { frame, slot: Some(slot), is_dirty: false });
                Ok(())
            }
            Err(failure) => {
                let (page, cause) = (index as u64, Cause::new(self.path(), &failure));
                self.tracer.emit(Event::ReadError { page, entry, cause });
                if self.config.knobs.is_read_error_cached {
                    self.pages.borrow_mut().remember_failed_read(slot);
                }
                self.give_page(frame);
                Err(cause)
            }
        }
    }
}
