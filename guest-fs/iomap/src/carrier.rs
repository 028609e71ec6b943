//! Moves the pages of one transfer to the device and back, in order, whatever happens.
//!
//! Invariant: `pages` holds first the pages that did not leave yet, then those that are back, in file
//! order; in between are the pages in flight. Rotating once at the end puts everything in place, so
//! nothing here allocates (the pool may, if it is one that may).

use alloc::vec::Vec;

use block::{BLOCK_BYTES, Bio, BlockDevice, Op};
use hal::DmaBuf;

use crate::pool::{BioPool, Flight};
use crate::{Direction, FailureKind, IoFailure};

const ZEROS: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];

/// One transfer under way.
pub(crate) struct Carrier<'a, D: BlockDevice> {
    device: &'a D,
    op: Op,
    pages: &'a mut Vec<D::Page>,
    pool: &'a mut BioPool<D::Page>,
    /// Pages at the front of `pages` that did not leave yet.
    left: usize,
    failure: Option<IoFailure>,
}

impl<'a, D: BlockDevice> Carrier<'a, D> {
    pub(crate) fn new(
        device: &'a D,
        direction: Direction,
        pages: &'a mut Vec<D::Page>,
        pool: &'a mut BioPool<D::Page>,
    ) -> Self {
        let op = match direction {
            Direction::Read => Op::Read,
            Direction::Write => Op::Write { fua: false },
        };
        let left = pages.len();
        Self { device, op, pages, pool, left, failure: None }
    }

    /// Leaves what is in flight to somebody else: the pages that did not leave, and what failed so far.
    pub(crate) const fn pause(self) -> (usize, Option<IoFailure>) {
        (self.left, self.failure)
    }

    /// Goes on with what [`Carrier::pause`] left.
    pub(crate) fn resume(
        device: &'a D,
        direction: Direction,
        pages: &'a mut Vec<D::Page>,
        pool: &'a mut BioPool<D::Page>,
        (left, failure): (usize, Option<IoFailure>),
    ) -> Self {
        Self { left, failure, ..Self::new(device, direction, pages, pool) }
    }

    /// The most pages that the next bio may have.
    pub(crate) fn bio_pages_max(&self) -> usize {
        let device = self.device.geometry().transfer_blocks_max;
        usize::try_from(device).unwrap_or(usize::MAX).clamp(1, self.pool.bio_pages_max())
    }

    /// Which way the pages go.
    pub(crate) const fn direction(&self) -> Direction {
        match self.op {
            Op::Write { .. } => Direction::Write,
            _ => Direction::Read,
        }
    }

    /// Pages that did not leave yet.
    pub(crate) const fn left(&self) -> usize {
        self.left
    }

    /// Sends the next `count` pages to (or for) `block`. False: the device did not take them.
    pub(crate) fn send(&mut self, pos: u64, block: u64, count: usize) -> bool {
        let pages = self.depart(count);
        let (flight, is_sent) = match self.device.submit(Bio { op: self.op, block, pages }) {
            Ok(ticket) => (Flight::Sent { pos, ticket }, true),
            Err(rejected) => {
                let pages = rejected.bio.pages;
                (Flight::Back { pos, pages, result: Err(rejected.why) }, false)
            }
        };
        self.pool.flights.push_back(flight);
        is_sent
    }

    /// The next `count` pages read as zeros; no device is asked.
    pub(crate) fn zero(&mut self, pos: u64, count: usize) {
        let pages = self.depart(count);
        for page in &pages {
            page.write(0, &ZEROS);
        }
        self.pool.flights.push_back(Flight::Back { pos, pages, result: Ok(()) });
    }

    /// Waits for everything in flight and puts every page in its place.
    ///
    /// # Errors
    /// The first failure in file order.
    pub(crate) fn finish(mut self) -> Result<(), IoFailure> {
        while self.land_oldest() {}
        self.pages.rotate_left(self.left);
        self.failure.map_or(Ok(()), Err)
    }

    fn depart(&mut self, count: usize) -> Vec<D::Page> {
        let mut vector = loop {
            if let Some(vector) = self.pool.take(count) {
                break vector;
            }
            // Every bio of the pool is in flight, so there is one to wait for.
            if !self.land_oldest() {
                break Vec::new();
            }
        };
        let count = count.min(self.left);
        vector.extend(self.pages.drain(..count));
        self.left -= count;
        vector
    }

    /// False if nothing is in flight.
    fn land_oldest(&mut self) -> bool {
        let (pos, mut pages, result, kind) = match self.pool.flights.pop_front() {
            None => return false,
            Some(Flight::Back { pos, pages, result }) => {
                (pos, pages, result, FailureKind::Submission)
            }
            Some(Flight::Sent { pos, ticket }) => {
                let done = self.device.wait(ticket);
                (pos, done.bio.pages, done.result, FailureKind::Completion)
            }
        };
        self.pages.append(&mut pages);
        self.pool.give(pages);
        if let (Err(error), None) = (result, self.failure) {
            self.failure = Some(IoFailure::device(error, pos, kind));
        }
        true
    }
}
