//! The mail's proposal: `iomap_swap_rw` with mapping callbacks of its own.
//!
//! Only existing blocks are overwritten; the callbacks read the map and nothing else, so there is no
//! transaction, no inode lock, and no reason to stop at a shutdown. Memory comes from a pool.

use alloc::rc::Rc;
use alloc::vec::Vec;

use block::BlockDevice;
use hal::trace::Layer;
use iomap::{
    BioPool, Context, DioEnd, DioOps, Direction, Errno, FailureKind, IoFailure, Request, SwapFile,
    SwapHost, Transfer, swap_complete, swap_rw, swap_submit,
};

use super::{IO_PAGES_MAX, PathKind, SplitIo, SwapIo, SwapKnobs, slot_pos};
use crate::{Bug, Bugs};

/// Bios that one swap I/O may have in flight; a transfer in more pieces waits for its oldest.
const BIOS: usize = 8;

/// Swap I/O by the filesystem's swap callbacks.
pub(crate) struct SwapPath<H: SwapHost, D: BlockDevice> {
    host: Rc<H>,
    device: Rc<D>,
    inode: H::Inode,
    pool: BioPool<D::Page>,
    knobs: SwapKnobs,
    bugs: Bugs,
    /// No knob is turned and no bug planted.
    is_as_designed: bool,
}

impl<H: SwapHost, D: BlockDevice> SwapPath<H, D> {
    pub(crate) fn new(
        host: Rc<H>,
        device: Rc<D>,
        inode: H::Inode,
        knobs: SwapKnobs,
        bugs: Bugs,
    ) -> Self {
        let is_as_designed = knobs == SwapKnobs::default() && bugs.is_empty();
        let pool = BioPool::new(BIOS, IO_PAGES_MAX);
        Self { host, device, inode, pool, knobs, bugs, is_as_designed }
    }

    /// The design: the mapping callbacks of swap, and nothing around them.
    fn overwrite(
        &mut self,
        transfer: &mut Transfer<D::Page>,
        context: Context,
    ) -> Result<(), IoFailure> {
        if self.bugs.has(Bug::PoolFromHeap) {
            self.pool = BioPool::new(BIOS, IO_PAGES_MAX);
        }
        let (device, inode, pool) = (&*self.device, self.inode, &mut self.pool);
        let result = if self.knobs.is_mapped_by_dio {
            swap_rw(self.host.dio_ops(), device, inode, transfer, context, pool)
        } else {
            swap_rw(self.host.swap_ops(), device, inode, transfer, context, pool)
        };
        result.map(|_bytes| ())
    }

    /// What the knobs put around the design.
    fn with_ablations(
        &mut self,
        transfer: &mut Transfer<D::Page>,
        context: Context,
    ) -> Result<(), IoFailure> {
        let pos = transfer.pos;
        let failed = |errno, kind| failed(pos, errno, kind);
        if self.knobs.is_locked {
            let locked = self.host.lock_io(self.inode, context);
            locked.map_err(|errno| failed(errno, FailureKind::Refused))?;
        }
        let mut result = self.overwrite(transfer, context);
        if self.knobs.has_end_io && transfer.direction == Direction::Write && result.is_ok() {
            let bytes = transfer.pages.len() as u64 * hal::PAGE_BYTES as u64;
            let end = DioEnd::UNWRITTEN;
            let ended = self.host.dio_ops().end_io(self.inode, pos, bytes, end, context);
            result = ended.map_err(|errno| failed(errno, FailureKind::EndIo));
        }
        if self.knobs.is_locked {
            self.host.unlock_io(self.inode, context);
        }
        result
    }
}

impl<H: SwapHost, D: BlockDevice> SwapFile<D::Page> for SwapPath<H, D> {
    fn rw(
        &mut self,
        direction: Direction,
        pos: u64,
        pages: &mut Vec<D::Page>,
        context: Context,
    ) -> Result<(), IoFailure> {
        let mut transfer = Transfer { direction, pos, pages: core::mem::take(pages) };
        let result = if self.is_as_designed {
            let (ops, device, pool) = (self.host.swap_ops(), &*self.device, &mut self.pool);
            swap_rw(ops, device, self.inode, &mut transfer, context, pool).map(|_bytes| ())
        } else {
            self.with_ablations(&mut transfer, context)
        };
        *pages = transfer.pages;
        result
    }

    fn deactivate(&mut self) {
        self.host.release_swapfile(self.inode);
    }
}

/// The file as a path of swap: the slot is a place in it, the rest is the file's.
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
        SwapFile::rw(self, direction, slot_pos(slot), pages, context)
    }

    fn split(&self) -> Option<&dyn SplitIo<D::Page>> {
        Some(self)
    }

    fn deactivate(&mut self) {
        SwapFile::deactivate(self);
    }
}

impl<H: SwapHost, D: BlockDevice> SplitIo<D::Page> for SwapPath<H, D> {
    fn submit(&self, request: &mut Request<D::Page>, context: Context) {
        if self.knobs.is_locked
            && let Err(errno) = self.host.lock_io(self.inode, context)
        {
            request.fail(failed(request.pos, errno, FailureKind::Refused));
            return;
        }
        let (device, inode) = (&*self.device, self.inode);
        if self.knobs.is_mapped_by_dio {
            swap_submit(self.host.dio_ops(), device, inode, request, context);
        } else {
            swap_submit(self.host.swap_ops(), device, inode, request, context);
        }
        if self.knobs.is_locked {
            self.host.unlock_io(self.inode, context);
        }
    }

    fn complete(&self, request: &mut Request<D::Page>, context: Context) -> Result<(), IoFailure> {
        swap_complete(&*self.device, request)?;
        if !self.knobs.has_end_io || request.direction == Direction::Read {
            return Ok(());
        }
        let (pos, bytes) = (request.pos, request.pages.len() as u64 * hal::PAGE_BYTES as u64);
        let end = DioEnd::UNWRITTEN;
        let ended = self.host.dio_ops().end_io(self.inode, pos, bytes, end, context);
        ended.map_err(|errno| failed(pos, errno, FailureKind::EndIo))
    }

    fn enters_filesystem(&self) -> bool {
        true
    }

    fn completes_in_worker(&self) -> bool {
        false
    }
}

const fn failed(pos: u64, errno: Errno, kind: FailureKind) -> IoFailure {
    IoFailure { errno, pos, learned_by: Layer::Filesystem, kind, device: None }
}
