//! `swap_rw` as the patches were posted: `iomap_dio_rw` with the filesystem's mapping callbacks and no
//! `iomap_dio_ops` at all.
//!
//! The data reaches the device, but nobody converts an unwritten block afterwards or updates the size:
//! the page reads back as zeros, without any error.

use alloc::rc::Rc;
use alloc::vec::Vec;

use block::BlockDevice;
use iomap::{
    Context, DioEnd, DioOps, Direction, Errno, Intent, IoFailure, Iomap, IomapOps, Request,
    SwapHost, dio_complete, dio_submit,
};

use super::dio::{dio_swap_rw, swap_iocb};
use super::{PathKind, SplitIo, SwapIo};

/// Swap I/O by the filesystem's direct-I/O mapping, without its completion.
pub(crate) struct DioRawPath<H: SwapHost, D: BlockDevice> {
    host: Rc<H>,
    device: Rc<D>,
    inode: H::Inode,
}

impl<H: SwapHost, D: BlockDevice> DioRawPath<H, D> {
    pub(crate) fn new(host: Rc<H>, device: Rc<D>, inode: H::Inode) -> Self {
        Self { host, device, inode }
    }
}

impl<H: SwapHost, D: BlockDevice> SwapIo<D::Page> for DioRawPath<H, D> {
    fn kind(&self) -> PathKind {
        PathKind::DioRaw
    }

    fn rw(
        &mut self,
        direction: Direction,
        slot: u32,
        pages: &mut Vec<D::Page>,
        context: Context,
    ) -> Result<(), IoFailure> {
        let ops = WithoutEndIo(self.host.dio_ops());
        dio_swap_rw(&ops, &*self.device, self.inode, direction, slot, pages, context)
    }

    fn split(&self) -> Option<&dyn SplitIo<D::Page>> {
        Some(self)
    }

    fn deactivate(&mut self) {
        self.host.release_swapfile(self.inode);
    }
}

impl<H: SwapHost, D: BlockDevice> SplitIo<D::Page> for DioRawPath<H, D> {
    fn submit(&self, request: &mut Request<D::Page>, context: Context) {
        let ops = &WithoutEndIo(self.host.dio_ops());
        dio_submit(ops, &*self.device, self.inode, request, swap_iocb(context));
    }

    fn complete(&self, request: &mut Request<D::Page>, context: Context) -> Result<(), IoFailure> {
        let ops = &WithoutEndIo(self.host.dio_ops());
        dio_complete(ops, &*self.device, self.inode, request, swap_iocb(context))
    }

    fn enters_filesystem(&self) -> bool {
        true
    }

    fn completes_in_worker(&self) -> bool {
        true
    }
}

/// Mapping callbacks whose completion does nothing (Linux: `dops == NULL`).
struct WithoutEndIo<'a, O>(&'a O);

impl<O: IomapOps> IomapOps for WithoutEndIo<'_, O> {
    type Inode = O::Inode;

    fn iomap_begin(
        &self,
        inode: O::Inode,
        pos: u64,
        length: u64,
        intent: Intent,
        context: Context,
    ) -> Result<Iomap, Errno> {
        self.0.iomap_begin(inode, pos, length, intent, context)
    }

    fn iomap_end(
        &self,
        inode: O::Inode,
        map: &Iomap,
        pos: u64,
        written: u64,
        intent: Intent,
        context: Context,
    ) -> Result<(), Errno> {
        self.0.iomap_end(inode, map, pos, written, intent, context)
    }

    fn allocating(&self, context: Context) {
        self.0.allocating(context);
    }

    fn iomap_valid(&self, inode: O::Inode, map: &Iomap) -> bool {
        self.0.iomap_valid(inode, map)
    }
}

impl<O: IomapOps> DioOps for WithoutEndIo<'_, O> {
    fn end_io(&self, _: O::Inode, _: u64, _: u64, _: DioEnd, _: Context) -> Result<(), Errno> {
        Ok(())
    }
}
