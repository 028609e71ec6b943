//! Writing victims: from the pool's request to the page's end, in two tasks.

use alloc::vec::Vec;

use block::BlockDevice;
use hal::trace::Layer;
use hal::{Instant, UserMemory, UserPage};
use iomap::{Context, Direction, Errno, FailureKind, IoFailure, Request};
use tasks::{Gfp, Memory};

use super::daemons::{SOFTIRQ, WORKERS};
use super::pages::{Page, Resident};
use super::reclaim::Victim;
use super::{FREE_PAGES, REQUEST, TaskMm, transfer_of};
use crate::events::{Cause, Event};
use crate::path::slot_pos;

/// Bytes of a direct I/O: `struct iomap_dio` and the bio.
const DIO_BYTES: usize = 512;
/// Bytes of one segment of a bio.
const SEGMENT_BYTES: usize = 16;

/// A write between its submission and its end.
pub(super) struct InFlight<P> {
    request: Request<P>,
    /// The pages, in the order of the slots.
    indices: Vec<usize>,
    slot: u32,
    /// Bytes that its direct I/O has taken.
    charged: usize,
    /// It was not even submitted.
    refused: Option<IoFailure>,
}

impl<U: UserMemory, D: BlockDevice> TaskMm<U, D> {
    /// Writes the victims, neighbours in swap together. Returns when all are submitted.
    pub(super) fn write(&self, mut victims: Vec<Victim<D::Page>>) {
        victims.sort_by_key(|victim| victim.slot);
        let mut victims = victims.into_iter().peekable();
        while let Some(first) = victims.next() {
            let mut run = Vec::from([first]);
            let is_next = |run: &[Victim<D::Page>], next: &Victim<D::Page>| {
                run.last().is_some_and(|last| last.slot + 1 == next.slot)
            };
            while let Some(next) = victims.next_if(|next| is_next(&run, next)) {
                run.push(next);
            }
            self.write_run(run);
        }
    }

    fn write_run(&self, run: Vec<Victim<D::Page>>) {
        let mut request = self.take_request();
        let slot = run.first().map_or(0, |victim| victim.slot);
        request.begin(Direction::Write, slot_pos(slot));
        let mut indices = Vec::with_capacity(run.len());
        for victim in run {
            indices.push(victim.index);
            request.pages.push(victim.frame);
        }
        let (charged, refused) = self.submit(&mut request, Context::SwapOut);
        let in_worker = self.split().completes_in_worker();
        let flight = InFlight { request, indices, slot, charged, refused };
        let (queue, work, server) = if in_worker {
            (&self.work, WORKERS, &self.first_worker)
        } else {
            (&self.softirq, SOFTIRQ, &self.softirqd)
        };
        // Until somebody has it in hand, the first who could has.
        for index in &flight.indices {
            self.tasks.set_holder(transfer_of(*index), server.get());
        }
        queue.borrow_mut().push_back(flight);
        self.tasks.wake_one(work);
    }

    /// A request of the pool (Linux `mempool_alloc(sio_pool)`).
    pub(super) fn take_request(&self) -> Request<D::Page> {
        loop {
            if let Some(request) = self.requests.borrow_mut().pop() {
                return request;
            }
            self.tasks.wait(REQUEST, Instant::NEVER).expect("only tasks reclaim");
        }
    }

    pub(super) fn give_request(&self, request: Request<D::Page>) {
        self.requests.borrow_mut().push(request);
        self.tasks.wake_one(REQUEST);
    }

    /// Submits a request; what it takes before: memory for a direct I/O, and for the first write the workqueue.
    /// Returns the bytes taken, and why it was not submitted if that is so.
    pub(super) fn submit(
        &self,
        request: &mut Request<D::Page>,
        context: Context,
    ) -> (usize, Option<IoFailure>) {
        let count = self.submissions.get() + 1;
        self.submissions.set(count);
        let entry = self.entry((request.pos / hal::PAGE_BYTES as u64) as u32);
        let pages = request.pages.len() as u32;
        let begin = |this: &Self| {
            this.tracer.emit(match context {
                Context::SwapIn => Event::SwapInBegin { entry, pages },
                _ => Event::SwapOutBegin { entry, pages },
            });
        };
        let every = self.config.enomem_every;
        if every > 0 && count.is_multiple_of(every) {
            begin(self);
            return (0, Some(no_memory(request.pos)));
        }
        let mut charged = 0;
        if self.path().is_direct_io() {
            let bytes = DIO_BYTES + SEGMENT_BYTES * request.pages.len();
            let is_write = request.direction == Direction::Write;
            let is_there = Memory::alloc(self, bytes, Gfp::KERNEL).is_ok();
            charged = if is_there { bytes } else { 0 };
            if !is_there || (is_write && self.ensure_workqueue().is_err()) {
                begin(self);
                return (charged, Some(no_memory(request.pos)));
            }
        }
        begin(self);
        self.split().submit(request, context);
        (charged, None)
    }

    /// The second half of a request: waits for the device, and for whatever the path needs then.
    pub(super) fn complete(
        &self,
        request: &mut Request<D::Page>,
        (charged, refused): (usize, Option<IoFailure>),
        context: Context,
    ) -> Result<(), IoFailure> {
        let result = match refused {
            Some(failure) => Err(failure),
            None => self.split().complete(request, context),
        };
        if charged > 0 {
            Memory::free(self, charged);
        }
        result
    }

    /// Ends a write: its pages are in their slots and their frames free, or they are back, dirty.
    pub(super) fn finish(&self, flight: InFlight<D::Page>) {
        let InFlight { mut request, indices, slot, charged, refused } = flight;
        self.take_in_hand(&indices, true);
        let result = self.complete(&mut request, (charged, refused), Context::SwapOut);
        let (entry, pages) = (self.entry(slot), indices.len() as u32);
        let error = result.err().map(|failure| failure.errno);
        self.tracer.emit(Event::SwapOutEnd { entry, pages, error });
        if result.is_ok() {
            self.pages.borrow_mut().note_written(slot, &request.pages);
        }
        // The knob takes an error for success, as the mail fears.
        let failure = result.err().filter(|_| !self.config.knobs.is_write_error_dropped);
        for ((slot, index), frame) in (slot..).zip(&indices).zip(request.pages.drain(..)) {
            match &failure {
                None => {
                    self.pages.borrow_mut().set(*index, Page::Swapped(slot));
                    self.give_page(frame);
                }
                Some(failure) => self.come_back(*index, slot, frame, failure),
            }
            self.pages.borrow_mut().in_writeback -= 1;
        }
        self.take_in_hand(&indices, false);
        self.give_request(request);
    }

    /// The page was not written: it is in memory again, dirty.
    fn come_back(&self, index: usize, slot: u32, frame: D::Page, failure: &IoFailure) {
        let (page, entry, cause) =
            (index as u64, self.entry(slot), Cause::new(self.path(), failure));
        self.tracer.emit(Event::WriteError { page, entry, cause });
        self.user.map(UserPage(page), hal::DmaBuf::iova(&frame));
        let resident = Resident { frame, slot: Some(slot), is_dirty: true };
        self.pages.borrow_mut().make_resident(index, resident);
    }

    /// Says who can end the waits for these pages, and for memory at all: who has the oldest write in hand frees
    /// the next page.
    fn take_in_hand(&self, indices: &[usize], is_begin: bool) {
        let Some(me) = self.tasks.current() else { return };
        let next = {
            let in_hand = &mut *self.in_hand.borrow_mut();
            if is_begin {
                in_hand.push(me);
            } else {
                in_hand.retain(|task| *task != me);
            }
            in_hand.last().copied().or(self.kswapd.get())
        };
        for resource in [FREE_PAGES, REQUEST] {
            self.tasks.set_holder(resource, next);
        }
        for index in indices {
            let resource = transfer_of(*index);
            self.tasks.set_holder(resource, is_begin.then_some(me));
            if !is_begin {
                self.tasks.wake_all(resource);
            }
        }
    }
}

const fn no_memory(pos: u64) -> IoFailure {
    let (errno, kind) = (Errno::ENOMEM, FailureKind::Refused);
    IoFailure { errno, pos, learned_by: Layer::Swap, kind, device: None }
}
