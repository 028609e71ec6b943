//! The mail's proposal: `iomap_swap_rw` with mapping callbacks of its own.
//!
//! Only existing blocks are overwritten; the callbacks read the map and nothing else, so there is no
//! transaction, no inode lock, and no reason to stop at a shutdown. Memory comes from a pool.

use alloc::rc::Rc;
use alloc::vec::Vec;

use block::BlockDevice;
use iomap::{BioPool, Context, Direction, IoFailure, SwapHost, Transfer, swap_rw};

use super::{CLUSTER_PAGES_MAX, PathKind, SwapIo, slot_pos};

/// Bios that one swap I/O may have in flight; a transfer in more pieces waits for its oldest.
const BIOS: usize = 8;

/// Swap I/O by the filesystem's swap callbacks.
pub(crate) struct SwapPath<H: SwapHost, D: BlockDevice> {
    host: Rc<H>,
    device: Rc<D>,
    inode: H::Inode,
    pool: BioPool<D::Page>,
}

impl<H: SwapHost, D: BlockDevice> SwapPath<H, D> {
    pub(crate) fn new(host: Rc<H>, device: Rc<D>, inode: H::Inode) -> Self {
        Self { host, device, inode, pool: BioPool::new(BIOS, CLUSTER_PAGES_MAX) }
    }
}

impl<H: SwapHost, D: BlockDevice> SwapIo<D::Page> for SwapPath<H, D> {
    fn kind(&self) -> PathKind {
        PathKind::Swap
    }

    fn rw(
        &mut self,
        direction: Direction,
        slot: u32,
        pages: &mut Vec<D::Page>,
        context: Context,
    ) -> Result<(), IoFailure> {
        let mut transfer =
            Transfer { direction, pos: slot_pos(slot), pages: core::mem::take(pages) };
        let result = swap_rw(
            self.host.swap_ops(),
            &*self.device,
            self.inode,
            &mut transfer,
            context,
            &mut self.pool,
        );
        *pages = transfer.pages;
        result.map(|_bytes| ())
    }

    fn deactivate(&mut self) {
        self.host.release_swapfile(self.inode);
    }
}
