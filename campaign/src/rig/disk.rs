//! A block device that costs next to nothing: what is measured on it is what lies above.

use std::cell::{Cell, RefCell};

use block::{BLOCK_BYTES, Bio, BlockDevice, BlockError, DeviceStatus, Done, Geometry, Op};
use block::{Rejected, Ticket};
use hal::testing::{DmaPool, PoolDma};
use hal::{DmaBuf, OutOfMemory, Tracer};

/// Requests between two that fail, for each way to fail; primes, so that the ways mix.
const READ_FAILS_EVERY: u64 = 211;
const WRITE_FAILS_EVERY: u64 = 193;
const REFUSED_EVERY: u64 = 503;

/// Executes a bio when it is submitted. Takes all its memory at the start.
///
/// Its functions are inlined into every path: left to the compiler, it was into some and not into others, which made a
/// path of the bench a tenth cheaper than it is.
#[derive(Debug)]
pub struct RigDisk {
    pool: DmaPool,
    tracer: Tracer,
    media: RefCell<Vec<u8>>,
    finished: RefCell<Vec<(Ticket, Done<PoolDma>)>>,
    requests: Cell<u64>,
    transfer_blocks_max: u32,
    /// Data is moved. Without it a transfer costs the same whatever its size.
    pub is_copying: Cell<bool>,
    /// Every so many requests fail: reads, writes, or before they are taken.
    pub is_failing: Cell<bool>,
    /// Requests that were made to fail.
    pub failed: Cell<u64>,
}

impl RigDisk {
    pub(super) fn new(
        pool: DmaPool,
        blocks: u64,
        tracer: Tracer,
        transfer_blocks_max: u32,
    ) -> Self {
        Self {
            pool,
            tracer,
            media: RefCell::new(vec![0; blocks as usize * BLOCK_BYTES]),
            finished: RefCell::new(Vec::with_capacity(1024)),
            requests: Cell::new(0),
            transfer_blocks_max,
            is_copying: Cell::new(true),
            is_failing: Cell::new(false),
            failed: Cell::new(0),
        }
    }

    /// What this request is made to end with.
    fn fate(&self, op: Op) -> Option<BlockError> {
        let nth = self.requests.replace(self.requests.get() + 1);
        let status = DeviceStatus(0x4281);
        let fate = match op {
            _ if !self.is_failing.get() => None,
            Op::Read if nth.is_multiple_of(READ_FAILS_EVERY) => Some(BlockError::Medium(status)),
            Op::Write { .. } if nth.is_multiple_of(WRITE_FAILS_EVERY) => {
                Some(if nth.is_multiple_of(2) {
                    BlockError::Timeout
                } else {
                    BlockError::Io(status)
                })
            }
            _ => None,
        };
        self.failed.set(self.failed.get() + u64::from(fate.is_some()));
        fate
    }

    fn transfer(&self, bio: &Bio<PoolDma>) {
        let mut media = self.media.borrow_mut();
        if let Op::WriteZeroes { .. } | Op::Discard { .. } = bio.op {
            let end = (bio.block + bio.size_blocks()) as usize * BLOCK_BYTES;
            let zeroed = media.get_mut(bio.block as usize * BLOCK_BYTES..end);
            return zeroed.unwrap_or_default().fill(0);
        }
        for (page, block) in bio.pages.iter().zip(bio.block as usize..) {
            let Some(bytes) = media.get_mut(block * BLOCK_BYTES..(block + 1) * BLOCK_BYTES) else {
                return;
            };
            match bio.op {
                Op::Read => page.write(0, bytes),
                Op::Write { .. } => page.read(0, bytes),
                _ => {}
            }
        }
    }
}

impl BlockDevice for RigDisk {
    type Page = PoolDma;

    fn geometry(&self) -> Geometry {
        Geometry {
            size_blocks: (self.media.borrow().len() / BLOCK_BYTES) as u64,
            transfer_blocks_max: self.transfer_blocks_max,
            atomic_blocks: 1,
            has_volatile_cache: false,
        }
    }

    fn alloc_page(&self) -> Result<PoolDma, OutOfMemory> {
        self.pool.alloc(1)
    }

    #[inline]
    fn submit(&self, bio: Bio<PoolDma>) -> Result<Ticket, Rejected<PoolDma>> {
        let ticket = Ticket(self.requests.get());
        let fate = self.fate(bio.op);
        if self.is_failing.get() && ticket.0.is_multiple_of(REFUSED_EVERY) {
            self.failed.set(self.failed.get() + 1);
            return Err(Rejected { bio, why: BlockError::Gone });
        }
        if self.is_copying.get() && fate.is_none() {
            self.transfer(&bio);
        }
        let result = fate.map_or(Ok(()), Err);
        self.finished.borrow_mut().push((ticket, Done { bio, result }));
        Ok(ticket)
    }

    #[inline]
    fn try_take(&self, ticket: Ticket) -> Option<Done<PoolDma>> {
        let mut finished = self.finished.borrow_mut();
        let index = finished.iter().rposition(|(other, _)| *other == ticket)?;
        Some(finished.swap_remove(index).1)
    }

    #[inline]
    fn wait(&self, ticket: Ticket) -> Done<PoolDma> {
        self.try_take(ticket).expect("it was submitted and not taken")
    }

    fn tracer(&self) -> &Tracer {
        &self.tracer
    }
}
