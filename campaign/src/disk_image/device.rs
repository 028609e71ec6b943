//! An image as a block device that refuses every write.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use block::{
    BLOCK_BYTES, Bio, BlockDevice, BlockError, DeviceStatus, Done, Geometry, Op, Rejected, Ticket,
};
use hal::testing::{DmaPool, PoolDma};
use hal::{DmaBuf, OutOfMemory, Tracer};
use nvme_model::Media;

/// Pages for reads under way; a check holds a few.
const POOL_PAGES: usize = 64;

/// An image that is only looked at.
#[derive(Debug)]
pub(super) struct ReadOnlyImage<'a> {
    media: &'a dyn Media,
    pool: DmaPool,
    tickets: Cell<u64>,
    done: RefCell<BTreeMap<Ticket, Done<PoolDma>>>,
    tracer: Tracer,
}

impl<'a> ReadOnlyImage<'a> {
    pub(super) fn new(media: &'a dyn Media) -> Self {
        Self {
            media,
            pool: DmaPool::new(POOL_PAGES),
            tickets: Cell::new(0),
            done: RefCell::default(),
            tracer: Tracer::none(),
        }
    }

    fn read(&self, bio: &Bio<PoolDma>) -> Result<(), BlockError> {
        let mut bytes = [0; BLOCK_BYTES];
        for (block, page) in (bio.block..).zip(&bio.pages) {
            if block >= self.media.size_blocks() {
                return Err(BlockError::Invalid);
            }
            let read = self.media.read(block, &mut bytes);
            read.map_err(|_| BlockError::Medium(DeviceStatus(0)))?;
            page.write(0, &bytes);
        }
        Ok(())
    }
}

impl BlockDevice for ReadOnlyImage<'_> {
    type Page = PoolDma;

    fn geometry(&self) -> Geometry {
        Geometry {
            size_blocks: self.media.size_blocks(),
            transfer_blocks_max: 1,
            atomic_blocks: 1,
            has_volatile_cache: false,
        }
    }

    fn alloc_page(&self) -> Result<PoolDma, OutOfMemory> {
        self.pool.alloc(1)
    }

    fn submit(&self, bio: Bio<PoolDma>) -> Result<Ticket, Rejected<PoolDma>> {
        if bio.op != Op::Read {
            return Err(Rejected { bio, why: BlockError::NotSupported(DeviceStatus(0)) });
        }
        let ticket = Ticket(self.tickets.replace(self.tickets.get() + 1));
        let result = self.read(&bio);
        self.done.borrow_mut().insert(ticket, Done { bio, result });
        Ok(ticket)
    }

    fn try_take(&self, ticket: Ticket) -> Option<Done<PoolDma>> {
        self.done.borrow_mut().remove(&ticket)
    }

    fn wait(&self, ticket: Ticket) -> Done<PoolDma> {
        self.try_take(ticket).expect("a ticket is waited for once")
    }

    fn tracer(&self) -> &Tracer {
        &self.tracer
    }
}
