//! An image as a block device.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use block::{
    BLOCK_BYTES, Bio, BlockDevice, BlockError, DeviceStatus, Done, Geometry, Op, Rejected, Ticket,
};
use hal::testing::{DmaPool, PoolDma};
use hal::{DmaBuf, OutOfMemory, Tracer};
use nvme_model::{Media, MediaError};

/// Pages for requests under way: the filesystem's reserve, and a few for whoever reads or writes files.
const POOL_PAGES: usize = 128;

/// The most blocks of a request.
const TRANSFER_BLOCKS_MAX: u32 = 8;

/// An image as a device without a controller: requests are done when they are submitted. Blocks of the
/// media are blocks of the device.
#[derive(Debug)]
pub struct ImageDevice<M: Media> {
    media: RefCell<M>,
    is_writable: bool,
    pool: DmaPool,
    tickets: Cell<u64>,
    done: RefCell<BTreeMap<Ticket, Done<PoolDma>>>,
    tracer: Tracer,
}

impl<M: Media> ImageDevice<M> {
    /// A device that refuses every write, whatever its user thinks.
    pub fn read_only(media: M) -> Self {
        Self::new(media, false)
    }

    /// A device that can be written to.
    pub fn writable(media: M) -> Self {
        Self::new(media, true)
    }

    fn new(media: M, is_writable: bool) -> Self {
        Self {
            media: media.into(),
            is_writable,
            pool: DmaPool::new(POOL_PAGES),
            tickets: Cell::new(0),
            done: RefCell::default(),
            tracer: Tracer::none(),
        }
    }

    /// The image.
    pub fn into_media(self) -> M {
        self.media.into_inner()
    }

    fn execute(&self, bio: &Bio<PoolDma>) -> Result<(), BlockError> {
        // The host has said more; the caller of a device learns what a drive would say.
        self.try_execute(bio).map_err(|error| {
            log::error!("{error}");
            BlockError::Medium(DeviceStatus(0))
        })
    }

    fn try_execute(&self, bio: &Bio<PoolDma>) -> Result<(), MediaError> {
        let mut media = self.media.borrow_mut();
        let mut bytes = [0; BLOCK_BYTES];
        let pages = (bio.block..).zip(&bio.pages);
        match bio.op {
            Op::Read => {
                for (block, page) in pages {
                    media.read(block, &mut bytes)?;
                    page.write(0, &bytes);
                }
            }
            Op::Write { fua } => {
                for (block, page) in pages {
                    page.read(0, &mut bytes);
                    media.write(block, &bytes)?;
                }
                if fua {
                    media.flush()?;
                }
            }
            Op::Flush => media.flush()?,
            Op::WriteZeroes { blocks } | Op::Discard { blocks } => {
                media.discard(bio.block, blocks.into())?;
            }
        }
        Ok(())
    }
}

impl<M: Media> BlockDevice for ImageDevice<M> {
    type Page = PoolDma;

    fn geometry(&self) -> Geometry {
        Geometry {
            size_blocks: self.media.borrow().size_blocks(),
            transfer_blocks_max: TRANSFER_BLOCKS_MAX,
            atomic_blocks: 1,
            has_volatile_cache: self.is_writable,
        }
    }

    fn alloc_page(&self) -> Result<PoolDma, OutOfMemory> {
        self.pool.alloc(1)
    }

    fn submit(&self, bio: Bio<PoolDma>) -> Result<Ticket, Rejected<PoolDma>> {
        let refuse = |bio, why| Err(Rejected { bio, why });
        if bio.op != Op::Read && !self.is_writable {
            return refuse(bio, BlockError::NotSupported(DeviceStatus(0)));
        }
        let end = bio.block.checked_add(bio.size_blocks());
        if end.is_none_or(|end| end > self.media.borrow().size_blocks()) {
            return refuse(bio, BlockError::Invalid);
        }
        let ticket = Ticket(self.tickets.replace(self.tickets.get() + 1));
        let result = self.execute(&bio);
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
