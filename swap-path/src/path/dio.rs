//! `swap_rw` as the 2021 mail analyses it: the filesystem's ordinary direct-I/O callbacks with its
//! `end_io`, plus `IOCB_SWAP` (Linux `iomap_dio_rw`).
//!
//! Whatever the filesystem does in direct I/O it does here too: it may run transactions, take locks,
//! allocate, and refuse everything after a shutdown. That is what the mail is about.

use iomap::{Context, DioEnd, DioOps, Errno, Intent, Iomap, IomapOps, SwapHost};

use super::PathKind;
use super::engine::{Callbacks, EnginePath};

/// Swap I/O by the filesystem's direct-I/O callbacks.
pub(crate) type DioPath<H, D> = EnginePath<H, D, DirectIo>;

/// The filesystem's own callbacks of direct I/O.
pub(crate) struct DirectIo;

impl<H: SwapHost> Callbacks<H> for DirectIo {
    const KIND: PathKind = PathKind::Dio;

    type Ops<'a>
        = DioCallbacks<'a, H::Dio>
    where
        H: 'a;

    fn of(host: &H) -> Self::Ops<'_> {
        DioCallbacks { ops: host.dio_ops(), has_end_io: true }
    }
}

/// Callbacks of direct I/O, with their completion or without one (Linux: `dops == NULL`).
pub(crate) struct DioCallbacks<'a, O> {
    pub(super) ops: &'a O,
    pub(super) has_end_io: bool,
}

impl<O: DioOps> IomapOps for DioCallbacks<'_, O> {
    type Inode = O::Inode;

    fn iomap_begin(
        &self,
        inode: O::Inode,
        pos: u64,
        length: u64,
        intent: Intent,
        context: Context,
    ) -> Result<Iomap, Errno> {
        self.ops.iomap_begin(inode, pos, length, intent, context)
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
        self.ops.iomap_end(inode, map, pos, written, intent, context)
    }

    fn allocating(&self, context: Context) {
        self.ops.allocating(context);
    }

    fn iomap_valid(&self, inode: O::Inode, map: &Iomap) -> bool {
        self.ops.iomap_valid(inode, map)
    }
}

impl<O: DioOps> DioOps for DioCallbacks<'_, O> {
    fn end_io(
        &self,
        inode: O::Inode,
        pos: u64,
        length: u64,
        end: DioEnd,
        context: Context,
    ) -> Result<(), Errno> {
        if !self.has_end_io {
            return Ok(());
        }
        self.ops.end_io(inode, pos, length, end, context)
    }
}
