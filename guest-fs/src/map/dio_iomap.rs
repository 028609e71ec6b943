//! The mapping of ordinary direct I/O: may allocate, may run transactions, honours shutdown.
//!
//! Mirrors `xfs_direct_write_iomap_begin`, `xfs_read_iomap_begin` and `xfs_dio_write_end_io`. It does not
//! look at [`Intent::SWAP`]: that a flag alone changes nothing unless every callback obeys it is one of
//! the things to show. A transaction it needs for swap happens, and the trace says so.

use alloc::rc::Rc;
use core::fmt;

use block::BlockDevice;
use iomap::{Context, DioEnd, DioOps, Errno, Intent, Iomap, IomapOps, MapFlags, MapKind};

use super::{describe, is_valid};
use crate::filesystem::Ino;
use crate::format::BLOCK_BYTES;
use crate::format::inode::FileKind;
use crate::state::Core;

/// The callbacks of direct I/O.
pub struct DioIomap<D: BlockDevice>(Rc<Core<D>>);

impl<D: BlockDevice> DioIomap<D> {
    pub(crate) const fn new(core: Rc<Core<D>>) -> Self {
        Self(core)
    }

    /// What is there now, seen under the inode lock.
    fn look(&self, ino: u64, pos: u64, intent: Intent, context: Context) -> Result<Iomap, Errno> {
        let _lock = self.0.lock_inode(ino, context, intent.contains(Intent::NOWAIT))?;
        let state = self.0.state();
        let incore = state.inodes.get(&ino).ok_or(Errno::ENOENT)?;
        if incore.inode.kind != FileKind::File {
            return Err(Errno::EISDIR);
        }
        Ok(describe(incore, state.is_dirty(incore), pos))
    }
}

impl<D: BlockDevice> IomapOps for DioIomap<D> {
    type Inode = Ino;

    fn iomap_begin(
        &self,
        inode: Ino,
        pos: u64,
        length: u64,
        intent: Intent,
        context: Context,
    ) -> Result<Iomap, Errno> {
        // First of all, as in XFS: a shut-down filesystem does no I/O.
        self.0.check_alive()?;
        let map = self.look(inode.0, pos, intent, context)?;
        let is_write = intent.contains(Intent::WRITE) && !intent.contains(Intent::REPORT);
        if map.kind != MapKind::Hole || !is_write {
            return Ok(map);
        }
        if intent.intersects(Intent::NOWAIT | Intent::OVERWRITE_ONLY) {
            return Err(Errno::EAGAIN);
        }
        let blocks = length.div_ceil(BLOCK_BYTES).max(1);
        let (_, is_new) = self.0.allocate(inode.0, pos / BLOCK_BYTES, blocks, context)?;
        let mut map = self.look(inode.0, pos, intent, context)?;
        map.flags.set(MapFlags::NEW, is_new);
        Ok(map)
    }

    fn iomap_valid(&self, inode: Ino, map: &Iomap) -> bool {
        is_valid(&self.0, inode, map)
    }
}

impl<D: BlockDevice> DioOps for DioIomap<D> {
    fn end_io(
        &self,
        inode: Ino,
        pos: u64,
        length: u64,
        end: DioEnd,
        context: Context,
    ) -> Result<(), Errno> {
        // As `xfs_dio_write_end_io`: the write fails although the device did it.
        self.0.check_alive()?;
        let stop = pos.saturating_add(length);
        if end.contains(DioEnd::UNWRITTEN) {
            let blocks = pos / BLOCK_BYTES..stop.div_ceil(BLOCK_BYTES);
            self.0.convert(inode.0, blocks.start, blocks.end, context)?;
        }
        self.0.grow(inode.0, stop, context)
    }
}

impl<D: BlockDevice> fmt::Debug for DioIomap<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DioIomap")
    }
}
