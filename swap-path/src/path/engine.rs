//! Swap I/O through the direct-I/O engine with `IOCB_SWAP` (Linux `iomap_dio_rw`): what the `dio` paths share. What they differ
//! in is whose callbacks the engine is given.
//!
//! The engine takes its memory from the heap, at each submission, and a write ends in a worker, which may wait.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::marker::PhantomData;

use block::BlockDevice;
use iomap::{
    Context, DioOps, Direction, IoFailure, IocbFlags, Kiocb, Request, SwapHost, Transfer,
    dio_complete, dio_rw, dio_submit,
};

use super::{PathKind, SplitIo, SwapIo, slot_pos};

/// The callbacks that a path gives the engine.
pub(crate) trait Callbacks<H: SwapHost> {
    /// The path's name.
    const KIND: PathKind;

    /// The callbacks, for one call of the engine.
    type Ops<'a>: DioOps<Inode = H::Inode>
    where
        H: 'a;

    /// Those of this filesystem.
    fn of(host: &H) -> Self::Ops<'_>;
}

/// Swap I/O by the direct-I/O engine and the callbacks `C`.
pub(crate) struct EnginePath<H: SwapHost, D: BlockDevice, C> {
    pub(super) host: Rc<H>,
    device: Rc<D>,
    pub(super) inode: H::Inode,
    callbacks: PhantomData<C>,
}

impl<H: SwapHost, D: BlockDevice, C: Callbacks<H>> EnginePath<H, D, C> {
    pub(crate) fn new(host: Rc<H>, device: Rc<D>, inode: H::Inode) -> Self {
        Self { host, device, inode, callbacks: PhantomData }
    }
}

impl<H: SwapHost, D: BlockDevice, C: Callbacks<H>> SwapIo<D::Page> for EnginePath<H, D, C> {
    fn kind(&self) -> PathKind {
        C::KIND
    }

    fn rw(
        &mut self,
        direction: Direction,
        slot: u32,
        pages: &mut Vec<D::Page>,
        context: Context,
    ) -> Result<(), IoFailure> {
        let pos = slot_pos(slot);
        let mut transfer = Transfer { direction, pos, pages: core::mem::take(pages) };
        let (ops, iocb) = (C::of(&self.host), swap_iocb(context));
        let result = dio_rw(&ops, &*self.device, self.inode, &mut transfer, iocb);
        *pages = transfer.pages;
        result.map(|_bytes| ())
    }

    fn split(&self) -> Option<&dyn SplitIo<D::Page>> {
        Some(self)
    }

    fn deactivate(&mut self) {
        self.host.release_swapfile(self.inode);
    }
}

impl<H: SwapHost, D: BlockDevice, C: Callbacks<H>> SplitIo<D::Page> for EnginePath<H, D, C> {
    fn submit(&self, request: &mut Request<D::Page>, context: Context) {
        let (ops, iocb) = (C::of(&self.host), swap_iocb(context));
        dio_submit(&ops, &*self.device, self.inode, request, iocb);
    }

    fn complete(&self, request: &mut Request<D::Page>, context: Context) -> Result<(), IoFailure> {
        let (ops, iocb) = (C::of(&self.host), swap_iocb(context));
        dio_complete(&ops, &*self.device, self.inode, request, iocb)
    }

    fn enters_filesystem(&self) -> bool {
        true
    }

    fn completes_in_worker(&self) -> bool {
        true
    }
}

/// How swap asks for a direct I/O.
const fn swap_iocb(context: Context) -> Kiocb {
    Kiocb { flags: IocbFlags::SWAP, context }
}
