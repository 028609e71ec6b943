//! Files as memory: what a program's loads and stores through a shared mapping do to a file.
//!
//! There are no address spaces here, so every load and store is a page fault (Linux `xfs_filemap_fault`,
//! `xfs_filemap_page_mkwrite`) and then the bytes. Linux holds the mapping's `invalidate_lock` there, because the
//! faulting program may hold the I/O lock already; here nobody can, and the I/O lock is held.

use core::ops::Range;

use block::BlockDevice;
use iomap::{Context, Direction, Errno};

use super::check_range;
use crate::filesystem::{FileSystem, Ino};
use crate::format::BLOCK_BYTES;

const USER: Context = Context::User;

impl<D: BlockDevice> FileSystem<D> {
    /// Stores bytes at `pos` through a shared mapping. They are durable when the file is synced. Never moves the size;
    /// what lies behind it in the last page is lost, as in Linux.
    ///
    /// # Errors
    /// `EFAULT` for a page behind the end of the file (SIGBUS): the pages before it are stored. `ENOSPC`, `ENOMEM`,
    /// `ETXTBSY` for an active swap file, `EIO` after a shutdown.
    pub fn store_mapped(&self, ino: Ino, pos: u64, data: &[u8]) -> Result<(), Errno> {
        let core = &*self.core;
        core.changeable(ino)?;
        let end = check_range(pos, data.len() as u64)?;
        core.wait_thawed(USER)?;
        let _lock = core.io_guard(ino.0, USER, false)?;
        core.changeable(ino)?;
        core.touch(ino.0).map_err(|fault| core.errno(fault))?;
        for (page, offset, bytes) in pieces(pos, end) {
            let faulted = core.buffered(|b| b.fault(ino, page, Direction::Write, USER));
            faulted.map_err(|failure| failure.errno)?;
            core.buffered(|b| b.store(ino, page, offset, data.get(bytes).unwrap_or_default()));
        }
        Ok(())
    }

    /// Loads bytes from `pos` through a mapping. What lies behind the size in the last page is zeros.
    ///
    /// # Errors
    /// `EFAULT` for a page behind the end of the file (SIGBUS), `ENOMEM`, what the device gives, `EIO` after a shutdown.
    pub fn load_mapped(&self, ino: Ino, pos: u64, to: &mut [u8]) -> Result<(), Errno> {
        let core = &*self.core;
        core.known_file(ino)?;
        let end = check_range(pos, to.len() as u64)?;
        let _lock = core.io_guard(ino.0, USER, false)?;
        for (page, offset, bytes) in pieces(pos, end) {
            let faulted = core.buffered(|b| b.fault(ino, page, Direction::Read, USER));
            faulted.map_err(|failure| failure.errno)?;
            core.buffered(|b| b.load(ino, page, offset, to.get_mut(bytes).unwrap_or_default()));
        }
        Ok(())
    }
}

/// The pages of `[pos, end)`: the number of each, where the range is in it, and which bytes of the range those are.
fn pieces(pos: u64, end: u64) -> impl Iterator<Item = (u64, usize, Range<usize>)> {
    (pos / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES)).map(move |page| {
        let start = page.saturating_mul(BLOCK_BYTES);
        let first = pos.max(start);
        let last = end.min(start.saturating_add(BLOCK_BYTES));
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let inside = size(first.saturating_sub(pos))..size(last.saturating_sub(pos));
        (page, size(first.saturating_sub(start)), inside)
    })
}
