//! The disk itself.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;

use hal::testing::{DmaPool, PoolDma};
use hal::{DmaBuf, OutOfMemory, Tracer};

use super::fault::Fault;
use super::media::Media;
use crate::{BLOCK_BYTES, Bio, BlockDevice, BlockError, Done, Geometry, Op, Rejected, Ticket};

/// A request as the disk saw it, for tests that check what was sent and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// What was asked.
    pub op: Op,
    /// The first block.
    pub block: u64,
    /// How many blocks.
    pub blocks: u64,
    /// How it ended.
    pub result: Result<(), BlockError>,
}

struct State {
    media: Media,
    faults: Vec<Fault>,
    requests: Vec<Request>,
    pending: BTreeMap<Ticket, Bio<PoolDma>>,
    finished: BTreeMap<Ticket, Done<PoolDma>>,
    next_ticket: u64,
    is_deferred: bool,
    is_gone: bool,
}

/// A block device in RAM.
pub struct RamDisk {
    pool: DmaPool,
    tracer: Tracer,
    transfer_blocks_max: u32,
    state: RefCell<State>,
}

impl RamDisk {
    /// A zeroed disk of `blocks` blocks whose pages come from `pool`; no volatile cache.
    #[must_use]
    pub fn new(pool: DmaPool, blocks: u64) -> Self {
        let state = State {
            media: Media::new(blocks),
            faults: Vec::new(),
            requests: Vec::new(),
            pending: BTreeMap::new(),
            finished: BTreeMap::new(),
            next_ticket: 0,
            is_deferred: false,
            is_gone: false,
        };
        Self { pool, tracer: Tracer::none(), transfer_blocks_max: 256, state: state.into() }
    }

    /// Puts a volatile cache in front of the media: writes are durable after a flush or with FUA.
    #[must_use]
    pub fn with_volatile_cache(self) -> Self {
        self.state.borrow_mut().media.has_cache = true;
        self
    }

    /// Sends the events of the layers above to `tracer`.
    #[must_use]
    pub fn with_tracer(mut self, tracer: Tracer) -> Self {
        self.tracer = tracer;
        self
    }

    /// Limits a transfer to `blocks`.
    #[must_use]
    pub fn with_transfer_blocks_max(mut self, blocks: u32) -> Self {
        self.transfer_blocks_max = blocks;
        self
    }

    /// Adds a rule. The first rule that fires decides.
    pub fn add_fault(&self, fault: Fault) {
        self.state.borrow_mut().faults.push(fault);
    }

    /// Drops every rule.
    pub fn clear_faults(&self) {
        self.state.borrow_mut().faults.clear();
    }

    /// With `true`, a request is executed only when it is waited for or by [`RamDisk::complete_all`].
    pub fn set_deferred(&self, is_deferred: bool) {
        self.state.borrow_mut().is_deferred = is_deferred;
    }

    /// Executes every pending request, oldest first.
    pub fn complete_all(&self) {
        let mut state = self.state.borrow_mut();
        while let Some((ticket, bio)) = state.pending.pop_first() {
            state.finish(ticket, bio);
        }
    }

    /// The disk is pulled out: pending requests fail with [`BlockError::Gone`], later ones are
    /// rejected.
    pub fn remove(&self) {
        self.state.borrow_mut().is_gone = true;
        self.complete_all();
    }

    /// Blocks of the completed writes that a power failure may lose, oldest first.
    #[must_use]
    pub fn unflushed(&self) -> Vec<u64> {
        self.state.borrow().media.unflushed()
    }

    /// Power fails and comes back. Of the unflushed writes, oldest first, those survive for which
    /// `keep(index, block)`; pending requests and faults are forgotten, a removed disk is back.
    pub fn crash(&self, keep: impl FnMut(usize, u64) -> bool) {
        let mut state = self.state.borrow_mut();
        state.media.crash(keep);
        state.pending.clear();
        state.finished.clear();
        state.faults.clear();
        state.is_gone = false;
    }

    /// What a read of `block` would see now.
    #[must_use]
    pub fn peek(&self, block: u64) -> Vec<u8> {
        self.state.borrow().media.read(block).to_vec()
    }

    /// Changes the durable content of `block` behind everybody's back.
    pub fn poke(&self, block: u64, data: &[u8]) {
        self.state.borrow_mut().media.write(block, data, true);
    }

    /// Takes the requests executed so far, in order of execution.
    pub fn take_requests(&self) -> Vec<Request> {
        core::mem::take(&mut self.state.borrow_mut().requests)
    }
}

impl State {
    fn finish(&mut self, ticket: Ticket, bio: Bio<PoolDma>) {
        let result = self.check_and_execute(&bio);
        let (op, block, blocks) = (bio.op, bio.block, bio.size_blocks());
        self.requests.push(Request { op, block, blocks, result });
        self.finished.insert(ticket, Done { bio, result });
    }

    fn check_and_execute(&mut self, bio: &Bio<PoolDma>) -> Result<(), BlockError> {
        if self.is_gone {
            return Err(BlockError::Gone);
        }
        if let Some(error) = self.faults.iter_mut().find_map(|fault| fault.fire(bio)) {
            return Err(error);
        }
        self.execute(bio);
        Ok(())
    }

    fn execute(&mut self, bio: &Bio<PoolDma>) {
        let blocks = bio.block..bio.block + bio.size_blocks();
        let mut data = vec![0; BLOCK_BYTES];
        match bio.op {
            Op::Read => {
                for (page, block) in bio.pages.iter().zip(blocks) {
                    page.write(0, self.media.read(block));
                }
            }
            Op::Write { fua } => {
                for (page, block) in bio.pages.iter().zip(blocks) {
                    page.read(0, &mut data);
                    self.media.write(block, &data, fua);
                }
            }
            Op::Flush => self.media.flush(),
            Op::WriteZeroes { .. } | Op::Discard { .. } => {
                blocks.for_each(|block| self.media.write(block, &data, false));
            }
        }
    }

    fn refuse(&self, bio: &Bio<PoolDma>, transfer_blocks_max: u32) -> Option<BlockError> {
        if self.is_gone {
            return Some(BlockError::Gone);
        }
        let wants_pages = matches!(bio.op, Op::Read | Op::Write { .. });
        let pages = bio.pages.len();
        let end = bio.block.checked_add(bio.size_blocks());
        let is_fine = end.is_some_and(|end| end <= self.media.size_blocks())
            && pages <= transfer_blocks_max as usize
            && (pages > 0) == wants_pages
            && bio.pages.iter().all(|page| page.size_bytes() == BLOCK_BYTES);
        (!is_fine).then_some(BlockError::Invalid)
    }
}

impl BlockDevice for RamDisk {
    type Page = PoolDma;

    fn geometry(&self) -> Geometry {
        let state = self.state.borrow();
        Geometry {
            size_blocks: state.media.size_blocks(),
            transfer_blocks_max: self.transfer_blocks_max,
            atomic_blocks: 1,
            has_volatile_cache: state.media.has_cache,
        }
    }

    fn alloc_page(&self) -> Result<PoolDma, OutOfMemory> {
        self.pool.alloc(1)
    }

    fn submit(&self, bio: Bio<PoolDma>) -> Result<Ticket, Rejected<PoolDma>> {
        let mut state = self.state.borrow_mut();
        if let Some(why) = state.refuse(&bio, self.transfer_blocks_max) {
            return Err(Rejected { bio, why });
        }
        let ticket = Ticket(state.next_ticket);
        state.next_ticket += 1;
        if state.is_deferred {
            state.pending.insert(ticket, bio);
        } else {
            state.finish(ticket, bio);
        }
        Ok(ticket)
    }

    fn try_take(&self, ticket: Ticket) -> Option<Done<PoolDma>> {
        self.state.borrow_mut().finished.remove(&ticket)
    }

    fn wait(&self, ticket: Ticket) -> Done<PoolDma> {
        let mut state = self.state.borrow_mut();
        if let Some(bio) = state.pending.remove(&ticket) {
            state.finish(ticket, bio);
        }
        let done = state.finished.remove(&ticket);
        done.unwrap_or_else(|| panic!("{ticket:?} was not submitted or was taken already"))
    }

    fn tracer(&self) -> &Tracer {
        &self.tracer
    }
}

impl fmt::Debug for RamDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RamDisk").field("geometry", &self.geometry()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
