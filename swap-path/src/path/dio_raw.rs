//! `swap_rw` as the patches were posted: `iomap_dio_rw` with the filesystem's mapping callbacks and no
//! `iomap_dio_ops` at all.
//!
//! The data reaches the device, but nobody converts an unwritten block afterwards or updates the size:
//! the page reads back as zeros, without any error.

use iomap::{Context, DioEnd, DioOps, Errno, Intent, Iomap, IomapOps, SwapHost};

use super::PathKind;
use super::engine::{Callbacks, EnginePath};

/// Swap I/O by the filesystem's direct-I/O mapping, without its completion.
pub(crate) type DioRawPath<H, D> = EnginePath<H, D, MappingOnly>;

/// The filesystem's callbacks of direct I/O, but for the completion.
pub(crate) struct MappingOnly;

impl<H: SwapHost> Callbacks<H> for MappingOnly {
    const KIND: PathKind = PathKind::DioRaw;

    type Ops<'a>
        = WithoutEndIo<'a, H::Dio>
    where
        H: 'a;

    fn of(host: &H) -> Self::Ops<'_> {
        WithoutEndIo(host.dio_ops())
    }
}

/// Mapping callbacks whose completion does nothing (Linux: `dops == NULL`).
pub(crate) struct WithoutEndIo<'a, O>(&'a O);

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
