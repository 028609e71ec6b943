//! Swap I/O on a file of a filesystem without a block device (Linux: NFS). How it goes to the server and comes back is
//! the file's own affair.

use alloc::vec::Vec;

use hal::DmaBuf;
use iomap::{Context, Direction, IoFailure, Request, SplitSwapFile, SwapFile};

use super::{PathKind, SplitIo, SwapIo, slot_pos};

/// Swap I/O by the file itself.
pub(crate) struct NetPath<F>(F);

impl<F> NetPath<F> {
    pub(crate) fn new(file: F) -> Self {
        Self(file)
    }
}

impl<P: DmaBuf, F: SwapFile<P>> SwapIo<P> for NetPath<F> {
    fn kind(&self) -> PathKind {
        PathKind::Net
    }

    fn rw(
        &mut self,
        direction: Direction,
        slot: u32,
        pages: &mut Vec<P>,
        context: Context,
    ) -> Result<(), IoFailure> {
        self.0.rw(direction, slot_pos(slot), pages, context)
    }

    fn split(&self) -> Option<&dyn SplitIo<P>> {
        self.0.split().map(|_| self as _)
    }

    fn deactivate(&mut self) {
        self.0.deactivate();
    }
}

impl<F> NetPath<F> {
    fn halves<P>(&self) -> &dyn SplitSwapFile<P>
    where
        F: SwapFile<P>,
    {
        self.0.split().expect("was asked by `SwapIo::split`")
    }
}

/// What Linux does for NFS, the file of this kind that it has.
impl<P: DmaBuf, F: SwapFile<P>> SplitIo<P> for NetPath<F> {
    fn submit(&self, request: &mut Request<P>, context: Context) {
        self.halves().submit(request, context);
    }

    fn complete(&self, request: &mut Request<P>, context: Context) -> Result<(), IoFailure> {
        self.halves().complete(request, context)
    }

    /// `nfs_swap_activate` sets `SWP_FS_OPS`, so `may_enter_fs` wants `__GFP_FS`: submission runs in the filesystem
    /// (`nfs_swap_rw`), whose own allocations may be what reclaim is working for.
    fn enters_filesystem(&self) -> bool {
        true
    }

    /// An answer is received in `xprtiod`, its request ended in `rpciod` and `nfsiod`. They may wait, for a new
    /// connection above all; but they are workqueues for reclaim (`WQ_MEM_RECLAIM`) that are there since the module
    /// was loaded, they start no transaction, and what memory they need on behalf of swap (`RPC_TASK_SWAPPER`) is the
    /// reserve's (`PF_MEMALLOC`) or a pool's. So no cycle closes over them.
    fn completes_in_worker(&self) -> bool {
        true
    }
}
