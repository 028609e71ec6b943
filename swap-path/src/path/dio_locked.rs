//! The `dio` path under the lock that read(2) and write(2) take around a direct I/O (Linux `i_rwsem`):
//! what going through `->read_iter` and `->write_iter` would do.
//!
//! A holder of that lock who needs memory, and whose reclaim ends here, waits for itself. NFS dropped
//! the lock from its `swap_rw` for this reason.

use alloc::rc::Rc;
use alloc::vec::Vec;

use block::BlockDevice;
use hal::trace::Layer;
use iomap::{
    Context, Direction, FailureKind, IoFailure, Request, SwapHost, dio_complete, dio_submit,
};

use super::dio::{dio_swap_rw, swap_iocb};
use super::{PathKind, SplitIo, SwapIo, slot_pos};

/// Swap I/O by the filesystem's direct-I/O callbacks, under the inode's I/O lock.
pub(crate) struct DioLockedPath<H: SwapHost, D: BlockDevice> {
    host: Rc<H>,
    device: Rc<D>,
    inode: H::Inode,
}

impl<H: SwapHost, D: BlockDevice> DioLockedPath<H, D> {
    pub(crate) fn new(host: Rc<H>, device: Rc<D>, inode: H::Inode) -> Self {
        Self { host, device, inode }
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
        self.host.lock_io(self.inode, context).map_err(|errno| IoFailure {
            errno,
            pos: slot_pos(slot),
            learned_by: Layer::Filesystem,
            kind: FailureKind::Refused,
            device: None,
        })?;
        let ops = self.host.dio_ops();
        let result = dio_swap_rw(ops, &*self.device, self.inode, direction, slot, pages, context);
        self.host.unlock_io(self.inode, context);
        result
    }

    fn split(&self) -> Option<&dyn SplitIo<D::Page>> {
        Some(self)
    }

    fn deactivate(&mut self) {
        self.host.release_swapfile(self.inode);
    }
}

impl<H: SwapHost, D: BlockDevice> SplitIo<D::Page> for DioLockedPath<H, D> {
    fn submit(&self, request: &mut Request<D::Page>, context: Context) {
        if let Err(errno) = self.host.lock_io(self.inode, context) {
            let (pos, learned_by) = (request.pos, Layer::Filesystem);
            let kind = FailureKind::Refused;
            request.fail(IoFailure { errno, pos, learned_by, kind, device: None });
            return;
        }
        let ops = self.host.dio_ops();
        dio_submit(ops, &*self.device, self.inode, request, swap_iocb(context));
        // Linux holds it for the submission: the completion runs without it.
        self.host.unlock_io(self.inode, context);
    }

    fn complete(&self, request: &mut Request<D::Page>, context: Context) -> Result<(), IoFailure> {
        let ops = self.host.dio_ops();
        dio_complete(ops, &*self.device, self.inode, request, swap_iocb(context))
    }

    fn enters_filesystem(&self) -> bool {
        true
    }

    fn completes_in_worker(&self) -> bool {
        true
    }
}
