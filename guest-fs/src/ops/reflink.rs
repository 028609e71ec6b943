//! Reflink: files that share blocks until one of them writes (Linux `FICLONE`, `FICLONERANGE`,
//! `FIDEDUPERANGE`).
//!
//! Written blocks are shared; unwritten ones and holes become holes of the clone, which read the same.

use block::BlockDevice;
use iomap::{Context, Errno, Kiocb};

use super::{check_range, page_range};
use crate::events::Event;
use crate::extent::{self, Extent};
use crate::filesystem::{FileSystem, Ino};
use crate::format::BLOCK_BYTES;
use crate::format::inode::FLAG_REFLINK;
use crate::inode::{fields, update};
use crate::meta::Fault;
use crate::planted::Planted;
use crate::refcount;
use crate::space::Run;
use crate::state::Core;
use crate::txn::{Transaction, cost};

const USER: Context = Context::User;

/// A file and where the range begins in it.
#[derive(Clone, Copy)]
struct End {
    ino: u64,
    first: u64,
}

impl<D: BlockDevice> FileSystem<D> {
    /// Makes `to` a clone of `from`: same content, same blocks.
    ///
    /// # Errors
    /// As [`FileSystem::clone_range`].
    pub fn clone_file(&self, from: Ino, to: Ino) -> Result<(), Errno> {
        let size = self.core.known_file(from)?.size;
        self.truncate(to, 0)?;
        self.clone_range(from, 0, to, 0, size)
    }

    /// Makes `[to_pos, to_pos + length)` of `to` share the blocks of `[from_pos, from_pos + length)` of
    /// `from`. It is no single step: an error or a crash may leave a part done.
    ///
    /// # Errors
    /// `EINVAL` if a position is not a multiple of 4096, or the length is neither that nor reaches to the
    /// end of `from`, or the ranges overlap in one file; `EISDIR`, `ETXTBSY` if one of them is an active
    /// swap file, `EFBIG`, `ENOSPC`, `EIO` after a shutdown.
    pub fn clone_range(
        &self,
        from: Ino,
        from_pos: u64,
        to: Ino,
        to_pos: u64,
        length: u64,
    ) -> Result<(), Errno> {
        self.remap(from, from_pos, to, to_pos, length, false).map(|_| ())
    }

    /// [`FileSystem::clone_range`], but only if both ranges have the same content already (Linux
    /// `FIDEDUPERANGE`). True if they have.
    ///
    /// # Errors
    /// As there; `EINVAL` also for a range that leaves `to`; what reading gives.
    pub fn dedupe_range(
        &self,
        from: Ino,
        from_pos: u64,
        to: Ino,
        to_pos: u64,
        length: u64,
    ) -> Result<bool, Errno> {
        self.remap(from, from_pos, to, to_pos, length, true)
    }

    /// False if the contents differ and that matters.
    fn remap(
        &self,
        from: Ino,
        from_pos: u64,
        to: Ino,
        to_pos: u64,
        length: u64,
        is_dedupe: bool,
    ) -> Result<bool, Errno> {
        let core = &*self.core;
        core.changeable(from)?;
        core.changeable(to)?;
        let (low, high) = (from.min(to), from.max(to));
        let _low = core.io_guard(low.0, USER, false)?;
        let _high = if low == high { None } else { Some(core.io_guard(high.0, USER, false)?) };
        [from, to].into_iter().try_for_each(|ino| core.wait_dio(ino))?;
        let source = core.changeable(from)?.size;
        let target = core.changeable(to)?.size;
        let from_end = check_range(from_pos, length)?;
        let to_end = check_range(to_pos, length)?;
        let is_aligned = |n: u64| n.is_multiple_of(BLOCK_BYTES);
        let overlaps = from == to && from_pos < to_end && to_pos < from_end;
        let is_inside = from_end <= source && (!is_dedupe || to_end <= target);
        // The rest of the last block is content of `to`, which must not be replaced.
        let ends_well = is_aligned(length) || (from_end == source && to_end >= target);
        if !is_aligned(from_pos) || !is_aligned(to_pos) || !ends_well || !is_inside || overlaps {
            return Err(Errno::EINVAL);
        }
        let (from_range, to_range) = (page_range(from_pos, from_end), page_range(to_pos, to_end));
        for (ino, range) in [(from, from_range), (to, to_range.clone())] {
            core.flush(ino.0, range)?;
        }
        if is_dedupe && !core.is_same(from, from_pos, to, to_pos, length)? {
            return Ok(false);
        }
        core.flush_beyond_size(to.0, to_end)?;
        core.drop_pages(to.0, &to_range);
        core.zero_beyond_size(to.0, core.known(to)?.size, to_pos)?;
        let blocks = length.div_ceil(BLOCK_BYTES);
        let from = End { ino: from.0, first: from_pos / BLOCK_BYTES };
        let to = End { ino: to.0, first: to_pos / BLOCK_BYTES };
        core.clone_blocks(from, to, blocks)?;
        core.grow(to.ino, to_end, USER)?;
        Ok(true)
    }
}

impl<D: BlockDevice> Core<D> {
    /// Compares two ranges through the page cache (Linux `vfs_dedupe_file_range_compare`).
    fn is_same(
        &self,
        from: Ino,
        from_pos: u64,
        to: Ino,
        to_pos: u64,
        length: u64,
    ) -> Result<bool, Errno> {
        let read = |ino: Ino, pos: u64, count: u64| {
            let mut bytes = alloc::vec![0; usize::try_from(count).unwrap_or(0)];
            let read = self.buffered(|b| b.read(ino, pos, &mut bytes, Kiocb::USER));
            match read {
                Ok(got) if got == count => Ok(bytes),
                Ok(_) => Err(Errno::EIO),
                Err(failure) => Err(failure.errno),
            }
        };
        let mut done = 0;
        while done < length {
            let count = length.saturating_sub(done).min(BLOCK_BYTES);
            let ours = read(from, from_pos.saturating_add(done), count)?;
            if ours != read(to, to_pos.saturating_add(done), count)? {
                return Ok(false);
            }
            done = done.saturating_add(count);
        }
        Ok(true)
    }

    fn clone_blocks(&self, from: End, to: End, blocks: u64) -> Result<(), Errno> {
        self.unmap(to.ino, to.first, to.first.saturating_add(blocks), USER)?;
        let end = from.first.saturating_add(blocks);
        let mut at = from.first;
        while at < end {
            at = self.with_space(USER, || self.share_next(from, to, at, end))?;
        }
        Ok(())
    }

    /// Shares the first written blocks at or after `at`. Gives where to go on.
    fn share_next(&self, from: End, to: End, at: u64, end: u64) -> Result<u64, Fault> {
        let Some(extent) = extent::next(self, from.ino, at)?.filter(|e| e.file_block < end) else {
            return Ok(end);
        };
        if extent.is_unwritten {
            return Ok(extent.file_end());
        }
        let map = cost::map_change(self, to.ino)?;
        let reserved = map.saturating_add(cost::owner_change(self)?);
        let mut txn = Transaction::begin(self, reserved.saturating_add(2 * cost::INODE), USER)?;
        let (low, high) = (from.ino.min(to.ino), from.ino.max(to.ino));
        let _low = self.lock_inode(low, USER, false)?;
        let _high = if low == high { None } else { Some(self.lock_inode(high, USER, false)?) };
        let piece = extent.part(at, end);
        let run = Run { start: piece.block, blocks: piece.blocks };
        let is_forgotten = self.plant.has(Planted::OwnerForgotten);
        let run = if is_forgotten { run } else { refcount::increase(&mut txn, run)? };
        let place = piece.file_block.saturating_sub(from.first).saturating_add(to.first);
        let clone = Extent { file_block: place, blocks: run.blocks, ..piece };
        extent::add(&mut txn, to.ino, clone)?;
        let now = self.now_ns();
        if !fields(&txn, from.ino)?.is_reflink() {
            update(&mut txn, from.ino, |fields| fields.flags |= FLAG_REFLINK)?;
        }
        update(&mut txn, to.ino, |fields| {
            fields.flags |= FLAG_REFLINK;
            fields.blocks = fields.blocks.saturating_add(run.blocks);
            (fields.times.mtime_ns, fields.times.ctime_ns) = (now, now);
        })?;
        txn.commit()?;
        let (ino, from) = (to.ino, from.ino);
        let blocks = u32::try_from(run.blocks).unwrap_or(u32::MAX);
        self.emit(Event::Share { ino, from, block: run.start, blocks });
        Ok(piece.file_block.saturating_add(run.blocks))
    }
}
