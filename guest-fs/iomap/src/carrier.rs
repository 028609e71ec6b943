//! Moves the pages of one transfer to the device and back, in order, whatever happens.
//!
//! Invariant: the load's pages are first those that did not leave yet, then those that are back, in file
//! order; in between are the pages in flight. Rotating once at the end puts everything in place, so
//! nothing here allocates (the pool may, if it is one that may).

use alloc::vec::Vec;

use block::{BLOCK_BYTES, Bio, BlockDevice, BlockError, Op};
use hal::{DmaBuf, Tracer};

use crate::pool::{BioPool, Flight};
use crate::{Direction, FailureKind, IoFailure};

pub(crate) const ZEROS: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];

/// The pages of one transfer under way.
#[derive(Debug)]
pub(crate) struct Load<P> {
    pub(crate) pages: Vec<P>,
    /// Pages at the front that did not leave yet.
    left: usize,
    failure: Option<IoFailure>,
}

impl<P> Load<P> {
    pub(crate) const fn new(pages: Vec<P>) -> Self {
        let left = pages.len();
        Self { pages, left, failure: None }
    }

    /// Everything is back: puts every page in its place.
    ///
    /// # Errors
    /// The first failure in file order.
    pub(crate) fn finish(&mut self) -> Result<(), IoFailure> {
        self.pages.rotate_left(self.left);
        self.failure.map_or(Ok(()), Err)
    }
}

/// What the device is asked for.
pub(crate) const fn op(direction: Direction) -> Op {
    match direction {
        Direction::Read => Op::Read,
        Direction::Write => Op::Write { fua: false },
    }
}

/// What moves a load.
pub(crate) struct Carrier<'a, D: BlockDevice> {
    device: &'a D,
    op: Op,
    load: &'a mut Load<D::Page>,
    pool: &'a mut BioPool<D::Page>,
}

impl<'a, D: BlockDevice> Carrier<'a, D> {
    pub(crate) const fn new(
        device: &'a D,
        direction: Direction,
        load: &'a mut Load<D::Page>,
        pool: &'a mut BioPool<D::Page>,
    ) -> Self {
        Self { device, op: op(direction), load, pool }
    }

    /// The device's trace.
    pub(crate) fn tracer(&self) -> &'a Tracer {
        self.device.tracer()
    }

    /// The most pages that the next bio may have.
    pub(crate) fn bio_pages_max(&self) -> usize {
        let device = self.device.geometry().transfer_blocks_max;
        usize::try_from(device).unwrap_or(usize::MAX).clamp(1, self.pool.bio_pages_max())
    }

    /// Pages that did not leave yet.
    pub(crate) const fn left(&self) -> usize {
        self.load.left
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
    pub(crate) fn finish(&mut self) -> Result<(), IoFailure> {
        while self.land_oldest() {}
        self.load.finish()
    }

    /// Takes what is back, oldest first, without waiting. True if nothing is in flight any more.
    pub(crate) fn poll(&mut self) -> bool {
        while let Some(flight) = self.pool.flights.pop_front() {
            match flight {
                Flight::Back { pos, pages, result } => {
                    self.land(pos, pages, result, FailureKind::Submission);
                }
                Flight::Sent { pos, ticket } => match self.device.try_take(ticket) {
                    Some(done) => {
                        self.land(pos, done.bio.pages, done.result, FailureKind::Completion);
                    }
                    None => {
                        self.pool.flights.push_front(Flight::Sent { pos, ticket });
                        return false;
                    }
                },
            }
        }
        true
    }

    fn depart(&mut self, count: usize) -> Vec<D::Page> {
        if self.pool.may_grow() && count >= self.load.pages.len() {
            // The whole load at once: its vector goes as it is.
            self.load.left = 0;
            return core::mem::take(&mut self.load.pages);
        }
        let mut vector = loop {
            if let Some(vector) = self.pool.take(count) {
                break vector;
            }
            // Every bio of the pool is in flight, so there is one to wait for.
            if !self.land_oldest() {
                break Vec::new();
            }
        };
        let count = count.min(self.load.left);
        vector.extend(self.load.pages.drain(..count));
        self.load.left -= count;
        vector
    }

    /// False if nothing is in flight.
    fn land_oldest(&mut self) -> bool {
        match self.pool.flights.pop_front() {
            None => return false,
            Some(Flight::Back { pos, pages, result }) => {
                self.land(pos, pages, result, FailureKind::Submission);
            }
            Some(Flight::Sent { pos, ticket }) => {
                let done = self.device.wait(ticket);
                self.land(pos, done.bio.pages, done.result, FailureKind::Completion);
            }
        }
        true
    }

    fn land(
        &mut self,
        pos: u64,
        mut pages: Vec<D::Page>,
        result: Result<(), BlockError>,
        kind: FailureKind,
    ) {
        if self.pool.may_grow() && self.load.pages.is_empty() {
            self.load.pages = pages;
        } else {
            self.load.pages.append(&mut pages);
            self.pool.give(pages);
        }
        if let (Err(error), None) = (result, self.load.failure) {
            self.load.failure = Some(IoFailure::device(error, pos, kind));
        }
    }
}
