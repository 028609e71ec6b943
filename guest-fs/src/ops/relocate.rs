//! Moving the blocks of a file: by a user who wants them in one piece, or by the filesystem for reasons of its
//! own, even under an active swap file.
//!
//! As a copy on write: new blocks are *staged*, filled, and put into the map in one transaction, so a crash leaves
//! the old or the new ones. Then the log is forced, so that a swap mapping finds clean metadata. Swap over the old
//! block map (`swap_extent`s) knows nothing of it: that is the experiment.

use alloc::vec::Vec;

use block::{Bio, BlockDevice, Op};
use iomap::{Context, Errno};

use crate::events::Event;
use crate::extent::{self, Extent, Lookup};
use crate::filesystem::{FileSystem, Ino};
use crate::inode::fields;
use crate::meta::Fault;
use crate::state::Core;

const USER: Context = Context::User;

/// Pages of one copy.
const COPY_PAGES: u64 = 8;

impl<D: BlockDevice> FileSystem<D> {
    /// Brings what is in pieces together, as far as free space allows (Linux `XFS_IOC_SWAPEXT`, `xfs_fsr`). Returns
    /// how many blocks moved.
    ///
    /// # Errors
    /// `ETXTBSY` for an active swap file, `ENOSPC`, `ENOMEM`, what the device gives, `EIO` after a shutdown.
    pub fn defragment(&self, ino: Ino) -> Result<u64, Errno> {
        self.core.changeable(ino)?;
        self.move_all(ino, true)
    }

    /// Moves every block of a file that is its own to another place. Allowed for an active swap file: the filesystem
    /// decides where its files are. While a piece moves, writes to it through the swap mapping are refused with
    /// `EBUSY`. Returns how many blocks moved.
    ///
    /// # Errors
    /// `ENOSPC`, `ENOMEM`, what the device gives, `EIO` after a shutdown.
    pub fn relocate(&self, ino: Ino) -> Result<u64, Errno> {
        self.core.known_file(ino)?;
        self.move_all(ino, false)
    }

    fn move_all(&self, ino: Ino, is_defragment: bool) -> Result<u64, Errno> {
        let core = &*self.core;
        let _lock = core.io_guard(ino.0, USER, false)?;
        core.wait_dio(ino)?;
        core.flush(ino.0, 0..u64::MAX)?;
        core.pages.forget_clean(ino, 0..u64::MAX);
        let moved = core.move_pieces(ino.0, is_defragment);
        core.with_inode(ino.0, |incore| incore.moving = 0..0)?;
        let forced = core.log_force(USER);
        moved.and_then(|moved| forced.map(|()| moved))
    }
}

impl<D: BlockDevice> Core<D> {
    fn move_pieces(&self, ino: u64, is_defragment: bool) -> Result<u64, Errno> {
        let is_reflink = fields(self, ino).map_err(|fault| self.errno(fault))?.is_reflink();
        if is_reflink {
            // Who else owns the blocks is not asked: such files stay where they are.
            return Ok(0);
        }
        let mut moved: u64 = 0;
        let mut at = 0;
        loop {
            let next = extent::next(self, ino, at).map_err(|fault| self.errno(fault))?;
            let Some(first) = next else { return Ok(moved) };
            let (end, pieces) = self.span(ino, first).map_err(|fault| self.errno(fault))?;
            if is_defragment && pieces < 2 {
                at = end;
                continue;
            }
            let blocks = end.saturating_sub(first.file_block);
            let whole = Extent { blocks, ..first };
            let staged = self.stage_to_move(ino, whole, USER)?;
            if is_defragment && staged.blocks <= first.blocks {
                // Nothing would be gained.
                self.unstage(ino, staged.file_block, staged.file_end(), USER)?;
                at = first.file_end();
                continue;
            }
            self.move_one(ino, staged)?;
            moved = moved.saturating_add(staged.blocks);
            at = staged.file_end();
        }
    }

    /// One past the last block of the extents that follow `first` without a hole and are alike, and how many there
    /// are.
    fn span(&self, ino: u64, first: Extent) -> Result<(u64, u64), Fault> {
        let (mut end, mut pieces) = (first.file_end(), 1_u64);
        while let Lookup::Extent(next) = extent::lookup(self, ino, end)? {
            if next.is_unwritten != first.is_unwritten {
                break;
            }
            end = next.file_end();
            pieces = pieces.saturating_add(1);
        }
        Ok((end, pieces))
    }

    /// Copies what is at the place of `staged` there, and makes it the file's.
    fn move_one(&self, ino: u64, staged: Extent) -> Result<(), Errno> {
        let range = staged.file_block..staged.file_end();
        self.with_inode(ino, |incore| incore.moving = range.clone())?;
        let mut moved = Vec::new();
        let mut at = range.start;
        while at < range.end {
            match self.copy_next(ino, staged, at) {
                Ok((old, new)) => {
                    at = old.file_end();
                    moved.push((old, new));
                }
                Err(errno) => {
                    self.unstage(ino, range.start, range.end, USER)?;
                    return Err(errno);
                }
            }
        }
        self.finish_staged(ino, range.start, range.end, 0, USER)?;
        for (old, new) in moved {
            let blocks = u32::try_from(old.blocks).unwrap_or(u32::MAX);
            self.emit(Event::Moved { ino, from: old.block, to: new.block, blocks });
        }
        Ok(())
    }

    /// Copies the first blocks at or after `at`. Gives from where to where.
    fn copy_next(&self, ino: u64, staged: Extent, at: u64) -> Result<(Extent, Extent), Errno> {
        let found = extent::lookup(self, ino, at).map_err(|fault| self.errno(fault))?;
        let Lookup::Extent(old) = found else {
            return Err(self.inconsistent("a hole where blocks are being moved"));
        };
        let old = old.part(at, staged.file_end());
        let new = staged.part(at, old.file_end());
        let mut done = 0;
        while done < old.blocks {
            let count = old.blocks.saturating_sub(done).min(COPY_PAGES);
            self.copy(old.block.saturating_add(done), new.block.saturating_add(done), count)?;
            done = done.saturating_add(count);
        }
        Ok((old, new))
    }

    fn copy(&self, from: u64, to: u64, count: u64) -> Result<(), Errno> {
        let limit = u64::from(self.device.geometry().transfer_blocks_max.max(1));
        let mut done = 0;
        while done < count {
            let some = count.saturating_sub(done).min(limit);
            let pages = (0..some).map(|_| self.device.alloc_page());
            let pages = pages.collect::<Result<Vec<_>, _>>().map_err(|_| Errno::ENOMEM)?;
            let read = Bio { op: Op::Read, block: from.saturating_add(done), pages };
            let read = self.device.execute(read);
            read.result.map_err(Errno::from)?;
            let (op, block) = (Op::Write { fua: false }, to.saturating_add(done));
            let written = self.device.execute(Bio { op, block, pages: read.bio.pages });
            written.result.map_err(Errno::from)?;
            done = done.saturating_add(some);
        }
        Ok(())
    }
}
