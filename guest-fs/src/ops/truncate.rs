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
        core.wait_dio(ino);
        let fields = core.changeable(ino)?;
        check_range(size, 0)?;
        core.flush_beyond_size(ino.0, size.min(fields.size))?;
        if size >= fields.size {
            return core.grow(ino.0, size, Context::User);
        }
        // The page that is cut stays content up to the new size.
        core.flush(ino.0, size..size.next_multiple_of(BLOCK_BYTES))?;
        core.drop_pages(ino.0, &(size..FILE_BYTES_MAX));
        core.with_inode(ino.0, |incore| incore.size = None)?;
        let is_long = core.with_space(Context::User, || core.begin_truncate(ino.0, size))?;
        core.emit(Event::Resize { ino: ino.0, context: Context::User, size });
        if is_long { self.core.finish_truncate(ino.0, size, Context::User) } else { Ok(()) }
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

    /// Zeroes what is left of the last block, frees the blocks beyond, and takes the inode off the list.
    ///
    /// # Errors
    /// `EIO` after a shutdown, what the device gives.
    pub(super) fn finish_truncate(
        &self,
        ino: u64,
        size: u64,
        context: Context,
    ) -> Result<(), Errno> {
        let first_gone = size.div_ceil(BLOCK_BYTES);
        self.unmap(ino, first_gone, FILE_BLOCKS_MAX, context)?;
        if !self.plant.has(Planted::TailNotZeroed) {
            self.zero_in_block(ino, size, first_gone.saturating_mul(BLOCK_BYTES), context)?;
        }
        self.forget_orphan(ino, context)
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
