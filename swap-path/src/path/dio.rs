//! `swap_rw` as the 2021 mail analyses it: the filesystem's ordinary direct-I/O callbacks with its
//! `end_io`, plus `IOCB_SWAP` (Linux `iomap_dio_rw`).
//!
//! Whatever the filesystem does in direct I/O it does here too: it may run transactions, take locks,
//! allocate, and refuse everything after a shutdown. That is what the mail is about.

use alloc::rc::Rc;
use alloc::vec::Vec;

use block::BlockDevice;
use iomap::{
    Context, DioOps, Direction, IoFailure, IocbFlags, Kiocb, Request, SwapHost, Transfer,
    dio_complete, dio_rw, dio_submit,
};

use super::{PathKind, SplitIo, SwapIo, slot_pos};

/// Swap I/O by the filesystem's direct-I/O callbacks.
pub(crate) struct DioPath<H: SwapHost, D: BlockDevice> {
    host: Rc<H>,
    device: Rc<D>,
    inode: H::Inode,
}

impl<H: SwapHost, D: BlockDevice> DioPath<H, D> {
    pub(crate) fn new(host: Rc<H>, device: Rc<D>, inode: H::Inode) -> Self {
        Self { host, device, inode }
    }
}

impl<H: SwapHost, D: BlockDevice> SwapIo<D::Page> for DioPath<H, D> {
    fn kind(&self) -> PathKind {
        PathKind::Dio
    }

    fn rw(
        &mut self,
        direction: Direction,
        slot: u32,
        pages: &mut Vec<D::Page>,
        context: Context,
    ) -> Result<(), IoFailure> {
        let ops = self.host.dio_ops();
        dio_swap_rw(ops, &*self.device, self.inode, direction, slot, pages, context)
    }

    fn split(&self) -> Option<&dyn SplitIo<D::Page>> {
        Some(self)
    }

    fn deactivate(&mut self) {
        self.host.release_swapfile(self.inode);
    }
}

impl<H: SwapHost, D: BlockDevice> SplitIo<D::Page> for DioPath<H, D> {
    fn submit(&self, request: &mut Request<D::Page>, context: Context) {
        let ops = self.host.dio_ops();
        dio_submit(ops, &*self.device, self.inode, request, swap_iocb(context));
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

/// How swap asks for a direct I/O.
pub(super) const fn swap_iocb(context: Context) -> Kiocb {
    Kiocb { flags: IocbFlags::SWAP, context }
}

/// One swap I/O through `dio_rw` with any callbacks: what all the `dio` paths share.
pub(super) fn dio_swap_rw<O: DioOps, D: BlockDevice>(
    ops: &O,
    device: &D,
    inode: O::Inode,
    direction: Direction,
    slot: u32,
    pages: &mut Vec<D::Page>,
    context: Context,
) -> Result<(), IoFailure> {
    let mut transfer = Transfer { direction, pos: slot_pos(slot), pages: core::mem::take(pages) };
    let result = dio_rw(ops, device, inode, &mut transfer, swap_iocb(context));
    *pages = transfer.pages;
    result.map(|_bytes| ())
}
