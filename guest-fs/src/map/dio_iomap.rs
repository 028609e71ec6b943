//! The mapping of direct I/O: may allocate, run transactions and take the inode lock; honours a
//! shutdown at submission and at completion.
//!
//! As Linux `xfs_direct_write_iomap_begin`, `xfs_read_iomap_begin` and `xfs_dio_write_end_io`. It does not
//! look at [`Intent::SWAP`]: that a flag alone changes nothing unless every callback obeys it is one of
//! the things to show. A transaction it needs for swap happens, and the trace says so.

use alloc::rc::Rc;
use core::fmt;

use block::BlockDevice;
use iomap::{Context, DioEnd, DioOps, Errno, Intent, Iomap, IomapOps, MapFlags, MapKind};

use super::{Marks, describe, is_valid};
use crate::events::Event;
use crate::extent::Extent;
use crate::filesystem::Ino;
use crate::format::BLOCK_BYTES;
use crate::format::inode::FileKind;
use crate::meta::Fault;
use crate::planted::Planted;
use crate::space::Run;
use crate::state::Core;

/// The callbacks of direct I/O.
pub struct DioIomap<D: BlockDevice>(Rc<Core<D>>);

impl<D: BlockDevice> DioIomap<D> {
    pub(crate) const fn new(core: Rc<Core<D>>) -> Self {
        Self(core)
    }
}

/// The same callbacks without a handle, for what the filesystem does itself.
pub(crate) struct OwnDio<'a, D: BlockDevice> {
    pub(crate) core: &'a Core<D>,
    /// Does a write beyond the size move it?
    pub(crate) moves_size: bool,
}

impl<D: BlockDevice> Core<D> {
    /// What is there now, seen under the inode lock.
    pub(super) fn dio_look(
        &self,
        ino: u64,
        pos: u64,
        intent: Intent,
        context: Context,
    ) -> Result<Iomap, Fault> {
        let _lock = self.lock_inode(ino, context, intent.contains(Intent::NOWAIT))?;
        let marks = {
            let state = self.state();
            let incore = state.inodes.get(&ino).ok_or(Errno::ENOENT)?;
            let is_report = intent.contains(Intent::REPORT);
            let is_dirty = state.is_data_dirty(incore);
            let marks = Marks { is_dirty, cookie: incore.cookie, is_report };
            let covers = |map: &Iomap| {
                let end = map.offset.saturating_add(map.length);
                map.validity_cookie == marks.cookie && map.offset <= pos && pos < end
            };
            if let Some(mut map) = incore.seen.map.filter(covers) {
                map.flags.set(MapFlags::DIRTY, marks.is_dirty);
                return Ok(map);
            }
            marks
        };
        let fields = self.inode_fields(ino)?;
        match fields.kind {
            FileKind::File => {
                let map = describe(self, ino, &fields, marks, pos)?;
                let keep = map.kind != MapKind::Hole && !fields.is_reflink();
                Ok(self.with_inode(ino, |incore| {
                    incore.seen.map = keep.then_some(map);
                    incore.reserved.overlay(map, pos)
                })?)
            }
            FileKind::Directory => Err(Errno::EISDIR.into()),
            FileKind::Symlink => Err(Errno::EINVAL.into()),
        }
    }

    fn dio_begin(
        &self,
        ino: u64,
        pos: u64,
        length: u64,
        intent: Intent,
        context: Context,
    ) -> Result<Iomap, Errno> {
        // First of all, as in XFS: a shut-down filesystem does no I/O.
        self.check_alive()?;
        let map = self.dio_look(ino, pos, intent, context);
        let mut map = map.map_err(|fault| self.errno(fault))?;
        if self.plant.has(Planted::CopyOnWriteForgotten) {
            map.flags.remove(MapFlags::SHARED);
        }
        let is_write = intent.contains(Intent::WRITE) && !intent.contains(Intent::REPORT);
        if is_write {
            // What an earlier write staged is used first, shared or not: it will be mapped when this
            // write is done, so it must hold what this write wrote.
            let first = pos / BLOCK_BYTES;
            if let Some(staged) = self.staged_at(ino, first)? {
                return Ok(staged_map(staged.part(first, u64::MAX), map));
            }
            let next = self.next_staged(ino, first, u64::MAX)?;
            let limit = next.map_or(u64::MAX, |next| next.file_block.saturating_mul(BLOCK_BYTES));
            map.length = map.length.min(limit.saturating_sub(map.offset));
        }
        let is_hole = matches!(map.kind, MapKind::Hole | MapKind::Delalloc);
        let is_usable = !is_hole && !map.flags.contains(MapFlags::SHARED);
        if is_write && !is_hole && self.plant.has(Planted::ConvertBeforeData) {
            let first = pos / BLOCK_BYTES;
            let end = first.saturating_add(length.div_ceil(BLOCK_BYTES));
            self.convert(ino, first, end, 0, context)?;
        }
        if is_usable || !is_write {
            return if is_write { self.settle_unshared(map, intent, context) } else { Ok(map) };
        }
        if intent.intersects(Intent::NOWAIT | Intent::OVERWRITE_ONLY) {
            return Err(Errno::EAGAIN);
        }
        let blocks = length.div_ceil(BLOCK_BYTES).max(1);
        if is_hole {
            let (_, is_new) = self.allocate(ino, pos / BLOCK_BYTES, blocks, context)?;
            let map = self.dio_look(ino, pos, intent, context);
            let mut map = map.map_err(|fault| self.errno(fault))?;
            map.flags.set(MapFlags::NEW, is_new);
            return Ok(map);
        }
        self.dio_copy(ino, pos, blocks, map, context)
    }

    /// A write in place must not reach a file that would have these blocks again after a crash: that it
    /// gave them up is made durable first.
    pub(super) fn settle_unshared(
        &self,
        map: Iomap,
        intent: Intent,
        context: Context,
    ) -> Result<Iomap, Errno> {
        let run = Run { start: map.block.unwrap_or(0), blocks: map.length / BLOCK_BYTES };
        if map.kind != MapKind::Mapped || !self.state().log.is_unshared_pending(run) {
            return Ok(map);
        }
        if intent.contains(Intent::NOWAIT) {
            return Err(Errno::EAGAIN);
        }
        self.log_force(context).map(|()| map)
    }

    /// New blocks for a write over shared ones.
    fn dio_copy(
        &self,
        ino: u64,
        pos: u64,
        blocks: u64,
        map: Iomap,
        context: Context,
    ) -> Result<Iomap, Errno> {
        let first = pos / BLOCK_BYTES;
        let end = map.offset.saturating_add(map.length) / BLOCK_BYTES;
        let shared = end.saturating_sub(first);
        let staged = self.stage(ino, first, blocks.min(shared), context)?;
        Ok(staged_map(staged.part(first, end), map))
    }

    fn dio_end(
        &self,
        ino: u64,
        range: core::ops::Range<u64>,
        size: u64,
        end: DioEnd,
        context: Context,
    ) -> Result<(), Errno> {
        // As `xfs_dio_write_end_io`: the write fails although the device did it.
        self.check_alive()?;
        let blocks = range.start / BLOCK_BYTES..range.end.div_ceil(BLOCK_BYTES);
        if end.contains(DioEnd::COW) {
            self.finish_staged(ino, blocks.start, blocks.end, size, context)?;
        }
        if end.contains(DioEnd::UNWRITTEN) {
            self.convert(ino, blocks.start, blocks.end, size, context)?;
        }
        self.grow(ino, size, context)
    }
}

/// The mapping of staged blocks, in place of `map`.
pub(super) const fn staged_map(staged: Extent, map: Iomap) -> Iomap {
    Iomap {
        kind: MapKind::Mapped,
        flags: MapFlags::SHARED,
        offset: staged.file_block.saturating_mul(BLOCK_BYTES),
        length: staged.blocks.saturating_mul(BLOCK_BYTES),
        block: Some(staged.block),
        validity_cookie: map.validity_cookie,
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
        self.0.dio_begin(inode.0, pos, length, intent, context)
    }

    fn allocating(&self, context: Context) {
        self.0.emit(Event::BioAlloc { context });
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
        let stop = pos.saturating_add(length);
        self.0.dio_end(inode.0, pos..stop, stop, end, context)
    }
}

impl<D: BlockDevice> IomapOps for OwnDio<'_, D> {
    type Inode = Ino;

    fn iomap_begin(
        &self,
        inode: Ino,
        pos: u64,
        length: u64,
        intent: Intent,
        context: Context,
    ) -> Result<Iomap, Errno> {
        self.core.dio_begin(inode.0, pos, length, intent, context)
    }

    fn allocating(&self, context: Context) {
        self.core.emit(Event::BioAlloc { context });
    }

    fn iomap_valid(&self, inode: Ino, map: &Iomap) -> bool {
        is_valid(self.core, inode, map)
    }
}

impl<D: BlockDevice> DioOps for OwnDio<'_, D> {
    fn end_io(
        &self,
        inode: Ino,
        pos: u64,
        length: u64,
        end: DioEnd,
        context: Context,
    ) -> Result<(), Errno> {
        let stop = pos.saturating_add(length);
        let size = if self.moves_size { stop } else { 0 };
        self.core.dio_end(inode.0, pos..stop, size, end, context)
    }
}

impl<D: BlockDevice> fmt::Debug for DioIomap<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DioIomap")
    }
}
