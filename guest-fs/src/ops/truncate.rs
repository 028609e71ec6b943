//! Changing a file's size.

use block::{BLOCK_BYTES as PAGE, BlockDevice};
use hal::DmaBuf;
use iomap::{Context, Direction, Errno, Kiocb, Transfer, dio_rw};

use super::check_range;
use crate::btree::Tree;
use crate::events::Event;
use crate::extent::{self, Lookup};
use crate::filesystem::{FileSystem, Ino};
use crate::format::BLOCK_BYTES;
use crate::format::inode::{FILE_BLOCKS_MAX, FILE_BYTES_MAX};
use crate::inode::update;
use crate::map::OwnDio;
use crate::meta::Fault;
use crate::planted::Planted;
use crate::state::Core;
use crate::txn::{Transaction, cost};

const ZEROS: [u8; PAGE] = [0; PAGE];

impl<D: BlockDevice> FileSystem<D> {
    /// Makes the file `size` bytes long. What is cut off reads as zeros if the file grows again. Cut off
    /// by a crash after it began, the next mount finishes it.
    ///
    /// # Errors
    /// `EISDIR`, `EFBIG`, `ETXTBSY` for an active swap file, `ENOSPC`, `EIO` after a shutdown.
    pub fn truncate(&self, ino: Ino, size: u64) -> Result<(), Errno> {
        let core = &*self.core;
        core.changeable(ino)?;
        let _lock = core.io_guard(ino.0, Context::User, false)?;
        core.wait_dio(ino)?;
        let fields = core.changeable(ino)?;
        check_range(size, 0)?;
        core.flush_beyond_size(ino.0, size.min(fields.size))?;
        if size >= fields.size {
            core.zero_beyond_size(ino.0, fields.size, size)?;
            return core.grow(ino.0, size, Context::User);
        }
        // The page that is cut stays content up to the new size.
        core.flush(ino.0, size..size.next_multiple_of(BLOCK_BYTES))?;
        core.pages.forget_clean(ino, size / BLOCK_BYTES..size.div_ceil(BLOCK_BYTES));
        if core.plant.has(Planted::PagesDroppedEarly) {
            core.drop_pages(ino.0, &(size..FILE_BYTES_MAX));
            core.with_inode(ino.0, |incore| incore.size = None)?;
        }
        if !core.plant.has(Planted::TailNotZeroed) {
            // Before the size changes (as in XFS): this may need a block, and what is cut off must not be
            // seen again when the file grows.
            core.zero_in_block(ino.0, size, size.next_multiple_of(BLOCK_BYTES), Context::User)?;
        }
        core.hold_back_pages(ino.0, size)?;
        let begun = core.with_space(Context::User, || core.begin_truncate(ino.0, size));
        if begun.is_ok() {
            // Not before: a truncation that fails has lost no dirty page (Linux `truncate_setsize`).
            core.with_inode(ino.0, |incore| incore.size = None)?;
            core.drop_pages(ino.0, &(size..FILE_BYTES_MAX));
        }
        core.let_pages_go(ino.0);
        let is_long = begun?;
        core.emit(Event::Resize { ino: ino.0, context: Context::User, size });
        if !is_long {
            return Ok(());
        }
        core.finish_cut(ino.0, size, Context::User).inspect_err(|_| {
            // The size is the new one, and blocks beyond it are still there: nobody may write on.
            core.inconsistent("a truncation that has begun cannot be finished");
        })
    }
}

impl<D: BlockDevice> Core<D> {
    /// Sets the size. True if there is more to do, which the list of orphans remembers.
    fn begin_truncate(&self, ino: u64, size: u64) -> Result<bool, Fault> {
        let context = Context::User;
        let reserved = cost::orphan(self)?.saturating_add(cost::INODE);
        let mut txn = Transaction::begin(self, reserved, context)?.with_reserve();
        let _lock = self.lock_inode(ino, context, false)?;
        let has_blocks = extent::next(&txn, ino, size / BLOCK_BYTES)?.is_some();
        let has_staged = self.with_inode(ino, |incore| !incore.staged.is_empty())?;
        let is_long = has_blocks || has_staged;
        let orphans = Tree::orphans(&self.layout);
        if is_long && orphans.get(&txn, ino)?.is_none() {
            orphans.insert(&mut txn, ino, &[])?;
        }
        let now = self.now_ns();
        update(&mut txn, ino, |fields| {
            fields.size = size;
            (fields.times.mtime_ns, fields.times.ctime_ns) = (now, now);
        })?;
        txn.commit()?;
        Ok(is_long)
    }

    /// What a mount does with a truncation that a crash cut off: zeroes what is left of the last block, too.
    ///
    /// # Errors
    /// `EIO` after a shutdown, what the device gives.
    pub(super) fn finish_truncate(
        &self,
        ino: u64,
        size: u64,
        context: Context,
    ) -> Result<(), Errno> {
        self.zero_in_block(ino, size, size.next_multiple_of(BLOCK_BYTES), context)?;
        self.finish_cut(ino, size, context)
    }

    /// Frees the blocks beyond the size, and takes the inode off the list.
    fn finish_cut(&self, ino: u64, size: u64, context: Context) -> Result<(), Errno> {
        self.unmap(ino, size.div_ceil(BLOCK_BYTES), FILE_BLOCKS_MAX, context)?;
        self.forget_orphan(ino, context)
    }

    /// The file is about to have content at `pos`. What lies beyond its size in the size's block may be of a
    /// write that failed or that a crash cut off: it becomes zeros first (XFS `xfs_file_write_zero_eof`).
    ///
    /// # Errors
    /// As `zero_in_block`.
    pub(super) fn zero_beyond_size(&self, ino: u64, size: u64, pos: u64) -> Result<(), Errno> {
        let end = size.next_multiple_of(BLOCK_BYTES);
        if pos <= size || size == end || self.plant.has(Planted::TailNotZeroed) {
            return Ok(());
        }
        // The page and the block must agree.
        self.flush(ino, size..end)?;
        self.drop_pages(ino, &(size..end));
        self.zero_in_block(ino, size, end, Context::User)
    }

    /// Writes zeros over `[from, to)`, which lies in one block. Holes and unwritten blocks are zeros
    /// already.
    ///
    /// # Errors
    /// `EIO` after a shutdown, `ENOMEM`, what the device gives.
    pub(super) fn zero_in_block(
        &self,
        ino: u64,
        from: u64,
        to: u64,
        context: Context,
    ) -> Result<(), Errno> {
        let file_block = from / BLOCK_BYTES;
        if from >= to {
            return Ok(());
        }
        let found = extent::lookup(self, ino, file_block).map_err(|fault| self.errno(fault))?;
        let Lookup::Extent(old) = found else { return Ok(()) };
        if old.is_unwritten {
            return Ok(());
        }
        let page = self.device.alloc_page().map_err(|_| Errno::ENOMEM)?;
        let pos = file_block.saturating_mul(BLOCK_BYTES);
        let ops = OwnDio { core: self, moves_size: false };
        let mut transfer = Transfer { direction: Direction::Read, pos, pages: alloc::vec![page] };
        let iocb = Kiocb { context, ..Kiocb::USER };
        dio_rw(&ops, &*self.device, Ino(ino), &mut transfer, iocb).map_err(|f| f.errno)?;
        let offset = usize::try_from(from.saturating_sub(pos)).unwrap_or(PAGE);
        let length = usize::try_from(to.saturating_sub(from)).unwrap_or(PAGE);
        for page in &transfer.pages {
            page.write(offset, ZEROS.get(..length).unwrap_or_default());
        }
        transfer.direction = Direction::Write;
        dio_rw(&ops, &*self.device, Ino(ino), &mut transfer, iocb).map_err(|f| f.errno)?;
        Ok(())
    }
}
