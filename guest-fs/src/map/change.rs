//! Changing a file's map: allocation, conversion, size. Every change is a transaction.
//!
//! Order as in XFS: first the reservation, which may wait for the log, then the inode lock, then a
//! second look at what is there now.

use block::BlockDevice;
use iomap::{Context, Errno};

use crate::events::Event;
use crate::extents::Lookup;
use crate::format::extent::{Extent, FILE_BLOCKS_MAX};
use crate::state::Core;
use crate::txn::Transaction;

/// Blocks that one change of a map can touch: the inode, a leaf and the two that a split makes, and a
/// bitmap block for the data and for each new leaf.
const MAP_CHANGE_BLOCKS: u64 = 7;

/// The longest extent that one transaction makes.
const EXTENT_BLOCKS_MAX: u64 = 1 << 30;

impl<D: BlockDevice> Core<D> {
    /// Runs `attempt`; if there is no space, makes freed blocks usable and tries once more.
    ///
    /// # Errors
    /// What the last attempt gave.
    pub(crate) fn with_space<T>(
        &self,
        context: Context,
        attempt: impl Fn() -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        match attempt() {
            Err(Errno::ENOSPC) if self.state().log.has_busy() => {
                self.checkpoint(context)?;
                attempt()
            }
            result => result,
        }
    }

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
        if file_block.checked_add(blocks).is_none_or(|end| end > FILE_BLOCKS_MAX) {
            return Err(Errno::EFBIG);
        }
        self.with_space(context, || self.try_allocate(ino, file_block, blocks, context))
    }

    fn try_allocate(
        &self,
        ino: u64,
        file_block: u64,
        blocks: u64,
        context: Context,
    ) -> Result<(Extent, bool), Errno> {
        let mut txn = Transaction::begin(self, MAP_CHANGE_BLOCKS, context)?;
        let _lock = self.lock_inode(ino, context, false)?;
        let mut inode = self.inode(ino)?;
        let hole_end = match inode.map.lookup(file_block) {
            Lookup::Extent(extent) => return Ok((extent, false)),
            Lookup::HoleUpTo(end) => end,
        };
        let wanted = hole_end.saturating_sub(file_block).min(blocks).min(EXTENT_BLOCKS_MAX);
        let goal = inode.map.before(file_block).map(|extent| extent.end());
        let run = txn.alloc(ino, goal, wanted)?;
        let extent =
            Extent { file_block, block: run.start, blocks: run.blocks, is_unwritten: true };
        inode.map.insert(extent, || txn.alloc_metadata(ino))?;
        txn.put_inode(ino, inode);
        txn.commit()?;
        Ok((extent, true))
    }

    /// Marks every unwritten block in `[start, end)` as written: their data is on the device.
    ///
    /// # Errors
    /// `ENOSPC` for a leaf, `EIO` after a shutdown, what a log force gives.
    pub(crate) fn convert(
        &self,
        ino: u64,
        start: u64,
        end: u64,
        context: Context,
    ) -> Result<(), Errno> {
        let mut at = start;
        while at < end {
            at = self.with_space(context, || self.convert_next(ino, at, end, context))?;
        }
        Ok(())
    }

    /// Converts the first unwritten extent at or after `start`. Returns where to go on.
    fn convert_next(&self, ino: u64, start: u64, end: u64, context: Context) -> Result<u64, Errno> {
        let unwritten = self.with_inode(ino, |incore| {
            let map = &incore.inode.map;
            let mut at = start;
            while at < end {
                at = match map.lookup(at) {
                    Lookup::Extent(extent) if extent.is_unwritten => return Some(at),
                    Lookup::Extent(extent) => extent.file_end(),
                    Lookup::HoleUpTo(next) => next,
                };
            }
            None
        })?;
        let Some(at) = unwritten else { return Ok(end) };
        let mut txn = Transaction::begin(self, MAP_CHANGE_BLOCKS, context)?;
        let _lock = self.lock_inode(ino, context, false)?;
        let mut inode = self.inode(ino)?;
        let Lookup::Extent(extent) = inode.map.lookup(at) else {
            return Ok(at);
        };
        let stop = extent.file_end().min(end);
        let blocks = stop.saturating_sub(at);
        if extent.is_unwritten {
            inode.map.convert(at, blocks, || txn.alloc_metadata(ino))?;
            txn.put_inode(ino, inode);
            txn.commit()?;
            self.emit(Event::Convert {
                ino,
                context,
                file_block: at,
                blocks: u32::try_from(blocks).unwrap_or(u32::MAX),
            });
        }
        Ok(stop)
    }

    /// Makes the file at least `size` bytes long.
    ///
    /// # Errors
    /// `EIO` after a shutdown, what a log force gives.
    pub(crate) fn grow(&self, ino: u64, size: u64, context: Context) -> Result<(), Errno> {
        if self.with_inode(ino, |incore| incore.inode.size >= size)? {
            return Ok(());
        }
        let mut txn = Transaction::begin(self, 1, context)?;
        let _lock = self.lock_inode(ino, context, false)?;
        let mut inode = self.inode(ino)?;
        inode.size = inode.size.max(size);
        txn.put_inode(ino, inode);
        txn.commit()?;
        self.emit(Event::Resize { ino, context, size });
        Ok(())
    }
}
