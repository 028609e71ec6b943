//! A RAM disk with somebody who does something at its requests, before the disk sees them.

use alloc::rc::Rc;

use hal::testing::PoolDma;
use hal::{OutOfMemory, Tracer};

use super::RamDisk;
use crate::{Bio, BlockDevice, Done, Geometry, Op, Rejected, Ticket};

/// What is done at a request. It may look at the disk, run other tasks, or count.
pub trait Hook {
    /// Before it is submitted.
    fn at_submit(&self, op: Op);

    /// Before it is waited for.
    fn at_wait(&self) {}
}

/// The disk with the hook.
#[derive(Debug)]
pub struct Hooked<H> {
    /// The disk.
    pub disk: Rc<RamDisk>,
    /// What is done at each of its requests.
    pub hook: H,
}

impl<H: Hook> BlockDevice for Hooked<H> {
    type Page = PoolDma;

    fn geometry(&self) -> Geometry {
        self.disk.geometry()
    }

    fn alloc_page(&self) -> Result<PoolDma, OutOfMemory> {
        self.disk.alloc_page()
    }

    fn submit(&self, bio: Bio<PoolDma>) -> Result<Ticket, Rejected<PoolDma>> {
        self.hook.at_submit(bio.op);
        self.disk.submit(bio)
    }

    fn try_take(&self, ticket: Ticket) -> Option<Done<PoolDma>> {
        self.disk.try_take(ticket)
    }

    fn wait(&self, ticket: Ticket) -> Done<PoolDma> {
        self.hook.at_wait();
        self.disk.wait(ticket)
    }

    fn tracer(&self) -> &Tracer {
        self.disk.tracer()
    }
}
