//! Metadata blocks to and from the device, through a few pages that are there before they are needed.
//!
//! Writing the log must not fail for want of memory: a log that cannot be written shuts the
//! filesystem down. Hence the reserve.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::ops::Range;

use block::{Bio, BlockDevice, BlockError, Op, Ticket};
use hal::{DmaBuf, OutOfMemory};

use crate::format::{Image, blank};

/// Pages in the reserve.
const RESERVE_PAGES: usize = 16;

/// The most blocks of one metadata bio: half the reserve, so that two are in flight.
const RUN_PAGES_MAX: usize = RESERVE_PAGES / 2;

/// A metadata block could not be transferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IoError {
    /// The block.
    pub block: u64,
    /// Why.
    pub error: BlockError,
}

impl core::fmt::Display for IoError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "block {}: {}", self.block, self.error)
    }
}

impl core::error::Error for IoError {}

/// Why not all of some blocks were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unwritten {
    /// The device failed.
    Io(IoError),
    /// Nobody wants them written any more.
    Stopped,
}

/// The reserve of pages.
#[derive(Debug)]
pub(crate) struct Reserve<P>(RefCell<Vec<P>>);

impl<P: DmaBuf> Reserve<P> {
    pub(crate) fn new<D: BlockDevice<Page = P>>(device: &D) -> Result<Self, OutOfMemory> {
        let pages = (0..RESERVE_PAGES).map(|_| device.alloc_page());
        Ok(Self(RefCell::new(pages.collect::<Result<_, _>>()?)))
    }

    fn take(&self) -> Option<P> {
        self.0.borrow_mut().pop()
    }

    fn give(&self, pages: Vec<P>) {
        self.0.borrow_mut().extend(pages);
    }

    /// Reads one block.
    ///
    /// # Errors
    /// [`IoError`] from the device.
    pub(crate) fn read<D: BlockDevice<Page = P>>(
        &self,
        device: &D,
        block: u64,
    ) -> Result<Image, IoError> {
        // Nobody waits while holding pages of the reserve, so one is there.
        let pages: Vec<P> = self.take().into_iter().collect();
        let done = device.execute(Bio { op: Op::Read, block, pages });
        let mut image = blank();
        if let (Ok(()), Some(page)) = (done.result, done.bio.pages.first()) {
            page.read(0, &mut image[..]);
        }
        self.give(done.bio.pages);
        done.result.map(|()| image).map_err(|error| IoError { block, error })
    }

    /// Writes blocks, neighbours in one request, and waits for all of them.
    ///
    /// # Errors
    /// The first [`IoError`]; everything in flight has come back even then.
    pub(crate) fn write<'a, D: BlockDevice<Page = P>>(
        &self,
        device: &D,
        blocks: impl IntoIterator<Item = (u64, &'a Image)>,
        fua: bool,
    ) -> Result<(), IoError> {
        self.write_while(device, blocks, fua, &|| true).map_err(|why| match why {
            Unwritten::Io(error) => error,
            Unwritten::Stopped => unreachable!("it may always go on"),
        })
    }

    /// [`Reserve::write`] that looks before each request whether it may still be sent.
    ///
    /// # Errors
    /// The first [`IoError`], or that it had to stop; everything in flight has come back even then.
    pub(crate) fn write_while<'a, D: BlockDevice<Page = P>>(
        &self,
        device: &D,
        blocks: impl IntoIterator<Item = (u64, &'a Image)>,
        fua: bool,
        may_go_on: &dyn Fn() -> bool,
    ) -> Result<(), Unwritten> {
        let op = Op::Write { fua: fua && device.geometry().has_volatile_cache };
        let device_max = usize::try_from(device.geometry().transfer_blocks_max);
        let run_max = device_max.unwrap_or(RUN_PAGES_MAX).clamp(1, RUN_PAGES_MAX);
        let flights = VecDeque::new();
        let mut writer = Writer { reserve: self, device, may_go_on, flights, failure: None };
        let mut run: Bio<P> = Bio { op, block: 0, pages: Vec::new() };
        for (block, image) in blocks {
            let is_next = run.block.saturating_add(run.pages.len() as u64) == block;
            if !run.pages.is_empty() && (!is_next || run.pages.len() >= run_max) {
                writer.send(run);
                run = Bio { op, block, pages: Vec::new() };
            }
            if writer.failure.is_some() {
                break;
            }
            if run.pages.is_empty() {
                run.block = block;
            }
            let Some(page) = writer.page() else { break };
            page.write(0, &image[..]);
            run.pages.push(page);
        }
        if !run.pages.is_empty() {
            writer.send(run);
        }
        while writer.land() {}
        writer.failure.map_or(Ok(()), Err)
    }

    /// Makes blocks read as zeros: with requests that carry no data if the device has them, else by writing
    /// zeros (Linux `blkdev_issue_zeroout`).
    ///
    /// # Errors
    /// The first [`IoError`].
    pub(crate) fn zero<D: BlockDevice<Page = P>>(
        &self,
        device: &D,
        range: Range<u64>,
    ) -> Result<(), IoError> {
        let mut block = range.start;
        while block < range.end {
            let left = range.end.saturating_sub(block);
            let blocks = u32::try_from(left).unwrap_or(u32::MAX);
            let bio = Bio { op: Op::WriteZeroes { blocks }, block, pages: Vec::new() };
            match device.execute(bio).result {
                Ok(()) => block = block.saturating_add(blocks.into()),
                Err(BlockError::NotSupported(_)) => {
                    let zeros = blank();
                    return self.write(device, (block..range.end).map(|at| (at, &zeros)), false);
                }
                Err(error) => return Err(IoError { block, error }),
            }
        }
        Ok(())
    }

    /// Makes everything that was written durable.
    ///
    /// # Errors
    /// [`IoError`] from the device.
    pub(crate) fn flush<D: BlockDevice<Page = P>>(&self, device: &D) -> Result<(), IoError> {
        if !device.geometry().has_volatile_cache {
            return Ok(());
        }
        device.execute(Bio::flush()).result.map_err(|error| IoError { block: 0, error })
    }
}

struct Writer<'a, D: BlockDevice> {
    reserve: &'a Reserve<D::Page>,
    device: &'a D,
    may_go_on: &'a dyn Fn() -> bool,
    flights: VecDeque<(u64, Ticket)>,
    failure: Option<Unwritten>,
}

impl<D: BlockDevice> Writer<'_, D> {
    fn page(&mut self) -> Option<D::Page> {
        loop {
            if let Some(page) = self.reserve.take() {
                return Some(page);
            }
            if !self.land() {
                return None;
            }
        }
    }

    fn send(&mut self, bio: Bio<D::Page>) {
        let block = bio.block;
        if !(self.may_go_on)() {
            self.reserve.give(bio.pages);
            self.failure.get_or_insert(Unwritten::Stopped);
            return;
        }
        match self.device.submit(bio) {
            Ok(ticket) => self.flights.push_back((block, ticket)),
            Err(rejected) => {
                self.reserve.give(rejected.bio.pages);
                let error = rejected.why;
                self.failure.get_or_insert(Unwritten::Io(IoError { block, error }));
            }
        }
    }

    fn land(&mut self) -> bool {
        let Some((block, ticket)) = self.flights.pop_front() else {
            return false;
        };
        let done = self.device.wait(ticket);
        self.reserve.give(done.bio.pages);
        if let Err(error) = done.result {
            self.failure.get_or_insert(Unwritten::Io(IoError { block, error }));
        }
        true
    }
}
