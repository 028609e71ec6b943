//! The `dio` path under the lock that read(2) and write(2) take around a direct I/O (Linux `i_rwsem`):
//! what going through `->read_iter` and `->write_iter` would do.
//!
//! A holder of that lock who needs memory, and whose reclaim ends here, waits for itself. NFS dropped
//! the lock from its `swap_rw` for this reason.

use alloc::rc::Rc;
use alloc::vec::Vec;

use block::BlockDevice;
use hal::trace::Layer;
use iomap::{Context, Direction, FailureKind, IoFailure, Request, SwapHost};

use super::{DioPath, PathKind, SplitIo, SwapIo, slot_pos};

/// Swap I/O by the filesystem's direct-I/O callbacks, under the inode's I/O lock.
pub(crate) struct DioLockedPath<H: SwapHost, D: BlockDevice>(DioPath<H, D>);

impl<H: SwapHost, D: BlockDevice> DioLockedPath<H, D> {
    pub(crate) fn new(host: Rc<H>, device: Rc<D>, inode: H::Inode) -> Self {
        Self(DioPath::new(host, device, inode))
    }

    fn lock(&self, pos: u64, context: Context) -> Result<(), IoFailure> {
        let (learned_by, kind) = (Layer::Filesystem, FailureKind::Refused);
        let refused = |errno| IoFailure { errno, pos, learned_by, kind, device: None };
        self.0.host.lock_io(self.0.inode, context).map_err(refused)
    }

    fn unlock(&self, context: Context) {
        self.0.host.unlock_io(self.0.inode, context);
    }
}

impl<H: SwapHost, D: BlockDevice> SwapIo<D::Page> for DioLockedPath<H, D> {
    fn kind(&self) -> PathKind {
        PathKind::DioLocked
    }

    fn rw(
        &mut self,
        direction: Direction,
        slot: u32,
        pages: &mut Vec<D::Page>,
        context: Context,
    ) -> Result<(), IoFailure> {
        self.lock(slot_pos(slot), context)?;
        let result = self.0.rw(direction, slot, pages, context);
        self.unlock(context);
        result
    }

    fn split(&self) -> Option<&dyn SplitIo<D::Page>> {
        Some(self)
    }

    fn deactivate(&mut self) {
        self.0.deactivate();
    }
}

impl<H: SwapHost, D: BlockDevice> SplitIo<D::Page> for DioLockedPath<H, D> {
    /// Linux holds the lock for the submission: the completion runs without it.
    fn submit(&self, request: &mut Request<D::Page>, context: Context) {
        if let Err(failure) = self.lock(request.pos, context) {
            request.fail(failure);
            return;
        }
        self.0.submit(request, context);
        self.unlock(context);
    }

    fn complete(&self, request: &mut Request<D::Page>, context: Context) -> Result<(), IoFailure> {
        self.0.complete(request, context)
    }

    fn enters_filesystem(&self) -> bool {
        self.0.enters_filesystem()
    }

    fn completes_in_worker(&self) -> bool {
        self.0.completes_in_worker()
    }
}
