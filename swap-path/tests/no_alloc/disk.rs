//! A block device that takes all its memory at the start.

use std::cell::{Cell, RefCell};

use block::{Bio, BlockDevice, BlockError, DeviceStatus, Done, Geometry, Op, Rejected, Ticket};
use hal::testing::{DmaPool, PoolDma};
use hal::{DmaBuf, OutOfMemory, Tracer};

pub(crate) const BLOCKS: u64 = 512;
const BLOCK: usize = block::BLOCK_BYTES;

/// Executes a bio when it is submitted and keeps it until it is taken back.
pub(crate) struct FrugalDisk {
    pool: DmaPool,
    tracer: Tracer,
    media: RefCell<Vec<u8>>,
    finished: RefCell<Vec<(Ticket, Done<PoolDma>)>>,
    tickets: Cell<u64>,
    /// Requests of this kind (`true`: writes) that touch this block fail.
    pub(crate) bad_block: Cell<Option<(bool, u64)>>,
}

impl FrugalDisk {
    pub(crate) fn new(pool: DmaPool) -> Self {
        Self {
            pool,
            tracer: Tracer::none(),
            media: RefCell::new(vec![0; BLOCKS as usize * BLOCK]),
            finished: RefCell::new(Vec::with_capacity(64)),
            tickets: Cell::new(0),
            bad_block: Cell::new(None),
        }
    }

    fn execute_now(&self, bio: &Bio<PoolDma>) -> Result<(), BlockError> {
        let blocks = bio.block..bio.block + bio.size_blocks();
        let is_write = matches!(bio.op, Op::Write { .. });
        let is_bad = |(kind, block)| kind == is_write && blocks.contains(&block);
        if self.bad_block.get().is_some_and(is_bad) {
            return Err(BlockError::Medium(DeviceStatus(0x281)));
        }
        let mut media = self.media.borrow_mut();
        for (page, block) in bio.pages.iter().zip(blocks) {
            let bytes = &mut media[block as usize * BLOCK..][..BLOCK];
            match bio.op {
                Op::Read => page.write(0, bytes),
                Op::Write { .. } => page.read(0, bytes),
                _ => {}
            }
        }
        Ok(())
    }
}

impl BlockDevice for FrugalDisk {
    type Page = PoolDma;

    fn geometry(&self) -> Geometry {
        Geometry {
            size_blocks: BLOCKS,
            transfer_blocks_max: 3,
            atomic_blocks: 1,
            has_volatile_cache: false,
        }
    }

    fn alloc_page(&self) -> Result<PoolDma, OutOfMemory> {
        self.pool.alloc(1)
    }

    fn submit(&self, bio: Bio<PoolDma>) -> Result<Ticket, Rejected<PoolDma>> {
        let ticket = Ticket(self.tickets.replace(self.tickets.get() + 1));
        let result = self.execute_now(&bio);
        self.finished.borrow_mut().push((ticket, Done { bio, result }));
        Ok(ticket)
    }

    fn try_take(&self, ticket: Ticket) -> Option<Done<PoolDma>> {
        let mut finished = self.finished.borrow_mut();
        let index = finished.iter().position(|(other, _)| *other == ticket)?;
        Some(finished.swap_remove(index).1)
    }

    fn wait(&self, ticket: Ticket) -> Done<PoolDma> {
        self.try_take(ticket).expect("it was submitted")
    }

    fn tracer(&self) -> &Tracer {
        &self.tracer
    }
}
