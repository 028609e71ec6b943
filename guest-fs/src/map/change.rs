//! Changing a file's map: allocation, conversion, size. Every change is a transaction.
//!
//! Order as in XFS: first the reservation, which may wait for the log, then the inode lock, then a
//! second look at what is there now.

use block::BlockDevice;
use iomap::{Context, Errno};

use crate::events::Event;
use crate::extent::{self, Extent, Lookup};
use crate::format::inode::FILE_BLOCKS_MAX;
use crate::inode::update;
use crate::meta::Fault;
use crate::planted::Planted;
use crate::state::Core;
use crate::txn::{Transaction, cost};

impl<D: BlockDevice> Core<D> {
    /// Makes sure that there is something at `file_block`, allocating up to `blocks` unwritten blocks.
    /// Returns the extent, and whether it is new.
    ///
    /// # Errors
    /// `ENOSPC`, `EFBIG`, `EIO` after a shutdown, what a log force gives.
    pub(crate) fn allocate(
        &self,
        ino: u64,
        file_block: u64,
        blocks: u64,
        context: Context,
    ) -> Result<(Extent, bool), Errno> {
        self.allocate_as(ino, file_block, blocks, context, false)
    }

    /// [`Core::allocate`] of blocks that were promised to dirty pages: it may use what is kept for them.
    ///
    /// # Errors
    /// As there; `ENOSPC` would be a bug of the promise.
    pub(crate) fn allocate_promised(
        &self,
        ino: u64,
        file_block: u64,
        blocks: u64,
        context: Context,
    ) -> Result<(Extent, bool), Errno> {
        self.allocate_as(ino, file_block, blocks, context, true)
    }

    fn allocate_as(
        &self,
        ino: u64,
        file_block: u64,
        blocks: u64,
        context: Context,
        is_promised: bool,
    ) -> Result<(Extent, bool), Errno> {
        if file_block.checked_add(blocks).is_none_or(|end| end > FILE_BLOCKS_MAX) {
            return Err(Errno::EFBIG);
        }
        self.with_space(context, || {
            self.try_allocate(ino, file_block, blocks, context, is_promised)
        })
    }

    fn try_allocate(
        &self,
        ino: u64,
        file_block: u64,
        blocks: u64,
        context: Context,
        is_promised: bool,
    ) -> Result<(Extent, bool), Fault> {
        let reserved = cost::map_change(self, ino)?.saturating_add(cost::INODE + cost::SPACE);
        let mut txn = Transaction::begin(self, reserved, context)?;
        if is_promised {
            txn = txn.with_reserve();
        }
        let _lock = self.lock_inode(ino, context, false)?;
        let hole_end = match extent::lookup(&txn, ino, file_block)? {
            Lookup::Extent(extent) => return Ok((extent, false)),
            Lookup::HoleUpTo(end) => end,
        };
        let wanted = hole_end.saturating_sub(file_block).min(blocks);
        let before = extent::before(&txn, ino, file_block)?;
        let goal = before.map_or(ino, |extent| extent.end());
        let run = txn.alloc(ino, Some(goal), wanted)?;
        let extent =
            Extent { file_block, block: run.start, blocks: run.blocks, is_unwritten: true };
        extent::add(&mut txn, ino, extent)?;
        let now = self.now_ns();
        update(&mut txn, ino, |fields| {
            fields.blocks = fields.blocks.saturating_add(run.blocks);
            fields.times.ctime_ns = now;
        })?;
        txn.commit()?;
        Ok((extent, true))
    }

    /// Marks every unwritten block in `[start, end)` as written: their data is on the device. With the
    /// last of them the file becomes at least `size` bytes long.
    ///
    /// # Errors
    /// `ENOSPC` for a tree node, `EIO` after a shutdown, what a log force gives.
    pub(crate) fn convert(
        &self,
        ino: u64,
        start: u64,
        end: u64,
        size: u64,
        context: Context,
    ) -> Result<(), Errno> {
        let mut at = start;
        while at < end {
            at = self.with_space(context, || self.convert_next(ino, at, end, size, context))?;
        }
        Ok(())
    }

    /// Converts the first unwritten extent at or after `start`. Returns where to go on.
    fn convert_next(
        &self,
        ino: u64,
        start: u64,
        end: u64,
        size: u64,
        context: Context,
    ) -> Result<u64, Fault> {
        let Some(at) = self.first_unwritten(ino, start, end)? else { return Ok(end) };
        let changes = cost::map_change(self, ino)?.saturating_mul(2);
        let mut txn = Transaction::begin(self, changes.saturating_add(cost::INODE), context)?;
        txn = txn.with_reserve();
        let _lock = self.lock_inode(ino, context, false)?;
        let Lookup::Extent(whole) = extent::lookup(&txn, ino, at)? else { return Ok(at) };
        let piece = whole.part(at, end);
        if !piece.is_unwritten {
            return Ok(piece.file_end());
        }
        extent::cut(&mut txn, ino, at, piece.file_end())?;
        extent::add(&mut txn, ino, Extent { is_unwritten: false, ..piece })?;
        let is_last = piece.file_end() >= end;
        let now = self.now_ns();
        update(&mut txn, ino, |fields| {
            fields.size = if is_last { fields.size.max(size) } else { fields.size };
            (fields.times.mtime_ns, fields.times.ctime_ns) = (now, now);
        })?;
        txn.commit()?;
        self.emit(Event::Convert {
            ino,
            context,
            file_block: at,
            blocks: u32::try_from(piece.blocks).unwrap_or(u32::MAX),
        });
        Ok(piece.file_end())
    }

    fn first_unwritten(&self, ino: u64, start: u64, end: u64) -> Result<Option<u64>, Fault> {
        let mut at = start;
        while let Some(extent) = extent::next(self, ino, at)? {
            if extent.file_block >= end {
                break;
            }
            if extent.is_unwritten {
                return Ok(Some(extent.file_block.max(start)));
            }
            at = extent.file_end();
        }
        Ok(None)
    }

    /// Makes the file at least `size` bytes long.
    ///
    /// # Errors
    /// `EIO` after a shutdown, what a log force gives.
    pub(crate) fn grow(&self, ino: u64, size: u64, context: Context) -> Result<(), Errno> {
        self.try_grow(ino, size, context).map_err(|fault| self.errno(fault))
    }

    fn try_grow(&self, ino: u64, size: u64, context: Context) -> Result<(), Fault> {
        if self.inode_fields(ino)?.size >= size {
            return Ok(());
        }
        let epoch = self.with_inode(ino, |incore| incore.epoch)?;
        let mut txn = Transaction::begin(self, cost::INODE, context)?;
        let _lock = self.lock_inode(ino, context, false)?;
        let now = self.now_ns();
        update(&mut txn, ino, |fields| {
            fields.size = fields.size.max(size);
            (fields.times.mtime_ns, fields.times.ctime_ns) = (now, now);
        })?;
        txn.commit()?;
        if self.plant.has(Planted::SizeNotDirty) {
            self.with_inode(ino, |incore| incore.epoch = epoch)?;
        }
        self.emit(Event::Resize { ino, context, size });
        Ok(())
    }
}
