//! The direct-I/O engine over a read-only swap mapping: the mail's `IOMAP_SWAP` obeyed by the mapping
//! callback, everything else as in `dio`.
//!
//! No transaction any more, at submission or completion. But the filesystem still refuses all I/O once
//! it is shut down, and the engine still takes its memory from the heap.

use alloc::rc::Rc;
use alloc::vec::Vec;

use block::BlockDevice;
use iomap::{
    Context, DioEnd, DioOps, Direction, Errno, Intent, IoFailure, Iomap, IomapOps, MapKind,
    Request, SwapHost, dio_complete, dio_submit,
};

use super::dio::{dio_swap_rw, swap_iocb};
use super::{PathKind, SplitIo, SwapIo};

/// Swap I/O by the direct-I/O engine and the filesystem's swap mapping.
pub(crate) struct DioSwapMapPath<H: SwapHost, D: BlockDevice> {
    host: Rc<H>,
    device: Rc<D>,
    inode: H::Inode,
}

impl<H: SwapHost, D: BlockDevice> DioSwapMapPath<H, D> {
    pub(crate) fn new(host: Rc<H>, device: Rc<D>, inode: H::Inode) -> Self {
        Self { host, device, inode }
    }
}

impl<H: SwapHost, D: BlockDevice> SwapIo<D::Page> for DioSwapMapPath<H, D> {
    fn kind(&self) -> PathKind {
        PathKind::DioSwapMap
    }

    fn rw(
        &mut self,
        direction: Direction,
        slot: u32,
        pages: &mut Vec<D::Page>,
        context: Context,
    ) -> Result<(), IoFailure> {
        let ops = AliveSwapMap(&*self.host);
        dio_swap_rw(&ops, &*self.device, self.inode, direction, slot, pages, context)
    }

    fn split(&self) -> Option<&dyn SplitIo<D::Page>> {
        Some(self)
    }

    fn deactivate(&mut self) {
        self.host.release_swapfile(self.inode);
    }
}

impl<H: SwapHost, D: BlockDevice> SplitIo<D::Page> for DioSwapMapPath<H, D> {
    fn submit(&self, request: &mut Request<D::Page>, context: Context) {
        let ops = &AliveSwapMap(&*self.host);
        dio_submit(ops, &*self.device, self.inode, request, swap_iocb(context));
    }

    fn complete(&self, request: &mut Request<D::Page>, context: Context) -> Result<(), IoFailure> {
        let ops = &AliveSwapMap(&*self.host);
        dio_complete(ops, &*self.device, self.inode, request, swap_iocb(context))
    }

    fn enters_filesystem(&self) -> bool {
        true
    }

    fn completes_in_worker(&self) -> bool {
        true
    }
}

/// The swap mapping behind the check that every direct I/O begins with.
struct AliveSwapMap<'a, H>(&'a H);

impl<H: SwapHost> IomapOps for AliveSwapMap<'_, H> {
    type Inode = H::Inode;

    /// An unwritten block is reported as mapped: it is overwritten in place and read back as it is, so
    /// nothing is left to convert.
    fn iomap_begin(
        &self,
        inode: H::Inode,
        pos: u64,
        length: u64,
        intent: Intent,
        context: Context,
    ) -> Result<Iomap, Errno> {
        self.0.check_alive()?;
        let mut map = self.0.swap_ops().iomap_begin(inode, pos, length, intent, context)?;
        if map.kind == MapKind::Unwritten {
            map.kind = MapKind::Mapped;
        }
        Ok(map)
    }

    fn iomap_valid(&self, inode: H::Inode, map: &Iomap) -> bool {
        self.0.swap_ops().iomap_valid(inode, map)
    }
}

impl<H: SwapHost> DioOps for AliveSwapMap<'_, H> {
    fn end_io(&self, _: H::Inode, _: u64, _: u64, _: DioEnd, _: Context) -> Result<(), Errno> {
        Ok(())
    }
}
