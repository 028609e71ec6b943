//! From the page cache to the device, and out of the cache.

use core::ops::Range;

use block::BlockDevice;
use iomap::{BufferedOps, Context, Errno};

use super::page_range;
use crate::filesystem::{FileSystem, Ino};
use crate::format::BLOCK_BYTES;
use crate::format::inode::FILE_BYTES_MAX;
use crate::planted::Planted;
use crate::state::Core;

const USER: Context = Context::User;

impl<D: BlockDevice> FileSystem<D> {
    /// Gives up every clean page of files: somebody needs the memory more. Runs no I/O and takes no lock, so
    /// reclaim may call it. Returns how many pages there were.
    #[must_use]
    pub fn reclaim_pages(&self) -> usize {
        self.core.pages.shrink()
    }

    /// Pages of files in memory, and how many of them are dirty.
    #[must_use]
    pub fn cached_pages(&self) -> (usize, usize) {
        (self.core.pages.pages(), self.core.pages.dirty_pages())
    }
}

impl<D: BlockDevice> Core<D> {
    /// Writes the dirty pages that meet `bytes`, and waits (Linux `filemap_write_and_wait_range`).
    ///
    /// # Errors
    /// Of the first page that could not be written; kept for fsync too.
    pub(crate) fn flush(&self, ino: u64, bytes: Range<u64>) -> Result<(), Errno> {
        let pages = bytes.start / BLOCK_BYTES..bytes.end.div_ceil(BLOCK_BYTES);
        if self.pages.next_data(Ino(ino), pages).is_none() {
            return Ok(());
        }
        self.buffered(|buffered| buffered.write_and_wait(Ino(ino), bytes, Context::Writeback))
    }

    /// Writes what lies between the size on the device and `end`: before a transaction makes the size on
    /// the device larger, or a crash would show zeros where data was.
    ///
    /// # Errors
    /// As [`Core::flush`].
    pub(crate) fn flush_beyond_size(&self, ino: u64, end: u64) -> Result<(), Errno> {
        let on_disk = self.inode_fields(ino).map_err(|fault| self.errno(fault))?.size;
        if end > on_disk { self.flush(ino, on_disk..end) } else { Ok(()) }
    }

    /// Forgets the pages that meet `bytes`, dirty or not, and their claims on space (Linux
    /// `truncate_inode_pages_range`).
    pub(crate) fn drop_pages(&self, ino: u64, bytes: &Range<u64>) {
        let whole = page_range(bytes.start, bytes.end);
        let pages = whole.start / BLOCK_BYTES..whole.end / BLOCK_BYTES;
        if self.pages.has_pages(Ino(ino), pages.clone()) {
            self.settle_pages(ino, whole);
            self.pages.forget(Ino(ino), pages.clone());
        }
        self.unreserve(ino, &pages, USER);
    }

    /// The file is about to be cut at that byte: no page from there on is sent any more, and those in flight are back.
    ///
    /// # Errors
    /// `ENOENT`.
    pub(super) fn hold_back_pages(&self, ino: u64, from: u64) -> Result<(), Errno> {
        self.with_inode(ino, |incore| incore.cut_from = Some(from))?;
        self.settle_pages(ino, from..FILE_BYTES_MAX);
        Ok(())
    }

    /// The end of [`Core::hold_back_pages`]: whoever met such a page looks again.
    pub(super) fn let_pages_go(&self, ino: u64) {
        // An inode that went in between has no pages.
        self.with_inode(ino, |incore| incore.cut_from = None).unwrap_or_default();
        self.buffered(|buffered| buffered.ops.pages_moved(Ino(ino)));
    }

    /// Waits for the pages in flight that meet `bytes`: they must not come back later. How that went, fsync tells.
    pub(super) fn settle_pages(&self, ino: u64, bytes: Range<u64>) {
        let _ = self.buffered(|b| b.wait_writeback(Ino(ino), bytes, USER));
    }

    /// Before direct I/O: what is dirty is written, and of a write the pages go (Linux
    /// `kiocb_invalidate_pages`, `kiocb_write_and_wait`).
    ///
    /// # Errors
    /// `EAGAIN` with `is_nowait` if there is anything to do; as [`Core::flush`]; `EBUSY` for a page that
    /// became dirty again.
    pub(crate) fn flush_for_dio(
        &self,
        ino: u64,
        bytes: Range<u64>,
        is_write: bool,
        is_nowait: bool,
    ) -> Result<(), Errno> {
        let pages = bytes.start / BLOCK_BYTES..bytes.end.div_ceil(BLOCK_BYTES);
        let has_pages = self.pages.has_pages(Ino(ino), pages.clone());
        let has_data = has_pages && self.pages.next_data(Ino(ino), pages.clone()).is_some();
        if is_nowait && (has_data || (is_write && has_pages)) {
            return Err(Errno::EAGAIN);
        }
        if is_write || !self.plant.has(Planted::PagesIgnoredAtDirectRead) {
            self.flush(ino, bytes)?;
        }
        let are_kept = self.plant.has(Planted::PagesKeptAtDirectWrite);
        let is_coherent = !is_write || are_kept || self.pages.forget_clean(Ino(ino), pages);
        if is_coherent { Ok(()) } else { Err(Errno::EBUSY) }
    }

    /// Writes every dirty page of every file, and waits (Linux `sync_inodes_sb`).
    ///
    /// # Errors
    /// The first; the other files are written whatever happens to one.
    pub(crate) fn flush_all(&self) -> Result<(), Errno> {
        let mut files = self.pages.dirty_files();
        files.extend(self.pages.flying_files());
        files.sort_unstable();
        files.dedup();
        let mut first_error = Ok(());
        for ino in files {
            let flushed = match self.io_guard(ino.0, Context::Writeback, false) {
                Ok(_lock) => self.flush(ino.0, 0..u64::MAX),
                // Another task has removed the file meanwhile, with its pages.
                Err(Errno::ENOENT) => Ok(()),
                Err(errno) => Err(errno),
            };
            first_error = first_error.and(flushed);
        }
        first_error
    }
}
