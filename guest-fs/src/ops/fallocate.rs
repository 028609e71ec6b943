//! Preallocation and holes (Linux `fallocate`).

use block::BlockDevice;
use iomap::{Context, Errno, Kiocb};

use super::{check_range, page_range};
use crate::filesystem::{FileSystem, Ino};
use crate::format::BLOCK_BYTES;
use crate::inode::fields;
use crate::state::Core;

const USER: Context = Context::User;

/// What `fallocate` is to do with a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AllocateMode {
    /// Allocate every hole; the file becomes at least that long.
    Allocate,
    /// Allocate every hole; the size stays (`FALLOC_FL_KEEP_SIZE`).
    KeepSize,
    /// Give the blocks back; the range reads as zeros, the size stays (`FALLOC_FL_PUNCH_HOLE`).
    Punch,
    /// The range reads as zeros and has blocks; the file becomes at least that long
    /// (`FALLOC_FL_ZERO_RANGE`).
    Zero,
    /// Shared blocks become the file's own, so that later writes need no space
    /// (`FALLOC_FL_UNSHARE_RANGE`). Done and on the device when it returns.
    Unshare,
}

impl<D: BlockDevice> FileSystem<D> {
    /// [`FileSystem::fallocate_mode`] with [`AllocateMode::Allocate`].
    ///
    /// # Errors
    /// As there.
    pub fn fallocate(&self, ino: Ino, pos: u64, length: u64) -> Result<(), Errno> {
        self.fallocate_mode(ino, AllocateMode::Allocate, pos, length)
    }

    /// Allocates, punches or zeroes `[pos, pos + length)`. New blocks read as zeros. It is no single
    /// step: an error or a crash may leave a part done.
    ///
    /// # Errors
    /// `EINVAL` for an empty range, `EFBIG`, `EISDIR`, `ETXTBSY` for an active swap file, `ENOSPC` (what
    /// was allocated stays), `EIO` after a shutdown.
    pub fn fallocate_mode(
        &self,
        ino: Ino,
        mode: AllocateMode,
        pos: u64,
        length: u64,
    ) -> Result<(), Errno> {
        let core = &*self.core;
        core.changeable(ino)?;
        if length == 0 {
            return Err(Errno::EINVAL);
        }
        let end = check_range(pos, length)?;
        let _lock = core.io_guard(ino.0, USER, false)?;
        core.wait_dio(ino)?;
        let size = core.changeable(ino)?.size;
        // Delayed allocation in the range becomes blocks first, so that below there are only extents.
        core.flush(ino.0, page_range(pos, end))?;
        if mode == AllocateMode::Unshare {
            return core.unshare(ino, pos, end);
        }
        if matches!(mode, AllocateMode::Punch | AllocateMode::Zero) {
            core.punch(ino.0, pos, end)?;
        }
        if matches!(mode, AllocateMode::Allocate | AllocateMode::Zero) {
            core.zero_beyond_size(ino.0, size, end)?;
        }
        if mode != AllocateMode::Punch {
            core.fill_holes(ino.0, pos / BLOCK_BYTES, end.div_ceil(BLOCK_BYTES))?;
        }
        match mode {
            AllocateMode::Allocate | AllocateMode::Zero => {
                core.flush_beyond_size(ino.0, end)?;
                core.grow(ino.0, end, USER)
            }
            AllocateMode::KeepSize | AllocateMode::Punch | AllocateMode::Unshare => Ok(()),
        }
    }
}

impl<D: BlockDevice> Core<D> {
    fn fill_holes(&self, ino: u64, start: u64, end: u64) -> Result<(), Errno> {
        let mut block = start;
        while block < end {
            let left = end.saturating_sub(block);
            let (extent, _) = self.allocate(ino, block, left, USER)?;
            block = extent.file_end();
        }
        Ok(())
    }

    /// Through pages, as Linux: they are read, dirtied, and written to blocks of their own.
    fn unshare(&self, ino: Ino, pos: u64, end: u64) -> Result<(), Errno> {
        let size = self.known(ino)?.size;
        let end = end.min(size);
        if pos >= end || !fields(self, ino.0).map_err(|fault| self.errno(fault))?.is_reflink() {
            return Ok(());
        }
        let length = end.saturating_sub(pos);
        let unshared = self.buffered(|b| b.unshare(ino, pos, length, Kiocb::USER));
        unshared.map_err(|failure| failure.errno)?;
        self.flush(ino.0, page_range(pos, end))
    }

    /// Whole blocks go; what is left of the first and last is zeroed, in their pages.
    pub(super) fn punch(&self, ino: u64, pos: u64, end: u64) -> Result<(), Errno> {
        let first = pos.div_ceil(BLOCK_BYTES);
        let last = end / BLOCK_BYTES;
        let first_at = first.saturating_mul(BLOCK_BYTES);
        self.zero_part(ino, pos, first_at.min(end))?;
        if last >= first {
            let last_at = last.saturating_mul(BLOCK_BYTES);
            self.zero_part(ino, last_at.max(first_at), end)?;
        }
        if first >= last {
            return Ok(());
        }
        self.drop_pages(ino, &(first_at..last.saturating_mul(BLOCK_BYTES)));
        self.unmap(ino, first, last, USER)
    }

    fn zero_part(&self, ino: u64, from: u64, to: u64) -> Result<(), Errno> {
        let inside = to.min(self.known(Ino(ino))?.size);
        if from < inside {
            let length = inside.saturating_sub(from);
            let zeroed = self.buffered(|b| b.zero_range(Ino(ino), from, length, Kiocb::USER));
            zeroed.map_err(|failure| failure.errno)?;
        }
        Ok(())
    }
}
